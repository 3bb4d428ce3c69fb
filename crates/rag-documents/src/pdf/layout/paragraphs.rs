//! Lines into paragraphs.

use std::collections::HashMap;

use super::{Line, first, is_wide, last, without_space};
use crate::pdf::hyphens::{AT_LINE_END, is_hyphen};

/// Lines further apart than this multiple of the usual distance are different paragraphs.
const PARAGRAPH_GAP: f32 = 1.3;
/// Of a longer word only so many letters are looked at: lines without end may all be parts of one.
const LONGEST_WORD: usize = 256;

/// The text of lines in reading order: a line of output for each paragraph, table row or line of program text.
pub(crate) fn paragraphs(lines: &[&Line]) -> String {
    let leading = usual_leading(lines);
    let mut text = String::new();
    let mut above: Option<&Line> = None;
    let mut edges: HashMap<usize, f32> = HashMap::new();
    for line in lines {
        let edge = edges.entry(line.block).or_insert(line.right);
        *edge = edge.max(line.right);
    }
    for line in lines {
        let edge = edges.get(&line.block).copied().unwrap_or(line.right);
        match above {
            Some(above) if continues(above, line, leading, edge) => join(&mut text, &line.text),
            Some(above) if let Some(rest) = rest_of_cell(above, line) => join(&mut text, rest),
            Some(_) => {
                text.push('\n');
                text.push_str(&line.text);
            }
            None => text.push_str(&line.text),
        }
        above = Some(line);
    }
    text
}

/// The distance most neighboring lines have, relative to their font size.
pub(super) fn usual_leading(lines: &[&Line]) -> f32 {
    let mut gaps: Vec<f32> = lines
        .windows(2)
        .filter_map(|pair| {
            let [above, below] = pair else { return None };
            let gap = (below.base - above.base) / above.size;
            (above.block == below.block && (0.5..3.0).contains(&gap)).then_some(gap)
        })
        .collect();
    gaps.sort_by(f32::total_cmp);
    gaps.get(gaps.len() / 2).copied().unwrap_or(1.2).clamp(0.9, 2.0)
}

/// Whether `line` goes on where `above` ended because its line was full.
pub(super) fn continues(above: &Line, line: &Line, leading: f32, right: f32) -> bool {
    let apart = |line: &Line| line.row || line.mono;
    if apart(above) || apart(line) || has_leader(&above.text) {
        return false;
    }
    // The page of an entry may stand in its second line.
    if has_leader(&line.text) && !breaks_word(&above.text, &line.text) {
        return false;
    }
    if let (Some(one), Some(other)) = (above.paragraph, line.paragraph) {
        return one == other
            && (is_full(above, line, right) || breaks_word(&above.text, &line.text));
    }
    if line.begins_item() {
        return false;
    }
    // A heading goes on in its own lines only.
    if above.heading != line.heading {
        return false;
    }
    if line.heading.is_some() {
        return true;
    }
    if above.bold != line.bold && (above.size - line.size).abs() > 0.02 * above.size {
        return false;
    }
    // A paragraph goes on at the top of the next column.
    if above.block != line.block {
        return above.main
            && line.main
            && line.base < above.base
            && line.left > above.right
            && (line.size - above.size).abs() <= 0.05 * above.size
            && breaks_word(&above.text, &line.text);
    }
    let size = above.size;
    let gap = (line.base - above.base) / size;
    let close =
        gap > 0.0 && gap <= leading * PARAGRAPH_GAP && (line.size - size).abs() <= 0.12 * size;
    if !close {
        return false;
    }
    if breaks_word(&above.text, &line.text) {
        return true;
    }
    let indent = if above.begins_item() { 4.0 } else { 0.9 };
    is_full(above, line, right) && line.left <= above.left + indent * size
}

/// What a row says in its only cell, if that goes on with the word that the last cell of the row above breaks.
fn rest_of_cell<'a>(above: &Line, line: &'a Line) -> Option<&'a str> {
    let rest = line.text.trim_start_matches(['|', ' ']);
    let only = line.text.starts_with([' ', '|']) && !rest.contains(" | ");
    let rows = above.row && line.row && above.block == line.block;
    (rows && only && breaks_word(&above.text, rest)).then_some(rest)
}

/// Whether the line above is full: the next word would not have fitted, one character of Chinese, or a word.
fn is_full(above: &Line, line: &Line, right: f32) -> bool {
    let size = above.size;
    let wide = first(&line.text).is_some_and(is_wide);
    let first_word = line.text.split(' ').next().map_or(0, |word| word.chars().count());
    let room = if wide { 2.5 * size } else { (first_word.min(20) as f32 * 0.6 + 1.5) * size };
    above.right >= right - room
}

