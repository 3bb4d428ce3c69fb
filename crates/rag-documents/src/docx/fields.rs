//! Fields: what a program computed is text, how it was told to is not (ECMA-376-1, 17.16).

use crate::symbols;
use std::iter::Peekable;
use std::str::Chars;

/// Bytes of an instruction that are kept.
const LONGEST_INSTRUCTION: usize = 4096;
/// Fields inside fields that are known apart; deeper ones count as the innermost of these.
const DEEPEST: usize = 256;

/// The fields that are open where a reader stands, outermost first.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    open: Vec<Field>,
    /// How many of them hide the text inside.
    hiding: usize,
    /// Whether fields are not tracked: in a document where one never ends, they would hide the rest.
    ignored: bool,
}

#[derive(Debug)]
struct Field {
    instruction: String,
    /// Whether the result has begun.
    result: bool,
    /// Whether the text inside is not shown here.
    hides: bool,
    /// How much text there was when it began.
    at: usize,
    form: Option<String>,
}

impl Fields {
    pub(crate) fn ignored() -> Self {
        Self { ignored: true, ..Self::default() }
    }

    /// Whether text is not shown here: an instruction, or a table of contents, which repeats the
    /// headings.
    pub(crate) fn hide(&self) -> bool {
        self.hiding > 0
    }

    /// A field begins, after `at` pieces of text; `form` is what a form field shows.
    pub(crate) fn begin(&mut self, at: usize, form: Option<String>) {
        if !self.ignored && self.open.len() < DEEPEST {
            let instruction = String::new();
            self.open.push(Field { instruction, result: false, hides: true, at, form });
            self.hiding += 1;
        }
    }

    pub(crate) fn instruction(&mut self, text: &str) {
        if let Some(field) = self.open.last_mut()
            && !field.result
            && field.instruction.len() + text.len() <= LONGEST_INSTRUCTION
        {
            field.instruction.push_str(text);
        }
    }

    pub(crate) fn separate(&mut self) {
        if let Some(field) = self.open.last_mut()
            && !field.result
        {
            field.result = true;
            field.hides = is_contents(&field.instruction);
            self.hiding -= usize::from(!field.hides);
        }
    }

    /// A field ends, after `at` pieces of text; gives what it shows when it has no result.
    pub(crate) fn end(&mut self, at: usize) -> Option<String> {
        let field = self.open.pop()?;
        self.hiding -= usize::from(field.hides);
        if at > field.at {
            return None;
        }
        field.form.or_else(|| shown(&field.instruction))
    }

    /// How many are open.
    pub(crate) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Forgets those opened since there were `depth`.
    pub(crate) fn leave(&mut self, depth: usize) {
        self.open.truncate(depth);
        self.hiding = self.open.iter().filter(|field| field.hides).count();
    }
}

/// Whether an instruction makes a table of contents, or a list of figures or tables.
pub(crate) fn is_contents(instruction: &str) -> bool {
    let name = instruction.split_whitespace().next().unwrap_or_default();
    name.eq_ignore_ascii_case("toc")
}

/// What an instruction shows that keeps no result: a symbol, the words of a button, or characters combined as old
/// versions of Word did.
fn shown(instruction: &str) -> Option<String> {
    let mut words = instruction.split_whitespace();
    let name = words.next()?;
    if name.eq_ignore_ascii_case("symbol") {
        let code = words.next()?;
        let code = match code.strip_prefix("0x") {
            Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
            None => code.parse().ok()?,
        };
        let font = instruction.split_once("\\f").map_or("", |(_, font)| font.trim_start());
        let font = match font.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next()?,
            None => font.split_whitespace().next().unwrap_or_default(),
        };
        return symbols::meaning(font, code).map(String::from);
    }
    if name.eq_ignore_ascii_case("macrobutton") || name.eq_ignore_ascii_case("gotobutton") {
        // Behind what it does: {MACROBUTTON NoMacro [Click here]}.
        let words: Vec<&str> = words.skip(1).collect();
        return Some(words.join(" ")).filter(|text| !text.is_empty());
    }
    if name.eq_ignore_ascii_case("eq") {
        return Some(equation(instruction.trim_start().get(name.len()..)?))
            .filter(|t| !t.is_empty());
    }
    None
}

