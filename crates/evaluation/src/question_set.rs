//! A question set: what is asked, and where the answers stand.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::place::Place;

/// Questions in the order of their file; ids are distinct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionSet {
    questions: Vec<Question>,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Names the question in results; distinct within the set.
    pub id: String,
    /// What is asked, as a person would.
    pub question: String,
    /// The language asked in: `zh`, `en`, or another language tag.
    pub language: String,
    /// What the question is about or tests, for figures by tag.
    pub tags: Vec<String>,
    /// Questions with the same topic ask the same in other words or another language, so they are
    /// not independent of each other; the id where none is given.
    pub topic: String,
    /// What a good answer says, where somebody wrote it down.
    pub answer: Option<String>,
    /// What must be found; empty for a question that the documents do not answer.
    pub gold: Vec<Gold>,
}

impl Question {
    /// Whether the documents answer it.
    pub fn is_answerable(&self) -> bool {
        !self.gold.is_empty()
    }
}

/// Something that must be found, and all places where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gold {
    /// Never empty; being at any of them is finding it.
    pub places: Vec<Place>,
}

/// A line as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    question: String,
    language: String,
    #[serde(default)]
    tags: Vec<String>,
    topic: Option<String>,
    answer: Option<String>,
    answerable: Option<bool>,
    #[serde(default)]
    gold: Vec<GoldLine>,
}

#[derive(Deserialize)]
struct GoldLine {
    #[serde(default)]
    also: Vec<Place>,
    // `deny_unknown_fields` is no use beside `flatten`; the rest goes through Place, which has it.
    #[serde(flatten)]
    place: serde_json::Map<String, serde_json::Value>,
}

/// What is wrong with a question set: every bad line, so that one reading is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionSetError {
    /// The bad lines, in order; never empty.
    pub problems: Vec<Problem>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The line, counted from 1; `None` when it is the whole.
    pub line: Option<usize>,
    /// What is wrong and what would be right, one clause.
    pub cause: String,
}

/// More bad lines than this are only counted.
const PROBLEMS_SHOWN: usize = 10;

impl fmt::Display for QuestionSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().take(PROBLEMS_SHOWN).enumerate() {
            let separator = if i > 0 { "\n" } else { "" };
            match problem.line {
                Some(line) => write!(f, "{separator}line {line}: {}", problem.cause)?,
                None => write!(f, "{separator}{}", problem.cause)?,
            }
        }
        match self.problems.len().saturating_sub(PROBLEMS_SHOWN) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more bad lines"),
        }
    }
}

impl std::error::Error for QuestionSetError {}

impl QuestionSet {
    /// Reads a question set: JSON Lines, one question a line, empty lines skipped (the format is in
    /// docs/QUESTIONS.md).
    ///
    /// # Errors
    /// When a line is no question, an id is there twice, or there is no question at all. All bad
    /// lines are named.
    pub fn parse(text: &str) -> Result<Self, QuestionSetError> {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let (mut questions, mut problems) = (Vec::new(), Vec::new());
        let mut first_line: HashMap<String, usize> = HashMap::new();
        for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let number = i + 1;
            let question = match Question::parse(line) {
                Ok(question) => question,
                Err(cause) => {
                    problems.push(Problem { line: Some(number), cause });
                    continue;
                }
            };
            if let Some(before) = first_line.get(&question.id) {
                let cause = format!(
                    "the id `{}` is already that of line {before}: give it another",
                    question.id
                );
                problems.push(Problem { line: Some(number), cause });
                continue;
            }
            first_line.insert(question.id.clone(), number);
            questions.push(question);
        }
        if questions.is_empty() && problems.is_empty() {
            let cause = "there is no question: write one JSON object a line".to_owned();
            problems.push(Problem { line: None, cause });
        }
        if problems.is_empty() {
            Ok(Self { questions })
        } else {
            Err(QuestionSetError { problems })
        }
    }

    /// The questions, in the order of the file.
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }

    /// The documents that questions ask for and none of these `paths` is, with the number of such questions, by name. What stands in
    /// another document, too, is asked for in that.
    pub fn missing_documents(&self, paths: &[&str]) -> BTreeMap<&str, usize> {
        let is_there = |place: &Place| paths.iter().any(|path| place.is_in(path));
        let mut missing = BTreeMap::new();
        for question in &self.questions {
            let lost = question.gold.iter().filter(|gold| !gold.places.iter().any(is_there));
            let files = lost.filter_map(|gold| Some(gold.places.first()?.file.as_str()));
            for file in files.collect::<BTreeSet<&str>>() {
                *missing.entry(file).or_default() += 1;
            }
        }
        missing
    }
}

impl Question {
    fn parse(line: &str) -> Result<Self, String> {
        if !line.trim_start().starts_with('{') {
            return Err(
                "no question: write one JSON object on one line, beginning with {".to_owned()
            );
        }
        let Line { id, question, language, tags, topic, answer, answerable, gold } =
            serde_json::from_str(line).map_err(|e| explained(&e))?;
        if id.is_empty() || id.contains(char::is_whitespace) {
            return Err(format!("the id `{id}` must be a word without spaces"));
        }
        if question.trim().is_empty() {
            return Err(format!("`{id}` asks nothing: write the question"));
        }
        if !is_language(&language) {
            return Err(format!("`{language}` is no language tag: write zh, en or the like"));
        }
        if let Some(tag) = tags.iter().find(|tag| tag.trim().is_empty() || tag.contains(',')) {
            return Err(format!("`{tag}` is no tag: use words without commas"));
        }
        if topic.as_ref().is_some_and(|topic| topic.trim().is_empty()) {
            return Err(format!("`{id}` has an empty topic: leave it out"));
        }
        let gold: Vec<Gold> = gold.into_iter().map(Gold::parse).collect::<Result<_, _>>()?;
        match (answerable.unwrap_or(true), gold.is_empty()) {
            (true, true) => Err(format!(
                "`{id}` has no gold: say where its answer stands, or write \"answerable\": false"
            )),
            (false, false) => {
                Err(format!("`{id}` is not answerable and yet has gold: leave one of them out"))
            }
            (true, false) | (false, true) => {
                let topic = topic.unwrap_or_else(|| id.clone());
                Ok(Self { id, question, language, tags, topic, answer, gold })
            }
        }
    }
}

