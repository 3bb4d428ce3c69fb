//! A question set asked once: values a question, and means by group with their confidence.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use rag_core::Passage;
use serde::{Deserialize, Serialize};

use crate::bootstrap::{Interval, Resampling, by_topic, mean_interval};
use crate::measures::{Measure, first_ranks, measure};
use crate::place::Granularity;
use crate::question_set::QuestionSet;

/// What was found for a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The question's id.
    pub id: String,
    /// The passages, best first; ten for all measures to mean what they say.
    pub passages: Vec<Passage>,
    /// Whether the answer was "not in the documents"; `None` when nobody decided that.
    pub refused: Option<bool>,
}

/// The version of the written form of a run.
pub const FORMAT: u32 = 1;

/// The result of asking a question set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// [`FORMAT`].
    pub format: u32,
    /// What the run is called in comparisons: a knowledge base's tag, an embedding.
    pub name: String,
    /// How near a passage had to come.
    pub granularity: Granularity,
    /// How resampling was done.
    pub resampling: Resampling,
    /// The questions, in the order of the set.
    pub questions: Vec<Outcome>,
    /// All questions first, then by language, then by tag, each in alphabetical order.
    pub groups: Vec<GroupResult>,
}

impl Run {
    /// Reads a run that was written as JSON.
    ///
    /// # Errors
    /// When it is not JSON, of another format, or not a run.
    pub fn from_json(text: &str) -> Result<Self, RunError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let wrong = |e: serde_json::Error| RunError::Malformed(e.to_string());
        // The version first: a newer format may have keys that this one does not know.
        let Format { format } = serde_json::from_str(text).map_err(wrong)?;
        if format != FORMAT {
            return Err(RunError::OtherFormat(format));
        }
        serde_json::from_str(text).map_err(wrong)
    }
}

/// How one question went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The question's id.
    pub id: String,
    /// What was asked.
    pub question: String,
    /// Its language.
    pub language: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its topic: questions with the same one are drawn together.
    pub topic: String,
    /// For each gold the rank of the first passage that finds it, counted from 1.
    pub ranks: Vec<Option<usize>>,
    /// The measures that apply to it.
    pub values: BTreeMap<Measure, f64>,
}

impl Outcome {
    /// Whether the question is in the group.
    pub fn is_in(&self, group: &Group) -> bool {
        match group {
            Group::All => true,
            Group::Language(language) => self.language == *language,
            Group::Tag(tag) => self.tags.contains(tag),
        }
    }
}

/// Some of the questions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "by", content = "name", rename_all = "lowercase")]
pub enum Group {
    /// All of them.
    All,
    /// Those asked in a language.
    Language(String),
    /// Those with a tag.
    Tag(String),
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Language(language) => write!(f, "language {language}"),
            Self::Tag(tag) => write!(f, "tag {tag}"),
        }
    }
}

/// The means of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupResult {
    /// Which questions.
    pub group: Group,
    /// How many there are, unanswerable ones included.
    pub questions: usize,
    /// Each measure that applies to at least one of them.
    pub measures: BTreeMap<Measure, Interval>,
}

/// Why there is no run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// A question without a result would count as nothing found.
    #[error("nothing is said about what was found for `{0}`: ask every question of the set")]
    Missing(String),
    /// A result for a question that the set does not have.
    #[error("`{0}` is no question of the set")]
    Unknown(String),
    /// Two results for one question.
    #[error("`{0}` was asked twice")]
    Twice(String),
    /// What was to be read is no run.
    #[error("it is no run: {0}")]
    Malformed(String),
    /// It was written by another version of the program.
    #[error("its format is {0}, and this program reads format {FORMAT}: measure again")]
    OtherFormat(u32),
}

/// Measures what was found against the question set.
///
/// # Errors
/// When a question has no result or two, or a result has no question.
pub fn evaluate(
    name: &str,
    set: &QuestionSet,
    found: Vec<Found>,
    granularity: Granularity,
    resampling: Resampling,
) -> Result<Run, RunError> {
    let mut by_id: HashMap<String, Found> = HashMap::with_capacity(found.len());
    for found in found {
        if let Some(before) = by_id.insert(found.id.clone(), found) {
            return Err(RunError::Twice(before.id));
        }
    }
    let mut questions = Vec::with_capacity(set.questions().len());
    for question in set.questions() {
        let Some(found) = by_id.remove(&question.id) else {
            return Err(RunError::Missing(question.id.clone()));
        };
        questions.push(Outcome {
            id: question.id.clone(),
            question: question.question.clone(),
            language: question.language.clone(),
            tags: question.tags.clone(),
            topic: question.topic.clone(),
            ranks: first_ranks(question, &found.passages, granularity),
            values: measure(question, &found.passages, found.refused, granularity),
        });
    }
    // The smallest, so that the message is the same every time.
    if let Some(unknown) = by_id.into_keys().min() {
        return Err(RunError::Unknown(unknown));
    }
    let groups = groups(&questions)
        .into_iter()
        .map(|group| {
            let members: Vec<&Outcome> = questions.iter().filter(|q| q.is_in(&group)).collect();
            let measures = Measure::ALL.into_iter().filter_map(|measure| {
                let values = members
                    .iter()
                    .filter_map(|q| Some((q.topic.as_str(), q.values.get(&measure).copied()?)));
                Some((measure, mean_interval(&by_topic(values), resampling)?))
            });
            GroupResult { questions: members.len(), measures: measures.collect(), group }
        })
        .collect();
    Ok(Run { format: FORMAT, name: name.to_owned(), granularity, resampling, questions, groups })
}

