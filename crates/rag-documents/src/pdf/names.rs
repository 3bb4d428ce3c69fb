//! Glyph names, base encodings and the widths of the standard fonts (PDF 1.7, annex D; Adobe Glyph List).

mod tex;

use std::collections::HashMap;
use std::io::Read;
use std::sync::LazyLock;

use flate2::read::ZlibDecoder;

use crate::symbols;
pub(crate) use tex::Letters;

/// Made by `scripts/pdf-tables`; parts that begin with a line `@kind name`.
static PACKED: &[u8] = include_bytes!("../../data/names.z");

struct Tables {
    encodings: HashMap<&'static str, Vec<&'static str>>,
    glyphs: HashMap<&'static str, &'static str>,
    widths: HashMap<&'static str, HashMap<&'static str, f32>>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let text: &'static str = Box::leak(unpack(PACKED).into_boxed_str());
    let mut tables =
        Tables { encodings: HashMap::new(), glyphs: HashMap::new(), widths: HashMap::new() };
    for part in text.strip_prefix('@').unwrap_or(text).split("\n@") {
        let mut lines = part.split('\n');
        let head = lines.next().unwrap_or_default();
        match head.split_once(' ') {
            Some(("encoding", name)) => {
                tables.encodings.insert(name, lines.take(256).collect());
            }
            Some(("widths", name)) => {
                let widths = lines.filter_map(|line| {
                    let (glyph, width) = line.split_once(' ')?;
                    Some((glyph, width.parse().ok()?))
                });
                tables.widths.insert(name, widths.collect());
            }
            _ => tables.glyphs.extend(lines.filter_map(|line| line.split_once(' '))),
        }
    }
    tables
});

/// A table that ships with the crate.
pub(crate) fn unpack(packed: &[u8]) -> String {
    let mut text = String::new();
    // The tables are our own: they unpack, or the tests fail.
    let _ = ZlibDecoder::new(packed).read_to_string(&mut text);
    text
}

/// The glyph names of a base encoding by code, empty where it has none. `name` is that of the PDF, as
/// `WinAnsiEncoding`, or of a standard font.
pub(crate) fn encoding(name: &str) -> Option<&'static [&'static str]> {
    let name = name.strip_suffix("Encoding").unwrap_or(name);
    TABLES.encodings.get(name).map(Vec::as_slice)
}

/// The widths by glyph name of the standard font that `base_font` is or resembles.
pub(crate) fn standard_widths(base_font: &str) -> Option<&'static HashMap<&'static str, f32>> {
    let name = base_font.split_once('+').map_or(base_font, |(_, name)| name);
    let bold = name.contains("Bold");
    let italic = name.contains("Italic") || name.contains("Oblique");
    let family = if name.starts_with("Times") {
        match (bold, italic) {
            (true, true) => "Times-BoldItalic",
            (true, false) => "Times-Bold",
            (false, true) => "Times-Italic",
            (false, false) => "Times-Roman",
        }
    } else if bold {
        "Helvetica-Bold"
    } else {
        "Helvetica"
    };
    TABLES.widths.get(family)
}

/// What a glyph name means: a name of Adobe's list, `uniXXXX`, `uXXXXX`, several of them joined by
/// underscores, each with or without a suffix after a full stop.
pub(crate) fn meaning(name: &str) -> Option<String> {
    if let Some(text) = TABLES.glyphs.get(name).copied().or_else(|| tex::meaning(name)) {
        return Some(text.to_owned());
    }
    if let Some(code) = encoding("Symbol").unwrap_or_default().iter().position(|n| *n == name) {
        return symbols::meaning("symbol", code as u32).map(String::from);
    }
    let stem = name.split('.').next().filter(|stem| !stem.is_empty())?;
    let mut text = String::new();
    for part in stem.split('_') {
        if let Some(known) = TABLES.glyphs.get(part) {
            text.push_str(known);
        } else if let Some(digits) =
            part.strip_prefix("uni").filter(|d| d.len() >= 4 && d.len() % 4 == 0)
        {
            for at in (0..digits.len()).step_by(4) {
                text.push(character(digits.get(at..at + 4)?)?);
            }
        } else {
            let digits = part.strip_prefix('u').filter(|d| (4..=6).contains(&d.len()))?;
            text.push(character(digits)?);
        }
    }
    Some(text)
}

/// Whether a glyph shows no character: an empty one, the mark between the halves of a word, or an end of a brace over or under a
/// formula.
pub(crate) fn says_nothing(name: &str) -> bool {
    matches!(name, ".notdef" | "cwm" | "compwordmark") || name.starts_with("bracehtip")
}

fn character(digits: &str) -> Option<char> {
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}

/// How far below its origin, in thousandths of the font size, the line stands that a sign of this name belongs to: 0 for all but
/// TeX's large signs.
pub(crate) fn hang(name: &str) -> f32 {
    tex::hang(name).unwrap_or_default()
}

/// What a glyph name means in the fonts of symbols that publishers' typesetting systems embed (`AdvMacMthSyN`, `AdvP4C4E59`): `C2`
/// counts TeX's symbols.
pub(crate) fn of_publisher(name: &str) -> Option<&'static str> {
    name.strip_prefix('C').and_then(|code| code.parse().ok()).and_then(tex::symbol)
}

