//! From documents to a prompt with the pieces of this crate alone: split, search twice, fuse, filter,
//! thin out, judge, enclose, fit. The embedding is a toy that counts pairs of characters.

#![expect(clippy::unwrap_used, reason = "a test panics with the cause")]

use std::convert::Infallible;

use rag_core::answer::{Answerable, cite, judge};
use rag_core::diversity::Lambda;
use rag_core::duplicates::{NEAR_EQUAL, Shingles};
use rag_core::fusion::RANK_CONSTANT;
use rag_core::prompt::fit;
use rag_core::{
    Calibration, Date, Enclosing, Evidence, Filter, Judged, MIN_SCORE, Message, Metadata, Parent,
    Ranking, Retrieved, Role, Section, SplitPassage, SplitSettings, Splitter, Strategy, enclose,
    maximal_marginal_relevance, reciprocal_rank_fusion, without_near_duplicates,
};
use serde_json::json;

/// Passages, their parents and their vectors, of several documents.
#[derive(Default)]
struct Knowledge {
    passages: Vec<SplitPassage>,
    parents: Vec<Parent>,
    vectors: Vec<Vec<f32>>,
}

/// Counts of pairs of characters, hashed to 1,024 numbers and normalized.
fn embed(text: &str) -> Vec<f32> {
    let characters: Vec<char> =
        text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    let mut vector = vec![0.0_f32; 1024];
    for pair in characters.windows(2) {
        vector[(pair[0] as usize * 31 + pair[1] as usize * 17) % 1024] += 1.0;
    }
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    vector.iter().map(|x| x / norm).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Knowledge {
    fn of(documents: &[(&str, &str)]) -> Self {
        let settings = SplitSettings::new(Splitter::new(60, 0).unwrap())
            .with_strategy(Strategy::Headings)
            .with_parents(400)
            .unwrap();
        let mut knowledge = Self::default();
        for (file, text) in documents {
            let section = Section { page: Some(1), heading: None, text: (*text).to_owned() };
            let document = settings.split(file, &[section]);
            let first = knowledge.parents.len();
            for mut passage in document.passages {
                passage.parent = passage.parent.map(|parent| parent + first);
                knowledge.vectors.push(embed(&passage.embedded_text()));
                knowledge.passages.push(passage);
            }
            knowledge.parents.extend(document.parents);
        }
        knowledge
    }

    /// The positions ranked by a score, best first.
    fn ranked(&self, score: impl Fn(usize) -> f32) -> Vec<usize> {
        let mut positions: Vec<usize> = (0..self.passages.len()).collect();
        positions.sort_by(|a, b| score(*b).total_cmp(&score(*a)));
        positions.truncate(20);
        positions
    }

    fn search(&self, question: &str, filter: &Filter, calibration: &Calibration) -> Vec<Enclosing> {
        let vector = embed(question);
        let similarity = |position: usize| cosine(&vector, &self.vectors[position]);
        let words = |position: usize| {
            let text = self.passages[position].embedded_text();
            question.chars().filter(|c| text.contains(*c)).count() as f32
        };
        let (dense, lexical) = (self.ranked(similarity), self.ranked(words));
        let rankings = [Ranking::new(&dense, 2.0).unwrap(), Ranking::new(&lexical, 1.0).unwrap()];
        let date = Date::new(2026, 3, 1);
        let found: Vec<usize> = reciprocal_rank_fusion(&rankings, RANK_CONSTANT)
            .into_iter()
            .map(|fused| fused.passage)
            .filter(|p| filter.matches(&Metadata { file: &self.passages[*p].passage.file, date }))
            .collect();
        let shingles = |position: &usize| Shingles::of(&self.passages[*position].passage.text);
        let distinct = without_near_duplicates(found, shingles, NEAR_EQUAL).kept;
        let relevance: Vec<f32> = distinct.iter().map(|position| similarity(*position)).collect();
        let between =
            |a: usize, b: usize| cosine(&self.vectors[distinct[a]], &self.vectors[distinct[b]]);
        let chosen = maximal_marginal_relevance(&relevance, between, Lambda::new(0.8).unwrap(), 4);
        let found: Vec<Retrieved> = chosen
            .iter()
            .map(|i| Retrieved {
                passage: self.passages[distinct[*i]].passage.clone(),
                score: calibration.probability(evidence(relevance[*i])) as f32,
            })
            .collect();
        let Answerable::FromDocuments(kept) = judge(found, MIN_SCORE) else {
            return Vec::new();
        };
        let with_parents = kept.into_iter().map(|retrieved| {
            let passage = self.passages.iter().find(|p| p.passage == retrieved.passage).unwrap();
            (retrieved, passage.parent.map(|parent| self.parents[parent].clone()))
        });
        enclose(with_parents.collect())
    }
}

fn evidence(cosine: f32) -> Evidence {
    Evidence { cosine, words: 0.0 }
}

fn handbook() -> Knowledge {
    let handbook = include_str!("../../../docs/sample/sources/员工手册.md");
    let guide = include_str!("../../../docs/sample/sources/信息安全与设备指南.md");
    Knowledge::of(&[
        ("制度/员工手册.md", handbook),
        ("制度/副本.md", handbook),
        ("指南/设备.md", guide),
    ])
}

/// The toy's cosines of questions with the passages that answer them are around 0.3, of others below
/// 0.1.
fn calibration() -> Calibration {
    let questions: Vec<Judged> = (0..40)
        .map(|i| {
            let answerable = i % 2 == 0;
            let base = if answerable { 0.24 } else { 0.06 };
            Judged { found: vec![evidence(base + i as f32 / 400.0)], answerable }
        })
        .collect();
    Calibration::fit(&questions).unwrap().calibration
}

#[test]
fn a_question_finds_its_section_once_and_the_prompt_quotes_it() {
    let enclosed = handbook().search("年假最多可以结转几天？", &Filter::default(), &calibration());
    let first = &enclosed[0];
    assert!(first.quoted.passage.heading.as_deref().unwrap().ends_with("休假 > 年假"), "{first:?}");
    assert!(first.quoted.passage.text.contains("最多可以结转五天"));
    let copies = enclosed.iter().filter(|e| e.quoted.passage.text == first.quoted.passage.text);
    assert_eq!(copies.count(), 1, "the copy of the document adds nothing");

    let quoted = enclosed.iter().map(|e| e.quoted.clone()).collect();
    let question = [Message::new(Role::User, "年假最多可以结转几天？")];
    let count = |messages: &[Message]| {
        Ok::<_, Infallible>(messages.iter().map(|m| m.content.chars().count()).sum())
    };
    let prompt = fit(&question, quoted, 2_000, count).unwrap();
    assert!(prompt.messages.last().unwrap().content.contains("最多可以结转五天"));
    let citations = cite(prompt.passages);
    assert_eq!(citations[0].n, 1);
    assert!(!enclosed[0].found.is_empty(), "the passage that was found can be pointed to");
}

#[test]
fn a_filter_keeps_other_documents_out() {
    let filter = Filter::from_json(&json!({"path_prefix": "指南", "date": {"from": "2026-01-01"}}));
    let enclosed =
        handbook().search("压力罐的使用压力不得超过多少？", &filter.unwrap(), &calibration());
    assert!(enclosed[0].quoted.passage.text.contains("450巴"));
    assert!(enclosed.iter().all(|e| e.quoted.passage.file == "指南/设备.md"));
}

#[test]
fn what_the_documents_do_not_say_is_not_answered() {
    let enclosed =
        handbook().search("How do I tune an Oracle database?", &Filter::default(), &calibration());
    assert_eq!(enclosed, []);
}
