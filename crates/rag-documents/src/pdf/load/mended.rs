//! Objects that lopdf leaves out because they are not written as they should be: a name with a space in it, a stream that does not say
//! how long it is.

use lopdf::encryption::decrypt_object;
use lopdf::xref::XrefEntry;
use lopdf::{Dictionary, Document as Pdf, Object, ObjectId, Stream, StringFormat};

use super::super::lexer::{Lexer, Token, Value};
use super::super::objects::Objects;

/// Objects that are mended in a file.
const MOST_MENDED: usize = 10_000;

/// Reads once more, forgivingly, what the cross-reference table names and `pdf` has not, and streams that came out empty.
pub(super) fn mend(pdf: &mut Pdf, bytes: &[u8]) {
    let start = bytes.windows(5).position(|w| w == b"%PDF-").unwrap_or(0);
    let bytes = bytes.get(start..).unwrap_or_default();
    let lacking = |(number, entry): (&u32, &XrefEntry)| match *entry {
        XrefEntry::Normal { offset, generation } => {
            let id = (*number, generation);
            let empty = |object: &Object| match object {
                Object::Stream(stream) => {
                    stream.content.is_empty()
                        && pdf.number(&stream.dict, b"Length").is_none_or(|length| length > 0.0)
                }
                _ => false,
            };
            pdf.objects.get(&id).is_none_or(empty).then_some((id, offset as usize))
        }
        _ => None,
    };
    let lacking: Vec<(ObjectId, usize)> =
        pdf.reference_table.entries.iter().filter_map(lacking).take(MOST_MENDED).collect();
    // Objects without an end would each reach to the end of the file.
    let mut budget = bytes.len().saturating_mul(2);
    for (id, offset) in lacking {
        let Some(mut object) = object_at(pdf, bytes, id, offset, &mut budget) else { continue };
        if let Some(state) = &pdf.encryption_state
            && (state.encrypt_object_id() == Some(id)
                || decrypt_object(state, id, &mut object).is_err())
        {
            continue;
        }
        pdf.objects.insert(id, object);
    }
}

fn object_at(
    pdf: &Pdf,
    bytes: &[u8],
    id: ObjectId,
    offset: usize,
    budget: &mut usize,
) -> Option<Object> {
    let rest = bytes.get(offset..)?;
    let mut lexer = Lexer::new(rest);
    let mut integer = || match lexer.next() {
        Some(Token::Value(value)) => value.number().map(|n| n as u32),
        _ => None,
    };
    if (integer()?, integer()?) != (id.0, u32::from(id.1)) {
        return None;
    }
    let Token::Word(b"obj") = lexer.next()? else { return None };
    let Token::Value(value) = lexer.next()? else { return None };
    let object = object(value);
    let taken = rest.len() - lexer.rest().len();
    *budget = budget.checked_sub(taken)?;
    let Object::Dictionary(dictionary) = object else { return Some(object) };
    let Some(Token::Word(b"stream")) = lexer.next() else {
        return Some(Object::Dictionary(dictionary));
    };
    let data = lexer.rest();
    let data = data.strip_prefix(b"\r").unwrap_or(data);
    let data = data.strip_prefix(b"\n").unwrap_or(data);
    let said = pdf.number(&dictionary, b"Length").and_then(|length| {
        let (content, after) = data.split_at_checked(length.max(0.0) as usize)?;
        after.trim_ascii_start().starts_with(b"endstream").then_some(content)
    });
    let searched = || {
        // In one pass, so that what is searched is what is kept, and counted.
        let ends = |at: &usize| {
            data.get(*at..).is_some_and(|d| d.starts_with(b"endstream") || d.starts_with(b"endobj"))
        };
        let end = (0..data.len()).find(ends);
        let content = data.get(..end.unwrap_or(data.len())).unwrap_or_default();
        let content = content.strip_suffix(b"\n").unwrap_or(content);
        content.strip_suffix(b"\r").unwrap_or(content)
    };
    let content = said.unwrap_or_else(searched);
    *budget = budget.checked_sub(content.len())?;
    Some(Object::Stream(Stream::new(dictionary, content.to_vec())))
}

fn object(value: Value) -> Object {
    match value {
        Value::Number(number) if number.fract() == 0.0 && number.abs() < 1e9 => {
            Object::Integer(number as i64)
        }
        Value::Number(number) => Object::Real(number),
        Value::Name(name) => Object::Name(name),
        Value::Text(text) => Object::String(text, StringFormat::Literal),
        Value::Array(entries) => Object::Array(entries.into_iter().map(object).collect()),
        Value::Dictionary(entries) => {
            let mut dictionary = Dictionary::new();
            for (key, value) in entries {
                dictionary.set(key, object(value));
            }
            Object::Dictionary(dictionary)
        }
        Value::Reference(number, generation) => Object::Reference((number, generation)),
        Value::Other => Object::Null,
    }
}
