//! From a conversation to the prompt the engine gets: retrieve, judge, fit.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rag_core::{
    Answerable, Caller, Chosen, Citation, EmbedError, Embedder, Enclosing, Filter, GenerateError,
    GenerateRequest, Generator, Language, Message, PromptError, Reranker, RetrievalSettings,
    Retrieved, Role, answer, enclose, follow_up, prompt,
};
use rag_embedder::{OnnxEmbedder, OnnxReranker};
use rag_generator::{EngineStats, LlamaGenerator};
use rag_knowledge::{KnowledgeBase, KnowledgeError, RetrieveError};
use telemetry::traces;
use tracing::field::Empty;

use crate::own_request::{self, OwnRequestError};
use crate::proving::Proven;
use crate::question_vectors::QuestionVectors;
use crate::settings::FollowUps;

/// The loaded engines and the knowledge base.
pub(crate) struct Answering {
    pub(crate) knowledge: KnowledgeBase,
    pub(crate) embedder: OnnxEmbedder,
    pub(crate) vectors: QuestionVectors,
    /// Puts the best passages in order, where the settings name one.
    pub(crate) reranker: Option<OnnxReranker>,
    pub(crate) generator: LlamaGenerator,
    /// What the model is computed on, and what was tried before.
    pub(crate) proven: Proven,
    pub(crate) stats: Arc<EngineStats>,
    pub(crate) retrieval: RetrievalSettings,
    /// Which passages an answer uses when a request does not say.
    pub(crate) selection: Selection,
    /// What else a question in the middle of a conversation is searched for as.
    pub(crate) follow_ups: FollowUps,
}

/// Which passages an answer may use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Selection {
    /// At most so many.
    pub(crate) top_k: usize,
    /// How likely they must answer the question, 0.0–1.0.
    pub(crate) min_score: f32,
}

/// Tokens of a rewritten question.
const REWRITTEN: usize = 48;
/// A question that takes longer to rewrite is answered as it is.
const REWRITING: Duration = Duration::from_secs(20);

/// What is to be said to a question, and what it was taken to mean.
#[derive(Debug)]
pub(crate) struct Planned {
    /// What else the question was searched for as.
    pub(crate) rewritten: Option<String>,
    pub(crate) plan: Plan,
}

