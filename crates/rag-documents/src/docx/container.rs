//! The zip container of a DOCX. Parts are read from memory by name and never written anywhere, so a
//! name that leads out of the container leads nowhere.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, BufReader, Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::encoding;
use super::xml::Xml;
use crate::document::DocumentError;
use crate::limits::Limits;

pub(crate) struct Container<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    /// Where a part stands, by its name as [`key`] has it.
    places: HashMap<String, usize>,
    limits: &'a Limits,
    /// Bytes decompressed so far.
    spent: Cell<u64>,
}

impl<'a> Container<'a> {
    /// # Errors
    /// When the container is damaged or cut short, or has too many entries.
    pub(crate) fn open(bytes: &'a [u8], limits: &'a Limits) -> Result<Self, DocumentError> {
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| {
            let why = format!("its zip container is damaged or cut short ({e})");
            DocumentError::Broken(why)
        })?;
        if archive.len() > limits.docx_entries {
            let most = limits.docx_entries;
            return Err(DocumentError::TooLarge(format!("more than {most} parts")));
        }
        let mut places = HashMap::new();
        for place in 0..archive.len() {
            if let Some(Ok(name)) = archive.name_for_index(place) {
                places.entry(key(&name)).or_insert(place);
            }
        }
        Ok(Self { archive, places, limits, spent: Cell::new(0) })
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.places.contains_key(&key(name))
    }

    /// Whether any part's name begins so.
    pub(crate) fn has_folder(&self, folder: &str) -> bool {
        self.places.keys().any(|name| name.starts_with(folder))
    }

    /// The first bytes of a part, at most `most`; empty when there is no such part or it cannot be
    /// read.
    pub(crate) fn head(&self, name: &str, most: u64) -> Vec<u8> {
        let mut head = Vec::new();
        if let Some(place) = self.places.get(&key(name)) {
            let mut archive = self.archive.clone();
            if let Ok(entry) = archive.by_index(*place) {
                // What was read before a failure is all there is to see.
                let _ = entry.take(most).read_to_end(&mut head);
            }
        }
        head
    }

    /// Reads a part as XML from its root element on; `None` when there is no such part.
    ///
    /// # Errors
    /// When the part is encrypted, damaged, no XML or too large, or for what `read` says.
    pub(crate) fn part<T>(
        &self,
        name: &str,
        read: impl FnOnce(&mut Xml<'_>) -> Result<T, DocumentError>,
    ) -> Result<Option<T>, DocumentError> {
        let Some(place) = self.places.get(&key(name)) else { return Ok(None) };
        // A copy of the archive shares its table: while one part is read, another may be.
        let mut archive = self.archive.clone();
        let entry = match archive.by_index(*place) {
            Ok(entry) => entry,
            Err(ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)) => {
                return Err(DocumentError::Encrypted);
            }
            Err(e) => return Err(DocumentError::Broken(format!("{name}: {e}"))),
        };
        // The size the container declares may be a lie: what is read is what is counted.
        let counted = Counted {
            bytes: entry,
            part: 0,
            spent: &self.spent,
            most: self.limits.docx_part,
            most_of_all: self.limits.docx_total,
        };
        let bytes = encoding::utf8(BufReader::new(counted)).map_err(|e| match e.kind() {
            io::ErrorKind::FileTooLarge => DocumentError::TooLarge(format!("{name} {e}")),
            _ => DocumentError::Broken(format!("{name}: {e}")),
        })?;
        let mut xml = Xml::new(name, bytes, self.limits);
        if !xml.root()? {
            return Err(DocumentError::Broken(format!("{name} is empty")));
        }
        let found = read(&mut xml)?;
        xml.finish()?;
        Ok(Some(found))
    }
}

/// A part's name as names are compared: without regard to case (ECMA-376-2, 6.2.2.3), and with the
/// slashes that some programs write wrong.
fn key(name: &str) -> String {
    name.replace('\\', "/").trim_start_matches('/').to_ascii_lowercase()
}

/// Bytes that end with an error when they are more than allowed.
struct Counted<'a, R> {
    bytes: R,
    part: u64,
    spent: &'a Cell<u64>,
    most: u64,
    most_of_all: u64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(out)?;
        self.part += read as u64;
        self.spent.set(self.spent.get() + read as u64);
        let too_large = |why| Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
        if self.part > self.most {
            return too_large(format!("has more than {} bytes", self.most));
        }
        if self.spent.get() > self.most_of_all {
            return too_large(format!("and other parts have more than {} bytes", self.most_of_all));
        }
        Ok(read)
    }
}
