//! Which lines are headings: those the outline or the tags name, or else those set larger than the text.

use std::collections::HashMap;

use super::layout::Line;
use super::outline::Entry;

/// A heading set larger than the text is at least this much larger.
const LARGER: f32 = 1.12;
/// Longer lines are no headings.
const LONGEST: usize = 140;
/// Headings on one page, and lines of it, that are searched for those of the outline.
const MOST_ON_A_PAGE: usize = 200;
const LONGEST_PAGE: usize = 2_000;
/// Where more than one line in so many is a heading, nothing is said by it: neither by size, nor by tags.
const MOST_OF: usize = 3;
const MOST_TAGGED: usize = 2;
/// Levels of headings by font size.
const LEVELS: usize = 5;

/// A heading on a page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Heading {
    /// The first of its lines, as an index into the page's lines; the heading applies from there on.
    pub(crate) line: usize,
    /// How many lines it takes; 0 when it is not printed.
    pub(crate) lines: usize,
    /// 0 is the outermost.
    pub(crate) level: usize,
    pub(crate) title: String,
}

/// The headings of each page, in reading order.
pub(crate) fn find(pages: &[Vec<Line>], outline: &[Entry]) -> Vec<Vec<Heading>> {
    let mut found = if outline.is_empty() {
        by_tags(pages).unwrap_or_else(|| by_size(pages))
    } else {
        by_outline(pages, outline)
    };
    for page in &mut found {
        page.sort_by_key(|heading| heading.line);
    }
    found
}

fn by_outline(pages: &[Vec<Line>], outline: &[Entry]) -> Vec<Vec<Heading>> {
    let mut found: Vec<Vec<Heading>> = vec![Vec::new(); pages.len()];
    for entry in outline {
        let (Some(lines), Some(headings)) = (pages.get(entry.page), found.get_mut(entry.page))
        else {
            continue;
        };
        let taken =
            |at: usize| headings.iter().any(|h| at >= h.line && at < h.line + h.lines.max(1));
        // Not before the last heading: the outline is in reading order, mostly.
        let wanted = letters(&entry.title);
        let mut best: Option<(f32, usize, usize)> = None;
        // Of a page that is full of entries, or longer than any printed one, only a part is searched.
        let searched =
            if headings.len() < MOST_ON_A_PAGE { lines.len().min(LONGEST_PAGE) } else { 0 };
        for start in 0..searched {
            let Some(count) = matching(lines, start, &wanted) else { continue };
            if taken(start) {
                continue;
            }
            let far = match (entry.top, lines.get(start)) {
                (Some(top), Some(line)) => (-line.base - top).abs(),
                _ => start as f32,
            };
            if best.is_none_or(|(least, _, _)| far < least) {
                best = Some((far, start, count));
            }
        }
        let heading =
            |line, lines| Heading { line, lines, level: entry.level, title: entry.title.clone() };
        if let Some((_, start, count)) = best {
            headings.push(heading(start, count));
        } else {
            // Not printed as it is in the outline: it applies from the place it leads to.
            let place = entry.top.and_then(|top| lines.iter().position(|line| -line.base <= top));
            headings.push(heading(place.unwrap_or(0), 0));
        }
    }
    found
}

/// How many lines from `start` on say no more than `wanted`, a chapter number before it apart.
fn matching(lines: &[Line], start: usize, wanted: &str) -> Option<usize> {
    if wanted.is_empty() {
        return None;
    }
    let mut said = String::new();
    for count in 1..=3 {
        let line = lines.get(start + count - 1)?;
        said.push_str(&letters(&line.text));
        if said.len() > wanted.len() + 24 {
            return None;
        }
        let numbered = said.strip_suffix(wanted).is_some_and(|number| {
            number.chars().all(|c| {
                c.is_numeric() || "ivxlc第章节節部附録录appendixchapterkapitelabcdefg".contains(c)
            })
        });
        if said == wanted || numbered {
            return Some(count);
        }
    }
    None
}

