//! `kbctl extract`: the text of one document.

use std::path::PathBuf;

use clap::Args;
use rag_knowledge::documents::{Limits, read_file};
use serde::Serialize;

use crate::render::{self, Failure, Output};

/// Shows the text of a PDF (by page) or a DOCX (by heading section).
#[derive(Args)]
#[command(
    after_help = "Examples:\n  kbctl extract handbook.pdf\n  kbctl extract policy.docx --output json | jq -r '.pages[].heading'"
)]
pub(crate) struct Arguments {
    /// The document.
    file: PathBuf,
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
    Numbered { page: u32, text: &'a str },
    Headed { page: Option<u32>, heading: Option<&'a str>, text: &'a str },
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let file = arguments.file.display().to_string();
    let document = read_file(&arguments.file, &Limits::default())
        .map_err(|reason| Failure::new(format!("{file}: {reason}"), None))?;
    match arguments.output {
        Output::Json => {
            let pages = document.sections.iter().map(|section| match section.page {
                Some(page) => Page::Numbered { page, text: &section.text },
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
                    (Some(page), _) => format!("— page {page} —"),
                    (None, Some(heading)) => format!("— {heading} —"),
                    (None, None) => "— before the first heading —".to_owned(),
                };
                render::print(&render::plain(&format!("{title}\n{}\n", section.text)))?;
            }
            Ok(())
        }
    }
}
