//! The real programs on real models and real documents, as their users run them.

mod answers;
mod failures;
mod knowledge;
mod openai;
mod quickstart;
mod switching;
