//! Prompts kept after their answers, so that the next one that begins alike need not compute that again.
//!
//! A kept prompt stays in the part of the context where it was computed until another answer needs that place. Then it is
//! copied to memory, from where any place can be given its beginning.

use llama_cpp_2::context::session::SeqState;
use llama_cpp_2::token::LlamaToken;
use rag_core::Caller;

/// Shorter ones are not worth keeping, and shorter beginnings not worth copying.
pub(crate) const SHORTEST: usize = 16;

/// What llama.cpp knows of some tokens, outside of its context.
pub(crate) trait Copied {
    /// Its size in bytes.
    fn size(&self) -> usize;
}

impl Copied for SeqState {
    fn size(&self) -> usize {
        self.byte_len()
    }
}

/// Where what was computed is.
#[derive(Debug)]
pub(crate) enum Home<C> {
    /// In a place that no answer uses now.
    Place(usize),
    /// Copied out of the context.
    Memory(C),
}

/// A prompt and its answer, computed.
#[derive(Debug)]
pub(crate) struct Kept<C> {
    pub(crate) tokens: Vec<LlamaToken>,
    pub(crate) caller: Caller,
    pub(crate) home: Home<C>,
}

impl<C: Copied> Kept<C> {
    pub(crate) fn place(&self) -> Option<usize> {
        match self.home {
            Home::Place(place) => Some(place),
            Home::Memory(_) => None,
        }
    }

    fn size(&self) -> usize {
        match &self.home {
            Home::Place(_) => 0,
            Home::Memory(copy) => copy.size(),
        }
    }
}

/// The kept prompts, the one used longest ago first.
#[derive(Debug)]
pub(crate) struct KeptPrompts<C> {
    prompts: Vec<Kept<C>>,
    most: usize,
    memory: usize,
}

impl<C: Copied> KeptPrompts<C> {
    /// Keeps at most `most` prompts, and of those that are copied at most `memory` bytes.
    pub(crate) fn new(most: usize, memory: usize) -> Self {
        Self { prompts: Vec::new(), most, memory }
    }

    pub(crate) fn len(&self) -> usize {
        self.prompts.len()
    }

    /// Bytes of those that are copied.
    pub(crate) fn size(&self) -> usize {
        self.prompts.iter().map(Kept::size).sum()
    }

    /// Tokens of those that are still in the context.
    pub(crate) fn tokens_in_place(&self) -> usize {
        let in_place = self.prompts.iter().filter(|kept| kept.place().is_some());
        in_place.map(|kept| kept.tokens.len()).sum()
    }

    /// How many tokens of `prompt` the best of those that `caller` may use begins with. It counts as used now, so that it
    /// is the last to go and [`Self::latest`] gives it.
    pub(crate) fn longest(&mut self, prompt: &[LlamaToken], caller: &Caller) -> usize {
        let usable =
            self.prompts.iter().enumerate().filter(|(_, kept)| caller.may_use(&kept.caller));
        let shared = usable.map(|(at, kept)| (at, common(&kept.tokens, prompt)));
        let Some((at, tokens)) = shared.max_by_key(|(_, tokens)| *tokens) else { return 0 };
        if tokens > 0 {
            self.use_now(at);
        }
        tokens
    }

    /// The one that was used last.
    pub(crate) fn latest(&self) -> Option<&Kept<C>> {
        self.prompts.last()
    }

    /// Takes out the one that was used last.
    pub(crate) fn take_latest(&mut self) -> Option<Kept<C>> {
        self.prompts.pop()
    }

    /// Takes out the one in this place.
    pub(crate) fn take_from(&mut self, place: usize) -> Option<Kept<C>> {
        let at = self.prompts.iter().position(|kept| kept.place() == Some(place))?;
        Some(self.prompts.remove(at))
    }

    /// How much would be lost with a place: nothing of an empty one, and more the later its prompt was used.
    pub(crate) fn rank(&self, place: usize) -> usize {
        self.prompts.iter().position(|kept| kept.place() == Some(place)).map_or(0, |at| at + 1)
    }

    fn use_now(&mut self, at: usize) {
        let used = self.prompts.remove(at);
        self.prompts.push(used);
    }

    /// Keeps a prompt. What had to go for it, itself if it is not worth keeping, is given back.
    pub(crate) fn keep(&mut self, new: Kept<C>) -> Vec<Kept<C>> {
        if new.tokens.len() < SHORTEST || self.most == 0 || new.size() > self.memory {
            return vec![new];
        }
        let whole = |old: &Kept<C>| common(&old.tokens, &new.tokens) == new.tokens.len();
        if let Some(at) = self.prompts.iter().position(|old| old.caller == new.caller && whole(old))
        {
            self.use_now(at);
            return vec![new];
        }
        let mut gone = Vec::new();
        // One that the new one goes on from adds nothing any more.
        while let Some(at) = self.prompts.iter().position(|old| {
            old.caller == new.caller && common(&old.tokens, &new.tokens) == old.tokens.len()
        }) {
            gone.push(self.prompts.remove(at));
        }
        self.prompts.push(new);
        while self.prompts.len() > self.most {
            gone.extend(self.oldest(|_| true));
        }
        while self.size() > self.memory {
            gone.extend(self.oldest(|kept| kept.place().is_none()));
        }
        gone
    }

