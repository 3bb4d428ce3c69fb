//! How a number is written: Roman, letters, Chinese and others (ECMA-376-1, 17.18.59).

use super::words;

/// Letters are repeated, `aa` following `z`; beyond this many of them the number itself is clearer.
const MOST_REPEATED: usize = 10;
/// Beyond this, Roman numbers are only longer.
const LARGEST_ROMAN: i64 = 32_767;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Format {
    #[default]
    Decimal,
    Bullet,
    None,
    /// So many digits, with zeros before.
    Padded(usize),
    FullWidth,
    Dashes,
    Hexadecimal,
    Roman {
        upper: bool,
    },
    /// Letters of an alphabet, repeated where it ends.
    Letters(&'static str),
    /// Signs of which each has its number; beyond the last one the number itself.
    Signs(&'static str),
    /// Digits of a script, place by place.
    Digits(&'static str),
    Counted(&'static words::Script),
    /// Chinese counting that turns to digits from 100 on.
    Chinese,
    Ordinal,
    Cardinal,
    OrdinalWords,
}

const LATIN: &str = "abcdefghijklmnopqrstuvwxyz";
const LATIN_UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const CYRILLIC: &str = "абвгдежзиклмнопрстуфхцчшщыэюя";
const CYRILLIC_UPPER: &str = "АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЫЭЮЯ";
const KANA: &str =
    "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン";
const IROHA: &str = "イロハニホヘトチリヌルヲワカヨタレソツネナラムウヰノオクヤマケフコエテアサキユメミシヱヒモセスン";
const STEMS: &str = "甲乙丙丁戊己庚辛壬癸";
const BRANCHES: &str = "子丑寅卯辰巳午未申酉戌亥";
const CIRCLED: &str =
    "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳㉑㉒㉓㉔㉕㉖㉗㉘㉙㉚㉛㉜㉝㉞㉟㊱㊲㊳㊴㊵㊶㊷㊸㊹㊺㊻㊼㊽㊾㊿";
const CHINESE_DIGITS: &str = "〇一二三四五六七八九";

impl Format {
    /// The format of this name; `pattern` is the example of a `custom` one. Unknown names are
    /// decimal.
    pub(super) fn named(name: &str, pattern: &str) -> Self {
        match name {
            "bullet" => Self::Bullet,
            "none" => Self::None,
            "upperRoman" => Self::Roman { upper: true },
            "lowerRoman" => Self::Roman { upper: false },
            "upperLetter" => Self::Letters(LATIN_UPPER),
            "lowerLetter" => Self::Letters(LATIN),
            "russianLower" => Self::Letters(CYRILLIC),
            "russianUpper" => Self::Letters(CYRILLIC_UPPER),
            "chicago" => Self::Letters("*†‡§"),
            "ganada" => Self::Letters("가나다라마바사아자차카타파하"),
            "chosung" => Self::Letters("ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ"),
            "aiueo" | "aiueoFullWidth" => Self::Letters(KANA),
            "iroha" | "irohaFullWidth" => Self::Letters(IROHA),
            "arabicAbjad" => Self::Letters("أبجدهوزحطيكلمنسعفصقرشتثخذضظغ"),
            "arabicAlpha" => Self::Letters("أبتثجحخدذرزسشصضطظعغفقكلمنهوي"),
            "thaiLetters" => Self::Letters("กขคงจฉชซฌญฎฏฐฑฒณดตถทธนบปผฝพฟภมยรลวศษสหฬอฮ"),
            "hindiVowels" => Self::Letters("अआइईउऊऋऌऍऎएऐऑऒओऔ"),
            "ideographTraditional" => Self::Signs(STEMS),
            "ideographZodiac" => Self::Signs(BRANCHES),
            "decimalEnclosedCircle" | "decimalEnclosedCircleChinese" => Self::Signs(CIRCLED),
            "decimalEnclosedParen" => Self::Signs("⑴⑵⑶⑷⑸⑹⑺⑻⑼⑽⑾⑿⒀⒁⒂⒃⒄⒅⒆⒇"),
            "decimalEnclosedFullstop" => Self::Signs("⒈⒉⒊⒋⒌⒍⒎⒏⒐⒑⒒⒓⒔⒕⒖⒗⒘⒙⒚⒛"),
            "ideographEnclosedCircle" => Self::Signs("㊀㊁㊂㊃㊄㊅㊆㊇㊈㊉"),
            "ideographDigital"
            | "japaneseDigitalTenThousand"
            | "taiwaneseDigital"
            | "koreanDigital2" => Self::Digits(CHINESE_DIGITS),
            "koreanDigital" => Self::Digits("영일이삼사오육칠팔구"),
            "hindiNumbers" => Self::Digits("०१२३४५६७८९"),
            "thaiNumbers" => Self::Digits("๐๑๒๓๔๕๖๗๘๙"),
            "decimalFullWidth" | "decimalFullWidth2" => Self::FullWidth,
            "chineseCounting" => Self::Chinese,
            "chineseCountingThousand" | "taiwaneseCounting" | "taiwaneseCountingThousand" => {
                Self::Counted(&words::CHINESE)
            }
            "chineseLegalSimplified" => Self::Counted(&words::CHINESE_LEGAL),
            "ideographLegalTraditional" => Self::Counted(&words::CHINESE_LEGAL_TRADITIONAL),
            "japaneseCounting" => Self::Counted(&words::JAPANESE),
            "japaneseLegal" => Self::Counted(&words::JAPANESE_LEGAL),
            "koreanCounting" => Self::Counted(&words::KOREAN),
            "decimalZero" => Self::Padded(2),
            "numberInDash" => Self::Dashes,
            "hex" => Self::Hexadecimal,
            "ordinal" => Self::Ordinal,
            "cardinalText" => Self::Cardinal,
            "ordinalText" => Self::OrdinalWords,
            "custom" => Self::custom(pattern),
            _ => Self::Decimal,
        }
    }

    /// A format by example: `001, 002, 003, ...` has three digits.
    fn custom(pattern: &str) -> Self {
        let first = pattern.split(',').next().unwrap_or_default().trim();
        match first.len() {
            width @ 2..=9 if first.bytes().all(|byte| byte.is_ascii_digit()) => Self::Padded(width),
            _ => Self::Decimal,
        }
    }

    pub(super) fn of(&self, n: i64) -> String {
        let written = match self {
            Self::Bullet | Self::None => Some(String::new()),
            Self::Decimal => None,
            Self::Padded(width) => Some(format!("{n:0width$}")),
            Self::FullWidth => Some(digits(n, "０１２３４５６７８９")),
            Self::Dashes => Some(format!("- {n} -")),
            Self::Hexadecimal => Some(format!("{n:X}")),
            Self::Roman { upper } => roman(n, *upper),
            Self::Letters(letters) => repeated(n, letters),
            Self::Signs(signs) => index(n).and_then(|at| signs.chars().nth(at)).map(String::from),
            Self::Digits(own) => Some(digits(n, own)),
            Self::Counted(script) => script.count(n),
            Self::Chinese if n >= 100 => Some(digits(n, CHINESE_DIGITS)),
            Self::Chinese => words::CHINESE.count(n),
            Self::Ordinal => Some(words::ordinal(n)),
            Self::Cardinal => words::cardinal(n),
            Self::OrdinalWords => words::ordinal_words(n),
        };
        written.unwrap_or_else(|| n.to_string())
    }
}

/// Where the sign of a number from 1 on stands.
fn index(n: i64) -> Option<usize> {
    usize::try_from(n.checked_sub(1)?).ok()
}

fn digits(n: i64, signs: &str) -> String {
    let of = |c: char| c.to_digit(10).and_then(|digit| signs.chars().nth(digit as usize));
    n.to_string().chars().map(|c| of(c).unwrap_or(c)).collect()
}

fn repeated(n: i64, letters: &str) -> Option<String> {
    let (at, count) = (index(n)?, letters.chars().count());
    let letter = letters.chars().nth(at.checked_rem(count)?)?;
    let times = at / count + 1;
    (times <= MOST_REPEATED).then(|| String::from(letter).repeat(times))
}

fn roman(n: i64, upper: bool) -> Option<String> {
    const SIGNS: [(i64, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let mut rest = Some(n).filter(|n| (1..=LARGEST_ROMAN).contains(n))?;
    let mut roman = String::new();
    for (value, sign) in SIGNS {
        while rest >= value {
            roman.push_str(sign);
            rest -= value;
        }
    }
    Some(if upper { roman } else { roman.to_lowercase() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_their_format_says() {
        for (name, n, written) in [
            ("decimal", 12, "12"),
            ("upperRoman", 1994, "MCMXCIV"),
            ("lowerRoman", 4, "iv"),
            ("lowerRoman", 2_000_000_000, "2000000000"),
            ("upperLetter", 27, "AA"),
            ("lowerLetter", 3, "c"),
            ("lowerLetter", 2_000_000_000, "2000000000"),
            ("lowerLetter", 0, "0"),
            ("lowerLetter", i64::MIN, "-9223372036854775808"),
            ("decimalZero", 7, "07"),
            ("decimalZero", 107, "107"),
            ("chineseCounting", 10, "十"),
            ("chineseCounting", 21, "二十一"),
            ("chineseCounting", 101, "一〇一"),
            ("chineseCountingThousand", 110, "一百一十"),
            ("chineseCountingThousand", 1005, "一千零五"),
            ("ideographTraditional", 2, "乙"),
            ("ideographTraditional", 11, "11"),
            ("ideographDigital", 20, "二〇"),
            ("chineseLegalSimplified", 18, "壹拾捌"),
            ("japaneseCounting", 121, "百二十一"),
            ("decimalEnclosedCircle", 20, "⑳"),
            ("decimalEnclosedCircle", 50, "㊿"),
            ("decimalFullWidth", 12, "１２"),
            ("ordinal", 22, "22nd"),
            ("cardinalText", 42, "Forty-two"),
            ("ordinalText", 12, "Twelfth"),
            ("numberInDash", 3, "- 3 -"),
            ("hex", 255, "FF"),
            ("none", 3, ""),
            ("unheardOf", 3, "3"),
        ] {
            assert_eq!(Format::named(name, "").of(n), written, "{name} {n}");
        }
        assert_eq!(Format::named("custom", "001, 002, 003, ...").of(7), "007");
        assert_eq!(Format::named("custom", "x").of(7), "7");
    }
}