/// An `EQ` instruction as linear text: `\f(a,b)` is a/b, `\o` puts characters over each other.
fn equation(code: &str) -> String {
    let mut text = String::new();
    let mut frames: Vec<Frame> = Vec::new();
    let mut chars = code.trim().chars().peekable();
    let mut switch = None;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(name) if name.is_ascii_alphabetic() => {
                    // An option as `\up8` belongs to the switch before it.
                    let mut word = String::from(name.to_ascii_lowercase());
                    while let Some(more) = chars.next_if(char::is_ascii_alphanumeric) {
                        word.push(more.to_ascii_lowercase());
                    }
                    switch = switch.or(Some(word));
                }
                Some('*') => skip_option(&mut chars),
                Some(escaped) => text.push(escaped),
                None => {}
            },
            '(' => frames.push(Frame {
                switch: switch.take(),
                outer: std::mem::take(&mut text),
                before: Vec::new(),
            }),
            ',' | ';' if !frames.is_empty() => {
                let part = std::mem::take(&mut text);
                if let Some(frame) = frames.last_mut() {
                    frame.before.push(part);
                }
            }
            ')' => match frames.pop() {
                Some(mut frame) => {
                    frame.before.push(std::mem::take(&mut text));
                    text = frame.outer;
                    text.push_str(&combined(frame.switch.as_deref(), &frame.before));
                }
                None => text.push(c),
            },
            // Space between a switch and its options is no text.
            c if switch.is_some() && (c.is_whitespace() || c.is_ascii_digit()) => {}
            c => {
                switch = None;
                text.push(c);
            }
        }
    }
    while let Some(frame) = frames.pop() {
        text = format!("{}{}{text}", frame.outer, frame.before.concat());
    }
    text.trim().to_owned()
}

/// Reads over the word, or the quoted words, that `\\*` is followed by: how the whole is laid out.
fn skip_option(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| c.is_whitespace()).is_some() {}
    let end = if chars.next_if_eq(&'"').is_some() { '"' } else { ' ' };
    while chars.next_if(|c| *c != end).is_some() {}
    chars.next_if_eq(&'"');
}

struct Frame {
    switch: Option<String>,
    outer: String,
    before: Vec<String>,
}

fn combined(switch: Option<&str>, parts: &[String]) -> String {
    let parts: Vec<&str> = parts.iter().map(|part| part.trim()).filter(|p| !p.is_empty()).collect();
    match (switch, parts.as_slice()) {
        (None, parts) => format!("({})", parts.join(",")),
        (Some("f"), [above, below]) => format!("{above}/{below}"),
        (Some("r"), [under]) => format!("√({under})"),
        (Some("r"), [degree, under]) => format!("√({degree}&{under})"),
        (Some("b"), parts) => format!("({})", parts.join(",")),
        // A ring or a box around a number.
        (Some("o"), [frame, inner]) if "○〇◯□△◇".contains(*frame) => enclosed(inner),
        // Pronunciation above a word: the word comes last.
        (Some("o"), [.., word]) => (*word).to_owned(),
        (Some(_), parts) => parts.join(" "),
    }
}

/// A number in a ring as one character, where there is one.
fn enclosed(inner: &str) -> String {
    let number = inner.parse::<u32>().ok().filter(|n| (1..=20).contains(n));
    let ring = number.and_then(|n| char::from_u32(0x2460 + n - 1));
    ring.map_or_else(|| format!("({inner})"), String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_and_tables_of_contents_hide_text_and_results_do_not() {
        let mut fields = Fields::default();
        fields.begin(0, None);
        assert!(fields.hide());
        fields.instruction(" HYPERLINK \"x\"");
        fields.separate();
        assert!(!fields.hide());
        fields.begin(0, None);
        fields.instruction(" toc \\o \"1-3\"");
        fields.separate();
        assert!(fields.hide());
        fields.end(0);
        assert!(!fields.hide());
        fields.end(0);
        fields.end(0);
        assert_eq!(fields.depth(), 0);
    }

    #[test]
    fn a_field_without_a_result_shows_what_it_stands_for() {
        for (instruction, text) in [
            (" SYMBOL 183 \\f \"Symbol\" \\s 10", Some("•")),
            ("SYMBOL 0xFC \\f Wingdings", Some("✓")),
            ("MACROBUTTON  NoMacro [Name of  the customer]", Some("[Name of the customer]")),
            ("MACROBUTTON NoMacro", None),
            (r"EQ \f(1,2)", Some("1/2")),
            (r"eq \o\ac(○,3)", Some("③")),
            (r"EQ \* jc2 \* hps10 \o\ad(\s\up 9(han),汉)", Some("汉")),
            (r"EQ \r(3,x+1)", Some("√(3&x+1)")),
            (r"EQ x\s\up8(2)", Some("x2")),
            ("PAGE", None),
            ("", None),
        ] {
            assert_eq!(shown(instruction).as_deref(), text, "{instruction}");
        }
    }
}
