//! What the parser finds into headings, paragraphs, lists and rows.

use pulldown_cmark::{Event, HeadingLevel, Tag, TagEnd};
use rag_core::Section;

use super::front_matter;
use crate::document::DocumentError;
use crate::html::{self, Inline};
use crate::limits::Limits;
use crate::outline::Outline;

/// Levels of lists that are indented.
const DEEPEST_LIST: usize = 8;

/// Puts events into an outline.
pub(super) struct Writer<'l> {
    limits: &'l Limits,
    outline: Outline<'l>,
    inline: Inline,
    /// Lists around here, with the number of the next item where they are numbered.
    lists: Vec<Option<u64>>,
    /// What the next line of a list begins with.
    marker: Option<String>,
    /// The cells of the row that is open.
    cells: Vec<String>,
    /// The footnote whose text this is.
    note: Option<String>,
    /// HTML in blocks that follow each other.
    markup: String,
    /// What stands before the document.
    matter: Option<String>,
    title: Option<String>,
    /// Whether this is program text, whose white space counts.
    code: bool,
    /// Elements of inline HTML around here that nobody sees.
    unseen: usize,
}

impl<'l> Writer<'l> {
    pub(super) fn new(outline: Outline<'l>, limits: &'l Limits) -> Self {
        Self {
            limits,
            outline,
            inline: Inline::default(),
            lists: Vec::new(),
            marker: None,
            cells: Vec::new(),
            note: None,
            markup: String::new(),
            matter: None,
            title: None,
            code: false,
            unseen: 0,
        }
    }

