//! Rows of values into lines.

use csv::{ReaderBuilder, Trim};

use crate::document::DocumentError;
use crate::limits::Limits;
use crate::outline::too_much_text;

/// Lines that are looked at to see what parts the values.
const SAMPLE: usize = 20;
const SEPARATORS: [char; 4] = [',', ';', '\t', '|'];

/// Each row as a line, its cells with ` | ` between them. A line end inside a cell is a space.
pub(super) fn rows(text: &str, limits: &Limits) -> Result<String, DocumentError> {
    let mut reader = ReaderBuilder::new()
        .delimiter(separator(text) as u8)
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let mut rows = String::with_capacity(text.len());
    for record in reader.records() {
        let record = record.map_err(|e| DocumentError::Broken(e.to_string()))?;
        if record.iter().all(str::is_empty) {
            continue;
        }
        if !rows.is_empty() {
            rows.push('\n');
        }
        for (at, cell) in record.iter().enumerate() {
            if at > 0 {
                rows.push_str(" | ");
            }
            for (at, word) in cell.split_whitespace().enumerate() {
                if at > 0 {
                    rows.push(' ');
                }
                rows.push_str(word);
            }
        }
        if rows.len() > limits.text {
            return Err(too_much_text(limits));
        }
    }
    Ok(rows)
}

/// What parts the values: of the marks that are used, the one that is used most evenly.
fn separator(text: &str) -> char {
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).take(SAMPLE).collect();
    let count = |line: &str, mark: char| {
        let mut quoted = false;
        line.chars()
            .filter(|c| {
                quoted ^= *c == '"';
                *c == mark && !quoted
            })
            .count()
    };
    let evenness = |mark: char| {
        let first = lines.first().map_or(0, |line| count(line, mark));
        let even = lines.iter().filter(|line| count(line, mark) == first).count();
        if first == 0 { (0, 0) } else { (even, first) }
    };
    SEPARATORS.into_iter().rev().max_by_key(|mark| evenness(*mark)).unwrap_or(',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(rows(text, &Limits::default()).unwrap(), expected);
    }

    #[test]
    fn values_are_parted_by_whatever_parts_them() {
        check("name,office\nLi,Rome\n", "name | office\nLi | Rome");
        check("name;price\nLi;1,5\nAn;2,5", "name | price\nLi | 1,5\nAn | 2,5");
        check("姓名\t城市\n张伟\t上海", "姓名 | 城市\n张伟 | 上海");
        check("one\ntwo", "one\ntwo");
    }

    #[test]
    fn quotes_hold_separators_and_line_ends() {
        check(
            "\"Li, Na\",\"Room \"\"7\"\"\r\nfloor 2\"\r\n,,\r\nlast",
            "Li, Na | Room \"7\" floor 2\nlast",
        );
    }
}
