//! Runs and comparisons as text tables.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use crate::bootstrap::Resampling;
use crate::comparison::{Change, Comparison};
use crate::measures::Measure;
use crate::run::Run;

/// Questions that changed are listed up to this many a side.
const CHANGES_SHOWN: usize = 10;

/// A run as two tables: each measure over all questions with its interval, then a row a group. In
/// the second, `±` is the larger half of the interval; both ends are in the run itself.
pub fn run(run: &Run) -> String {
    let Some((all, others)) = run.groups.split_first() else { return String::new() };
    let percent = format!("{:.0} % interval", run.resampling.confidence * 100.0);
    let mut rows =
        vec![["measure", "mean", percent.as_str(), "questions"].map(str::to_owned).to_vec()];
    rows.extend(all.measures.iter().map(|(measure, i)| {
        let interval = format!("{:.3} to {:.3}", i.low, i.high);
        vec![measure.to_string(), format!("{:.3}", i.mean), interval, i.n.to_string()]
    }));
    let mut text = aligned(&rows);
    if !others.is_empty() {
        let shown: Vec<Measure> = all.measures.keys().copied().collect();
        let mut rows = vec![head(&["group", "questions"], &shown)];
        for group in others {
            let mut row = vec![group.group.to_string(), group.questions.to_string()];
            row.extend(shown.iter().map(|measure| match group.measures.get(measure) {
                Some(i) => format!("{:.2} ±{:.2}", i.mean, (i.high - i.mean).max(i.mean - i.low)),
                None => "–".to_owned(),
            }));
            rows.push(row);
        }
        text.push('\n');
        text.push_str(&aligned(&rows));
    }
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}", method(run.resampling));
    text
}

/// A comparison as a table: a row a group and measure, then the questions that changed.
pub fn comparison(comparison: &Comparison) -> String {
    let head =
        ["group", "measure", "n", &comparison.baseline, &comparison.candidate, "difference", "p"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for group in &comparison.groups {
        for (measure, d) in &group.measures {
            let i = d.difference;
            rows.push(vec![
                group.group.to_string(),
                measure.to_string(),
                i.n.to_string(),
                format!("{:.3}", d.baseline),
                format!("{:.3}", d.candidate),
                format!("{:+.3} [{:+.3}, {:+.3}]", i.mean, i.low, i.high),
                p_value(d.p_value.p),
            ]);
        }
    }
    let mut text = aligned(&rows);
    let _ = writeln!(
        text,
        "{}; p: two-sided paired randomization test, not corrected for the number of rows",
        method(comparison.resampling)
    );
    for (title, changes) in [("worse", &comparison.worse), ("better", &comparison.better)] {
        if changes.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{title} ({}):", changes.len());
        for Change { id, baseline, candidate } in changes.iter().take(CHANGES_SHOWN) {
            let _ = writeln!(text, "  {id}: {} → {}", rank(*baseline), rank(*candidate));
        }
        if changes.len() > CHANGES_SHOWN {
            let _ = writeln!(text, "  and {} more", changes.len() - CHANGES_SHOWN);
        }
    }
    text
}

fn head(first: &[&str], measures: &[Measure]) -> Vec<String> {
    first
        .iter()
        .map(|name| (*name).to_owned())
        .chain(measures.iter().map(Measure::to_string))
        .collect()
}

fn method(resampling: Resampling) -> String {
    format!(
        "intervals: {:.0} % percentile bootstrap over topics, {} resamples, seed {}",
        resampling.confidence * 100.0,
        resampling.resamples,
        resampling.seed
    )
}

fn p_value(p: f64) -> String {
    if p < 0.0001 { "< 0.0001".to_owned() } else { format!("{p:.4}") }
}

fn rank(rank: Option<usize>) -> String {
    rank.map_or_else(|| "not found".to_owned(), |rank| format!("rank {rank}"))
}

/// Columns two spaces apart, as wide on a terminal as their widest cell; Chinese takes two places a
/// character.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - cell.width() + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare;
    use crate::run::tests::run as sample;

    #[test]
    fn a_run_is_a_row_a_group() {
        insta::assert_snapshot!(run(&sample("a", [1, 2, 0, 0])));
    }

    #[test]
    fn a_comparison_is_a_row_a_measure_and_names_what_changed() {
        let (old, new) = (sample("v1", [3, 1, 0, 0]), sample("v2", [2, 4, 1, 0]));
        insta::assert_snapshot!(comparison(&compare(&old, &new, Resampling::default()).unwrap()));
    }

    #[test]
    fn chinese_cells_are_aligned_too() {
        let rows =
            [vec!["标签".to_owned(), "a".to_owned()], vec!["tag".to_owned(), "b".to_owned()]];
        assert_eq!(aligned(&rows), "标签  a\ntag   b\n");
    }
}
