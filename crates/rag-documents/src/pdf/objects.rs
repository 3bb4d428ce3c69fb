//! Looking things up in a PDF whose objects may be missing, referred to, or of another type.

use lopdf::{DecompressError, Dictionary, Document as Pdf, Object, Stream};

/// Look-ups that follow references and give `None` for whatever is not there or not of the type.
pub(crate) trait Objects {
    fn follow<'a>(&'a self, object: &'a Object) -> Option<&'a Object>;

    fn value<'a>(&'a self, within: &'a Dictionary, key: &[u8]) -> Option<&'a Object> {
        self.follow(within.get(key).ok()?)
    }

    /// The dictionary under `key`; that of a stream too.
    fn dictionary<'a>(&'a self, within: &'a Dictionary, key: &[u8]) -> Option<&'a Dictionary> {
        as_dictionary(self.value(within, key)?)
    }

    fn array<'a>(&'a self, within: &'a Dictionary, key: &[u8]) -> Option<&'a Vec<Object>> {
        self.value(within, key)?.as_array().ok()
    }

    fn name<'a>(&'a self, within: &'a Dictionary, key: &[u8]) -> Option<&'a [u8]> {
        self.value(within, key)?.as_name().ok()
    }

    fn stream<'a>(&'a self, within: &'a Dictionary, key: &[u8]) -> Option<&'a Stream> {
        self.value(within, key)?.as_stream().ok()
    }

    fn number(&self, within: &Dictionary, key: &[u8]) -> Option<f32> {
        self.float(within.get(key).ok()?)
    }

    fn float(&self, object: &Object) -> Option<f32> {
        self.follow(object)?.as_float().ok().filter(|f| f.is_finite())
    }

    /// The first `N` numbers of an array.
    fn numbers<const N: usize>(&self, within: &Dictionary, key: &[u8]) -> Option<[f32; N]> {
        let array = self.array(within, key)?;
        let mut numbers = [0.0; N];
        for (at, number) in numbers.iter_mut().enumerate() {
            *number = self.float(array.get(at)?)?;
        }
        Some(numbers)
    }
}

impl Objects for Pdf {
    fn follow<'a>(&'a self, object: &'a Object) -> Option<&'a Object> {
        match object {
            Object::Reference(_) => self.dereference(object).ok().map(|(_, object)| object),
            direct => Some(direct),
        }
    }
}

pub(crate) fn as_dictionary(object: &Object) -> Option<&Dictionary> {
    match object {
        Object::Dictionary(dictionary) => Some(dictionary),
        Object::Stream(stream) => Some(&stream.dict),
        _ => None,
    }
}

/// Why a stream cannot be unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packed {
    /// It would be longer than the limit.
    Long,
    Broken,
}

/// A stream's content without its filters; `None` when it cannot be had within `limit` bytes.
pub(crate) fn plain(pdf: &Pdf, stream: &Stream, limit: usize) -> Option<Vec<u8>> {
    unpacked(pdf, stream, limit).ok()
}

/// A stream's content without its filters, when that is no more than `limit` bytes.
///
/// # Errors
/// When it is more, or not packed as it says.
pub(crate) fn unpacked(pdf: &Pdf, stream: &Stream, limit: usize) -> Result<Vec<u8>, Packed> {
    let why = |error: lopdf::Error| match error {
        lopdf::Error::Decompress(DecompressError::MemoryLimitExceeded { .. }) => Packed::Long,
        _ => Packed::Broken,
    };
    let indirect = |key: &[u8]| match stream.dict.get(key) {
        Ok(Object::Reference(_)) => true,
        Ok(Object::Array(entries)) => entries.iter().any(|e| matches!(e, Object::Reference(_))),
        _ => false,
    };
    let short = pdf.value(&stream.dict, b"Filter").is_some_and(|filter| match filter {
        Object::Name(name) => full_name(name) != name.as_slice(),
        Object::Array(names) => {
            names.iter().filter_map(|n| n.as_name().ok()).any(|name| full_name(name) != name)
        }
        _ => false,
    });
    if !indirect(b"Filter") && !indirect(b"DecodeParms") && !short {
        return stream.get_plain_content_with_limit(limit).map_err(why);
    }
    // Filters that are referred to, or abbreviated as in inline images: spelled out for the library.
    let mut dictionary = stream.dict.clone();
    for key in [&b"Filter"[..], b"DecodeParms"] {
        let spelled = match pdf.value(&stream.dict, key) {
            Some(Object::Array(entries)) => {
                Object::Array(entries.iter().filter_map(|e| pdf.follow(e).map(spell_out)).collect())
            }
            Some(other) => spell_out(other),
            None => continue,
        };
        dictionary.set(key, spelled);
    }
    Stream::new(dictionary, stream.content.clone()).get_plain_content_with_limit(limit).map_err(why)
}

fn spell_out(object: &Object) -> Object {
    match object {
        Object::Name(name) => Object::Name(full_name(name).to_vec()),
        other => other.clone(),
    }
}

fn full_name(filter: &[u8]) -> &[u8] {
    match filter {
        b"Fl" => b"FlateDecode",
        b"LZW" => b"LZWDecode",
        b"A85" => b"ASCII85Decode",
        b"AHx" => b"ASCIIHexDecode",
        b"RL" => b"RunLengthDecode",
        other => other,
    }
}
