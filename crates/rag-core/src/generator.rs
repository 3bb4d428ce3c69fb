//! A prompt into words: the trait behind which the language model runs.

use std::ops::ControlFlow;

use crate::chat::Message;

/// What a language model file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelIdentity {
    /// The file's name without `.gguf`.
    pub name: String,
    /// The file's name, without its folder.
    pub file: String,
    /// SHA-256 of the file, 64 lower-case hex digits.
    pub sha256: String,
    /// The quantization in the usual spelling (`Q4_K_M`).
    pub quantization: String,
    /// Tokens one answer and its prompt may use together.
    pub context: usize,
}

/// How the next token is chosen. Names and ranges are those of the OpenAI API, plus `top_k`,
/// `min_p` and `repeat_penalty` as in llama.cpp.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// 0.0 always takes the likeliest token.
    pub temperature: f32,
    /// Keep the likeliest tokens whose probabilities add up to this (0.0–1.0].
    pub top_p: f32,
    /// Keep this many of the likeliest tokens; 0 keeps all.
    pub top_k: u32,
    /// Drop tokens less likely than this share of the likeliest one's probability.
    pub min_p: f32,
    /// Divides the logits of the last tokens; 1.0 does nothing.
    pub repeat_penalty: f32,
    /// OpenAI's frequency penalty, −2.0–2.0.
    pub frequency_penalty: f32,
    /// OpenAI's presence penalty, −2.0–2.0.
    pub presence_penalty: f32,
    /// Added to the logits of these tokens, by their number in the model's vocabulary, −100.0–100.0.
    pub logit_bias: Vec<(i32, f32)>,
    /// The same seed, prompt and settings give the same answer.
    pub seed: u32,
}

impl Default for Sampling {
    /// Low temperature (answers quote documents) and the light repeat penalty that small models
    /// need not to loop.
    fn default() -> Self {
        Self {
            temperature: 0.2,
            top_p: 0.95,
            top_k: 40,
            min_p: 0.05,
            repeat_penalty: 1.1,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            logit_bias: Vec::new(),
            seed: 0,
        }
    }
}

/// Who asks: what was computed for one caller's prompt is used again for nobody else's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Caller {
    /// The worker itself, with texts that hold nobody's words: what is computed for them serves everybody.
    House,
    /// Somebody who showed this, or everybody who showed nothing: a SHA-256, never the secret itself.
    Known([u8; 32]),
}

impl Caller {
    /// Whether what was computed for `other` may be used for this caller.
    pub fn may_use(&self, other: &Self) -> bool {
        *other == Self::House || self == other
    }
}

/// The form an answer must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// Any JSON object.
    Json,
    /// JSON that this JSON schema describes.
    Schema(String),
    /// What this grammar describes, in llama.cpp's GBNF.
    Grammar(String),
}

/// One answer to make.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateRequest {
    /// The conversation, already cut to fit (`prompt::fit`).
    pub messages: Vec<Message>,
    /// What was said of the answer already, by another worker: it goes on from exactly there, and repeats none of it.
    pub said: String,
    /// The most tokens of the whole answer; 0 only computes the prompt, so that answers to others that begin like it come
    /// sooner.
    pub max_tokens: usize,
    /// How to choose them.
    pub sampling: Sampling,
    /// Texts at which the answer ends; they are not part of it.
    pub stop: Vec<String>,
    /// The form it must have.
    pub form: Option<Form>,
    /// Say how likely each token was, and so many others in its place.
    pub likelihoods: Option<usize>,
    /// Who asks.
    pub caller: Caller,
}

impl GenerateRequest {
    /// An answer to this conversation, of at most so many tokens, with the usual settings.
    pub fn new(messages: Vec<Message>, max_tokens: usize, caller: Caller) -> Self {
        Self {
            messages,
            said: String::new(),
            max_tokens,
            sampling: Sampling::default(),
            stop: Vec::new(),
            form: None,
            likelihoods: None,
            caller,
        }
    }
}

/// A token, and how likely the model found it there, before anything of [`Sampling`] is applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Likelihood {
    /// The token's bytes; not always whole characters.
    pub bytes: Vec<u8>,
    /// The natural logarithm of its probability.
    pub logprob: f32,
}

/// A token that was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenChoice {
    /// The token.
    pub chosen: Likelihood,
    /// The likeliest tokens in its place, likeliest first.
    pub likeliest: Vec<Likelihood>,
}

/// More of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Piece {
    /// Whole characters.
    pub text: String,
    /// The tokens behind them, when the request asks for likelihoods.
    pub tokens: Vec<TokenChoice>,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model ended it, or a stop text came.
    Stop,
    /// `max_tokens` or the end of the context was reached.
    Length,
}

impl Finish {
    /// OpenAI's `finish_reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
        }
    }
}

/// The account of a finished answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generated {
    /// Why it ended.
    pub finish: Finish,
    /// Tokens in the prompt.
    pub prompt_tokens: usize,
    /// Those of them that were computed before, for an earlier prompt of the same caller.
    pub reused_tokens: usize,
    /// Tokens of the answer, those said already included.
    pub completion_tokens: usize,
}

/// Why no answer was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// The queue is full; asking again in a moment may work.
    #[error("{waiting} questions are already waiting, which is as many as this worker takes")]
    Busy {
        /// How many wait.
        waiting: usize,
    },
    /// The worker is stopping.
    #[error("the worker is stopping")]
    Stopping,
    /// The prompt does not fit, even without passages.
    #[error("the conversation takes {tokens} tokens and the model's context is {context}")]
    TooLong {
        /// Tokens of the prompt.
        tokens: usize,
        /// Tokens one answer may use.
        context: usize,
    },
    /// The form that was asked for cannot be kept, or what was said already has another.
    #[error("the answer's form: {0}")]
    Form(String),
    /// The chat template or the engine failed.
    #[error("{0}")]
    Failed(String),
}

/// Whether to go on.
pub type Flow = ControlFlow<()>;

/// Where an answer goes. Called on the engine's thread: it must not block.
pub trait AnswerSink: Send {
    /// Whether anybody still listens; asked before every step.
    fn is_open(&self) -> bool;

    /// More of the answer. `Break` ends the answer and frees its place.
    fn piece(&mut self, piece: Piece) -> Flow;

    /// The answer is complete, or failed.
    fn finish(self: Box<Self>, outcome: Result<Generated, GenerateError>);
}

/// Makes answers, several at once.
pub trait Generator: Send + Sync {
    /// What model answers.
    fn identity(&self) -> &ModelIdentity;

    /// Tokens of the conversation when rendered by the model's own chat template.
    fn count_tokens(&self, messages: &[Message]) -> Result<usize, GenerateError>;

    /// Queues one answer; it is delivered to `sink`. Answers at once with `Busy` when the queue is
    /// full.
    fn submit(
        &self,
        request: GenerateRequest,
        sink: Box<dyn AnswerSink>,
    ) -> Result<(), GenerateError>;
}
