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

/// How a model is asked, in one language.
struct Wording {
    instructions: &'static str,
    asker: &'static str,
    answerer: &'static str,
    last: &'static str,
    /// Conversations (a question, its answer, the last question), and their last questions rewritten: small models follow
    /// examples and not instructions, and with one alone repeat it.
    examples: [([&'static str; 3], &'static str); 2],
}

const ENGLISH: Wording = Wording {
    instructions: "You rewrite the last question of a conversation so that it can be understood without the \
        conversation. Answer with the rewritten question only.",
    asker: "Question",
    answerer: "Answer",
    last: "Last question",
    examples: [
        (
            [
                "Who repairs the printers on the second floor?",
                "The service desk does.",
                "And the coffee machines?",
            ],
            "Who repairs the coffee machines on the second floor?",
        ),
        (
            ["When does the canteen open?", "At seven.", "How much is lunch there?"],
            "How much is lunch in the canteen?",
        ),
    ],
};

const CHINESE: Wording = Wording {
    instructions: "你把对话中的最后一个问题改写成不看对话也能理解的完整问题。只输出改写后的问题。",
    asker: "问",
    answerer: "答",
    last: "最后一个问题",
    examples: [
        (["二楼的打印机由谁维修？", "由服务台维修。", "咖啡机呢？"], "二楼的咖啡机由谁维修？"),
        (["食堂几点开门？", "七点。", "那里午饭多少钱？"], "食堂的午饭多少钱？"),
    ],
};

impl Wording {
    fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::Chinese => &CHINESE,
        }
    }

    /// What every request begins with.
    fn beginning(&self) -> Vec<Message> {
        let mut messages = vec![Message::new(Role::System, self.instructions)];
        for ([asked, answered, last], rewritten) in self.examples {
            let turns = [Message::new(Role::User, asked), Message::new(Role::Assistant, answered)];
            let last = Message::new(Role::User, last);
            messages.push(Message::new(Role::User, self.told(&turns.each_ref(), &last)));
            messages.push(Message::new(Role::Assistant, rewritten));
        }
        messages
    }

    fn told(&self, turns: &[&Message], question: &Message) -> String {
        let mut text = String::new();
        for message in turns {
            let who = if message.role == Role::User { self.asker } else { self.answerer };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{who}: {}", beginning(&message.content));
        }
        let _ = write!(text, "\n{}: {}", self.last, beginning(&question.content));
        text
    }
}

/// What requests begin with, in each language: the same for every conversation.
pub fn beginnings() -> [Vec<Message>; 2] {
    [&ENGLISH, &CHINESE].map(Wording::beginning)
}

/// What to ask the model, so that it says the last question of a conversation as one that stands alone; nothing when the
/// conversation begins with it.
pub fn request(conversation: &[Message]) -> Option<Vec<Message>> {
    let (question, before) = conversation.split_last()?;
    let turns: Vec<&Message> =
        before.iter().filter(|message| message.role != Role::System).collect();
    if question.role != Role::User || !turns.iter().any(|message| message.role == Role::User) {
        return None;
    }
    let wording = Wording::of(Language::of(&question.content));
    let latest = &turns[turns.len().saturating_sub(2 * TURNS)..];
    let mut messages = wording.beginning();
    messages.push(Message::new(Role::User, wording.told(latest, question)));
    Some(messages)
}

/// The rewritten question in what the model said; nothing when that is none, or only repeats what was asked.
pub fn read(said: &str, conversation: &[Message]) -> Option<String> {
    let line = said.lines().map(str::trim).find(|line| !line.is_empty())?;
    // Small models say what it is before they say it.
    let labeled = line.split_once([':', '：']).filter(|(label, _)| label.chars().count() <= 24);
    let line = labeled.map_or(line, |(_, rest)| rest);
    let line = line.trim().trim_matches(['"', '“', '”', '「', '」', '*']).trim();
    let asked = conversation.iter().map(|message| message.content.trim());
    let examples = [&ENGLISH, &CHINESE].into_iter().flat_map(|wording| &wording.examples);
    let repeats = asked.chain(examples.map(|(_, rewritten)| *rewritten)).any(|text| text == line);
    ((2..=LONGEST_QUESTION).contains(&line.chars().count()) && !repeats).then(|| line.to_owned())
}

/// The question before the last and the last one, as one text: what is searched for without asking a model. Nothing when
/// the conversation begins with its last question.
pub fn joined(conversation: &[Message]) -> Option<String> {
    let (question, before) = conversation.split_last()?;
    let asked = before.iter().rfind(|message| message.role == Role::User)?;
    (question.role == Role::User)
        .then(|| format!("{} {}", beginning(&asked.content), beginning(&question.content)))
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
        assert_eq!(asked[..5], beginnings()[0]);
        assert_eq!(
            asked[5].content,
            "Question: What is the hotel limit in Sweden?\nAnswer: 1,500 crowns a night.\n\n\
             Last question: And in Norway?"
        );
        let chinese =
            [(Role::User, "年假有几天？"), (Role::Assistant, "十天。"), (Role::User, "病假呢？")];
        let asked = request(&conversation(&chinese)).unwrap();
        assert_eq!(asked[..5], beginnings()[1]);
        assert_eq!(asked[5].content, "问: 年假有几天？\n答: 十天。\n\n最后一个问题: 病假呢？");
    }

    #[test]
    fn the_last_two_questions_can_be_joined() {
        let said = [
            (Role::User, "What is the hotel limit in Sweden?"),
            (Role::Assistant, "1,500 crowns a night."),
            (Role::User, "And in Norway?"),
        ];
        let text = "What is the hotel limit in Sweden? And in Norway?";
        assert_eq!(joined(&conversation(&said)).as_deref(), Some(text));
        assert_eq!(joined(&conversation(&said[..1])), None);
        assert_eq!(joined(&[]), None);
    }

    #[test]
    fn only_the_last_turns_are_told_and_not_all_of_them() {
        let long = "word ".repeat(1000);
        let mut said = vec![(Role::User, "first"), (Role::Assistant, "one")];
        said.extend([(Role::User, long.as_str()), (Role::Assistant, "two")]);
        said.extend([(Role::User, "third"), (Role::Assistant, "three"), (Role::User, "last")]);
        let asked = request(&conversation(&said)).unwrap();
        assert!(!asked[5].content.contains("first"), "{}", asked[5].content);
        assert!(asked[5].content.chars().count() < 600);
    }

    #[test]
    fn the_question_is_read_out_of_what_small_models_say() {
        let asked = [(Role::User, "And in Sweden?"), (Role::User, "And in Norway?")];
        let read = |said: &str| read(said, &conversation(&asked));
        let question = Some("What is the hotel limit in Norway?".to_owned());
        assert_eq!(read("What is the hotel limit in Norway?"), question);
        assert_eq!(
            read("\nRewritten question: \"What is the hotel limit in Norway?\"\nMore"),
            question
        );
        assert_eq!(read("And in Norway?"), None);
        assert_eq!(read("And in Sweden?"), None);
        assert_eq!(read(ENGLISH.examples[0].1), None);
        assert_eq!(read(" \n"), None);
        assert_eq!(read(&"x".repeat(301)), None);
    }
}
