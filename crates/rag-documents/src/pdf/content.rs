//! The instructions of a page, followed for their text (PDF 1.7, 8.4 and 9.4).

use std::rc::Rc;

use lopdf::content::Content;
use lopdf::{Dictionary, Document as Pdf, Object};

use super::dictionary;
use super::font::{Font, Fonts};
use super::layout::{Run, lay_out};
use crate::limits::Limits;

/// Forms inside forms.
const DEEPEST_FORM: usize = 8;
/// Saved graphics states.
const MOST_SAVED: usize = 256;
/// Characters of one page.
const MOST_RUNS: usize = 1_000_000;

/// What a page says.
pub(crate) struct Page {
    pub(crate) text: String,
    /// Characters whose meaning the fonts do not tell.
    pub(crate) unknown: usize,
    /// Whether it shows an image.
    pub(crate) images: bool,
    /// Whether a limit ended the reading.
    pub(crate) cut: bool,
}

pub(crate) fn read(
    pdf: &Pdf,
    content: &[u8],
    resources: &Dictionary,
    fonts: &mut Fonts<'_>,
    limits: &Limits,
) -> Result<Page, String> {
    let mut reader = Reader {
        pdf,
        fonts,
        limits,
        runs: Vec::new(),
        budget: limits.pdf_instructions,
        bytes: limits.pdf_page,
        unknown: 0,
        images: false,
        cut: false,
    };
    reader.follow(content, resources, Matrix::IDENTITY, 0)?;
    Ok(Page {
        text: lay_out(&reader.runs),
        unknown: reader.unknown,
        images: reader.images,
        cut: reader.cut,
    })
}

/// `[a b c d e f]` as in the specification.
#[derive(Debug, Clone, Copy)]
struct Matrix([f32; 6]);

impl Matrix {
    const IDENTITY: Self = Self([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    fn translation(x: f32, y: f32) -> Self {
        Self([1.0, 0.0, 0.0, 1.0, x, y])
    }

    /// First `self`, then `outer`.
    fn then(self, outer: Self) -> Self {
        let ([a, b, c, d, e, f], [g, h, i, j, k, l]) = (self.0, outer.0);
        Self([
            a * g + b * i,
            a * h + b * j,
            c * g + d * i,
            c * h + d * j,
            e * g + f * i + k,
            e * h + f * j + l,
        ])
    }
}

#[derive(Clone)]
struct State<'a> {
    matrix: Matrix,
    font: Option<Rc<Font<'a>>>,
    size: f32,
    character_spacing: f32,
    word_spacing: f32,
    scale: f32,
    leading: f32,
    rise: f32,
}

struct Reader<'r, 'a> {
    pdf: &'r Pdf,
    fonts: &'r mut Fonts<'a>,
    limits: &'r Limits,
    runs: Vec<Run>,
    budget: usize,
    bytes: usize,
    unknown: usize,
    images: bool,
    cut: bool,
}

impl<'a> Reader<'_, 'a> {
    fn follow(
        &mut self,
        content: &[u8],
        resources: &Dictionary,
        outer: Matrix,
        depth: usize,
    ) -> Result<(), String> {
        let content = Content::decode(content).map_err(|e| e.to_string())?;
        let mut state = State {
            matrix: outer,
            font: None,
            size: 0.0,
            character_spacing: 0.0,
            word_spacing: 0.0,
            scale: 1.0,
            leading: 0.0,
            rise: 0.0,
        };
        let mut saved: Vec<State<'a>> = Vec::new();
        let (mut text, mut line) = (Matrix::IDENTITY, Matrix::IDENTITY);
        for operation in &content.operations {
            let Some(left) = self.budget.checked_sub(1) else {
                self.cut = true;
                return Ok(());
            };
            self.budget = left;
            let operands = &operation.operands;
            let n = |i: usize| {
                let value = operands.get(i).and_then(|o| o.as_float().ok()).unwrap_or(0.0);
                if value.is_finite() { value } else { 0.0 }
            };
            let matrix = || Matrix([n(0), n(1), n(2), n(3), n(4), n(5)]);
            match operation.operator.as_str() {
                "q" if saved.len() < MOST_SAVED => saved.push(state.clone()),
                "Q" => {
                    if let Some(last) = saved.pop() {
                        state = last;
                    }
                }
                "cm" => state.matrix = matrix().then(state.matrix),
                "BT" => (text, line) = (Matrix::IDENTITY, Matrix::IDENTITY),
                "Tf" => {
                    let name = operands.first().and_then(|o| o.as_name().ok());
                    state.font = name.and_then(|name| self.fonts.get(resources, name));
                    state.size = n(1);
                }
                "Tc" => state.character_spacing = n(0),
                "Tw" => state.word_spacing = n(0),
                "Tz" => state.scale = n(0) / 100.0,
                "TL" => state.leading = n(0),
                "Ts" => state.rise = n(0),
                "Tm" => (text, line) = (matrix(), matrix()),
                "Td" | "TD" => {
                    if operation.operator == "TD" {
                        state.leading = -n(1);
                    }
                    line = Matrix::translation(n(0), n(1)).then(line);
                    text = line;
                }
                "T*" => {
                    line = Matrix::translation(0.0, -state.leading).then(line);
                    text = line;
                }
                "Tj" => self.show_operand(&state, &mut text, operands.first()),
                "'" | "\"" => {
                    if operation.operator == "\"" {
                        (state.word_spacing, state.character_spacing) = (n(0), n(1));
                    }
                    line = Matrix::translation(0.0, -state.leading).then(line);
                    text = line;
                    self.show_operand(&state, &mut text, operands.last());
                }
                "TJ" => {
                    let parts = operands.first().and_then(|o| o.as_array().ok());
                    for part in parts.into_iter().flatten() {
                        if let Ok(back) = part.as_float() {
                            let move_by = -back / 1000.0 * state.size * state.scale;
                            text = Matrix::translation(move_by, 0.0).then(text);
                        } else {
                            self.show_operand(&state, &mut text, Some(part));
                        }
                    }
                }
                "Do" => {
                    if let Some(name) = operands.first().and_then(|o| o.as_name().ok()) {
                        self.draw(name, resources, state.matrix, depth);
                    }
                }
                "BI" | "EI" => self.images = true,
                _ => {}
            }
        }
        Ok(())
    }

