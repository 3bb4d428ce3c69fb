//! What is written onto a page from outside its content: form fields and notes (PDF 1.7, 12.5.5).

use lopdf::{Dictionary, Object, Stream};

use super::super::matrix::Matrix;
use super::super::objects::{Objects, as_dictionary};
use super::super::text_string;
use super::marked::EMPTY;
use super::{BLEED, Letter, Reader, State};

impl<'a> Reader<'_, 'a> {
    /// What is filled into forms or written onto the page stands in the appearances of annotations.
    pub(super) fn annotations(&mut self, page: &'a Dictionary) {
        const HIDDEN: i64 = 2 | 32;
        const MOST_ANNOTATIONS: usize = 10_000;
        let pdf = self.pdf;
        let all = pdf.array(page, b"Annots").map(Vec::as_slice).unwrap_or_default();
        for annotation in all.iter().take(MOST_ANNOTATIONS) {
            let Some(annotation) = pdf.follow(annotation).and_then(as_dictionary) else { continue };
            let flags = pdf.value(annotation, b"F").and_then(|f| f.as_i64().ok()).unwrap_or(0);
            let kind = pdf.name(annotation, b"Subtype").unwrap_or_default();
            if flags & HIDDEN != 0 || kind == b"Popup" {
                continue;
            }
            let normal = pdf.dictionary(annotation, b"AP").and_then(|ap| pdf.value(ap, b"N"));
            let stream = match normal {
                Some(Object::Stream(stream)) => Some(stream),
                Some(Object::Dictionary(states)) => {
                    pdf.name(annotation, b"AS").and_then(|state| pdf.stream(states, state))
                }
                _ => None,
            };
            let Some(rectangle) = pdf.numbers::<4>(annotation, b"Rect") else { continue };
            let before = self.drawn.letters.len();
            if let Some(stream) = stream {
                self.appearance(stream, rectangle);
            }
            if kind == b"Widget" && self.drawn.letters.len() == before {
                self.value(annotation, rectangle);
            }
        }
    }

    fn appearance(&mut self, stream: &'a Stream, rectangle: [f32; 4]) {
        let pdf = self.pdf;
        let matrix = pdf.numbers(&stream.dict, b"Matrix").map_or(Matrix::IDENTITY, Matrix);
        let [x0, y0, x1, y1] = pdf.numbers(&stream.dict, b"BBox").unwrap_or(rectangle);
        // The box of the appearance, transformed, fills the rectangle (PDF 1.7, 12.5.5).
        let corners = [(x0, y0), (x1, y0), (x0, y1), (x1, y1)]
            .map(|(x, y)| Matrix::translation(x, y).then(matrix).0);
        let least = |at: usize| corners.iter().map(|c| c[at]).fold(f32::MAX, f32::min);
        let most = |at: usize| corners.iter().map(|c| c[at]).fold(f32::MIN, f32::max);
        let (wide, high) = (most(4) - least(4), most(5) - least(5));
        let fit = |room: f32, has: f32| if has > 0.0 { room.abs() / has } else { 1.0 };
        let (sx, sy) =
            (fit(rectangle[2] - rectangle[0], wide), fit(rectangle[3] - rectangle[1], high));
        let place = Matrix([
            sx,
            0.0,
            0.0,
            sy,
            rectangle[0].min(rectangle[2]) - least(4) * sx,
            rectangle[1].min(rectangle[3]) - least(5) * sy,
        ]);
        let state = State { matrix: place, ..State::new() };
        self.draw(stream, &stream.dict, &state, 0);
    }

    /// The value of a form field that has no picture, or an empty one: whoever shows the page makes it (PDF 1.7, 12.7.3.3).
    fn value(&mut self, widget: &'a Dictionary, rectangle: [f32; 4]) {
        const PASSWORD: i64 = 1 << 13;
        const COMBO: i64 = 1 << 17;
        const MOST_LINES: usize = 200;
        let pdf = self.pdf;
        let flags = self.inherited(widget, b"Ff").and_then(|f| f.as_i64().ok()).unwrap_or(0);
        let kind = self.inherited(widget, b"FT").and_then(|kind| kind.as_name().ok());
        let text = |object: &Object| object.as_str().ok().map(text_string);
        let lines: Vec<String> = match kind {
            Some(b"Ch") if flags & COMBO == 0 => {
                // A list shows all that can be chosen, each a text or a pair whose second is shown.
                let options = self.inherited(widget, b"Opt").and_then(|o| o.as_array().ok());
                let shown = |option: &Object| {
                    let option = pdf.follow(option)?;
                    let pair = option.as_array().ok().and_then(|pair| pair.get(1));
                    text(pair.and_then(|shown| pdf.follow(shown)).unwrap_or(option))
                };
                options.into_iter().flatten().take(MOST_LINES).filter_map(shown).collect()
            }
            Some(b"Tx" | b"Ch") if flags & PASSWORD == 0 => {
                let value = self.inherited(widget, b"V").and_then(text).unwrap_or_default();
                value.split(['\r', '\n']).take(MOST_LINES).map(str::to_owned).collect()
            }
            _ => return,
        };
        let [left, right] = [rectangle[0].min(rectangle[2]), rectangle[0].max(rectangle[2])];
        let [bottom, top] = [rectangle[1].min(rectangle[3]), rectangle[1].max(rectangle[3])];
        // Comparing refuses what is no number, too.
        if !(top - bottom < 1e6 && right - left < 1e6 && self.bounds.holds(left, top, BLEED)) {
            return;
        }
        let size = ((top - bottom) / (1.2 * lines.len().max(1) as f32)).clamp(4.0, 12.0);
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let letters = line.chars().count() as f32;
            let width = (0.5 * size * letters).min(right - left);
            let y = top - size * (1.2 * at as f32 + 1.0);
            self.drawn.write(line, Letter { x: left, y, width, size, ..EMPTY }, self.limits);
        }
    }

    /// What a field has or inherits from the fields above it.
    fn inherited(&self, field: &'a Dictionary, key: &[u8]) -> Option<&'a Object> {
        const DEEPEST: usize = 16;
        let above =
            std::iter::successors(Some(field), |field| self.pdf.dictionary(field, b"Parent"));
        above.take(DEEPEST).find_map(|field| self.pdf.value(field, key))
    }
}
