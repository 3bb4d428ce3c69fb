//! Where sentences end in Chinese, Japanese and languages written in Latin letters.
//!
//! The ground is the sentence boundary of Unicode Standard Annex #29, section 5, which knows the
//! sentence ends of all scripts, closing quotes and decimals. Upon it stands what the annex leaves
//! to tailoring: paragraphs and wrapped lines, abbreviations, initials, numbered list items, and
//! quotations inside a sentence.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// The byte ranges of the sentences of `text`, in order and without a gap: the white space behind
/// a sentence belongs to it. A line of a list, a heading and a table row count as sentences; a
/// single newline before a lower-case letter is a wrapped line and parts nothing.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    if text.is_empty() {
        return Vec::new();
    }
    // The annex ends a sentence at every newline, so it is shown spaces instead, which have the
    // same length; newlines are judged below.
    let flat = text.replace(['\n', '\r'], " ");
    let mut ends: Vec<usize> = flat
        .split_sentence_bound_indices()
        .map(|(start, _)| start)
        .filter(|start| *start > 0 && !goes_on(text, *start))
        .collect();
    ends.extend(line_starts(text));
    ends.sort_unstable();
    ends.dedup();
    ends.push(text.len());
    let mut start = 0;
    let mut found = Vec::with_capacity(ends.len());
    for end in ends {
        if text[start..end].trim().is_empty() && end < text.len() {
            continue;
        }
        found.push(start..end);
        start = end;
    }
    // White space at the very end belongs to the last sentence.
    if let [.., before, last] = found.as_mut_slice()
        && text[last.clone()].trim().is_empty()
    {
        before.end = last.end;
        found.pop();
    }
    found
}

/// Where a line begins that is not the wrapped continuation of the one above it.
fn line_starts(text: &str) -> Vec<usize> {
    let mut starts = Vec::new();
    let (mut newlines, mut above_end) = (0_usize, 0_usize);
    for (position, c) in text.char_indices() {
        if c.is_whitespace() {
            newlines += usize::from(c == '\n');
            continue;
        }
        let wrapped = newlines == 1
            && c.is_lowercase()
            && !ends_a_sentence(&text[..above_end])
            && !begins_item(&text[position..]);
        if newlines > 0 && position > 0 && !wrapped {
            starts.push(position);
        }
        newlines = 0;
        above_end = position + c.len_utf8();
    }
    starts
}

/// Whether `text` closes with a sentence end, quotes and brackets after it left aside.
fn ends_a_sentence(text: &str) -> bool {
    text.trim_end_matches(is_closing)
        .ends_with(['.', '!', '?', '。', '！', '？', ':', '：', ';', '；'])
}

fn is_closing(c: char) -> bool {
    matches!(c, '"' | '\'' | '”' | '’' | '»' | ')' | ']' | '」' | '』' | '）' | '】' | '》' | '〉')
}

/// Whether a line begins with the mark of a list item: a bullet, or a number or one letter with a
/// full stop or bracket behind it.
fn begins_item(line: &str) -> bool {
    const BULLETS: [char; 12] = ['-', '*', '+', '•', '●', '○', '◦', '▪', '■', '‣', '–', '·'];
    line.strip_prefix(BULLETS).is_some_and(|rest| rest.starts_with(char::is_whitespace))
        || is_item_mark(line.split_whitespace().next().unwrap_or_default())
}

/// Whether a word is the mark of a numbered list item: `1.`, `2)`, `(3)`, `a.`, `iv)`, `（四）`.
fn is_item_mark(word: &str) -> bool {
    let open = word.trim_start_matches(['(', '（', '[']);
    let Some(number) = open.strip_suffix(['.', ')', '）', ']', '．', '、']) else {
        return false;
    };
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '０'..='９');
    let roman = |c: char| matches!(c, 'i' | 'v' | 'x' | 'I' | 'V' | 'X');
    let han = |c: char| "〇零一二三四五六七八九十百".contains(c);
    let length = number.chars().count();
    (1..=4).contains(&length)
        && (number.chars().all(digits)
            || number.chars().all(roman)
            || number.chars().all(han)
            || (length == 1 && number.chars().all(char::is_alphabetic)))
}

/// Longer words, in characters, are neither abbreviations nor numbers of list items.
const LONGEST_WORD: usize = 24;