/// All groups that the questions are in, in the order of tables.
pub(crate) fn groups(questions: &[Outcome]) -> BTreeSet<Group> {
    let languages = questions.iter().map(|q| Group::Language(q.language.clone()));
    let tags = questions.iter().flat_map(|q| q.tags.iter().cloned().map(Group::Tag));
    [Group::All].into_iter().chain(languages).chain(tags).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn set() -> QuestionSet {
        QuestionSet::parse(
            r#"{"id":"e1","question":"a?","language":"en","tags":["leave"],"gold":[{"file":"a.pdf","page":1}]}
{"id":"e2","question":"b?","language":"en","tags":["pay","leave"],"gold":[{"file":"a.pdf","page":2}]}
{"id":"z1","question":"甲？","language":"zh","tags":["pay"],"gold":[{"file":"a.pdf","page":3}]}
{"id":"z2","question":"乙？","language":"zh","answerable":false}"#,
        )
        .unwrap()
    }

    /// What is found when the gold of each question comes at this rank; 0 for never.
    pub(crate) fn found(ranks: [usize; 4]) -> Vec<Found> {
        let passage = |page| Passage {
            file: "a.pdf".into(),
            page: Some(page),
            heading: None,
            text: "x".into(),
        };
        let ids = ["e1", "e2", "z1", "z2"];
        ids.iter()
            .zip(ranks)
            .enumerate()
            .map(|(i, (id, rank))| {
                let mut passages = vec![passage(99); 10];
                if rank > 0 {
                    passages[rank - 1] = passage(i as u32 + 1);
                }
                Found { id: (*id).to_owned(), passages, refused: Some(rank == 0) }
            })
            .collect()
    }

    pub(crate) fn run(name: &str, ranks: [usize; 4]) -> Run {
        evaluate(name, &set(), found(ranks), Granularity::Page, Resampling::default()).unwrap()
    }

    #[test]
    fn means_are_given_for_all_then_by_language_then_by_tag() {
        let run = run("a", [1, 2, 0, 0]);
        let names: Vec<String> = run.groups.iter().map(|g| g.group.to_string()).collect();
        assert_eq!(names, ["all", "language en", "language zh", "tag leave", "tag pay"]);
        let mean =
            |group: usize, measure| run.groups[group].measures.get(&measure).map(|i| (i.n, i.mean));
        assert_eq!(mean(0, Measure::ReciprocalRank), Some((3, 0.5)));
        assert_eq!(mean(1, Measure::RecallAt1), Some((2, 0.5)));
        assert_eq!(mean(1, Measure::RecallAt5), Some((2, 1.0)));
        assert_eq!(mean(2, Measure::RecallAt10), Some((1, 0.0)));
        assert_eq!(mean(2, Measure::Refused), Some((1, 1.0)));
        assert_eq!(mean(1, Measure::Refused), None, "no English question is unanswerable");
        assert_eq!(run.groups[2].questions, 2);
        assert_eq!(run.questions[1].ranks, [Some(2)]);
    }

    #[test]
    fn every_question_has_exactly_one_result() {
        let evaluate = |found| {
            evaluate("a", &set(), found, Granularity::Page, Resampling::default()).unwrap_err()
        };
        let mut missing = found([1; 4]);
        missing.remove(2);
        assert_eq!(evaluate(missing), RunError::Missing("z1".into()));
        let mut twice = found([1; 4]);
        twice.push(twice[0].clone());
        assert_eq!(evaluate(twice), RunError::Twice("e1".into()));
        let mut unknown = found([1; 4]);
        unknown.push(Found { id: "e9".into(), passages: vec![], refused: None });
        assert_eq!(evaluate(unknown), RunError::Unknown("e9".into()));
    }

    #[test]
    fn a_run_is_written_and_read_again() {
        let run = run("v20261123", [1, 2, 0, 0]);
        let json = serde_json::to_string(&run).unwrap();
        assert_eq!(Run::from_json(&json).unwrap(), run);
        let newer = json.replacen("\"format\":1", "\"format\":2,\"new\":0", 1);
        assert_eq!(Run::from_json(&newer), Err(RunError::OtherFormat(2)));
        assert!(matches!(Run::from_json("[]"), Err(RunError::Malformed(_))));
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        insta::assert_json_snapshot!(value["groups"][2], @r#"
        {
          "group": {
            "by": "language",
            "name": "zh"
          },
          "measures": {
            "MRR": {
              "high": 0.0,
              "low": 0.0,
              "mean": 0.0,
              "n": 1
            },
            "answered": {
              "high": 0.0,
              "low": 0.0,
              "mean": 0.0,
              "n": 1
            },
            "nDCG@10": {
              "high": 0.0,
              "low": 0.0,
              "mean": 0.0,
              "n": 1
            },
            "recall@1": {
              "high": 0.0,
              "low": 0.0,
              "mean": 0.0,
              "n": 1
            },
            "recall@10": {
              "high": 0.0,
              "low": 0.0,
              "mean": 0.0,
              "n": 1
            },
            "recall@5": {
              "high": 0.0,
              "low": 0.0,
              "mean": 0.0,
              "n": 1
            },
            "refused": {
              "high": 1.0,
              "low": 1.0,
              "mean": 1.0,
              "n": 1
            }
          },
          "questions": 2
        }
        "#);
    }
}
