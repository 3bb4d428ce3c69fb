//! Passages by their words: BM25 over a tantivy index in a folder, opened by memory map.

mod builder;
mod read_only;
mod words;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use rag_core::{Hit, IndexError, PassageSet};
use tantivy::collector::{FilterCollector, TopDocs};
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocAddress, ReloadPolicy, Searcher, Term};

pub use builder::LexicalBuilder;
pub use words::{TOKENIZER, words};

use read_only::ReadOnlyFolder;

/// The version of the library, recorded in manifests.
pub fn lexical_version() -> &'static str {
    let whole = tantivy::version_string().trim_start_matches("tantivy v");
    whole.split(',').next().unwrap_or(whole)
}

/// The field that holds a passage's words.
const TEXT: &str = "text";
/// The field that holds a passage's position in the knowledge base.
const PASSAGE: &str = "passage";
/// Distinct words of a question that are searched for; questions are shorter, pasted pages are not.
const MOST_WORDS: usize = 256;

/// A read-only index of words; searching is safe from any number of threads.
pub struct LexicalIndex {
    searcher: Searcher,
    text: Field,
    name: String,
}

/// A question's distinct words with what each is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct WeighedWords(Vec<(String, f64)>);

impl LexicalIndex {
    /// Opens the index in `folder`, which nothing is written to.
    ///
    /// # Errors
    /// When it is missing, broken, or does not hold `passages` passages.
    pub fn open(folder: &Path, passages: usize) -> Result<Self, IndexError> {
        let name = folder.display().to_string();
        let fail = |cause: String| IndexError { subject: name.clone(), cause };
        let directory = ReadOnlyFolder::open(folder).map_err(|e| fail(e.to_string()))?;
        let index = tantivy::Index::open(directory).map_err(|e| fail(e.to_string()))?;
        let text = index.schema().get_field(TEXT).map_err(|e| fail(e.to_string()))?;
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(0)
            .try_into()
            .map_err(|e: tantivy::TantivyError| fail(e.to_string()))?;
        let searcher = reader.searcher();
        if searcher.num_docs() != passages as u64 {
            let cause = format!(
                "it holds {} passages, and the manifest says {passages}",
                searcher.num_docs()
            );
            return Err(fail(cause));
        }
        Ok(Self { searcher, text, name })
    }

    /// The `k` passages with the highest BM25 score for a question's words, best first, ties by
    /// position; passages with none of the words are not found. BM25 with k1 = 1.2 and b = 0.75
    /// (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009).
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn search(
        &self,
        question: &str,
        k: usize,
        among: Option<&Arc<PassageSet>>,
    ) -> Result<Vec<Hit>, IndexError> {
        let mut query: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for word in distinct(question) {
            let term = Term::from_field_text(self.text, &word);
            let term = TermQuery::new(term, IndexRecordOption::WithFreqs);
            query.push((Occur::Should, Box::new(term)));
        }
        if query.is_empty() || k == 0 {
            return Ok(Vec::new());
        }
        let query = BooleanQuery::new(query);
        let best = TopDocs::with_limit(k).order_by_score();
        let found = match among {
            None => self.searcher.search(&query, &best),
            Some(among) => {
                let among = Arc::clone(among);
                let belongs = move |passage: u64| among.contains(passage as usize);
                let best = FilterCollector::new(PASSAGE.to_owned(), belongs, best);
                self.searcher.search(&query, &best)
            }
        };
        let found = found.map_err(|e| self.error(e))?;
        let mut hits = found
            .into_iter()
            .map(|(score, at)| Ok(Hit { passage: self.passage(at)?, score }))
            .collect::<Result<Vec<_>, IndexError>>()?;
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.passage.cmp(&b.passage)));
        Ok(hits)
    }

    /// What each distinct word of a question is worth here: its inverse document frequency as BM25
    /// has it, ln(1 + (N − n + 0.5) / (n + 0.5)) for n of N passages.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn weigh(&self, question: &str) -> Result<WeighedWords, IndexError> {
        let all = self.searcher.num_docs() as f64;
        let weigh = |word: String| {
            let term = Term::from_field_text(self.text, &word);
            let holding = self.searcher.doc_freq(&term).map_err(|e| self.error(e))? as f64;
            Ok((word, (1.0 + (all - holding + 0.5) / (holding + 0.5)).ln()))
        };
        distinct(question).into_iter().map(weigh).collect::<Result<_, _>>().map(WeighedWords)
    }

    fn passage(&self, at: DocAddress) -> Result<usize, IndexError> {
        self.searcher
            .segment_reader(at.segment_ord)
            .fast_fields()
            .u64(PASSAGE)
            .map_err(|e| self.error(e))?
            .first(at.doc_id)
            .map(|passage| passage as usize)
            .ok_or_else(|| self.error("a passage has no position"))
    }

    fn error(&self, cause: impl ToString) -> IndexError {
        IndexError { subject: self.name.clone(), cause: cause.to_string() }
    }
}

impl WeighedWords {
    /// The share of the question's words that a text holds, each by its worth, 0.0–1.0; 0.0 for a
    /// question without words.
    pub fn covered_by(&self, text: &str) -> f64 {
        let held: HashSet<String> = words(text).into_iter().collect();
        let (mut all, mut covered) = (0.0, 0.0);
        for (word, worth) in &self.0 {
            all += worth;
            covered += if held.contains(word) { *worth } else { 0.0 };
        }
        if all > 0.0 { covered / all } else { 0.0 }
    }
}

/// The distinct words of a question in the order they appear.
fn distinct(question: &str) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut words = words(question);
    words.retain(|word| seen.insert(word.clone()));
    words.truncate(MOST_WORDS);
    words
}
