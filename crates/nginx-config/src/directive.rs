//! One directive of an nginx configuration: its words, where it stands, and what is inside it.

use std::fmt;
use std::sync::Arc;

/// Where a directive stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: Arc<str>,
    /// Counted from 1.
    pub line: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.file, self.line)
    }
}

/// A directive with its arguments, such as `listen 80 default_server;`, or with a block, such as `location / { … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    pub name: String,
    /// The words behind the name, without quotes and escapes.
    pub arguments: Vec<String>,
    /// `None` for a directive that ends with `;`.
    pub block: Option<Vec<Directive>>,
    pub place: Place,
}

impl Directive {
    /// The first argument; empty when there is none.
    pub fn first(&self) -> &str {
        self.arguments.first().map_or("", String::as_str)
    }

    /// What is inside; empty for a directive without a block.
    pub fn inside(&self) -> &[Self] {
        self.block.as_deref().unwrap_or_default()
    }

    /// The directives of that name inside.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.inside().iter().filter(move |directive| directive.name == name)
    }

    /// The last directive of that name inside: nginx takes the last one where only one counts.
    pub fn last<'a>(&'a self, name: &'a str) -> Option<&'a Self> {
        self.all(name).last()
    }
}

/// The directive's own line: `listen 80` or `location / {…}`.
impl fmt::Display for Directive {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        for argument in &self.arguments {
            write!(formatter, " {argument}")?;
        }
        if self.block.is_some() { formatter.write_str(" {…}") } else { Ok(()) }
    }
}
