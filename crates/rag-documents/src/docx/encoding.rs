//! XML parts as UTF-8, whatever they are stored as: OPC allows UTF-8 and UTF-16 (ECMA-376-2, 8.1.1),
//! and some programs write what they declare instead.

use std::io::{self, BufRead, Chain, Cursor, Read};
use std::ops::Range;

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// Bytes that are looked at to know the encoding: a declaration is shorter.
const HEAD: usize = 256;

/// The part's text as UTF-8, read piece by piece.
///
/// # Errors
/// When its first bytes cannot be read. Bytes that are wrong in its encoding fail later, where they
/// stand.
pub(crate) fn utf8<'a>(mut bytes: impl BufRead + 'a) -> io::Result<Box<dyn BufRead + 'a>> {
    let mut head = Vec::with_capacity(HEAD);
    bytes.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    let encoding = of(&head);
    let whole = Cursor::new(head).chain(bytes);
    if encoding == UTF_8 {
        return Ok(Box::new(whole));
    }
    let decoder = encoding.new_decoder_with_bom_removal();
    let piece = vec![0; PIECE];
    Ok(Box::new(Transcoder { bytes: whole, decoder, piece, left: 0..0, ended: false }))
}

/// The encoding by the byte order mark, by how `<` is written, or by the declaration (XML 1.0, F).
fn of(head: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(head) {
        return encoding;
    }
    match head {
        [0, b'<', ..] => return UTF_16BE,
        [b'<', 0, ..] => return UTF_16LE,
        _ => {}
    }
    let declared = declared(head).and_then(Encoding::for_label).unwrap_or(UTF_8);
    // What could be read byte by byte up to here is no UTF-16.
    if declared == UTF_16LE || declared == UTF_16BE { UTF_8 } else { declared }
}

/// The name behind `encoding=` in an XML declaration.
fn declared(head: &[u8]) -> Option<&[u8]> {
    let end = head.windows(2).position(|pair| pair == b"?>")?;
    let declaration = head.get(..end).filter(|head| head.starts_with(b"<?xml"))?;
    let word = b"encoding";
    let at = declaration.windows(word.len()).position(|part| part == word)?;
    let quoted = declaration.get(at + word.len()..)?;
    let mut parts = quoted.split(|byte| matches!(byte, b'"' | b'\''));
    parts.next().filter(|between| between.trim_ascii() == b"=")?;
    parts.next()
}

/// Bytes of UTF-8 that are made at once. Less than four could hold no character.
const PIECE: usize = 8 * 1024;

struct Transcoder<R> {
    bytes: Chain<Cursor<Vec<u8>>, R>,
    decoder: Decoder,
    piece: Vec<u8>,
    /// What of the piece is not read yet.
    left: Range<usize>,
    ended: bool,
}

impl<R: BufRead> BufRead for Transcoder<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.left.is_empty() && !self.ended {
            let input = self.bytes.fill_buf()?;
            let last = input.is_empty();
            let (result, read, written, malformed) =
                self.decoder.decode_to_utf8(input, &mut self.piece, last);
            self.bytes.consume(read);
            if malformed {
                return Err(io::Error::from(io::ErrorKind::InvalidData));
            }
            self.left = 0..written;
            self.ended = last && result == CoderResult::InputEmpty;
        }
        Ok(self.piece.get(self.left.clone()).unwrap_or_default())
    }

    fn consume(&mut self, read: usize) {
        self.left.start = self.left.end.min(self.left.start + read);
    }
}

impl<R: BufRead> Read for Transcoder<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &str) {
        let mut text = String::new();
        utf8(bytes).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text.trim_start_matches('\u{FEFF}'), expected);
    }

    fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(unit).collect()
    }

    #[test]
    fn every_encoding_a_part_may_have_becomes_utf_8() {
        let text = format!("<?xml version='1.0'?><a>{}</a>", "年假😀".repeat(5_000));
        let marked = format!("\u{FEFF}{text}");
        check(text.as_bytes(), &text);
        check(marked.as_bytes(), &text);
        check(&utf16(&text, u16::to_le_bytes), &text);
        check(&utf16(&text, u16::to_be_bytes), &text);
        check(&utf16(&marked, u16::to_le_bytes), &text);
        check(&utf16(&marked, u16::to_be_bytes), &text);
    }

    #[test]
    fn a_declared_encoding_is_believed_unless_the_bytes_say_otherwise() {
        let gbk = b"<?xml version=\"1.0\" encoding = 'GB2312'?><a>\xC4\xEA</a>";
        check(gbk, "<?xml version=\"1.0\" encoding = 'GB2312'?><a>年</a>");
        let lie = "<?xml version=\"1.0\" encoding=\"UTF-16\"?><a>年</a>";
        check(lie.as_bytes(), lie);
    }

    #[test]
    fn half_a_character_is_an_error() {
        let mut bytes = utf16("<a>x</a>", u16::to_le_bytes);
        bytes.pop();
        let mut text = String::new();
        assert!(utf8(&bytes[..]).unwrap().read_to_string(&mut text).is_err());
    }
}
