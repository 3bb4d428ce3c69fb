//! The real programs on real models and real documents, as their users run them.

#![expect(clippy::unwrap_used, reason = "a test panics with the cause")]

mod answers;
mod building;
mod continued;
mod failures;
mod generating;
mod hostile;
mod knowledge;
mod openai;
mod page;
mod quickstart;
mod rebuilding;
mod reranking;
mod standby;
mod switching;
mod warming;
