//! How good retrieval is: question sets, measures, confidence, comparison.
//!
//! Pure: what was found comes in, numbers come out, and where chance is needed its seed is an
//! argument. docs/QUESTIONS.md describes the format of question sets and the measures.

pub mod bootstrap;
pub mod comparison;
pub mod measures;
pub mod permutation;
pub mod place;
pub mod question_set;
pub mod random;
pub mod refusal;
pub mod run;
pub mod table;

pub use bootstrap::{Interval, Resampling};
pub use comparison::{Comparison, ComparisonError, compare};
pub use measures::Measure;
pub use place::{Granularity, Place};
pub use question_set::{Question, QuestionSet, QuestionSetError};
pub use refusal::{Best, Separation, separate};
pub use run::{Found, Group, Run, RunError, evaluate};
