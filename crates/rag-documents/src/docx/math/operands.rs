//! The parts of a mathematical object, with its properties.

use super::sequence;
use crate::document::DocumentError;
use crate::docx::space::Space;
use crate::docx::xml::Xml;

/// Bytes of a property's value: they are characters and words.
const LONGEST_VALUE: usize = 16;

/// What an object consists of.
pub(super) struct Operands {
    properties: Vec<(String, Option<String>)>,
    operands: Vec<(String, String)>,
}

impl Operands {
    /// Reads the object at whose beginning `xml` stands.
    ///
    /// # Errors
    /// Those of [`Xml::next`].
    pub(super) fn read(xml: &mut Xml<'_>) -> Result<Self, DocumentError> {
        let mut read = Self { properties: Vec::new(), operands: Vec::new() };
        xml.children(|xml| {
            let name = xml.name();
            if xml.space() != Space::Math || name == "ctrlPr" {
                return Ok(());
            }
            if name.ends_with("Pr") {
                return xml.children(|xml| {
                    let value = xml.value().map(|value| value.into_owned());
                    if value.as_ref().is_none_or(|value| value.len() <= LONGEST_VALUE) {
                        read.properties.push((xml.name().to_owned(), value));
                    }
                    Ok(())
                });
            }
            let name = name.to_owned();
            read.operands.push((name, sequence(xml)?));
            Ok(())
        })?;
        Ok(read)
    }

    /// The first operand of this name; empty when there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.operands.iter().find(|(own, _)| own == name);
        found.map_or("", |(_, text)| text.as_str())
    }

    /// All operands of this name.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let own = self.operands.iter().filter(|(own, _)| own == name);
        own.map(|(_, text)| text.trim()).collect()
    }

    /// A property's value. A character that is left out on purpose is empty.
    pub(super) fn property(&self, name: &str) -> Option<&str> {
        let found = self.properties.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_deref().unwrap_or_default())
    }

    /// Whether a property that is on or off is on; absent ones are off.
    pub(super) fn on(&self, name: &str) -> bool {
        let found = self.properties.iter().find(|(own, _)| own == name);
        found.is_some_and(|(_, value)| !is_off(value.as_deref()))
    }

    /// Whether a property says that something is off.
    pub(super) fn off(&self, name: &str) -> bool {
        let found = self.properties.iter().find(|(own, _)| own == name);
        found.is_some_and(|(_, value)| is_off(value.as_deref()))
    }
}

fn is_off(value: Option<&str>) -> bool {
    matches!(value, Some("0" | "off" | "false"))
}
