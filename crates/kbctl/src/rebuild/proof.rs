//! Proving a new knowledge base with the question set, beside the one that is live.

use std::path::Path;

use evaluation::{Granularity, Measure, Resampling, compare};
use switch_api::Finding;

use super::settings::Settings;
use crate::commands::evaluate::{ask, question_set};
use crate::render::Failure;
use crate::retrieval::{Opened, Options, Reranking};

/// The measures that are shown to the operators, the deciding one first.
const SHOWN: [(Measure, &str); 2] =
    [(Measure::RecallAt5, "recall@5"), (Measure::ReciprocalRank, "MRR")];
/// A difference is not taken for chance below this: the usual 5 %.
const SIGNIFICANT: f64 = 0.05;

/// What the question set said.
pub(super) struct Proof {
    pub(super) findings: Vec<Finding>,
    /// Why it must not go live.
    pub(super) against: Option<String>,
}

/// Asks the question set of the new knowledge base in `folder`, and of the live one where it is at hand.
pub(super) fn prove(
    questions: &Path,
    settings: &Settings,
    folder: &Path,
    live: Option<&Path>,
) -> Result<Proof, Failure> {
    let set = question_set(questions)?;
    let require = settings.require;
    let asked = |folder: &Path| {
        let opened =
            Opened::open(folder, &Options::usual(), &Reranking::by(settings.reranker.as_deref()))?;
        ask(folder, &opened, &set, Granularity::Page)
    };
    let (run, _) = asked(folder)?;
    let comparison = match live {
        Some(live) => {
            let (baseline, _) = asked(live)?;
            let compared = compare(&baseline, &run, Resampling::default());
            Some((baseline, compared.map_err(|error| Failure::new(error, None))?))
        }
        None => None,
    };
    let mut proof = Proof { findings: Vec::new(), against: None };
    let Some(all) = run.groups.first() else { return Ok(proof) };
    for (measure, name) in SHOWN {
        let Some(value) = all.measures.get(&measure).map(|measured| measured.mean) else {
            continue;
        };
        let (mut before, mut p) = (None, None);
        if let Some((baseline, compared)) = &comparison {
            let group = baseline.groups.first();
            before = group.and_then(|group| group.measures.get(&measure)).map(|m| m.mean);
            let group = compared.groups.first();
            p = group.and_then(|group| group.measures.get(&measure)).map(|m| m.p_value.p);
        }
        if let (true, Some(before), Some(p)) = (require.not_worse, before, p)
            && value < before
            && p < SIGNIFICANT
        {
            let text = format!("{name} fell from {before:.3} to {value:.3} (p = {p:.3})");
            proof.against.get_or_insert(text);
        }
        proof.findings.push(Finding { name: name.to_owned(), value, live: before, p });
    }
    let recall = all.measures.get(&Measure::RecallAt5).map_or(0.0, |measured| measured.mean);
    if recall < require.recall_at_5 {
        let text = format!("recall@5 is {recall:.3}, and {:.3} is required", require.recall_at_5);
        proof.against = Some(text);
    }
    Ok(proof)
}