impl Gold {
    fn parse(line: GoldLine) -> Result<Self, String> {
        let place: Place =
            serde_json::from_value(line.place.into()).map_err(|e| format!("gold: {e}"))?;
        let mut places = vec![place];
        places.extend(line.also);
        for place in &places {
            if place.file.trim().is_empty() {
                return Err("gold: `file` is empty: name the document".to_owned());
            }
            if place.page == Some(0) {
                return Err("gold: page 0 does not exist: pages are counted from 1".to_owned());
            }
            let empty =
                |text: &Option<String>| text.as_ref().is_some_and(|text| text.trim().is_empty());
            if empty(&place.heading) || empty(&place.text) {
                return Err("gold: an empty heading or text says nothing: leave it out".to_owned());
            }
        }
        Ok(Self { places })
    }
}

/// The parser's message without its line, which is always 1.
fn explained(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let end = format!(" at line {} column {}", error.line(), error.column());
    let cause = message.strip_suffix(&end).unwrap_or(&message);
    if error.is_syntax() || error.is_eof() {
        format!(
            "not JSON: {cause} (column {}); a question is one JSON object on one line",
            error.column()
        )
    } else {
        format!("{cause} (column {})", error.column())
    }
}

/// Letters, digits and hyphens, beginning with two or three lower-case letters (BCP 47, section 2.1,
/// in its usual spelling).
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let first = parts.next().unwrap_or_default();
    (2..=3).contains(&first.len())
        && first.bytes().all(|b| b.is_ascii_lowercase())
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> String {
        QuestionSet::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_set_is_read_with_all_that_a_question_may_have() {
        let text = "\u{FEFF}\
            {\"id\":\"q1\",\"question\":\"年假几天？\",\"language\":\"zh\",\"tags\":[\"leave\"],\"topic\":\"holidays\",\"answer\":\"十天\",\
             \"gold\":[{\"file\":\"a.pdf\",\"page\":3,\"text\":\"十天\",\"also\":[{\"file\":\"b.docx\",\"heading\":\"休假\"}]}]}\r\n\
            \n\
            {\"id\":\"q2\",\"question\":\"Who won?\",\"language\":\"en-GB\",\"answerable\":false}\n";
        let set = QuestionSet::parse(text).unwrap();
        let [first, second] = set.questions() else { panic!("two questions") };
        assert!(first.is_answerable() && !second.is_answerable());
        assert_eq!(first.gold.len(), 1);
        assert_eq!(first.gold[0].places.len(), 2);
        assert_eq!(first.gold[0].places[0].page, Some(3));
        assert_eq!((second.id.as_str(), second.tags.len()), ("q2", 0));
        assert_eq!((first.topic.as_str(), second.topic.as_str()), ("holidays", "q2"));
    }

    #[test]
    fn every_bad_line_is_named_with_cause_and_way_out() {
        let text = r#"{"id":"a","question":"x?","language":"en"}
{"id":"b","question":"x?","language":"en","answerable":false,"gold":[{"file":"f"}]}
{"id":"c","question":"x?","language":"en","answerable":false}
{"id":"c","question":"y?","language":"en","answerable":false}
{"id":"d d","question":"x?","language":"en","answerable":false}
{"id":"e","question":" ","language":"en","answerable":false}
{"id":"f","question":"x?","language":"English","answerable":false}
{"id":"g","question":"x?","language":"en","gold":[{"file":"f","page":0}]}
{"id":"h","question":"x?","language":"en","gold":[{"page":1}]}"#;
        insta::assert_snapshot!(refused(text), @r#"
        line 1: `a` has no gold: say where its answer stands, or write "answerable": false
        line 2: `b` is not answerable and yet has gold: leave one of them out
        line 4: the id `c` is already that of line 3: give it another
        line 5: the id `d d` must be a word without spaces
        line 6: `e` asks nothing: write the question
        line 7: `English` is no language tag: write zh, en or the like
        line 8: gold: page 0 does not exist: pages are counted from 1
        line 9: gold: missing field `file`
        "#);
    }

    #[test]
    fn what_is_no_json_or_has_an_unknown_key_says_where() {
        insta::assert_snapshot!(refused("{\"id\": \"a\",\n\"question\": 3}"), @r#"
        line 1: not JSON: EOF while parsing a value (column 11); a question is one JSON object on one line
        line 2: no question: write one JSON object on one line, beginning with {
        "#);
        insta::assert_snapshot!(
            refused(r#"{"id":"a","question":"x?","language":"en","gold":[{"file":"f","pages":3}]}"#),
            @"line 1: gold: unknown field `pages`, expected one of `file`, `page`, `heading`, `text`"
        );
        insta::assert_snapshot!(refused("\n \n"), @"there is no question: write one JSON object a line");
        let many = "x\n".repeat(25);
        assert!(refused(&many).ends_with("and 15 more bad lines"));
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "([{}\\[\\]\":,]|id|gold|question|\n|[a-z]|\\\\u0041|\u{FEFF}){0,60}") {
            let _ = QuestionSet::parse(&text);
        }
    }
}
