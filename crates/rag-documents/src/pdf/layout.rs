//! Characters with positions into lines, and lines into paragraphs.

/// One character, or ligature, where it stands on the page (in points).
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) text: String,
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) width: f32,
    pub(crate) size: f32,
    /// Unit vector along which the text runs.
    pub(crate) direction: (f32, f32),
}

/// A gap wider than this share of the font size parts two words.
const WORD_GAP: f32 = 0.1;
/// Chinese is set in a grid and stretched to fill a line: only a gap of this share parts it.
const WIDE_GAP: f32 = 0.8;
/// Characters whose baselines differ by more than this share of the font size stand on different
/// lines; less is a superscript.
const LINE_SHIFT: f32 = 0.6;
/// Lines further apart than this multiple of the page's usual distance are different paragraphs.
const PARAGRAPH_GAP: f32 = 1.3;

struct Line {
    text: String,
    start: f32,
    end: f32,
    /// Along the direction across the lines, growing downwards.
    down: f32,
    size: f32,
}

/// The text of a page: a line of output for each paragraph.
pub(crate) fn lay_out(runs: &[Run]) -> String {
    let lines = lines(runs);
    let leading = usual_leading(&lines);
    let right = lines.iter().map(|line| line.end).fold(f32::MIN, f32::max);
    let mut text = String::new();
    let mut previous: Option<&Line> = None;
    for line in &lines {
        if let Some(previous) = previous {
            if continues(previous, line, leading, right) {
                join(&mut text, &line.text);
            } else {
                text.push('\n');
                text.push_str(&line.text);
            }
        } else {
            text.push_str(&line.text);
        }
        previous = Some(line);
    }
    text
}

fn lines(runs: &[Run]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut current: Option<Line> = None;
    let mut direction = (1.0, 0.0);
    for run in runs {
        if !run.x.is_finite() || !run.y.is_finite() || !run.width.is_finite() {
            continue;
        }
        let (dx, dy) = run.direction;
        let along = run.x * dx + run.y * dy;
        let down = run.x * dy - run.y * dx;
        let turned = (direction.0 - dx).abs() + (direction.1 - dy).abs() > 0.1;
        direction = run.direction;
        let size = run.size.max(0.1);
        match &mut current {
            Some(line)
                if !turned
                    && (down - line.down).abs() <= LINE_SHIFT * size.max(line.size)
                    && along >= line.end - 2.0 * size.max(line.size) =>
            {
                let gap = along - line.end;
                let wide = line.text.chars().next_back().is_some_and(is_wide)
                    && run.text.chars().next().is_some_and(is_wide);
                let needed = if wide { WIDE_GAP } else { WORD_GAP } * size.min(line.size);
                if gap > needed && !line.text.ends_with(' ') && !run.text.starts_with(' ') {
                    line.text.push(' ');
                }
                if !(run.text == " " && line.text.ends_with(' ')) {
                    line.text.push_str(&run.text);
                }
                line.end = line.end.max(along + run.width);
                if size > line.size {
                    line.size = size;
                    line.down = down;
                }
            }
            _ => {
                lines.extend(current.take());
                current = Some(Line {
                    text: run.text.clone(),
                    start: along,
                    end: along + run.width,
                    down,
                    size,
                });
            }
        }
    }
    lines.extend(current);
    for line in &mut lines {
        line.text = line.text.trim().to_owned();
    }
    lines.retain(|line| !line.text.is_empty());
    lines
}

/// The distance most neighboring lines of a page have, relative to their font size.
fn usual_leading(lines: &[Line]) -> f32 {
    let mut gaps: Vec<f32> = lines
        .windows(2)
        .filter_map(|pair| {
            let [above, below] = pair else { return None };
            let gap = (below.down - above.down) / above.size;
            (0.5..3.0).contains(&gap).then_some(gap)
        })
        .collect();
    gaps.sort_by(f32::total_cmp);
    gaps.get(gaps.len() / 2).copied().unwrap_or(1.2).clamp(0.9, 2.0)
}

/// Whether `line` goes on where `previous` ended because its line was full.
fn continues(previous: &Line, line: &Line, leading: f32, right: f32) -> bool {
    let size = previous.size;
    let gap = (line.down - previous.down) / size;
    let same_size = (line.size - size).abs() <= 0.1 * size;
    let wide = line.text.chars().next().is_some_and(is_wide);
    // A line is full when the next word would not have fitted: one character of Chinese, or a word.
    let first_word = line.text.split(' ').next().map_or(0, |word| word.chars().count());
    let room = if wide { 2.5 * size } else { (first_word.min(20) as f32 * 0.6 + 1.5) * size };
    gap > 0.0
        && gap <= leading * PARAGRAPH_GAP
        && same_size
        && previous.end >= right - room
        && line.start <= previous.start + 2.5 * size
        && !begins_item(&line.text)
}

/// Whether a line begins a list item.
fn begins_item(text: &str) -> bool {
    text.starts_with(['•', '●', '◦', '▪', '■', '–', '·', '‣', '\u{f0b7}'])
        || text.starts_with("- ")
        || text.starts_with("* ")
}

/// Appends a line: Chinese without a space, words with one.
fn join(text: &mut String, line: &str) {
    let wide =
        text.chars().next_back().is_some_and(is_wide) && line.chars().next().is_some_and(is_wide);
    if !wide {
        text.push(' ');
    }
    text.push_str(line);
}

/// Ideographs, kana, hangul, and their punctuation: written without spaces.
fn is_wide(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{115F}' | '\u{2E80}'..='\u{303E}' | '\u{3041}'..='\u{33FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{A000}'..='\u{A4CF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{FE30}'..='\u{FE4F}' | '\u{FF00}'..='\u{FF60}'
        | '\u{FFE0}'..='\u{FFE6}' | '\u{20000}'..='\u{3FFFD}' | '“' | '”' | '‘' | '’' | '…' | '—')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sets `text` from `x` at height `y`, 10 points high, half as wide (Chinese: as wide).
    fn set(runs: &mut Vec<Run>, x: f32, y: f32, text: &str) {
        let mut x = x;
        for c in text.chars() {
            let width = if is_wide(c) { 10.0 } else { 5.0 };
            if c != ' ' {
                runs.push(Run {
                    text: c.to_string(),
                    x,
                    y,
                    width,
                    size: 10.0,
                    direction: (1.0, 0.0),
                });
            }
            x += width;
        }
    }

    fn check(lines: &[(f32, f32, &str)], expected: &str) {
        let mut runs = Vec::new();
        for (x, y, text) in lines {
            set(&mut runs, *x, *y, text);
        }
        assert_eq!(lay_out(&runs), expected);
    }

    #[test]
    fn full_lines_are_joined_and_short_ones_end_a_paragraph() {
        check(
            &[(0., 100., "the quick brown fox"), (0., 88., "over it."), (0., 76., "Next.")],
            "the quick brown fox over it.\nNext.",
        );
        check(
            &[(0., 100., "员工每年享有十五天"), (0., 88., "带薪年假。"), (0., 60., "病假")],
            "员工每年享有十五天带薪年假。\n病假",
        );
    }

    #[test]
    fn a_gap_is_a_space_between_words_but_not_between_ideographs() {
        check(&[(0., 0., "word"), (23., 0., "gap")], "word gap");
        check(&[(0., 0., "年"), (13., 0., "假")], "年假");
    }

    #[test]
    fn list_items_stay_apart() {
        check(&[(0., 100., "• one long enough"), (0., 88., "• two")], "• one long enough\n• two");
    }
}
