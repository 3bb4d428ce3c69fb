//! A question in the middle of a conversation, said so that it stands alone: passages are found for what is meant, and
//! "and in Norway?" means nothing by itself.

use std::fmt::Write as _;

use crate::answer::Language;
use crate::chat::{Message, Role};

/// Turns that are told: what is meant is nearly always said in the last one.
const TURNS: usize = 2;
/// Characters of each message that are told.
const LONGEST_MESSAGE: usize = 400;
/// A longer line is an answer, not a question.
const LONGEST_QUESTION: usize = 300;

const ENGLISH: &str = "You rewrite the last question of a conversation so that it can be understood without the \
    conversation. Answer with the rewritten question only.";
const CHINESE: &str =
    "你把对话中的最后一个问题改写成不看对话也能理解的完整问题。只输出改写后的问题。";

/// What to ask the model, so that it says the last question of a conversation as one that stands alone; nothing when the
/// conversation begins with it.
pub fn request(conversation: &[Message]) -> Option<Vec<Message>> {
    let (question, before) = conversation.split_last()?;
    let turns: Vec<&Message> =
        before.iter().filter(|message| message.role != Role::System).collect();
    if question.role != Role::User || !turns.iter().any(|message| message.role == Role::User) {
        return None;
    }
    let (instructions, asker, answerer, last) = match Language::of(&question.content) {
        Language::English => (ENGLISH, "Question", "Answer", "Last question"),
        Language::Chinese => (CHINESE, "问", "答", "最后一个问题"),
    };
    let mut text = String::new();
    for message in turns.iter().skip(turns.len().saturating_sub(2 * TURNS)) {
        let who = if message.role == Role::User { asker } else { answerer };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{who}: {}", beginning(&message.content));
    }
    let _ = write!(text, "\n{last}: {}", beginning(&question.content));
    Some(vec![Message::new(Role::System, instructions), Message::new(Role::User, text)])
}

/// The question in what the model said; nothing when that is none, or only the question itself.
pub fn read(said: &str, question: &str) -> Option<String> {
    let line = said.lines().map(str::trim).find(|line| !line.is_empty())?;
    // Small models say what it is before they say it.
    let labeled = line.split_once([':', '：']).filter(|(label, _)| label.chars().count() <= 24);
    let line = labeled.map_or(line, |(_, rest)| rest);
    let line = line.trim().trim_matches(['"', '“', '”', '「', '」', '*']).trim();
    let length = line.chars().count();
    ((2..=LONGEST_QUESTION).contains(&length) && line != question.trim()).then(|| line.to_owned())
}

fn beginning(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation(said: &[(Role, &str)]) -> Vec<Message> {
        said.iter().map(|(role, text)| Message::new(*role, *text)).collect()
    }

    #[test]
    fn the_first_question_stands_alone_already() {
        let first =
            [(Role::System, "Be brief."), (Role::User, "How long is the probation period?")];
        assert_eq!(request(&conversation(&first)), None);
        assert_eq!(request(&[]), None);
    }

    #[test]
    fn a_follow_up_is_told_with_what_was_said_before() {
        let said = [
            (Role::User, "What is the hotel limit in Sweden?"),
            (Role::Assistant, "1,500 crowns\na night."),
            (Role::User, "And in Norway?"),
        ];
        let asked = request(&conversation(&said)).unwrap();
        assert_eq!(
            asked[1].content,
            "Question: What is the hotel limit in Sweden?\nAnswer: 1,500 crowns a night.\n\n\
             Last question: And in Norway?"
        );
        let chinese =
            [(Role::User, "年假有几天？"), (Role::Assistant, "十天。"), (Role::User, "病假呢？")];
        let asked = request(&conversation(&chinese)).unwrap();
        assert_eq!(asked[1].content, "问: 年假有几天？\n答: 十天。\n\n最后一个问题: 病假呢？");
    }

    #[test]
    fn only_the_last_turns_are_told_and_not_all_of_them() {
        let long = "word ".repeat(1000);
        let mut said = vec![(Role::User, "first"), (Role::Assistant, "one")];
        said.extend([(Role::User, long.as_str()), (Role::Assistant, "two")]);
        said.extend([(Role::User, "third"), (Role::Assistant, "three"), (Role::User, "last")]);
        let asked = request(&conversation(&said)).unwrap();
        assert!(!asked[1].content.contains("first"), "{}", asked[1].content);
        assert!(asked[1].content.chars().count() < 600);
    }

    #[test]
    fn the_question_is_read_out_of_what_small_models_say() {
        let read = |said: &str| read(said, "And in Norway?");
        let question = Some("What is the hotel limit in Norway?".to_owned());
        assert_eq!(read("What is the hotel limit in Norway?"), question);
        assert_eq!(
            read("\nRewritten question: \"What is the hotel limit in Norway?\"\nMore"),
            question
        );
        assert_eq!(read("And in Norway?"), None);
        assert_eq!(read(" \n"), None);
        assert_eq!(read(&"x".repeat(301)), None);
    }
}
