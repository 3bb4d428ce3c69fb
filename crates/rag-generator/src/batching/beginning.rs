//! Where a prompt begins to be read: behind what was computed before, for the same caller or for everybody.
//!
//! An answer takes over the place of the kept prompt that it goes on from, as it is. What only its beginning is shared of
//! is copied: to memory once, and from there to each place that begins like it.

use std::sync::atomic::Ordering;

use llama_cpp_2::context::session::{LlamaStateSeqFlags, SeqState};
use llama_cpp_2::token::LlamaToken;

use super::{Engine, sequence};
use crate::answer::Answer;
use crate::kept::{Home, Kept, SHORTEST, common};

/// A prompt that another one is about to compute is waited for when it saves at least so many tokens.
const WORTH_WAITING: usize = 32;

/// A kept prompt is taken over when no more than this share of what is used of it is lost: computing that again costs less
/// than a copy of everything.
const LOSS: f64 = 0.25;

impl Engine<'_> {
    /// The free place for an answer, empty or holding what it goes on from. `None` when all are taken.
    ///
    /// llama.cpp computes answers together whose places are neighbors, and reads all weights for each row of neighbors: so
    /// rows are kept few, which is worth a copy.
    pub(super) fn place_for(&mut self, answer: &mut Answer) -> Option<usize> {
        let shared = self.kept_beginning(answer);
        let there = self.worth_taking_over(answer, shared);
        let free = (0..self.places.len()).filter(|place| self.places[*place].is_none());
        let place = free.min_by_key(|place| {
            let taken = |(at, other): (usize, &Option<Answer>)| at == *place || other.is_some();
            let rows = rows(self.places.iter().enumerate().map(taken));
            (rows, there != Some(*place), self.kept.rank(*place))
        })?;
        if there == Some(place) {
            let _ = self.kept.take_from(place);
            let shared = self.cut(place, shared);
            self.go_on(answer, shared);
        } else {
            self.copy_out(place);
        }
        Some(place)
    }

    /// The place of the kept prompt used last, if the answer can go on there from its first `shared` tokens and little of it
    /// is lost.
    fn worth_taking_over(&self, answer: &Answer, shared: usize) -> Option<usize> {
        let kept = self.kept.latest()?;
        let lost = kept.tokens.len().saturating_sub(shared);
        let worth = shared >= SHORTEST
            && kept.caller == answer.caller
            && lost as f64 <= LOSS * shared as f64
            && self.about_to_be_computed(answer) < shared + WORTH_WAITING;
        kept.place().filter(|_| worth)
    }

    /// Settles where a prompt begins to be read. `false` when another answer is about to compute more of it.
    pub(super) fn begin(&mut self, place: usize) -> bool {
        let Some(mut answer) = self.places[place].take() else { return true };
        let goes = answer.begun || self.find_beginning(place, &mut answer);
        self.places[place] = Some(answer);
        goes
    }

    fn find_beginning(&mut self, place: usize, answer: &mut Answer) -> bool {
        let kept = self.kept_beginning(answer);
        let running = self.computed_by_another(answer);
        let beside = running.map_or(0, |(_, tokens)| tokens);
        let best = kept.max(beside);
        if self.about_to_be_computed(answer) >= best + WORTH_WAITING {
            return false;
        }
        let source = match running {
            _ if best < SHORTEST => None,
            Some((other, _)) if beside > kept => self.copy_of_running(other),
            _ => self.take_kept(),
        };
        let mut shared = 0;
        if let Some(source) = source {
            shared = self.restore(place, &source, best.min(common(&source.tokens, &answer.tokens)));
            self.keep(source);
        }
        self.go_on(answer, shared);
        true
    }

    /// Notes that the first `tokens` need not be computed.
    fn go_on(&self, answer: &mut Answer, tokens: usize) {
        answer.held = tokens;
        answer.computed = tokens;
        answer.reused = tokens;
        answer.begun = true;
        answer.trace.reused(tokens);
        let reused = u64::try_from(tokens).unwrap_or(u64::MAX);
        self.stats.reused_tokens.fetch_add(reused, Ordering::Relaxed);
    }

    /// The last token is always computed: the first of the answer is chosen from what it gives.
    fn usable(&self, prompt: &[LlamaToken], shared: usize) -> usize {
        if self.sharing { shared.min(prompt.len().saturating_sub(1)) } else { 0 }
    }

    /// How much of a prompt is kept. That which it begins like is the one used last then.
    fn kept_beginning(&mut self, answer: &Answer) -> usize {
        let shared = self.kept.longest(&answer.tokens, &answer.caller);
        self.usable(&answer.tokens, shared)
    }

    /// The running answer of which most can be used now, and how many tokens that is.
    fn computed_by_another(&self, answer: &Answer) -> Option<(usize, usize)> {
        let shared = self.usable_answers(answer).map(|(place, other)| {
            let shared = common(&other.tokens, &answer.tokens).min(other.computed);
            (place, self.usable(&answer.tokens, shared))
        });
        shared.max_by_key(|(_, tokens)| *tokens)
    }

    /// How much of a prompt running answers will have computed when they have read theirs.
    fn about_to_be_computed(&self, answer: &Answer) -> usize {
        let shared = self
            .usable_answers(answer)
            .map(|(_, other)| common(&other.tokens, &answer.tokens).min(other.prompt));
        self.usable(&answer.tokens, shared.max().unwrap_or(0))
    }

    fn usable_answers(&self, answer: &Answer) -> impl Iterator<Item = (usize, &Answer)> {
        let running = self.places.iter().enumerate();
        let running = running.filter_map(|(place, other)| Some((place, other.as_ref()?)));
        running.filter(|(_, other)| {
            self.sharing && other.begun && answer.caller.may_use(&other.caller)
        })
    }

    /// Copies what is kept in a place to memory, and empties the place.
    fn copy_out(&mut self, place: usize) {
        if let Some(kept) = self.kept.take_from(place)
            && let Some(copied) = self.copied(kept)
        {
            self.keep(copied);
        }
    }

    /// Takes out the kept prompt used last, as a copy.
    fn take_kept(&mut self) -> Option<Kept<SeqState>> {
        let kept = self.kept.take_latest()?;
        self.copied(kept)
    }

    /// The same in memory; its place is empty then. `None` when it could not be copied.
    fn copied(&mut self, kept: Kept<SeqState>) -> Option<Kept<SeqState>> {
        let Some(place) = kept.place() else { return Some(kept) };
        let copy = self.copy_of(place);
        self.empty(place);
        Some(Kept { home: Home::Memory(copy?), ..kept })
    }

    /// A copy of what a running answer has computed.
    fn copy_of_running(&self, place: usize) -> Option<Kept<SeqState>> {
        let answer = self.places[place].as_ref()?;
        let tokens = answer.tokens[..answer.computed].to_vec();
        let home = Home::Memory(self.copy_of(place)?);
        Some(Kept { tokens, caller: answer.caller.clone(), home })
    }

    fn copy_of(&self, place: usize) -> Option<SeqState> {
        self.context
            .state_seq_get(sequence(place), LlamaStateSeqFlags::empty())
            .inspect_err(|error| tracing::warn!(%error, "what was computed could not be copied"))
            .ok()
    }

    /// Fills an empty place with the first `tokens` of a copy. How many it holds then: all of them, or none.
    fn restore(&mut self, place: usize, from: &Kept<SeqState>, tokens: usize) -> usize {
        let Home::Memory(copy) = &from.home else { return 0 };
        match self.context.state_seq_set(copy, sequence(place)) {
            Ok(()) => self.cut(place, tokens),
            Err(error) => {
                tracing::warn!(%error, "what was computed before could not be used again");
                self.empty(place);
                0
            }
        }
    }

    /// Leaves the first `tokens` in a place. How many it holds then: all of them, or none.
    fn cut(&mut self, place: usize, tokens: usize) -> usize {
        let from = u32::try_from(tokens).unwrap_or(u32::MAX);
        match self.context.kv_cache_seq_rm(sequence(place), Some(from), None) {
            Ok(()) => tokens,
            Err(error) => {
                tracing::warn!(%error, "what was computed before could not be cut");
                self.empty(place);
                0
            }
        }
    }
}

/// How many rows of neighbors there are among places that are taken or not.
fn rows(taken: impl Iterator<Item = bool>) -> usize {
    let mut before = false;
    taken.filter(|now| std::mem::replace(&mut before, *now) != *now && *now).count()
}

#[cfg(test)]
mod tests {
    use super::rows;

    #[test]
    fn neighbors_are_one_row() {
        for (taken, count) in
            [("", 0), ("--", 0), ("x", 1), ("-xx-", 1), ("x-x", 2), ("xx--x-xx", 3)]
        {
            assert_eq!(rows(taken.chars().map(|c| c == 'x')), count, "{taken}");
        }
    }
}
