//! What a heading looks like in plain text.

/// A heading longer than this many characters is a sentence.
const LONGEST: usize = 60;

/// A line that is a heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heading {
    /// 1 is outermost.
    pub(super) level: u8,
    pub(super) title: String,
    /// `[9, 4]` of `9.4 Monitoring`, `[9]` of `Chapter 9` and `第九章`; empty where there is none.
    pub(super) number: Vec<u32>,
    /// Whether it is a number without a title, such as `Chapter 3`.
    pub(super) untitled: bool,
}

/// Knows headings by their form: `第三章`, `一、`, `2.4 Title`, `Chapter 3`, `附录A`, and in Markdown
/// `## Title` outside of code.
pub(super) struct Recognizer {
    markdown: bool,
    in_code: bool,
}

impl Recognizer {
    /// The file's name says whether it is Markdown: in other documents `# mount` is what root types.
    pub(super) fn of(file: &str) -> Self {
        let extension = file.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        let markdown = extension.is_some_and(|e| ["md", "markdown"].contains(&e.as_str()));
        Self { markdown, in_code: false }
    }

    /// The heading that a line is. Lines must be asked for in order.
    pub(super) fn heading(&mut self, line: &str) -> Option<Heading> {
        let line = line.trim();
        if self.markdown {
            if line.starts_with("```") || line.starts_with("~~~") {
                self.in_code = !self.in_code;
            }
            if self.in_code {
                return None;
            }
            if let Some(heading) = markdown(line) {
                return Some(heading);
            }
        }
        // A line of a table of contents leads to a page number.
        let leader = line.contains("..") || line.contains(". .") || line.contains("……");
        if leader || !may_be_title(line) {
            return None;
        }
        let form = chinese(line).or_else(|| numbered(line)).or_else(|| named(line))?;
        let Form { level, number, untitled } = form;
        Some(Heading { level, title: line.to_owned(), number, untitled })
    }
}

/// Whether a line is short and no sentence.
pub(super) fn may_be_title(line: &str) -> bool {
    let line = line.trim();
    let sentence =
        line.ends_with(['。', '！', '？', '；', '，', '：', '.', '!', '?', ';', ',', ':']);
    !sentence && !line.is_empty() && line.chars().count() <= LONGEST
}

fn markdown(line: &str) -> Option<Heading> {
    let marks = line.bytes().take_while(|byte| *byte == b'#').count();
    if !(1..=6).contains(&marks) || !line[marks..].starts_with(' ') {
        return None;
    }
    let title = line[marks..].trim().trim_end_matches('#').trim_end().to_owned();
    (!title.is_empty()).then(|| Heading {
        level: depth(marks),
        title,
        number: Vec::new(),
        untitled: false,
    })
}

fn depth(parts: usize) -> u8 {
    u8::try_from(parts).unwrap_or(u8::MAX)
}

struct Form {
    level: u8,
    number: Vec<u32>,
    untitled: bool,
}

/// `第三章 休假`, `第 2 节`, `一、总则`, `附录A`.
fn chinese(line: &str) -> Option<Form> {
    let form = |level| Form { level, number: Vec::new(), untitled: false };
    if let Some(rest) = line.strip_prefix('第') {
        let rest = rest.trim_start();
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit() || is_han_digit(c));
        let number = han_number(&rest[..rest.len() - after.len()])?;
        let mut after = after.trim_start().chars();
        let unit = after.next()?;
        let untitled = after.as_str().trim().is_empty();
        return match unit {
            '编' | '編' | '部' | '篇' => Some(Form { untitled, ..form(1) }),
            '章' => Some(Form { level: 2, number: vec![number], untitled }),
            '节' | '節' => Some(Form { untitled, ..form(3) }),
            '条' | '條' => Some(Form { untitled, ..form(4) }),
            _ => None,
        };
    }
    if line.starts_with("附录") || line.starts_with("附錄") {
        return Some(form(2));
    }
    let (number, title) = line.split_once('、')?;
    let counted = number.chars().count() <= 3 && number.chars().all(is_han_digit);
    (counted && han_number(number).is_some() && !title.trim().is_empty()).then(|| form(5))
}

fn is_han_digit(c: char) -> bool {
    han_digit(c).is_some() || matches!(c, '十' | '百')
}

fn han_digit(c: char) -> Option<u32> {
    match c {
        '〇' | '零' => Some(0),
        '一' => Some(1),
        '二' | '两' => Some(2),
        '三' => Some(3),
        '四' => Some(4),
        '五' => Some(5),
        '六' => Some(6),
        '七' => Some(7),
        '八' => Some(8),
        '九' => Some(9),
        _ => c.to_digit(10),
    }
}

