//! The predefined character maps, which are known encodings under other names (PDF 1.7, table 118).

use encoding_rs::{BIG5, EUC_JP, EUC_KR, Encoding, GB18030, GBK, SHIFT_JIS};

use super::cids::Collection;

/// What the codes of a named map are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Codes {
    /// Two bytes, the glyph number itself.
    Identity,
    Ucs2,
    Utf16,
    Utf32,
    Utf8,
    /// One or more bytes of an encoding of the web.
    Legacy(&'static Encoding),
    /// Two bytes below 0x80: the same encoding with the high bits cut off (ISO 2022).
    Seven(&'static Encoding),
}

/// A map that is known by its name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Predefined {
    pub(crate) codes: Codes,
    pub(crate) vertical: bool,
    /// Whether Latin letters are half as wide as ideographs.
    pub(crate) half_width: bool,
    pub(crate) collection: Option<Collection>,
}

/// The map called `name`, as `GBK-EUC-H`.
pub(crate) fn named(name: &str) -> Option<Predefined> {
    use Collection::{Cns1, Gb1, Japan1, Korea1};
    let (stem, vertical) = match name {
        "H" => ("", false),
        "V" => ("", true),
        _ => name
            .strip_suffix("-H")
            .map(|stem| (stem, false))
            .or_else(|| name.strip_suffix("-V").map(|stem| (stem, true)))?,
    };
    let (codes, collection) = match stem {
        "Identity" => (Codes::Identity, None),
        "GBK2K" => (Codes::Legacy(GB18030), Some(Gb1)),
        "GBK-EUC" | "GBKp-EUC" | "GBpc-EUC" | "GB-EUC" | "GBT-EUC" | "GBTpc-EUC" => {
            (Codes::Legacy(GBK), Some(Gb1))
        }
        "GB" | "GBT" => (Codes::Seven(GBK), Some(Gb1)),
        "ETen-B5" | "ETenms-B5" | "B5pc" | "B5" | "HKscs-B5" | "ETHK-B5" | "HKdla-B5"
        | "HKdlb-B5" | "HKgccs-B5" | "HKm314-B5" | "HKm471-B5" => (Codes::Legacy(BIG5), Some(Cns1)),
        "90ms-RKSJ" | "90msp-RKSJ" | "90pv-RKSJ" | "83pv-RKSJ" | "RKSJ" | "Ext-RKSJ"
        | "Add-RKSJ" | "78-RKSJ" | "78ms-RKSJ" => (Codes::Legacy(SHIFT_JIS), Some(Japan1)),
        "EUC" | "78-EUC" => (Codes::Legacy(EUC_JP), Some(Japan1)),
        "" | "Ext" | "Add" | "78" | "NWP" => (Codes::Seven(EUC_JP), Some(Japan1)),
        "KSC-EUC" | "KSCms-UHC" | "KSCms-UHC-HW" | "KSCpc-EUC" => {
            (Codes::Legacy(EUC_KR), Some(Korea1))
        }
        "KSC" => (Codes::Seven(EUC_KR), Some(Korea1)),
        _ => {
            let collection = match stem.split('-').next()? {
                "UniGB" => Gb1,
                "UniCNS" => Cns1,
                "UniKS" | "UniAKR" => Korea1,
                family if family.starts_with("UniJIS") || family == "UniHojo" => Japan1,
                _ => return None,
            };
            let codes = match stem {
                _ if stem.contains("-UCS2") => Codes::Ucs2,
                _ if stem.contains("-UTF16") => Codes::Utf16,
                _ if stem.contains("-UTF32") => Codes::Utf32,
                _ if stem.contains("-UTF8") => Codes::Utf8,
                _ => return None,
            };
            (codes, Some(collection))
        }
    };
    // "p" is for proportional, "pc" for the Macintosh, whose letters are proportional too.
    let half_width = matches!(codes, Codes::Legacy(_))
        && !["GBKp", "GBpc", "GBTpc", "B5pc", "90msp", "90pv", "83pv", "KSCms-UHC", "KSCpc"]
            .iter()
            .any(|proportional| stem.starts_with(proportional))
        || stem.ends_with("-HW");
    Some(Predefined { codes, vertical, half_width, collection })
}

impl Predefined {
    /// How many bytes the code at the start of `bytes` has.
    pub(crate) fn width_at(&self, bytes: &[u8]) -> usize {
        let first = bytes.first().copied().unwrap_or_default();
        let second = bytes.get(1).copied().unwrap_or_default();
        match self.codes {
            Codes::Identity | Codes::Ucs2 | Codes::Seven(_) => 2,
            Codes::Utf16 => {
                if (0xD8..0xDC).contains(&first) {
                    4
                } else {
                    2
                }
            }
            Codes::Utf32 => 4,
            Codes::Utf8 => match first {
                0xC0..=0xDF => 2,
                0xE0..=0xEF => 3,
                0xF0..=0xF7 => 4,
                _ => 1,
            },
            Codes::Legacy(encoding) => {
                let single = first < 0x81
                    || first == 0xFF
                    || encoding == SHIFT_JIS && matches!(first, 0xA0..=0xDF | 0xFD..)
                    || encoding == EUC_JP && first < 0xA1 && first != 0x8E;
                match (single, encoding == GB18030 && second.is_ascii_digit()) {
                    (true, _) => 1,
                    (false, true) => 4,
                    (false, false) => 2,
                }
            }
        }
    }

