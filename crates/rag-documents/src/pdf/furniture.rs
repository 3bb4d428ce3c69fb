//! Running headers and footers: what stands at the same place on page after page.

use super::layout::{Line, usual_size};
use super::pages::Bounds;

/// Lines from the edge of a page that are looked at.
const OUTERMOST: usize = 3;
/// Pages on either side that are compared.
const NEIGHBORS: usize = 8;
/// How far the same line may be off on another page (points).
const OFF: f32 = 3.0;
/// The part of a page's height at either end where running lines stand.
const MARGIN: f32 = 0.16;
/// A slide has no more lines than these, and more than the few that any page of a document has at its edges.
const MOST_LINES: usize = 60;
const FEWEST_SHOWN: usize = 2;
/// A title is larger than the text by this much.
const TITLE: f32 = 1.2;

/// A page as it is compared.
pub(crate) struct Sheet<'a> {
    pub(crate) lines: &'a [Line],
    pub(crate) bounds: Bounds,
    pub(crate) label: &'a str,
}

/// A line near an edge of a page.
struct Candidate {
    line: usize,
    /// Its text with every number as one sign.
    shape: String,
    is_number: bool,
    /// Its distance from the outermost line: 0 is the outermost.
    depth: usize,
    at: f32,
    top: bool,
}

