//! What a tagged document says of itself: which stretches of its pages are a paragraph, an item, a heading or a cell, and in which
//! order they are read (PDF 1.7, 14.7 and 14.8).

use std::collections::HashMap;

use lopdf::{Dictionary, Document as Pdf, Object, ObjectId};

use super::objects::{Objects, as_dictionary};
use super::pages::catalog;

/// Elements inside elements: those of web pages lie deep.
const DEEPEST: usize = 200;
/// Elements and stretches of one document.
const MOST: usize = 1_000_000;
/// Names that stand for each other.
const MOST_ROLES: usize = 8;
/// The levels of headings, the title above them.
const LOWEST_HEADING: usize = 6;

/// What a stretch of text belongs to, with all others that are read in one go with it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Block {
    pub(crate) kind: Kind,
    /// The cell that it stands in.
    pub(crate) cell: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Paragraph,
    /// An entry of a table of contents.
    Entry,
    /// What a list's item begins with.
    Item,
    /// 0 is the document's title.
    Heading(usize),
    /// In a group of others, with nothing said about it.
    Loose,
}

/// A cell of a table, and how many columns and rows it reaches over.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cell {
    pub(crate) row: usize,
    pub(crate) table: usize,
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

/// The blocks of a document in the order in which they are read; none where it has no tags.
#[derive(Debug, Default)]
pub(crate) struct Structure {
    blocks: Vec<Block>,
    cells: Vec<Cell>,
    /// Whether the cells of a table hold more than text: a table in them, or headings.
    layouts: Vec<bool>,
    rows: usize,
    /// The block of each marked stretch of a page, or of a form.
    marks: HashMap<(ObjectId, u32), u32>,
}

impl Structure {
    /// The structure of a document, unless it has none or doubts it itself.
    pub(crate) fn of(pdf: &Pdf) -> Self {
        let mut structure = Self::default();
        let Some(catalog) = catalog(pdf) else { return structure };
        let Some(root) = pdf.dictionary(catalog, b"StructTreeRoot") else { return structure };
        let suspect = pdf
            .dictionary(catalog, b"MarkInfo")
            .and_then(|info| pdf.value(info, b"Suspects")?.as_bool().ok());
        if suspect != Some(true) {
            let roles = pdf.dictionary(root, b"RoleMap");
            let mut walk = Walk { pdf, roles, structure: &mut structure, left: MOST };
            walk.kids(root, &mut Run::new(Kind::Loose), Place::default(), 0);
        }
        structure
    }

    /// The block of the stretch that is marked with a number in the content of a page or form.
    pub(crate) fn block_of(&self, content: ObjectId, mark: u32) -> Option<u32> {
        self.marks.get(&(content, mark)).copied()
    }

    pub(crate) fn block(&self, block: u32) -> Option<&Block> {
        self.blocks.get(block as usize)
    }

    /// The cell of a table of text.
    pub(crate) fn cell(&self, cell: usize) -> Option<&Cell> {
        let cell = self.cells.get(cell)?;
        (self.layouts.get(cell.table) == Some(&false)).then_some(cell)
    }

    /// The cells beside a cell, and itself, from the first of their row.
    pub(crate) fn row_of(&self, cell: usize) -> impl Iterator<Item = (usize, &Cell)> {
        let row = self.cells.get(cell).map(|cell| cell.row);
        let is_beside = move |cell: &Cell| Some(cell.row) == row;
        let before = self.cells.get(..cell).unwrap_or_default().iter().rev();
        let first = cell - before.take_while(|cell| is_beside(cell)).count();
        let cells = self.cells.iter().enumerate().skip(first);
        cells.take_while(move |(_, cell)| is_beside(cell))
    }
}

/// Where in the tree an element stands.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    page: Option<ObjectId>,
    table: Option<usize>,
    row: Option<usize>,
    cell: Option<usize>,
    /// Whether it is in a line of text.
    in_line: bool,
}

/// The block that the next stretch belongs to, once there is one.
struct Run {
    block: Option<u32>,
    /// What it is, when it is begun.
    kind: Kind,
    /// Whether it is no more than the mark of an item.
    is_label: bool,
}

impl Run {
    fn new(kind: Kind) -> Self {
        Self { block: None, kind, is_label: false }
    }

    /// Whether the next paragraph is no other than this block: nothing of it has been read yet, or its mark only.
    fn takes_paragraph(&self) -> bool {
        self.is_label || self.block.is_none() && matches!(self.kind, Kind::Item | Kind::Entry)
    }

    /// What comes next is not part of this block.
    fn end(&mut self) {
        self.block = None;
        self.is_label = false;
        if matches!(self.kind, Kind::Item | Kind::Entry) {
            self.kind = Kind::Paragraph;
        }
    }
}

