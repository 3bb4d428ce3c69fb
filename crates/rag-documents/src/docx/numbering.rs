//! Automatic numbers and bullets: what a paragraph of a list begins with (ECMA-376-1, 17.9).

mod counters;
mod definitions;
mod formats;
mod words;

pub(crate) use counters::Counters;
pub(crate) use definitions::Definitions;

/// What stands before the text of a paragraph in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) mark: Mark,
    /// How deep the list nests, 0 being the outermost; 0 too where the number itself tells, as `1.2`.
    pub(crate) depth: u8,
    /// Whether the text follows without a gap.
    pub(crate) close: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mark {
    Bullet,
    Number(String),
}

impl Label {
    /// The text with this label before it.
    pub(crate) fn before(&self, text: &str) -> String {
        let indent = "  ".repeat(usize::from(self.depth));
        match &self.mark {
            Mark::Bullet => format!("{indent}- {text}"),
            Mark::Number(number) => format!("{indent}{}{text}", self.spaced(number)),
        }
    }

    /// The title with its number; a bullet is no part of a title.
    pub(crate) fn before_title(&self, title: &str) -> String {
        match &self.mark {
            Mark::Bullet => title.to_owned(),
            Mark::Number(number) => format!("{}{title}", self.spaced(number)),
        }
    }

    fn spaced(&self, number: &str) -> String {
        // Full-width punctuation brings its own space.
        let wide = number.ends_with(['、', '，', '。', '．', '：', '）', '】', '〕', '』', '」']);
        let gap = if self.close || wide { "" } else { " " };
        format!("{number}{gap}")
    }
}