/// The letters of a text, without case, spaces and punctuation.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The headings that the document's tags name; `None` when it names none, or nearly everything.
fn by_tags(pages: &[Vec<Line>]) -> Option<Vec<Vec<Heading>>> {
    let lines = || pages.iter().flatten();
    let tagged = lines().filter(|line| line.level.is_some()).count();
    if tagged == 0 || tagged * MOST_TAGGED > lines().count() {
        return None;
    }
    let of_page = |lines: &Vec<Line>| {
        let mut headings: Vec<Heading> = Vec::new();
        let mut last = None;
        for (at, line) in lines.iter().enumerate() {
            let Some(level) = line.level else { continue };
            match headings.last_mut() {
                Some(heading) if heading.line + heading.lines == at && last == line.paragraph => {
                    heading.lines += 1;
                    super::layout::join(&mut heading.title, &line.text);
                }
                _ => headings.push(Heading { line: at, lines: 1, level, title: line.text.clone() }),
            }
            last = line.paragraph;
        }
        headings.retain(|heading| heading.title.chars().count() <= LONGEST);
        headings
    };
    let mut found: Vec<Vec<Heading>> = pages.iter().map(of_page).collect();
    // Word processors tag their titles as paragraphs.
    let largest = lines().filter(|line| line.level.is_some()).map(|l| l.size).fold(0.0, f32::max);
    if let (Some(lines), Some(first)) = (pages.first(), found.first_mut()) {
        let is_title = |heading: &Heading| {
            lines.get(heading.line).is_some_and(|line| line.size >= LARGER * largest)
                && first.first().is_none_or(|tagged| heading.line < tagged.line)
        };
        let sized = by_size(pages).into_iter().next().unwrap_or_default();
        if let Some(title) = sized.into_iter().find(is_title) {
            first.insert(0, Heading { level: 0, ..title });
        }
    }
    Some(found)
}

fn by_size(pages: &[Vec<Line>]) -> Vec<Vec<Heading>> {
    let body = body_size(pages);
    let key = |size: f32| (size * 2.0).round() as i32;
    // Sizes of lines that stand out, with how many there are.
    let mut sizes: HashMap<i32, usize> = HashMap::new();
    let total: usize = pages.iter().map(Vec::len).sum();
    let stands_out = |line: &Line| {
        line.main
            && !line.row
            && !line.mono
            && line.size >= LARGER * body
            && line.text.chars().count() <= LONGEST
            && line.text.chars().filter(|c| c.is_alphabetic()).count() >= 2
    };
    for line in pages.iter().flatten().filter(|line| stands_out(line)) {
        *sizes.entry(key(line.size)).or_default() += 1;
    }
    let mut levels: Vec<i32> = sizes.keys().copied().collect();
    levels.sort_unstable_by(|a, b| b.cmp(a));
    // Where a third of the lines stand out, size says nothing.
    if sizes.values().sum::<usize>() * MOST_OF > total || total < 8 {
        return vec![Vec::new(); pages.len()];
    }
    let level =
        |size: f32| levels.iter().position(|l| *l == key(size)).unwrap_or(0).min(LEVELS - 1);
    pages
        .iter()
        .map(|lines| {
            let mut headings: Vec<Heading> = Vec::new();
            for (at, line) in lines.iter().enumerate().filter(|(_, line)| stands_out(line)) {
                let level = level(line.size);
                match headings.last_mut() {
                    // A heading of more than one line.
                    Some(last)
                        if last.line + last.lines == at
                            && last.level == level
                            && last.lines < 3
                            && lines.get(at - 1).is_some_and(|above| {
                                above.block == line.block
                                    && line.base - above.base < 1.6 * line.size
                            }) =>
                    {
                        last.lines += 1;
                        super::layout::join(&mut last.title, &line.text);
                    }
                    _ => headings.push(Heading {
                        line: at,
                        lines: 1,
                        level,
                        title: line.text.clone(),
                    }),
                }
            }
            // What goes on for longer is text that happens to be large.
            headings.retain(|heading| heading.title.chars().count() <= LONGEST);
            headings
        })
        .collect()
}

/// The font size of most text.
fn body_size(pages: &[Vec<Line>]) -> f32 {
    let mut weights: HashMap<i32, usize> = HashMap::new();
    for line in pages.iter().flatten() {
        *weights.entry((line.size * 4.0).round() as i32).or_default() += line.text.len();
    }
    let most = weights.into_iter().max_by_key(|(size, weight)| (*weight, *size));
    most.map_or(10.0, |(size, _)| size as f32 / 4.0)
}

/// The headings that are open, outermost first.
#[derive(Debug, Default)]
pub(crate) struct Path {
    open: Vec<(usize, String)>,
}

impl Path {
    pub(crate) fn enter(&mut self, heading: &Heading) {
        self.open.retain(|(level, _)| *level < heading.level);
        self.open.push((heading.level, heading.title.clone()));
    }

    pub(crate) fn text(&self) -> Option<String> {
        let titles: Vec<&str> = self.open.iter().map(|(_, title)| title.as_str()).collect();
        (!titles.is_empty()).then(|| titles.join(" > "))
    }
}
