//! Text inside a paragraph, with its white space as it is shown.

use crate::script::without_space;

/// White space that was seen and is only written when something follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Gap {
    #[default]
    None,
    Space,
    /// A line end of the source, which between ideographs is nothing.
    Line,
}

/// A paragraph while it is read.
#[derive(Debug, Default)]
pub(crate) struct Inline {
    text: String,
    gap: Gap,
}

impl Inline {
    /// Text in which runs of white space are one space.
    pub(crate) fn push(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '\n' | '\r' => self.gap = Gap::Line,
                ' ' | '\t' | '\u{C}' => self.gap = self.gap.max(Gap::Space),
                c => self.character(c),
            }
        }
    }

    fn character(&mut self, c: char) {
        let Some(c) = shown(c) else { return };
        let before = self.text.chars().next_back();
        if before.is_some_and(|before| before != '\n') {
            let space = match self.gap {
                Gap::None => false,
                Gap::Space => true,
                Gap::Line => !without_space(before, Some(c)),
            };
            if space {
                self.text.push(' ');
            }
        }
        self.gap = Gap::None;
        self.text.push(c);
    }

    /// Text in which white space counts.
    pub(crate) fn verbatim(&mut self, text: &str) {
        self.gap = Gap::None;
        let text = text.replace("\r\n", "\n");
        self.text.extend(text.chars().filter_map(|c| match c {
            '\n' | '\t' => Some(c),
            '\r' => Some('\n'),
            c => shown(c),
        }));
    }

    /// A line end of the source.
    pub(crate) fn soft_break(&mut self) {
        self.gap = Gap::Line;
    }

    /// A line end that is meant.
    pub(crate) fn hard_break(&mut self) {
        self.gap = Gap::None;
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    /// The text so far, which ends the paragraph.
    pub(crate) fn take(&mut self) -> String {
        self.gap = Gap::None;
        std::mem::take(&mut self.text)
    }
}

/// A character as it is written: none for marks that only say where lines may end.
fn shown(c: char) -> Option<char> {
    match c {
        '\u{A0}' | '\u{2007}' | '\u{202F}' => Some(' '),
        '\u{AD}' | '\u{200B}' | '\u{2060}' | '\u{FEFF}' => None,
        c if c.is_control() => None,
        c => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_written_as_it_is_shown() {
        for (source, expected) in [
            (" one \n\t two ", "one two"),
            ("中文\n  连写", "中文连写"),
            ("中文 空格", "中文 空格"),
            ("Badge\n门禁", "Badge 门禁"),
            ("a\u{A0}\u{A0}b\u{AD}c\u{200B}d", "a  bcd"),
        ] {
            let mut inline = Inline::default();
            inline.push(source);
            assert_eq!(inline.take(), expected);
        }
    }
}