/// What an element does to the blocks.
enum Role {
    /// It is part of what it stands in.
    Inline,
    /// It says nothing: web pages are full of them, in lines and around them.
    Group,
    /// The mark of an item or note.
    Label,
    /// It is read by itself, and ends what it stands in.
    Own(Kind),
    /// It is read by itself, and what it stands in goes on behind it.
    Beside,
    Table,
    Row,
    Cell,
}

struct Walk<'a, 's> {
    pdf: &'a Pdf,
    roles: Option<&'a Dictionary>,
    structure: &'s mut Structure,
    left: usize,
}

impl<'a> Walk<'a, '_> {
    fn kids(&mut self, element: &'a Dictionary, run: &mut Run, place: Place, depth: usize) {
        let pdf = self.pdf;
        if depth > DEEPEST {
            return;
        }
        let own = element.get(b"Pg").ok().and_then(|page| page.as_reference().ok());
        let place = Place { page: own.or(place.page), ..place };
        match pdf.value(element, b"K") {
            Some(Object::Array(kids)) => {
                for kid in kids.iter().filter_map(|kid| pdf.follow(kid)) {
                    self.kid(kid, run, place, depth);
                }
            }
            Some(kid) => self.kid(kid, run, place, depth),
            None => {}
        }
    }

    fn kid(&mut self, kid: &'a Object, run: &mut Run, place: Place, depth: usize) {
        let Some(left) = self.left.checked_sub(1) else { return };
        self.left = left;
        if let Some(mark) = self.mark_of(kid, place.page) {
            return self.mark(mark, run, place);
        }
        let Some(element) = as_dictionary(kid) else { return };
        if !matches!(self.pdf.name(element, b"Type"), Some(b"OBJR" | b"MCR")) {
            self.element(element, run, place, depth + 1);
        }
    }

    /// The content and number of the stretch that a kid is.
    fn mark_of(&self, kid: &Object, page: Option<ObjectId>) -> Option<(ObjectId, u32)> {
        let (content, mark) = match as_dictionary(kid) {
            Some(kid) if self.pdf.name(kid, b"Type") == Some(b"MCR") => {
                let reference = |key| kid.get(key).ok().and_then(|id| id.as_reference().ok());
                let content = reference(b"Stm").or_else(|| reference(b"Pg")).or(page);
                (content, self.pdf.value(kid, b"MCID")?)
            }
            _ => (page, kid),
        };
        content.zip(u32::try_from(mark.as_i64().ok()?).ok())
    }

    fn mark(&mut self, (content, mark): (ObjectId, u32), run: &mut Run, place: Place) {
        let structure = &mut *self.structure;
        let block = *run.block.get_or_insert_with(|| {
            structure.blocks.push(Block { kind: run.kind, cell: place.cell });
            structure.blocks.len() as u32 - 1
        });
        structure.marks.entry((content, mark)).or_insert(block);
    }

    fn element(&mut self, element: &'a Dictionary, run: &mut Run, place: Place, depth: usize) {
        let role = self.role(element);
        let in_line = match &role {
            Role::Inline => true,
            Role::Own(kind) => matches!(kind, Kind::Paragraph | Kind::Entry | Kind::Heading(_)),
            Role::Label => place.in_line,
            _ => false,
        };
        let outer = place;
        let place = Place { in_line, ..place };
        match role {
            Role::Inline => self.kids(element, run, place, depth),
            Role::Group if outer.in_line || !self.has_elements(element) => {
                self.kids(element, run, outer, depth);
            }
            Role::Group if !run.takes_paragraph() => {
                self.kids(element, &mut Run::new(Kind::Loose), place, depth);
                run.end();
            }
            Role::Group => {
                self.kids(element, run, place, depth);
                *run = Run::new(Kind::Paragraph);
            }
            Role::Label => {
                let first = run.block.is_none();
                self.kids(element, run, place, depth);
                run.is_label |= first;
            }
            // An entry is one paragraph, whatever it is made of.
            Role::Own(Kind::Paragraph) if run.kind == Kind::Entry => {
                self.kids(element, run, place, depth);
            }
            // The first paragraph of an item stands beside its mark.
            Role::Own(Kind::Paragraph | Kind::Loose) if run.takes_paragraph() => {
                self.kids(element, run, place, depth);
                *run = Run::new(Kind::Paragraph);
            }
            Role::Own(kind) => {
                if let (Kind::Heading(_), Some(table)) = (kind, place.table) {
                    self.note_layout(table);
                }
                self.kids(element, &mut Run::new(kind), place, depth);
                run.end();
            }
            Role::Beside => self.kids(element, &mut Run::new(Kind::Paragraph), place, depth),
            Role::Table => {
                if let (Some(outer), Some(_)) = (place.table, place.cell) {
                    self.note_layout(outer);
                }
                self.structure.layouts.push(false);
                let table = Some(self.structure.layouts.len() - 1);
                let place = Place { table, row: None, cell: None, ..place };
                self.kids(element, &mut Run::new(Kind::Loose), place, depth);
                run.end();
            }
            Role::Row => {
                let place = Place { row: Some(self.structure.rows), cell: None, ..place };
                self.structure.rows += 1;
                self.kids(element, &mut Run::new(Kind::Loose), place, depth);
                run.end();
            }
            Role::Cell => {
                let cell = place.table.zip(place.row).map(|(table, row)| {
                    let [columns, rows] = self.spans(element);
                    self.structure.cells.push(Cell { row, table, columns, rows });
                    self.structure.cells.len() - 1
                });
                let place = Place { cell, ..place };
                self.kids(element, &mut Run::new(Kind::Loose), place, depth);
                run.end();
            }
        }
    }

    /// Whether it holds elements, not only text.
    fn has_elements(&self, element: &'a Dictionary) -> bool {
        let is_element = |kid: &Object| {
            let kid = self.pdf.follow(kid).and_then(as_dictionary);
            kid.is_some_and(|kid| kid.has(b"S"))
        };
        match self.pdf.value(element, b"K") {
            Some(Object::Array(kids)) => kids.iter().any(is_element),
            kid => kid.is_some_and(is_element),
        }
    }

    fn note_layout(&mut self, table: usize) {
        self.structure.layouts.get_mut(table).into_iter().for_each(|layout| *layout = true);
    }

    /// Over how many columns and rows a cell reaches (PDF 1.7, table 349).
    fn spans(&self, cell: &'a Dictionary) -> [usize; 2] {
        let pdf = self.pdf;
        let attributes: Vec<&Dictionary> = match pdf.value(cell, b"A") {
            Some(Object::Array(all)) => {
                all.iter().filter_map(|one| as_dictionary(pdf.follow(one)?)).collect()
            }
            one => one.and_then(as_dictionary).into_iter().collect(),
        };
        [&b"ColSpan"[..], b"RowSpan"].map(|key| {
            let span = attributes.iter().find_map(|one| pdf.value(one, key)?.as_i64().ok());
            span.and_then(|span| usize::try_from(span).ok()).unwrap_or(1).max(1)
        })
    }

    /// The type that one of a namespace stands for, and its namespace (PDF 2.0, 14.7.4.2), or that one stands for in the whole document.
    fn stands_for(
        &self,
        name: &[u8],
        space: Option<&'a Dictionary>,
    ) -> Option<(&'a [u8], Option<&'a Dictionary>)> {
        let pdf = self.pdf;
        let roles = space.and_then(|space| pdf.dictionary(space, b"RoleMapNS"));
        let of_space = roles.and_then(|roles| pdf.value(roles, name));
        match of_space.or_else(|| pdf.value(self.roles?, name))? {
            Object::Name(other) => Some((other, None)),
            Object::Array(pair) => {
                let other = pdf.follow(pair.first()?)?.as_name().ok()?;
                Some((other, pair.get(1).and_then(|space| as_dictionary(pdf.follow(space)?))))
            }
            _ => None,
        }
    }

    /// What the type of an element, or the standard one that it stands for, means (PDF 1.7, 14.8.4).
    fn role(&self, element: &'a Dictionary) -> Role {
        let mut name = self.pdf.name(element, b"S").unwrap_or_default();
        let mut space = self.pdf.dictionary(element, b"NS");
        for _ in 0..MOST_ROLES {
            match self.stands_for(name, space) {
                Some((other, its)) if other != name => (name, space) = (other, its),
                _ => break,
            }
        }
        match name {
            b"P" | b"Caption" | b"BlockQuote" | b"BibEntry" => Role::Own(Kind::Paragraph),
            b"TOCI" => Role::Own(Kind::Entry),
            b"Title" => Role::Own(Kind::Heading(0)),
            b"H" => Role::Own(Kind::Heading(1)),
            [b'H', level @ b'1'..=b'9'] => {
                Role::Own(Kind::Heading(usize::from(level - b'0').min(LOWEST_HEADING)))
            }
            b"LI" => Role::Own(Kind::Item),
            b"LBody" | b"NonStruct" => Role::Group,
            b"Lbl" => Role::Label,
            b"Note" | b"FENote" | b"Figure" | b"Textbox" | b"Aside" => Role::Beside,
            b"Table" => Role::Table,
            b"TR" => Role::Row,
            b"TD" | b"TH" => Role::Cell,
            b"Document" | b"DocumentFragment" | b"Part" | b"Art" | b"Sect" | b"Div" | b"L"
            | b"TOC" | b"Index" | b"THead" | b"TBody" | b"TFoot" => Role::Own(Kind::Loose),
            _ => Role::Inline,
        }
    }
}
