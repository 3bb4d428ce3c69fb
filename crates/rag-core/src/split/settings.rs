//! What may be chosen about splitting.

use std::num::NonZeroUsize;
use std::str::FromStr;

use super::recursive::{SentenceRules, Splitter};

/// How documents are split. The default is what [`Splitter`] alone does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitSettings {
    passage: Splitter,
    strategy: Strategy,
    parent: Option<usize>,
    headings_embedded: usize,
}

/// Every level of a heading path, however deep.
pub const ALL_HEADINGS: usize = usize::MAX;

/// Where passages may begin and end. All strategies hold the size limit, and none lets a passage
/// reach over a page or a heading section of the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// At the coarsest separator that makes pieces small enough; neighbors are joined while they fit.
    Recursive,
    /// Each heading section by itself, cut recursively where it is too long. Documents whose reader
    /// found no headings are searched for lines that have the form of one.
    Headings,
    /// A few sentences each, with the sentences around them as the parent.
    SentenceWindow {
        /// Sentences in a passage.
        sentences: NonZeroUsize,
        /// Sentences on each side that the parent adds.
        around: usize,
    },
}

/// Settings that cannot work together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitSettingsError {
    /// A parent holds whole passages.
    #[error("the parent size ({parent}) must be at least the passage size ({size})")]
    ParentTooSmall {
        /// The parent size asked for, in characters.
        parent: usize,
        /// The passage size, in characters.
        size: usize,
    },
}

impl Default for SplitSettings {
    /// Recursive, 600 characters with an overlap of 80, headings embedded, no parents.
    fn default() -> Self {
        Self::new(Splitter::default())
    }
}

impl SplitSettings {
    /// Recursive splitting with headings embedded and without parents.
    pub fn new(passage: Splitter) -> Self {
        Self {
            passage,
            strategy: Strategy::Recursive,
            parent: None,
            headings_embedded: ALL_HEADINGS,
        }
    }

    /// The same with another strategy.
    #[must_use]
    pub fn with_strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// The same with parents of at most `size` characters.
    ///
    /// # Errors
    /// When a parent would be smaller than a passage.
    pub fn with_parents(mut self, size: usize) -> Result<Self, SplitSettingsError> {
        if size < self.passage.size() {
            return Err(SplitSettingsError::ParentTooSmall {
                parent: size,
                size: self.passage.size(),
            });
        }
        self.parent = Some(size);
        Ok(self)
    }

    /// The same with only the innermost `levels` of the heading path in what is embedded; 0 for
    /// none. Outer headings stand over so many passages that they tell few apart.
    #[must_use]
    pub fn with_headings_embedded(mut self, levels: usize) -> Self {
        self.headings_embedded = levels;
        self
    }

    /// Size and overlap of passages, in characters, and how sentences are told: by marks only for
    /// recursive splitting that was not set otherwise.
    pub fn passage(&self) -> Splitter {
        match self.strategy {
            Strategy::Recursive => self.passage,
            Strategy::Headings | Strategy::SentenceWindow { .. } => {
                self.passage.with_sentence_rules(SentenceRules::Language)
            }
        }
    }

    /// Where passages may begin and end.
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// The most characters in a parent; `None` without parents. Sentence windows always have
    /// parents, which without this setting are as long as their sentences.
    pub fn parent(&self) -> Option<usize> {
        self.parent
    }

    /// How many levels of the heading path, from the innermost, are put before the text when it is
    /// embedded.
    pub fn headings_embedded(&self) -> usize {
        self.headings_embedded
    }

    /// The part of a heading path that is embedded before the text, where the token limit leaves room.
    pub fn context_of<'a>(&self, path: Option<&'a str>) -> Option<&'a str> {
        let path = path?;
        let outer = self.headings_embedded.checked_sub(1)?;
        let start = path.rmatch_indices(" > ").nth(outer).map_or(0, |(at, mark)| at + mark.len());
        Some(&path[start..])
    }
}

/// A word that names no strategy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no splitting strategy: recursive, headings and sentence-window are")]
pub struct UnknownStrategy(pub String);

impl Strategy {
    /// The word used in settings and manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recursive => "recursive",
            Self::Headings => "headings",
            Self::SentenceWindow { .. } => "sentence-window",
        }
    }

    /// One sentence a passage, three around it on each side.
    pub fn sentence_window() -> Self {
        Self::SentenceWindow { sentences: NonZeroUsize::MIN, around: 3 }
    }
}

impl FromStr for Strategy {
    type Err = UnknownStrategy;

    /// The strategy of that word; a sentence window with its usual numbers.
    fn from_str(word: &str) -> Result<Self, UnknownStrategy> {
        match word {
            "recursive" => Ok(Self::Recursive),
            "headings" => Ok(Self::Headings),
            "sentence-window" => Ok(Self::sentence_window()),
            other => Err(UnknownStrategy(other.to_owned())),
        }
    }
}
