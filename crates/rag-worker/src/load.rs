//! Everything a worker needs before it is ready, in the order that finds mistakes soonest:
//! knowledge base, embedding, reranker, device, language model, one self-test answer.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rag_core::{
    Caller, Embedder, GenerateRequest, Generator, Message, Reranker, Role, follow_up, prompt,
};
use rag_embedder::{OnnxEmbedder, OnnxReranker, OpenError};
use rag_generator::{Device, LlamaGenerator, LoadError};
use rag_knowledge::{KnowledgeBase, KnowledgeError};

use crate::answering::{Answering, AnsweringError, Plan};
use crate::own_request::{self, OwnRequestError};
use crate::proving::{self, NoDevice};
use crate::question_vectors::QuestionVectors;
use crate::settings::{FollowUps, Settings};
use crate::state::{Phase, Worker};

/// How long the self-test may take: a large model on a slow machine reads its first prompt.
const SELF_TEST_LIMIT: Duration = Duration::from_secs(300);

/// Why a worker cannot become ready.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadingError {
    #[error("opening the knowledge base")]
    Knowledge(#[from] KnowledgeError),
    #[error("opening the embedding")]
    Embedding(#[from] OpenError),
    #[error("opening the reranker")]
    Reranker(#[source] OpenError),
    #[error("the knowledge base {} is empty", .0.display())]
    Empty(PathBuf),
    #[error("{}: no such file", .0.display())]
    NoModel(PathBuf),
    #[error("reading the language model {}", path.display())]
    ModelFile { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Device(#[from] NoDevice),
    #[error(transparent)]
    Model(#[from] LoadError),
    #[error("the self-test question was not answered")]
    SelfTest(#[source] AnsweringError),
}

impl LoadingError {
    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Knowledge(error) => Some(error.hint().to_owned()),
            Self::Embedding(error) | Self::Reranker(error) => Some(error.hint()),
            Self::Empty(_) => Some("build it from documents that have text".to_owned()),
            Self::NoModel(_) => {
                Some("scripts/fetch-models, or name the file of your own model".to_owned())
            }
            Self::Device(_) => Some(
                "set inference.device to one that is here, or try another GGUF file or a smaller inference.context"
                    .into(),
            ),
            Self::Model(_) | Self::ModelFile { .. } => {
                Some("try another GGUF file, or a smaller inference.context".to_owned())
            }
            Self::SelfTest(_) => None,
        }
    }
}

/// The chain of causes in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Loads everything, then opens the latch, then reads through what was only compared with records; on failure `/health` says why.
pub(crate) fn load(worker: &Arc<Worker>) {
    let started = Instant::now();
    match load_all(worker) {
        Ok(answering) => {
            let knowledge = &answering.knowledge;
            tracing::info!(
                slot = worker.settings.slot,
                model = answering.generator.identity().name,
                device = %answering.proven.device,
                embedding = answering.embedder.identity().name,
                reranker = answering.reranker.as_ref().map(|it| it.identity().name.as_str()),
                tag = knowledge.tag(),
                fingerprint = knowledge.fingerprint(),
                passages = knowledge.passages(),
                seconds = started.elapsed().as_secs_f32(),
                "ready"
            );
            worker.becomes_ready(Arc::new(answering));
            read_through(worker);
        }
        Err(error) => {
            let (reason, hint) = (chain(&error), error.hint());
            tracing::error!(reason, hint, "this worker cannot become ready");
            worker.enter(Phase::Failed { reason, hint });
        }
    }
}

/// Verifies in the background what was only compared with records at start. What then differs is not served any longer.
fn read_through(worker: &Worker) {
    let told = || {
        let last = worker.verification.last();
        let oldest = last.knowledge.min(last.model);
        worker.metrics.verified(oldest);
    };
    told();
    match worker.verification.read_through() {
        Ok(false) => {}
        Ok(true) => {
            worker.metrics.verification("held");
            tracing::info!("read through again: it is what was verified");
            told();
        }
        Err(difference) => {
            let (reason, hint) = (chain(&difference), Some(difference.hint()));
            tracing::error!(reason, hint, "this worker serves no longer");
            worker.metrics.verification("differed");
            worker.enter(Phase::Failed { reason, hint });
        }
    }
}

fn load_all(worker: &Arc<Worker>) -> Result<Answering, LoadingError> {
    let settings = &worker.settings;
    let stage = |what: &str| {
        tracing::info!(what, "loading");
        worker.enter(Phase::Loading(what.to_owned()));
    };
    stage("knowledge base");
    let searches = settings.retrieval.threads;
    let knowledge = worker.verification.open_knowledge(&settings.knowledge, searches)?;
    check_filled(&knowledge)?;
    stage("embedding");
    let embedder = open_embedding(settings, &knowledge)?;
    let reranker = match &settings.retrieval.reranker {
        Some(folder) => {
            stage("reranker");
            Some(open_reranker(settings, folder)?)
        }
        None => None,
    };
    if !settings.model.is_file() {
        return Err(LoadingError::NoModel(settings.model.clone()));
    }
    stage("device");
    let proven = proving::choose(settings)?;
    stage("language model");
    let generator = open_model(worker, &proven.device)?;
    let answering = Answering {
        retrieval: settings.retrieval.settings,
        selection: settings.retrieval.selection,
        follow_ups: settings.retrieval.follow_ups,
        stats: generator.stats(),
        knowledge,
        embedder,
        vectors: QuestionVectors::default(),
        reranker,
        generator,
        proven,
    };
    stage("self-test");
    self_test(&answering)?;
    compute_beginnings(&answering)?;
    Ok(answering)
}

/// `--check`: everything that can be wrong without running a model.
pub(crate) fn check(settings: &Settings) -> Result<(), LoadingError> {
    let searches = settings.retrieval.threads;
    let knowledge = rag_knowledge::open_verified(&settings.knowledge, searches)?;
    check_filled(&knowledge)?;
    open_embedding(settings, &knowledge)?;
    if let Some(folder) = &settings.retrieval.reranker {
        open_reranker(settings, folder)?;
    }
    if !settings.model.is_file() {
        return Err(LoadingError::NoModel(settings.model.clone()));
    }
    Ok(())
}

fn check_filled(knowledge: &KnowledgeBase) -> Result<(), LoadingError> {
    if knowledge.passages() == 0 {
        return Err(LoadingError::Empty(knowledge.folder().to_owned()));
    }
    Ok(())
}

fn open_embedding(
    settings: &Settings,
    knowledge: &KnowledgeBase,
) -> Result<OnnxEmbedder, LoadingError> {
    let embedder = rag_embedder::open(&settings.embedding, settings.retrieval.threads)?;
    knowledge.check_embedding(embedder.identity())?;
    Ok(embedder)
}

fn open_reranker(settings: &Settings, folder: &Path) -> Result<OnnxReranker, LoadingError> {
    rag_embedder::open_reranker(folder, settings.retrieval.threads).map_err(LoadingError::Reranker)
}

fn open_model(worker: &Arc<Worker>, device: &Device) -> Result<LlamaGenerator, LoadingError> {
    let settings = &worker.settings;
    let mut tenths = 0;
    let told = Arc::clone(worker);
    let progress = move |share: f32| {
        let now = (share * 10.0) as u32;
        if now > tenths {
            tenths = now;
            told.enter(Phase::Loading(format!("language model, {} %", tenths * 10)));
        }
    };
    let unreadable = |source| LoadingError::ModelFile { path: settings.model.clone(), source };
    let sha256 = worker.verification.hash_model(&settings.model).map_err(unreadable)?;
    let engine = settings.inference.engine_on(device.clone());
    Ok(LlamaGenerator::load(&settings.model, sha256, &engine, progress)?)
}

/// Asks the first passage's own text: it must be found again, and the model must say something.
fn self_test(answering: &Answering) -> Result<(), LoadingError> {
    let fail = LoadingError::SelfTest;
    let passage = answering.knowledge.passage(0).map_err(|e| fail(e.into()))?;
    let question: String = passage.text.chars().take(200).collect();
    let conversation = [Message::new(Role::User, question)];
    let planned = answering.plan(&conversation, 8, answering.selection, &Caller::House, |_| ());
    let messages = match planned.map_err(fail)?.plan {
        Plan::Generate { messages, .. } => messages,
        // A threshold above 1 would refuse even this; the model is tested all the same.
        Plan::NotInDocuments { .. } => conversation.to_vec(),
    };
    let mut request = GenerateRequest::new(messages, 2, Caller::House);
    request.sampling.temperature = 0.0;
    own_request::run(&answering.generator, request, SELF_TEST_LIMIT).map_err(|e| fail(e.into()))?;
    Ok(())
}

/// Computes what prompts begin with, so that the first question need not wait for it.
fn compute_beginnings(answering: &Answering) -> Result<(), LoadingError> {
    let of_follow_ups = (answering.follow_ups == FollowUps::Rewrite).then(follow_up::beginnings);
    for messages in prompt::beginnings().into_iter().chain(of_follow_ups.into_iter().flatten()) {
        let request = GenerateRequest::new(messages, 0, Caller::House);
        match own_request::run(&answering.generator, request, SELF_TEST_LIMIT) {
            Ok(_) => {}
            Err(OwnRequestError::Failed(error)) => {
                // A chat template may refuse instructions without a question.
                tracing::debug!(%error, "the instructions were not computed in advance");
            }
            Err(error) => return Err(LoadingError::SelfTest(error.into())),
        }
    }
    Ok(())
}