    fn show_operand(&mut self, state: &State<'_>, text: &mut Matrix, operand: Option<&Object>) {
        let (Some(Object::String(bytes, _)), Some(font)) = (operand, &state.font) else { return };
        for glyph in font.decode(bytes) {
            if self.runs.len() >= MOST_RUNS {
                self.cut = true;
                return;
            }
            let spacing =
                state.character_spacing + if glyph.is_space { state.word_spacing } else { 0.0 };
            let width = glyph.width / 1000.0 * state.size * state.scale;
            let Matrix([a, b, c, d, x, y]) =
                Matrix::translation(0.0, state.rise).then(*text).then(state.matrix);
            self.unknown += glyph.text.matches(char::REPLACEMENT_CHARACTER).count();
            if !glyph.text.is_empty() {
                let along = (a * a + b * b).sqrt();
                self.runs.push(Run {
                    text: glyph.text,
                    x,
                    y,
                    width: width * along,
                    size: state.size.abs() * (c * c + d * d).sqrt(),
                    // The way the text runs, so that rotated text is laid out along its own lines.
                    direction: if along > 0.0 { (a / along, b / along) } else { (1.0, 0.0) },
                });
            }
            *text = Matrix::translation(width + spacing * state.scale, 0.0).then(*text);
        }
    }

    /// An image, or a form: a page inside the page.
    fn draw(&mut self, name: &[u8], resources: &Dictionary, outer: Matrix, depth: usize) {
        let pdf = self.pdf;
        let Some(stream) = dictionary(pdf, resources, b"XObject")
            .and_then(|objects| objects.get_deref(name, pdf).ok())
            .and_then(|object| object.as_stream().ok())
        else {
            return;
        };
        let kind = stream.dict.get(b"Subtype").and_then(Object::as_name).unwrap_or_default();
        if kind == b"Image" {
            self.images = true;
        }
        if kind != b"Form" {
            return;
        }
        if depth >= DEEPEST_FORM {
            self.cut = true;
            return;
        }
        let limit = self.limits.pdf_page.min(self.bytes);
        let Ok(content) = stream.get_plain_content_with_limit(limit) else {
            self.cut = true;
            return;
        };
        // All forms of a page share one allowance, or drawing one many times would multiply it.
        self.bytes = self.bytes.saturating_sub(content.len());
        let own = stream
            .dict
            .get_deref(b"Matrix", pdf)
            .and_then(Object::as_array)
            .ok()
            .filter(|m| m.len() == 6)
            .map_or(Matrix::IDENTITY, |m| {
                let mut values = [0.0; 6];
                for (value, object) in values.iter_mut().zip(m) {
                    *value = object.as_float().unwrap_or(0.0);
                }
                Matrix(values)
            });
        let resources = dictionary(pdf, &stream.dict, b"Resources").unwrap_or(resources);
        if self.follow(&content, resources, own.then(outer), depth + 1).is_err() {
            self.cut = true;
        }
    }
}
