//! XML read piece by piece, bounded in depth. Only the five predefined entities and character
//! references are resolved, and a document type definition is refused, so no entity can grow.

use std::borrow::Cow;
use std::io::{self, BufRead};

use quick_xml::events::Event as Raw;
use quick_xml::events::attributes::Attributes;
use quick_xml::{Error, Reader, XmlVersion};

use super::space::{Space, Spaces};
use crate::document::DocumentError;
use crate::limits::Limits;

/// What comes next in a part; the element or the text itself is asked of [`Xml`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Open,
    Close,
    Text,
    End,
}

/// A part while it is read.
pub(crate) struct Xml<'a> {
    part: &'a str,
    reader: Reader<Box<dyn BufRead + 'a>>,
    buffer: Vec<u8>,
    /// Name and attributes of the element opened last, as they are written.
    tag: String,
    /// Where its local name stands in `tag`.
    name: (usize, usize),
    space: Space,
    spaces: Spaces,
    text: String,
    depth: usize,
    most: usize,
    /// Whether the element opened last is written as `<a/>`.
    empty: bool,
}

impl<'a> Xml<'a> {
    pub(crate) fn new(part: &'a str, bytes: Box<dyn BufRead + 'a>, limits: &Limits) -> Self {
        Self {
            part,
            reader: Reader::from_reader(bytes),
            buffer: Vec::new(),
            tag: String::new(),
            name: (0, 0),
            space: Space::Other,
            spaces: Spaces::default(),
            text: String::new(),
            depth: 0,
            most: limits.xml_depth,
            empty: false,
        }
    }

    /// The next event.
    ///
    /// # Errors
    /// When the part is no XML, ends too early, nests too deep or is too large.
    pub(crate) fn next(&mut self) -> Result<Event, DocumentError> {
        if self.empty {
            self.empty = false;
            return Ok(self.closed());
        }
        loop {
            self.buffer.clear();
            let event = match self.reader.read_event_into(&mut self.buffer) {
                Ok(event) => event,
                Err(error) => return Err(failure(self.part, &error)),
            };
            match event {
                Raw::Start(element) => {
                    self.tag.clear();
                    self.tag.push_str(&element);
                    let name = element.name().into_inner().len();
                    return self.opened(name);
                }
                Raw::Empty(element) => {
                    self.tag.clear();
                    self.tag.push_str(&element);
                    let name = element.name().into_inner().len();
                    self.empty = true;
                    return self.opened(name);
                }
                Raw::End(_) => return Ok(self.closed()),
                Raw::Text(text) => {
                    self.text.clear();
                    self.text.push_str(&text.xml10_content());
                    return Ok(Event::Text);
                }
                Raw::CData(text) => {
                    self.text.clear();
                    self.text.push_str(&text.xml10_content());
                    return Ok(Event::Text);
                }
                Raw::GeneralRef(reference) => {
                    self.text.clear();
                    self.text.push(match reference.resolve_char_ref() {
                        Ok(Some(c)) => c,
                        _ => match &*reference {
                            "amp" => '&',
                            "lt" => '<',
                            "gt" => '>',
                            "quot" => '"',
                            "apos" => '\'',
                            _ => char::REPLACEMENT_CHARACTER,
                        },
                    });
                    return Ok(Event::Text);
                }
                Raw::DocType(_) => {
                    let part = self.part;
                    let why =
                        format!("{part} has a document type definition, which is not allowed");
                    return Err(DocumentError::Broken(why));
                }
                Raw::Eof if self.depth > 0 => {
                    let part = self.part;
                    return Err(DocumentError::Broken(format!("{part} ends too early")));
                }
                Raw::Eof => return Ok(Event::End),
                Raw::Decl(_) | Raw::PI(_) | Raw::Comment(_) => {}
            }
        }
    }

    fn opened(&mut self, name: usize) -> Result<Event, DocumentError> {
        self.depth += 1;
        if self.depth > self.most {
            let most = self.most;
            return Err(DocumentError::TooLarge(format!("XML nested more than {most} deep")));
        }
        let colon = self.tag.get(..name).and_then(|name| name.find(':'));
        self.spaces.declare(self.depth, &self.tag, name)?;
        let prefix = self.tag.get(..colon.unwrap_or(0)).unwrap_or_default();
        self.space = self.spaces.of(prefix);
        self.name = (colon.map_or(0, |colon| colon + 1), name);
        Ok(Event::Open)
    }

    fn closed(&mut self) -> Event {
        self.depth = self.depth.saturating_sub(1);
        self.spaces.forget(self.depth);
        Event::Close
    }

    /// The namespace of the element opened last.
    pub(crate) fn space(&self) -> Space {
        self.space
    }

    /// The name of the element opened last, without prefix.
    pub(crate) fn name(&self) -> &str {
        self.tag.get(self.name.0..self.name.1).unwrap_or_default()
    }

