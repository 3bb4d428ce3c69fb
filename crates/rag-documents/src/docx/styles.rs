//! What the styles of paragraphs and characters say: headings, numbering, hidden text.

use std::collections::HashMap;

use super::space::Space;
use super::xml::Xml;
use crate::document::DocumentError;

/// Styles based on styles: longer chains are loops.
const LONGEST_CHAIN: usize = 16;
/// Styles of a document: Word itself stops at some thousands.
const MOST: usize = 65_536;

/// The styles of a document.
#[derive(Default)]
pub(crate) struct Styles {
    by_id: HashMap<String, Style>,
    /// The style of paragraphs that name none.
    usual: Option<String>,
}

#[derive(Default)]
struct Style {
    name: String,
    based_on: Option<String>,
    /// 0 is the outermost heading, 9 is body text (ECMA-376-1, 17.3.1.20).
    outline: Option<u8>,
    list: Option<i64>,
    list_level: Option<u8>,
    hidden: Option<bool>,
}

impl Styles {
    /// Reads a styles part, at whose root `xml` stands.
    ///
    /// # Errors
    /// When it is broken or too large.
    pub(crate) fn read(xml: &mut Xml<'_>) -> Result<Self, DocumentError> {
        let mut styles = Self::default();
        xml.children(|xml| {
            if (xml.space(), xml.name()) != (Space::Word, "style") {
                return Ok(());
            }
            let Some(id) = xml.attribute("styleId").map(|id| id.into_owned()) else {
                return Ok(());
            };
            let usual =
                xml.attribute("default").is_some_and(|on| matches!(&*on, "1" | "true" | "on"));
            if usual && xml.attribute("type").is_some_and(|kind| kind == "paragraph") {
                styles.usual = Some(id.clone());
            }
            let style = Style::read(xml)?;
            if styles.by_id.len() >= MOST {
                return Err(DocumentError::TooLarge(format!("more than {MOST} styles")));
            }
            styles.by_id.insert(id, style);
            Ok(())
        })?;
        Ok(styles)
    }

    /// The style of paragraphs that name none.
    pub(crate) fn usual(&self) -> Option<&str> {
        self.usual.as_deref()
    }

    /// A style and those it is based on, nearest first, with their ids.
    fn chain<'a>(&'a self, id: &'a str) -> impl Iterator<Item = (&'a str, &'a Style)> {
        let mut next = Some(id);
        let chain = std::iter::from_fn(move || {
            let id = next?;
            let style = self.by_id.get(id)?;
            next = style.based_on.as_deref();
            Some((id, style))
        });
        chain.take(LONGEST_CHAIN)
    }

    /// The heading level of a style, 1 being the outermost; `None` for body text.
    pub(crate) fn heading_level(&self, id: &str) -> Option<u8> {
        if !self.by_id.contains_key(id) {
            return level_by_name(id);
        }
        for (_, style) in self.chain(id) {
            if let Some(outline) = style.outline {
                return (outline < 9).then_some(outline + 1);
            }
            if let Some(level) = level_by_name(&style.name) {
                return Some(level);
            }
        }
        None
    }

    /// The list and the level in it that a style puts its paragraphs into. Either may stand in a
    /// style of its own.
    pub(crate) fn list(&self, id: &str) -> (Option<i64>, Option<u8>) {
        let list = self.chain(id).find_map(|(_, style)| style.list);
        (list, self.chain(id).find_map(|(_, style)| style.list_level))
    }

    /// The ids of a style and those it is based on, nearest first.
    pub(crate) fn ids<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a str> {
        self.chain(id).map(|(id, _)| id)
    }

    /// Whether a style hides its text; `None` when it does not say.
    pub(crate) fn hidden(&self, id: &str) -> Option<bool> {
        self.chain(id).find_map(|(_, style)| style.hidden)
    }

    /// Whether a style is one for the entries of a table of contents, which repeats the headings.
    pub(crate) fn is_contents(&self, id: &str) -> bool {
        let name = self.by_id.get(id).map_or(id, |style| style.name.as_str()).to_lowercase();
        let level = ["toc", "contents", "目录"].iter().find_map(|of| name.strip_prefix(of));
        level.is_some_and(|level| matches!(level.trim_start().as_bytes(), [b'1'..=b'9']))
    }
}

