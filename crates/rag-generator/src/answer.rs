//! One answer being made.

use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::vocab::LlamaVocab;
use rag_core::{AnswerSink, Caller, Finish, GenerateError, Piece, TokenChoice};

use tracing::Span;
use tracing::field::Empty;

use crate::choosing::Choosing;
use crate::kept::{Home, Kept};
use crate::text::{Settled, TextStream};

/// One answer to make, tokenized and checked to fit.
pub(crate) struct Job {
    /// With what was said of the answer already.
    pub(crate) prompt: Vec<LlamaToken>,
    /// How many of its last tokens were said already.
    pub(crate) said: usize,
    /// Tokens still to make.
    pub(crate) max_tokens: usize,
    pub(crate) choosing: Choosing,
    pub(crate) stop: Vec<String>,
    pub(crate) caller: Caller,
    pub(crate) sink: Box<dyn AnswerSink>,
    pub(crate) trace: Trace,
}

/// What an answer is in a trace: one span after the other, as parts of the request's.
pub(crate) struct Trace {
    request: Span,
    now: Span,
}

impl Trace {
    /// Of an answer that begins to wait for its place, as part of the current span.
    pub(crate) fn waiting() -> Self {
        Self { request: Span::current(), now: tracing::info_span!("queue") }
    }

    fn reads(&mut self, tokens: usize) {
        self.now = tracing::info_span!(
            parent: &self.request,
            "prompt",
            switchyard.prompt_tokens = tokens,
            switchyard.reused_tokens = Empty
        );
    }

    /// The prompt goes on from so many tokens that were computed before.
    pub(crate) fn reused(&self, tokens: usize) {
        self.now.record("switchyard.reused_tokens", tokens);
    }

    fn writes(&mut self) {
        self.now = tracing::info_span!(parent: &self.request, "decode", switchyard.tokens = Empty);
    }
}

/// An answer being made.
pub(crate) struct Answer {
    /// The prompt, then the tokens made.
    pub(crate) tokens: Vec<LlamaToken>,
    /// With what was said of the answer already.
    pub(crate) prompt: usize,
    /// How many of the prompt's last tokens were said already.
    pub(crate) said: usize,
    /// How many of the tokens are in the context or in the batch.
    pub(crate) held: usize,
    /// How many of them are computed: the others are in a batch that was not decoded yet.
    pub(crate) computed: usize,
    /// Whether it is settled where its prompt begins to be read: what others computed is not waited for any more.
    pub(crate) begun: bool,
    /// Prompt tokens read since it was last its turn.
    pub(crate) turn: usize,
    /// Prompt tokens that others had computed.
    pub(crate) reused: usize,
    pub(crate) max_tokens: usize,
    pub(crate) choosing: Choosing,
    pub(crate) caller: Caller,
    pub(crate) sink: Box<dyn AnswerSink>,
    pub(crate) trace: Trace,
    text: TextStream,
    /// Tokens whose text is not given out yet.
    waiting: Vec<TokenChoice>,
}

/// What a token did to an answer.
pub(crate) enum Step {
    Goes,
    Ends(Finish),
    Abandoned,
}

impl Answer {
    pub(crate) fn new(mut job: Job) -> Self {
        job.trace.reads(job.prompt.len());
        Self {
            trace: job.trace,
            prompt: job.prompt.len(),
            said: job.said,
            tokens: job.prompt,
            held: 0,
            computed: 0,
            begun: false,
            turn: 0,
            reused: 0,
            max_tokens: job.max_tokens,
            choosing: job.choosing,
            caller: job.caller,
            sink: job.sink,
            text: TextStream::new(job.stop),
            waiting: Vec::new(),
        }
    }

    /// Tokens made.
    pub(crate) fn made(&self) -> usize {
        self.tokens.len() - self.prompt
    }

    /// Whether its prompt is in the context or in the batch.
    pub(crate) fn is_read(&self) -> bool {
        self.held >= self.prompt
    }

    /// Whether its prompt is computed: one token of it goes into each batch.
    pub(crate) fn is_written(&self) -> bool {
        self.is_read() && self.made() > 0
    }

    /// It is over: whom it went to, and what was computed for it in this place.
    pub(crate) fn over<C>(self, place: usize) -> (Box<dyn AnswerSink>, Kept<C>) {
        self.trace.now.record("switchyard.tokens", self.made());
        let Self { sink, mut tokens, computed, caller, .. } = self;
        tokens.truncate(computed);
        (sink, Kept { tokens, caller, home: Home::Place(place) })
    }

    /// There will be no more of it.
    pub(crate) fn fail(self, error: GenerateError) {
        self.sink.finish(Err(error));
    }

    /// Takes the token chosen and gives its text to the client.
    pub(crate) fn take(
        &mut self,
        token: LlamaToken,
        choice: Option<TokenChoice>,
        vocab: &LlamaVocab<'_>,
    ) -> Step {
        if self.made() == 0 {
            self.trace.writes();
        }
        if vocab.is_eog(token) {
            return self.end(Finish::Stop);
        }
        self.tokens.push(token);
        self.waiting.extend(choice);
        match self.text.push(&vocab.token_to_piece(token, false, None)) {
            Settled::Stopped(text) => {
                // Whether or not the client still takes it, this answer is over.
                let _ = self.give(text);
                Step::Ends(Finish::Stop)
            }
            Settled::Text(text) => match self.give(text) {
                Step::Goes if self.made() >= self.max_tokens => self.end(Finish::Length),
                step => step,
            },
        }
    }

    fn end(&mut self, finish: Finish) -> Step {
        let rest = self.text.finish();
        match self.give(rest) {
            Step::Abandoned => Step::Abandoned,
            Step::Goes | Step::Ends(_) => Step::Ends(finish),
        }
    }

    fn give(&mut self, text: String) -> Step {
        if text.is_empty() {
            return Step::Goes;
        }
        let piece = Piece { text, tokens: std::mem::take(&mut self.waiting) };
        if self.sink.piece(piece).is_break() { Step::Abandoned } else { Step::Goes }
    }
}
