//! A stretch of one section whose page and heading are true of all of it.

use std::ops::Range;

use crate::passage::Section;

/// Where some text stands in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The section, counted from 0.
    pub section: usize,
    /// The bytes of the section's text.
    pub range: Range<usize>,
}

/// A stretch of one section under one heading path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) section: usize,
    pub(super) range: Range<usize>,
    pub(super) heading: Option<String>,
}

impl Region {
    pub(super) fn new(section: usize, range: Range<usize>, heading: Option<String>) -> Self {
        Self { section, range, heading }
    }

    /// Each section as one region.
    pub(super) fn of_sections(sections: &[Section]) -> Vec<Self> {
        sections
            .iter()
            .enumerate()
            .map(|(i, section)| Self::new(i, 0..section.text.len(), section.heading.clone()))
            .collect()
    }
}
