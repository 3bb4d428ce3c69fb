//! Where the parser puts what it finds.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use html5ever::interface::tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::StrTendril;
use html5ever::{Attribute, QualName, local_name, ns};

use super::{Id, Kind, Node, ROOT, Tree};
use crate::document::DocumentError;
use crate::limits::Limits;

/// Attributes of a page's outermost elements, which every other tag of that name adds to.
const MOST_MORE: usize = 100;

/// The tree while it grows.
pub(super) struct Sink {
    nodes: RefCell<Vec<Node>>,
    deepest: Cell<usize>,
    depth_limit: usize,
    node_limit: usize,
}

/// A node as the parser holds it.
#[derive(Clone)]
pub(super) struct Handle(Rc<Held>);

struct Held {
    id: Id,
    name: QualName,
    /// Where the inside of a template goes: to nowhere that is read.
    contents: Option<Handle>,
    integration_point: bool,
}

impl Sink {
    pub(super) fn new(limits: &Limits) -> Self {
        let sink = Self {
            nodes: RefCell::new(Vec::new()),
            deepest: Cell::new(0),
            depth_limit: limits.html_depth,
            node_limit: limits.html_nodes,
        };
        sink.add(Kind::Other);
        sink
    }

    /// # Errors
    /// When the tree is deeper or larger than the limits.
    pub(super) fn exceeded(&self) -> Result<(), DocumentError> {
        if self.deepest.get() > self.depth_limit {
            let most = self.depth_limit;
            return Err(DocumentError::TooLarge(format!("HTML nested more than {most} deep")));
        }
        if self.nodes.borrow().len() > self.node_limit {
            let most = self.node_limit;
            return Err(DocumentError::TooLarge(format!(
                "it has more than {most} elements and texts"
            )));
        }
        Ok(())
    }

    fn add(&self, kind: Kind) -> Id {
        let mut nodes = self.nodes.borrow_mut();
        nodes.push(Node {
            kind,
            depth: 0,
            parent: None,
            before: None,
            after: None,
            first: None,
            last: None,
        });
        nodes.len() - 1
    }

    fn handle(&self, kind: Kind) -> Handle {
        let name = QualName::new(None, ns!(), local_name!(""));
        Handle(Rc::new(Held { id: self.add(kind), name, contents: None, integration_point: false }))
    }

    /// Puts a node under `parent`, before one of its children or at the end.
    fn insert(&self, parent: Id, next: Option<Id>, child: NodeOrText<Handle>) {
        let neighbor = match next {
            Some(next) => self.nodes.borrow().get(next).and_then(|node| node.before),
            None => self.nodes.borrow().get(parent).and_then(|node| node.last),
        };
        let id = match child {
            NodeOrText::AppendNode(handle) => handle.0.id,
            NodeOrText::AppendText(text) => {
                let mut nodes = self.nodes.borrow_mut();
                let before = neighbor.and_then(|id| nodes.get_mut(id)).map(|node| &mut node.kind);
                if let Some(Kind::Text(before)) = before {
                    before.push_str(&text);
                    return;
                }
                drop(nodes);
                self.add(Kind::Text(text.to_string()))
            }
        };
        let mut nodes = self.nodes.borrow_mut();
        detach(&mut nodes, id);
        let before = match next {
            Some(next) => nodes.get(next).and_then(|node| node.before),
            None => nodes.get(parent).and_then(|node| node.last),
        };
        let depth = nodes.get(parent).map_or(0, |node| node.depth) + 1;
        self.deepest.set(self.deepest.get().max(depth));
        if let Some(node) = nodes.get_mut(id) {
            (node.parent, node.before, node.after, node.depth) =
                (Some(parent), before, next, depth);
        }
        match before.and_then(|before| nodes.get_mut(before)) {
            Some(before) => before.after = Some(id),
            None => {
                if let Some(parent) = nodes.get_mut(parent) {
                    parent.first = Some(id);
                }
            }
        }
        match next.and_then(|next| nodes.get_mut(next)) {
            Some(next) => next.before = Some(id),
            None => {
                if let Some(parent) = nodes.get_mut(parent) {
                    parent.last = Some(id);
                }
            }
        }
    }

    fn parent(&self, id: Id) -> Option<Id> {
        self.nodes.borrow().get(id).and_then(|node| node.parent)
    }
}