#[derive(Debug)]
pub(crate) enum Plan {
    /// Give this conversation to the model; these passages are in it.
    Generate { messages: Vec<Message>, citations: Vec<Citation>, notices: Vec<String> },
    /// Nothing is near enough: say so, cite nothing, ask no model.
    NotInDocuments { text: &'static str },
}

/// Why a question cannot be answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnsweringError {
    #[error("the conversation does not end with a question: the last message must be the user's")]
    NoQuestion,
    #[error("the question takes {tokens} tokens, and the model's context leaves {budget} for it")]
    TooLong { tokens: usize, budget: usize },
    #[error("{0}")]
    Embed(#[from] EmbedError),
    #[error("{0}")]
    Retrieve(#[from] RetrieveError),
    #[error("{0}")]
    Knowledge(#[from] KnowledgeError),
    #[error("{0}")]
    Generate(#[from] GenerateError),
    #[error("{0}")]
    OwnRequest(#[from] OwnRequestError),
}

impl Answering {
    /// The `top_k` passages that most likely answer a caller's question, best first, whatever their score.
    pub(crate) fn search(
        &self,
        question: &str,
        top_k: usize,
        filter: &Filter,
        caller: &Caller,
    ) -> Result<Vec<Chosen>, AnsweringError> {
        let vector = {
            let model = self.embedder.identity().name.as_str();
            let _embed = tracing::info_span!(
                "embed",
                gen_ai.operation.name = "embeddings",
                gen_ai.request.model = model
            )
            .entered();
            self.vectors.of(caller, question, || self.embedder.embed_query(question))?
        };
        let reranker = self.reranker.as_ref().map(|reranker| reranker as &dyn Reranker);
        Ok(self.knowledge.retrieve(question, &vector, top_k, &self.retrieval, filter, reranker)?)
    }

    /// How likely a passage answers the question, 0.0–1.0.
    pub(crate) fn score(&self, chosen: &Chosen) -> f32 {
        let reranker = self.reranker.as_ref().and_then(OnnxReranker::calibration);
        chosen.probability(self.embedder.calibration(), reranker) as f32
    }

    /// What the model reads for the passages that were found: their parents, where they have any.
    fn quoted(&self, found: Vec<Chosen>) -> Result<Vec<Retrieved>, AnsweringError> {
        let with_parents = found
            .into_iter()
            .map(|chosen| {
                let score = self.score(&chosen);
                let parent = match chosen.parent {
                    Some(position) => self.knowledge.parent(position)?,
                    None => None,
                };
                Ok((Retrieved { passage: chosen.passage, score }, parent))
            })
            .collect::<Result<Vec<_>, KnowledgeError>>()?;
        let quote = |enclosing: Enclosing| {
            let Enclosing { mut quoted, found, .. } = enclosing;
            // A citation leads to the page of what was found, not to where its parent begins.
            quoted.passage.page = found.first().map_or(quoted.passage.page, |best| best.page);
            quoted
        };
        Ok(enclose(with_parents).into_iter().map(quote).collect())
    }

    /// Decides what to say to the last question of a conversation, leaving `max_tokens` of the
    /// context for the answer.
    pub(crate) fn plan(
        &self,
        conversation: &[Message],
        max_tokens: usize,
        selection: Selection,
        caller: &Caller,
        observe_retrieval: impl Fn(f64),
    ) -> Result<Planned, AnsweringError> {
        let question = match conversation.last() {
            Some(last) if last.role == Role::User => last.content.as_str(),
            Some(_) | None => return Err(AnsweringError::NoQuestion),
        };
        let Selection { top_k, min_score } = selection;
        let rewritten = self.standing_alone(conversation, caller);
        let started = Instant::now();
        let retrieve = tracing::info_span!("retrieve", switchyard.passages = Empty).entered();
        if traces::may_hold_text() {
            traces::set(&retrieve, "switchyard.question", question.to_owned());
            if let Some(rewritten) = &rewritten {
                traces::set(&retrieve, "switchyard.question.rewritten", rewritten.clone());
            }
        }
        let mut found = self.search(question, top_k, &Filter::default(), caller)?;
        if let Some(rewritten) = &rewritten {
            let more = self.search(rewritten, top_k, &Filter::default(), caller)?;
            found = self.best_of(top_k, found, more);
        }
        let found = self.quoted(found)?;
        observe_retrieval(started.elapsed().as_secs_f64());
        retrieve.record("switchyard.passages", found.len());
        drop(retrieve);

        let passages = match answer::judge(found, min_score) {
            Answerable::FromDocuments(passages) => passages,
            Answerable::NotInDocuments { best } => {
                tracing::info!(best, min_score, "not in the documents");
                let text = Language::of(question).not_in_documents();
                return Ok(Planned { rewritten, plan: Plan::NotInDocuments { text } });
            }
        };
        let context = self.generator.identity().context;
        // Whatever is asked for, half of the context stays for the prompt.
        let budget = context - max_tokens.min(context / 2);
        let prompt = prompt::fit(conversation, passages, budget, |messages| {
            self.generator.count_tokens(messages)
        })
        .map_err(|error| match error {
            PromptError::NoQuestion => AnsweringError::NoQuestion,
            PromptError::TooLong { tokens, budget } => AnsweringError::TooLong { tokens, budget },
            PromptError::Count(error) => AnsweringError::Generate(error),
        })?;
        let notices = notices(&prompt, budget);
        for notice in &notices {
            tracing::info!(notice, "the prompt was cut");
        }
        let citations = answer::cite(prompt.passages);
        let plan = Plan::Generate { messages: prompt.messages, citations, notices };
        Ok(Planned { rewritten, plan })
    }

    /// What else the last question of a conversation is searched for as, so that what is meant is found.
    fn standing_alone(&self, conversation: &[Message], caller: &Caller) -> Option<String> {
        match self.follow_ups {
            FollowUps::Off => None,
            FollowUps::Join => follow_up::joined(conversation),
            FollowUps::Rewrite => {
                self.rewritten(conversation, caller).or_else(|| follow_up::joined(conversation))
            }
        }
    }

    /// The last question, rewritten by the model. A failure costs nothing but the time.
    fn rewritten(&self, conversation: &[Message], caller: &Caller) -> Option<String> {
        let messages = follow_up::request(conversation)?;
        let _rewrite = tracing::info_span!("rewrite").entered();
        let mut request = GenerateRequest::new(messages, REWRITTEN, caller.clone());
        request.sampling.temperature = 0.0;
        request.sampling.repeat_penalty = 1.0;
        match own_request::run(&self.generator, request, REWRITING) {
            Ok(said) => follow_up::read(&said, conversation),
            Err(error) => {
                tracing::warn!(%error, "a follow-up question was not rewritten");
                None
            }
        }
    }

    /// The `top_k` likeliest passages of two searches, each once.
    fn best_of(&self, top_k: usize, found: Vec<Chosen>, more: Vec<Chosen>) -> Vec<Chosen> {
        let mut all: Vec<(f32, Chosen)> =
            found.into_iter().chain(more).map(|chosen| (self.score(&chosen), chosen)).collect();
        // Stable: of equal ones those found for the question as it is come first.
        all.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let mut seen = HashSet::new();
        all.retain(|(_, chosen)| seen.insert(chosen.position));
        all.truncate(top_k);
        all.into_iter().map(|(_, chosen)| chosen).collect()
    }
}

/// What was left out, said to whoever asked.
fn notices(prompt: &rag_core::Prompt, budget: usize) -> Vec<String> {
    let mut notices = Vec::new();
    if prompt.passages_left_out > 0 {
        notices.push(format!(
            "{} of {} passages were left out: the prompt may have {budget} tokens",
            prompt.passages_left_out,
            prompt.passages_left_out + prompt.passages.len(),
        ));
    }
    if prompt.messages_left_out > 0 {
        notices.push(format!(
            "the {} oldest messages of the conversation were left out: the prompt may have {budget} tokens",
            prompt.messages_left_out,
        ));
    }
    notices
}
