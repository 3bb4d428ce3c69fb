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
    pub(super) fn place_for(&mut self, answer: &mut Answer) -> Option<usize> {
        let shared = self.kept_beginning(answer);
        if let Some(kept) = self.kept.latest()
            && let Some(place) = kept.place()
            && kept.caller == answer.caller
            && shared >= SHORTEST
            && (kept.tokens.len() - shared) as f64 <= LOSS * shared as f64
            && self.about_to_be_computed(answer) < shared + WORTH_WAITING
        {
            let _ = self.kept.take_latest();
            let shared = self.cut(place, shared);
            self.go_on(answer, shared);
            return Some(place);
        }
        let free = |place: &usize| self.places[*place].is_none();
        let holding = |place: &usize| self.kept.holds(*place);
        let empty = (0..self.places.len()).find(|place| free(place) && !holding(place));
        empty.or_else(|| {
            let place = self.kept.oldest_place()?;
            self.copy_out(place);
            Some(place)
        })
    }

    /// Settles where a prompt begins to be read. `false` when another answer is about to compute more of it.
    pub(super) fn begin(&mut self, place: usize) -> Result<bool, String> {
        let Some(mut answer) = self.places[place].take() else { return Ok(true) };
        let goes = answer.begun || self.find_beginning(place, &mut answer);
        self.places[place] = Some(answer);
        Ok(goes)
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
