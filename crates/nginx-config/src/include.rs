//! A file and everything it includes, as one tree.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::directive::Directive;
use crate::parser::{SyntaxError, parse};

/// Files that include files that include files; more is a loop.
const DEEPEST: usize = 16;
/// The most files one configuration may have.
const MOST: usize = 1_000;

/// Where the texts come from. Names are as nginx means them: relative ones belong to the main file's folder.
pub trait Files {
    /// The text of a file.
    ///
    /// # Errors
    /// Why it cannot be read, in words.
    fn read(&self, name: &str) -> Result<String, String>;

    /// The files that a pattern with `*`, `?` or `[` names, in order; none is no error, as in nginx.
    ///
    /// # Errors
    /// Why the folder cannot be looked into, in words.
    fn matching(&self, pattern: &str) -> Result<Vec<String>, String>;
}

/// Texts in memory, for tests: a pattern may only end in `*` and an ending.
impl Files for BTreeMap<&str, &str> {
    fn read(&self, name: &str) -> Result<String, String> {
        self.get(name)
            .map(|text| (*text).to_owned())
            .ok_or_else(|| "there is no such file".to_owned())
    }

    fn matching(&self, pattern: &str) -> Result<Vec<String>, String> {
        let (before, after) = pattern.split_once('*').unwrap_or((pattern, ""));
        let fits = |name: &&&str| name.starts_with(before) && name.ends_with(after);
        Ok(self.keys().filter(fits).map(|name| (*name).to_owned()).collect())
    }
}

/// Reads a configuration, with what it includes in the places where it is included.
///
/// # Errors
/// The first thing that is wrong, with file and line.
pub fn read(files: &dyn Files, main: &str) -> Result<Vec<Directive>, SyntaxError> {
    let name: Arc<str> = main.into();
    let mut count = 0;
    let text = files.read(main).map_err(|cause| SyntaxError {
        place: crate::Place { file: Arc::clone(&name), line: 1 },
        what: format!("cannot be read: {cause}"),
    })?;
    included(files, parse(&name, &text)?, 0, &mut count)
}

fn included(
    files: &dyn Files,
    directives: Vec<Directive>,
    depth: usize,
    count: &mut usize,
) -> Result<Vec<Directive>, SyntaxError> {
    let mut whole = Vec::with_capacity(directives.len());
    for mut directive in directives {
        if directive.name != "include" || directive.block.is_some() {
            if let Some(block) = directive.block.take() {
                directive.block = Some(included(files, block, depth, count)?);
            }
            whole.push(directive);
            continue;
        }
        let wrong = |what: String| SyntaxError { place: directive.place.clone(), what };
        let pattern = directive.first();
        if depth == DEEPEST {
            let what = format!(
                "{pattern} is included within {DEEPEST} files: do they include each other?"
            );
            return Err(wrong(what));
        }
        let names = if pattern.contains(['*', '?', '[']) {
            files.matching(pattern).map_err(|cause| wrong(format!("{pattern}: {cause}")))?
        } else {
            vec![pattern.to_owned()]
        };
        for name in names {
            *count += 1;
            if *count > MOST {
                return Err(wrong(format!("more than {MOST} files are included")));
            }
            let text = files
                .read(&name)
                .map_err(|cause| wrong(format!("{name} cannot be included: {cause}")))?;
            let inside = parse(&name.as_str().into(), &text)?;
            whole.extend(included(files, inside, depth + 1, count)?);
        }
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn included_directives_stand_where_they_are_included_and_know_their_file() {
        let files = BTreeMap::from([
            ("nginx.conf", "http {\n include sites/*.conf;\n include none/*;\n}"),
            ("sites/a.conf", "server { listen 80; }"),
            ("sites/b.conf", "\nserver { listen 81; }"),
        ]);
        let tree = read(&files, "nginx.conf").unwrap();
        let places: Vec<String> = tree[0].all("server").map(|s| s.place.to_string()).collect();
        assert_eq!(places, ["sites/a.conf:1", "sites/b.conf:2"]);
    }

    #[test]
    fn a_file_that_is_missing_and_files_that_include_each_other_are_errors() {
        let missing = BTreeMap::from([("nginx.conf", "events {}\ninclude mime.types;")]);
        assert_eq!(
            read(&missing, "nginx.conf").unwrap_err().to_string(),
            "nginx.conf:2: mime.types cannot be included: there is no such file"
        );
        let looping = BTreeMap::from([("a", "include b;"), ("b", "include a;")]);
        assert!(
            read(&looping, "a").unwrap_err().to_string().contains("do they include each other?")
        );
    }
}
