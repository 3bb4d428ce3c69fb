//! Prints the text of documents: `extract [--json] [--password WORD] FILE...`.
//!
//! With `--json`, one line of JSON for each file: how long reading took, the text of each page, what was removed as headers and footers, and the warnings.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::path::Path;
use std::time::Instant;

use rag_core::Section;
use rag_documents::{Document, Format, Limits, read_with_password};

fn main() {
    let mut arguments = std::env::args().skip(1).peekable();
    let json = arguments.next_if(|a| a == "--json").is_some();
    let password = match arguments.next_if(|a| a == "--password") {
        Some(_) => arguments.next().unwrap_or_default(),
        None => String::new(),
    };
    for file in arguments {
        let known = Path::new(&file).extension().and_then(|e| Format::of_extension(e.to_str()?));
        // What other libraries test themselves with has names of all kinds.
        let name = if known.is_some() { file.as_str() } else { "a.pdf" };
        let bytes = std::fs::read(&file).unwrap_or_default();
        let begun = Instant::now();
        let read = read_with_password(bytes, name, &Limits::default(), &password);
        let seconds = begun.elapsed().as_secs_f64();
        match (read, json) {
            (Ok(document), true) => println!("{}", as_json(&file, seconds, &document)),
            (Err(error), true) => println!(
                r#"{{"file":{},"seconds":{seconds},"error":{}}}"#,
                quoted(&file),
                quoted(&error.to_string())
            ),
            (Ok(document), false) => {
                for section in &document.sections {
                    let page = section.page.map(|p| format!("page {p} ")).unwrap_or_default();
                    println!("== {page}{}", section.heading.as_deref().unwrap_or_default());
                    println!("{}", section.text);
                }
                for report in document.pages.iter().filter(|r| !r.removed.is_empty()) {
                    println!("-- page {} without {:?}", report.page, report.removed);
                }
                for warning in &document.warnings {
                    println!("-- {warning}");
                }
            }
            (Err(error), false) => println!("-- {file}: {error}"),
        }
    }
}

fn as_json(file: &str, seconds: f64, document: &Document) -> String {
    let mut pages: Vec<String> = vec![String::new(); document.pages.len().max(1)];
    let mut above = None;
    for section in &document.sections {
        let at = section.page.map_or(0, |page| page as usize - 1);
        if let Some(page) = pages.get_mut(at) {
            // A page shows its headings in its text; a section of a DOCX has them in its path alone.
            if section.page.is_none() {
                page.push_str(&headings(above, section));
                above = section.heading.as_deref();
            }
            page.push_str(&section.text);
            page.push('\n');
        }
    }
    let list = |texts: &[String]| texts.iter().map(|t| quoted(t)).collect::<Vec<_>>().join(",");
    let removed: Vec<String> = document.pages.iter().map(|r| r.removed.join("\n")).collect();
    format!(
        r#"{{"file":{},"seconds":{seconds},"pages":[{}],"removed":[{}],"warnings":[{}]}}"#,
        quoted(file),
        list(&pages),
        list(&removed),
        list(&document.warnings)
    )
}

/// The headings that a section's path has and the one before, `above`, has not; none of a section whose text they are.
fn headings(above: Option<&str>, section: &Section) -> String {
    let path: Vec<&str> = section.heading.iter().flat_map(|path| path.split(" > ")).collect();
    let above: Vec<&str> = above.iter().flat_map(|path| path.split(" > ")).collect();
    let shared = path.iter().zip(&above).take_while(|(own, above)| own == above).count();
    let shared = if shared == path.len() { shared.saturating_sub(1) } else { shared };
    let bare = path.last().is_some_and(|title| *title == section.text);
    let new = path.iter().skip(shared).take(path.len() - shared - usize::from(bare));
    new.map(|title| format!("{title}\n")).collect()
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
