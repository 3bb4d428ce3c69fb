//! What the whole worker shares, and whether it is ready.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use telemetry::worker::WorkerMetrics;

use crate::admission::Admission;
use crate::answering::Answering;
use crate::feedback::Feedback;
use crate::recent::Recent;
use crate::settings::Settings;
use crate::verification::Verification;
use crate::warming::Warmth;

/// Where a worker stands. It only ever moves forward, at last to draining or failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Models and knowledge base are being loaded; says which.
    Loading(String),
    /// It answers.
    Ready,
    /// It stops when its running answers are finished.
    Draining,
    /// It could not load, or what it serves is not what was verified; says why.
    Failed {
        /// The chain of causes in one line.
        reason: String,
        /// What to do.
        hint: Option<String>,
    },
}

impl Phase {
    /// The word in `/health`.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Loading(_) => "loading",
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Failed { .. } => "failed",
        }
    }
}

/// What the whole worker shares.
pub(crate) struct Worker {
    pub(crate) settings: Settings,
    pub(crate) metrics: WorkerMetrics,
    /// Places for answers: the engine's and its queue's.
    pub(crate) answers: Admission,
    /// Places for searches and embeddings.
    pub(crate) searches: Admission,
    /// What people think of answers, where it is kept.
    pub(crate) feedback: Option<Arc<Feedback>>,
    /// What is asked.
    pub(crate) recent: Recent,
    pub(crate) warmth: Warmth,
    pub(crate) verification: Verification,
    /// Held while this worker is being warmed.
    pub(crate) warming: Arc<tokio::sync::Mutex<()>>,
    answering: OnceLock<Arc<Answering>>,
    phase: RwLock<Phase>,
}

/// Searches and embeddings that may run and wait; each takes some ten milliseconds, and longer with a reranker.
const SEARCHES: usize = 64;

impl Worker {
    pub(crate) fn new(settings: Settings, metrics: WorkerMetrics) -> Self {
        let feedback = settings.feedback.clone().map(|settings| Arc::new(Feedback::new(settings)));
        let verification = Verification::new(&settings.verification);
        let places = settings.inference.engine.slots as usize + settings.inference.queue;
        Self {
            settings,
            metrics,
            answers: Admission::new(places),
            searches: Admission::new(SEARCHES),
            feedback,
            recent: Recent::default(),
            warmth: Warmth::default(),
            verification,
            warming: Arc::default(),
            answering: OnceLock::new(),
            phase: RwLock::new(Phase::Loading("starting".to_owned())),
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Moves on, unless the worker is already stopping.
    pub(crate) fn enter(&self, next: Phase) {
        let mut phase = self.phase.write().unwrap_or_else(PoisonError::into_inner);
        if *phase != Phase::Draining {
            *phase = next;
        }
        self.metrics.ready.set(i64::from(*phase == Phase::Ready));
    }

    /// Everything is loaded and has answered the self-test.
    pub(crate) fn becomes_ready(&self, answering: Arc<Answering>) {
        // The latch is set once, by the one loading thread.
        let _ = self.answering.set(answering);
        self.enter(Phase::Ready);
    }

    /// The engines, once loaded; a draining worker still has them.
    pub(crate) fn answering(&self) -> Option<&Arc<Answering>> {
        self.answering.get()
    }
}
