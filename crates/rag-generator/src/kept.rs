//! Prompts kept in the context after their answers, so that the next one that begins alike need not compute that again.

use llama_cpp_2::token::LlamaToken;
use rag_core::Caller;

use crate::cells::Held;

/// Shorter ones are not worth a place.
const SHORTEST: usize = 16;

/// What llama.cpp still knows of a prompt and its answer.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) sequence: i32,
    pub(crate) tokens: Vec<LlamaToken>,
    pub(crate) held: Held,
    caller: Caller,
}

/// The kept prompts, the one used longest ago first.
#[derive(Debug)]
pub(crate) struct KeptPrompts {
    prompts: Vec<Kept>,
    most: usize,
}

impl KeptPrompts {
    /// Keeps at most so many prompts.
    pub(crate) fn new(most: usize) -> Self {
        Self { prompts: Vec::new(), most }
    }

    pub(crate) fn len(&self) -> usize {
        self.prompts.len()
    }

    /// The prompt that begins like `prompt` for longest, among those `caller` may use, and for how many tokens. It
    /// counts as used now.
    pub(crate) fn longest(
        &mut self,
        prompt: &[LlamaToken],
        caller: &Caller,
    ) -> Option<(&Kept, usize)> {
        let shared = |kept: &Kept| common(&kept.tokens, prompt);
        let usable =
            self.prompts.iter().enumerate().filter(|(_, kept)| caller.may_use(&kept.caller));
        let (at, tokens) = usable.map(|(at, kept)| (at, shared(kept))).max_by_key(|best| best.1)?;
        if tokens == 0 {
            return None;
        }
        self.use_now(at);
        self.prompts.last().map(|kept| (kept, tokens))
    }

    fn use_now(&mut self, at: usize) {
        let used = self.prompts.remove(at);
        self.prompts.push(used);
    }

    /// Keeps a prompt. What had to go for it, itself if it is not worth keeping, is given back to be freed.
    pub(crate) fn keep(
        &mut self,
        sequence: i32,
        tokens: Vec<LlamaToken>,
        held: Held,
        caller: Caller,
    ) -> Vec<Kept> {
        let new = Kept { sequence, tokens, held, caller };
        if new.tokens.len() < SHORTEST || self.most == 0 {
            return vec![new];
        }
        let whole = |old: &Kept| common(&old.tokens, &new.tokens) == new.tokens.len();
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
        if self.prompts.len() >= self.most {
            gone.extend(self.oldest());
        }
        self.prompts.push(new);
        gone
    }

    /// Takes out the one used longest ago.
    pub(crate) fn oldest(&mut self) -> Option<Kept> {
        (!self.prompts.is_empty()).then(|| self.prompts.remove(0))
    }

    /// Takes out all.
    pub(crate) fn clear(&mut self) -> Vec<Kept> {
        std::mem::take(&mut self.prompts)
    }
}

/// How many tokens two prompts have in common at their beginning.
pub(crate) fn common(a: &[LlamaToken], b: &[LlamaToken]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(range: std::ops::Range<i32>) -> Vec<LlamaToken> {
        range.map(LlamaToken).collect()
    }

    fn caller(n: u8) -> Caller {
        Caller::Known([n; 32])
    }

    fn sequences(gone: &[Kept]) -> Vec<i32> {
        gone.iter().map(|kept| kept.sequence).collect()
    }

    #[test]
    fn a_prompt_serves_its_caller_and_that_of_the_house_everybody() {
        let mut kept = KeptPrompts::new(4);
        kept.keep(1, tokens(0..20), Held::default(), Caller::House);
        kept.keep(2, tokens(0..40), Held::default(), caller(1));
        let longest = |kept: &mut KeptPrompts, who: &Caller| {
            kept.longest(&tokens(0..30), who).map(|(kept, tokens)| (kept.sequence, tokens))
        };
        assert_eq!(longest(&mut kept, &caller(1)), Some((2, 30)));
        assert_eq!(longest(&mut kept, &caller(2)), Some((1, 20)));
        assert_eq!(longest(&mut kept, &Caller::House), Some((1, 20)));
    }

    #[test]
    fn the_one_used_longest_ago_goes_first() {
        let mut kept = KeptPrompts::new(2);
        kept.keep(1, tokens(0..20), Held::default(), caller(1));
        kept.keep(2, tokens(100..120), Held::default(), caller(1));
        assert!(kept.longest(&tokens(0..20), &caller(1)).is_some());
        let gone = kept.keep(3, tokens(200..220), Held::default(), caller(1));
        assert_eq!(sequences(&gone), [2]);
    }

    #[test]
    fn what_a_longer_one_of_the_same_caller_begins_with_is_not_kept_twice() {
        let mut kept = KeptPrompts::new(4);
        kept.keep(1, tokens(0..20), Held::default(), caller(1));
        kept.keep(2, tokens(0..20), Held::default(), caller(2));
        let gone = kept.keep(3, tokens(0..30), Held::default(), caller(1));
        assert_eq!(sequences(&gone), [1]);
        assert_eq!(kept.len(), 2);
    }

    #[test]
    fn a_short_one_is_not_kept() {
        let mut kept = KeptPrompts::new(4);
        assert_eq!(sequences(&kept.keep(1, tokens(0..3), Held::default(), caller(1))), [1]);
        assert_eq!(kept.len(), 0);
    }
}
