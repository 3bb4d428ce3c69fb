//! What a text may be cut after: the separators of Chinese and English.

/// What a text may be cut after, coarsest first. A separator, and the white space behind it, stays
/// at the end of the piece it closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    Paragraph,
    Line,
    Sentence,
    Comma,
    Space,
}

impl Separator {
    pub(super) const ALL: &[Self] =
        &[Self::Paragraph, Self::Line, Self::Sentence, Self::Comma, Self::Space];

    /// The byte positions inside `text` at which a piece ends, in order.
    pub(super) fn ends(self, text: &str) -> Vec<usize> {
        let mut ends = Vec::new();
        // Whether the last mark seen ends a piece at once (`。`), or only before a space (`.`, for
        // `3.5` is one word).
        let (mut at_once, mut before_space) = (false, false);
        let (mut newlines, mut spaces) = (0_usize, 0_usize);
        for (position, c) in text.char_indices() {
            if c.is_whitespace() {
                newlines += usize::from(c == '\n');
                spaces += 1;
                continue;
            }
            let wide = match self {
                Self::Sentence => matches!(c, '。' | '！' | '？' | '；' | '…'),
                Self::Comma => matches!(c, '，' | '、' | '：'),
                Self::Paragraph | Self::Line | Self::Space => false,
            };
            let narrow = match self {
                Self::Sentence => matches!(c, '.' | '!' | '?' | ';'),
                Self::Comma => matches!(c, ',' | ':'),
                Self::Paragraph | Self::Line | Self::Space => false,
            };
            // `。”` and `?)` close together; so do `……` and `？！`.
            let closing = spaces == 0
                && (wide
                    || narrow
                    || matches!(c, '”' | '’' | '」' | '』' | '）' | '】' | '》' | ')' | ']' | '"'));
            let ended = match self {
                Self::Paragraph => newlines >= 2,
                Self::Line => newlines >= 1,
                Self::Space => spaces >= 1,
                Self::Sentence | Self::Comma => {
                    !closing && (at_once || (before_space && spaces >= 1))
                }
            };
            if ended && position > 0 {
                ends.push(position);
            }
            (newlines, spaces) = (0, 0);
            if wide {
                at_once = true;
            } else if narrow {
                before_space = true;
            } else if !closing {
                (at_once, before_space) = (false, false);
            }
        }
        ends
    }
}
