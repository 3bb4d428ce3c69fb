//! How far each list has counted.

use std::collections::{HashMap, HashSet};

use super::definitions::{Definitions, LEVELS, Level, Resolved};
use super::formats::Format;
use super::{Label, Mark};
use crate::docx::styles::Styles;

/// The numbers that lists have come to.
#[derive(Default)]
pub(crate) struct Counters {
    /// By pattern: lists of one pattern count on where the other has stopped.
    counts: HashMap<i64, [Option<i64>; LEVELS]>,
    /// Lists and levels that were met, for those that begin anew.
    met: HashSet<(i64, u8)>,
}

impl Counters {
    /// Counts a paragraph of the list `id` and gives what it begins with. `level` is what the
    /// paragraph says itself; otherwise its style's own level in the list counts, then `usual`.
    /// `None` when there is no such list or nothing is shown.
    pub(crate) fn label(
        &mut self,
        id: i64,
        level: Option<u8>,
        usual: Option<u8>,
        style: Option<&str>,
        definitions: &Definitions,
        styles: &Styles,
    ) -> Option<Label> {
        let list = definitions.resolve(id, styles)?;
        let of_style = || styles.ids(style?).find_map(|style| list.level_of_style(style)).or(usual);
        let number = level.or_else(of_style).unwrap_or(0);
        let level = list.level(number)?;
        let counts = self.counts.entry(list.pattern).or_default();
        if list.own_start(number).is_some() && self.met.insert((id, number)) {
            set(counts, number, None);
        }
        // A level that was left out on the way down counts as begun.
        for above in 0..number {
            if get(counts, above).is_none() {
                set(counts, above, Some(start(&list, above)));
            }
        }
        let count = match get(counts, number) {
            Some(count) => count.saturating_add(1),
            None => start(&list, number),
        };
        set(counts, number, Some(count));
        for below in number + 1..LEVELS as u8 {
            let restart = list.level(below).and_then(|level| level.restart);
            if restart.is_none_or(|by| i64::from(number) < by) {
                set(counts, below, None);
            }
        }
        shown(&list, level, number, counts)
    }
}

fn get(counts: &[Option<i64>; LEVELS], level: u8) -> Option<i64> {
    counts.get(usize::from(level)).copied().flatten()
}

fn set(counts: &mut [Option<i64>; LEVELS], level: u8, count: Option<i64>) {
    if let Some(place) = counts.get_mut(usize::from(level)) {
        *place = count;
    }
}

fn start(list: &Resolved<'_>, level: u8) -> i64 {
    let usual = || list.level(level).map_or(1, |level| level.start);
    list.own_start(level).unwrap_or_else(usual)
}

/// The label of a level with the counts where its text has `%1`.
fn shown(
    list: &Resolved<'_>,
    level: &Level,
    number: u8,
    counts: &[Option<i64>; LEVELS],
) -> Option<Label> {
    if level.picture || (level.format == Format::Bullet && !level.text.is_empty()) {
        return Some(Label { mark: Mark::Bullet, depth: number, close: false });
    }
    let mut text = String::new();
    let mut places = 0;
    let mut rest = level.text.as_str();
    while let Some(at) = rest.find('%') {
        let (before, after) = (rest.get(..at).unwrap_or_default(), rest.get(at + 1..)?);
        text.push_str(before);
        let digit = after.chars().next().and_then(|c| c.to_digit(10)).filter(|digit| *digit > 0);
        match digit.and_then(|digit| u8::try_from(digit - 1).ok()) {
            Some(other) => {
                places += 1;
                let count = get(counts, other).unwrap_or_else(|| start(list, other));
                match list.level(other).map(|other| &other.format) {
                    _ if level.legal => text.push_str(&count.to_string()),
                    Some(format) => text.push_str(&format.of(count)),
                    None => {}
                }
                rest = after.get(1..).unwrap_or_default();
            }
            None => {
                text.push('%');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    let text = text.trim();
    let depth = if places > 1 { 0 } else { number };
    let mark = Mark::Number(text.to_owned());
    (!text.is_empty()).then_some(Label { mark, depth, close: level.close })
}
