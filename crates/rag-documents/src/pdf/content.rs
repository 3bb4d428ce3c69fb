//! The instructions of a page, followed for their text (PDF 1.7, 8.4 and 9.4).

mod annotations;
mod marked;

use std::rc::Rc;

use lopdf::{Dictionary, Document as Pdf, Object, ObjectId, Stream};

use super::direction;
use super::font::{Font, Fonts};
use super::lexer::{Lexer, Token, Value};
use super::matrix::Matrix;
use super::objects::{Objects, Packed, as_dictionary, unpacked};
use super::pages::{Bounds, Leaf};
use super::rules::{Rule, Tracer};
use super::structure::Structure;
use crate::limits::{Limits, bytes};
use marked::Marked;

/// Forms inside forms.
const DEEPEST_FORM: usize = 12;
/// Saved graphics states.
const MOST_SAVED: usize = 256;
/// Characters of one page.
const MOST_LETTERS: usize = 1_000_000;
/// Operands before an operator.
const MOST_OPERANDS: usize = 4_096;
/// Letters may stand this many points outside the page and still be part of it: some pages are cut narrower than what is meant to
/// be read on them.
const BLEED: f32 = 1_000.0;
/// Letters that stand farther outside are read by themselves, up to this many points: text that runs over the edge, and what slides
/// keep there until its turn comes.
const FARTHEST: f32 = 1_000_000.0;

/// One character, or ligature, where it stands on the page (in points).
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    /// Its text, as bytes of [`Drawn::text`].
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) x: f32,
    pub(crate) y: f32,
    /// How far it reaches along its line.
    pub(crate) width: f32,
    pub(crate) size: f32,
    /// Unit vector along which the text runs.
    pub(crate) direction: (f32, f32),
    pub(crate) bold: bool,
    pub(crate) mono: bool,
    /// Whether the page says that it is a running header or footer.
    pub(crate) artifact: bool,
    /// The block that the document's tags put it in.
    pub(crate) block: Option<u32>,
}

impl Letter {
    /// Reads a mirrored letter as one of an upright line: by itself it is part of one, as the second letter of XeTeX's name is.
    fn turn(&mut self) {
        if self.direction.0 < -0.9 {
            self.x -= self.width;
            self.direction = (1.0, 0.0);
        }
    }
}

/// What a page shows.
#[derive(Debug, Default)]
pub(crate) struct Drawn {
    /// In the order of drawing.
    pub(crate) letters: Vec<Letter>,
    /// Those that stand far outside the page.
    pub(crate) outside: Vec<Letter>,
    pub(crate) text: String,
    /// Characters whose meaning the fonts do not tell.
    pub(crate) unknown: usize,
    /// Whether it may be drawn in another order than its text has.
    pub(crate) layers: bool,
    /// Straight lines, among them the borders of tables.
    pub(crate) rules: Vec<Rule>,
    /// Whether it shows an image.
    pub(crate) images: bool,
    /// The limit that ended the reading, with its value.
    pub(crate) cut: Option<String>,
    /// Streams that could not be unpacked.
    pub(crate) broken: usize,
}

impl Drawn {
    /// Whether a letter is more than a space.
    pub(crate) fn is_ink(&self, letter: &Letter) -> bool {
        let own = self.text.get(letter.start as usize..letter.end as usize);
        own.is_some_and(|own| !own.trim().is_empty())
    }

    /// Puts a text where `place` is, as if it were one letter.
    fn write(&mut self, text: &str, place: Letter, limits: &Limits) {
        let from = self.text.len();
        if self.letters.len() >= MOST_LETTERS {
            return self.cut_at_letters();
        }
        if from.saturating_add(text.len()) > limits.pdf_page {
            return self.cut_at_text(limits);
        }
        let text = direction::visual(text.to_owned());
        self.text.extend(text.chars().filter(|c| !c.is_control() && *c != '\u{FEFF}').map(|c| {
            match c {
                '\u{AD}' => '-',
                '\u{A0}' => ' ',
                c => c,
            }
        }));
        if self.text.len() > from {
            let (start, end) = (from as u32, self.text.len() as u32);
            self.letters.push(Letter { start, end, ..place });
        }
    }

    /// Notes that the limit of these words ended the reading, if none has before.
    fn cut_by(&mut self, limit: impl FnOnce() -> String) {
        self.cut.get_or_insert_with(limit);
    }

