//! The text around a passage that a prompt may be given instead of it.

use std::collections::HashMap;
use std::ops::Range;

use super::recursive::trimmed;
use super::region::{Region, Span};
use super::sentences::sentences;
use super::settings::SplitSettings;
use crate::passage::{Passage, Section};

/// A sentence of fewer characters ("Yes.", a list mark) says nothing alone and joins its neighbor.
const SHORT_SENTENCE: usize = 16;

/// The enclosing text of one or more passages, with the provenance that is true of all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// The document, as in [`Passage::file`].
    pub file: String,
    /// The first and the last page, counted from 1; `None` where the format has no pages.
    pub pages: Option<(u32, u32)>,
    /// The heading path all of it stands under.
    pub heading: Option<String>,
    /// The text; parts of different sections are joined with a newline.
    pub text: String,
    /// Where the parts stand in the document, in order.
    pub spans: Vec<Span>,
}

impl Parent {
    /// The parent as the passage a prompt quotes, on its first page.
    pub fn to_passage(&self) -> Passage {
        Passage {
            file: self.file.clone(),
            page: self.pages.map(|(first, _)| first),
            heading: self.heading.clone(),
            text: self.text.clone(),
        }
    }

    fn new(file: &str, sections: &[Section], parts: &[Region]) -> Option<Self> {
        let mut spans: Vec<Span> = Vec::new();
        for part in parts {
            match spans.last_mut() {
                Some(span) if span.section == part.section => span.range.end = part.range.end,
                Some(_) | None => {
                    spans.push(Span { section: part.section, range: part.range.clone() });
                }
            }
        }
        for span in &mut spans {
            span.range = trimmed(&sections[span.section].text, span.range.clone());
        }
        spans.retain(|span| !span.range.is_empty());
        let texts: Vec<&str> =
            spans.iter().map(|span| &sections[span.section].text[span.range.clone()]).collect();
        let (first, last) = (spans.first()?.section, spans.last()?.section);
        Some(Self {
            file: file.to_owned(),
            pages: sections[first].page.zip(sections[last].page),
            heading: parts.first()?.heading.clone(),
            text: texts.join("\n"),
            spans,
        })
    }
}

/// A passage to be, and the position of its parent.
pub(super) struct Piece {
    pub(super) region: Region,
    pub(super) parent: Option<usize>,
}

/// A document cut into passages to be.
pub(super) struct Cutting {
    pub(super) pieces: Vec<Piece>,
    pub(super) parents: Vec<Parent>,
}

/// Cuts each region recursively. With parents, a region is first cut into blocks no longer than a
/// parent; neighboring blocks under the same heading make a parent while they fit, also over a page
/// end, and passages are cut inside the blocks.
pub(super) fn cut_in_parents(
    settings: &SplitSettings,
    file: &str,
    sections: &[Section],
    regions: Vec<Region>,
) -> Cutting {
    let mut cutting = Cutting { pieces: Vec::new(), parents: Vec::new() };
    let Some(size) = settings.parent() else {
        for region in regions {
            push_passages(settings, sections, &region, None, &mut cutting.pieces);
        }
        return cutting;
    };
    let cutter = settings.passage().resized(size, 0);
    let blocks = regions.into_iter().flat_map(|region| {
        let ranges = cutter.ranges(&sections[region.section].text, region.range.clone());
        ranges
            .into_iter()
            .map(move |range| Region::new(region.section, range, region.heading.clone()))
    });
    let mut group: Vec<Region> = Vec::new();
    let mut flush = |group: &mut Vec<Region>| {
        if let Some(parent) = Parent::new(file, sections, group) {
            let position = cutting.parents.len();
            cutting.parents.push(parent);
            for block in group.iter() {
                push_passages(settings, sections, block, Some(position), &mut cutting.pieces);
            }
        }
        group.clear();
    };
    for block in blocks {
        let joins = group.last().is_some_and(|last| last.heading == block.heading)
            && length(sections, &group, &block) <= size;
        if !joins {
            flush(&mut group);
        }
        group.push(block);
    }
    flush(&mut group);
    cutting
}

/// The characters of a parent made of `group` and `block`.
fn length(sections: &[Section], group: &[Region], block: &Region) -> usize {
    let (mut characters, mut previous): (usize, Option<&Region>) = (0, None);
    for part in group.iter().chain([block]) {
        // Inside a section the white space between two parts counts, between sections a newline.
        let start = match previous {
            Some(before) if before.section == part.section => before.range.end,
            Some(_) => {
                characters += 1;
                part.range.start
            }
            None => part.range.start,
        };
        characters += sections[part.section].text[start..part.range.end].chars().count();
        previous = Some(part);
    }
    characters
}

