//! Text from right to left: from the order of the eye, in which it stands on the page, to that in which it is read (Unicode's UAX 9).

use unicode_bidi::{BidiInfo, Level, ParagraphInfo};
use unicode_normalization::char::is_combining_mark;

/// A line from left to right, as it is read. The whole line runs from right to left when most of its letters do.
pub(crate) fn logical(text: String) -> String {
    if !text.chars().any(is_backwards) {
        return text;
    }
    let (back, forth) = text.chars().fold((0, 0), |(back, forth), c| {
        if is_backwards(c) {
            (back + 1, forth)
        } else {
            (back, forth + usize::from(c.is_alphabetic()))
        }
    });
    turned(&text, if back >= forth { Level::rtl() } else { Level::ltr() })
}

/// A text that is written as it is read, such as that of a ligature, as the eye sees it. Marks stand behind their letters in either
/// order.
pub(crate) fn visual(text: String) -> String {
    if !text.chars().any(is_backwards) {
        return text;
    }
    let letters = text.trim_start_matches(is_mark);
    match letters.chars().next() {
        Some(first) if letters.len() < text.len() => {
            let (marks, rest) = text.split_at(text.len() - letters.len());
            let rest = rest.get(first.len_utf8()..).unwrap_or_default();
            turned(&format!("{first}{marks}{rest}"), Level::ltr())
        }
        _ => turned(&text, Level::ltr()),
    }
}

/// The algorithm that brings text to paper, which brings it back, too: runs in the other direction turn round.
fn turned(text: &str, level: Level) -> String {
    let info = BidiInfo::new(text, Some(level));
    let mut turned = String::with_capacity(text.len());
    for paragraph in &info.paragraphs {
        turn(&info, paragraph, &mut turned);
    }
    turned
}

fn turn(info: &BidiInfo<'_>, paragraph: &ParagraphInfo, turned: &mut String) {
    let (levels, runs) = info.visual_runs(paragraph, paragraph.range.clone());
    for run in runs {
        let back = levels.get(run.start).is_some_and(Level::is_rtl);
        let run = info.text.get(run).unwrap_or_default();
        if back {
            turn_letters(run, turned);
        } else {
            turned.push_str(run);
        }
    }
}

/// The letters of a run from its end, each with the marks that follow it.
fn turn_letters(run: &str, turned: &mut String) {
    let mut end = run.len();
    for (at, c) in run.char_indices().rev().filter(|(_, c)| !is_mark(*c)) {
        let marks = run.get(at + c.len_utf8()..end).unwrap_or_default();
        turned.push(mirrored(c));
        turned.push_str(marks);
        end = at;
    }
    turned.push_str(run.get(..end).unwrap_or_default());
}

/// Signs of these scripts that stand over or under the letter before them, and the one that keeps such signs apart.
pub(crate) fn is_mark(c: char) -> bool {
    is_backwards(c) && is_combining_mark(c) || c == '\u{34F}'
}

/// Letters of the scripts that are written from right to left.
pub(crate) fn is_backwards(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}')
}

/// What opens to the left opens to the right in the other direction.
fn mirrored(c: char) -> char {
    match c {
        '(' => ')',
        ')' => '(',
        '[' => ']',
        ']' => '[',
        '{' => '}',
        '}' => '{',
        '<' => '>',
        '>' => '<',
        '«' => '»',
        '»' => '«',
        '‹' => '›',
        '›' => '‹',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_both_directions_are_read_as_they_are_spoken() {
        for (seen, read) in [
            ("plain text", "plain text"),
            ("ירבע", "עברי"),
            ("A word: ירבע, in English", "A word: עברי, in English"),
            ("(ירבע) 12.50 :ריחמ", "מחיר: 12.50 (עברי)"),
            ("٢٣ ةحفص", "صفحة ٢٣"),
            ("see םילימ יתש words here", "see שתי מילים words here"),
        ] {
            assert_eq!(logical(seen.to_owned()), read);
        }
    }

    #[test]
    fn what_a_ligature_means_survives_the_turn() {
        assert_eq!(logical(visual("لا".to_owned())), "لا");
        assert_eq!(visual("fi".to_owned()), "fi");
    }

    #[test]
    fn marks_stay_behind_their_letters() {
        for (seen, read) in [("ةَجاجَدَ", "دَجَاجةَ"), ("see םוֹלשָ here", "see שָלוֹם here")]
        {
            assert_eq!(logical(seen.to_owned()), read);
        }
        assert_eq!(visual("\u{5B9}ו".to_owned()), "ו\u{5B9}");
    }
}
