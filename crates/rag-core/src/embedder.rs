//! Text into vectors: the trait, and what must be known about a model to never mix two of them.

use crate::calibration::Calibration;

/// How token vectors become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The first token's vector (BGE).
    Cls,
    /// The mean over the tokens of the text, padding left out (E5, MiniLM).
    Mean,
}

impl Pooling {
    /// The word used in model descriptions and manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cls => "cls",
            Self::Mean => "mean",
        }
    }
}

/// Everything about an embedding that changes its vectors. Two knowledge bases may be compared, and
/// a question may be asked of one, only when these are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddingIdentity {
    /// The model's name, as in its description file.
    pub name: String,
    /// The version its description file declares.
    pub version: String,
    /// Length of every vector.
    pub dimensions: usize,
    /// How token vectors become one vector.
    pub pooling: Pooling,
    /// Put before every question (`query: ` for E5).
    pub query_prefix: String,
    /// Put before every passage (`passage: ` for E5).
    pub passage_prefix: String,
    /// Longer input is cut after this many tokens.
    pub max_tokens: usize,
    /// SHA-256 of the model file, 64 lower-case hex digits.
    pub model_sha256: String,
    /// SHA-256 of `tokenizer.json`, 64 lower-case hex digits.
    pub tokenizer_sha256: String,
}

impl EmbeddingIdentity {
    /// The first field in which the two differ, with both values, for an error a person can act on.
    pub fn difference(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let pairs = [
            ("name", self.name.clone(), other.name.clone()),
            ("version", self.version.clone(), other.version.clone()),
            ("dimensions", self.dimensions.to_string(), other.dimensions.to_string()),
            ("model file", self.model_sha256.clone(), other.model_sha256.clone()),
            ("tokenizer", self.tokenizer_sha256.clone(), other.tokenizer_sha256.clone()),
            ("pooling", self.pooling.as_str().to_owned(), other.pooling.as_str().to_owned()),
            ("query prefix", self.query_prefix.clone(), other.query_prefix.clone()),
            ("passage prefix", self.passage_prefix.clone(), other.passage_prefix.clone()),
            ("max tokens", self.max_tokens.to_string(), other.max_tokens.to_string()),
        ];
        pairs.into_iter().find(|(_, ours, theirs)| ours != theirs)
    }
}

/// Embedding failed; the message names the model and the cause.
#[derive(Debug, Clone, thiserror::Error)]
#[error("embedding with {model}: {cause}")]
pub struct EmbedError {
    /// The model's name.
    pub model: String,
    /// What went wrong, one clause.
    pub cause: String,
}

/// Turns text into vectors of unit length.
///
/// A text's vector depends on that text alone, never on what else is embedded in the same call:
/// two builds of the same documents must give the same bytes.
pub trait Embedder: Send + Sync {
    /// What makes this model's vectors what they are.
    fn identity(&self) -> &EmbeddingIdentity;

    /// One vector per passage, `[passages, dimensions]`, L2-normalized. The passage prefix is added.
    fn embed_passages(&self, passages: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError>;

    /// The question's vector, `[dimensions]`, L2-normalized. The query prefix is added.
    fn embed_query(&self, question: &str) -> Result<Vec<f32>, EmbedError>;

    /// The tokens the model sees for `text`, prefix not included, special tokens included.
    fn count_tokens(&self, text: &str) -> Result<usize, EmbedError>;

    /// What its cosines mean. Those of different models are not comparable, so each model's
    /// description declares its own curve.
    fn calibration(&self) -> Calibration;
}
