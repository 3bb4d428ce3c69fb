//! Straight lines that a page draws: the borders of its tables (PDF 1.7, 8.5).

use super::matrix::Matrix;

/// Lines of one page; a page with more is a drawing.
const MOST_RULES: usize = 4_000;
/// Segments of one path, of which borders have few.
const MOST_SEGMENTS: usize = 2_000;
/// The shortest line that may part cells (points).
const SHORTEST: f32 = 4.0;
/// How far a line may lean, and how thick a filled box may be that is drawn as a line (points).
const LEAN: f32 = 0.5;
const THICKEST: f32 = 3.0;

type Point = (f32, f32);

/// A line along one of the page's axes, from its lower left to its upper right end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rule {
    pub(crate) from: Point,
    pub(crate) to: Point,
}

/// Follows the paths of a page for what looks like a line.
#[derive(Debug, Default)]
pub(crate) struct Tracer {
    at: Point,
    start: Point,
    segments: Vec<(Point, Point)>,
    rules: Vec<Rule>,
    /// Whether there were too many to be borders.
    full: bool,
}

impl Tracer {
    /// Follows one instruction, if it is one about paths.
    pub(crate) fn follow(&mut self, operator: &[u8], n: impl Fn(usize) -> f32, matrix: Matrix) {
        let point = |at: usize| {
            let Matrix([a, b, c, d, e, f]) = matrix;
            let (x, y) = (n(at), n(at + 1));
            (a * x + c * y + e, b * x + d * y + f)
        };
        match operator {
            b"m" => (self.at, self.start) = (point(0), point(0)),
            b"l" => self.line_to(point(0)),
            b"c" => self.at = point(4),
            b"v" | b"y" => self.at = point(2),
            b"h" => self.line_to(self.start),
            b"re" => {
                let (x, y, width, height) = (n(0), n(1), n(2), n(3));
                let corner = |x: f32, y: f32| {
                    let Matrix([.., e, f]) = Matrix::translation(x, y).then(matrix);
                    (e, f)
                };
                (self.at, self.start) = (corner(x, y), corner(x, y));
                self.line_to(corner(x + width, y));
                self.line_to(corner(x + width, y + height));
                self.line_to(corner(x, y + height));
                self.line_to(self.start);
            }
            b"s" | b"b" | b"b*" => {
                self.line_to(self.start);
                self.stroke();
            }
            b"S" | b"B" | b"B*" => self.stroke(),
            b"f" | b"F" | b"f*" => self.fill(),
            b"n" => self.segments.clear(),
            _ => {}
        }
    }

    fn line_to(&mut self, to: Point) {
        if self.segments.len() < MOST_SEGMENTS {
            self.segments.push((self.at, to));
        }
        self.at = to;
    }

    fn stroke(&mut self) {
        for (a, b) in std::mem::take(&mut self.segments) {
            self.add(a, b);
        }
    }

    /// A filled path is a line when it is a thin box; several may be filled at once.
    fn fill(&mut self) {
        let segments = std::mem::take(&mut self.segments);
        for part in segments.chunks(4) {
            let points = || part.iter().flat_map(|(a, b)| [*a, *b]);
            let least = points().fold((f32::MAX, f32::MAX), |m, p| (m.0.min(p.0), m.1.min(p.1)));
            let most = points().fold((f32::MIN, f32::MIN), |m, p| (m.0.max(p.0), m.1.max(p.1)));
            let (width, height) = (most.0 - least.0, most.1 - least.1);
            let (x, y) = ((least.0 + most.0) / 2.0, (least.1 + most.1) / 2.0);
            if height <= THICKEST && width > height {
                self.add((least.0, y), (most.0, y));
            } else if width <= THICKEST && height > width {
                self.add((x, least.1), (x, most.1));
            }
        }
    }

    fn add(&mut self, a: Point, b: Point) {
        let (from, to) = ((a.0.min(b.0), a.1.min(b.1)), (a.0.max(b.0), a.1.max(b.1)));
        let (width, height) = (to.0 - from.0, to.1 - from.1);
        let straight = width <= LEAN && height >= SHORTEST || height <= LEAN && width >= SHORTEST;
        let there = [from.0, from.1, to.0, to.1].iter().all(|n| n.is_finite());
        if self.rules.len() >= MOST_RULES {
            self.full = true;
        } else if straight && there {
            self.rules.push(Rule { from, to });
        }
    }

    /// The lines, or none where there were too many.
    pub(crate) fn finish(self) -> Vec<Rule> {
        if self.full { Vec::new() } else { self.rules }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_however_they_are_drawn() {
        let draw = |instructions: &[(&str, &[f32])]| {
            let mut tracer = Tracer::default();
            for (operator, numbers) in instructions {
                let n = |at: usize| numbers.get(at).copied().unwrap_or(0.0);
                tracer.follow(operator.as_bytes(), n, Matrix([2.0, 0.0, 0.0, 2.0, 0.0, 0.0]));
            }
            tracer.finish()
        };
        let expected = [Rule { from: (20.0, 40.0), to: (120.0, 40.0) }];
        assert_eq!(draw(&[("m", &[10., 20.]), ("l", &[60., 20.]), ("S", &[])]), expected);
        assert_eq!(draw(&[("re", &[10., 19.75, 50., 0.5]), ("f", &[])]), expected);
        assert_eq!(draw(&[("m", &[10., 20.]), ("l", &[60., 20.]), ("n", &[]), ("S", &[])]), []);
        assert_eq!(draw(&[("re", &[0., 0., 50., 50.]), ("f", &[])]), []);
        assert_eq!(draw(&[("re", &[0., 0., 50., 50.]), ("S", &[])]).len(), 4);
        assert_eq!(draw(&[("m", &[0., 0.]), ("l", &[60., 20.]), ("S", &[])]), []);
    }
}
