//! Bytes into text: by their mark, by what they are said to be, or by what they look like.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, GB18030, GBK, UTF_8, UTF_16BE, UTF_16LE};

/// How much of a file is looked at to guess its encoding.
const SAMPLE: usize = 1024 * 1024;
/// How much is looked at for the zeros of UTF-16 without a mark.
const HEAD: usize = 4096;

/// Text, and what is doubtful about it.
pub(crate) struct Decoded {
    pub(crate) text: String,
    pub(crate) warnings: Vec<String>,
}

/// The encoding of a label, as pages and files write it; one that is only a part of another that
/// is written under its name, too, is taken for the whole.
pub(crate) fn label(label: &[u8]) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(label.trim_ascii()).map(whole)
}

/// GBK and GB2312 are parts of GB18030, and files that say the one often hold the other.
fn whole(encoding: &'static Encoding) -> &'static Encoding {
    if encoding == GBK { GB18030 } else { encoding }
}

/// Decodes the bytes. A byte order mark is believed first, then that they are UTF-8 when they can
/// be, then what they are `declared` to be, then what they look like.
pub(crate) fn decode(bytes: &[u8], declared: Option<&'static Encoding>) -> Decoded {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return by(encoding, bytes.get(mark..).unwrap_or_default(), None);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        // Plain ASCII is also what the encodings of e-mail from Japan look like.
        let shifted = bytes.contains(&0x1B) && declared.is_none();
        let utf16 = unmarked_utf16(bytes);
        if !shifted && utf16.is_none() {
            return Decoded { text: text.to_owned(), warnings: Vec::new() };
        }
    }
    if let Some(encoding) = declared.filter(|encoding| *encoding != UTF_8) {
        let declared = by(encoding, bytes, None);
        if declared.warnings.is_empty() {
            return declared;
        }
    }
    if let Some(encoding) = unmarked_utf16(bytes) {
        return by(encoding, bytes, Some("it does not say its encoding"));
    }
    if mostly_utf8(bytes) {
        return by(UTF_8, bytes, None);
    }
    let why = match declared {
        Some(encoding) => format!("it says that it is {}, which it is not", encoding.name()),
        None => "it does not say its encoding".to_owned(),
    };
    by(guess(bytes), bytes, Some(&why))
}

/// Decodes by one encoding; with `guessed`, why it had to be guessed.
fn by(encoding: &'static Encoding, bytes: &[u8], guessed: Option<&str>) -> Decoded {
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    let mut warnings = Vec::new();
    if let Some(why) = guessed {
        warnings.push(format!("{why}; it was read as {}, by its look", encoding.name()));
    }
    // A text may hold the replacement character itself, but seldom does.
    let lost = text.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER).count();
    if lost > 0 {
        let (places, are) = if lost == 1 { ("place", "is") } else { ("places", "are") };
        warnings.push(format!("{lost} {places} in it {are} no {}", encoding.name()));
    }
    Decoded { text: text.into_owned(), warnings }
}

/// The encoding that the bytes look like.
fn guess(bytes: &[u8]) -> &'static Encoding {
    let sample = bytes.get(..SAMPLE).unwrap_or(bytes);
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(sample, sample.len() == bytes.len());
    whole(detector.guess(None, Utf8Detection::Deny))
}

