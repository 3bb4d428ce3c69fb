//! Reads an nginx configuration into a value, and says what of it Switchyard does.
//!
//! [`read`] makes one tree of directives out of a file and what it includes, wherever those come from;
//! [`import`](import::import) turns that into settings for the gateway and a report in which every directive appears
//! once. Only [`disk`] opens files.

pub mod directive;
pub mod disk;
pub mod import;
pub mod variables;

mod draft;
mod include;
mod lexer;
mod parser;
mod routes;
mod slots;
mod value;

pub use directive::{Directive, Place};
pub use include::{Files, read};
pub use parser::SyntaxError;
