//! The question sets of the repository can be read, and are what docs/QUESTIONS.md says they are.

use std::collections::{BTreeMap, BTreeSet};

use evaluation::QuestionSet;

const SETS: [(&str, &str); 2] = [
    ("sample-handbook", include_str!("../../../questions/sample-handbook.jsonl")),
    ("debian-manuals", include_str!("../../../questions/debian-manuals.jsonl")),
];

fn read(text: &str) -> QuestionSet {
    QuestionSet::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_page_about_the_sets_gives_their_numbers() {
    let page = include_str!("../../../docs/QUESTIONS.md");
    for (name, text) in SETS {
        let set = read(text);
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| `questions/{name}.jsonl`")))
            .unwrap_or_else(|| panic!("{name} is not on the page"));
        let unanswerable = set.questions().iter().filter(|q| !q.is_answerable()).count();
        for said in
            [set.questions().len().to_string(), format!("{unanswerable} are not answerable")]
        {
            assert!(row.contains(&said), "{name}: {said:?} is not in {row}");
        }
    }
}

#[test]
fn every_answerable_question_quotes_its_answer_and_has_one() {
    for (name, text) in SETS {
        for question in read(text).questions() {
            assert!(["en", "zh"].contains(&question.language.as_str()), "{name}: {}", question.id);
            assert!(question.id.ends_with(&question.language), "{name}: {}", question.id);
            assert!(!question.tags.is_empty(), "{name}: {}", question.id);
            assert_eq!(
                question.answer.is_some(),
                question.is_answerable(),
                "{name}: {}",
                question.id
            );
            for place in question.gold.iter().flat_map(|gold| &gold.places) {
                assert!(place.text.is_some(), "{name}: {}", question.id);
                assert!(place.page.is_some() != place.heading.is_some(), "{name}: {}", question.id);
            }
        }
    }
}

#[test]
fn the_manuals_are_asked_the_same_in_both_languages() {
    let set = read(SETS[1].1);
    assert!(set.questions().len() >= 100);
    let mut topics: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for question in set.questions() {
        assert_eq!(question.id, format!("{}.{}", question.topic, question.language));
        topics.entry(&question.topic).or_default().insert(&question.language);
    }
    assert!(topics.values().all(|languages| languages.len() == 2), "{topics:?}");
}

#[test]
fn documents_that_a_knowledge_base_lacks_are_named() {
    let set = read(
        r#"{"id": "a", "question": "A?", "language": "en", "answer": "yes", "gold": [{"file": "leave.pdf", "page": 1}, {"file": "pay.pdf", "page": 2}]}
{"id": "b", "question": "B?", "language": "en", "answer": "no", "gold": [{"file": "pay.pdf", "page": 3}]}
{"id": "c", "question": "C?", "language": "en", "answerable": false}"#,
    );
    assert!(set.missing_documents(&["hr/leave.pdf", "hr/pay.pdf"]).is_empty());
    assert_eq!(
        set.missing_documents(&["hr/leave.pdf", "overpay.pdf"]),
        BTreeMap::from([("pay.pdf", 2)])
    );
}
