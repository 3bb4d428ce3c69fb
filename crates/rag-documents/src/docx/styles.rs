//! Which paragraph styles are headings.

use std::collections::HashMap;

use super::xml::{self, Event};
use crate::document::DocumentError;
use crate::limits::Limits;

/// Styles based on styles: longer chains are loops.
const LONGEST_CHAIN: usize = 16;

/// The styles of a document.
#[derive(Default)]
pub(crate) struct Styles {
    by_id: HashMap<String, Style>,
}

#[derive(Default)]
struct Style {
    name: String,
    based_on: Option<String>,
    /// 0 is the outermost heading, 9 is body text (ECMA-376-1, 17.3.1.20).
    outline: Option<u8>,
}

impl Styles {
    pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Self, DocumentError> {
        let mut styles = Self::default();
        let mut current: Option<(String, Style)> = None;
        xml::each(bytes, limits, |event| {
            match event {
                Event::Open(element) => {
                    let value = || element.attribute("val");
                    match (element.name().as_str(), &mut current) {
                        ("style", _) => {
                            current = element.attribute("styleId").map(|id| (id, Style::default()));
                        }
                        ("name", Some((_, style))) => style.name = value().unwrap_or_default(),
                        ("basedOn", Some((_, style))) => style.based_on = value(),
                        ("outlineLvl", Some((_, style))) => {
                            style.outline = value().and_then(|v| v.parse().ok());
                        }
                        _ => {}
                    }
                }
                Event::Close(name) if name == "style" => {
                    if let Some((id, style)) = current.take() {
                        styles.by_id.insert(id, style);
                    }
                }
                Event::Close(_) | Event::Text(_) => {}
            }
            Ok(())
        })?;
        Ok(styles)
    }

    /// The heading level of a style, 1 being the outermost; `None` for body text.
    pub(crate) fn heading_level(&self, id: &str) -> Option<u8> {
        let mut id = id;
        for _ in 0..LONGEST_CHAIN {
            let Some(style) = self.by_id.get(id) else { return level_by_name(id) };
            if let Some(outline) = style.outline {
                return (outline < 9).then_some(outline + 1);
            }
            if let Some(level) = level_by_name(&style.name) {
                return Some(level);
            }
            id = style.based_on.as_deref()?;
        }
        None
    }

    /// Whether a style belongs to a table of contents, which repeats the headings.
    pub(crate) fn is_contents(&self, id: &str) -> bool {
        let name = self.by_id.get(id).map_or(id, |style| style.name.as_str()).to_lowercase();
        name.starts_with("toc") || name.starts_with("contents ") || name.starts_with("目录")
    }
}

/// The level in a style's name, as word processors of several languages write it.
fn level_by_name(name: &str) -> Option<u8> {
    let name = name.to_lowercase();
    let rest = ["heading", "标题", "標題", "überschrift", "titre", "título", "見出し", "제목"]
        .iter()
        .find_map(|word| name.strip_prefix(word))?;
    let level: u8 = rest.trim_matches([' ', '_', '-']).parse().ok()?;
    (1..=9).contains(&level).then_some(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_known_by_outline_by_name_and_by_what_they_are_based_on() {
        let styles = Styles::read(
            r#"<w:styles xmlns:w="w">
              <w:style w:styleId="1"><w:name w:val="heading 1"/></w:style>
              <w:style w:styleId="a"><w:name w:val="标题 2"/></w:style>
              <w:style w:styleId="own"><w:name w:val="Chapter"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>
              <w:style w:styleId="child"><w:name w:val="Child"/><w:basedOn w:val="own"/></w:style>
              <w:style w:styleId="loop"><w:name w:val="Loop"/><w:basedOn w:val="loop"/></w:style>
              <w:style w:styleId="t"><w:name w:val="toc 1"/></w:style>
            </w:styles>"#
                .as_bytes(),
            &Limits::default(),
        )
        .unwrap();
        for (id, level) in [
            ("1", Some(1)),
            ("a", Some(2)),
            ("own", Some(3)),
            ("child", Some(3)),
            ("loop", None),
            ("Heading4", Some(4)),
            ("Normal", None),
        ] {
            assert_eq!(styles.heading_level(id), level, "{id}");
        }
        assert!(styles.is_contents("t") && !styles.is_contents("1"));
    }
}
