//! Letters into pieces: stretches of a line without a wide gap.

mod accents;
mod caps;
mod holes;
mod limits;
mod marks;
mod neighbors;
mod shadows;
mod words;

use std::borrow::Cow;
use std::collections::HashMap;

use super::super::content::Letter;
use super::super::direction;
use neighbors::neighbors;
use shadows::{MOST_COMPARED, SHADOWS, Shadows};
use words::{WORD_GAP, spaced};

/// A gap of this share ends a piece: it may be a gutter between columns.
const PIECE_GAP: f32 = 1.2;
/// The same where the neighbor was not drawn next: anything wider than a word gap may be a gutter.
pub(super) const NEIGHBOR_GAP: f32 = 0.6;
/// Letters may reach into the next ones by this share: Chinese punctuation is closed up to half its width,
/// on both sides.
pub(super) const OVERLAP: f32 = 1.05;
/// Letters whose baselines differ by more than this share of the font size stand on different lines;
/// less is a superscript.
const LINE_SHIFT: f32 = 0.6;

/// Those whose baselines differ by no more than this share stand at one height.
const LEVEL: f32 = 0.12;

/// Font sizes in one piece that are told apart.
const MOST_SIZES: usize = 8;

/// The direction of text that runs from left to right.
const UPRIGHT: (f32, f32) = (1.0, 0.0);

/// Letters that stand together on a line.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) left: f32,
    pub(super) right: f32,
    pub(super) base: f32,
    /// The font size of its largest letters: what is raised or lowered beside them belongs to their line.
    pub(super) size: f32,
    /// The font size of most of its letters.
    pub(super) usual: f32,
    /// Letters set in bold, in a typewriter font, and all.
    bold: usize,
    mono: usize,
    pub(super) letters: usize,
    pub(super) artifact: bool,
    /// Its place in the order of drawing.
    pub(super) order: usize,
    /// The same of what was drawn last of it.
    pub(super) latest: usize,
    /// Whether it is a whole row of a table.
    pub(super) row: bool,
}

impl Piece {
    /// A row of a table that holds these letters.
    pub(super) fn of_row(
        text: String,
        (left, right): (f32, f32),
        base: f32,
        letters: &[&Letter],
    ) -> Self {
        let count = |is: fn(&Letter) -> bool| letters.iter().filter(|letter| is(letter)).count();
        let size = letters.iter().map(|letter| letter.size).fold(0.1, f32::max);
        let order = letters.iter().map(|letter| letter.start as usize).min().unwrap_or(0);
        Self {
            text,
            left,
            right,
            base,
            size,
            usual: size,
            bold: count(|letter| letter.bold),
            mono: 0,
            letters: letters.len(),
            artifact: letters.iter().all(|letter| letter.artifact),
            order,
            latest: order,
            row: true,
        }
    }

    pub(super) fn is_bold(&self) -> bool {
        self.bold * 2 > self.letters
    }

    pub(super) fn is_mono(&self) -> bool {
        self.mono * 10 > self.letters * 9
    }

    /// Whether it has a part of a bracket that is as high as several lines.
    pub(super) fn has_bracket(&self) -> bool {
        self.text.contains(|c| matches!(c, '⎛'..='⎭'))
    }

    pub(super) fn top(&self) -> f32 {
        self.base - 0.75 * self.size
    }

    pub(super) fn bottom(&self) -> f32 {
        self.base + 0.22 * self.size
    }

    /// Appends what stands to its right.
    pub(super) fn append(&mut self, other: &Self, between: &str) {
        self.text.push_str(between);
        self.text.push_str(&other.text);
        self.left = self.left.min(other.left);
        self.right = self.right.max(other.right);
        if other.letters > self.letters {
            (self.base, self.size, self.usual) = (other.base, other.size, other.usual);
        }
        self.bold += other.bold;
        self.mono += other.mono;
        self.letters += other.letters;
        self.artifact &= other.artifact;
        self.order = self.order.min(other.order);
        self.latest = self.latest.max(other.latest);
        self.row |= other.row;
    }

