//! Opening a PDF: its objects, decrypted, and recovered where the file is damaged.

mod encryption;
mod mended;

use std::collections::BTreeMap;

use lopdf::{DecompressError, Document as Pdf, LoadOptions};

use super::lexer::is_space;
use crate::document::DocumentError;
use crate::limits::{self, Limits};

/// Opens the file, with `password` where it needs one.
pub(crate) fn load(bytes: &[u8], limits: &Limits, password: &str) -> Result<Pdf, DocumentError> {
    let spelled = encryption::spelled_out(bytes, limits.pdf_stream);
    let bytes = spelled.as_deref().unwrap_or(bytes);
    match open(bytes, limits, password, false) {
        Ok(pdf) if has_pages(&pdf) => return Ok(pdf),
        Err(DocumentError::Encrypted) => return Err(DocumentError::Encrypted),
        Err(DocumentError::TooLarge(cause)) => return Err(DocumentError::TooLarge(cause)),
        Ok(_) | Err(_) => {}
    }
    // The cross-reference table leads nowhere: once more, looking for the objects themselves.
    let second = open(bytes, limits, password, true);
    if let Ok(pdf) = &second
        && has_pages(pdf)
    {
        return second;
    }
    let third = rebuilt(bytes).map(|bytes| open(&bytes, limits, password, false));
    match (third, second) {
        (Some(Ok(pdf)), _) if has_pages(&pdf) => Ok(pdf),
        (Some(Err(DocumentError::Encrypted)), _) => Err(DocumentError::Encrypted),
        (_, second) => second,
    }
}

fn open(bytes: &[u8], limits: &Limits, password: &str, search: bool) -> Result<Pdf, DocumentError> {
    let options = LoadOptions {
        max_decompressed_size: Some(limits.pdf_stream),
        force_reconstruct: search,
        password: Some(password.to_owned()),
        ..LoadOptions::default()
    };
    let mut pdf = Pdf::load_mem_with_options(bytes, options).map_err(|e| match e {
        lopdf::Error::Decompress(DecompressError::MemoryLimitExceeded { .. }) => {
            let most = limits::bytes(limits.pdf_stream as u64);
            DocumentError::TooLarge(format!("a stream of it has more than {most}"))
        }
        lopdf::Error::InvalidPassword | lopdf::Error::Decryption(_) => DocumentError::Encrypted,
        other => DocumentError::Broken(other.to_string()),
    })?;
    // Many PDFs are encrypted with an empty password, which readers try by themselves. A file that
    // stays encrypted loads without a single page.
    if pdf.is_encrypted()
        && (pdf.decrypt(password).is_err() && pdf.decrypt("").is_err() || pdf.is_encrypted())
    {
        return Err(DocumentError::Encrypted);
    }
    mended::mend(&mut pdf, bytes);
    Ok(pdf)
}

fn has_pages(pdf: &Pdf) -> bool {
    let empty = lopdf::Dictionary::new();
    !super::pages::pages(pdf, &empty, 0).is_empty()
}

/// The file with a new cross-reference table behind it, made by searching for `12 0 obj`. The last object of a
/// number wins, as it does after updates.
fn rebuilt(bytes: &[u8]) -> Option<Vec<u8>> {
    const MOST_OBJECTS: usize = 2_000_000;
    const HEADER: &[u8] = b"%PDF-";
    let headed = match bytes.windows(HEADER.len()).position(|w| w == HEADER) {
        Some(start) => bytes.get(start..)?.to_vec(),
        None => [HEADER, b"1.7\n", bytes].concat(),
    };
    let bytes = headed.as_slice();
    let mut offsets: BTreeMap<u32, (usize, u16)> = BTreeMap::new();
    let mut at = 0;
    while let Some(found) =
        bytes.get(at..).and_then(|rest| rest.windows(3).position(|w| w == b"obj"))
    {
        let place = at + found;
        at = place + 3;
        if let Some((offset, number, generation)) = object_before(bytes, place)
            && offsets.len() < MOST_OBJECTS
        {
            offsets.insert(number, (offset, generation));
        }
    }
    if offsets.is_empty() {
        return None;
    }
    let catalog = offsets.iter().rev().find(|(_, (offset, _))| {
        let end = (offset + 4_096).min(bytes.len());
        let object = bytes.get(*offset..end).unwrap_or_default();
        let end = object.windows(6).position(|w| w == b"endobj").unwrap_or(object.len());
        let object: Vec<u8> = object
            .get(..end)
            .unwrap_or_default()
            .iter()
            .copied()
            .filter(|b| !is_space(*b))
            .collect();
        object.windows(13).any(|w| w == b"/Type/Catalog")
    });
    let free = offsets.keys().next_back()?.checked_add(1)?;
    let mut out = bytes.to_vec();
    let root = if let Some((number, (_, generation))) = catalog {
        format!("{number} {generation} R")
    } else {
        // Without one, the pages are found by what they say of themselves.
        out.extend_from_slice(b"\n");
        offsets.insert(free, (out.len(), 0));
        out.extend(format!("{free} 0 obj\n<< /Type /Catalog >>\nendobj\n").bytes());
        format!("{free} 0 R")
    };
    let encrypt = trailer_entry(bytes, b"/Encrypt").unwrap_or_default();
    let id = trailer_entry(bytes, b"/ID").unwrap_or_default();
    out.extend_from_slice(b"\n");
    let table = out.len();
    out.extend_from_slice(b"xref\n");
    for (number, (offset, generation)) in &offsets {
        out.extend(format!("{number} 1\n{offset:010} {generation:05} n \n").bytes());
    }
    let trailer = format!("trailer\n<< /Size {} /Root {root} ", free.saturating_add(1));
    out.extend(trailer.bytes());
    out.extend(encrypt);
    out.extend(id);
    out.extend(format!(" >>\nstartxref\n{table}\n%%EOF\n").bytes());
    Some(out)
}

/// The number, generation and offset written before the word `obj` at `place`.
fn object_before(bytes: &[u8], place: usize) -> Option<(usize, u32, u16)> {
    let back = |mut at: usize, wanted: fn(u8) -> bool| {
        while at > 0 && bytes.get(at - 1).is_some_and(|b| wanted(*b)) {
            at -= 1;
        }
        at
    };
    let digit = |b: u8| b.is_ascii_digit();
    let number = |from: usize, to: usize| std::str::from_utf8(bytes.get(from..to)?).ok();
    let generation_end = back(place, is_space);
    let generation_start = back(generation_end, digit);
    let number_end = back(generation_start, is_space);
    let number_start = back(number_end, digit);
    if generation_end == place || number_end == generation_start {
        return None;
    }
    let generation = number(generation_start, generation_end)?.parse().ok()?;
    Some((number_start, number(number_start, number_end)?.parse().ok()?, generation))
}

/// An entry of a trailer that was read nowhere else: the last one that is a reference or an array.
fn trailer_entry(bytes: &[u8], key: &[u8]) -> Option<Vec<u8>> {
    const LONGEST: usize = 200;
    let at = bytes.windows(key.len()).rposition(|w| w == key)?;
    let rest = bytes.get(at + key.len()..)?;
    let rest = rest.get(..LONGEST).unwrap_or(rest);
    let end = match rest.iter().position(|b| !is_space(*b)).and_then(|i| rest.get(i)) {
        Some(b'[') => rest.iter().position(|b| *b == b']')? + 1,
        Some(b'0'..=b'9') => rest.iter().position(|b| *b == b'R')? + 1,
        _ => return None,
    };
    Some([key, rest.get(..end)?, b" "].concat())
}
