//! A parsed page into headings, paragraphs, lists and rows.

use std::collections::HashSet;

use super::inline::Inline;
use super::table::Table;
use super::tree::{Element, Id, Step, Tree};
use crate::document::DocumentError;
use crate::outline::Outline;

/// Elements whose inside is not part of what a page says: programs, ways through the site, and forms.
const LEFT_OUT: [&str; 22] = [
    "button", "head", "script", "style", "template", "noscript", "nav", "svg", "canvas", "iframe",
    "object", "embed", "audio", "video", "map", "select", "datalist", "textarea", "progress",
    "meter", "noembed", "noframes",
];
/// What elements of any name may be for that is left out.
const ROLES_LEFT_OUT: [&str; 4] = ["navigation", "search", "menu", "menubar"];
/// Elements that stand on lines of their own.
const BLOCKS: [&str; 45] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "caption",
    "center",
    "dd",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hgroup",
    "hr",
    "legend",
    "li",
    "listing",
    "main",
    "menu",
    "ol",
    "optgroup",
    "option",
    "p",
    "pre",
    "search",
    "section",
    "summary",
    "table",
    "ul",
    "xmp",
    "plaintext",
];
/// Levels of lists that are indented.
const DEEPEST_LIST: usize = 8;

/// Adds what a page says to an outline.
pub(super) fn write(tree: &Tree, outline: &mut Outline<'_>) -> Result<(), DocumentError> {
    let mut writer = Writer {
        outline,
        inline: Inline::default(),
        layouts: layouts(tree),
        tables: Vec::new(),
        lists: Vec::new(),
        marker: None,
        heading: None,
        verbatim: 0,
    };
    tree.walk(main(tree), |step| match step {
        Step::Text(text) => {
            if writer.verbatim > 0 {
                writer.inline.verbatim(text);
            } else {
                writer.inline.push(text);
            }
            Ok(true)
        }
        Step::Open(element) if is_left_out(element) => Ok(false),
        Step::Open(element) => writer.open(element).map(|()| true),
        Step::Close(element) => writer.close(element).map(|()| true),
    })?;
    writer.flush()
}

/// The part of a page that is its own, where it says which that is: what stands around it is that of the site.
fn main(tree: &Tree) -> Option<Id> {
    let seen = |element: &Element<'_>| {
        !is_left_out(*element) && !tree.ancestors(element.id).any(is_left_out)
    };
    let is_main =
        |element: &Element<'_>| element.name == "main" || element.attribute("role") == Some("main");
    let mut found = tree.elements().filter(is_main).filter(seen).take(2);
    match (found.next(), found.next()) {
        // One that is empty waits for a program to fill it.
        (Some(main), None) if says_something(tree, main.id) => Some(main.id),
        // One inside the other, or a page of several.
        _ => None,
    }
}

fn says_something(tree: &Tree, id: Id) -> bool {
    let found = tree.walk(Some(id), |step| match step {
        Step::Open(element) => Ok(!is_left_out(element)),
        Step::Text(text) if !text.trim().is_empty() => Err(()),
        Step::Text(_) | Step::Close(_) => Ok(true),
    });
    found.is_err()
}

/// Tables that only put things side by side: those with headings in them.
fn layouts(tree: &Tree) -> HashSet<Id> {
    let mut layouts = HashSet::new();
    for element in tree.elements().filter(|element| level(element.name).is_some()) {
        for above in tree.ancestors(element.id).filter(|above| above.name == "table") {
            layouts.insert(above.id);
        }
    }
    layouts
}

/// 1 for `h1`, and so on.
fn level(name: &str) -> Option<u8> {
    match name.as_bytes() {
        [b'h', digit @ b'1'..=b'6'] => Some(digit - b'0'),
        _ => None,
    }
}

/// Whether nobody sees the element, or it says nothing about its subject.
fn is_left_out(element: Element<'_>) -> bool {
    let style = element.attribute("style").unwrap_or_default();
    let hides = |property: &str, value: &str| {
        style.split(';').filter_map(|rule| rule.split_once(':')).any(|(key, given)| {
            key.trim().eq_ignore_ascii_case(property)
                && given.trim().get(..value.len()).is_some_and(|v| v.eq_ignore_ascii_case(value))
        })
    };
    LEFT_OUT.contains(&element.name)
        || element.attribute("hidden").is_some()
        || element.attribute("aria-hidden") == Some("true")
        || element.attribute("role").is_some_and(|role| ROLES_LEFT_OUT.contains(&role))
        || hides("display", "none")
        || hides("visibility", "hidden")
}

struct Writer<'o, 'l> {
    outline: &'o mut Outline<'l>,
    inline: Inline,
    layouts: HashSet<Id>,
    /// Tables around here; `None` for one that only lays things out.
    tables: Vec<Option<Table>>,
    /// Lists around here, with the number of the next item where they are numbered.
    lists: Vec<Option<i64>>,
    /// What the next line of a list begins with.
    marker: Option<String>,
    /// The heading that is open, with what it says so far.
    heading: Option<(u8, String)>,
    /// Elements around here in which white space counts.
    verbatim: usize,
}

