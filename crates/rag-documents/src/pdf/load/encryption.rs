//! Encryption dictionaries as lopdf wants them: an object of their own, with all that they refer to in them.

use lopdf::{Dictionary, Document as Pdf, LoadOptions, Object, Writer};

use super::super::objects::Objects;

/// Dictionaries and arrays inside each other: crypt filters stand two deep.
const DEEPEST: usize = 6;
const KEY: &[u8] = b"/Encrypt";

/// The file with an update behind it that spells its encryption dictionary out; `None` where there is none, or none that needs it.
///
/// `MuPDF` writes the dictionary into the trailer, others refer to its crypt filters (PDF 1.7, 7.6.1 allows both).
pub(super) fn spelled_out(bytes: &[u8], limit: usize) -> Option<Vec<u8>> {
    let start = bytes.windows(5).position(|w| w == b"%PDF-")?;
    let bytes = bytes.get(start..)?;
    // Under another name it is read as any dictionary, and nothing is decrypted with it.
    let places: Vec<usize> = bytes
        .windows(KEY.len() + 1)
        .enumerate()
        .filter(|(_, w)| w.starts_with(KEY) && !w.last().is_some_and(u8::is_ascii_alphabetic))
        .map(|(at, _)| at + KEY.len() - 1)
        .collect();
    if places.is_empty() {
        return None;
    }
    let mut bytes = bytes.to_vec();
    let rename = |bytes: &mut [u8], letter: u8| {
        for at in &places {
            if let Some(last) = bytes.get_mut(*at) {
                *last = letter;
            }
        }
    };
    rename(&mut bytes, b'x');
    let options = LoadOptions { max_decompressed_size: Some(limit), ..LoadOptions::default() };
    let pdf = Pdf::load_mem_with_options(&bytes, options).ok()?;
    rename(&mut bytes, b't');
    let dictionary = pdf.dictionary(&pdf.trailer, b"Encrypx")?;
    let direct = matches!(pdf.trailer.get(b"Encrypx"), Ok(Object::Dictionary(_)));
    if !direct && !dictionary.iter().any(|(_, value)| refers(value, 0)) {
        return None;
    }
    let spelled = Object::Dictionary(spell(&pdf, dictionary, 0));
    let number = pdf.max_id.checked_add(1)?;
    let mut trailer = Dictionary::new();
    for key in [&b"Root"[..], b"ID", b"Info"] {
        if let Ok(value) = pdf.trailer.get(key) {
            trailer.set(key, value.clone());
        }
    }
    trailer.set("Encrypt", Object::Reference((number, 0)));
    trailer.set("Size", i64::from(number) + 1);
    trailer.set("Prev", i64::try_from(pdf.xref_start).ok()?);
    bytes.extend_from_slice(b"\n");
    let object = bytes.len();
    bytes.extend(format!("{number} 0 obj\n").bytes());
    Writer::write_object(&mut bytes, &spelled).ok()?;
    bytes.extend_from_slice(b"\nendobj\n");
    let table = bytes.len();
    bytes.extend(format!("xref\n{number} 1\n{object:010} 00000 n \ntrailer\n").bytes());
    Writer::write_object(&mut bytes, &Object::Dictionary(trailer)).ok()?;
    bytes.extend(format!("\nstartxref\n{table}\n%%EOF\n").bytes());
    Some(bytes)
}

fn refers(value: &Object, depth: usize) -> bool {
    match value {
        Object::Reference(_) => true,
        Object::Dictionary(inner) if depth < DEEPEST => {
            inner.iter().any(|(_, value)| refers(value, depth + 1))
        }
        _ => false,
    }
}

fn spell(pdf: &Pdf, dictionary: &Dictionary, depth: usize) -> Dictionary {
    let mut spelled = Dictionary::new();
    for (key, value) in dictionary {
        let value = match pdf.follow(value) {
            Some(Object::Dictionary(inner)) if depth < DEEPEST => {
                Object::Dictionary(spell(pdf, inner, depth + 1))
            }
            Some(value) => value.clone(),
            None => continue,
        };
        spelled.set(key.clone(), value);
    }
    spelled
}