    /// What stands between this and the next piece of a line.
    pub(super) fn between(&self, next: &Self) -> &'static str {
        let gap = next.left - self.right;
        let size = self.size.min(next.size);
        // A denominator stands under its numerator, and the next row of a matrix begins at the left.
        let apart = (next.base - self.base).abs() / size;
        let under = gap < 0.0 && apart > 0.35 || gap < -OVERLAP * size;
        if under || spaced(gap / size, super::last(&self.text), super::first(&next.text), WORD_GAP)
        {
            " "
        } else {
            ""
        }
    }
}

/// A letter in the frame of its direction: along the line, and downwards across lines.
struct Set<'a> {
    text: Cow<'a, str>,
    letter: &'a Letter,
    along: f32,
    down: f32,
}

/// The pieces that run in one direction.
pub(super) struct Frame {
    pub(super) pieces: Vec<Piece>,
    pub(super) direction: (f32, f32),
    /// Whether they run from top to bottom, as vertical Chinese does and pages that are turned.
    pub(super) downwards: bool,
}

/// The pieces of a page for each direction that text runs in, the commonest first. `rows` are pieces already, of
/// upright text.
pub(super) fn by_direction(letters: &[Letter], text: &str, rows: Vec<Piece>) -> Vec<Frame> {
    const MOST_DIRECTIONS: usize = 16;
    let mut frames: Vec<((f32, f32), Vec<Set<'_>>)> = Vec::new();
    let mut recent = 0;
    if !rows.is_empty() {
        frames.push((UPRIGHT, Vec::new()));
    }
    for letter in letters {
        let Some(text) = text.get(letter.start as usize..letter.end as usize) else {
            continue;
        };
        let (dx, dy) = letter.direction;
        let near = |(x, y): (f32, f32)| (x - dx).abs() + (y - dy).abs() < 0.1;
        if !frames.get(recent).is_some_and(|(direction, _)| near(*direction)) {
            let found = frames.iter().position(|(direction, _)| near(*direction));
            recent = match found {
                Some(at) => at,
                None if frames.len() < MOST_DIRECTIONS => {
                    frames.push((letter.direction, Vec::new()));
                    frames.len() - 1
                }
                None => 0,
            };
        }
        if let Some(((dx, dy), letters)) = frames.get_mut(recent) {
            let (along, down) = (letter.x * *dx + letter.y * *dy, letter.x * *dy - letter.y * *dx);
            letters.push(Set { text: Cow::Borrowed(text), letter, along, down });
        }
    }
    let in_rows: usize = rows.iter().map(|row| row.letters).sum();
    let own = |direction: (f32, f32)| if direction == UPRIGHT { in_rows } else { 0 };
    frames.sort_by_key(|(direction, letters)| std::cmp::Reverse(letters.len() + own(*direction)));
    let mut rows = Some(rows);
    let pieces = |(direction, letters): ((f32, f32), Vec<Set<'_>>)| {
        let letters = marks::on_letters(letters);
        let mut pieces = neighbors(once(drawing_order(&letters)));
        caps::put_first(&mut pieces);
        if direction == UPRIGHT {
            pieces.extend(rows.take().into_iter().flatten());
        }
        Frame { pieces, direction, downwards: direction.1 < -0.9 }
    };
    frames.into_iter().map(pieces).collect()
}

/// The direction that most letters run in.
pub(super) fn main_direction(letters: &[Letter]) -> (f32, f32) {
    let mut counts: HashMap<(i32, i32), (usize, (f32, f32))> = HashMap::new();
    for letter in letters {
        let (dx, dy) = letter.direction;
        let key = ((dx * 10.0).round() as i32, (dy * 10.0).round() as i32);
        counts.entry(key).or_insert((0, letter.direction)).0 += 1;
    }
    let most = counts.into_iter().max_by_key(|(key, (count, _))| (*count, *key));
    most.map_or(UPRIGHT, |(_, (_, direction))| direction)
}

/// A letter of a piece.
struct Part<'a> {
    text: &'a str,
    along: f32,
    right: f32,
    /// The gap before it, as a share of the font size.
    gap: f32,
    /// Whether a space was drawn there.
    space: bool,
    /// How far behind the letter before it that space began, as a share of the font size.
    apart: f32,
}

