//! `kbctl extract`: the text of one document.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;
use rag_knowledge::documents::Document;
use rag_knowledge::documents::isolated::Readers;
use serde::Serialize;

use crate::documents::{self, ReadingOptions};
use crate::render::{self, Failure, Output};

/// Shows the text of a document: of a PDF by page, of others by heading section.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  kbctl extract handbook.pdf\n  kbctl extract policy.docx --output json | jq -r '.pages[].heading'"
)]
pub(crate) struct Arguments {
    /// The document.
    file: PathBuf,
    /// The password of a PDF that is encrypted.
    #[arg(long, env = "KBCTL_PASSWORD", hide_env_values = true, default_value = "")]
    password: String,
    /// Fail when text of a page may be missing.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    reading: ReadingOptions,
    /// The form of the answer.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Serialize)]
struct Extracted<'a> {
    file: String,
    pages: Vec<Page<'a>>,
    warnings: &'a [String],
}

/// A page of a PDF, or a heading section of a DOCX, whose `page` is null.
#[derive(Serialize)]
#[serde(untagged)]
enum Page<'a> {
    Numbered {
        page: u32,
        /// What is printed on the page as its number, where the document says so.
        #[serde(skip_serializing_if = "Option::is_none")]
        label: Option<&'a str>,
        text: &'a str,
    },
    Headed {
        page: Option<u32>,
        heading: Option<&'a str>,
        text: &'a str,
    },
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let file = arguments.file.display().to_string();
    let document = read(arguments)?;
    if arguments.strict
        && let Some((page, problem)) = document.problem()
    {
        let hint = "without --strict it is a warning".to_owned();
        return Err(Failure::new(format!("{file}: page {page}: {problem}"), Some(hint)));
    }
    let label =
        |page: u32| document.pages.iter().find(|report| report.page == page)?.label.as_deref();
    match arguments.output {
        Output::Json => {
            let pages = document.sections.iter().map(|section| match section.page {
                Some(page) => Page::Numbered { page, label: label(page), text: &section.text },
                None => Page::Headed {
                    page: None,
                    heading: section.heading.as_deref(),
                    text: &section.text,
                },
            });
            let pages = pages.collect();
            render::print_json(&Extracted { file, pages, warnings: &document.warnings })
        }
        Output::Text => {
            for warning in &document.warnings {
                render::note(&render::plain(&format!("warning: {warning}")));
            }
            for section in &document.sections {
                let title = match (section.page, &section.heading) {
                    (Some(page), _) => match label(page).filter(|label| *label != page.to_string())
                    {
                        Some(label) => format!("— page {page} ({label}) —"),
                        None => format!("— page {page} —"),
                    },
                    (None, Some(heading)) => format!("— {heading} —"),
                    (None, None) => "— before the first heading —".to_owned(),
                };
                render::print(&render::plain(&format!("{title}\n{}\n", section.text)))?;
            }
            Ok(())
        }
    }
}

fn read(arguments: &Arguments) -> Result<Document, Failure> {
    let path = &arguments.file;
    let failed = |reason: &dyn std::fmt::Display| {
        Failure::new(format!("{}: {reason}", path.display()), None)
    };
    let (limits, recognizer) = (arguments.reading.limits()?, arguments.reading.recognizer()?);
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limits.file.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(|e| failed(&format!("it cannot be read: {e}")))?;
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let readers = Readers::new(documents::reader(), 1, limits);
    let mut document = readers
        .read_with_password(&bytes, &name, &arguments.password)
        .map_err(|reason| failed(&reason))?;
    if let Some(recognizer) = recognizer {
        recognizer.fill(&mut document, &bytes, &limits);
    }
    Ok(document)
}