    fn cut_at_letters(&mut self) {
        self.cut_by(|| format!("{MOST_LETTERS} characters"));
    }

    fn cut_at_text(&mut self, limits: &Limits) {
        self.cut_by(|| format!("{} of text", bytes(limits.pdf_page as u64)));
    }

    /// Notes a stream that could not be unpacked.
    fn missed(&mut self, packed: Packed, limits: &Limits) {
        match packed {
            Packed::Long => {
                self.cut_by(|| format!("{} of content", bytes(limits.pdf_page as u64)));
            }
            Packed::Broken => self.broken += 1,
        }
    }
}

pub(crate) fn read<'a>(
    pdf: &'a Pdf,
    page: &Leaf<'a>,
    fonts: &mut Fonts<'a>,
    structure: &Structure,
    limits: &Limits,
) -> Drawn {
    let mut reader = Reader {
        pdf,
        fonts,
        structure,
        limits,
        content: page.id,
        bounds: page.bounds,
        outer: [Some(page.resources), page.above],
        drawn: Drawn::default(),
        budget: limits.pdf_instructions,
        bytes: limits.pdf_page,
        marked: Vec::new(),
        tracer: Tracer::default(),
    };
    let mut content = Vec::new();
    for stream in streams(pdf, page.dictionary) {
        match unpacked(pdf, stream, limits.pdf_page.saturating_sub(content.len())) {
            Ok(part) => {
                content.extend(part);
                content.push(b'\n');
            }
            Err(packed) => reader.drawn.missed(packed, limits),
        }
    }
    reader.follow(&content, page.resources, State::new(), 0);
    reader.marked.clear();
    reader.annotations(page.dictionary);
    Drawn { rules: reader.tracer.finish(), ..reader.drawn }
}

/// The content streams of a page: one, or an array of them.
fn streams<'a>(pdf: &'a Pdf, page: &'a Dictionary) -> Vec<&'a Stream> {
    match pdf.value(page, b"Contents") {
        Some(Object::Stream(stream)) => vec![stream],
        Some(Object::Array(parts)) => {
            parts.iter().filter_map(|part| pdf.follow(part)?.as_stream().ok()).collect()
        }
        _ => Vec::new(),
    }
}

#[derive(Clone)]
struct State {
    matrix: Matrix,
    font: Option<Rc<Font>>,
    size: f32,
    character_spacing: f32,
    word_spacing: f32,
    scale: f32,
    leading: f32,
    rise: f32,
}

impl State {
    fn new() -> Self {
        Self {
            matrix: Matrix::IDENTITY,
            font: None,
            size: 0.0,
            character_spacing: 0.0,
            word_spacing: 0.0,
            scale: 1.0,
            leading: 0.0,
            rise: 0.0,
        }
    }
}

