//! How documents are cut, as the options of `kbctl build` and the keys of `watch.yaml` say it.

use rag_core::{ALL_HEADINGS, SplitSettings, Splitter, Strategy};

/// What was asked for.
pub(crate) struct Splitting {
    pub(crate) chunk_size: usize,
    pub(crate) chunk_overlap: usize,
    pub(crate) strategy: Strategy,
    pub(crate) parent_size: Option<usize>,
    pub(crate) headings_embedded: Option<usize>,
}

/// What cannot be: its name, with `_` between words, and why.
pub(crate) struct Impossible(pub(crate) &'static str, pub(crate) String);

impl Splitting {
    /// The settings of the splitter.
    pub(crate) fn settings(&self) -> Result<SplitSettings, Impossible> {
        let passage = Splitter::new(self.chunk_size, self.chunk_overlap)
            .map_err(|error| Impossible("chunk_size", error.to_string()))?;
        let settings = SplitSettings::new(passage)
            .with_strategy(self.strategy)
            .with_headings_embedded(self.headings_embedded.unwrap_or(ALL_HEADINGS));
        match self.parent_size {
            None => Ok(settings),
            Some(size) => settings
                .with_parents(size)
                .map_err(|error| Impossible("parent_size", error.to_string())),
        }
    }
}
