//! Finds the line on which a key stands.

/// The line (from 1) of the key named by `path`, such as `health.interval` or `slots.blue.workers[0]`.
///
/// `None` when no such key is written in the file. Block style is followed by indentation; inside braces the
/// first key of that name counts.
pub(crate) fn line_of(text: &str, path: &str) -> Option<usize> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = None;
    let mut scope = Scope { first: 0, end: lines.len(), start_column: 0 };
    for step in steps(path) {
        let (line, next) = match step {
            Step::Key(key) => find_key(&lines, &scope, &key)?,
            Step::Item(index) => match find_item(&lines, &scope, index) {
                Some(place) => place,
                // A list in brackets: the line of its key is as near as we get.
                None => break,
            },
        };
        found = Some(line + 1);
        scope = next;
    }
    found
}

/// Where the value of the key found last is written.
struct Scope {
    first: usize,
    end: usize,
    /// Column in the first line from which to look, past the key itself.
    start_column: usize,
}

enum Step {
    Key(String),
    Item(usize),
}

fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let mut pieces = part.split('[');
        if let Some(key) = pieces.next().filter(|key| !key.is_empty()) {
            steps.push(Step::Key(key.to_owned()));
        }
        for index in pieces {
            if let Ok(index) = index.trim_end_matches(']').parse() {
                steps.push(Step::Item(index));
            }
        }
    }
    steps
}

fn find_key(lines: &[&str], scope: &Scope, key: &str) -> Option<(usize, Scope)> {
    let children = child_indent(lines, scope);
    for (number, line) in lines.iter().enumerate().take(scope.end).skip(scope.first) {
        let from = if number == scope.first { scope.start_column.min(line.len()) } else { 0 };
        let Some(rest) = line.get(from..) else { continue };
        let column = match children {
            // Inside braces, or before any block: anywhere on the line.
            None => key_column(rest, key),
            Some(indent) => (from == 0 && indent_of(line) == indent)
                .then(|| key_column(rest, key))
                .flatten()
                .filter(|column| line[..*column].trim_matches(['-', ' ', '"', '\'']).is_empty()),
        };
        if let Some(column) = column {
            let end = block_end(lines, number, indent_of(line), scope.end);
            let start_column = from + column + key.len() + 1;
            return Some((number, Scope { first: number, end, start_column }));
        }
    }
    None
}

fn find_item(lines: &[&str], scope: &Scope, index: usize) -> Option<(usize, Scope)> {
    let children = child_indent(lines, scope)?;
    let (number, line) = lines
        .iter()
        .enumerate()
        .take(scope.end)
        .skip(scope.first)
        .filter(|(number, line)| {
            (*number > scope.first || scope.start_column == 0)
                && indent_of(line) == children
                && line.trim_start().starts_with('-')
        })
        .nth(index)?;
    let end = block_end(lines, number, indent_of(line), scope.end);
    Some((number, Scope { first: number, end, start_column: children + 1 }))
}

/// The indentation of a block written under the scope's key; `None` when its value stands on the key's own line.
fn child_indent(lines: &[&str], scope: &Scope) -> Option<usize> {
    let mut first = scope.first;
    if scope.start_column > 0 {
        let rest = lines.get(first)?.get(scope.start_column..).unwrap_or("").trim();
        if !rest.is_empty() && !rest.starts_with('#') {
            return None;
        }
        first += 1;
    }
    lines.get(first..scope.end)?.iter().find(|line| is_content(line)).map(|line| indent_of(line))
}

fn block_end(lines: &[&str], start: usize, indent: usize, limit: usize) -> usize {
    (start + 1..limit)
        .find(|&number| {
            lines.get(number).is_some_and(|line| {
                is_content(line)
                    && indent_of(line) <= indent
                    && !line.trim_start().starts_with(['}', ']', '-'])
            })
        })
        .unwrap_or(limit)
}

fn key_column(text: &str, key: &str) -> Option<usize> {
    text.match_indices(key).map(|(column, _)| column).find(|&column| {
        let before = text[..column].chars().next_back();
        let after = text[column + key.len()..].trim_start_matches(['"', '\'']).trim_start();
        before.is_none_or(|c| " {,\"'-".contains(c)) && after.starts_with(':')
    })
}

fn is_content(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with('#') && line != "---"
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::line_of;

    const FILE: &str = "\
# interval: decoy
listen: here
health:
  timeout: 1s # interval: decoy

  interval: 2s
slots:
  blue: { workers: [\"a\", \"b\"] }
  green:
    workers:
      - c
      - d
";

    #[test]
    fn keys_are_found_by_their_path() {
        for (path, line) in [
            ("listen", Some(2)),
            ("health", Some(3)),
            ("health.interval", Some(6)),
            ("slots.blue.workers", Some(8)),
            ("slots.blue.workers[1]", Some(8)),
            ("slots.green.workers", Some(10)),
            ("slots.green.workers[1]", Some(12)),
            ("health.rise", None),
            ("workers", None),
        ] {
            assert_eq!(line_of(FILE, path), line, "{path}");
        }
    }
}
