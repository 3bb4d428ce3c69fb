//! What a container holds, when it is not a DOCX.

use super::container::Container;
use super::relations::Relations;
use crate::document::DocumentError;

/// Where programs put the main part, for containers whose relationships do not tell.
const USUAL_MAIN: &str = "word/document.xml";

/// The name of the part that holds the text, by the package's relationships (ECMA-376-1, 9.3).
///
/// # Errors
/// When the container is no Office text: what it is instead is named where it is known.
pub(crate) fn main_part(container: &Container<'_>) -> Result<String, DocumentError> {
    let relations = match Relations::of(container, "") {
        Err(DocumentError::Broken(_)) => Relations::default(),
        relations => relations?,
    };
    let main = relations.of_kind("officeDocument").filter(|part| container.has(part));
    let main = main.or_else(|| container.has(USUAL_MAIN).then_some(USUAL_MAIN));
    match main {
        Some(main) if !is_other_office(main) => Ok(main.to_owned()),
        _ => Err(DocumentError::WrongType(other(container))),
    }
}

/// Whether a main part belongs to another Office program, by the folder it stands in.
fn is_other_office(main: &str) -> bool {
    let main = main.to_ascii_lowercase();
    ["xl/", "ppt/", "visio/"].iter().any(|folder| main.starts_with(folder))
}

/// What a container is, by the parts that only one kind has.
fn other(container: &Container<'_>) -> &'static str {
    const FOLDERS: [(&str, &str); 6] = [
        ("xl/", "an Excel workbook"),
        ("ppt/", "a PowerPoint presentation"),
        ("visio/", "a Visio drawing"),
        ("index/document.iwa", "a Pages document"),
        ("meta-inf/manifest.mf", "a Java archive"),
        ("word/", "a Word file without its text"),
    ];
    // OpenDocument 1.3, part 2, 3.3; EPUB 3.3, 4.2.6.
    let declared = container.head("mimetype", 128);
    let declared = String::from_utf8_lossy(&declared);
    let declared = declared.trim();
    if let Some(kind) = declared.strip_prefix("application/vnd.oasis.opendocument.") {
        return match kind.trim_end_matches("-template") {
            "text" | "text-master" | "text-web" => "an OpenDocument text (.odt)",
            "spreadsheet" => "an OpenDocument spreadsheet (.ods)",
            "presentation" => "an OpenDocument presentation (.odp)",
            _ => "an OpenDocument file",
        };
    }
    if declared == "application/epub+zip" {
        return "an EPUB book";
    }
    let folder = FOLDERS.iter().find(|(folder, _)| container.has_folder(folder));
    folder.map_or("a zip archive", |(_, kind)| kind)
}

/// What the root element of a main part says it is, when it is no Word document's.
pub(crate) fn of_root(name: &str) -> &'static str {
    match name {
        "workbook" => "an Excel workbook",
        "presentation" => "a PowerPoint presentation",
        "VisioDocument" => "a Visio drawing",
        _ => "a package without a Word document",
    }
}
