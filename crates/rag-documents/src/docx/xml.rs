//! XML events, bounded in depth. Only the five predefined entities and character references are
//! resolved: a document type definition is not even read, so no entity can grow.

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event as Raw};

use crate::document::DocumentError;
use crate::limits::Limits;

pub(crate) enum Event<'a> {
    Open(Element<'a>),
    Close(String),
    Text(String),
}

pub(crate) struct Element<'a>(&'a BytesStart<'a>);

impl Element<'_> {
    /// Its name without namespace prefix.
    pub(crate) fn name(&self) -> String {
        local(self.0.name().into_inner())
    }

    /// The value of the attribute with this local name.
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        self.0.attributes().filter_map(Result::ok).find_map(|attribute| {
            (local(attribute.key.into_inner()) == name)
                .then(|| attribute.normalized_value(XmlVersion::Implicit1_0).ok())
                .flatten()
                .map(|value| value.into_owned())
        })
    }
}

fn local(name: impl AsRef<str>) -> String {
    let name = name.as_ref();
    name.rsplit_once(':').map_or(name, |(_, local)| local).to_owned()
}

/// Calls `each` for every element opened and closed and every text between.
pub(crate) fn each(
    bytes: &[u8],
    limits: &Limits,
    mut each: impl FnMut(Event<'_>) -> Result<(), DocumentError>,
) -> Result<(), DocumentError> {
    let broken = |e: quick_xml::Error| DocumentError::Broken(format!("its XML: {e}"));
    let text = std::str::from_utf8(bytes)
        .map_err(|_| DocumentError::Broken("its XML is not UTF-8".to_owned()))?;
    let mut reader = Reader::from_str(text.strip_prefix('\u{FEFF}').unwrap_or(text));
    let mut depth = 0_usize;
    loop {
        match reader.read_event().map_err(broken)? {
            Raw::Start(element) => {
                depth += 1;
                if depth > limits.xml_depth {
                    let most = limits.xml_depth;
                    return Err(DocumentError::TooLarge(format!(
                        "XML nested more than {most} deep"
                    )));
                }
                each(Event::Open(Element(&element)))?;
            }
            Raw::Empty(element) => {
                each(Event::Open(Element(&element)))?;
                each(Event::Close(local(element.name().into_inner())))?;
            }
            Raw::End(element) => {
                depth = depth.saturating_sub(1);
                each(Event::Close(local(element.name().into_inner())))?;
            }
            Raw::Text(text) => each(Event::Text(text.xml10_content().into_owned()))?,
            Raw::CData(text) => each(Event::Text(text.xml10_content().into_owned()))?,
            Raw::GeneralRef(reference) => {
                let resolved = match reference.resolve_char_ref() {
                    Ok(Some(c)) => c.to_string(),
                    _ => match &*reference.xml10_content() {
                        "amp" => "&",
                        "lt" => "<",
                        "gt" => ">",
                        "quot" => "\"",
                        "apos" => "'",
                        _ => "\u{FFFD}",
                    }
                    .to_owned(),
                };
                each(Event::Text(resolved))?;
            }
            Raw::Eof if depth > 0 => {
                return Err(DocumentError::Broken("its XML ends too early".to_owned()));
            }
            Raw::Eof => return Ok(()),
            Raw::Decl(_) | Raw::PI(_) | Raw::Comment(_) | Raw::DocType(_) => {}
        }
    }
}
