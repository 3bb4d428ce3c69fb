//! Embedded font programs: what they know about the meaning of their glyphs.

use std::collections::HashMap;

use ttf_parser::{Face, GlyphId, PlatformId, Tag, cff};

use super::lexer::{Lexer, Token, Value};
use super::names;

/// Characters that one table of a font may name.
const MOST_CHARACTERS: usize = 200_000;
/// How much of a Type 1 program is searched for its encoding, which stands near its beginning.
const CLEAR_TEXT: usize = 64 * 1024;

/// What a program says about its glyphs.
#[derive(Debug, Default)]
pub(crate) struct Program {
    /// Glyph to text, from a Unicode `cmap` read backwards, or from glyph names.
    glyphs: HashMap<u16, String>,
    /// One-byte code to glyph (TrueType) of a symbolic font.
    codes: HashMap<u8, u16>,
    /// One-byte code to glyph name (Type 1 and CFF): the program's own encoding.
    names: HashMap<u8, String>,
    /// CID to glyph of a CFF font; empty when they are the same.
    cids: HashMap<u16, u16>,
}

impl Program {
    /// A TrueType or OpenType program, or a bare CFF one.
    pub(crate) fn parse(data: &[u8]) -> Self {
        if let Ok(face) = Face::parse(data, 0) {
            let mut program = Self::default();
            program.read_face(&face);
            if let Some(table) = face.tables().cff {
                program.read_cff(&table);
            }
            program
        } else if let Some(table) = cff::Table::parse(data) {
            let mut program = Self::default();
            program.read_cff(&table);
            program
        } else {
            Self::default()
        }
    }

    /// A Type 1 program: its encoding stands in clear text before the encrypted part.
    pub(crate) fn parse_type1(data: &[u8]) -> Self {
        let mut program = Self::default();
        let head = data.get(..CLEAR_TEXT).unwrap_or(data);
        let Some(start) = head.windows(9).position(|w| w == b"/Encoding") else { return program };
        let mut lexer = Lexer::new(head.get(start + 9..).unwrap_or_default());
        let mut held: Vec<Value> = Vec::new();
        while let Some(token) = lexer.next() {
            match token {
                Token::Value(value) => held.push(value),
                Token::Word(b"put") => {
                    if let [.., Value::Number(code), Value::Name(name)] = held.as_slice()
                        && (0.0..256.0).contains(code)
                    {
                        let name = String::from_utf8_lossy(name).into_owned();
                        program.names.insert(*code as u8, name);
                    }
                    held.clear();
                }
                Token::Word(b"StandardEncoding") => {
                    let standard = names::encoding("Standard").unwrap_or_default();
                    for (code, name) in (0..=255_u8).zip(standard).filter(|(_, n)| !n.is_empty()) {
                        program.names.insert(code, (*name).to_owned());
                    }
                    break;
                }
                Token::Word(b"def" | b"readonly" | b"eexec") => break,
                Token::Word(_) => {}
            }
        }
        program
    }

    fn read_face(&mut self, face: &Face<'_>) {
        let count = face.number_of_glyphs();
        for glyph in 0..count {
            if let Some(text) = face.glyph_name(GlyphId(glyph)).and_then(names::meaning) {
                self.glyphs.insert(glyph, text);
            }
        }
        let raw = face.raw_face();
        // The directory of a damaged font may not be sorted.
        let mut maps =
            raw.table_records.into_iter().filter(|record| record.tag == Tag::from_bytes(b"cmap"));
        let is_sane =
            maps.all(|map| names_few(raw.data.get(map.offset as usize..).unwrap_or_default()));
        let Some(table) = face.tables().cmap.filter(|_| is_sane) else { return };
        for subtable in table.subtables {
            let symbolic = subtable.platform_id == PlatformId::Windows && subtable.encoding_id == 0;
            let macintosh = subtable.platform_id == PlatformId::Macintosh;
            if symbolic || macintosh {
                for code in 0..=255_u8 {
                    let glyph = [0xF000, 0, 0xF100]
                        .iter()
                        .find_map(|page| subtable.glyph_index(page + u32::from(code)))
                        .filter(|glyph| glyph.0 != 0);
                    if let Some(glyph) = glyph {
                        self.codes.entry(code).or_insert(glyph.0);
                    }
                }
            } else if subtable.is_unicode() {
                // Where several characters share a glyph, the ordinary one comes first.
                let mut found: Vec<u32> = Vec::new();
                subtable.codepoints(|code| {
                    if found.len() < MOST_CHARACTERS {
                        found.push(code);
                    }
                });
                let mut mapped: HashMap<u16, char> = HashMap::new();
                for character in found.into_iter().filter_map(char::from_u32) {
                    if let Some(glyph) = subtable.glyph_index(character.into()) {
                        let kept = mapped.entry(glyph.0).or_insert(character);
                        if is_odd(*kept) && !is_odd(character) {
                            *kept = character;
                        }
                    }
                }
                let mapped = mapped.into_iter().filter(|(glyph, _)| *glyph != 0);
                self.glyphs.extend(mapped.map(|(glyph, c)| (glyph, c.to_string())));
            }
        }
    }

