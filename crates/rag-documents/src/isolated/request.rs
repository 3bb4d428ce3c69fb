//! What a reader process is asked: a document, and the limits to read it within.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use super::frame::{LONGEST_REQUEST_HEADER, MARK, with_length};
use crate::document::DocumentError;
use crate::limits::Limits;

/// A request on the caller's side: what is written before the document's bytes, and those.
pub(super) struct Request<'b> {
    pub(super) head: Vec<u8>,
    pub(super) bytes: &'b [u8],
}

/// A request on the reader's side.
pub(super) struct Received {
    pub(super) name: String,
    pub(super) password: String,
    pub(super) limits: Limits,
    length: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    name: String,
    password: String,
    /// By name and with units, as [`Limits::set`] takes them.
    limits: Vec<(String, String)>,
    /// Bytes of the document.
    length: u64,
}

impl<'b> Request<'b> {
    /// # Errors
    /// When name and password are longer than any name of a file.
    pub(super) fn new(
        bytes: &'b [u8],
        name: &str,
        password: &str,
        limits: &Limits,
    ) -> Result<Self, DocumentError> {
        let entries = limits.entries().into_iter();
        let header = Header {
            name: name.to_owned(),
            password: password.to_owned(),
            limits: entries.map(|(name, value)| (name.to_owned(), value)).collect(),
            length: bytes.len() as u64,
        };
        let header = serde_json::to_vec(&header).ok();
        let header = header.filter(|header| header.len() <= LONGEST_REQUEST_HEADER);
        let header = header.as_deref().and_then(with_length);
        let header =
            header.ok_or_else(|| DocumentError::Unreadable("its name is too long".to_owned()))?;
        Ok(Self { head: [&MARK[..], &header].concat(), bytes })
    }
}

impl Received {
    /// The next request up to the document's bytes; `None` when there are no more.
    ///
    /// # Errors
    /// When what comes is no request.
    pub(super) fn read(input: &mut impl Read) -> io::Result<Option<Self>> {
        let mut mark = [0; MARK.len()];
        // The end between two requests is the end; inside of one it is an error.
        if input.read(mark.get_mut(..1).unwrap_or_default())? == 0 {
            return Ok(None);
        }
        input.read_exact(mark.get_mut(1..).unwrap_or_default())?;
        if mark != MARK {
            return Err(io::Error::other("the request is of another version"));
        }
        let mut length = [0; size_of::<u32>()];
        input.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > LONGEST_REQUEST_HEADER {
            return Err(io::Error::other("the request's header is too long"));
        }
        let mut header = vec![0; length];
        input.read_exact(&mut header)?;
        let header: Header = serde_json::from_slice(&header)?;
        let mut limits = Limits::default();
        for (name, value) in &header.limits {
            limits.set(name, value).map_err(io::Error::other)?;
        }
        let Header { name, password, length, .. } = header;
        Ok(Some(Self { name, password, limits, length }))
    }

    /// The document's bytes.
    ///
    /// # Errors
    /// When they end too early, or are more than the limit.
    pub(super) fn bytes(&self, input: &mut impl Read) -> io::Result<Vec<u8>> {
        if self.length > self.limits.file {
            return Err(io::Error::other("the document is larger than its limit"));
        }
        let mut bytes = Vec::new();
        input.take(self.length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != self.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes)
    }
}
