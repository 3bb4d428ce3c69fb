//! From question to passages to prompt to cited answer.
//!
//! Pure: no clock, no files, no threads, and no other crate of ours. The engines that do the heavy
//! work (embedding, reranking, search, generation) stand behind four short traits, so that a worker, a
//! builder and a test see the same shapes.

pub mod answer;
pub mod calibration;
pub mod chat;
pub mod date;
pub mod diversity;
pub mod duplicates;
pub mod embedder;
pub mod enclosing;
pub mod filter;
pub mod follow_up;
pub mod fusion;
pub mod generator;
pub mod index;
pub mod passage;
pub mod prompt;
pub mod radicals;
pub mod reranker;
pub mod retrieval;
pub mod split;

pub use answer::{Answerable, Citation, Language, Retrieved, is_han};
pub use calibration::{Calibration, CalibrationError, Fit, Judged, MIN_SCORE};
pub use chat::{Message, Role};
pub use date::Date;
pub use diversity::maximal_marginal_relevance;
pub use duplicates::without_near_duplicates;
pub use embedder::{EmbedError, Embedder, EmbeddingIdentity, Pooling};
pub use enclosing::{Enclosing, enclose};
pub use filter::{Filter, FilterError, Metadata};
pub use fusion::{Fused, Ranking, reciprocal_rank_fusion};
pub use generator::{
    AnswerSink, Caller, Finish, Flow, Form, GenerateError, GenerateRequest, Generated, Generator,
    Likelihood, ModelIdentity, Piece, Sampling, TokenChoice,
};
pub use index::{Hit, Index, IndexError, PassageSet};
pub use passage::{Passage, READING, Section, with_context};
pub use prompt::{Prompt, PromptError};
pub use reranker::{LogitCurve, RERANKED, RerankError, Reranker, RerankerIdentity, by_logit};
pub use retrieval::{Chosen, Evidence, RetrievalSettings, TOP_K};
pub use split::{
    ALL_HEADINGS, LimitReport, Parent, SentenceRules, SplitDocument, SplitPassage, SplitSettings,
    SplitSettingsError, Splitter, SplitterError, Strategy, TokenLimit,
};
