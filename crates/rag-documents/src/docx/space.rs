//! The namespaces of Office Open XML, transitional and strict.

use quick_xml::XmlVersion;
use quick_xml::events::attributes::Attributes;

use crate::document::DocumentError;

/// Declarations that may hold at once: real documents have about forty.
const MOST: usize = 256;

/// What an element's namespace is, as far as a reader cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Space {
    /// WordprocessingML, usually `w:`.
    Word,
    /// Office Math, usually `m:`.
    Math,
    /// DrawingML, usually `a:`.
    Drawing,
    /// Where a drawing stands in a text, usually `wp:`.
    Placement,
    /// Pictures, usually `pic:`.
    Picture,
    /// Charts, usually `c:`, and newer kinds of charts, usually `cx:`.
    Chart,
    /// Diagrams, usually `dgm:`.
    Diagram,
    /// Alternatives for older programs, usually `mc:`.
    Compatibility,
    /// The older drawings, usually `v:`.
    Vml,
    /// Objects in older drawings, usually `o:`.
    Office,
    Other,
}

impl Space {
    /// By what the namespace's address ends with: the strict and the transitional one differ before.
    fn of_address(address: &str) -> Option<Self> {
        const ADDRESSES: [(&str, Space); 15] = [
            ("/wordprocessingml/2006/main", Space::Word),
            ("/wordprocessingml/main", Space::Word),
            ("/officeDocument/2006/math", Space::Math),
            ("/officeDocument/math", Space::Math),
            ("/drawingml/2006/main", Space::Drawing),
            ("/drawingml/main", Space::Drawing),
            ("/wordprocessingDrawing", Space::Placement),
            ("/picture", Space::Picture),
            ("/chart", Space::Chart),
            ("/chartex", Space::Chart),
            ("/diagram", Space::Diagram),
            ("/markup-compatibility/2006", Space::Compatibility),
            (":vml", Space::Vml),
            ("office:office", Space::Office),
            ("/wordml", Space::Other),
        ];
        ADDRESSES.iter().find(|(end, _)| address.ends_with(end)).map(|(_, space)| *space)
    }

    /// By the usual prefix, where the address says nothing.
    fn of_prefix(prefix: &str) -> Self {
        match prefix {
            "w" => Self::Word,
            "m" => Self::Math,
            "a" => Self::Drawing,
            "wp" => Self::Placement,
            "pic" => Self::Picture,
            "c" | "cx" => Self::Chart,
            "dgm" => Self::Diagram,
            "mc" => Self::Compatibility,
            "v" => Self::Vml,
            "o" => Self::Office,
            _ => Self::Other,
        }
    }
}

/// The declarations that hold where a parser stands.
#[derive(Default)]
pub(crate) struct Spaces {
    bound: Vec<(usize, String, Space)>,
}

impl Spaces {
    /// Takes in the declarations of an element at `depth`; its name ends at byte `name` of `tag`.
    ///
    /// # Errors
    /// When there are absurdly many.
    pub(crate) fn declare(
        &mut self,
        depth: usize,
        tag: &str,
        name: usize,
    ) -> Result<(), DocumentError> {
        if !tag.contains("xmlns") {
            return Ok(());
        }
        let mut attributes = Attributes::new(tag, name);
        attributes.with_checks(false);
        for attribute in attributes.filter_map(Result::ok) {
            let key = attribute.key.into_inner();
            let Some(prefix) = key.strip_prefix("xmlns") else { continue };
            let prefix = match prefix.strip_prefix(':') {
                Some(prefix) => prefix,
                None if prefix.is_empty() => "",
                None => continue,
            };
            if self.bound.len() >= MOST {
                let why = format!("more than {MOST} namespaces at once");
                return Err(DocumentError::TooLarge(why));
            }
            let address = attribute.normalized_value(XmlVersion::Implicit1_0).unwrap_or_default();
            let space = Space::of_address(&address).unwrap_or_else(|| Space::of_prefix(prefix));
            self.bound.push((depth, prefix.to_owned(), space));
        }
        Ok(())
    }

    /// Drops the declarations of elements deeper than `depth`.
    pub(crate) fn forget(&mut self, depth: usize) {
        while self.bound.last().is_some_and(|(at, ..)| *at > depth) {
            self.bound.pop();
        }
    }

    pub(crate) fn of(&self, prefix: &str) -> Space {
        let bound = self.bound.iter().rev().find(|(_, bound, _)| bound == prefix);
        bound.map_or_else(|| Space::of_prefix(prefix), |(.., space)| *space)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_known_by_its_address_then_by_its_prefix() {
        let mut spaces = Spaces::default();
        let tag = r#"x:document xmlns:x="http://purl.oclc.org/ooxml/wordprocessingml/main"
            xmlns="http://schemas.openxmlformats.org/wordprocessingml/2006/main"
            xmlns:w="http://schemas.microsoft.com/office/word/2010/wordml" xmlns:a="unheard:of""#;
        spaces.declare(1, tag, 10).unwrap();
        for (prefix, space) in [
            ("x", Space::Word),
            ("", Space::Word),
            ("w", Space::Other),
            ("a", Space::Drawing),
            ("m", Space::Math),
            ("q", Space::Other),
        ] {
            assert_eq!(spaces.of(prefix), space, "{prefix}");
        }
        spaces.declare(2, r#"p xmlns="urn:other""#, 1).unwrap();
        assert_eq!(spaces.of(""), Space::Other);
        spaces.forget(1);
        assert_eq!(spaces.of(""), Space::Word);
    }

    #[test]
    fn absurdly_many_namespaces_are_too_large() {
        let tag: String = (0..2_000).map(|i| format!(" xmlns:n{i}='x'")).collect();
        assert!(Spaces::default().declare(1, &tag, 0).is_err());
    }
}
