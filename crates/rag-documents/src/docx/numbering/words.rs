//! Numbers in words: Chinese, Japanese, Korean, English.

/// How a script of East Asia writes numbers in words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Script {
    digits: &'static str,
    /// For 10, 100, 1,000.
    units: &'static str,
    myriad: char,
    /// What stands where digits are left out in the middle.
    zero: Option<char>,
    /// Whether a one is written before 10, 100 and 1,000: always, never, or only not at the front
    /// before 10.
    one: One,
}

#[derive(Debug, PartialEq, Eq)]
enum One {
    Always,
    Never,
    NotBeforeFirstTen,
}

pub(super) static CHINESE: Script = Script {
    digits: "一二三四五六七八九",
    units: "十百千",
    myriad: '万',
    zero: Some('零'),
    one: One::NotBeforeFirstTen,
};
pub(super) static CHINESE_LEGAL: Script = Script {
    digits: "壹贰叁肆伍陆柒捌玖",
    units: "拾佰仟",
    myriad: '万',
    zero: Some('零'),
    one: One::Always,
};
pub(super) static CHINESE_LEGAL_TRADITIONAL: Script = Script {
    digits: "壹貳參肆伍陸柒捌玖",
    units: "拾佰仟",
    myriad: '萬',
    zero: Some('零'),
    one: One::Always,
};
pub(super) static JAPANESE: Script = Script {
    digits: "一二三四五六七八九",
    units: "十百千",
    myriad: '万',
    zero: None,
    one: One::Never,
};
pub(super) static JAPANESE_LEGAL: Script = Script {
    digits: "壱弐参四伍六七八九",
    units: "拾百阡",
    myriad: '萬',
    zero: None,
    one: One::Always,
};
pub(super) static KOREAN: Script = Script {
    digits: "일이삼사오육칠팔구",
    units: "십백천",
    myriad: '만',
    zero: None,
    one: One::Never,
};

impl Script {
    /// A number from 1 to 99,999,999; `None` for others.
    pub(super) fn count(&self, n: i64) -> Option<String> {
        let n = usize::try_from(n).ok().filter(|n| (1..100_000_000).contains(n))?;
        let (high, low) = (n / 10_000, n % 10_000);
        let mut text = String::new();
        if high > 0 {
            self.below_myriad(high, &mut text);
            text.push(self.myriad);
            if (1..1_000).contains(&low) {
                text.extend(self.zero);
            }
        }
        self.below_myriad(low, &mut text);
        Some(text)
    }

    fn below_myriad(&self, n: usize, text: &mut String) {
        let mut skipped = false;
        let first = text.is_empty();
        let begin = text.len();
        for (place, value) in [1_000, 100, 10, 1].into_iter().enumerate() {
            let digit = n / value % 10;
            if digit == 0 {
                skipped = text.len() > begin;
                continue;
            }
            if skipped {
                text.extend(self.zero);
                skipped = false;
            }
            let unit = 3_usize.checked_sub(place + 1).and_then(|at| self.units.chars().nth(at));
            let bare = digit == 1
                && match self.one {
                    One::Always => false,
                    One::Never => unit.is_some(),
                    One::NotBeforeFirstTen => value == 10 && first && text.len() == begin,
                };
            if !bare {
                text.extend(digit.checked_sub(1).and_then(|at| self.digits.chars().nth(at)));
            }
            text.extend(unit);
        }
    }
}

const BELOW_TWENTY: [(&str, &str); 20] = [
    ("zero", "zeroth"),
    ("one", "first"),
    ("two", "second"),
    ("three", "third"),
    ("four", "fourth"),
    ("five", "fifth"),
    ("six", "sixth"),
    ("seven", "seventh"),
    ("eight", "eighth"),
    ("nine", "ninth"),
    ("ten", "tenth"),
    ("eleven", "eleventh"),
    ("twelve", "twelfth"),
    ("thirteen", "thirteenth"),
    ("fourteen", "fourteenth"),
    ("fifteen", "fifteenth"),
    ("sixteen", "sixteenth"),
    ("seventeen", "seventeenth"),
    ("eighteen", "eighteenth"),
    ("nineteen", "nineteenth"),
];
const TENS: [&str; 10] =
    ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// `1st`, `2nd`, `3rd`.