    pub(super) fn event(&mut self, event: Event<'_>) -> Result<(), DocumentError> {
        let html = matches!(
            event,
            Event::Html(_) | Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock)
        );
        if !html {
            self.end_markup()?;
        }
        match event {
            Event::Start(tag) => self.start(tag)?,
            Event::End(tag) => self.end(tag)?,
            Event::Text(text) if self.matter.is_some() => {
                if let Some(matter) = &mut self.matter {
                    matter.push_str(&text);
                }
            }
            Event::Text(_) if self.unseen > 0 => {}
            Event::Text(text) if self.code => self.inline.verbatim(&text),
            Event::Text(text) => self.inline.push(&text),
            // Program text inside a sentence keeps its own spaces.
            Event::Code(text) => self.inline.push(&text),
            Event::InlineMath(formula) => self.inline.push(&format!("${formula}$")),
            Event::DisplayMath(formula) => self.inline.push(&format!("$${formula}$$")),
            Event::Html(markup) => self.markup.push_str(&markup),
            Event::InlineHtml(tag) => self.inline_html(&tag),
            Event::FootnoteReference(label) => {
                let mark = self.outline.refer(&label);
                self.inline.push(&mark);
            }
            Event::SoftBreak => self.inline.soft_break(),
            Event::HardBreak => self.inline.hard_break(),
            Event::Rule => {}
            Event::TaskListMarker(done) => self.inline.push(if done { "[x] " } else { "[ ] " }),
        }
        Ok(())
    }

    fn start(&mut self, tag: Tag<'_>) -> Result<(), DocumentError> {
        match tag {
            // What the list item says before its inner list.
            Tag::List(first) => {
                self.flush()?;
                self.lists.push(first);
            }
            Tag::Item => {
                self.flush()?;
                self.item();
            }
            Tag::CodeBlock(_) => {
                self.flush()?;
                self.code = true;
            }
            Tag::FootnoteDefinition(label) => {
                self.flush()?;
                self.note = Some(label.into_string());
            }
            Tag::TableHead | Tag::TableRow => self.cells.clear(),
            Tag::MetadataBlock(_) => self.matter = Some(String::new()),
            Tag::Paragraph
            | Tag::Heading { .. }
            | Tag::BlockQuote(_)
            | Tag::Table(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition => self.flush()?,
            Tag::HtmlBlock
            | Tag::TableCell
            | Tag::Emphasis
            | Tag::Strong
            | Tag::Strikethrough
            | Tag::Superscript
            | Tag::Subscript
            | Tag::Link { .. }
            | Tag::Image { .. } => {}
        }
        Ok(())
    }

    fn end(&mut self, tag: TagEnd) -> Result<(), DocumentError> {
        match tag {
            TagEnd::Heading(level) => {
                let title = self.inline.take();
                self.unseen = 0;
                self.outline.heading(number(level), &title)?;
            }
            TagEnd::List(_) => {
                self.flush()?;
                self.lists.pop();
            }
            TagEnd::Item => {
                self.flush()?;
                self.marker = None;
            }
            TagEnd::CodeBlock => {
                let text = self.inline.take();
                self.code = false;
                self.put(text.trim_matches('\n'))?;
            }
            TagEnd::TableCell => {
                let cell = self.inline.take();
                self.cells.push(cell.split_whitespace().collect::<Vec<_>>().join(" "));
            }
            TagEnd::TableHead | TagEnd::TableRow => {
                let mut cells = std::mem::take(&mut self.cells);
                let said = cells.iter().rposition(|cell| !cell.is_empty());
                cells.truncate(said.map_or(0, |last| last + 1));
                self.put(&cells.join(" | "))?;
            }
            TagEnd::FootnoteDefinition => {
                self.flush()?;
                self.note = None;
            }
            TagEnd::MetadataBlock(_) => {
                if let Some(matter) = self.matter.take() {
                    self.title = self.title.take().or_else(|| front_matter::title(&matter));
                }
            }
            TagEnd::Paragraph
            | TagEnd::BlockQuote(_)
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition => self.flush()?,
            TagEnd::HtmlBlock
            | TagEnd::DefinitionList
            | TagEnd::Table
            | TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::Link
            | TagEnd::Image => {}
        }
        Ok(())
    }

    fn item(&mut self) {
        let depth = self.lists.len().saturating_sub(1).min(DEEPEST_LIST);
        let marker = match self.lists.last_mut() {
            Some(Some(next)) => {
                let number = *next;
                *next = number.saturating_add(1);
                format!("{number}. ")
            }
            Some(None) | None => "- ".to_owned(),
        };
        self.marker = Some(format!("{}{marker}", "  ".repeat(depth)));
    }

    /// A tag inside a sentence: only line ends and what nobody sees matter.
    fn inline_html(&mut self, tag: &str) {
        let name = tag.trim_start_matches(['<', '/']);
        let end = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
        let name = name.get(..end).unwrap_or_default().to_ascii_lowercase();
        match (name.as_str(), tag.starts_with("</")) {
            ("br", _) => self.inline.hard_break(),
            ("script" | "style", false) => self.unseen += 1,
            ("script" | "style", true) => self.unseen = self.unseen.saturating_sub(1),
            _ => {}
        }
    }

    /// Reads the HTML since the last block of anything else.
    fn end_markup(&mut self) -> Result<(), DocumentError> {
        if self.markup.is_empty() {
            return Ok(());
        }
        let markup = std::mem::take(&mut self.markup);
        self.flush()?;
        html::add(&markup, &mut self.outline, self.limits)
    }

    /// Ends the paragraph.
    fn flush(&mut self) -> Result<(), DocumentError> {
        self.unseen = 0;
        let text = self.inline.take();
        self.put(text.trim())
    }

    /// Puts a finished paragraph, row or block of code where it belongs: into its note, or on lines of its
    /// own.
    fn put(&mut self, text: &str) -> Result<(), DocumentError> {
        if text.trim().is_empty() {
            return Ok(());
        }
        if let Some(label) = &self.note {
            let words: Vec<&str> = text.split_whitespace().collect();
            return self.outline.note(label, &words.join(" "));
        }
        let indent = "  ".repeat(self.lists.len().min(DEEPEST_LIST));
        let line = match self.marker.take() {
            Some(marker) => format!("{marker}{text}"),
            None => format!("{indent}{text}"),
        };
        self.outline.line(&line)
    }

    pub(super) fn finish(mut self) -> Result<Vec<Section>, DocumentError> {
        self.end_markup()?;
        self.flush()?;
        self.outline.finish(self.title.as_deref())
    }
}

fn number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}
