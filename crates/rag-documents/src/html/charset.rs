//! The encoding that a page says it is in.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// Where the declaration has to stand (WHATWG HTML, "prescan a byte stream": 1,024 bytes); pages that put
/// comments before it are looked at a little further.
const WITHIN: usize = 4096;

/// The encoding in the first `charset=` of a `meta` element, or in the XML declaration.
pub(super) fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes.get(..WITHIN).unwrap_or(bytes).to_ascii_lowercase();
    let declaration = if head.starts_with(b"<?xml") {
        let end = head.iter().position(|b| *b == b'>')?;
        after(head.get(..end)?, b"encoding")
    } else {
        None
    };
    let encoding = declaration.or_else(|| meta(&head))?;
    // What can be read as ASCII so far is in neither of these.
    Some(if encoding == UTF_16LE || encoding == UTF_16BE { UTF_8 } else { encoding })
}

fn meta(head: &[u8]) -> Option<&'static Encoding> {
    let mut rest = head;
    while let Some(start) = rest.windows(5).position(|w| w == b"<meta") {
        let tag = rest.get(start + 5..)?;
        let end = tag.iter().position(|b| *b == b'>')?;
        if let Some(encoding) = after(tag.get(..end)?, b"charset") {
            return Some(encoding);
        }
        rest = tag.get(end..)?;
    }
    None
}

/// The encoding after `key` and an equals sign, quoted or not.
fn after(text: &[u8], key: &[u8]) -> Option<&'static Encoding> {
    let start = text.windows(key.len()).position(|w| w == key)? + key.len();
    let value = text.get(start..)?.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let value = value.strip_prefix(b"\"").or(value.strip_prefix(b"'")).unwrap_or(value);
    let ends = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b';' | b'/' | b'?');
    let end = value.iter().position(ends).unwrap_or(value.len());
    crate::text::label(value.get(..end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_found_in_every_form() {
        for (page, expected) in [
            ("<meta charset=gbk>", Some("gb18030")),
            ("<META CHARSET = 'Big5' />", Some("Big5")),
            (
                r#"<meta name=x><meta http-equiv="Content-Type" content="text/html; charset=Shift_JIS">"#,
                Some("Shift_JIS"),
            ),
            (r#"<?xml version="1.0" encoding="euc-kr"?><html>"#, Some("EUC-KR")),
            ("<meta charset=utf-16>", Some("UTF-8")),
            ("<meta charset=nonsense>", None),
            ("<meta charset", None),
            ("<p>charset=gbk", None),
        ] {
            assert_eq!(declared(page.as_bytes()).map(Encoding::name), expected, "{page}");
        }
    }
}