    fn read_cff(&mut self, table: &cff::Table<'_>) {
        for glyph in 0..table.number_of_glyphs() {
            let id = GlyphId(glyph);
            if let Some(cid) = table.glyph_cid(id) {
                self.cids.insert(cid, glyph);
            } else if let Some(text) = table.glyph_name(id).and_then(names::meaning) {
                self.glyphs.entry(glyph).or_insert(text);
            }
        }
        for code in 0..=255_u8 {
            let glyph = table.glyph_index(code).filter(|glyph| glyph.0 != 0);
            if let Some(name) = glyph.and_then(|glyph| table.glyph_name(glyph)) {
                self.names.insert(code, name.to_owned());
            }
        }
    }

    /// Whether it says nothing of any glyph.
    pub(crate) fn is_empty(&self) -> bool {
        self.glyphs.is_empty()
    }

    /// The glyph name of a one-byte code, by the program's own encoding.
    pub(crate) fn name(&self, code: u8) -> Option<&str> {
        self.names.get(&code).map(String::as_str)
    }

    /// The text of a one-byte code of a symbolic TrueType font.
    pub(crate) fn text_of_code(&self, code: u8) -> Option<&str> {
        self.text_of_glyph(*self.codes.get(&code)?)
    }

    pub(crate) fn text_of_glyph(&self, glyph: u16) -> Option<&str> {
        self.glyphs.get(&glyph).map(String::as_str)
    }

    /// The text of a CID that selects a glyph of the program by itself.
    pub(crate) fn text_of_cid(&self, cid: u16) -> Option<&str> {
        let glyph = if self.cids.is_empty() { cid } else { *self.cids.get(&cid)? };
        self.text_of_glyph(glyph)
    }
}

/// Whether the tables of a `cmap` are few, and none names more characters than there are: a damaged one may have ranges of four billion
/// each, of which no library tells before it has gone through them (OpenType 1.9, cmap formats 4, 10, 12 and 13).
fn names_few(cmap: &[u8]) -> bool {
    const MOST: u64 = 0x11_0000;
    const MOST_TABLES: u64 = 64;
    let short = |data: &[u8], at: usize| {
        let bytes = data.get(at..at + 2).and_then(|bytes| bytes.try_into().ok());
        u64::from(bytes.map_or(0, u16::from_be_bytes))
    };
    let long = |data: &[u8], at: usize| short(data, at) << 16 | short(data, at + 2);
    let tables = short(cmap, 2);
    tables <= MOST_TABLES
        && (0..tables as usize).all(|record| {
            let offset = long(cmap, 4 + 8 * record + 4) as usize;
            let table = cmap.get(offset..).unwrap_or_default();
            let named: u64 = match short(table, 0) {
                4 => {
                    let segments = short(table, 6) as usize / 2;
                    let size = |at: usize| {
                        let (end, start) =
                            (short(table, 14 + at), short(table, 16 + segments * 2 + at));
                        (end + 1).saturating_sub(start)
                    };
                    (0..segments).map(|segment| size(segment * 2)).sum()
                }
                10 => long(table, 16),
                12 | 13 => {
                    let groups = long(table, 12).min(table.len() as u64 / 12) as usize;
                    let size =
                        |at: usize| (long(table, at + 4) + 1).saturating_sub(long(table, at));
                    (0..groups).map(|group| size(16 + group * 12)).sum()
                }
                _ => 0,
            };
            named <= MOST
        })
}

/// Private, compatibility and control characters, beside which an ordinary one is better.
fn is_odd(c: char) -> bool {
    matches!(c, '\0'..='\u{1F}' | '\u{A0}' | '\u{AD}' | '\u{2E80}'..='\u{2FDF}' | '\u{E000}'..='\u{FAFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_of_a_type_1_program_is_in_its_clear_text() {
        let program = Program::parse_type1(
            b"%!PS-AdobeFont-1.0 /Encoding 256 array 0 1 255 {1 index exch /.notdef put} for
              dup 27 /ff put dup 65 /Alpha put readonly def currentfile eexec dup 66 /B put",
        );
        assert_eq!((program.name(27), program.name(65)), (Some("ff"), Some("Alpha")));
        assert_eq!(program.name(66), None);
        let program = Program::parse_type1(b"/Encoding StandardEncoding def");
        assert_eq!(program.name(0x27), Some("quoteright"));
    }

    #[test]
    fn a_range_of_all_numbers_is_not_gone_through() {
        let table = |format: &[u8], groups: &[[u32; 3]]| {
            let mut cmap = vec![0, 0, 0, 1, 0, 3, 0, 10, 0, 0, 0, 12];
            cmap.extend(format);
            cmap.extend((groups.len() as u32).to_be_bytes());
            cmap.extend(groups.iter().flatten().flat_map(|number| number.to_be_bytes()));
            cmap
        };
        let twelve = [0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(names_few(&table(&twelve, &[[0x20, 0x7E, 3], [0x4E00, 0x9FFF, 100]])));
        assert!(!names_few(&table(&twelve, &[[0x20, 0x7E, 3], [0x80, u32::MAX, 100]])));
        let many = [[0, 0x10_0000, 1]; 12];
        assert!(!names_few(&table(&twelve, &many)));
        assert!(names_few(&[]) && names_few(&[0, 0, 0, 3]) && !names_few(&[0, 0, 0xFF, 0xFF]));
    }

    #[test]
    fn noise_is_no_program() {
        for noise in [&b""[..], b"\0\x01\0\0", b"OTTO\0\xFF", b"\x01\0\x04\x01\xFF\xFF\xFF"] {
            assert!(Program::parse(noise).glyphs.is_empty());
        }
    }
}