/// `12`, `十二`, `二十`, `一百零五`; up to 999.
fn han_number(text: &str) -> Option<u32> {
    if text.is_empty() || text.chars().count() > 6 {
        return None;
    }
    if text.chars().all(|c| c.is_ascii_digit()) {
        return text.parse().ok();
    }
    let (mut sum, mut digit) = (0, None);
    for c in text.chars() {
        match c {
            '十' => sum += digit.take().unwrap_or(1) * 10,
            '百' => sum += digit.take().unwrap_or(1) * 100,
            _ => digit = Some(han_digit(c)?),
        }
    }
    Some(sum + digit.unwrap_or(0))
}

/// `2.4 Title` and `2.4.1 标题`. A single number may be a list item or an amount, and four parts may
/// be an address when one of them is large or zero.
fn numbered(line: &str) -> Option<Form> {
    let (number, title) = line.split_once(char::is_whitespace)?;
    let parts: Vec<&str> = number.strip_suffix('.').unwrap_or(number).split('.').collect();
    let plain = parts.iter().all(|part| {
        (1..=2).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_digit())
            && !part.starts_with('0')
    });
    let begins =
        title.trim_start().chars().next().is_some_and(|c| c.is_alphabetic() && !c.is_lowercase());
    if !(2..=5).contains(&parts.len()) || !plain || !begins {
        return None;
    }
    let number = parts.iter().map(|part| part.parse().ok()).collect::<Option<_>>()?;
    Some(Form { level: depth(parts.len()) + 1, number, untitled: false })
}

/// `Chapter 3`, `Part II`, `Appendix A`.
fn named(line: &str) -> Option<Form> {
    let (name, rest) = line.split_once(' ')?;
    let count = rest.split([' ', '.', ':']).next().unwrap_or_default();
    let counted = !count.is_empty()
        && (count.bytes().all(|b| b.is_ascii_digit())
            || count.bytes().all(|b| matches!(b, b'I' | b'V' | b'X' | b'L'))
            || (count.len() == 1 && count.bytes().all(|b| b.is_ascii_uppercase())));
    let untitled = rest.trim() == count;
    match name {
        _ if !counted => None,
        "Part" | "PART" => Some(Form { level: 1, number: Vec::new(), untitled }),
        "Chapter" | "CHAPTER" => {
            Some(Form { level: 2, number: count.parse().into_iter().collect(), untitled })
        }
        "Appendix" | "APPENDIX" => Some(Form { level: 2, number: Vec::new(), untitled }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_file(file: &str, line: &str) -> Option<u8> {
        Recognizer::of(file).heading(line).map(|heading| heading.level)
    }

    fn check(line: &str, expected: Option<u8>) {
        assert_eq!(in_file("a.pdf", line), expected, "{line:?}");
    }

    #[test]
    fn headings_are_known_by_their_form() {
        check("第三章 休假", Some(2));
        check("第 2 节 年假", Some(3));
        check("一、总则", Some(5));
        check("附录A 表格", Some(2));
        check("2.4 Annual leave", Some(3));
        check("2.4.1 年假", Some(4));
        check("Chapter 3", Some(2));
        check("Appendix A", Some(2));
        check("Part II The rules", Some(1));
    }

    #[test]
    fn sentences_addresses_and_tables_of_contents_are_not_headings() {
        check("第三章规定了休假。", None);
        check("第一次登录", None);
        check("1. Unplug the device", None);
        check("3.5 euros", None);
        check("10.0.0.1 Gateway", None);
        check("2.4 Annual leave . . . . . 12", None);
        check("Part of it", None);
        check("第", None);
        check("", None);
    }

    #[test]
    fn number_signs_are_headings_in_markdown_only_and_not_in_its_code() {
        assert_eq!(in_file("notes.md", "## Leave"), Some(2));
        assert_eq!(in_file("NOTES.MD", "# Leave #"), Some(1));
        assert_eq!(in_file("notes.md", "#hashtag"), None);
        assert_eq!(in_file("manual.pdf", "# apt-get update"), None);
        let mut recognizer = Recognizer::of("notes.md");
        let found = ["```", "# tar cf - .", "```", "## Restore"]
            .map(|line| recognizer.heading(line).is_some());
        assert_eq!(found, [false, false, false, true]);
    }

    #[test]
    fn numbers_are_read_in_digits_and_in_chinese() {
        let number = |line| Recognizer::of("a.pdf").heading(line).map(|h| h.number);
        assert_eq!(number("9.4.10 Starting"), Some(vec![9, 4, 10]));
        assert_eq!(number("Chapter 12"), Some(vec![12]));
        assert_eq!(number("第十二章 编程"), Some(vec![12]));
        assert_eq!(number("Chapter IV"), Some(vec![]));
        for (text, expected) in
            [("十", 10), ("二十", 20), ("三十一", 31), ("一百零五", 105), ("12", 12)]
        {
            assert_eq!(han_number(text), Some(expected), "{text}");
        }
    }
}
