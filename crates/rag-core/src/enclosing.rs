//! Small passages are found; the model reads the parents around them.

use crate::answer::Retrieved;
use crate::passage::Passage;
use crate::split::{Parent, Span};

/// What a prompt quotes for one or more passages that were found.
#[derive(Debug, Clone, PartialEq)]
pub struct Enclosing {
    /// The parent, or the passage itself where it has none, with the best score of what was found in
    /// it.
    pub quoted: Retrieved,
    /// The first and the last page of what is quoted.
    pub pages: Option<(u32, u32)>,
    /// The passages found in it, best first: what a citation points to.
    pub found: Vec<Passage>,
}

/// Replaces passages by their parents. `found` is ordered best first, and so is what comes back. A
/// parent that was already given, or of which at least half is in one that was (sentence windows
/// overlap), is not given again: its passage joins that one.
pub fn enclose(found: Vec<(Retrieved, Option<Parent>)>) -> Vec<Enclosing> {
    let mut given: Vec<(Enclosing, Vec<Span>)> = Vec::new();
    for (Retrieved { passage, score }, parent) in found {
        let pages = passage.page.map(|page| (page, page));
        let Some(parent) = parent else {
            let quoted = Retrieved { passage: passage.clone(), score };
            given.push((Enclosing { quoted, pages, found: vec![passage] }, Vec::new()));
            continue;
        };
        let repeated = given.iter_mut().find(|(enclosing, spans)| {
            enclosing.quoted.passage.file == parent.file
                && 2 * common(spans, &parent.spans) >= length(&parent.spans).max(1)
        });
        match repeated {
            Some((enclosing, _)) => {
                enclosing.quoted.score = enclosing.quoted.score.max(score);
                enclosing.found.push(passage);
            }
            None => {
                let quoted = Retrieved { passage: parent.to_passage(), score };
                given.push((
                    Enclosing { quoted, pages: parent.pages, found: vec![passage] },
                    parent.spans,
                ));
            }
        }
    }
    given.into_iter().map(|(enclosing, _)| enclosing).collect()
}

fn length(spans: &[Span]) -> usize {
    spans.iter().map(|span| span.range.len()).sum()
}

/// The bytes that two lists of spans of one document have in common.
fn common(a: &[Span], b: &[Span]) -> usize {
    let pairs = a.iter().flat_map(|x| b.iter().map(move |y| (x, y)));
    pairs
        .filter(|(x, y)| x.section == y.section)
        .map(|(x, y)| x.range.end.min(y.range.end).saturating_sub(x.range.start.max(y.range.start)))
        .sum()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::passage::Section;
    use crate::split::{SplitDocument, SplitSettings, Splitter, Strategy};

    fn found(document: &SplitDocument, order: &[usize]) -> Vec<(Retrieved, Option<Parent>)> {
        order
            .iter()
            .enumerate()
            .map(|(rank, position)| {
                let passage = &document.passages[*position];
                let parent = passage.parent.map(|parent| document.parents[parent].clone());
                (
                    Retrieved { passage: passage.passage.clone(), score: 0.9 - rank as f32 / 10.0 },
                    parent,
                )
            })
            .collect()
    }

    fn pages() -> Vec<Section> {
        let page = |n, text: &str| Section { page: Some(n), heading: None, text: text.to_owned() };
        vec![
            page(
                1,
                "第一章 休假\n每人每年十五天年假。当年没有休完的最多结转五天。\n生病三天以上要有诊断证明。",
            ),
            page(2, "产假共有一百八十八天。\n第二章 差旅\n五小时以内的路程乘坐高铁。"),
        ]
    }

    #[test]
    fn the_model_reads_the_parent_and_the_citation_points_to_the_passage() {
        let settings = SplitSettings::new(Splitter::new(16, 0).unwrap())
            .with_strategy(Strategy::Headings)
            .with_parents(200)
            .unwrap();
        let document = settings.split("手册.pdf", &pages());
        let produce =
            document.passages.iter().position(|p| p.passage.text.contains("产假")).unwrap();
        let annual =
            document.passages.iter().position(|p| p.passage.text.contains("年假")).unwrap();
        let enclosed = enclose(found(&document, &[produce, annual]));
        assert_eq!(enclosed.len(), 1, "both stand in one parent");
        assert_eq!(enclosed[0].pages, Some((1, 2)));
        assert_eq!(enclosed[0].quoted.score, 0.9);
        assert_eq!(enclosed[0].quoted.passage.heading.as_deref(), Some("第一章 休假"));
        assert!(enclosed[0].quoted.passage.text.contains("十五天"));
        let cited: Vec<_> = enclosed[0].found.iter().map(|p| p.page).collect();
        assert_eq!(cited, [Some(2), Some(1)]);
    }

    #[test]
    fn windows_that_mostly_repeat_another_are_given_once() {
        let strategy = Strategy::SentenceWindow { sentences: NonZeroUsize::MIN, around: 1 };
        let text = "This is the first sentence. This is the second sentence. This is the third sentence. \
                    This is the fourth sentence. This is the fifth sentence. This is the sixth sentence.";
        let sections = [Section { page: Some(4), heading: None, text: text.into() }];
        let document = SplitSettings::default().with_strategy(strategy).split("a.pdf", &sections);
        let enclosed = enclose(found(&document, &[1, 2, 5]));
        let texts: Vec<_> =
            enclosed.iter().map(|e| (e.quoted.passage.text.as_str(), e.found.len())).collect();
        assert_eq!(
            texts,
            [
                (
                    "This is the first sentence. This is the second sentence. This is the third sentence.",
                    2
                ),
                ("This is the fifth sentence. This is the sixth sentence.", 1),
            ]
        );
    }

    #[test]
    fn a_passage_without_a_parent_is_quoted_itself() {
        let document = SplitSettings::default().split("手册.pdf", &pages());
        let enclosed = enclose(found(&document, &[1, 0]));
        assert_eq!(enclosed.len(), 2);
        assert_eq!(enclosed[0].quoted.passage, document.passages[1].passage);
        assert_eq!((enclosed[0].pages, enclosed[0].found.len()), (Some((2, 2)), 1));
        assert_eq!(enclose(vec![]), vec![]);
    }

    #[test]
    fn the_same_place_in_two_documents_is_two_parents() {
        let settings = SplitSettings::default().with_parents(1_000).unwrap();
        let mut both = found(&settings.split("a.pdf", &pages()), &[0]);
        both.extend(found(&settings.split("b.pdf", &pages()), &[0]));
        assert_eq!(enclose(both).len(), 2);
    }
}