/// A piece that is being put together.
struct Draft<'a> {
    first: &'a Set<'a>,
    parts: Vec<Part<'a>>,
    right: f32,
    base: f32,
    size: f32,
    /// Its font sizes, with how many letters have them.
    sizes: Vec<(f32, usize)>,
    bold: usize,
    mono: usize,
    artifact: bool,
    space: bool,
    apart: f32,
    /// Where the one space behind the last letter ends.
    reach: f32,
    last: f32,
    order: usize,
}

fn drawing_order(letters: &[Set<'_>]) -> Vec<Piece> {
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    let mut draft: Option<Draft<'_>> = None;
    let mut shadows = Shadows { left: MOST_COMPARED };
    let mut read_to = 0;
    for (at, set) in letters.iter().enumerate() {
        if at < read_to {
            continue;
        }
        let letter = set.letter;
        let size = letter.size.max(0.1);
        if set.text.trim().is_empty() {
            if let Some(draft) = &mut draft {
                draft.part(set);
            }
            continue;
        }
        let goes_on = draft.as_ref().is_some_and(|draft| draft.continues(set, size));
        if !goes_on {
            let recent: Vec<&Draft<'_>> =
                draft.iter().chain(drafts.iter().rev().take(SHADOWS)).collect();
            read_to = at + shadows.end(letters.get(at..).unwrap_or_default(), &recent);
            if at < read_to {
                continue;
            }
        }
        match &mut draft {
            Some(d) if goes_on => {
                let gap = (set.along - d.right) / d.size.min(size);
                // The same letter once more in the same place: bold for want of a bold font.
                let twice = letter.width > 0.2 * size
                    && d.parts.last().is_some_and(|part| d.has_at(part, set, size));
                if !twice {
                    d.push(set, gap, size);
                }
            }
            _ => {
                drafts.extend(draft.take());
                let mut started = Draft {
                    first: set,
                    parts: Vec::new(),
                    right: set.along,
                    base: set.down,
                    size,
                    sizes: Vec::new(),
                    bold: 0,
                    mono: 0,
                    artifact: letter.artifact,
                    space: false,
                    apart: 0.0,
                    reach: set.along,
                    last: set.along,
                    order: letter.start as usize,
                };
                started.push(set, 0.0, size);
                draft = Some(started);
            }
        }
    }
    drafts.extend(draft);
    holes::fill(&mut drafts);
    drafts.into_iter().filter(|draft| !draft.parts.is_empty()).map(Draft::finish).collect()
}

impl<'a> Draft<'a> {
    fn continues(&self, set: &Set<'_>, size: f32) -> bool {
        let larger = self.size.max(size);
        let gap = set.along - self.right.max(self.reach);
        let shift = (set.down - self.base).abs();
        // What is raised or lowered belongs to what it touches, or it is another line.
        // The accent of a capital is raised, and the capital stands under it.
        let over = if self.is_accent() { OVERLAP } else { 0.5 };
        let touches = (-over..=0.5).contains(&(gap / larger));
        let together = shift <= LEVEL * larger || shift <= LINE_SHIFT * larger && touches;
        // The first line beside a drop cap stands higher than it, and others are to come.
        let dropped = self.parts.len() == 1
            && self.size >= caps::LARGER * size
            && self.base - set.down > 0.3 * self.size;
        // Arabic that is drawn as it is read goes to the left, letter by letter.
        let backwards = |text: &str| text.chars().any(direction::is_backwards);
        let leftwards = set.along < self.last
            && (backwards(&set.text) || self.parts.last().is_some_and(|part| backwards(part.text)));
        together
            && !dropped
            && !leftwards
            && self.artifact == set.letter.artifact
            && gap <= PIECE_GAP * larger
            && set.along >= self.right - OVERLAP * larger
            && set.along >= self.last - 0.3 * larger
    }

    fn has_at(&self, part: &Part<'_>, set: &Set<'_>, size: f32) -> bool {
        part.text == set.text
            && (set.along - part.along).abs() < 0.1 * size
            && (set.down - self.base).abs() < 0.15 * size
    }

    /// A space is no ink: it parts words and reaches nowhere. But one that the writer stretched as far as the next word,
    /// to fill a line, parts no columns; several may.
    fn part(&mut self, space: &Set<'_>) {
        let behind = (space.along - self.right).abs() < WORD_GAP * self.size;
        if !self.space {
            self.apart = (space.along - self.right) / self.size;
        }
        self.reach =
            if behind && !self.space { space.along + space.letter.width } else { self.right };
        self.space = true;
    }

    fn push(&mut self, set: &'a Set<'a>, gap: f32, size: f32) {
        let (along, right) = (set.along, set.along + set.letter.width);
        let accented = self.is_accent();
        let (space, apart) = (self.space, self.apart);
        self.parts.push(Part { text: &set.text, along, right, gap, space, apart });
        (self.space, self.apart) = (false, 0.0);
        self.right = self.right.max(right);
        self.reach = self.right;
        self.last = set.along;
        self.bold += usize::from(set.letter.bold);
        self.mono += usize::from(set.letter.mono);
        if size > self.size || accented {
            (self.size, self.base) = (size.max(self.size), set.down);
        }
        let same = |(other, _): &&mut (f32, usize)| (size - *other).abs() <= 0.02 * size;
        if let Some((_, letters)) = self.sizes.iter_mut().find(same) {
            *letters += 1;
        } else if self.sizes.len() < MOST_SIZES {
            self.sizes.push((size, 1));
        }
    }

    /// Whether it is no more than an accent yet.
    fn is_accent(&self) -> bool {
        matches!(self.parts.as_slice(), [part] if accents::accent(part.text).is_some())
    }

    fn usual_size(&self) -> f32 {
        self.sizes.iter().max_by_key(|(_, letters)| *letters).map_or(self.size, |(size, _)| *size)
    }

    fn finish(self) -> Piece {
        let word = self.word_gap();
        let mut text = String::new();
        let mut parts = self.parts.iter().peekable();
        while let Some(first) = parts.next() {
            let accented = parts.peek().and_then(|next| accents::joined(first, next));
            let mut buffer = [0; 4];
            let part: &str = accented.map_or(first.text, |letter| letter.encode_utf8(&mut buffer));
            let (before, after) = (super::last(&text), super::first(part));
            // An accent may begin before its letter, or behind its beginning.
            let gap = match (accented, parts.peek()) {
                (Some(_), Some(next)) => {
                    first.gap.min(first.gap + next.gap + (first.right - first.along) / self.size)
                }
                _ => first.gap,
            };
            if words::are_apart(first, gap, (before, after), word)
                && !text.is_empty()
                && before != Some(' ')
            {
                text.push(' ');
            }
            text.push_str(part);
            if accented.is_some() {
                parts.next();
            }
        }
        Piece {
            text,
            left: self.first.along,
            right: self.right,
            base: self.base,
            size: self.size,
            usual: self.usual_size(),
            bold: self.bold,
            mono: self.mono,
            letters: self.parts.len(),
            artifact: self.artifact,
            order: self.order,
            latest: self.order,
            row: false,
        }
    }
}

/// Drops pieces that are drawn once more in the same place, as shadows or for bold.
fn once(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut seen: HashMap<(i32, i32), Vec<usize>> = HashMap::new();
    let mut kept: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        const CELL: f32 = 4.0;
        const NEAREST: usize = 32;
        let (x, y) = ((piece.left / CELL) as i32, (piece.base / CELL) as i32);
        let near = 0.25 * piece.size;
        let double = (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (dx, dy))).any(|(dx, dy)| {
            let cell = (x.saturating_add(dx), y.saturating_add(dy));
            seen.get(&cell)
                .into_iter()
                .flatten()
                .rev()
                .take(NEAREST)
                .filter_map(|at| kept.get(*at))
                .any(|other| {
                    other.text == piece.text
                        && (other.left - piece.left).abs() < near
                        && (other.base - piece.base).abs() < near
                })
        });
        if !double {
            seen.entry((x, y)).or_default().push(kept.len());
            kept.push(piece);
        }
    }
    kept
}