impl Writer<'_, '_> {
    fn open(&mut self, element: Element<'_>) -> Result<(), DocumentError> {
        let name = element.name;
        if BLOCKS.contains(&name) {
            self.flush()?;
        }
        if let Some(level) = level(name) {
            self.heading = Some((level, String::new()));
        }
        match name {
            "br" => self.inline.hard_break(),
            "pre" | "listing" | "xmp" | "plaintext" => self.verbatim += 1,
            "ul" | "menu" | "dir" => self.lists.push(None),
            "ol" => {
                let start = element.attribute("start").and_then(|s| s.trim().parse().ok());
                self.lists.push(Some(start.unwrap_or(1)));
            }
            "li" => self.item(element),
            "table" => {
                let data = !self.layouts.contains(&element.id);
                self.tables.push(data.then(Table::default));
            }
            "tr" => {
                self.flush()?;
                if let Some(table) = self.table() {
                    table.open_row();
                }
            }
            "td" | "th" => {
                self.flush()?;
                let span = |name: &str, least: usize| {
                    let span = element.attribute(name).and_then(|s| s.trim().parse::<usize>().ok());
                    span.unwrap_or(1).max(least)
                };
                if let Some(table) = self.table() {
                    table.open_cell(span("colspan", 1), span("rowspan", 0));
                }
            }
            "img" => {
                let alternative = element.attribute("alt").unwrap_or_default();
                if !alternative.trim().is_empty() {
                    self.inline.push(alternative);
                }
            }
            "q" => self.inline.push("“"),
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, element: Element<'_>) -> Result<(), DocumentError> {
        let name = element.name;
        if BLOCKS.contains(&name) {
            self.flush()?;
        }
        match name {
            "pre" | "listing" | "xmp" | "plaintext" => {
                self.verbatim = self.verbatim.saturating_sub(1);
            }
            "ul" | "menu" | "dir" | "ol" => {
                self.lists.pop();
            }
            "li" => self.marker = None,
            "table" => {
                self.tables.pop();
            }
            "thead" | "tbody" | "tfoot" => {
                if let Some(table) = self.table() {
                    table.close_part();
                }
            }
            "tr" => {
                self.flush()?;
                if let Some(table) = self.table() {
                    let row = table.close_row();
                    self.put(&row)?;
                }
            }
            "td" | "th" => {
                self.flush()?;
                if let Some(table) = self.table() {
                    table.close_cell();
                }
            }
            "q" => self.inline.push("”"),
            _ => {
                if let Some(level) = level(name)
                    && let Some((_, title)) = self.heading.take()
                {
                    self.outline.heading(level, &title)?;
                }
            }
        }
        Ok(())
    }

    /// The innermost table, when it is one of data.
    fn table(&mut self) -> Option<&mut Table> {
        self.tables.last_mut()?.as_mut()
    }

    fn item(&mut self, element: Element<'_>) {
        let depth = self.lists.len().saturating_sub(1).min(DEEPEST_LIST);
        let marker = match self.lists.last_mut() {
            Some(Some(next)) => {
                let value = element.attribute("value").and_then(|v| v.trim().parse().ok());
                let number = value.unwrap_or(*next);
                *next = number.saturating_add(1);
                format!("{number}. ")
            }
            Some(None) | None => "- ".to_owned(),
        };
        self.marker = Some(format!("{}{marker}", "  ".repeat(depth)));
    }

    /// Ends the paragraph.
    fn flush(&mut self) -> Result<(), DocumentError> {
        let text = self.inline.take();
        let text = if self.verbatim > 0 {
            text.trim_matches('\n').trim_end().to_owned()
        } else {
            text.trim().to_owned()
        };
        self.put(&text)
    }

    /// Puts a finished paragraph or row where it belongs: into the heading or the cell it stands in, or on
    /// a line of its own.
    fn put(&mut self, text: &str) -> Result<(), DocumentError> {
        if text.trim().is_empty() {
            return Ok(());
        }
        let cell = self.tables.iter_mut().rev().flatten().find_map(Table::cell);
        let heading = self.heading.as_mut().map(|(_, title)| title);
        if let Some(whole) = heading.or(cell) {
            if let Some(marker) = self.marker.take() {
                push_words(whole, marker.trim());
            }
            push_words(whole, text);
            return Ok(());
        }
        let indent = "  ".repeat(self.lists.len().min(DEEPEST_LIST));
        let line = match self.marker.take() {
            Some(marker) => format!("{marker}{text}"),
            None => format!("{indent}{text}"),
        };
        self.outline.line(&line)
    }
}

/// Adds words with one space between each.
fn push_words(whole: &mut String, text: &str) {
    for word in text.split_whitespace() {
        if !whole.is_empty() {
            whole.push(' ');
        }
        whole.push_str(word);
    }
}