struct Reader<'r, 'a> {
    pdf: &'a Pdf,
    fonts: &'r mut Fonts<'a>,
    structure: &'r Structure,
    limits: &'r Limits,
    /// The page or form whose content is followed.
    content: Option<ObjectId>,
    bounds: Bounds,
    /// The resources of the page and those above it, for what is found in no nearer ones: some files rely on it.
    outer: [Option<&'a Dictionary>; 2],
    drawn: Drawn,
    budget: usize,
    bytes: usize,
    marked: Vec<Marked>,
    tracer: Tracer,
}

impl<'a> Reader<'_, 'a> {
    fn follow(&mut self, content: &[u8], resources: &'a Dictionary, start: State, depth: usize) {
        let mut state = start;
        let mut saved: Vec<State> = Vec::new();
        let (mut text, mut line) = (Matrix::IDENTITY, Matrix::IDENTITY);
        let marked = self.marked.len();
        let mut operands: Vec<Value> = Vec::new();
        let mut lexer = Lexer::new(content);
        while let Some(token) = lexer.next() {
            let operator = match token {
                Token::Value(value) => {
                    if operands.len() < MOST_OPERANDS {
                        operands.push(value);
                    }
                    continue;
                }
                Token::Word(word) => word,
            };
            let Some(left) = self.budget.checked_sub(1) else {
                let most = self.limits.pdf_instructions;
                self.drawn.cut_by(|| format!("{most} instructions"));
                return;
            };
            self.budget = left;
            let n = |i: usize| operands.get(i).and_then(Value::number).unwrap_or(0.0);
            let matrix = || Matrix([n(0), n(1), n(2), n(3), n(4), n(5)]);
            match operator {
                b"q" if saved.len() < MOST_SAVED => saved.push(state.clone()),
                b"Q" => {
                    if let Some(last) = saved.pop() {
                        state = last;
                    }
                }
                b"cm" => state.matrix = matrix().then(state.matrix),
                b"BT" => (text, line) = (Matrix::IDENTITY, Matrix::IDENTITY),
                b"Tf" => {
                    let name = operands.first().and_then(Value::name);
                    state.font = name.and_then(|name| self.font(resources, name));
                    state.size = n(1);
                }
                b"gs" => self.graphics_state(&mut state, resources, &operands),
                b"Tc" => state.character_spacing = n(0),
                b"Tw" => state.word_spacing = n(0),
                b"Tz" => state.scale = n(0) / 100.0,
                b"TL" => state.leading = n(0),
                b"Ts" => state.rise = n(0),
                b"Tm" => (text, line) = (matrix(), matrix()),
                b"Td" | b"TD" => {
                    if operator == b"TD" {
                        state.leading = -n(1);
                    }
                    line = Matrix::translation(n(0), n(1)).then(line);
                    text = line;
                }
                b"T*" => {
                    line = Matrix::translation(0.0, -state.leading).then(line);
                    text = line;
                }
                b"Tj" => self.show(&state, &mut text, operands.first()),
                b"'" | b"\"" => {
                    if operator == b"\"" {
                        (state.word_spacing, state.character_spacing) = (n(0), n(1));
                    }
                    line = Matrix::translation(0.0, -state.leading).then(line);
                    text = line;
                    self.show(&state, &mut text, operands.last());
                }
                b"TJ" => {
                    let Some(Value::Array(parts)) = operands.first() else {
                        operands.clear();
                        continue;
                    };
                    let vertical = state.font.as_ref().is_some_and(|font| font.vertical);
                    for part in parts {
                        if let Some(back) = part.number() {
                            let by = -back / 1000.0 * state.size;
                            let by = if vertical { (0.0, by) } else { (by * state.scale, 0.0) };
                            text = Matrix::translation(by.0, by.1).then(text);
                        } else {
                            self.show(&state, &mut text, Some(part));
                        }
                    }
                }
                b"Do" => {
                    let objects = self.pdf.dictionary(resources, b"XObject");
                    let name = operands.first().and_then(Value::name);
                    if let (Some(objects), Some(name)) = (objects, name)
                        && let Some(stream) = self.pdf.stream(objects, name)
                    {
                        let id = objects.get(name).ok().and_then(|form| form.as_reference().ok());
                        let outer = std::mem::replace(&mut self.content, id);
                        self.draw(stream, resources, &state, depth);
                        self.content = outer;
                    }
                }
                b"BDC" | b"BMC" => self.open(&operands, resources),
                b"EMC" if self.marked.len() > marked => self.close(),
                b"ID" => {
                    self.drawn.images = true;
                    lexer.skip_image();
                }
                other => self.tracer.follow(other, n, state.matrix),
            }
            operands.clear();
        }
        while self.marked.len() > marked {
            self.close();
        }
    }

    fn font(&mut self, resources: &'a Dictionary, name: &[u8]) -> Option<Rc<Font>> {
        let outer = self.outer.into_iter().flatten();
        std::iter::once(resources).chain(outer).find_map(|all| self.fonts.get(all, name))
    }

    /// A graphics state may set a font too (PDF 1.7, table 58).
    fn graphics_state(&mut self, state: &mut State, resources: &'a Dictionary, operands: &[Value]) {
        let pdf = self.pdf;
        let font = operands
            .first()
            .and_then(Value::name)
            .and_then(|name| pdf.dictionary(pdf.dictionary(resources, b"ExtGState")?, name))
            .and_then(|dictionary| pdf.array(dictionary, b"Font"));
        if let Some([font, size]) = font.map(Vec::as_slice)
            && let Some(dictionary) = pdf.follow(font).and_then(as_dictionary)
        {
            state.font = self.fonts.load(dictionary);
            state.size = pdf.float(size).unwrap_or(state.size);
        }
    }

