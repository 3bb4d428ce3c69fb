//! A diagram as a list: each shape's words, under those of the shape it belongs to.

use std::collections::{HashMap, HashSet};

use super::words;
use crate::document::DocumentError;
use crate::docx::space::Space;
use crate::docx::xml::Xml;

/// Shapes of a diagram.
const MOST_SHAPES: usize = 10_000;
/// How deep shapes may belong to shapes.
const DEEPEST: usize = 32;

#[derive(Default)]
struct Diagram {
    /// Id and words, in the order of the file.
    shapes: Vec<(String, String)>,
    /// What belongs to a shape, with its place.
    below: HashMap<String, Vec<(i64, String)>>,
    links: usize,
}

/// The lines of the diagram's data at whose root `xml` stands.
///
/// # Errors
/// When the part is broken or too large.
pub(crate) fn read(xml: &mut Xml<'_>) -> Result<Vec<String>, DocumentError> {
    let mut diagram = Diagram::default();
    diagram.walk(xml)?;
    Ok(diagram.lines())
}

impl Diagram {
    fn walk(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        xml.children(|xml| {
            let own = |name: &str| xml.attribute(name).map(|value| value.into_owned());
            match (xml.space(), xml.name()) {
                (Space::Diagram, "pt") => {
                    let (id, kind) = (own("modelId").unwrap_or_default(), own("type"));
                    // The other kinds say how it is laid out.
                    if matches!(kind.as_deref(), None | Some("node" | "asst" | "doc")) {
                        self.bounded(self.shapes.len())?;
                        let text = words(xml)?;
                        self.shapes.push((id, text));
                    }
                    Ok(())
                }
                (Space::Diagram, "cxn") => {
                    if let (None | Some("parOf"), Some(above), Some(id)) =
                        (own("type").as_deref(), own("srcId"), own("destId"))
                    {
                        self.bounded(self.links)?;
                        self.links += 1;
                        let place = own("srcOrd").and_then(|place| place.parse().ok());
                        self.below.entry(above).or_default().push((place.unwrap_or(0), id));
                    }
                    Ok(())
                }
                _ => self.walk(xml),
            }
        })
    }

    fn bounded(&self, count: usize) -> Result<(), DocumentError> {
        if count < MOST_SHAPES {
            return Ok(());
        }
        Err(DocumentError::TooLarge(format!("a diagram of more than {MOST_SHAPES} shapes")))
    }

    fn lines(mut self) -> Vec<String> {
        self.below.values_mut().for_each(|below| below.sort());
        let placed: HashSet<&str> =
            self.below.values().flatten().map(|(_, id)| id.as_str()).collect();
        let words: HashMap<&str, &str> =
            self.shapes.iter().map(|(id, words)| (id.as_str(), words.as_str())).collect();
        let mut listed =
            Listed { below: &self.below, words: &words, seen: HashSet::new(), lines: Vec::new() };
        let first = self.shapes.iter().filter(|(id, _)| !placed.contains(id.as_str()));
        // Those in a circle belong to each other only: they come last.
        for (id, _) in first.chain(&self.shapes) {
            listed.add(id, 0, 0);
        }
        listed.lines
    }
}

struct Listed<'a> {
    below: &'a HashMap<String, Vec<(i64, String)>>,
    words: &'a HashMap<&'a str, &'a str>,
    seen: HashSet<&'a str>,
    lines: Vec<String>,
}

impl<'a> Listed<'a> {
    fn add(&mut self, id: &'a str, indent: usize, depth: usize) {
        if depth > DEEPEST || !self.seen.insert(id) {
            return;
        }
        let words = self.words.get(id).copied().unwrap_or_default();
        if !words.is_empty() {
            self.lines.push(format!("{}- {words}", "  ".repeat(indent)));
        }
        let indent = indent + usize::from(!words.is_empty());
        let below = self.below;
        for (_, id) in below.get(id).into_iter().flatten() {
            self.add(id, indent, depth + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::xml::tests::over;
    use super::*;

    #[test]
    fn shapes_stand_under_those_they_belong_to() {
        let shape = |id: &str, text: &str| {
            format!(
                "<dgm:pt modelId='{id}'><dgm:t><a:p><a:r><a:t>{text}</a:t></a:r></a:p></dgm:t></dgm:pt>"
            )
        };
        let under = |above: &str, id: &str, place: u8| {
            format!("<dgm:cxn srcId='{above}' destId='{id}' srcOrd='{place}'/>")
        };
        let text = format!(
            "<dgm:dataModel><dgm:ptLst><dgm:pt modelId='0' type='doc'/>{}{}{}<dgm:pt modelId='9' type='pres'><dgm:t><a:p><a:r><a:t>no</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:ptLst>
            <dgm:cxnLst>{}{}{}{}</dgm:cxnLst></dgm:dataModel>",
            shape("1", "second"),
            shape("2", "first"),
            shape("3", "below"),
            under("0", "1", 1),
            under("0", "2", 0),
            under("2", "3", 0),
            under("3", "2", 0),
        );
        let mut xml = over(&text);
        xml.root().unwrap();
        assert_eq!(read(&mut xml).unwrap(), ["- first", "  - below", "- second"]);
    }
}
