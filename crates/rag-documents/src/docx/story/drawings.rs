//! What stands beside the text: boxes, pictures, charts, diagrams, objects.

use std::mem::take;

use super::Story;
use crate::document::DocumentError;
use crate::docx::graphics;
use crate::docx::left_out::LeftOut;
use crate::docx::space::Space;
use crate::docx::xml::Xml;

/// The pictures of a drawing.
#[derive(Default)]
pub(super) struct Images {
    count: usize,
    /// What they show, in words.
    description: Option<String>,
}

impl Story<'_> {
    pub(super) fn drawing(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        if self.hidden() {
            return Ok(());
        }
        let outer = take(&mut self.images);
        let read = xml.children(|xml| self.element(xml));
        let Images { count, description } = std::mem::replace(&mut self.images, outer);
        read?;
        match description {
            Some(words) if count > 0 => self.push_beside(&words),
            _ => (0..count).try_for_each(|_| self.leave_out(LeftOut::Image)),
        }
    }

    /// An element that may say in words what a picture shows.
    pub(super) fn described(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        let words = xml.attribute("descr").or_else(|| xml.attribute("alt"));
        if let Some(words) = words.as_deref().and_then(description) {
            self.images.description = Some(words);
        }
        xml.children(|xml| self.element(xml))
    }

    pub(super) fn picture(&mut self) -> Result<(), DocumentError> {
        self.images.count += 1;
        self.pieces += 1;
        Ok(())
    }

    /// Words drawn in a shape of their own.
    pub(super) fn word_art(&mut self, xml: &Xml<'_>) -> Result<(), DocumentError> {
        let words = xml.attribute("string").unwrap_or_default().into_owned();
        self.push_beside(&words)
    }

    /// A paragraph of a shape that is no text box.
    pub(super) fn drawn_words(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        let words = graphics::words(xml)?;
        self.push_beside(&words)
    }

    /// An object of another program, with a picture of it.
    pub(super) fn object(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        let mut what = LeftOut::Object;
        xml.children(|xml| {
            match (xml.space(), xml.name()) {
                (Space::Office, "OLEObject") => {
                    let program = xml.attribute("ProgID").unwrap_or_default();
                    if program.starts_with("Equation") || program.starts_with("MathType") {
                        what = LeftOut::EquationObject;
                    }
                }
                (Space::Word, "control") => what = LeftOut::Control,
                _ => {}
            }
            Ok(())
        })?;
        self.leave_out(what)
    }

    /// A chart or a diagram: its words are in a part of their own.
    pub(super) fn graphic(&mut self, xml: &Xml<'_>) -> Result<(), DocumentError> {
        if self.hidden() {
            return Ok(());
        }
        let chart = xml.space() == Space::Chart;
        let what = if chart { LeftOut::Chart } else { LeftOut::Diagram };
        let id = xml.attribute(if chart { "id" } else { "dm" });
        let part = id.and_then(|id| self.relations.target(&id)).map(str::to_owned);
        let Some(part) = part else { return self.leave_out(what) };
        if !self.graphics.insert(part.clone()) {
            return Ok(());
        }
        let container = self.shared.container;
        let read = if chart { graphics::chart } else { graphics::diagram };
        match container.part(&part, read) {
            Ok(Some(lines)) => lines.iter().try_for_each(|line| self.push_beside(line)),
            Ok(None) | Err(_) => self.leave_out(what),
        }
    }

    /// A box with paragraphs of its own, which follow the one it belongs to. A heading in it is
    /// none of the document's.
    pub(super) fn text_box(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        if self.hidden() {
            return Ok(());
        }
        let outer = (take(&mut self.place), take(&mut self.paragraph), take(&mut self.cells));
        let (run, images) = (take(&mut self.run), take(&mut self.images));
        let fields = self.fields.depth();
        let read = xml.children(|xml| self.element(xml)).and_then(|()| self.flush());
        self.fields.leave(fields);
        let place = std::mem::replace(&mut self.place, outer.0);
        (self.paragraph, self.cells) = (outer.1, outer.2);
        (self.run, self.images) = (run, images);
        read?;
        for mut line in place.lines {
            line.heading = None;
            self.paragraph.boxes.push(line);
        }
        Ok(())
    }
}

/// What an author wrote about a picture; `None` for the names of files and what programs fill in.
fn description(words: &str) -> Option<String> {
    const FILES: [&str; 11] =
        [".png", ".jpg", ".jpeg", ".gif", ".bmp", ".emf", ".wmf", ".svg", ".tif", ".tiff", ".webp"];
    const FILLED_IN: [&str; 2] = ["Description automatically generated", "描述已自动生成"];
    const NAMES: [&str; 8] = ["image", "picture", "img", "photo", "graphic", "图片", "图像", "图"];
    let mut words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    for ending in FILLED_IN {
        if let Some(rest) = words.strip_suffix(ending) {
            words = rest.trim_end().to_owned();
        }
    }
    let lower = words.to_lowercase();
    let file = FILES.iter().any(|ending| lower.ends_with(ending)) && !lower.contains(". ");
    let counted =
        lower.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, ' ' | '_' | '-'));
    (!words.is_empty() && !file && !NAMES.contains(&counted)).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::description;

    #[test]
    fn only_what_an_author_wrote_describes_a_picture() {
        for (words, expected) in [
            ("A red badge.", Some("A red badge.")),
            ("A badge\n\nDescription automatically generated", Some("A badge")),
            ("门禁卡的\n照片", Some("门禁卡的 照片")),
            ("C:\\Users\\me\\logo.PNG", None),
            ("IMG_0256", None),
            ("图片 1", None),
            ("Picture", None),
            ("  ", None),
        ] {
            assert_eq!(description(words).as_deref(), expected, "{words}");
        }
    }
}
