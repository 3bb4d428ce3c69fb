//! HTML into a tree, by the rules that browsers follow.

mod sink;

use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::tree_builder::TreeBuilderOpts;
use html5ever::{LocalName, ParseOpts, parse_document};

use crate::document::DocumentError;
use crate::limits::Limits;
use sink::Sink;

/// How much is parsed before the limits are looked at again (bytes).
const STEP: usize = 4096;

/// A parsed page.
pub(super) struct Tree {
    nodes: Vec<Node>,
}

/// A place in the tree.
pub(super) type Id = usize;
const ROOT: Id = 0;

struct Node {
    kind: Kind,
    depth: usize,
    parent: Option<Id>,
    before: Option<Id>,
    after: Option<Id>,
    first: Option<Id>,
    last: Option<Id>,
}

enum Kind {
    Element {
        name: LocalName,
        attributes: Vec<(LocalName, StrTendril)>,
    },
    Text(String),
    /// The root, and what says nothing: comments, declarations, the insides of templates.
    Other,
}

/// A step on the way through a tree.
pub(super) enum Step<'t> {
    Open(Element<'t>),
    Close(Element<'t>),
    Text(&'t str),
}

/// An element of the tree.
#[derive(Clone, Copy)]
pub(super) struct Element<'t> {
    pub(super) id: Id,
    pub(super) name: &'t str,
    attributes: &'t [(LocalName, StrTendril)],
}

impl<'t> Element<'t> {
    pub(super) fn attribute(&self, name: &str) -> Option<&'t str> {
        self.attributes.iter().find(|(key, _)| &**key == name).map(|(_, value)| &**value)
    }
}

/// Parses a page or a piece of one.
///
/// # Errors
/// When it nests deeper, or has more in it, than the limits allow.
pub(super) fn parse(text: &str, limits: &Limits) -> Result<Tree, DocumentError> {
    let options = ParseOpts {
        tree_builder: TreeBuilderOpts {
            // Nothing runs here: what is for readers without scripts is for us.
            scripting_enabled: false,
            drop_doctype: true,
            ..TreeBuilderOpts::default()
        },
        ..ParseOpts::default()
    };
    let mut parser = parse_document(Sink::new(limits), options);
    let mut rest = text;
    while !rest.is_empty() {
        let (step, left) = rest.split_at(rest.floor_char_boundary(STEP.min(rest.len())));
        parser.process(StrTendril::from_slice(step));
        // The parser takes longer with every level, so it must not be left alone with too many.
        parser.tokenizer.sink.sink.exceeded()?;
        rest = left;
    }
    parser.finish()
}

impl Tree {
    /// Goes through the inside of an element, or all of the tree, in reading order. Where `visit` says so, an element's inside is left out, and
    /// the step out of it with it.
    pub(super) fn walk<'t, E>(
        &'t self,
        inside: Option<Id>,
        mut visit: impl FnMut(Step<'t>) -> Result<bool, E>,
    ) -> Result<(), E> {
        let top = inside.unwrap_or(ROOT);
        let mut next = self.node(top).and_then(|top| top.first);
        while let Some(id) = next {
            let Some(node) = self.node(id) else { return Ok(()) };
            let inside = match &node.kind {
                Kind::Text(text) => {
                    visit(Step::Text(text))?;
                    None
                }
                Kind::Other => None,
                Kind::Element { .. } => {
                    let Some(element) = self.element(id) else { return Ok(()) };
                    if visit(Step::Open(element))? {
                        if node.first.is_none() {
                            visit(Step::Close(element))?;
                        }
                        node.first
                    } else {
                        None
                    }
                }
            };
            next = inside.or(node.after);
            // Out of every element that ends here.
            let mut up = if next.is_none() { node.parent } else { None };
            while let Some(id) = up {
                if id == top {
                    return Ok(());
                }
                let Some(element) = self.element(id) else { return Ok(()) };
                visit(Step::Close(element))?;
                let Some(node) = self.node(id) else { return Ok(()) };
                next = node.after;
                up = if next.is_none() { node.parent } else { None };
            }
        }
        Ok(())
    }

    fn node(&self, id: Id) -> Option<&Node> {
        self.nodes.get(id)
    }

    fn element(&self, id: Id) -> Option<Element<'_>> {
        match &self.node(id)?.kind {
            Kind::Element { name, attributes } => Some(Element { id, name, attributes }),
            Kind::Text(_) | Kind::Other => None,
        }
    }

    /// The elements that a place stands in, the innermost first.
    pub(super) fn ancestors(&self, id: Id) -> impl Iterator<Item = Element<'_>> {
        std::iter::successors(self.node(id).and_then(|node| node.parent), |id| {
            self.node(*id).and_then(|node| node.parent)
        })
        .filter_map(|id| self.element(id))
    }

    /// All elements, in the order in which they were opened.
    pub(super) fn elements(&self) -> impl Iterator<Item = Element<'_>> {
        (0..self.nodes.len()).filter_map(|id| self.element(id))
    }

    /// What the page calls itself.
    pub(super) fn title(&self) -> Option<String> {
        let title = self.elements().find(|element| {
            element.name == "title" && self.ancestors(element.id).any(|above| above.name == "head")
        })?;
        let text = self.node(self.node(title.id)?.first?)?;
        match &text.kind {
            Kind::Text(text) => Some(text.trim().to_owned()),
            Kind::Element { .. } | Kind::Other => None,
        }
    }
}
