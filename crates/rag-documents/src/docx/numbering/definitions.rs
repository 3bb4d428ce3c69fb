//! What a document says about its lists: the numbering part.

use std::collections::HashMap;

use super::formats::Format;
use crate::document::DocumentError;
use crate::docx::space::Space;
use crate::docx::styles::{Styles, level as level_number};
use crate::docx::xml::Xml;

/// Levels of a list.
pub(super) const LEVELS: usize = 9;
/// Lists of a document: more are no document's.
const MOST: usize = 65_536;
/// Bytes of the pattern of a number.
const LONGEST_PATTERN: usize = 128;
/// Lists that take their levels from the list of a style: longer chains are loops.
const LONGEST_CHAIN: usize = 8;

/// The lists of a document.
#[derive(Default)]
pub(crate) struct Definitions {
    patterns: HashMap<i64, Pattern>,
    lists: HashMap<i64, List>,
}

/// An abstract list: what its levels look like.
#[derive(Default)]
pub(super) struct Pattern {
    levels: Vec<Option<Level>>,
    /// The style whose list has the levels of this one.
    style: Option<String>,
}

/// A list that paragraphs name: a pattern, and where it differs from it.
#[derive(Default)]
pub(super) struct List {
    pattern: i64,
    starts: Vec<(u8, i64)>,
    levels: Vec<Option<Level>>,
}

#[derive(Debug, Clone)]
pub(super) struct Level {
    pub(super) start: i64,
    pub(super) format: Format,
    /// The text with `%1` where the number of the first level goes.
    pub(super) text: String,
    pub(super) picture: bool,
    pub(super) close: bool,
    /// The level, counted from 1, whose paragraphs restart this one; 0 for none.
    pub(super) restart: Option<i64>,
    /// Whether all levels are shown as 1, 2, 3.
    pub(super) legal: bool,
    style: Option<String>,
}

/// A list as paragraphs use it.
pub(super) struct Resolved<'a> {
    /// What counts together.
    pub(super) pattern: i64,
    list: &'a List,
    levels: &'a [Option<Level>],
}

