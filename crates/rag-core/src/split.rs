//! Documents into passages: how they are cut, what is embedded of each, and which parent a prompt
//! may be given instead of it.

mod contents;
mod heading;
mod headings;
mod parents;
mod recursive;
mod region;
mod sentences;
mod separators;
mod settings;
mod tokens;

use std::borrow::Cow;
use std::convert::Infallible;

use crate::passage::{Passage, Section, with_context};
use contents::Contents;
use parents::Cutting;
use region::Region;
use tokens::Candidate;

pub use parents::Parent;
pub use recursive::{SentenceRules, Splitter, SplitterError};
pub use region::Span;
pub use sentences::sentences;
pub use settings::{ALL_HEADINGS, SplitSettings, SplitSettingsError, Strategy, UnknownStrategy};
pub use tokens::TokenLimit;

/// A document in passages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SplitDocument {
    /// The passages, in order.
    pub passages: Vec<SplitPassage>,
    /// The parents that passages point to, in order; empty unless the settings ask for them.
    pub parents: Vec<Parent>,
    /// What the token limit did.
    pub limits: LimitReport,
    /// Passages of tables of contents, which are left out: headings say the same where it belongs.
    pub contents: usize,
}

/// A passage with all that is known about it when it is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitPassage {
    /// What is shown and cited.
    pub passage: Passage,
    /// Put before the text when it is embedded: the heading path, or as much of its inner end as
    /// the settings ask for and the token limit allows.
    pub context: Option<String>,
    /// The passage's position in [`SplitDocument::parents`].
    pub parent: Option<usize>,
    /// Where the text stands in the document.
    pub span: Span,
}

impl SplitPassage {
    /// What is embedded: the context and the text. The embedding's own prefix is not in it.
    pub fn embedded_text(&self) -> Cow<'_, str> {
        with_context(self.context.as_deref(), &self.passage.text)
    }
}

/// What was done so that an embedding reads every passage to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LimitReport {
    /// Passages that were longer than the limit and were cut further.
    pub cut: usize,
    /// Passages whose context left out outer headings, or all, to make room for the text.
    pub contexts_shortened: usize,
    /// Passages that are one character and still longer than the limit: their ends are not embedded.
    pub too_long: usize,
}

impl SplitSettings {
    /// The passages of a document, in order, however many tokens they have.
    pub fn split(&self, file: &str, sections: &[Section]) -> SplitDocument {
        match self.split_within::<Infallible>(file, sections, None) {
            Ok(document) => document,
            Err(never) => match never {},
        }
    }

    /// The passages of a document, in order, each with no more tokens than the limit: a passage
    /// that has more is cut further, and what cannot be cut is counted in the report. Nothing is
    /// left out in silence: tables of contents are, and counted, unless there is nothing else.
    ///
    /// With the default settings and no limit, the passages are those of [`Splitter::split`], but for tables of contents.
    ///
    /// # Errors
    /// When counting tokens fails.
    pub fn split_within<E>(
        &self,
        file: &str,
        sections: &[Section],
        limit: Option<TokenLimit<'_, E>>,
    ) -> Result<SplitDocument, E> {
        let regions = match self.strategy() {
            Strategy::Headings => headings::regions(file, sections),
            Strategy::Recursive | Strategy::SentenceWindow { .. } => Region::of_sections(sections),
        };
        let Cutting { pieces, parents } = match self.strategy() {
            Strategy::Recursive | Strategy::Headings => {
                parents::cut_in_parents(self, file, sections, regions)
            }
            Strategy::SentenceWindow { sentences, around } => {
                parents::cut_in_windows(self, file, sections, regions, sentences.get(), around)
            }
        };
        let mut document = SplitDocument { parents, ..SplitDocument::default() };
        let contents = Contents::of(sections);
        let mut left_out = Vec::new();
        for piece in pieces {
            let text = &sections[piece.region.section].text;
            let context = self.context_of(piece.region.heading.as_deref());
            let covered = match document.passages.last() {
                Some(before) if before.span.section == piece.region.section => {
                    before.span.range.end
                }
                Some(_) | None => 0,
            };
            let candidate = Candidate { text, range: piece.region.range, context, covered };
            let fitted =
                tokens::fit(self.passage(), candidate, limit.as_ref(), &mut document.limits)?;
            for (range, context) in fitted {
                let passage = SplitPassage {
                    passage: Passage {
                        file: file.to_owned(),
                        page: sections[piece.region.section].page,
                        heading: piece.region.heading.clone(),
                        text: text[range.clone()].to_owned(),
                    },
                    context,
                    parent: piece.parent,
                    span: Span { section: piece.region.section, range },
                };
                if contents.holds(&passage.passage.text) {
                    left_out.push(passage);
                } else {
                    document.passages.push(passage);
                }
            }
        }
        if document.passages.is_empty() {
            document.passages = left_out;
        } else if !left_out.is_empty() {
            document.contents = left_out.len();
            document.drop_childless();
        }
        Ok(document)
    }
}

impl SplitDocument {
    /// Leaves out the parents that no passage points to.
    fn drop_childless(&mut self) {
        let mut places = vec![None; self.parents.len()];
        for parent in self.passages.iter().filter_map(|passage| passage.parent) {
            places[parent] = Some(0);
        }
        for (place, kept) in places.iter_mut().flatten().enumerate() {
            *kept = place;
        }
        let mut at = 0..;
        self.parents.retain(|_| at.next().is_some_and(|at| places[at].is_some()));
        for parent in self.passages.iter_mut().filter_map(|passage| passage.parent.as_mut()) {
            *parent = places[*parent].unwrap_or(*parent);
        }
    }
}

#[cfg(test)]
mod tests;
