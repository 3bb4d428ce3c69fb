//! Lines of text, as stories give them and sections hold them.

/// Where a note reference stood in a line, until its number is known.
pub(crate) const REFERENCE: char = '\u{1}';

/// A paragraph or a row of a table.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// Its text with a [`REFERENCE`] for each note it refers to.
    pub(crate) text: String,
    /// The level of a heading, 1 being the outermost; `None` for other text.
    pub(crate) heading: Option<u8>,
    /// The notes it refers to, in order.
    pub(crate) references: Vec<Reference>,
}

/// A note that is referred to.
#[derive(Debug, Clone)]
pub(crate) struct Reference {
    pub(crate) kind: NoteKind,
    pub(crate) id: String,
    /// Whether the text has a mark of its own for it, as `*`.
    pub(crate) marked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum NoteKind {
    Footnote,
    Endnote,
}

impl Line {
    pub(crate) fn of(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

/// Lines as one line.
pub(crate) fn joined(lines: Vec<Line>) -> Line {
    let mut whole = Line::default();
    for line in lines {
        let text = line.text.trim();
        if !whole.text.is_empty() && !text.is_empty() {
            whole.text.push(' ');
        }
        whole.text.extend(text.chars().map(|c| if matches!(c, '\n' | '\t') { ' ' } else { c }));
        whole.references.extend(line.references);
    }
    whole
}
