//! What this worker was asked lately and how often, so that the next worker can be warmed with it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rag_core::{Message, Role};

/// Questions that are remembered; the one asked longest ago goes first.
const MOST: usize = 512;
/// Longer ones are hardly asked twice.
const LONGEST: usize = 1000;

/// A question, and whose.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    pub(crate) caller: [u8; 32],
    pub(crate) question: String,
}

/// The questions that conversations began with lately.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    asked: HashMap<Question, Count>,
    turn: u64,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    times: u64,
    /// When it was asked last.
    turn: u64,
}

impl Recent {
    /// Notes what a conversation asks, when nothing was said before.
    pub(crate) fn note(&self, conversation: &[Message], caller: [u8; 32]) {
        let [Message { role: Role::User, content }] = conversation else { return };
        if content.chars().count() > LONGEST {
            return;
        }
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.turn += 1;
        let turn = counts.turn;
        let question = Question { caller, question: content.clone() };
        let count = counts.asked.entry(question).or_default();
        *count = Count { times: count.times + 1, turn };
        if counts.asked.len() > MOST {
            let oldest = counts.asked.iter().min_by_key(|(_, count)| count.turn);
            if let Some(oldest) = oldest.map(|(question, _)| question.clone()) {
                counts.asked.remove(&oldest);
            }
        }
    }

    /// The `most` questions asked most often, with how often; of equals the latest first.
    pub(crate) fn most_asked(&self, most: usize) -> Vec<(Question, u64)> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<(&Question, &Count)> = counts.asked.iter().collect();
        all.sort_by_key(|(_, count)| std::cmp::Reverse((count.times, count.turn)));
        all.into_iter()
            .take(most)
            .map(|(question, count)| (question.clone(), count.times))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Vec<Message> {
        vec![Message::new(Role::User, text)]
    }

    fn told(recent: &Recent, most: usize) -> Vec<(String, u8, u64)> {
        let told = recent.most_asked(most).into_iter();
        told.map(|(asked, times)| (asked.question, asked.caller[0], times)).collect()
    }

    #[test]
    fn what_is_asked_most_comes_first_and_callers_are_kept_apart() {
        let recent = Recent::default();
        for (text, caller) in [("a", 1), ("b", 1), ("b", 1), ("a", 2), ("c", 2)] {
            recent.note(&asked(text), [caller; 32]);
        }
        let expected = [("b".to_owned(), 1, 2), ("c".to_owned(), 2, 1), ("a".to_owned(), 2, 1)];
        assert_eq!(told(&recent, 3), expected);
    }

    #[test]
    fn only_beginnings_are_noted_and_not_without_end() {
        let recent = Recent::default();
        let follow_up = [asked("a"), vec![Message::new(Role::Assistant, "b")], asked("c")].concat();
        recent.note(&follow_up, [0; 32]);
        recent.note(&asked(&"x".repeat(LONGEST + 1)), [0; 32]);
        assert!(told(&recent, 9).is_empty());
        for number in 0..2 * MOST {
            recent.note(&asked(&number.to_string()), [0; 32]);
        }
        let all = told(&recent, usize::MAX);
        assert_eq!(all.len(), MOST);
        assert_eq!(all[0].0, (2 * MOST - 1).to_string());
    }
}