    /// The value of an attribute of the element opened last, by its name without prefix.
    pub(crate) fn attribute(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut attributes = Attributes::new(&self.tag, self.name.1);
        // The check for twins takes quadratic time.
        attributes.with_checks(false);
        attributes.filter_map(Result::ok).find_map(|attribute| {
            let key = attribute.key.into_inner();
            let local = key.rsplit_once(':').map_or(key, |(_, local)| local);
            (local == name && !key.starts_with("xmlns"))
                .then(|| attribute.normalized_value(XmlVersion::Implicit1_0).ok())
                .flatten()
        })
    }

    /// The attribute `val`, which most properties have.
    pub(crate) fn value(&self) -> Option<Cow<'_, str>> {
        self.attribute("val")
    }

    /// The attribute `val` as a number.
    pub(crate) fn number(&self) -> Option<i64> {
        self.value().and_then(|value| value.trim().parse().ok())
    }

    /// Whether a property that is on or off is on (ECMA-376-1, 17.17.4).
    pub(crate) fn on(&self) -> bool {
        self.value().is_none_or(|value| !matches!(&*value, "0" | "false" | "off"))
    }

    /// The text met last.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Calls `each` at every element right inside the one opened last. What `each` leaves unread of
    /// it is skipped.
    ///
    /// # Errors
    /// Those of [`Xml::next`] and of `each`.
    pub(crate) fn children(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<(), DocumentError>,
    ) -> Result<(), DocumentError> {
        loop {
            match self.next()? {
                Event::Open => {
                    let inside = self.depth;
                    each(self)?;
                    while self.depth >= inside {
                        self.next()?;
                    }
                }
                Event::Close | Event::End => return Ok(()),
                Event::Text => {}
            }
        }
    }

    /// The text right inside the element opened last, at most `most` bytes of it.
    ///
    /// # Errors
    /// Those of [`Xml::next`].
    pub(crate) fn inner_text(&mut self, most: usize) -> Result<String, DocumentError> {
        let mut text = String::new();
        let inside = self.depth;
        while self.depth >= inside {
            if self.next()? == Event::Text && self.depth == inside && text.len() < most {
                let end = self.text.floor_char_boundary(most - text.len());
                text.push_str(self.text.get(..end).unwrap_or_default());
            }
        }
        Ok(text)
    }

    /// Reads up to the first element and stands at it; `false` when there is none.
    ///
    /// # Errors
    /// Those of [`Xml::next`].
    pub(crate) fn root(&mut self) -> Result<bool, DocumentError> {
        loop {
            match self.next()? {
                Event::Open => return Ok(true),
                Event::End => return Ok(false),
                Event::Close | Event::Text => {}
            }
        }
    }

    /// Reads what is left, so that damage at the end is noticed too.
    ///
    /// # Errors
    /// Those of [`Xml::next`].
    pub(crate) fn finish(&mut self) -> Result<(), DocumentError> {
        while self.next()? != Event::End {}
        Ok(())
    }
}

/// An error of the parser or of the bytes under it. A limit that is reached comes as an I/O error
/// with a kind of its own, as the parser knows no other way.
fn failure(part: &str, error: &Error) -> DocumentError {
    match error {
        Error::Io(e) if e.kind() == io::ErrorKind::FileTooLarge => {
            DocumentError::TooLarge(format!("{part} {e}"))
        }
        Error::Io(e) if e.kind() == io::ErrorKind::InvalidData && e.get_ref().is_none() => {
            DocumentError::Broken(format!("{part} is not in the encoding it declares"))
        }
        Error::Encoding(_) => DocumentError::Broken(format!("{part} is not UTF-8")),
        error => DocumentError::Broken(format!("{part}: {error}")),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The parser over `text`, in a part named `part`.
    pub(crate) fn over(text: &str) -> Xml<'_> {
        Xml::new("part", Box::new(text.as_bytes()), &Limits::default())
    }

    #[test]
    fn what_is_not_read_of_an_element_is_skipped() {
        let mut xml = over("<r><a><b/><c>x</c></a><d v='1&amp;2'/>y</r>");
        assert!(xml.root().unwrap());
        let mut seen = Vec::new();
        xml.children(|xml| {
            seen.push(format!("{}{}", xml.name(), xml.attribute("v").unwrap_or_default()));
            if xml.name() == "a" {
                xml.next()?;
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, ["a", "d1&2"]);
        xml.finish().unwrap();
    }

    #[test]
    fn the_text_inside_is_cut_at_a_character() {
        let mut xml = over("<r>年<b>no</b>假&lt;</r>");
        xml.root().unwrap();
        assert_eq!(xml.inner_text(100).unwrap(), "年假<");
        let mut xml = over("<r>年假</r>");
        xml.root().unwrap();
        assert_eq!(xml.inner_text(4).unwrap(), "年");
    }

    #[test]
    fn many_attributes_cost_no_more_than_their_number() {
        let attributes: String = (0..200_000).map(|i| format!(" a{i}='1'")).collect();
        let text = format!("<r{attributes} val='x'/>");
        let mut xml = over(&text);
        xml.root().unwrap();
        assert_eq!(xml.value().as_deref(), Some("x"));
    }
}