    /// Takes out the one used longest ago. What everybody begins with goes last.
    fn oldest(&mut self, goes: impl Fn(&Kept<C>) -> bool) -> Option<Kept<C>> {
        let house = |kept: &Kept<C>| kept.caller == Caller::House;
        let position = |of_house: bool| {
            self.prompts.iter().position(|kept| goes(kept) && house(kept) == of_house)
        };
        let at = position(false).or_else(|| position(true))?;
        Some(self.prompts.remove(at))
    }

    /// Forgets those that are in the context.
    pub(crate) fn forget_places(&mut self) {
        self.prompts.retain(|kept| kept.place().is_none());
    }
}

/// How many tokens two prompts have in common at their beginning.
pub(crate) fn common(a: &[LlamaToken], b: &[LlamaToken]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Copied for usize {
        fn size(&self) -> usize {
            *self
        }
    }

    fn tokens(range: std::ops::Range<i32>) -> Vec<LlamaToken> {
        range.map(LlamaToken).collect()
    }

    fn caller(n: u8) -> Caller {
        Caller::Known([n; 32])
    }

    fn in_place(place: usize, range: std::ops::Range<i32>, caller: Caller) -> Kept<usize> {
        Kept { tokens: tokens(range), caller, home: Home::Place(place) }
    }

    fn in_memory(size: usize, range: std::ops::Range<i32>, caller: Caller) -> Kept<usize> {
        Kept { tokens: tokens(range), caller, home: Home::Memory(size) }
    }

    fn places(gone: &[Kept<usize>]) -> Vec<Option<usize>> {
        gone.iter().map(Kept::place).collect()
    }

    #[test]
    fn a_prompt_serves_its_caller_and_that_of_the_house_everybody() {
        let mut kept = KeptPrompts::new(4, 0);
        kept.keep(in_place(1, 0..20, Caller::House));
        kept.keep(in_place(2, 0..40, caller(1)));
        let mut longest = |who: &Caller| {
            let tokens = kept.longest(&tokens(0..30), who);
            (kept.latest().and_then(Kept::place), tokens)
        };
        assert_eq!(longest(&caller(1)), (Some(2), 30));
        assert_eq!(longest(&caller(2)), (Some(1), 20));
        assert_eq!(longest(&Caller::House), (Some(1), 20));
    }

    #[test]
    fn the_one_used_longest_ago_goes_first() {
        let mut kept = KeptPrompts::new(2, 0);
        kept.keep(in_place(1, 0..20, caller(1)));
        kept.keep(in_place(2, 100..120, caller(1)));
        assert_eq!(kept.longest(&tokens(0..20), &caller(1)), 20);
        assert_eq!([1, 2, 3].map(|place| kept.rank(place)), [2, 1, 0]);
        assert_eq!(places(&kept.keep(in_place(3, 200..220, caller(1)))), [Some(2)]);
    }

    #[test]
    fn what_everybody_begins_with_goes_last() {
        let mut kept = KeptPrompts::new(2, 0);
        kept.keep(in_place(1, 0..20, Caller::House));
        kept.keep(in_place(2, 100..120, caller(1)));
        assert_eq!(places(&kept.keep(in_place(3, 200..220, caller(1)))), [Some(2)]);
    }

    #[test]
    fn copies_take_no_more_memory_than_they_may() {
        let mut kept = KeptPrompts::new(8, 100);
        kept.keep(in_place(1, 0..20, caller(1)));
        kept.keep(in_memory(60, 100..120, caller(1)));
        let gone = kept.keep(in_memory(50, 200..220, caller(1)));
        assert_eq!((gone.len(), kept.len(), kept.size()), (1, 2, 50));
        assert_eq!(kept.keep(in_memory(101, 300..320, caller(1))).len(), 1);
        assert_eq!((kept.len(), kept.size(), kept.tokens_in_place()), (2, 50, 20));
    }

    #[test]
    fn what_a_longer_one_of_the_same_caller_begins_with_is_not_kept_twice() {
        let mut kept = KeptPrompts::new(4, 0);
        kept.keep(in_place(1, 0..20, caller(1)));
        kept.keep(in_place(2, 0..20, caller(2)));
        assert_eq!(places(&kept.keep(in_place(3, 0..30, caller(1)))), [Some(1)]);
        assert_eq!(places(&kept.keep(in_place(4, 0..25, caller(1)))), [Some(4)]);
        assert_eq!(kept.len(), 2);
    }

    #[test]
    fn a_short_one_is_not_kept() {
        let mut kept = KeptPrompts::new(4, 0);
        assert_eq!(places(&kept.keep(in_place(1, 0..3, caller(1)))), [Some(1)]);
        assert_eq!(kept.len(), 0);
    }
}