    /// The text of one code; `None` for glyph numbers and for codes without meaning.
    pub(crate) fn text(&self, code: &[u8]) -> Option<String> {
        let text = match self.codes {
            Codes::Identity => return None,
            Codes::Ucs2 | Codes::Utf16 => {
                let units = code.chunks(2).map(|pair| match pair {
                    [high, low] => u16::from_be_bytes([*high, *low]),
                    _ => 0xFFFF,
                });
                char::decode_utf16(units).collect::<Result<String, _>>().ok()?
            }
            Codes::Utf32 => char::from_u32(u32::from_be_bytes(code.try_into().ok()?))?.to_string(),
            Codes::Utf8 => String::from_utf8(code.to_vec()).ok()?,
            Codes::Legacy(encoding) => {
                if encoding == SHIFT_JIS && code == b"\\" {
                    return Some("¥".to_owned());
                }
                let (text, bad) = encoding.decode_without_bom_handling(code);
                if bad {
                    return None;
                }
                text.into_owned()
            }
            Codes::Seven(encoding) => {
                let high: Vec<u8> = code.iter().map(|byte| byte | 0x80).collect();
                let (text, bad) = encoding.decode_without_bom_handling(&high);
                if bad {
                    return None;
                }
                text.into_owned()
            }
        };
        (!text.is_empty() && text != "\0").then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, bytes: &[u8], expected: &str) {
        let map = named(name).unwrap();
        let (mut text, mut rest) = (String::new(), bytes);
        while !rest.is_empty() {
            let (code, next) = rest.split_at(map.width_at(rest).min(rest.len()));
            text.push_str(&map.text(code).unwrap_or_else(|| "?".to_owned()));
            rest = next;
        }
        assert_eq!(text, expected, "{name}");
    }

    #[test]
    fn every_predefined_map_is_decoded_at_its_code_widths() {
        for name in ["GBK-EUC-H", "GBKp-EUC-V", "GBpc-EUC-H", "GB-EUC-V", "GBK2K-H"] {
            check(name, b"A\xD6\xD0\xCE\xC4b", "A中文b");
        }
        check("GBK2K-V", b"\x81\x39\xEE\x39\x95\x32\x82\x36a", "㐀𠀀a");
        for name in ["ETen-B5-H", "ETenms-B5-V", "B5pc-H", "HKscs-B5-V"] {
            check(name, b"A\xA4\xA4\xA4\xE5b", "A中文b");
        }
        for name in ["90ms-RKSJ-H", "90msp-RKSJ-V", "90pv-RKSJ-H", "83pv-RKSJ-H", "Add-RKSJ-H"] {
            check(name, b"A\x93\xFA\x96\x7B\xB1b", "A日本ｱb");
        }
        check("EUC-H", b"A\xC6\xFC\x8E\xB1b", "A日ｱb");
        check("H", b"\x46\x7C\x4B\x5C", "日本");
        check("GB-V", b"\x56\x50\x4E\x44", "中文");
        for name in ["KSC-EUC-H", "KSCms-UHC-V", "KSCms-UHC-HW-H", "KSCpc-EUC-H"] {
            check(name, b"A\xB0\xA1b", "A가b");
        }
        check("KSC-H", b"\x30\x21", "가");
        check("UniGB-UCS2-H", b"\x4E\x2D\0A", "中A");
        check("UniJIS-UCS2-HW-V", b"\x65\xE5", "日");
        check("UniCNS-UTF16-H", b"\xD8\x40\xDC\x00\0A", "𠀀A");
        check("UniKS-UTF32-H", b"\0\0\xAC\x00", "가");
        check("UniGB-UTF8-V", "中a𠀀".as_bytes(), "中a𠀀");
    }

    #[test]
    fn writing_direction_and_letter_width_are_in_the_name() {
        assert!(named("GBK-EUC-V").unwrap().vertical);
        assert!(named("GBK-EUC-H").unwrap().half_width);
        assert!(!named("GBKp-EUC-H").unwrap().half_width);
        assert!(named("KSCms-UHC-HW-H").unwrap().half_width);
        assert!(!named("UniGB-UCS2-H").unwrap().half_width);
        assert_eq!(named("Klingon-H"), None);
        assert_eq!(named("DingBats"), None);
    }

    #[test]
    fn damaged_strings_end() {
        check("GBK-EUC-H", b"\xD6", "?");
        check("UniGB-UTF16-H", b"\xD8\x40", "?");
        check("UniGB-UTF32-H", b"\0", "?");
    }
}
