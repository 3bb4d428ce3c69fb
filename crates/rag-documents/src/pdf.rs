//! PDF: the sections of each page.

mod cids;
mod cmap;
mod content;
mod direction;
mod font;
mod furniture;
mod headings;
pub(crate) mod hyphens;
mod layout;
mod lexer;
mod load;
mod matrix;
mod names;
mod objects;
mod outline;
mod pages;
mod predefined;
mod program;
mod rules;
mod structure;
mod writer;

use encoding_rs::WINDOWS_1252;
use lopdf::Dictionary;
use rag_core::{Date, Section};

use crate::date;
use crate::document::{Document, DocumentError};
use crate::format::Format;
use crate::limits::Limits;
use crate::outline::too_much_text;
use crate::report::{PageProblem, PageReport, warnings};
use content::Drawn;
use font::Fonts;
use furniture::Sheet;
use headings::{Heading, Path};
use layout::Line;
pub(crate) use layout::join;
use objects::Objects;
use structure::Structure;
use writer::Writer;

pub(crate) fn read(
    bytes: &[u8],
    limits: &Limits,
    password: &str,
) -> Result<Document, DocumentError> {
    let pdf = load::load(bytes, limits, password)?;
    let empty = Dictionary::new();
    let leaves = pages::pages(&pdf, &empty, limits.pdf_pages);
    if leaves.is_empty() {
        return Err(DocumentError::Broken("it has no pages".to_owned()));
    }
    if leaves.len() > limits.pdf_pages {
        return Err(DocumentError::TooLarge(format!(
            "it has more than {} pages",
            limits.pdf_pages
        )));
    }
    let labels = pages::labels(&pdf, leaves.len());
    let structure = Structure::of(&pdf);
    let writer = Writer::of(&pdf);
    let mut fonts = Fonts::new(&pdf, limits);
    let mut reports = Vec::with_capacity(leaves.len());
    let mut pages: Vec<Vec<Line>> = Vec::with_capacity(leaves.len());
    let mut total = 0_usize;
    for (at, leaf) in leaves.iter().enumerate() {
        let drawn = content::read(&pdf, leaf, &mut fonts, &structure, limits);
        let drawn = Drawn { layers: writer == Writer::Browser, ..drawn };
        let lines = layout::lines(&drawn, &structure);
        total = total.saturating_add(lines.iter().map(|line| line.text.len()).sum());
        if total > limits.text {
            return Err(too_much_text(limits));
        }
        reports.push(PageReport {
            page: at as u32 + 1,
            label: labels.get(at).cloned(),
            problems: problems(&drawn, &lines),
            removed: Vec::new(),
        });
        pages.push(lines);
    }
    remove_furniture(&mut pages, &leaves, &mut reports);
    let outline = outline::entries(&pdf, &leaves);
    let headings = headings::find(&pages, &outline);
    let mut path = Path::default();
    let mut sections = Vec::with_capacity(pages.len());
    for (at, (lines, headings)) in pages.iter_mut().zip(&headings).enumerate() {
        for (number, heading) in headings.iter().enumerate() {
            let printed = lines.iter_mut().skip(heading.line).take(heading.lines);
            printed.for_each(|line| line.heading = Some(number));
        }
        page_sections(at as u32 + 1, lines, headings, &mut path, &mut sections);
    }
    let mut texts: Vec<&mut String> = sections
        .iter_mut()
        .flat_map(|section| section.heading.iter_mut().chain([&mut section.text]))
        .chain(reports.iter_mut().flat_map(|report| &mut report.removed))
        .collect();
    hyphens::settle(&mut texts, writer.hyphenation());
    Ok(Document {
        format: Format::Pdf,
        date: modified(&pdf),
        sections,
        warnings: warnings(&reports),
        pages: reports,
    })
}

/// The day in the document's information (ISO 32000-1, 14.3.3).
fn modified(pdf: &lopdf::Document) -> Option<Date> {
    let info = pdf.dictionary(&pdf.trailer, b"Info")?;
    let day = |key: &[u8]| date::of_pdf(pdf.value(info, key)?.as_str().ok()?);
    day(b"ModDate").or_else(|| day(b"CreationDate"))
}

fn problems(drawn: &Drawn, lines: &[Line]) -> Vec<PageProblem> {
    let mut problems = Vec::new();
    if drawn.unknown > 0 {
        problems.push(PageProblem::Unmapped { characters: drawn.unknown });
    }
    if drawn.broken > 0 {
        problems.push(PageProblem::Broken { streams: drawn.broken });
    }
    if let Some(limit) = &drawn.cut {
        problems.push(PageProblem::Cut { limit: limit.clone() });
    }
    if lines.is_empty() && drawn.images {
        problems.push(PageProblem::ImageOnly);
    } else if lines.is_empty() {
        problems.push(PageProblem::NoText);
    }
    problems
}

/// Takes running headers and footers out of the pages and notes them in the reports.
fn remove_furniture(
    pages: &mut [Vec<Line>],
    leaves: &[pages::Leaf<'_>],
    reports: &mut [PageReport],
) {
    let sheets: Vec<Sheet<'_>> = pages
        .iter()
        .zip(leaves)
        .zip(reports.iter())
        .map(|((lines, leaf), report)| Sheet {
            lines,
            bounds: leaf.bounds,
            label: report.label.as_deref().unwrap_or_default(),
        })
        .collect();
    let found = furniture::find(&sheets);
    for ((lines, report), removed) in pages.iter_mut().zip(reports).zip(found) {
        for at in removed.into_iter().rev() {
            report.removed.insert(0, lines.remove(at).text);
        }
    }
}

/// The sections of a page: one for each heading on it, and one for what goes on from the page before. A
/// heading that is printed stands in the text too, so that nothing is lost where one was mistaken.
fn page_sections(
    page: u32,
    lines: &[Line],
    headings: &[Heading],
    path: &mut Path,
    sections: &mut Vec<Section>,
) {
    let (mut from, mut body) = (0, 0);
    let mut push = |heading: Option<String>, from: usize, to: usize| {
        let lines: Vec<&Line> = lines.get(from..to).unwrap_or_default().iter().collect();
        sections.push(Section { page: Some(page), heading, text: layout::paragraphs(&lines) });
    };
    for heading in headings {
        // A heading over nothing but another heading shares that one's section.
        if heading.line > body {
            push(path.text(), from, heading.line);
            from = heading.line;
        }
        path.enter(heading);
        body = heading.line + heading.lines;
    }
    // A page without text is there, empty.
    if from < lines.len() || from == 0 {
        push(path.text(), from, lines.len());
    }
}

/// A text string outside of content: UTF-16 or UTF-8 by its mark, else one byte for each character
/// (PDF 1.7, 7.9.2.2).
fn text_string(bytes: &[u8]) -> String {
    let utf16 = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = rest.chunks_exact(2).map(|pair| match pair {
            [a, b] => unit([*a, *b]),
            _ => 0,
        });
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    match bytes {
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    }
}