/// What a glyph name means that only counts the glyphs: `g65`, `c65`, `a65` or `G41` beside the code 65. The fonts that TeX makes
/// of bitmaps have such names, so that the codes are those of its encodings.
pub(crate) fn counted(name: &str, code: u8, letters: Letters) -> Option<&'static str> {
    counts(name, code).then(|| tex::letter(code, letters)).flatten()
}

/// Whether a glyph name is no more than its code: in decimal or hexadecimal digits behind letters, as dvips counts, in base 36 from
/// `A0` on, or as it did before, with the character of the code or its hexadecimal digits behind `#`.
pub(crate) fn counts(name: &str, code: u8) -> bool {
    if let &[byte] = name.as_bytes() {
        return byte == code;
    }
    if let Some(digits) = name.strip_prefix('#') {
        return u8::from_str_radix(digits, 16) == Ok(code);
    }
    let digits = name.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let hexadecimal = || name.get(1..).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    // TeX's brackets come in sizes, which are counted, too.
    let behind_letters = digits.len() < name.len()
        && tex::meaning(name).is_none()
        && (digits.parse() == Ok(u32::from(code))
            || name.len() == 3 && hexadecimal() == Some(code));
    let of_dvips = || {
        let capital = name.len() == 2 && name.bytes().all(|b| !b.is_ascii_lowercase());
        capital && u32::from_str_radix(name, 36) == Ok(360 + u32::from(code))
    };
    behind_letters || of_dvips()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_characters() {
        for (name, expected) in [
            ("A", Some("A")),
            ("at", Some("@")),
            ("circlecopyrt", Some("©")),
            ("fi", Some("ﬁ")),
            ("f_f_i", Some("ffi")),
            ("Aacute.sc", Some("Á")),
            ("uni4E2D6587", Some("中文")),
            ("u1F600.alt", Some("😀")),
            ("afii10017", Some("А")),
            ("uniD800", None),
            (".notdef", None),
            ("g12", None),
            ("summationdisplay", Some("∑")),
            ("parenleftBigg", Some("(")),
            ("radicalbig1", Some("√")),
            ("fouroldstyle", Some("4")),
            ("lessmuch", Some("≪")),
            ("registerserif", Some("®")),
            ("apple", None),
        ] {
            assert_eq!(meaning(name).as_deref(), expected, "{name}");
        }
        for (name, code, letters, expected) in [
            ("g65", 65, Letters::Western, Some("A")),
            ("G41", 65, Letters::Western, Some("A")),
            ("g66", 65, Letters::Western, None),
            ("parenrightbig1", 1, Letters::Western, None),
            ("a126", 126, Letters::Western, Some("~")),
            ("a28", 28, Letters::Western, Some("fi")),
            ("a233", 233, Letters::Western, Some("é")),
            ("a233", 233, Letters::Cyrillic, Some("й")),
            ("a128", 128, Letters::Western, Some("Ă")),
            ("a163", 163, Letters::Western, Some("č")),
            ("a191", 191, Letters::Western, Some("£")),
            ("a223", 223, Letters::Western, Some("SS")),
            ("a141", 141, Letters::Western, None),
            ("a168", 168, Letters::Cyrillic, Some("ї")),
            ("a255", 255, Letters::Cyrillic, Some("я")),
            ("a136", 136, Letters::Companion, Some("•")),
            ("a169", 169, Letters::Companion, Some("©")),
            ("a191", 191, Letters::Companion, Some("€")),
            ("a246", 246, Letters::Companion, Some("÷")),
            ("C8", 80, Letters::Western, Some("P")),
            ("CX", 105, Letters::Western, Some("i")),
            (".", 46, Letters::Western, Some(".")),
            ("\u{C}", 12, Letters::Western, Some("fi")),
            ("#28", 40, Letters::Western, Some("(")),
            ("#5C", 92, Letters::Old, Some("“")),
            ("a25", 25, Letters::Old, Some("ß")),
            ("a12", 12, Letters::Old, Some("fi")),
            (".", 47, Letters::Western, None),
        ] {
            assert_eq!(counted(name, code, letters), expected, "{name}");
        }
        for (name, expected) in [
            ("summationdisplay", 950.0),
            ("parenleftBigg", 1750.0),
            ("parenleftbig6", 1750.0),
            ("radicalbig1", 850.0),
            ("A", 0.0),
        ] {
            assert_eq!(hang(name), expected, "{name}");
        }
        for (name, expected) in [("C0", Some("−")), ("C53", Some("▽")), ("C54", None), ("A", None)]
        {
            assert_eq!(of_publisher(name), expected, "{name}");
        }
    }

    #[test]
    fn encodings_are_whole() {
        for name in ["Standard", "MacRoman", "WinAnsi", "MacExpert", "Symbol", "ZapfDingbats"] {
            let names = encoding(name).unwrap();
            assert_eq!(names.len(), 256, "{name}");
            for glyph in names.iter().filter(|n| !n.is_empty()) {
                assert!(
                    meaning(glyph).is_some() || name == "MacExpert" || name == "Symbol",
                    "{name}: {glyph}"
                );
            }
        }
        assert_eq!(encoding("WinAnsiEncoding").unwrap()[0x80], "Euro");
        assert_eq!(standard_widths("ABCDEF+Times-Bold").unwrap()["A"], 722.0);
    }
}
