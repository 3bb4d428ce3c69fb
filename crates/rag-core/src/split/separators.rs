//! What a text may be cut after: the separators of Chinese and English.

use super::sentences::sentences;

/// What a text may be cut after, coarsest first. A separator, and the white space behind it, stays
/// at the end of the piece it closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    Paragraph,
    Line,
    /// A mark that usually ends a sentence, wherever it stands.
    SentenceMark,
    /// The end of a sentence, as [`sentences`] finds it.
    Sentence,
    /// `；`, `;` and `…`, where a sentence goes on but may be cut before its commas are.
    Clause,
    Comma,
    Space,
}

impl Separator {
    /// The levels when every sentence mark counts.
    pub(super) const BY_MARKS: &[Self] =
        &[Self::Paragraph, Self::Line, Self::SentenceMark, Self::Comma, Self::Space];

    /// The levels when sentences are told by their language.
    pub(super) const BY_SENTENCES: &[Self] =
        &[Self::Paragraph, Self::Line, Self::Sentence, Self::Clause, Self::Comma, Self::Space];

    /// The byte positions inside `text` at which a piece ends, in order.
    pub(super) fn ends(self, text: &str) -> Vec<usize> {
        let mut ends = Vec::new();
        if self == Self::Sentence {
            ends.extend(sentences(text).into_iter().map(|sentence| sentence.end));
            ends.pop();
            return ends;
        }
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
                Self::SentenceMark => matches!(c, '。' | '！' | '？' | '；' | '…'),
                Self::Clause => matches!(c, '；' | '…'),
                Self::Comma => matches!(c, '，' | '、' | '：'),
                Self::Paragraph | Self::Line | Self::Sentence | Self::Space => false,
            };
            let narrow = match self {
                Self::SentenceMark => matches!(c, '.' | '!' | '?' | ';'),
                Self::Clause => c == ';',
                Self::Comma => matches!(c, ',' | ':'),
                Self::Paragraph | Self::Line | Self::Sentence | Self::Space => false,
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
                Self::SentenceMark | Self::Sentence | Self::Clause | Self::Comma => {
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
