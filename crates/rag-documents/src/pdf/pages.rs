//! The pages of a document, with what they inherit and the labels printed on them.

use std::collections::HashSet;

use lopdf::{Dictionary, Document as Pdf, Object, ObjectId};

use super::objects::{Objects, as_dictionary};
use super::text_string;

/// Levels of a page tree; real ones have fewer than ten.
const TALLEST_TREE: usize = 64;
/// The size of a page that does not say it: US Letter, as in other readers.
const LETTER: [f32; 4] = [0.0, 0.0, 612.0, 792.0];

/// A page.
pub(crate) struct Leaf<'a> {
    pub(crate) id: Option<ObjectId>,
    pub(crate) dictionary: &'a Dictionary,
    pub(crate) resources: &'a Dictionary,
    /// What it would have inherited, had it none of its own.
    pub(crate) above: Option<&'a Dictionary>,
    pub(crate) bounds: Bounds,
}

/// The part of the plane that is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) left: f32,
    pub(crate) bottom: f32,
    pub(crate) right: f32,
    pub(crate) top: f32,
}

impl Bounds {
    fn new([x0, y0, x1, y1]: [f32; 4]) -> Self {
        Self { left: x0.min(x1), bottom: y0.min(y1), right: x0.max(x1), top: y0.max(y1) }
    }

    fn within(self, other: Self) -> Self {
        let both = Self {
            left: self.left.max(other.left),
            bottom: self.bottom.max(other.bottom),
            right: self.right.min(other.right),
            top: self.top.min(other.top),
        };
        if both.left < both.right && both.bottom < both.top { both } else { other }
    }

    pub(crate) fn holds(&self, x: f32, y: f32, margin: f32) -> bool {
        x >= self.left - margin
            && x <= self.right + margin
            && y >= self.bottom - margin
            && y <= self.top + margin
    }
}

/// What a node of the tree leaves to those below it (PDF 1.7, 7.7.3.4).
#[derive(Clone, Copy)]
struct Inherited<'a> {
    resources: Option<&'a Dictionary>,
    media: Option<[f32; 4]>,
    crop: Option<[f32; 4]>,
}

/// The pages in order, at most `most` and one more. Where the tree leads nowhere, every page object is one.
pub(crate) fn pages<'a>(pdf: &'a Pdf, empty: &'a Dictionary, most: usize) -> Vec<Leaf<'a>> {
    let mut walk = Walk { pdf, empty, most, seen: HashSet::new(), pages: Vec::new() };
    let none = Inherited { resources: None, media: None, crop: None };
    if let Some(root) = catalog(pdf).and_then(|catalog| catalog.get(b"Pages").ok()) {
        walk.node(root, none, 0);
    }
    if walk.pages.is_empty() {
        for (id, object) in &pdf.objects {
            if let Object::Dictionary(dictionary) = object
                && pdf.name(dictionary, b"Type") == Some(b"Page")
            {
                let above = walk.ancestors(dictionary, none);
                walk.leaf(Some(*id), dictionary, above);
            }
        }
    }
    walk.pages
}

/// The document's root. A trailer that names another object is passed over for one that says it is a catalog.
pub(crate) fn catalog(pdf: &Pdf) -> Option<&Dictionary> {
    let named = pdf.dictionary(&pdf.trailer, b"Root").filter(|root| root.has(b"Pages"));
    named.or_else(|| {
        pdf.objects.values().rev().find_map(|object| {
            let dictionary = as_dictionary(object)?;
            (pdf.name(dictionary, b"Type") == Some(b"Catalog")).then_some(dictionary)
        })
    })
}

struct Walk<'a> {
    pdf: &'a Pdf,
    empty: &'a Dictionary,
    most: usize,
    seen: HashSet<ObjectId>,
    pages: Vec<Leaf<'a>>,
}

impl<'a> Walk<'a> {
    fn node(&mut self, object: &'a Object, above: Inherited<'a>, depth: usize) {
        let pdf = self.pdf;
        let id = object.as_reference().ok();
        // A page may stand in the tree twice; a branch that does is a loop.
        let Some(dictionary) = pdf.follow(object).and_then(as_dictionary) else { return };
        if depth > TALLEST_TREE || self.pages.len() > self.most {
            return;
        }
        if let Some(kids) = pdf.array(dictionary, b"Kids") {
            if id.is_some_and(|id| !self.seen.insert(id)) {
                return;
            }
            let own = self.inherit(dictionary, above);
            for kid in kids {
                self.node(kid, own, depth + 1);
            }
        } else if pdf.name(dictionary, b"Type") != Some(b"Pages") {
            self.leaf(id, dictionary, above);
        }
    }

