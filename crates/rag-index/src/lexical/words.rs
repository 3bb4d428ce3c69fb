//! Text into the words that are indexed and searched for.

use std::collections::HashSet;
use std::sync::OnceLock;

use jieba_rs::Jieba;
use rag_core::is_han;
use tantivy::tokenizer::{
    Language, LowerCaser, Stemmer, TextAnalyzer, Token, TokenStream, Tokenizer,
};
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// The name of this way of telling words, recorded in manifests: another one gives other words.
pub const TOKENIZER: &str = "unicode-jieba-bigram-english-1";
/// A longer run of characters without a break is no word anybody searches for; in bytes.
const LONGEST: usize = 200;

/// The words of a text, in order: compatibility forms made plain (NFKC), words told by Unicode's
/// rules (UAX #29) and Chinese ones by jieba's dictionary, also the shorter words inside longer
/// ones, besides every two neighboring characters, since no dictionary has a company's own words;
/// lower case, English endings cut (Snowball).
pub fn words(text: &str) -> Vec<String> {
    let mut analyzer = analyzer();
    let mut stream = analyzer.token_stream(text);
    let mut words = Vec::new();
    while let Some(token) = stream.next() {
        words.push(token.text.clone());
    }
    words
}

pub(super) fn analyzer() -> TextAnalyzer {
    TextAnalyzer::builder(Words).filter(LowerCaser).filter(Stemmer::new(Language::English)).build()
}

/// The dictionary: 350,000 words, unpacked when the first Chinese text appears.
fn jieba() -> &'static Jieba {
    static JIEBA: OnceLock<Jieba> = OnceLock::new();
    JIEBA.get_or_init(Jieba::new)
}

#[derive(Clone)]
struct Words;

impl Tokenizer for Words {
    type TokenStream<'a> = Found;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Found {
        let text: String = text.nfkc().collect();
        let mut found = Found { tokens: Vec::new(), next: 0 };
        // A run of Chinese goes to jieba as a whole; what is between runs, to Unicode's rules.
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            let chinese = is_chinese(first);
            let end = rest.find(|c| is_chinese(c) != chinese).unwrap_or(rest.len());
            let (run, after) = rest.split_at(end);
            if chinese {
                found.push_chinese(run);
            } else {
                run.unicode_words().for_each(|word| found.push(word));
            }
            rest = after;
        }
        found
    }
}

/// Ideographs, and the mark that repeats one.
fn is_chinese(c: char) -> bool {
    c == '々' || is_han(c)
}

struct Found {
    tokens: Vec<Token>,
    next: usize,
}

impl Found {
    /// Jieba's words and the pairs of neighbors it did not find. A single character says little, and
    /// counts only where it stands alone.
    fn push_chinese(&mut self, run: &str) {
        let mut tokens = jieba().cut_for_search(run, true);
        tokens.retain(|token| token.word.chars().nth(1).is_some());
        let found: HashSet<&str> = tokens.iter().map(|token| token.word).collect();
        let starts: Vec<usize> = run.char_indices().map(|(at, _)| at).chain([run.len()]).collect();
        if starts.len() == 2 {
            self.push(run);
        }
        for token in &tokens {
            self.push(token.word);
        }
        for pair in starts.windows(3).map(|at| &run[at[0]..at[2]]) {
            if !found.contains(pair) {
                self.push(pair);
            }
        }
    }

    fn push(&mut self, word: &str) {
        if word.len() <= LONGEST {
            let position = self.tokens.len();
            self.tokens.push(Token { position, text: word.to_owned(), ..Token::default() });
        }
    }
}

impl TokenStream for Found {
    fn advance(&mut self) -> bool {
        self.next += 1;
        self.next <= self.tokens.len()
    }

    fn token(&self) -> &Token {
        // Only asked for after `advance` said there is one.
        &self.tokens[self.next - 1]
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.tokens[self.next - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(words(text), expected, "{text}");
    }

    #[test]
    fn english_words_lose_case_and_endings() {
        check("Configuring the Packages", &["configur", "the", "packag"]);
        check(
            "apt-get install /etc/apt/sources.list",
            &["apt", "get", "instal", "etc", "apt", "sources.list"],
        );
    }

    #[test]
    fn chinese_words_are_those_of_the_dictionary_and_all_neighbors() {
        check("年假有几天？", &["几天", "年假", "假有", "有几"]);
        assert!(words("中华人民共和国").contains(&"共和国".to_owned()));
        check("用 apt 安装软件", &["用", "apt", "安装", "软件", "装软"]);
    }

    #[test]
    fn forms_of_a_character_are_one() {
        check("ＡＢＣ１２３", &["abc123"]);
        check("", &[]);
        check("…！？", &[]);
    }

    #[test]
    fn a_run_without_breaks_is_left_out() {
        check(&"a".repeat(1000), &[]);
    }
}