/// Takes a node out of the children that it stands among.
fn detach(nodes: &mut [Node], id: Id) {
    let Some(node) = nodes.get_mut(id) else { return };
    let (parent, before, after) = (node.parent.take(), node.before.take(), node.after.take());
    match before.and_then(|before| nodes.get_mut(before)) {
        Some(before) => before.after = after,
        None => {
            if let Some(parent) = parent.and_then(|parent| nodes.get_mut(parent)) {
                parent.first = after;
            }
        }
    }
    match after.and_then(|after| nodes.get_mut(after)) {
        Some(after) => after.before = before,
        None => {
            if let Some(parent) = parent.and_then(|parent| nodes.get_mut(parent)) {
                parent.last = before;
            }
        }
    }
}

impl TreeSink for Sink {
    type Handle = Handle;
    type Output = Result<Tree, DocumentError>;
    type ElemName<'a> = &'a QualName;

    fn finish(self) -> Self::Output {
        self.exceeded()?;
        Ok(Tree { nodes: self.nodes.into_inner() })
    }

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> Handle {
        let name = QualName::new(None, ns!(), local_name!(""));
        Handle(Rc::new(Held { id: ROOT, name, contents: None, integration_point: false }))
    }

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn same_node(&self, one: &Handle, other: &Handle) -> bool {
        one.0.id == other.0.id
    }

    fn elem_name<'a>(&'a self, target: &'a Handle) -> &'a QualName {
        &target.0.name
    }

    fn get_template_contents(&self, target: &Handle) -> Handle {
        target.0.contents.clone().unwrap_or_else(|| target.clone())
    }

    fn is_mathml_annotation_xml_integration_point(&self, target: &Handle) -> bool {
        target.0.integration_point
    }

    fn create_element(
        &self,
        name: QualName,
        attributes: Vec<Attribute>,
        flags: ElementFlags,
    ) -> Handle {
        let attributes = attributes.into_iter().map(|a| (a.name.local, a.value)).collect();
        let id = self.add(Kind::Element { name: name.local.clone(), attributes });
        let contents = flags.template.then(|| self.handle(Kind::Other));
        let integration_point = flags.mathml_annotation_xml_integration_point;
        Handle(Rc::new(Held { id, name, contents, integration_point }))
    }

    fn create_comment(&self, _: StrTendril) -> Handle {
        self.handle(Kind::Other)
    }

    fn create_pi(&self, _: StrTendril, _: StrTendril) -> Handle {
        self.handle(Kind::Other)
    }

    fn append(&self, parent: &Handle, child: NodeOrText<Handle>) {
        self.insert(parent.0.id, None, child);
    }

    fn append_before_sibling(&self, sibling: &Handle, child: NodeOrText<Handle>) {
        if let Some(parent) = self.parent(sibling.0.id) {
            self.insert(parent, Some(sibling.0.id), child);
        }
    }

    fn append_based_on_parent_node(
        &self,
        element: &Handle,
        before: &Handle,
        child: NodeOrText<Handle>,
    ) {
        if self.parent(element.0.id).is_some() {
            self.append_before_sibling(element, child);
        } else {
            self.append(before, child);
        }
    }

    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}

    fn add_attrs_if_missing(&self, target: &Handle, more: Vec<Attribute>) {
        let mut nodes = self.nodes.borrow_mut();
        let Some(Node { kind: Kind::Element { attributes, .. }, .. }) = nodes.get_mut(target.0.id)
        else {
            return;
        };
        for attribute in more {
            if attributes.len() < MOST_MORE
                && attributes.iter().all(|(name, _)| *name != attribute.name.local)
            {
                attributes.push((attribute.name.local, attribute.value));
            }
        }
    }

    fn remove_from_parent(&self, target: &Handle) {
        detach(&mut self.nodes.borrow_mut(), target.0.id);
    }

    fn reparent_children(&self, node: &Handle, new_parent: &Handle) {
        loop {
            let first = self.nodes.borrow().get(node.0.id).and_then(|node| node.first);
            let Some(id) = first else { return };
            let name = QualName::new(None, ns!(), local_name!(""));
            let child = Held { id, name, contents: None, integration_point: false };
            self.insert(new_parent.0.id, None, NodeOrText::AppendNode(Handle(Rc::new(child))));
        }
    }
}
