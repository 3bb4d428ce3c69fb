//! Directives and blocks out of tokens.

use std::sync::Arc;

use crate::directive::{Directive, Place};
use crate::lexer::{Token, Wrong, tokens};

/// Blocks within blocks; nginx's own configurations have five.
const DEEPEST: usize = 64;

/// Why a text is no nginx configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct SyntaxError {
    pub place: Place,
    pub what: String,
}

/// Reads the directives of one text; `file` is only named.
///
/// # Errors
/// The first thing that is wrong, with its line.
pub(crate) fn parse(file: &Arc<str>, text: &str) -> Result<Vec<Directive>, SyntaxError> {
    let at = |line| Place { file: Arc::clone(file), line };
    let found =
        tokens(text).map_err(|Wrong { line, what }| SyntaxError { place: at(line), what })?;
    // The blocks that are open: what was before them, and the directive that opened each.
    let mut open: Vec<(Vec<Directive>, Directive)> = Vec::new();
    let mut here: Vec<Directive> = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut began = 1;
    for (token, line) in found {
        let wrong = |what: String| SyntaxError { place: at(line), what };
        match token {
            Token::Word(word) => {
                if words.is_empty() {
                    began = line;
                }
                words.push(word);
            }
            Token::Semicolon => {
                if words.is_empty() {
                    return Err(wrong("a `;` with nothing before it".to_owned()));
                }
                here.push(directive(&mut words, at(began)));
            }
            Token::Open => {
                if words.is_empty() {
                    return Err(wrong("a `{` with nothing before it".to_owned()));
                }
                if open.len() == DEEPEST {
                    return Err(wrong(format!("blocks within more than {DEEPEST} blocks")));
                }
                let opening = directive(&mut words, at(began));
                open.push((std::mem::take(&mut here), opening));
            }
            Token::Close => {
                if let Some(word) = words.first() {
                    return Err(wrong(format!("`{word}` has no `;` before the `}}`")));
                }
                let Some((before, mut opening)) = open.pop() else {
                    return Err(wrong("a `}` that closes nothing".to_owned()));
                };
                opening.block = Some(std::mem::replace(&mut here, before));
                here.push(opening);
            }
        }
    }
    if let Some((_, opening)) = open.pop() {
        let what = format!("the block of `{}` is never closed", opening.name);
        return Err(SyntaxError { place: opening.place, what });
    }
    if let Some(word) = words.first() {
        return Err(SyntaxError { place: at(began), what: format!("`{word}` has no `;`") });
    }
    Ok(here)
}

fn directive(words: &mut Vec<String>, place: Place) -> Directive {
    let mut words = std::mem::take(words).into_iter();
    let name = words.next().unwrap_or_default();
    Directive { name, arguments: words.collect(), block: None, place }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn errors(text: &str) -> String {
        parse(&"nginx.conf".into(), text).unwrap_err().to_string()
    }

    #[test]
    fn blocks_hold_directives_with_their_lines() {
        let text = "events {}\nhttp {\n  server {\n    listen 80;\n  }\n}\n";
        let tree = parse(&"nginx.conf".into(), text).unwrap();
        let listen = tree[1].all("server").next().unwrap().last("listen").unwrap();
        assert_eq!((listen.to_string(), listen.place.line), ("listen 80".to_owned(), 4));
        assert_eq!(tree[1].to_string(), "http {…}");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, expected) in [
            ("a;\nserver {\n listen 80;\n", "nginx.conf:2: the block of `server` is never closed"),
            ("a;\n}\n", "nginx.conf:2: a `}` that closes nothing"),
            ("server {\n listen 80\n}\n", "nginx.conf:3: `listen` has no `;` before the `}`"),
            ("listen 80", "nginx.conf:1: `listen` has no `;`"),
            (";", "nginx.conf:1: a `;` with nothing before it"),
            ("a 'b", "nginx.conf:1: a ' that does not end"),
        ] {
            assert_eq!(errors(text), expected, "{text:?}");
        }
        assert!(errors(&"a {".repeat(100)).contains("more than 64"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-z{};'\"\\\\$# \n]{0,200}") {
            let _ = parse(&"nginx.conf".into(), &text);
        }
    }
}
