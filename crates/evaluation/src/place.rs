//! Where an answer stands, and whether a passage is there.

use rag_core::Passage;
use serde::{Deserialize, Serialize};

/// A place in a document. What is left out is not asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The document's path below the folder that was built, or the end of it from a `/` on.
    pub file: String,
    /// The page of the file, counted from 1 (not the number printed on it).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// The heading, or the end of a heading path such as `Leave > Annual leave`; headings below it
    /// are there too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading: Option<String>,
    /// Words that stand there and nowhere else nearby, as the document has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// How near a passage must come to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Granularity {
    /// On the page, or under the heading. Fair to splittings of different sizes.
    #[default]
    Page,
    /// And holding the words of [`Place::text`], where the question set gives them.
    Passage,
}

impl Place {
    /// Whether a document with this path is the one that the place is in.
    pub fn is_in(&self, path: &str) -> bool {
        ends_at_slash(path, &self.file)
    }

    /// Whether the passage is at this place.
    pub fn holds(&self, passage: &Passage, granularity: Granularity) -> bool {
        let file = self.is_in(&passage.file);
        let page = self.page.is_none_or(|page| passage.page == Some(page));
        let heading = self.heading.as_deref().is_none_or(|wanted| {
            passage.heading.as_deref().is_some_and(|path| is_under(path, wanted))
        });
        let text = match (granularity, self.text.as_deref()) {
            (Granularity::Passage, Some(words)) => {
                squeezed(&passage.text).contains(&squeezed(words))
            }
            (Granularity::Passage, None) | (Granularity::Page, _) => true,
        };
        file && page && heading && text
    }
}

fn ends_at_slash(path: &str, end: &str) -> bool {
    path.strip_suffix(end).is_some_and(|folder| folder.is_empty() || folder.ends_with('/'))
}

/// Whether the headings of `wanted` follow one another somewhere in `path`.
fn is_under(path: &str, wanted: &str) -> bool {
    let parts = |path: &str| path.split(" > ").map(squeezed).collect::<Vec<_>>();
    let (path, wanted) = (parts(path), parts(wanted));
    path.windows(wanted.len()).any(|run| run == wanted)
}

/// Without white space and in lower case: readers disagree about line ends and spaces between
/// Chinese and Latin.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage(file: &str, page: Option<u32>, heading: Option<&str>, text: &str) -> Passage {
        Passage { file: file.into(), page, heading: heading.map(str::to_owned), text: text.into() }
    }

    fn place(json: &str) -> Place {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_file_is_named_by_the_end_of_its_path() {
        let wanted = place(r#"{"file": "a.pdf"}"#);
        assert!(wanted.holds(&passage("a.pdf", None, None, "x"), Granularity::Page));
        assert!(wanted.holds(&passage("hr/a.pdf", None, None, "x"), Granularity::Page));
        assert!(!wanted.holds(&passage("hr/aa.pdf", None, None, "x"), Granularity::Page));
    }

    #[test]
    fn a_page_counts_as_a_whole_unless_the_passage_is_asked_for() {
        let wanted = place(r#"{"file": "a.pdf", "page": 3, "text": "年假 十五天"}"#);
        let right = passage("a.pdf", Some(3), None, "员工的年假\n十五天。");
        let neighbor = passage("a.pdf", Some(3), None, "病假十天。");
        let other_page = passage("a.pdf", Some(4), None, "年假十五天");
        assert!(
            wanted.holds(&right, Granularity::Page) && wanted.holds(&neighbor, Granularity::Page)
        );
        assert!(
            wanted.holds(&right, Granularity::Passage)
                && !wanted.holds(&neighbor, Granularity::Passage)
        );
        assert!(!wanted.holds(&other_page, Granularity::Page));
        assert!(!wanted.holds(&passage("a.pdf", None, None, "年假十五天"), Granularity::Page));
    }

    #[test]
    fn a_heading_is_part_of_a_path() {
        let under = |path, wanted: &str| {
            let wanted =
                Place { file: "a".into(), page: None, heading: Some(wanted.into()), text: None };
            wanted.holds(&passage("a", None, Some(path), "x"), Granularity::Page)
        };
        assert!(under("Handbook > Leave > Annual leave", "Annual leave"));
        assert!(under("Handbook > Leave > Annual leave", "Leave > Annual leave"));
        assert!(under("Handbook > Leave > Annual leave", "leave"));
        assert!(!under("Handbook > Leave > Annual leave", "Handbook > Annual leave"));
        assert!(!under("Handbook > Sick leave", "Leave"));
    }
}
