//! The zip container of a DOCX.

use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::xml::{self, Event};
use crate::document::DocumentError;
use crate::limits::Limits;

pub(crate) struct Container<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    limits: &'a Limits,
}

impl<'a> Container<'a> {
    pub(crate) fn open(bytes: &'a [u8], limits: &'a Limits) -> Result<Self, DocumentError> {
        let archive = ZipArchive::new(Cursor::new(bytes))
            .map_err(|e| DocumentError::Broken(format!("its zip container: {e}")))?;
        if archive.len() > limits.docx_entries {
            return Err(DocumentError::TooLarge(format!(
                "more than {} parts",
                limits.docx_entries
            )));
        }
        Ok(Self { archive, limits })
    }

    /// The name of the part that holds the text, by the package's relationships (ECMA-376-2, 9.3).
    pub(crate) fn main_part(&mut self) -> Result<String, DocumentError> {
        let mut main = None;
        if let Some(relations) = self.part("_rels/.rels")? {
            xml::each(&relations, self.limits, |event| {
                if let Event::Open(element) = event
                    && element.name() == "Relationship"
                    && element.attribute("Type").is_some_and(|t| t.ends_with("/officeDocument"))
                {
                    main = element.attribute("Target");
                }
                Ok(())
            })?;
        }
        let names: Vec<String> = self
            .archive
            .file_names()
            .filter_map(Result::ok)
            .map(|name| name.into_owned())
            .collect();
        let has = |name: &str| names.iter().any(|n| n == name);
        if let Some(other) = ["xl/workbook.xml", "ppt/presentation.xml", "mimetype"]
            .into_iter()
            .find(|name| has(name))
        {
            return Err(DocumentError::WrongType(match other {
                "xl/workbook.xml" => "an Excel workbook",
                "ppt/presentation.xml" => "a PowerPoint presentation",
                _ => "an OpenDocument or EPUB file",
            }));
        }
        match main {
            Some(target) => Ok(target.trim_start_matches('/').to_owned()),
            None if has("word/document.xml") => Ok("word/document.xml".to_owned()),
            None => Err(DocumentError::WrongType("a zip archive")),
        }
    }

    /// A part's bytes, or `None` when there is no such part.
    pub(crate) fn part(&mut self, name: &str) -> Result<Option<Vec<u8>>, DocumentError> {
        let broken = |e: String| DocumentError::Broken(format!("{name}: {e}"));
        let entry = match self.archive.by_name(name) {
            Ok(entry) => entry,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(e) if e.to_string().to_lowercase().contains("password") => {
                return Err(DocumentError::Encrypted);
            }
            Err(e) => return Err(broken(e.to_string())),
        };
        // The size the container declares may be a lie: what is read is what is counted.
        let mut bytes = Vec::new();
        entry
            .take(self.limits.docx_part.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|e| broken(e.to_string()))?;
        if bytes.len() as u64 > self.limits.docx_part {
            let most = self.limits.docx_part;
            return Err(DocumentError::TooLarge(format!("{name} has more than {most} bytes")));
        }
        Ok(Some(bytes))
    }
}