/// Which lines of each page are headers or footers.
pub(crate) fn find(sheets: &[Sheet<'_>]) -> Vec<Vec<usize>> {
    let candidates: Vec<Vec<Candidate>> = sheets.iter().map(near_edges).collect();
    let lines = sheets.iter().flat_map(|sheet| sheet.lines);
    let usual = usual_size(lines.map(|line| (line.size, line.text.len())));
    let slides = slides(sheets);
    let mut found: Vec<Vec<usize>> = Vec::with_capacity(sheets.len());
    for (page, (sheet, own)) in sheets.iter().zip(&candidates).enumerate() {
        let mut removed: Vec<usize> = (0..sheet.lines.len())
            .filter(|at| sheet.lines.get(*at).is_some_and(|l| l.artifact))
            .collect();
        let from = page.saturating_sub(NEIGHBORS);
        let to = (page + NEIGHBORS + 1).min(candidates.len());
        let others = || {
            let others = (from..to).filter(|other| *other != page);
            others.filter_map(|other| Some((other, candidates.get(other)?)))
        };
        // From the edge inwards: what stands inside of a line that stays is no header.
        for top in [true, false] {
            for depth in 0..OUTERMOST {
                let Some(candidate) = own.iter().find(|c| c.top == top && c.depth == depth) else {
                    break;
                };
                let like = |(_, page): &(usize, &Vec<Candidate>)| {
                    page.iter().any(|other| candidate.is_like(other))
                };
                let same = others().filter(like).count();
                // What belongs to a slide is on all pages that show it.
                let elsewhere = |(other, _): &_| slides.get(*other) != slides.get(page);
                if same > 0 && !others().filter(like).any(|other| elsewhere(&other)) {
                    break;
                }
                // Left and right pages may have headers of their own: half of the neighbors, or a third
                // when there are many.
                let enough = if to - from > 6 { 3.max((to - from) / 5) } else { 2 };
                // What is set larger than the text is a title, of slides that build up step by step, unless it is
                // on most pages.
                let line = sheet.lines.get(candidate.line);
                let large = line.is_some_and(|line| line.size > TITLE * usual);
                let tagged = line.is_some_and(|line| line.level.is_some());
                if large && same * 2 < to - from || tagged {
                    break;
                }
                let number = candidate.is_number && (same >= 2 || sheet.says(candidate, page));
                if same >= enough && sheets.len() >= 3 || number && sheets.len() >= 2 {
                    removed.push(candidate.line);
                } else {
                    break;
                }
            }
        }
        removed.sort_unstable();
        removed.dedup();
        found.push(removed);
    }
    found
}

/// Which slide each page shows: one that builds up step by step is on several pages, each with all that was on the one before.
fn slides(sheets: &[Sheet<'_>]) -> Vec<usize> {
    let mut slides = Vec::with_capacity(sheets.len());
    let mut slide = 0;
    for (page, sheet) in sheets.iter().enumerate() {
        let before = page.checked_sub(1).and_then(|before| sheets.get(before));
        if !before.is_some_and(|before| sheet.goes_on(before)) {
            slide += 1;
        }
        slides.push(slide);
    }
    slides
}

impl Sheet<'_> {
    /// Whether it shows all that another page does, which is more than what is at its edges.
    fn goes_on(&self, before: &Sheet<'_>) -> bool {
        let shown = |line: &Line| {
            let same = |own: &Line| {
                (own.base - line.base).abs() <= OFF && shape(&own.text) == shape(&line.text)
            };
            self.lines.iter().any(same)
        };
        let lines = || before.lines.iter().filter(|line| line.main);
        let count = lines().count();
        (FEWEST_SHOWN + 1..=MOST_LINES).contains(&count) && lines().all(shown)
    }

    /// Whether a line is no more than this page's number or label.
    fn says(&self, candidate: &Candidate, page: usize) -> bool {
        let Some(line) = self.lines.get(candidate.line) else { return false };
        let text = line.text.trim_matches(|c: char| !c.is_alphanumeric());
        !text.is_empty() && (text == self.label || text.parse() == Ok(page + 1))
    }
}

impl Candidate {
    fn is_like(&self, other: &Self) -> bool {
        self.top == other.top
            && (self.at - other.at).abs() <= OFF
            && (self.shape == other.shape
                || without_number(&self.shape) == without_number(&other.shape))
    }
}

/// A running line without the page's number before or behind it: on left pages it stands on the left, on right pages on the
/// right, or apart.
fn without_number(shape: &str) -> &str {
    let words = shape.trim_matches(|c: char| c == '#' || !c.is_alphanumeric());
    if words.is_empty() { shape } else { words }
}

fn near_edges(sheet: &Sheet<'_>) -> Vec<Candidate> {
    let bounds = sheet.bounds;
    // The frame of upright text grows downwards from the origin.
    let mut order: Vec<usize> = (0..sheet.lines.len())
        .filter(|at| sheet.lines.get(*at).is_some_and(|line| line.main))
        .collect();
    let base = |at: &usize| sheet.lines.get(*at).map_or(0.0, |line| line.base);
    order.sort_by(|a, b| base(a).total_cmp(&base(b)));
    let height = bounds.top - bounds.bottom;
    let (highest, lowest) = (-bounds.top, -bounds.bottom);
    let inside = |at: &usize| (highest - OFF..=lowest + OFF).contains(&base(at));
    let upright = order.iter().filter(|at| inside(at)).count() * 2 >= order.len();
    if upright {
        // What is drawn outside of the page is neither above its header nor below its footer.
        order.retain(inside);
    }
    let candidate = |(depth, line): (usize, usize), top: bool| {
        let text = &sheet.lines.get(line)?.text;
        let at = base(&line);
        let inside = if top { at - highest } else { lowest - at };
        let shape = shape(text);
        let is_number =
            shape.chars().all(|c| c == '#' || !c.is_alphanumeric()) && shape.contains('#');
        (!upright || inside <= MARGIN * height).then_some(Candidate {
            line,
            shape,
            is_number,
            depth,
            at,
            top,
        })
    };
    let first = order.iter().copied().take(OUTERMOST).enumerate();
    let last = order.iter().rev().copied().take(OUTERMOST).enumerate();
    first
        .filter_map(|c| candidate(c, true))
        .chain(last.filter_map(|c| candidate(c, false)))
        .collect()
}

/// A text with every number, Arabic or Roman, as one sign, so that numbered pages look alike.
fn shape(text: &str) -> String {
    let mut shape = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !shape.is_empty() {
            shape.push(' ');
        }
        if !word.is_empty() && word.chars().all(|c| "ivxlcdmIVXLCDM".contains(c)) {
            shape.push('#');
            continue;
        }
        for c in word.chars() {
            if c.is_numeric() {
                if !shape.ends_with('#') {
                    shape.push('#');
                }
            } else {
                shape.push(c);
            }
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: Bounds = Bounds { left: 0.0, bottom: 0.0, right: 600.0, top: 800.0 };

    fn line(y: f32, text: &str) -> Line {
        Line {
            text: text.to_owned(),
            left: 50.0,
            right: 300.0,
            base: -y,
            size: 10.0,
            bold: false,
            mono: false,
            row: false,
            artifact: false,
            item: false,
            block: 0,
            heading: None,
            level: None,
            paragraph: None,
            main: true,
        }
    }

    fn check(pages: &[Vec<Line>], expected: &[&str]) {
        let sheets: Vec<Sheet<'_>> =
            pages.iter().map(|lines| Sheet { lines, bounds: PAGE, label: "" }).collect();
        let removed: Vec<&str> = find(&sheets)
            .iter()
            .zip(pages)
            .flat_map(|(at, lines)| at.iter().map(|at| lines[*at].text.as_str()))
            .collect();
        assert_eq!(removed, expected);
    }

    #[test]
    fn what_repeats_at_the_edges_is_furniture_and_the_rest_is_not() {
        let page = |n: usize| {
            vec![
                line(780.0, "Handbook"),
                line(700.0, &format!("Body {}", ["one", "two", "three", "four"][n])),
                line(400.0, "Repeated in the middle"),
                line(20.0, &format!("Page {} of 4", n + 1)),
            ]
        };
        let pages: Vec<Vec<Line>> = (0..4).map(page).collect();
        check(
            &pages,
            &[
                "Handbook",
                "Page 1 of 4",
                "Handbook",
                "Page 2 of 4",
                "Handbook",
                "Page 3 of 4",
                "Handbook",
                "Page 4 of 4",
            ],
        );
    }

    #[test]
    fn page_numbers_change_sides() {
        let page = |n: usize| {
            let header = ["Y. Özen / Solar Energy", "2 Y. Özen / Solar Energy"][n % 2];
            vec![
                line(780.0, header),
                line(600.0 - n as f32 * 20.0, ["one", "two", "three", "four"][n]),
            ]
        };
        let pages: Vec<Vec<Line>> = (0..4).map(page).collect();
        let (right, left) = ("Y. Özen / Solar Energy", "2 Y. Özen / Solar Energy");
        check(&pages, &[right, left, right, left]);
    }

    #[test]
    fn what_belongs_to_a_slide_is_no_furniture() {
        // The last of three slides builds up in three steps.
        let points = ["the first point", "the second one", "the last one"];
        let slide = |title: &str, points: &[&str]| {
            let mut lines = vec![line(780.0, title), line(20.0, "Ada, on a day")];
            lines.extend(
                points.iter().enumerate().map(|(n, point)| line(600.0 - 20.0 * n as f32, point)),
            );
            lines
        };
        let mut pages = vec![slide("Welcome", &["to all"]), slide("Before", &["there was"])];
        pages.extend((1..=3).map(|n| slide("What we have made", &points[..n])));
        check(&pages, &["Ada, on a day"; 5]);
    }

    #[test]
    fn a_document_of_one_page_has_no_furniture() {
        check(&[vec![line(780.0, "Title"), line(20.0, "1")]], &[]);
    }

    #[test]
    fn numbers_look_alike() {
        assert_eq!(shape("Page 12 of 340"), shape("Page 9 of 340"));
        assert_eq!(shape("第12页"), shape("第3页"));
        assert_eq!(shape("xiv"), "#");
        assert_ne!(shape("Chapter one"), shape("Chapter two"));
    }
}