    /// What a page inherits that was not found from above.
    fn ancestors(&self, page: &'a Dictionary, none: Inherited<'a>) -> Inherited<'a> {
        let parents =
            std::iter::successors(Some(page), |node| self.pdf.dictionary(node, b"Parent"));
        let parents: Vec<&Dictionary> = parents.skip(1).take(TALLEST_TREE).collect();
        parents.into_iter().rev().fold(none, |above, node| self.inherit(node, above))
    }

    fn inherit(&self, dictionary: &'a Dictionary, above: Inherited<'a>) -> Inherited<'a> {
        let pdf = self.pdf;
        Inherited {
            resources: pdf.dictionary(dictionary, b"Resources").or(above.resources),
            media: pdf.numbers(dictionary, b"MediaBox").or(above.media),
            crop: pdf.numbers(dictionary, b"CropBox").or(above.crop),
        }
    }

    fn leaf(&mut self, id: Option<ObjectId>, dictionary: &'a Dictionary, above: Inherited<'a>) {
        let own = self.inherit(dictionary, above);
        let media = Bounds::new(own.media.unwrap_or(LETTER));
        let bounds = own.crop.map_or(media, |crop| Bounds::new(crop).within(media));
        let resources = own.resources.unwrap_or(self.empty);
        self.pages.push(Leaf { id, dictionary, resources, above: above.resources, bounds });
    }
}

/// The labels printed on the pages, as `iv` or `A-3` (PDF 1.7, 12.4.2); empty when the document has none.
pub(crate) fn labels(pdf: &Pdf, count: usize) -> Vec<String> {
    let mut ranges: Vec<(usize, &Dictionary)> = Vec::new();
    if let Some(tree) = catalog(pdf).and_then(|catalog| pdf.dictionary(catalog, b"PageLabels")) {
        number_tree(pdf, tree, &mut ranges, 0);
    }
    ranges.sort_by_key(|(start, _)| *start);
    let mut labels = Vec::new();
    for (at, (start, range)) in ranges.iter().enumerate() {
        let end = ranges.get(at + 1).map_or(count, |(next, _)| (*next).min(count));
        labels.resize(labels.len().max((*start).min(count)), String::new());
        labels.truncate(*start);
        let prefix = pdf
            .value(range, b"P")
            .and_then(|p| p.as_str().ok())
            .map(text_string)
            .unwrap_or_default();
        let first = pdf.number(range, b"St").map_or(1, |n| n.clamp(1.0, 1e6) as usize);
        let style = pdf.name(range, b"S").unwrap_or_default();
        labels.extend(
            (*start..end).map(|page| format!("{prefix}{}", numeral(style, first + page - start))),
        );
    }
    labels.truncate(count);
    labels
}

fn number_tree<'a>(
    pdf: &'a Pdf,
    node: &'a Dictionary,
    found: &mut Vec<(usize, &'a Dictionary)>,
    depth: usize,
) {
    const MOST_RANGES: usize = 50_000;
    if depth > TALLEST_TREE || found.len() > MOST_RANGES {
        return;
    }
    for pair in pdf.array(node, b"Nums").map(Vec::as_slice).unwrap_or_default().chunks_exact(2) {
        if let [start, range] = pair
            && let Some(start) = pdf.float(start).filter(|s| *s >= 0.0)
            && let Some(range) = pdf.follow(range).and_then(as_dictionary)
        {
            found.push((start as usize, range));
        }
    }
    // Eight levels of a hundred are more than there can be pages.
    if depth < 8 {
        for kid in pdf.array(node, b"Kids").map(Vec::as_slice).unwrap_or_default().iter().take(1000)
        {
            if let Some(kid) = pdf.follow(kid).and_then(as_dictionary) {
                number_tree(pdf, kid, found, depth + 1);
            }
        }
    }
}

fn numeral(style: &[u8], number: usize) -> String {
    match style {
        b"D" => number.to_string(),
        b"R" => roman(number).to_uppercase(),
        b"r" => roman(number),
        b"A" => letters(number).to_uppercase(),
        b"a" => letters(number),
        _ => String::new(),
    }
}

fn roman(number: usize) -> String {
    const NUMERALS: [(usize, &str); 13] = [
        (1000, "m"),
        (900, "cm"),
        (500, "d"),
        (400, "cd"),
        (100, "c"),
        (90, "xc"),
        (50, "l"),
        (40, "xl"),
        (10, "x"),
        (9, "ix"),
        (5, "v"),
        (4, "iv"),
        (1, "i"),
    ];
    let mut left = number.min(5000);
    let mut text = String::new();
    for (value, numeral) in NUMERALS {
        while left >= value {
            text.push_str(numeral);
            left -= value;
        }
    }
    text
}

/// `a` to `z`, then `aa` to `zz`, and so on.
fn letters(number: usize) -> String {
    let index = number.saturating_sub(1);
    let letter = char::from(b'a' + (index % 26) as u8);
    String::from(letter).repeat((index / 26 + 1).min(64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_count_in_every_style() {
        for (style, number, expected) in [
            (&b"r"[..], 4, "iv"),
            (b"R", 1994, "MCMXCIV"),
            (b"A", 28, "BB"),
            (b"a", 26, "z"),
            (b"D", 12, "12"),
            (b"", 3, ""),
        ] {
            assert_eq!(numeral(style, number), expected);
        }
    }
}
