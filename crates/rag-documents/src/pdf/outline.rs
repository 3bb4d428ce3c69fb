//! The outline of a document: its headings, and the pages they stand on (PDF 1.7, 12.3.3).

use std::collections::{HashMap, HashSet};

use lopdf::{Dictionary, Document as Pdf, Object, ObjectId};

use super::objects::{Objects, as_dictionary};
use super::pages::{Leaf, catalog};
use super::text_string;

/// Levels, and entries, of an outline.
const DEEPEST: usize = 12;
const MOST_ENTRIES: usize = 50_000;

/// An entry of the outline.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// 0 is the outermost.
    pub(crate) level: usize,
    pub(crate) title: String,
    /// Index of the page.
    pub(crate) page: usize,
    /// The height on the page that it leads to (points, growing upwards).
    pub(crate) top: Option<f32>,
}

/// The entries in order, those that lead to no page left out.
pub(crate) fn entries(pdf: &Pdf, pages: &[Leaf<'_>]) -> Vec<Entry> {
    let Some(catalog) = catalog(pdf) else { return Vec::new() };
    let Some(root) = pdf.dictionary(catalog, b"Outlines") else { return Vec::new() };
    let numbers = pages.iter().enumerate().filter_map(|(at, page)| Some((page.id?, at))).collect();
    let mut walk =
        Walk { pdf, catalog, numbers, seen: HashSet::new(), named: None, entries: Vec::new() };
    walk.level(root, 0);
    walk.entries
}

struct Walk<'a> {
    pdf: &'a Pdf,
    catalog: &'a Dictionary,
    numbers: HashMap<ObjectId, usize>,
    seen: HashSet<*const Dictionary>,
    /// Named destinations, read when one is first asked for.
    named: Option<HashMap<Vec<u8>, &'a Object>>,
    entries: Vec<Entry>,
}

impl<'a> Walk<'a> {
    fn level(&mut self, parent: &'a Dictionary, level: usize) {
        let pdf = self.pdf;
        let mut next = pdf.dictionary(parent, b"First");
        while let Some(item) = next {
            let place: *const Dictionary = item;
            if level >= DEEPEST || self.entries.len() >= MOST_ENTRIES || !self.seen.insert(place) {
                return;
            }
            let title = pdf.value(item, b"Title").and_then(|t| t.as_str().ok()).map(text_string);
            let title = title.map(|t| t.split_whitespace().collect::<Vec<_>>().join(" "));
            if let (Some(title), Some((page, top))) =
                (title.filter(|t| !t.is_empty()), self.target(item))
            {
                self.entries.push(Entry { level, title, page, top });
            }
            self.level(item, level + 1);
            next = pdf.dictionary(item, b"Next");
        }
    }

    fn target(&mut self, item: &'a Dictionary) -> Option<(usize, Option<f32>)> {
        let pdf = self.pdf;
        let object = pdf.value(item, b"Dest").or_else(|| {
            let action = pdf.dictionary(item, b"A")?;
            (pdf.name(action, b"S") == Some(b"GoTo")).then(|| pdf.value(action, b"D"))?
        })?;
        let object = match object {
            Object::Name(name) | Object::String(name, _) => self.named(name)?,
            direct => direct,
        };
        let array = match object {
            Object::Array(array) => array,
            Object::Dictionary(dictionary) => pdf.array(dictionary, b"D")?,
            _ => return None,
        };
        let page = match array.first()? {
            Object::Reference(id) => *self.numbers.get(id)?,
            Object::Integer(index) => usize::try_from(*index).ok()?,
            _ => return None,
        };
        let at = match array.get(1).and_then(|kind| kind.as_name().ok()) {
            Some(b"XYZ") => 3,
            Some(b"FitH" | b"FitBH") => 2,
            _ => return Some((page, None)),
        };
        Some((page, array.get(at).and_then(|top| pdf.float(top))))
    }

    fn named(&mut self, name: &[u8]) -> Option<&'a Object> {
        if self.named.is_none() {
            let mut all = HashMap::new();
            let pdf = self.pdf;
            if let Some(old) = pdf.dictionary(self.catalog, b"Dests") {
                all.extend(old.iter().filter_map(|(k, v)| Some((k.clone(), pdf.follow(v)?))));
            }
            if let Some(tree) =
                pdf.dictionary(self.catalog, b"Names").and_then(|n| pdf.dictionary(n, b"Dests"))
            {
                name_tree(pdf, tree, &mut all, 0);
            }
            self.named = Some(all);
        }
        self.named.as_ref()?.get(name).copied()
    }
}

fn name_tree<'a>(
    pdf: &'a Pdf,
    node: &'a Dictionary,
    all: &mut HashMap<Vec<u8>, &'a Object>,
    depth: usize,
) {
    const MOST_NAMES: usize = 500_000;
    if depth > DEEPEST || all.len() > MOST_NAMES {
        return;
    }
    for pair in pdf.array(node, b"Names").map(Vec::as_slice).unwrap_or_default().chunks_exact(2) {
        if let [name, value] = pair
            && let (Some(Object::String(name, _)), Some(value)) =
                (pdf.follow(name), pdf.follow(value))
        {
            all.insert(name.clone(), value);
        }
    }
    for kid in pdf.array(node, b"Kids").map(Vec::as_slice).unwrap_or_default().iter().take(10_000) {
        if let Some(kid) = pdf.follow(kid).and_then(as_dictionary) {
            name_tree(pdf, kid, all, depth + 1);
        }
    }
}