/// UTF-16 without a mark has a zero in every other byte wherever there is ASCII in it.
fn unmarked_utf16(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    let pairs = head.len() / 2;
    let zeros = |odd: usize| head.iter().skip(odd).step_by(2).filter(|b| **b == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    if pairs < 2 || even + odd < pairs.div_ceil(10) {
        None
    } else if odd > 8 * even {
        Some(UTF_16LE)
    } else if even > 8 * odd {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// Whether the bytes are UTF-8 but for a few that are damaged: a file cut short in a character, or
/// put together from others.
fn mostly_utf8(bytes: &[u8]) -> bool {
    let (mut good, mut bad) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    good > 20 * bad
}

#[cfg(test)]
mod tests {
    use super::*;

    use encoding_rs::{BIG5, WINDOWS_1252};

    const CHINESE: &str =
        "第一章 考勤管理。员工每天工作八小时，午休一小时。请假须提前一天向部门经理提出申请。";

    fn check(encoding: &'static Encoding, text: &str, named: &str) {
        let decoded = decode(&encoding.encode(text).0, None);
        assert_eq!(decoded.text, text, "{named}");
        let warned = decoded.warnings.join("; ");
        assert!(warned.contains(&format!("it was read as {named}")), "{named}: {warned}");
    }

    #[test]
    fn the_encodings_of_many_countries_are_told_by_their_look() {
        check(GB18030, CHINESE, "gb18030");
        check(GB18030, "请假制度", "gb18030");
        check(BIG5, "員工每天工作八小時，午休一小時。請假須提前一天向部門經理提出申請。", "Big5");
        check(
            encoding_rs::SHIFT_JIS,
            "従業員は毎日八時間働きます。休暇は前日までに申請してください。",
            "Shift_JIS",
        );
        check(
            encoding_rs::EUC_JP,
            "従業員は毎日八時間働きます。休暇は前日までに申請してください。",
            "EUC-JP",
        );
        check(encoding_rs::ISO_2022_JP, "従業員は毎日八時間働きます。", "ISO-2022-JP");
        check(
            encoding_rs::EUC_KR,
            "직원은 하루 여덟 시간 근무합니다. 휴가는 하루 전에 신청해야 합니다.",
            "EUC-KR",
        );
        check(
            WINDOWS_1252,
            "Die Ämter öffnen für Gäste um neun Uhr, außer an Feiertagen.",
            "windows-1252",
        );
        check(
            encoding_rs::WINDOWS_1251,
            "Сотрудники работают восемь часов в день.",
            "windows-1251",
        );
        check(
            encoding_rs::WINDOWS_1253,
            "Οι υπάλληλοι εργάζονται οκτώ ώρες την ημέρα.",
            "windows-1253",
        );
    }

    #[test]
    fn marks_are_believed_and_utf_8_needs_none() {
        let utf16 = |unit: fn(u16) -> [u8; 2], mark: &[u8]| {
            [mark.to_vec(), CHINESE.encode_utf16().flat_map(unit).collect()].concat()
        };
        for bytes in [
            CHINESE.as_bytes().to_vec(),
            [b"\xEF\xBB\xBF", CHINESE.as_bytes()].concat(),
            utf16(u16::to_le_bytes, b"\xFF\xFE"),
            utf16(u16::to_be_bytes, b"\xFE\xFF"),
        ] {
            let decoded = decode(&bytes, None);
            assert_eq!(decoded.text, CHINESE);
            assert_eq!(decoded.warnings, [""; 0]);
        }
        let unmarked: Vec<u8> = "Plain text".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let decoded = decode(&unmarked, None);
        assert_eq!(decoded.text, "Plain text");
        assert!(decoded.warnings[0].contains("UTF-16LE"));
    }

    #[test]
    fn what_a_file_says_of_itself_is_believed_when_it_can_be() {
        let bytes = GB18030.encode("年").0;
        let decoded = decode(&bytes, label(b" gb2312 "));
        assert_eq!((decoded.text.as_str(), decoded.warnings.len()), ("年", 0));
        let decoded = decode(&GB18030.encode(CHINESE).0, Some(UTF_8));
        assert_eq!(decoded.text, CHINESE);
        assert!(decoded.warnings[0].starts_with("it says that it is UTF-8, which it is not"));
    }

    #[test]
    fn a_damaged_place_in_utf_8_is_counted() {
        let bytes = [CHINESE.as_bytes(), b"\xE5\xB9"].concat();
        let decoded = decode(&bytes, None);
        assert!(decoded.text.starts_with(CHINESE));
        assert_eq!(decoded.warnings, ["1 place in it is no UTF-8"]);
    }
}
