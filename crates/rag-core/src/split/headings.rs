//! Headings inside plain text, for documents whose reader found no heading styles.

use std::ops::Range;

use super::region::Region;
use crate::passage::Section;

/// A heading longer than this many characters is a sentence.
const LONGEST_HEADING: usize = 60;

/// Cuts sections at their headings. Where a reader has found headings (DOCX styles), each section
/// already is a heading section and is taken as it is; otherwise headings are recognized by their
/// form, and a heading holds over page ends until the next one of its level.
pub(super) fn regions(sections: &[Section]) -> Vec<Region> {
    if sections.iter().any(|section| section.heading.is_some()) {
        return Region::of_sections(sections);
    }
    let mut regions = Vec::new();
    let mut path: Vec<(u8, String)> = Vec::new();
    for (position, section) in sections.iter().enumerate() {
        let mut start = 0;
        // Whether the region so far is headings only; then the next heading joins them.
        let mut bare = false;
        for line in lines(&section.text) {
            let Some((level, title)) = heading(&section.text[line.clone()]) else {
                bare = bare && section.text[line].trim().is_empty();
                continue;
            };
            if !bare && line.start > start {
                regions.push(Region::new(position, start..line.start, joined(&path)));
                start = line.start;
            }
            bare = true;
            path.retain(|(above, _)| *above < level);
            path.push((level, title));
        }
        regions.push(Region::new(position, start..section.text.len(), joined(&path)));
    }
    regions
}

fn joined(path: &[(u8, String)]) -> Option<String> {
    (!path.is_empty())
        .then(|| path.iter().map(|(_, title)| title.as_str()).collect::<Vec<_>>().join(" > "))
}

/// The byte ranges of the lines, newlines included.
fn lines(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    text.split_inclusive('\n').map(move |line| {
        let range = start..start + line.len();
        start = range.end;
        range
    })
}

/// The level (1 is outermost) and the title when a line has the form of a heading: Markdown's `##`,
/// `第三章`, `一、`, `2.4 Title`, `Chapter 3`, `附录A`.
fn heading(line: &str) -> Option<(u8, String)> {
    let line = line.trim();
    let marks = line.bytes().take_while(|byte| *byte == b'#').count();
    if (1..=6).contains(&marks) && line[marks..].starts_with(' ') {
        let title = line[marks..].trim().trim_end_matches('#').trim_end();
        return (!title.is_empty()).then(|| (level(marks), title.to_owned()));
    }
    let sentence =
        line.ends_with(['。', '！', '？', '；', '，', '：', '.', '!', '?', ';', ',', ':']);
    let leader = line.contains("..") || line.contains(". .") || line.contains("……");
    if sentence || leader || line.chars().count() > LONGEST_HEADING {
        return None;
    }
    let level = chinese(line).or_else(|| numbered(line)).or_else(|| named(line))?;
    Some((level, line.to_owned()))
}

fn level(depth: usize) -> u8 {
    u8::try_from(depth).unwrap_or(u8::MAX)
}

const HAN_NUMBERS: &str = "〇零一二三四五六七八九十百两";

/// `第三章 休假`, `第 2 节`, `一、总则`, `附录A`.
fn chinese(line: &str) -> Option<u8> {
    if let Some(rest) = line.strip_prefix('第') {
        let rest = rest.trim_start();
        let after =
            rest.trim_start_matches(|c: char| c.is_ascii_digit() || HAN_NUMBERS.contains(c));
        let unit = after.trim_start().chars().next();
        return match unit {
            _ if after.len() == rest.len() => None,
            Some('编' | '編' | '部' | '篇') => Some(1),
            Some('章') => Some(2),
            Some('节' | '節') => Some(3),
            Some('条' | '條') => Some(4),
            Some(_) | None => None,
        };
    }
    if line.starts_with("附录") || line.starts_with("附錄") {
        return Some(2);
    }
    let (number, title) = line.split_once('、')?;
    (!title.trim().is_empty()
        && (1..=3).contains(&number.chars().count())
        && number.chars().all(|c| HAN_NUMBERS.contains(c)))
    .then_some(5)
}

/// `2.4 Title` and `2.4.1 标题`. A single number may be a list item or an amount, and four parts may
/// be an address when one of them is large or zero.
fn numbered(line: &str) -> Option<u8> {
    let (number, title) = line.split_once(char::is_whitespace)?;
    let parts: Vec<&str> = number.strip_suffix('.').unwrap_or(number).split('.').collect();
    let plain = parts.iter().all(|part| {
        (1..=2).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_digit())
            && !part.starts_with('0')
    });
    let begins =
        title.trim_start().chars().next().is_some_and(|c| c.is_alphabetic() && !c.is_lowercase());
    ((2..=5).contains(&parts.len()) && plain && begins).then(|| level(parts.len()) + 1)
}

/// `Chapter 3`, `Part II`, `Appendix A`.
fn named(line: &str) -> Option<u8> {
    let (name, rest) = line.split_once(' ')?;
    let number = rest.split([' ', '.', ':']).next().unwrap_or_default();
    let counted = !number.is_empty()
        && (number.bytes().all(|b| b.is_ascii_digit())
            || number.bytes().all(|b| matches!(b, b'I' | b'V' | b'X' | b'L'))
            || (number.len() == 1 && number.bytes().all(|b| b.is_ascii_uppercase())));
    match name {
        _ if !counted => None,
        "Part" | "PART" => Some(1),
        "Chapter" | "CHAPTER" | "Appendix" | "APPENDIX" => Some(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<u8>) {
        assert_eq!(heading(line).map(|(level, _)| level), expected, "{line:?}");
    }

    #[test]
    fn headings_are_known_by_their_form() {
        check("## Leave", Some(2));
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
        check("#hashtag", None);
        check("", None);
    }

    #[test]
    fn a_heading_holds_until_the_next_of_its_level_over_page_ends() {
        let page = |n, text: &str| Section { page: Some(n), heading: None, text: text.to_owned() };
        let sections = [
            page(1, "前言\n第一章 总则\n第一节 范围\n适用于全体员工。\n第二节 定义\n略"),
            page(2, "续。\n第二章 休假\n十五天。"),
        ];
        let found: Vec<_> = regions(&sections)
            .into_iter()
            .map(|r| (r.section, r.heading, sections[r.section].text[r.range].to_owned()))
            .collect();
        let expected = [
            (0, None, "前言\n"),
            (0, Some("第一章 总则 > 第一节 范围"), "第一章 总则\n第一节 范围\n适用于全体员工。\n"),
            (0, Some("第一章 总则 > 第二节 定义"), "第二节 定义\n略"),
            (1, Some("第一章 总则 > 第二节 定义"), "续。\n"),
            (1, Some("第二章 休假"), "第二章 休假\n十五天。"),
        ]
        .map(|(s, h, t)| (s, h.map(str::to_owned), t.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn headings_of_the_reader_are_taken_as_they_are() {
        let sections = [Section {
            page: None,
            heading: Some("Leave".into()),
            text: "2.4 Annual leave\nten days".into(),
        }];
        let found = regions(&sections);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].heading.as_deref(), Some("Leave"));
    }
}
