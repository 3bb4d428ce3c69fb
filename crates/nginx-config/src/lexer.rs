//! Words, quotes and punctuation, by the rules of nginx's own reader (`ngx_conf_read_token`).

/// A piece of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Word(String),
    Semicolon,
    Open,
    Close,
}

/// What is wrong with the text, and in which line that began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub line: u32,
    pub what: String,
}

/// The tokens of a text, each with its line (from 1).
///
/// # Errors
/// For a quote that does not end, and for what stands right behind one.
pub(crate) fn tokens(text: &str) -> Result<Vec<(Token, u32)>, Wrong> {
    let mut lexer = Lexer { rest: text.chars().peekable(), line: 1, found: Vec::new() };
    while let Some(&next) = lexer.rest.peek() {
        match next {
            _ if next.is_whitespace() => drop(lexer.take()),
            '#' => {
                while lexer.rest.peek().is_some_and(|next| *next != '\n') {
                    lexer.take();
                }
            }
            ';' => lexer.punctuation(Token::Semicolon),
            '{' => lexer.punctuation(Token::Open),
            '}' => lexer.punctuation(Token::Close),
            '"' | '\'' => lexer.quoted(next)?,
            _ => lexer.word(),
        }
    }
    Ok(lexer.found)
}

struct Lexer<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    line: u32,
    found: Vec<(Token, u32)>,
}

impl Lexer<'_> {
    fn take(&mut self) -> Option<char> {
        let next = self.rest.next();
        if next == Some('\n') {
            self.line += 1;
        }
        next
    }

    fn punctuation(&mut self, token: Token) {
        self.take();
        self.found.push((token, self.line));
    }

    /// A word in quotes, in which only the quote and the backslash need escaping.
    fn quoted(&mut self, quote: char) -> Result<(), Wrong> {
        let began = self.line;
        self.take();
        let mut word = String::new();
        loop {
            match self.take() {
                None => {
                    return Err(Wrong {
                        line: began,
                        what: format!("a {quote} that does not end"),
                    });
                }
                Some('\\') => self.escaped(&mut word),
                Some(next) if next == quote => break,
                Some(next) => word.push(next),
            }
        }
        self.found.push((Token::Word(word), began));
        match self.rest.peek() {
            None | Some(';' | '{' | '}' | ')' | '#') => Ok(()),
            Some(next) if next.is_whitespace() => Ok(()),
            Some(next) => {
                let what = format!("{next:?} right behind a closing {quote}");
                Err(Wrong { line: self.line, what })
            }
        }
    }

    /// A word without quotes. `${` begins a variable, in which braces are part of the word.
    fn word(&mut self) {
        let began = self.line;
        let mut word = String::new();
        let mut in_variable = false;
        while let Some(&next) = self.rest.peek() {
            match next {
                '{' if word.ends_with('$') => in_variable = true,
                '}' if in_variable => in_variable = false,
                ';' | '{' | '}' => break,
                _ if next.is_whitespace() => break,
                '\\' => {
                    self.take();
                    self.escaped(&mut word);
                    continue;
                }
                _ => {}
            }
            word.push(next);
            self.take();
        }
        self.found.push((Token::Word(word), began));
    }

    /// What stands behind a backslash: quotes, a backslash and white space lose it, everything else keeps it, so that
    /// regular expressions stay what they are.
    fn escaped(&mut self, word: &mut String) {
        match self.take() {
            None => word.push('\\'),
            Some('t') => word.push('\t'),
            Some('r') => word.push('\r'),
            Some('n') => word.push('\n'),
            Some(next @ ('"' | '\'' | '\\')) => word.push(next),
            Some(next) if next.is_whitespace() => word.push(next),
            Some(next) => {
                word.push('\\');
                word.push(next);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let found = tokens(text).unwrap().into_iter().map(|(token, _)| match token {
            Token::Word(word) => word,
            Token::Semicolon => ";".to_owned(),
            Token::Open => "{".to_owned(),
            Token::Close => "}".to_owned(),
        });
        found.collect()
    }

    #[test]
    fn words_quotes_escapes_and_variables() {
        for (text, expected) in [
            ("listen 80;", vec!["listen", "80", ";"]),
            ("a \"b c\" 'd;e';# gone {", vec!["a", "b c", "d;e", ";"]),
            ("set $x ${y}_z;", vec!["set", "$x", "${y}_z", ";"]),
            (r"location ~ \.php$ {}", vec!["location", "~", r"\.php$", "{", "}"]),
            (r#"return 200 "a \"b\" \\ \d";"#, vec!["return", "200", r#"a "b" \ \d"#, ";"]),
            ("a#b c;", vec!["a#b", "c", ";"]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn lines_are_counted_from_where_a_word_begins() {
        let found = tokens("a\n'b\nc' d\n;").unwrap();
        let lines: Vec<u32> = found.iter().map(|(_, line)| *line).collect();
        assert_eq!(lines, [1, 2, 3, 4]);
    }

    #[test]
    fn quotes_must_end_and_stand_alone() {
        assert_eq!(tokens("a\n\"b").unwrap_err().line, 2);
        assert_eq!(tokens("'a'b;").unwrap_err().what, "'b' right behind a closing '");
    }
}
