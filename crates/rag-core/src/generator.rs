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
            seed: 0,
        }
    }
}

/// One answer to make.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateRequest {
    /// The conversation, already cut to fit (`prompt::fit`).
    pub messages: Vec<Message>,
    /// The most tokens to make.
    pub max_tokens: usize,
    /// How to choose them.
    pub sampling: Sampling,
    /// Texts at which the answer ends; they are not part of it.
    pub stop: Vec<String>,
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
    /// Tokens made.
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

    /// More of the answer; always whole characters. `Break` ends the answer and frees its place.
    fn text(&mut self, piece: &str) -> Flow;

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