fn push_passages(
    settings: &SplitSettings,
    sections: &[Section],
    region: &Region,
    parent: Option<usize>,
    pieces: &mut Vec<Piece>,
) {
    let ranges = settings.passage().ranges(&sections[region.section].text, region.range.clone());
    pieces.extend(ranges.into_iter().map(|range| Piece {
        region: Region::new(region.section, range, region.heading.clone()),
        parent,
    }));
}

/// Cuts each region into groups of sentences; the parent of a group is the group with the sentences
/// around it under the same heading, also over a page end.
pub(super) fn cut_in_windows(
    settings: &SplitSettings,
    file: &str,
    sections: &[Section],
    regions: Vec<Region>,
    per_passage: usize,
    around: usize,
) -> Cutting {
    let all: Vec<Region> =
        regions.iter().flat_map(|region| sentences_of(settings, sections, region)).collect();
    let mut cutting = Cutting { pieces: Vec::new(), parents: Vec::new() };
    let mut known: HashMap<Range<usize>, usize> = HashMap::new();
    let mut start = 0;
    while start < all.len() {
        let end = group_end(settings, sections, &all, start, per_passage);
        let window = window(settings, sections, &all, start..end, around);
        let parent = known.get(&window).copied().or_else(|| {
            let parent = Parent::new(file, sections, &all[window.clone()])?;
            cutting.parents.push(parent);
            known.insert(window, cutting.parents.len() - 1);
            Some(cutting.parents.len() - 1)
        });
        let first = &all[start];
        let text = &sections[first.section].text;
        let range = trimmed(text, first.range.start..all[end - 1].range.end);
        cutting.pieces.push(Piece {
            region: Region::new(first.section, range, first.heading.clone()),
            parent,
        });
        start = end;
    }
    cutting
}

/// The sentences of a region; a sentence longer than a passage is cut recursively.
fn sentences_of(settings: &SplitSettings, sections: &[Section], region: &Region) -> Vec<Region> {
    let text = &sections[region.section].text;
    let body = &text[region.range.clone()];
    let mut found = Vec::new();
    for sentence in sentences(body) {
        let range = region.range.start + sentence.start..region.range.start + sentence.end;
        for range in settings.passage().ranges(text, range) {
            found.push(Region::new(region.section, range, region.heading.clone()));
        }
    }
    found
}

/// Where the passage beginning at sentence `start` ends: after `per_passage` sentences, short ones
/// not counted, or before the sentence that would make it too long or is under another heading.
fn group_end(
    settings: &SplitSettings,
    sections: &[Section],
    all: &[Region],
    start: usize,
    per_passage: usize,
) -> usize {
    let first = &all[start];
    let text = &sections[first.section].text;
    let mut counted = 0;
    let mut end = start;
    while let Some(sentence) = all.get(end) {
        let together = sentence.section == first.section && sentence.heading == first.heading;
        let fits = || {
            let whole = first.range.start..sentence.range.end;
            text[whole].chars().count() <= settings.passage().size()
        };
        if end > start && (counted >= per_passage || !together || !fits()) {
            break;
        }
        let short = text[sentence.range.clone()].chars().count() < SHORT_SENTENCE;
        counted += usize::from(!short);
        end += 1;
    }
    end
}

/// The sentences of a parent: those of `group`, and up to `around` on each side while they stand
/// under the same heading and the parent stays within its size, nearest first.
fn window(
    settings: &SplitSettings,
    sections: &[Section],
    all: &[Region],
    group: Range<usize>,
    around: usize,
) -> Range<usize> {
    let heading = &all[group.start].heading;
    let fits = |range: Range<usize>| match (settings.parent(), all[range].split_last()) {
        (Some(size), Some((last, before))) => length(sections, before, last) <= size,
        (None, _) | (_, None) => true,
    };
    let mut window = group;
    let (mut before, mut after) = (true, true);
    for _ in 0..around {
        before = before
            && window.start > 0
            && all[window.start - 1].heading == *heading
            && fits(window.start - 1..window.end);
        if before {
            window.start -= 1;
        }
        after = after
            && all.get(window.end).is_some_and(|next| next.heading == *heading)
            && fits(window.start..window.end + 1);
        if after {
            window.end += 1;
        }
    }
    window
}
