//! Passages that an embedding reads to their ends.

use std::ops::Range;

use super::LimitReport;
use super::recursive::Splitter;
use crate::passage::with_context;

/// The most tokens an embedding reads, and how to count them.
#[derive(Clone, Copy)]
pub struct TokenLimit<'a, E> {
    /// The most tokens of what is embedded, the embedding's prefix and special tokens included.
    pub max: usize,
    /// The tokens of what is embedded; adds the embedding's prefix itself.
    pub count: &'a dyn Fn(&str) -> Result<usize, E>,
}

/// A passage to be, in the section's text it stands in.
pub(super) struct Candidate<'a> {
    pub(super) text: &'a str,
    pub(super) range: Range<usize>,
    pub(super) context: Option<&'a str>,
    /// Where the passage before it in the same section ends.
    pub(super) covered: usize,
}

/// A piece that fits, and what could be kept of its context.
pub(super) type Fitted = (Range<usize>, Option<String>);

/// The candidate as it is, or cut until each piece with its context has no more tokens than the
/// limit. Pieces that would only repeat the passage before are left out.
pub(super) fn fit<E>(
    splitter: Splitter,
    candidate: Candidate<'_>,
    limit: Option<&TokenLimit<'_, E>>,
    report: &mut LimitReport,
) -> Result<Vec<Fitted>, E> {
    let Candidate { text, range, context, covered } = candidate;
    let whole = |range| Ok(vec![(range, context.map(str::to_owned))]);
    let Some(limit) = limit else {
        return whole(range);
    };
    if (limit.count)(&with_context(context, &text[range.clone()]))? <= limit.max {
        return whole(range);
    }
    let kept = match context {
        Some(context) => room_for_text(context, limit)?,
        None => None,
    };
    let mut pieces = Vec::new();
    cut(splitter, text, range, kept, limit, &mut pieces)?;
    pieces.retain(|piece| piece.range.end > covered);
    report.cut += usize::from(pieces.len() > 1);
    report.contexts_shortened += if kept == context { 0 } else { pieces.len() };
    report.too_long += pieces.iter().filter(|piece| piece.too_long).count();
    Ok(pieces.into_iter().map(|piece| (piece.range, kept.map(str::to_owned))).collect())
}

/// As much of a heading path's inner end as leaves half of the limit to the text. The innermost
/// heading says most about a passage, so outer ones go first.
fn room_for_text<'a, E>(context: &'a str, limit: &TokenLimit<'_, E>) -> Result<Option<&'a str>, E> {
    let mut rest = Some(context);
    while let Some(path) = rest {
        if (limit.count)(path)? <= limit.max / 2 {
            return Ok(Some(path));
        }
        rest = path.split_once(" > ").map(|(_, inner)| inner);
    }
    Ok(None)
}

struct Piece {
    range: Range<usize>,
    too_long: bool,
}

fn cut<E>(
    splitter: Splitter,
    text: &str,
    range: Range<usize>,
    context: Option<&str>,
    limit: &TokenLimit<'_, E>,
    pieces: &mut Vec<Piece>,
) -> Result<(), E> {
    let piece = &text[range.clone()];
    let tokens = (limit.count)(&with_context(context, piece))?;
    let characters = piece.chars().count();
    if tokens <= limit.max || characters <= 1 {
        pieces.push(Piece { range, too_long: tokens > limit.max });
        return Ok(());
    }
    // Equal pieces, as many as the tokens ask for, instead of full ones and a crumb.
    let parts = tokens.div_ceil(limit.max.max(1)).max(2);
    let size = characters.div_ceil(parts).min(characters - 1).max(1);
    let overlap = (splitter.overlap() * size / splitter.size()).min(size - 1);
    for smaller in splitter.resized(size, overlap).ranges(text, range) {
        // A smaller piece may repeat only what it needs to; a piece inside the one before is noise.
        if pieces.last().is_none_or(|before| smaller.end > before.range.end) {
            cut(splitter, text, smaller, context, limit, pieces)?;
        }
    }
    Ok(())
}