impl Style {
    fn read(xml: &mut Xml<'_>) -> Result<Self, DocumentError> {
        let mut style = Self::default();
        xml.children(|xml| {
            match (xml.space(), xml.name()) {
                (Space::Word, "name") => style.name = xml.value().unwrap_or_default().into_owned(),
                (Space::Word, "basedOn") => style.based_on = xml.value().map(|id| id.into_owned()),
                (Space::Word, "pPr") => style.paragraph(xml)?,
                (Space::Word, "rPr") => xml.children(|xml| {
                    if (xml.space(), xml.name()) == (Space::Word, "vanish") {
                        style.hidden = Some(xml.on());
                    }
                    Ok(())
                })?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(style)
    }

    fn paragraph(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        xml.children(|xml| {
            match (xml.space(), xml.name()) {
                (Space::Word, "outlineLvl") => self.outline = level(xml),
                (Space::Word, "numPr") => {
                    let (list, list_level) = numbering(xml)?;
                    self.list = list;
                    self.list_level = list_level;
                }
                _ => {}
            }
            Ok(())
        })
    }
}

/// The level in `val`, at most 9 (17.9.3 and 17.3.1.20).
pub(crate) fn level(xml: &Xml<'_>) -> Option<u8> {
    xml.number().and_then(|level| u8::try_from(level).ok()).filter(|level| *level <= 9)
}

/// The list and the level in it of a `numPr` (17.3.1.19).
///
/// # Errors
/// Those of [`Xml::next`].
pub(crate) fn numbering(xml: &mut Xml<'_>) -> Result<(Option<i64>, Option<u8>), DocumentError> {
    let (mut list, mut list_level) = (None, None);
    xml.children(|xml| {
        match (xml.space(), xml.name()) {
            (Space::Word, "numId") => list = xml.number(),
            (Space::Word, "ilvl") => list_level = level(xml),
            _ => {}
        }
        Ok(())
    })?;
    Ok((list, list_level))
}

/// The level in a style's name, as word processors of several languages write it.
fn level_by_name(name: &str) -> Option<u8> {
    const WORDS: [&str; 12] = [
        "heading",
        "标题",
        "標題",
        "überschrift",
        "titre",
        "título",
        "titolo",
        "見出し",
        "제목",
        "заголовок",
        "kop",
        "nagłówek",
    ];
    let name = name.to_lowercase();
    let rest = WORDS.iter().find_map(|word| name.strip_prefix(word))?;
    let level: u8 = rest.trim_matches([' ', '_', '-', '\u{3000}']).parse().ok()?;
    (1..=9).contains(&level).then_some(level)
}

#[cfg(test)]
mod tests {
    use super::super::xml::tests::over;
    use super::*;

    fn styles(inner: &str) -> Styles {
        let text = format!(r#"<w:styles xmlns:w="w">{inner}</w:styles>"#);
        let mut xml = over(&text);
        xml.root().unwrap();
        Styles::read(&mut xml).unwrap()
    }

    #[test]
    fn headings_are_known_by_outline_by_name_and_by_what_they_are_based_on() {
        let styles = styles(
            r#"<w:style w:styleId="1"><w:name w:val="heading 1"/></w:style>
              <w:style w:styleId="a"><w:name w:val="标题 2"/></w:style>
              <w:style w:styleId="own"><w:name w:val="Chapter"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>
              <w:style w:styleId="child"><w:name w:val="Child"/><w:basedOn w:val="own"/></w:style>
              <w:style w:styleId="body"><w:name w:val="Body"/><w:basedOn w:val="own"/><w:pPr><w:outlineLvl w:val="9"/></w:pPr></w:style>
              <w:style w:styleId="loop"><w:name w:val="Loop"/><w:basedOn w:val="loop"/></w:style>
              <w:style w:styleId="t"><w:name w:val="toc 1"/></w:style>
              <w:style w:styleId="title"><w:name w:val="TOC Heading"/></w:style>"#,
        );
        for (id, level) in [
            ("1", Some(1)),
            ("a", Some(2)),
            ("own", Some(3)),
            ("child", Some(3)),
            ("body", None),
            ("loop", None),
            ("Heading4", Some(4)),
            ("Normal", None),
        ] {
            assert_eq!(styles.heading_level(id), level, "{id}");
        }
        assert!(styles.is_contents("t") && styles.is_contents("TOC2"));
        assert!(!styles.is_contents("1") && !styles.is_contents("title"));
    }

    #[test]
    fn list_and_hiding_come_down_the_chain_each_on_its_own() {
        let styles = styles(
            r#"<w:style w:type="paragraph" w:default="1" w:styleId="n"><w:name w:val="Normal"/></w:style>
              <w:style w:styleId="list"><w:pPr><w:numPr><w:numId w:val="4"/></w:numPr></w:pPr><w:rPr><w:vanish/></w:rPr></w:style>
              <w:style w:styleId="second"><w:basedOn w:val="list"/><w:pPr><w:numPr><w:ilvl w:val="1"/></w:numPr></w:pPr>
                <w:rPr><w:vanish w:val="0"/></w:rPr></w:style>"#,
        );
        assert_eq!(styles.list("second"), (Some(4), Some(1)));
        assert_eq!(styles.list("list"), (Some(4), None));
        assert_eq!(styles.hidden("second"), Some(false));
        assert_eq!(styles.hidden("list"), Some(true));
        assert_eq!(styles.usual(), Some("n"));
    }
}
