//! What is written onto a page from outside its content: form fields and notes (PDF 1.7, 12.5.5).

use lopdf::{Dictionary, Object};

use super::super::matrix::Matrix;
use super::super::objects::{Objects, as_dictionary};
use super::{Reader, State};

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
            let (Some(stream), Some(rectangle)) = (stream, pdf.numbers::<4>(annotation, b"Rect"))
            else {
                continue;
            };
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
    }
}
