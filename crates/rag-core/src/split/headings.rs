//! Splitting by the heading structure: where one heading's text ends and the next begins.

use std::ops::Range;

use super::heading::{Heading, Recognizer, may_be_title};
use super::region::Region;
use crate::passage::Section;

/// Cuts sections at their headings. Where a reader has found headings (DOCX styles), each section
/// already is a heading section and is taken as it is; otherwise headings are recognized by their
/// form, and a heading holds over page ends until the next one of its level.
pub(super) fn regions(file: &str, sections: &[Section]) -> Vec<Region> {
    if sections.iter().any(|section| section.heading.is_some()) {
        return Region::of_sections(sections);
    }
    let mut recognizer = Recognizer::of(file);
    let mut regions = Vec::new();
    let mut path = HeadingPath::default();
    for (position, section) in sections.iter().enumerate() {
        let mut start = 0;
        // Whether the region so far is headings only; then the next heading joins them.
        let mut bare = false;
        for line in lines(&section.text) {
            let words = &section.text[line.clone()];
            match recognizer.heading(words).filter(|heading| path.admits(heading)) {
                Some(heading) => {
                    if !bare && line.start > start {
                        regions.push(Region::new(position, start..line.start, path.joined()));
                        start = line.start;
                    }
                    bare = true;
                    path.enter(heading);
                }
                None if words.trim().is_empty() => {}
                None if bare && path.takes_title(words) => {}
                None => bare = false,
            }
        }
        regions.push(Region::new(position, start..section.text.len(), path.joined()));
    }
    regions
}

/// The headings that a line stands under, outermost first.
#[derive(Default)]
struct HeadingPath(Vec<Heading>);

impl HeadingPath {
    /// Whether a heading can stand here: in chapter 10, a line beginning with `4.4` is a version or
    /// a figure.
    fn admits(&self, heading: &Heading) -> bool {
        let chapter = self.0.iter().rev().find_map(|above| match above.number[..] {
            [chapter] => Some(chapter),
            _ => None,
        });
        heading.number.len() < 2 || chapter.is_none_or(|chapter| heading.number[0] == chapter)
    }

    fn enter(&mut self, heading: Heading) {
        // 2.3.5 is not under 2.2, even where the line of 2.3 was not recognized.
        self.0.retain(|above| {
            above.level < heading.level
                && (heading.number.is_empty()
                    || above.number.is_empty()
                    || heading.number.starts_with(&above.number))
        });
        self.0.push(heading);
    }

    /// Takes a line as the title of the innermost heading, if that is a bare `Chapter 3`.
    fn takes_title(&mut self, line: &str) -> bool {
        match self.0.last_mut() {
            Some(last) if last.untitled && may_be_title(line) => {
                last.title = format!("{} {}", last.title, line.trim());
                last.untitled = false;
                true
            }
            Some(_) | None => false,
        }
    }

    fn joined(&self) -> Option<String> {
        let titles: Vec<&str> = self.0.iter().map(|heading| heading.title.as_str()).collect();
        (!titles.is_empty()).then(|| titles.join(" > "))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn page(n: u32, text: &str) -> Section {
        Section { page: Some(n), heading: None, text: text.to_owned() }
    }

    /// The heading path of each region of a page.
    fn paths(text: &str) -> Vec<String> {
        let regions = regions("a.pdf", &[page(1, text)]);
        regions.into_iter().map(|region| region.heading.unwrap_or_default()).collect()
    }

    #[test]
    fn a_heading_holds_until_the_next_of_its_level_over_page_ends() {
        let sections = [
            page(1, "前言\n第一章 总则\n第一节 范围\n适用于全体员工。\n第二节 定义\n略"),
            page(2, "续。\n第二章 休假\n十五天。"),
        ];
        let found: Vec<_> = regions("a.pdf", &sections)
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
        let found = regions("a.docx", &sections);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].heading.as_deref(), Some("Leave"));
    }

    #[test]
    fn a_chapter_number_on_a_line_of_its_own_takes_the_next_line_as_its_title() {
        assert_eq!(paths("Chapter 5\n\nNetwork setup\nTip."), ["Chapter 5 Network setup"]);
        assert_eq!(
            paths("第五章\n网络设置\n5.1 基本架构\n略。"),
            ["第五章 网络设置 > 5.1 基本架构"]
        );
        assert_eq!(paths("Chapter 5\nThis chapter is about networks."), ["Chapter 5"]);
    }

    #[test]
    fn a_number_that_does_not_belong_here_is_no_heading_or_leaves_its_siblings() {
        assert_eq!(
            paths("Chapter 10\nData\n10.2 Backup\nx\n4.4 BSD is old\ny"),
            ["Chapter 10 Data > 10.2 Backup"]
        );
        assert_eq!(
            paths("第二章 软件包\n2.2 基础\n甲\n2.3.5 升级\n乙"),
            ["第二章 软件包 > 2.2 基础", "第二章 软件包 > 2.3.5 升级"]
        );
    }
}