impl Definitions {
    /// Reads a numbering part, at whose root `xml` stands.
    ///
    /// # Errors
    /// When it is broken or too large.
    pub(crate) fn read(xml: &mut Xml<'_>) -> Result<Self, DocumentError> {
        let mut definitions = Self::default();
        xml.children(|xml| {
            if definitions.patterns.len() + definitions.lists.len() >= MOST {
                return Err(DocumentError::TooLarge(format!("more than {MOST} lists")));
            }
            let id = |name: &str| xml.attribute(name).and_then(|id| id.trim().parse().ok());
            match (xml.space(), xml.name()) {
                (Space::Word, "abstractNum") => {
                    if let Some(id) = id("abstractNumId") {
                        definitions.patterns.insert(id, Pattern::read(xml)?);
                    }
                }
                (Space::Word, "num") => {
                    if let Some(id) = id("numId") {
                        definitions.lists.insert(id, List::read(xml)?);
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(definitions)
    }

    /// The list with this id; a pattern that points to a style has the levels of that style's list.
    pub(super) fn resolve(&self, id: i64, styles: &Styles) -> Option<Resolved<'_>> {
        let list = self.lists.get(&id)?;
        let mut pattern = list.pattern;
        for _ in 0..LONGEST_CHAIN {
            let found = self.patterns.get(&pattern)?;
            match &found.style {
                Some(style) if found.levels.is_empty() => {
                    let (next, _) = styles.list(style);
                    pattern = self.lists.get(&next?)?.pattern;
                }
                _ => return Some(Resolved { pattern, list, levels: &found.levels }),
            }
        }
        None
    }
}

impl<'a> Resolved<'a> {
    pub(super) fn level(&self, level: u8) -> Option<&'a Level> {
        let own = self.list.levels.get(usize::from(level)).and_then(Option::as_ref);
        own.or_else(|| self.levels.get(usize::from(level)).and_then(Option::as_ref))
    }

    /// The level that belongs to a paragraph style.
    pub(super) fn level_of_style(&self, style: &str) -> Option<u8> {
        (0..LEVELS as u8).find(|level| {
            self.level(*level).is_some_and(|level| level.style.as_deref() == Some(style))
        })
    }

    /// Where the list says that the numbers of a level begin anew with it.
    pub(super) fn own_start(&self, level: u8) -> Option<i64> {
        self.list.starts.iter().find(|(own, _)| *own == level).map(|(_, start)| *start)
    }
}

impl Pattern {
    fn read(xml: &mut Xml<'_>) -> Result<Self, DocumentError> {
        let mut pattern = Self::default();
        xml.children(|xml| {
            match (xml.space(), xml.name()) {
                (Space::Word, "lvl") => Level::read_into(&mut pattern.levels, xml)?,
                (Space::Word, "numStyleLink") => {
                    pattern.style = xml.value().map(|style| style.into_owned());
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(pattern)
    }
}

impl List {
    fn read(xml: &mut Xml<'_>) -> Result<Self, DocumentError> {
        let mut list = Self::default();
        xml.children(|xml| {
            match (xml.space(), xml.name()) {
                (Space::Word, "abstractNumId") => list.pattern = xml.number().unwrap_or(0),
                (Space::Word, "lvlOverride") => {
                    let level = xml.attribute("ilvl").and_then(|level| level.trim().parse().ok());
                    let Some(level) = level.filter(|level| usize::from(*level) < LEVELS) else {
                        return Ok(());
                    };
                    xml.children(|xml| {
                        match (xml.space(), xml.name()) {
                            (Space::Word, "startOverride") => {
                                list.starts.retain(|(own, _)| *own != level);
                                list.starts.push((level, xml.number().unwrap_or(0)));
                            }
                            (Space::Word, "lvl") => Level::read_into(&mut list.levels, xml)?,
                            _ => {}
                        }
                        Ok(())
                    })?;
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(list)
    }
}

impl Level {
    /// Reads a level to its place.
    fn read_into(levels: &mut Vec<Option<Self>>, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        let place = xml.attribute("ilvl").and_then(|level| level.trim().parse::<usize>().ok());
        let Some(place) = place.filter(|place| *place < LEVELS) else { return Ok(()) };
        let mut level = Self {
            start: 0,
            format: Format::default(),
            text: String::new(),
            picture: false,
            close: false,
            restart: None,
            legal: false,
            style: None,
        };
        xml.children(|xml| level.property(xml))?;
        levels.resize_with(levels.len().max(place + 1), || None);
        if let Some(own) = levels.get_mut(place) {
            *own = Some(level);
        }
        Ok(())
    }

    fn property(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        match (xml.space(), xml.name()) {
            (Space::Word, "start") => self.start = xml.number().unwrap_or(0),
            (Space::Word, "numFmt") => {
                let pattern = xml.attribute("format").unwrap_or_default();
                self.format = Format::named(&xml.value().unwrap_or_default(), &pattern);
            }
            (Space::Word, "lvlText") => {
                let text = xml.value().unwrap_or_default();
                let end = text.floor_char_boundary(LONGEST_PATTERN);
                self.text = text.get(..end).unwrap_or_default().to_owned();
            }
            (Space::Word, "lvlPicBulletId") => self.picture = true,
            (Space::Word, "suff") => self.close = xml.value().is_some_and(|s| s == "nothing"),
            (Space::Word, "lvlRestart") => self.restart = level_number(xml).map(i64::from),
            (Space::Word, "isLgl") => self.legal = xml.on(),
            (Space::Word, "pStyle") => self.style = xml.value().map(|style| style.into_owned()),
            // A newer way to write the format, and the older one for those who do not know it.
            (Space::Compatibility, "AlternateContent") => {
                let mut chosen = false;
                xml.children(|xml| {
                    if chosen {
                        return Ok(());
                    }
                    chosen = true;
                    xml.children(|xml| self.property(xml))
                })?;
            }
            _ => {}
        }
        Ok(())
    }
}