/// Whether the sentence goes on over a boundary that the annex sees at `position`.
fn goes_on(text: &str, position: usize) -> bool {
    let before = text[..position].trim_end();
    let spaced = before.len() < position;
    let Some(next) = text[position..].chars().next() else { return false };
    if after_quotation(before, spaced, next) {
        return true;
    }
    // Only the full stop has a second use.
    let Some(head) = before.strip_suffix('.') else { return false };
    if leads_to_page(head, &text[position..]) {
        return true;
    }
    let word_start = head
        .char_indices()
        .rev()
        .take(LONGEST_WORD)
        .take_while(|(_, c)| !c.is_whitespace() && !is_opening(*c) && !is_ideographic(*c))
        .last()
        .map_or(head.len(), |(start, _)| start);
    let word = &head[word_start..];
    let left = head[..word_start].trim_end_matches(|c: char| c.is_whitespace() && c != '\n');
    let first_in_line = left.is_empty() || left.ends_with('\n');
    // `1.` or `a.` at the beginning of a line numbers what follows.
    if first_in_line && is_item_mark(&format!("{word}.")) {
        return true;
    }
    is_abbreviation(word, next) || is_initial(word, next)
}

/// A row of dots in a table of contents ends before the number of a page.
fn leads_to_page(head: &str, after: &str) -> bool {
    let page = after.lines().next().unwrap_or_default().trim_matches([' ', '|']);
    head.trim_end().ends_with('.')
        && (1..=6).contains(&page.len())
        && page.chars().all(|c| c.is_ascii_alphanumeric())
}

/// `“可以。”` and `"Stop!"` end a quotation, but the sentence around it may go on: with a lower-case
/// letter, or in Japanese with the particle of quotation or of case right behind the bracket.
fn after_quotation(before: &str, spaced: bool, next: char) -> bool {
    let body = before.trim_end_matches(is_closing);
    if body.len() == before.len() {
        return false;
    }
    let bracket = before.ends_with(['」', '』']);
    next.is_lowercase()
        || (bracket
            && !spaced
            && matches!(next, 'と' | 'っ' | 'な' | 'の' | 'は' | 'が' | 'を' | 'に' | 'も' | 'で'))
}

/// Abbreviations after which a sentence goes on, whatever follows: titles and words that introduce.
const INTRODUCING: &[&str] = &[
    "adm", "approx", "bros", "capt", "cf", "col", "dr", "e.g", "eg", "esp", "gen", "gov", "hon",
    "i.e", "ie", "incl", "lt", "maj", "messrs", "mr", "mrs", "ms", "mt", "prof", "rep", "resp",
    "rev", "sen", "sgt", "st", "viz", "vs",
];

/// Abbreviations that stand before a number: `No. 5`, `pp. 3`, `Fig. 2`, `Jan. 3`.
const BEFORE_NUMBERS: &[&str] = &[
    "app", "apr", "art", "aug", "ch", "chap", "dec", "ed", "eq", "eqs", "ext", "feb", "fig",
    "figs", "jan", "jul", "jun", "mar", "no", "nos", "nov", "nr", "oct", "p", "par", "pg", "pp",
    "rm", "sec", "sect", "sep", "sept", "tab", "tel", "v", "ver", "vol", "vols",
];

fn is_abbreviation(word: &str, next: char) -> bool {
    let word = word.to_lowercase();
    INTRODUCING.contains(&word.as_str())
        || (next.is_numeric() && BEFORE_NUMBERS.contains(&word.as_str()))
}

/// `J. Smith`, `J.R.R. Tolkien`: one capital with a full stop before a capital. `I` is a word.
fn is_initial(word: &str, next: char) -> bool {
    let last = word.rsplit('.').next().unwrap_or_default();
    let mut letters = last.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) => {
            letter.is_uppercase() && next.is_uppercase() && (letter != 'I' || word.contains('.'))
        }
        (Some(_) | None, _) => false,
    }
}

fn is_opening(c: char) -> bool {
    matches!(c, '(' | '[' | '"' | '\'' | '“' | '‘' | '«' | '「' | '『' | '（' | '【' | '《')
}