pub(super) fn ordinal(n: i64) -> String {
    let end = match (n % 100, n % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{n}{end}")
}

/// `Forty-two`, up to 9,999.
pub(super) fn cardinal(n: i64) -> Option<String> {
    in_words(n, false)
}

/// `Forty-second`, up to 9,999.
pub(super) fn ordinal_words(n: i64) -> Option<String> {
    in_words(n, true)
}

fn in_words(n: i64, ordinal: bool) -> Option<String> {
    let mut rest = usize::try_from(n).ok().filter(|n| *n < 10_000)?;
    let small = |n: usize| BELOW_TWENTY.get(n).map(|(cardinal, _)| *cardinal);
    let last = |n: usize| BELOW_TWENTY.get(n).map(|(one, nth)| if ordinal { *nth } else { *one });
    let end = if ordinal { "th" } else { "" };
    let mut words = Vec::new();
    for (value, name) in [(1_000, "thousand"), (100, "hundred")] {
        if rest >= value {
            let end = if rest % value == 0 { end } else { "" };
            words.push(format!("{} {name}{end}", small(rest / value)?));
            rest %= value;
        }
    }
    match (rest / 10, rest % 10) {
        (0, 0) if !words.is_empty() => {}
        (0 | 1, _) => words.push(last(rest)?.to_owned()),
        (tens, 0) if ordinal => {
            words.push(format!("{}ieth", TENS.get(tens)?.trim_end_matches('y')))
        }
        (tens, 0) => words.push((*TENS.get(tens)?).to_owned()),
        (tens, one) => words.push(format!("{}-{}", TENS.get(tens)?, last(one)?)),
    }
    let words = words.join(" ");
    let mut letters = words.chars();
    Some(letters.next()?.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_words() {
        for (n, chinese, japanese, legal) in [
            (1, "一", "一", "壹"),
            (10, "十", "十", "壹拾"),
            (15, "十五", "十五", "壹拾伍"),
            (20, "二十", "二十", "贰拾"),
            (100, "一百", "百", "壹佰"),
            (105, "一百零五", "百五", "壹佰零伍"),
            (111, "一百一十一", "百十一", "壹佰壹拾壹"),
            (1_010, "一千零一十", "千十", "壹仟零壹拾"),
            (10_000, "一万", "一万", "壹万"),
            (20_305, "二万零三百零五", "二万三百五", "贰万零叁佰零伍"),
            (120_000, "十二万", "十二万", "壹拾贰万"),
        ] {
            assert_eq!(CHINESE.count(n).unwrap(), chinese);
            assert_eq!(JAPANESE.count(n).unwrap(), japanese);
            assert_eq!(CHINESE_LEGAL.count(n).unwrap(), legal);
        }
        assert_eq!(CHINESE.count(0), None);
        assert_eq!(CHINESE.count(i64::MAX), None);
    }

    #[test]
    fn numbers_in_english() {
        for (n, one, nth) in [
            (0, "Zero", "Zeroth"),
            (3, "Three", "Third"),
            (20, "Twenty", "Twentieth"),
            (100, "One hundred", "One hundredth"),
            (1_021, "One thousand twenty-one", "One thousand twenty-first"),
        ] {
            assert_eq!(cardinal(n).unwrap(), one);
            assert_eq!(ordinal_words(n).unwrap(), nth);
        }
        assert_eq!(cardinal(10_000), None);
        assert_eq!(
            [1, 2, 3, 4, 11, 112, 121].map(ordinal).join(" "),
            "1st 2nd 3rd 4th 11th 112th 121st"
        );
    }
}