    fn show(&mut self, state: &State, text: &mut Matrix, operand: Option<&Value>) {
        let (Some(Value::Text(codes)), Some(font)) = (operand, &state.font) else { return };
        let Self { drawn, bounds, limits, marked, .. } = self;
        let (artifact, block) =
            marked.last().map_or((false, None), |marked| (marked.artifact, marked.block));
        let before = drawn.letters.len();
        let Matrix([a, b, c, d, ..]) = text.then(state.matrix);
        let mirrored = (a * d - b * c) * state.scale < 0.0;
        font.decode(codes, |glyph| {
            if drawn.letters.len() + drawn.outside.len() >= MOST_LETTERS {
                return drawn.cut_at_letters();
            }
            if drawn.text.len() >= limits.pdf_page {
                return drawn.cut_at_text(limits);
            }
            let spacing =
                state.character_spacing + if glyph.is_space { state.word_spacing } else { 0.0 };
            let rise = state.rise - glyph.hang / 1000.0 * state.size * font.em;
            let place = Matrix::translation(0.0, rise).then(*text).then(state.matrix);
            let Matrix([a, b, c, d, x, y]) = place;
            let (across, up) = (a.hypot(b), c.hypot(d));
            let letter = if font.vertical {
                // The column's middle is the origin; the letters hang below it.
                let size = state.size.abs() * across;
                let direction = if up > 0.0 { (-c / up, -d / up) } else { (0.0, -1.0) };
                let step = state.size + spacing;
                *text = Matrix::translation(0.0, -step).then(*text);
                Letter {
                    start: 0,
                    end: 0,
                    x,
                    y,
                    width: (step * up).abs(),
                    size,
                    direction,
                    bold: font.bold,
                    mono: font.mono,
                    artifact,
                    block,
                }
            } else {
                let width = glyph.width / 1000.0 * state.size * state.scale;
                let advance = width + spacing * state.scale;
                *text = Matrix::translation(advance, 0.0).then(*text);
                // Spaces are stretched to fill a line.
                let reach = if glyph.text.trim().is_empty() { advance } else { width };
                // A negative size or scale turns the letters round; the line still runs their way.
                let sign = if width < 0.0 { -1.0 } else { 1.0 };
                let direction =
                    if across > 0.0 { (sign * a / across, sign * b / across) } else { (1.0, 0.0) };
                Letter {
                    start: 0,
                    end: 0,
                    x,
                    y,
                    width: (reach * across).abs(),
                    size: state.size.abs() * font.em * up,
                    direction,
                    bold: font.bold,
                    mono: font.mono,
                    artifact,
                    block,
                }
            };
            let seen = letter.x.is_finite()
                && letter.y.is_finite()
                && letter.width.is_finite()
                && letter.size.is_finite()
                && letter.size > 0.0
                && bounds.holds(letter.x, letter.y, FARTHEST);
            if !glyph.text.is_empty() && seen {
                drawn.unknown += usize::from(glyph.text.contains(char::REPLACEMENT_CHARACTER));
                let start = drawn.text.len() as u32;
                drawn.text.push_str(glyph.text);
                let letter = Letter { start, end: drawn.text.len() as u32, ..letter };
                if bounds.holds(letter.x, letter.y, BLEED) {
                    drawn.letters.push(letter);
                } else {
                    drawn.outside.push(letter);
                }
            }
        });
        if let Some([letter]) = drawn.letters.get_mut(before..).filter(|_| mirrored) {
            letter.turn();
        }
    }

    /// An image, or a form: a page inside the page.
    fn draw(&mut self, stream: &'a Stream, resources: &'a Dictionary, state: &State, depth: usize) {
        let pdf = self.pdf;
        match pdf.name(&stream.dict, b"Subtype") {
            Some(b"Image") => self.drawn.images = true,
            // Some writers leave the type out.
            Some(b"Form") | None => {
                if depth >= DEEPEST_FORM {
                    self.drawn.cut_by(|| format!("{DEEPEST_FORM} forms inside each other"));
                    return;
                }
                let content = match unpacked(pdf, stream, self.limits.pdf_page.min(self.bytes)) {
                    Ok(content) => content,
                    Err(packed) => return self.drawn.missed(packed, self.limits),
                };
                // All forms of a page share one allowance, or drawing one many times would multiply it.
                self.bytes = self.bytes.saturating_sub(content.len());
                let own = pdf.numbers(&stream.dict, b"Matrix").map_or(Matrix::IDENTITY, Matrix);
                let resources = pdf.dictionary(&stream.dict, b"Resources").unwrap_or(resources);
                let start = State { matrix: own.then(state.matrix), ..state.clone() };
                self.follow(&content, resources, start, depth + 1);
            }
            Some(_) => {}
        }
    }
}
