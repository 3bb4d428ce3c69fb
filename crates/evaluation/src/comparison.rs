//! Two runs of one question set: what changed, how sure that is, and which questions changed.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::bootstrap::{Interval, Resampling, by_topic, mean, mean_interval};
use crate::measures::Measure;
use crate::permutation::{PValue, paired_randomization};
use crate::place::Granularity;
use crate::run::{Group, Outcome, Run, groups};

/// How a candidate compares with a baseline, question by question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// The baseline's name.
    pub baseline: String,
    /// The candidate's name.
    pub candidate: String,
    /// How resampling was done.
    pub resampling: Resampling,
    /// All questions first, then by language, then by tag.
    pub groups: Vec<GroupComparison>,
    /// Questions whose reciprocal rank fell, the largest loss first.
    pub worse: Vec<Change>,
    /// Questions whose reciprocal rank rose, the largest gain first.
    pub better: Vec<Change>,
}

/// The differences of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupComparison {
    /// Which questions.
    pub group: Group,
    /// How many there are.
    pub questions: usize,
    /// Each measure that applies to at least one of them.
    pub measures: BTreeMap<Measure, Difference>,
}

/// The difference of a measure, candidate less baseline.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// The baseline's mean.
    pub baseline: f64,
    /// The candidate's mean.
    pub candidate: f64,
    /// The mean difference, with its confidence interval.
    pub difference: Interval,
    /// How likely so large a difference is by chance. Not corrected for the number of groups and
    /// measures: decide beforehand which one counts.
    pub p_value: PValue,
}

/// A question that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The question's id.
    pub id: String,
    /// The rank of the first passage that finds gold, in the baseline.
    pub baseline: Option<usize>,
    /// The same in the candidate.
    pub candidate: Option<usize>,
}

/// Two runs that cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComparisonError {
    /// Pages against passages.
    #[error(
        "one run was measured by {baseline:?} and the other by {candidate:?}: measure both alike"
    )]
    Granularities {
        /// The baseline's.
        baseline: Granularity,
        /// The candidate's.
        candidate: Granularity,
    },
    /// Only differences of the same questions say something.
    #[error(
        "the runs are of different question sets: `{id}` is only in {run} (questions in only one of \
         them: {count}); ask both the same set"
    )]
    DifferentQuestions {
        /// The first question that one run lacks.
        id: String,
        /// The run that has it.
        run: String,
        /// How many questions only one run has.
        count: usize,
    },
    /// An id that stands for another question now.
    #[error("`{0}` asks something else in the two runs: ask both the same set")]
    Edited(String),
    /// A question with other measures: its gold or the threshold came or went in between.
    #[error(
        "`{0}` was measured otherwise in the two runs: was the set edited, or refusing turned on or off?"
    )]
    DifferentMeasures(String),
}

/// Compares two runs of one question set, by questions.
///
/// # Errors
/// When the runs are of different questions, or were measured differently.
pub fn compare(
    baseline: &Run,
    candidate: &Run,
    resampling: Resampling,
) -> Result<Comparison, ComparisonError> {
    if baseline.granularity != candidate.granularity {
        return Err(ComparisonError::Granularities {
            baseline: baseline.granularity,
            candidate: candidate.granularity,
        });
    }
    let pairs = pairs(baseline, candidate)?;
    let groups = groups(&baseline.questions)
        .into_iter()
        .map(|group| {
            let members: Vec<_> = pairs.iter().filter(|(before, _)| before.is_in(&group)).collect();
            let measures = Measure::ALL.into_iter().filter_map(|measure| {
                let values = members.iter().filter_map(|(before, after)| {
                    let values = before.values.get(&measure).zip(after.values.get(&measure));
                    values.map(|(b, a)| (before.topic.as_str(), *b, *a))
                });
                let values: Vec<_> = values.collect();
                Some((measure, Difference::of(&values, resampling)?))
            });
            GroupComparison { questions: members.len(), measures: measures.collect(), group }
        })
        .collect();
    let (worse, better) = changes(&pairs);
    Ok(Comparison {
        baseline: baseline.name.clone(),
        candidate: candidate.name.clone(),
        resampling,
        groups,
        worse,
        better,
    })
}

impl Difference {
    /// Of the topic, the baseline's value and the candidate's value of each question.
    fn of(values: &[(&str, f64, f64)], resampling: Resampling) -> Option<Self> {
        let part = |pick: fn(f64, f64) -> f64| {
            by_topic(values.iter().map(|(topic, before, after)| (*topic, pick(*before, *after))))
        };
        let differences = part(|before, after| after - before);
        // Questions of one topic change sides together.
        let sums: Vec<f64> = differences.iter().map(|cluster| cluster.sum).collect();
        Some(Self {
            baseline: mean(part(|before, _| before))?,
            candidate: mean(part(|_, after| after))?,
            difference: mean_interval(&differences, resampling)?,
            p_value: paired_randomization(&sums, resampling),
        })
    }
}