/// Whether a word is broken at the end of a line.
pub(super) fn breaks_word(above: &str, below: &str) -> bool {
    let mut end = above.chars().rev();
    end.next().is_some_and(is_hyphen)
        && end.next().is_some_and(char::is_alphabetic)
        && (first(below).is_some_and(char::is_lowercase) || is_in_capitals(above, below))
}

/// Whether the words on both sides of a line's end are those of a text in capitals; "CD-ROM" alone is none.
fn is_in_capitals(above: &str, below: &str) -> bool {
    let capitals = |words: [Option<&str>; 2]| {
        words.into_iter().all(|word| {
            word.is_some_and(|word| {
                let letters = word.chars().filter(|c| c.is_alphabetic());
                letters.clone().count() >= 2 && letters.clone().all(char::is_uppercase)
            })
        })
    };
    let (mut before, mut after) = (above.rsplit(' '), below.split(' '));
    capitals([before.next(), before.next()]) && capitals([after.next(), after.next()])
}

/// Whether a line is one of a table of contents, with dots that lead to the page.
fn has_leader(text: &str) -> bool {
    text.contains(". . . .") || text.contains(".....")
}

impl Line {
    fn begins_item(&self) -> bool {
        self.item || begins_item(&self.text)
    }
}

/// Whether a text begins with the mark of a list item.
fn begins_item(text: &str) -> bool {
    let numbered = text
        .trim_start_matches(|c: char| c.is_ascii_digit())
        .strip_prefix(['.', ')', '、'])
        .is_some_and(|rest| {
            rest.starts_with(' ') && text.starts_with(|c: char| c.is_ascii_digit())
        });
    numbered
        || is_reference(text)
        || text.starts_with(['•', '●', '◦', '▪', '■', '–', '·', '‣', '\u{f0b7}'])
        || text.starts_with("- ")
        || text.starts_with("* ")
}

/// Whether a text is the mark of a list item and no more.
pub(super) fn is_item_mark(text: &str) -> bool {
    let lettered = || {
        let letter = text.strip_suffix(['.', ')']).map(|rest| rest.trim_start_matches('('));
        letter.is_some_and(|letter| letter.len() == 1 && letter.starts_with(char::is_alphabetic))
    };
    text == "o" || lettered() || begins_item(&format!("{text} ")) && !text.contains(' ')
}

/// Whether a line begins an entry of a list of references: "[12] ".
fn is_reference(text: &str) -> bool {
    let number = text.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    number.is_some_and(|(number, _)| {
        (1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit())
    })
}

/// Appends a line: Chinese without a space, a word that may be broken with a mark for its hyphen ([`AT_LINE_END`]), other words
/// with a space.
pub(crate) fn join(text: &mut String, line: &str) {
    if breaks_word(text, line) {
        let letters = text.char_indices().rev().take(LONGEST_WORD);
        let start = letters.take_while(|(_, c)| *c != ' ' && !is_wide(*c)).last();
        let word = text.get(start.map_or(text.len(), |(at, _)| at)..).unwrap_or_default();
        let rest = line.split(|c: char| c == ' ' || is_wide(c)).next().unwrap_or_default();
        if !is_compound(word, rest) && !is_address(word) && !is_address(rest) {
            text.pop();
            text.push(AT_LINE_END);
        }
    } else if !without_space(last(text), first(line)) && !text.is_empty() && !is_tied(text, line) {
        text.push(' ');
    }
    text.push_str(line);
}

/// Whether two parts of a word are sure to be a compound: it has hyphens elsewhere ("e-mail-\naddress"), or goes on in small letters
/// after a capital ("USB-\nstick").
fn is_compound(word: &str, rest: &str) -> bool {
    let within = |c: char| c.is_alphanumeric() || is_hyphen(c);
    let hyphens = word.chars().rev().take_while(|c| within(*c)).filter(|c| is_hyphen(*c)).count();
    let before = word.chars().rev().nth(1);
    hyphens > 1
        || before.is_some_and(char::is_uppercase) && first(rest).is_some_and(char::is_lowercase)
}

/// Whether a part of a word is one of an address, whose hyphens are its own: "debian-\nboot@lists.debian.org".
fn is_address(part: &str) -> bool {
    let inside = part.trim_matches(|c: char| !c.is_alphanumeric());
    let dotted = inside
        .split_once('.')
        .is_some_and(|(host, rest)| host.len() > 1 && rest.starts_with(char::is_lowercase));
    dotted || inside.contains(['@', '_']) || inside.contains("://")
}

/// Whether the first word of a line is tied to the word above it: "GaInP/GaAs" may be broken behind the slash.
fn is_tied(above: &str, below: &str) -> bool {
    let mut end = above.chars().rev();
    end.next().is_some_and(|c| is_hyphen(c) || c == '/')
        && end.next().is_some_and(|c| !c.is_whitespace() && !matches!(c, '-' | '/'))
        && first(below).is_some_and(char::is_alphanumeric)
}
