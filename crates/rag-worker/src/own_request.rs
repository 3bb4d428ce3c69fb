//! Requests of the worker's own to its language model, waited for to their end.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::time::Duration;

use rag_core::{AnswerSink, Flow, GenerateError, GenerateRequest, Generated, Generator, Piece};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OwnRequestError {
    #[error(transparent)]
    Failed(#[from] GenerateError),
    #[error("there was no answer within {} s", .0.as_secs())]
    Late(Duration),
}

/// The whole answer to a request. One that takes longer than `limit` is given up, by the engine too.
pub(crate) fn run(
    generator: &impl Generator,
    request: GenerateRequest,
    limit: Duration,
) -> Result<String, OwnRequestError> {
    let (told, outcome) = mpsc::sync_channel(1);
    let waited_for = Arc::new(());
    let sink = Collecting { text: String::new(), told, waited_for: Arc::downgrade(&waited_for) };
    generator.submit(request, Box::new(sink))?;
    match outcome.recv_timeout(limit) {
        Ok(outcome) => Ok(outcome?),
        Err(RecvTimeoutError::Timeout) => Err(OwnRequestError::Late(limit)),
        Err(RecvTimeoutError::Disconnected) => Err(GenerateError::Stopping.into()),
    }
}

struct Collecting {
    text: String,
    told: mpsc::SyncSender<Result<String, GenerateError>>,
    waited_for: Weak<()>,
}

impl AnswerSink for Collecting {
    fn is_open(&self) -> bool {
        self.waited_for.strong_count() > 0
    }

    fn piece(&mut self, piece: Piece) -> Flow {
        self.text.push_str(&piece.text);
        Flow::Continue(())
    }

    fn finish(self: Box<Self>, outcome: Result<Generated, GenerateError>) {
        let Self { text, told, .. } = *self;
        // The receiver is gone only after its time limit, and then nobody wants to know.
        let _ = told.try_send(outcome.map(|_| text));
    }
}