/// The two outcomes of each question, in the baseline's order.
fn pairs<'a>(
    baseline: &'a Run,
    candidate: &'a Run,
) -> Result<Vec<(&'a Outcome, &'a Outcome)>, ComparisonError> {
    let by_id =
        |run: &'a Run| run.questions.iter().map(|q| (q.id.as_str(), q)).collect::<HashMap<_, _>>();
    let (before, after) = (by_id(baseline), by_id(candidate));
    let only = |of: &'a Run, lacks: &HashMap<&str, &Outcome>| {
        let ids = of.questions.iter().filter(|q| !lacks.contains_key(q.id.as_str()));
        ids.map(|q| (q.id.clone(), of.name.clone())).collect::<Vec<_>>()
    };
    let mut lonely = only(baseline, &after);
    lonely.extend(only(candidate, &before));
    if let Some((id, run)) = lonely.first().cloned() {
        return Err(ComparisonError::DifferentQuestions { id, run, count: lonely.len() });
    }
    let mut pairs = Vec::with_capacity(before.len());
    for question in &baseline.questions {
        let other = after[question.id.as_str()];
        if question.question != other.question {
            return Err(ComparisonError::Edited(question.id.clone()));
        }
        if !question.values.keys().eq(other.values.keys()) {
            return Err(ComparisonError::DifferentMeasures(question.id.clone()));
        }
        pairs.push((question, other));
    }
    Ok(pairs)
}

/// The questions that fell and those that rose in reciprocal rank, the largest change first.
fn changes(pairs: &[(&Outcome, &Outcome)]) -> (Vec<Change>, Vec<Change>) {
    let value =
        |outcome: &Outcome| outcome.values.get(&Measure::ReciprocalRank).copied().unwrap_or(0.0);
    let mut changed: Vec<(f64, Change)> = pairs
        .iter()
        .map(|(before, after)| {
            let first = |outcome: &Outcome| outcome.ranks.iter().flatten().min().copied();
            let change =
                Change { id: before.id.clone(), baseline: first(before), candidate: first(after) };
            (value(after) - value(before), change)
        })
        .filter(|(difference, _)| *difference != 0.0)
        .collect();
    // Stable: equal changes stay in the order of the set.
    changed.sort_by(|(a, _), (b, _)| b.abs().total_cmp(&a.abs()));
    let (worse, better): (Vec<_>, Vec<_>) = changed.into_iter().partition(|(d, _)| *d < 0.0);
    let strip =
        |changes: Vec<(f64, Change)>| changes.into_iter().map(|(_, change)| change).collect();
    (strip(worse), strip(better))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::{found, run, set};

    #[test]
    fn differences_are_of_the_same_questions_with_interval_and_p_value() {
        let comparison =
            compare(&run("old", [2, 1, 0, 0]), &run("new", [1, 1, 1, 1]), Resampling::default())
                .unwrap();
        let all = &comparison.groups[0];
        assert_eq!((&all.group, all.questions), (&Group::All, 4));
        let recall = &all.measures[&Measure::RecallAt1];
        assert!((recall.baseline - 1.0 / 3.0).abs() < 1e-12);
        assert!((recall.candidate - 1.0).abs() < 1e-12);
        assert!((recall.difference.mean - 2.0 / 3.0).abs() < 1e-12);
        assert!(recall.difference.low <= recall.difference.mean);
        // Two of three questions differ, both upwards: 2 of 4 patterns are as far.
        assert_eq!(recall.p_value, PValue { p: 0.5, exact: true });
        let refused = &all.measures[&Measure::Refused];
        assert_eq!(refused.difference.mean, -1.0, "the unanswerable question is answered now");
    }

    #[test]
    fn the_questions_that_changed_are_named_the_largest_change_first() {
        let comparison =
            compare(&run("old", [3, 1, 0, 0]), &run("new", [2, 4, 1, 0]), Resampling::default())
                .unwrap();
        let ids = |changes: &[Change]| changes.iter().map(|c| c.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&comparison.worse), ["e2"]);
        assert_eq!(ids(&comparison.better), ["z1", "e1"]);
        assert_eq!(
            comparison.better[0],
            Change { id: "z1".into(), baseline: None, candidate: Some(1) }
        );
    }

    #[test]
    fn a_run_compared_with_itself_shows_no_difference() {
        let run = run("same", [1, 3, 0, 0]);
        let comparison = compare(&run, &run, Resampling::default()).unwrap();
        assert!(comparison.better.is_empty() && comparison.worse.is_empty());
        for difference in comparison.groups.iter().flat_map(|g| g.measures.values()) {
            assert_eq!((difference.difference.mean, difference.p_value.p), (0.0, 1.0));
        }
        let json = serde_json::to_string(&comparison).unwrap();
        assert_eq!(serde_json::from_str::<Comparison>(&json).unwrap(), comparison);
    }

    #[test]
    fn runs_of_different_questions_are_refused() {
        let (old, mut new) = (run("old", [1; 4]), run("new", [1; 4]));
        new.questions.remove(1);
        assert_eq!(
            compare(&old, &new, Resampling::default()).unwrap_err().to_string(),
            "the runs are of different question sets: `e2` is only in old (questions in only one \
             of them: 1); ask both the same set"
        );
        let mut finds = found([1; 4]);
        finds[0].refused = None;
        let unsure =
            crate::evaluate("new", &set(), finds, Granularity::Page, Resampling::default())
                .unwrap();
        assert_eq!(
            compare(&old, &unsure, Resampling::default()),
            Err(ComparisonError::DifferentMeasures("e1".into()))
        );
        let mut edited = old.clone();
        edited.questions[2].question = "丙？".into();
        assert_eq!(
            compare(&old, &edited, Resampling::default()),
            Err(ComparisonError::Edited("z1".into()))
        );
        let finer = Run { granularity: Granularity::Passage, ..old.clone() };
        assert!(matches!(
            compare(&old, &finer, Resampling::default()),
            Err(ComparisonError::Granularities { .. })
        ));
    }
}
