//! Letters with positions into lines in reading order, and lines into paragraphs.

mod columns;
mod drawing;
mod lines;
mod paragraphs;
mod pieces;
mod tables;

pub(crate) use paragraphs::{join, paragraphs};

use super::content::Drawn;

/// A line of text, or a row of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) text: String,
    /// Where it begins and ends, along the way the text runs (points).
    pub(crate) left: f32,
    pub(crate) right: f32,
    /// Its baseline, growing downwards (points).
    pub(crate) base: f32,
    /// Its font size (points).
    pub(crate) size: f32,
    pub(crate) bold: bool,
    /// Whether it is set in a typewriter font: program text, whose line ends count.
    pub(crate) mono: bool,
    /// Whether it is a row of a table.
    pub(crate) row: bool,
    /// Whether the page itself says that it is a running header or footer.
    pub(crate) artifact: bool,
    /// Lines of one block stand under each other with nothing between them.
    pub(crate) block: usize,
    /// Which of the page's headings it is a line of.
    pub(crate) heading: Option<usize>,
    /// Whether it runs the way that most of the page's text runs.
    pub(crate) main: bool,
}

/// The lines of a page in reading order: the text that runs like most of it, then that which does not.
pub(crate) fn lines(drawn: &Drawn) -> Vec<Line> {
    let mut all = Vec::new();
    let mut block = 0;
    for (at, pieces) in pieces::by_direction(drawn).into_iter().enumerate() {
        for pieces in columns::blocks(pieces) {
            // A diagram has neither columns nor rows: whoever drew it put together what belongs together.
            let loose = drawing::is_loose(&pieces);
            let groups = if loose { drawing::groups(pieces) } else { vec![pieces] };
            for pieces in groups {
                for mut line in tables::lines(&lines::rows(pieces), !loose) {
                    (line.block, line.main) = (block, at == 0);
                    all.push(line);
                }
                block += 1;
            }
        }
    }
    all
}

/// Ideographs, kana, and their punctuation: written without spaces. Korean is written with them.
pub(crate) fn is_wide(c: char) -> bool {
    matches!(c,
        '\u{2E80}'..='\u{303E}' | '\u{3041}'..='\u{312F}' | '\u{3190}'..='\u{33FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{A000}'..='\u{A4CF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{FE30}'..='\u{FE4F}' | '\u{FF00}'..='\u{FF60}'
        | '\u{FFE0}'..='\u{FFE6}' | '\u{20000}'..='\u{3FFFD}')
}

/// Punctuation that Chinese shares with other scripts.
fn is_shared(c: char) -> bool {
    matches!(c, '“' | '”' | '‘' | '’' | '…' | '—' | '·')
}

fn last(text: &str) -> Option<char> {
    text.chars().next_back()
}

fn first(text: &str) -> Option<char> {
    text.chars().next()
}

/// Whether nothing is written between what ends and what begins with these.
fn without_space(before: Option<char>, after: Option<char>) -> bool {
    match (before, after) {
        (Some(b), Some(a)) => {
            is_wide(b) && (is_wide(a) || is_shared(a)) || is_shared(b) && is_wide(a)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