/// Han characters, kana and their punctuation, which are written without spaces.
fn is_ideographic(c: char) -> bool {
    matches!(c, '\u{3000}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{FF01}'..='\u{FF65}' | '\u{20000}'..='\u{323AF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The sentences of `text` as they would be shown.
    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> =
            sentences(text).into_iter().map(|range| text[range].trim()).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn an_entry_of_a_table_of_contents_is_whole() {
        check(
            "1 Badges . . . . . | 12\n2 Doors .......... iv\nHe left ... In 12 days he came.",
            &[
                "1 Badges . . . . . | 12",
                "2 Doors .......... iv",
                "He left ...",
                "In 12 days he came.",
            ],
        );
    }

    #[test]
    fn chinese_and_japanese_end_at_their_own_marks() {
        check("年假十五天。病假十天！事假呢？", &["年假十五天。", "病假十天！", "事假呢？"]);
        check("休暇は十日です。病気の場合は？", &["休暇は十日です。", "病気の場合は？"]);
        check("真的吗？！再见。", &["真的吗？！", "再见。"]);
        check("先停机；再断电。", &["先停机；再断电。"]);
        check("半角｡次の文｡", &["半角｡", "次の文｡"]);
    }

    #[test]
    fn closing_quotes_and_brackets_stay_with_their_sentence() {
        check("他说：“可以。”然后走了。", &["他说：“可以。”", "然后走了。"]);
        check("（见第三章。）下一句。", &["（见第三章。）", "下一句。"]);
        check("He said \"Stop.\" Then he left.", &["He said \"Stop.\"", "Then he left."]);
    }

    #[test]
    fn a_sentence_goes_on_after_a_quotation_inside_it() {
        check("\"Stop!\" he said. She did.", &["\"Stop!\" he said.", "She did."]);
        check("彼は「はい。」と言った。次。", &["彼は「はい。」と言った。", "次。"]);
    }

    #[test]
    fn decimals_versions_and_addresses_are_one_word() {
        check("It costs 3.5 euros. Pay.", &["It costs 3.5 euros.", "Pay."]);
        check("圆周率是3.14。完。", &["圆周率是3.14。", "完。"]);
        check("See www.example.org for more.", &["See www.example.org for more."]);
        check("Read /etc/fstab. Then mount it.", &["Read /etc/fstab.", "Then mount it."]);
    }

    #[test]
    fn abbreviations_and_initials_end_nothing() {
        check("Ask Dr. Okafor. She knows.", &["Ask Dr. Okafor.", "She knows."]);
        check("Use a key, e.g. Ed25519. Keep it.", &["Use a key, e.g. Ed25519.", "Keep it."]);
        check("See Fig. 3 and No. 5. Done.", &["See Fig. 3 and No. 5.", "Done."]);
        check("No. You may not.", &["No.", "You may not."]);
        check(
            "J. R. Hartley and J.R.R. Tolkien wrote. We read.",
            &["J. R. Hartley and J.R.R. Tolkien wrote.", "We read."],
        );
        check("So did I. They left.", &["So did I.", "They left."]);
        check("由J. Smith编写。完。", &["由J. Smith编写。", "完。"]);
    }

    #[test]
    fn list_items_are_sentences_and_their_numbers_are_not() {
        check("Steps:\n1. Unplug it.\n2. Wait.", &["Steps:", "1. Unplug it.", "2. Wait."]);
        check("- red paint\n- green paint", &["- red paint", "- green paint"]);
        check("(a) one\n(b) two\niv) four", &["(a) one", "(b) two", "iv) four"]);
        check("一、总则\n（二）范围", &["一、总则", "（二）范围"]);
    }

    #[test]
    fn wrapped_lines_go_on_and_paragraphs_do_not() {
        check(
            "the quick brown fox\njumps over it.\nNext.",
            &["the quick brown fox\njumps over it.", "Next."],
        );
        check("Working hours\n\nregular hours", &["Working hours", "regular hours"]);
        check("工作时间\n每周五天。", &["工作时间", "每周五天。"]);
    }

    #[test]
    fn white_space_alone_is_one_sentence_and_nothing_is_none() {
        assert_eq!(sentences(""), Vec::<Range<usize>>::new());
        assert_eq!(sentences(" \n "), vec![0..3]);
        assert_eq!(sentences("甲。 \n "), vec![0.."甲。 \n ".len()]);
    }

    proptest! {
        #[test]
        fn sentences_cover_the_text_without_gap_or_overlap(
            text in "([a-cA-C]{1,4}|[甲乙]{1,4}|[0-9]{1,2}|[。！？…，.,;!?()“”「」とは \n\r]|Dr|e\u{301}){0,50}",
        ) {
            let found = sentences(&text);
            let mut end = 0;
            for range in &found {
                prop_assert_eq!(range.start, end);
                prop_assert!(range.end > range.start);
                prop_assert!(found.len() == 1 || !text[range.clone()].trim().is_empty());
                end = range.end;
            }
            prop_assert_eq!(end, text.len());
        }
    }
}
