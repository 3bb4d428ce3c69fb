//! DOCX: one section per heading.

mod container;
mod encoding;
mod fields;
mod graphics;
mod kind;
mod left_out;
mod line;
mod math;
mod notes;
mod numbering;
mod ole;
mod outline;
mod relations;
mod space;
mod story;
mod styles;
mod xml;

use rag_core::{Date, Section};

use crate::date;
use crate::document::{Document, DocumentError};
use crate::format::Format;
use crate::limits::Limits;
use container::Container;
use fields::Fields;
use left_out::Counts;
use line::NoteKind;
use notes::Notes;
use numbering::Definitions;
pub(crate) use ole::kind as ole_kind;
use outline::Outline;
use relations::Relations;
use space::Space;
use story::{Shared, Story};
use styles::Styles;
use xml::Xml;

pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, DocumentError> {
    let container = Container::open(bytes, limits)?;
    let main = kind::main_part(&container)?;
    let mut warnings = Vec::new();
    let parts = Parts {
        relations: attempt(Relations::of(&container, &main), "relationships", &mut warnings)?,
        container: &container,
        main: &main,
    };
    let styles = parts.read(&["styles", "stylesWithEffects"], Styles::read);
    let numbering = parts.read(&["numbering"], Definitions::read);
    let styles = attempt(styles, "styles", &mut warnings)?;
    if styles.is_none() && warnings.is_empty() {
        warnings.push("it has no styles, so its headings are not known".to_owned());
    }
    let shared = Shared {
        container: &container,
        styles: styles.unwrap_or_default(),
        numbering: attempt(numbering, "numbering", &mut warnings)?.unwrap_or_default(),
        limits,
    };
    let mut left_out = Counts::default();
    let mut notes = Notes::default();
    for (kind, name) in [(NoteKind::Footnote, "footnotes"), (NoteKind::Endnote, "endnotes")] {
        let read = parts.notes(&shared, kind, name, &mut notes, &mut left_out);
        attempt(read, name, &mut warnings)?;
    }
    let sections = parts.sections(&shared, &notes, &mut left_out, &mut warnings)?;
    warnings.extend(left_out.warnings());
    let date = modified(&container).unwrap_or_default();
    if sections.iter().all(|section| section.text.is_empty()) {
        warnings.push("it has no text".to_owned());
    }
    Ok(Document { format: Format::Docx, date, sections, warnings, pages: Vec::new() })
}

/// The day in the container's core properties (ECMA-376-2, 8.3.4).
fn modified(container: &Container<'_>) -> Result<Option<Date>, DocumentError> {
    /// A date and time has a few characters.
    const MOST: usize = 64;
    let name = Relations::of(container, "")?
        .of_kind("core-properties")
        .filter(|part| container.has(part))
        .unwrap_or("docProps/core.xml")
        .to_owned();
    let mut found = None;
    container.part(&name, |xml| {
        xml.children(|xml| {
            if xml.name() == "modified" {
                found = date::of_iso(&xml.inner_text(MOST)?);
            }
            Ok(())
        })
    })?;
    Ok(found)
}

/// What was read of a part that the text can be read without; a warning when it is broken.
fn attempt<T: Default>(
    read: Result<T, DocumentError>,
    what: &str,
    warnings: &mut Vec<String>,
) -> Result<T, DocumentError> {
    match read {
        Err(DocumentError::Broken(why)) => {
            warnings.push(format!("its {what} cannot be read ({why})"));
            Ok(T::default())
        }
        read => read,
    }
}

/// The parts that belong to the main part.
struct Parts<'a> {
    container: &'a Container<'a>,
    main: &'a str,
    relations: Relations,
}

impl Parts<'_> {
    /// The name of the part of a kind: where the main part says, else where programs put it.
    fn name(&self, kind: &str) -> Option<String> {
        let (folder, _) = self.main.rsplit_once('/').unwrap_or_default();
        let named = self.relations.of_kind(kind).filter(|part| self.container.has(part));
        let usual = || {
            let name = format!("{folder}/{kind}.xml");
            self.container.has(&name).then_some(name)
        };
        named.map(str::to_owned).or_else(usual)
    }

    /// Reads the part of the first of these kinds that is there.
    fn read<T>(
        &self,
        kinds: &[&str],
        read: impl FnOnce(&mut Xml<'_>) -> Result<T, DocumentError>,
    ) -> Result<Option<T>, DocumentError> {
        match kinds.iter().find_map(|kind| self.name(kind)) {
            Some(name) => self.container.part(&name, read),
            None => Ok(None),
        }
    }

    fn notes(
        &self,
        shared: &Shared<'_>,
        kind: NoteKind,
        name: &str,
        notes: &mut Notes,
        left_out: &mut Counts,
    ) -> Result<(), DocumentError> {
        let Some(part) = self.name(name) else { return Ok(()) };
        let relations = Relations::of(self.container, &part)?;
        let mut story = Story::new(shared, relations, Fields::default());
        self.container.part(&part, |xml| notes.read(kind, &mut story, xml))?;
        left_out.add_all(story.left_out());
        Ok(())
    }

    fn sections(
        &self,
        shared: &Shared<'_>,
        notes: &Notes,
        left_out: &mut Counts,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<Section>, DocumentError> {
        let (sections, counts, open) = self.body(shared, notes, Fields::default())?;
        if !open {
            left_out.add_all(&counts);
            return Ok(sections);
        }
        warnings.push("a field of it never ends, so field codes may stand in the text".to_owned());
        let (sections, counts, _) = self.body(shared, notes, Fields::ignored())?;
        left_out.add_all(&counts);
        Ok(sections)
    }

    /// The sections of the main part, what was left out, and whether a field was open at the end.
    fn body(
        &self,
        shared: &Shared<'_>,
        notes: &Notes,
        fields: Fields,
    ) -> Result<(Vec<Section>, Counts, bool), DocumentError> {
        let mut story = Story::new(shared, self.relations.clone(), fields);
        let mut outline = Outline::new(notes);
        self.container.part(self.main, |xml| {
            if (xml.space(), xml.name()) != (Space::Word, "document") {
                return Err(DocumentError::WrongType(kind::of_root(xml.name())));
            }
            xml.children(|xml| {
                xml.children(|xml| {
                    story.element(xml)?;
                    story.ready_lines().for_each(|line| outline.add(line));
                    Ok(())
                })
            })
        })?;
        story.take_lines()?.into_iter().for_each(|line| outline.add(line));
        Ok((outline.finish(), story.left_out().clone(), story.is_in_field()))
    }
}
