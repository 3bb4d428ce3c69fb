//! Tables of contents: their lines say no more than the headings that passages carry, and are near to every question about one.

use std::collections::HashSet;

use crate::passage::Section;

/// Dots in a row, with or without spaces between them, that lead from an entry to its page.
const LEADER: usize = 4;
/// Of ten lines, so many are entries: the title and what is broken over two lines are others.
const MOST: usize = 7;

/// The headings of a document, which its table of contents names.
pub(super) struct Contents<'a> {
    headings: HashSet<&'a str>,
}

impl<'a> Contents<'a> {
    pub(super) fn of(sections: &'a [Section]) -> Self {
        let paths = sections.iter().filter_map(|section| section.heading.as_deref());
        Self { headings: paths.flat_map(|path| path.split(" > ")).collect() }
    }

    /// Whether a text is a part of the table of contents: nearly all its lines are entries with leaders, and most of those that are
    /// there from their beginning name headings of the document. A list of telephone numbers has such lines, too.
    pub(super) fn holds(&self, text: &str) -> bool {
        let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
        let titles: Vec<&str> = lines().filter_map(title).collect();
        let whole: Vec<&&str> = titles.iter().filter(|title| !title.is_empty()).collect();
        let known = whole.iter().filter(|title| self.names(title)).count();
        titles.len() * 10 >= lines().count() * MOST && known > 0 && known * 2 >= whole.len()
    }

    /// Whether a title is a heading, with its number or without.
    fn names(&self, title: &str) -> bool {
        let unnumbered = || {
            let (number, rest) = title.split_once(' ')?;
            number.contains(|c: char| c.is_ascii_digit()).then(|| rest.trim_start())
        };
        self.headings.contains(title)
            || unnumbered().is_some_and(|rest| self.headings.contains(rest))
    }
}

/// The title of an entry, which may be empty where the passage begins behind it; `None` for other lines.
fn title(line: &str) -> Option<&str> {
    let page = line.trim_end_matches(|c: char| c.is_ascii_alphanumeric());
    let before = page.trim_end_matches([' ', '|']);
    let title = before.trim_end_matches(['.', '·', '…', '⋯', ' ']);
    let dots = |c: char| if matches!(c, '…' | '⋯') { 3 } else { usize::from(c != ' ') };
    let leader: usize = before.get(title.len()..)?.chars().map(dots).sum();
    (leader >= LEADER && line.len() - page.len() <= 6).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(heading: &str) -> Section {
        Section { page: Some(9), heading: Some(heading.to_owned()), text: "Text.".to_owned() }
    }

    #[test]
    fn entries_that_name_headings_are_contents_and_other_lists_are_not() {
        let sections = [
            section("Basics > Files"),
            section("Basics > 1.2 Folders"),
            section("3.1 权限"),
            section("Telephones"),
        ];
        let contents = Contents::of(&sections);
        for text in [
            "1.1 Files . . . . . . . . | 6\n1.2 Folders . . . . . . . | 7",
            ". . . . . . | 5\n1.1 Files . . . . . . . | 6\n1.2 Folders . . . .",
            "Basics\n1.1 Files ........ 6\n1.2 Folders ........ 7\nA title ........ viii",
            "3.1 权限………………12",
        ] {
            assert!(contents.holds(text), "{text}");
        }
        for text in [
            "Reception ........ 12\nWorkshop ........ 14\nGarage ........ 15",
            "1.1 Files are read. The number of them is 7.\nThey have names.",
            "Files\nFolders",
            "",
            "........",
            "Name: ........\nDate: ........",
        ] {
            assert!(!contents.holds(text), "{text}");
        }
    }
}
