//! Tables of contents: their lines say no more than the headings that passages carry, and are near to every question about one.

use std::collections::HashSet;

use crate::passage::Section;

/// Dots in a row, with or without spaces between them, that lead from an entry to its page.
const LEADER: usize = 4;
/// Of ten lines, so many are entries: the title and what is broken over two lines are others.
const MOST: usize = 7;

/// The headings of a document, which its table of contents names: their letters and digits, with their numbers and without.
pub(super) struct Contents {
    headings: HashSet<String>,
}

impl Contents {
    pub(super) fn of(sections: &[Section]) -> Self {
        let paths = sections.iter().filter_map(|section| section.heading.as_deref());
        let headings = paths.flat_map(|path| path.split(" > "));
        let both = headings.flat_map(|heading| [letters(heading), letters(unnumbered(heading))]);
        Self { headings: both.filter(|letters| !letters.is_empty()).collect() }
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

    /// Whether a title is a heading: an entry may have other spaces and quotes, or the number only one of them has.
    fn names(&self, title: &str) -> bool {
        self.headings.contains(&letters(title))
            || self.headings.contains(&letters(unnumbered(title)))
    }
}

fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A title without the number before it: "4.13.2 ", "A.1 ", "2.1 | ", also where no space follows.
fn unnumbered(title: &str) -> &str {
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ' ' | '|' | '-');
    let appendix = title.strip_prefix(|c: char| c.is_ascii_uppercase());
    let numbered = appendix.filter(|rest| rest.starts_with('.')).unwrap_or(title);
    numbered.trim_start_matches(is_number)
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
            section("3.1 root 权限"),
            section("Where “to” ask"),
            section("Telephones"),
        ];
        let contents = Contents::of(&sections);
        for text in [
            "1.1 Files . . . . . . . . | 6\n1.2 Folders . . . . . . . | 7",
            ". . . . . . | 5\n1.1 Files . . . . . . . | 6\n1.2 Folders . . . .",
            "Basics\n1.1 Files ........ 6\n1.2 Folders ........ 7\nA title ........ viii",
            "3.1 root权限………………12",
            "A.2 Where \"to\" ask . . . . 9",
            "2.1 | Folders . . . . . | 4\n2.2.Files . . . . . . . | 5",
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
