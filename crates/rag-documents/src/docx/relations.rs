//! The relationships of a part: what it points to by number (ECMA-376-2, 6.5).

use std::collections::HashMap;

use super::container::Container;
use crate::document::DocumentError;

/// Relationships of one part that are kept: more are no document's.
const MOST: usize = 100_000;

/// Kinds of relationships that lead to something that is read.
const KEPT: [&str; 10] = [
    "core-properties",
    "officeDocument",
    "styles",
    "stylesWithEffects",
    "numbering",
    "footnotes",
    "endnotes",
    "chart",
    "chartEx",
    "diagramData",
];

/// The parts that a part points to.
#[derive(Default, Clone)]
pub(crate) struct Relations {
    /// Kind and part by id; the kind is the last word of the relationship's type.
    targets: HashMap<String, (String, String)>,
}

impl Relations {
    /// The relationships of `part`, or of the whole container where `part` is empty.
    ///
    /// # Errors
    /// When they are no XML or too large.
    pub(crate) fn of(container: &Container<'_>, part: &str) -> Result<Self, DocumentError> {
        let (folder, name) = part.rsplit_once('/').unwrap_or(("", part));
        let between = if folder.is_empty() { "" } else { "/" };
        let mut targets = HashMap::new();
        container.part(&format!("{folder}{between}_rels/{name}.rels"), |xml| {
            xml.children(|xml| {
                let external = xml.attribute("TargetMode").is_some_and(|mode| mode == "External");
                if xml.name() != "Relationship" || external || targets.len() >= MOST {
                    return Ok(());
                }
                let kind = xml.attribute("Type").unwrap_or_default();
                let kind = kind.rsplit('/').next().unwrap_or_default();
                if let (true, Some(id), Some(target)) =
                    (KEPT.contains(&kind), xml.attribute("Id"), xml.attribute("Target"))
                {
                    targets.insert(id.into_owned(), (kind.to_owned(), resolved(folder, &target)));
                }
                Ok(())
            })
        })?;
        Ok(Self { targets })
    }

    /// The part with this id.
    pub(crate) fn target(&self, id: &str) -> Option<&str> {
        self.targets.get(id).map(|(_, target)| target.as_str())
    }

    /// The part of this kind; the first by name where there are several.
    pub(crate) fn of_kind(&self, kind: &str) -> Option<&str> {
        let parts = self.targets.values().filter(|(own, _)| own == kind);
        parts.map(|(_, target)| target.as_str()).min()
    }
}

/// A target as the name of a part: absolute, or relative to the folder of the part that names it.
fn resolved(folder: &str, target: &str) -> String {
    let target = unescaped(target).replace('\\', "/");
    let mut path: Vec<&str> = if target.starts_with('/') {
        Vec::new()
    } else {
        folder.split('/').filter(|step| !step.is_empty()).collect()
    };
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                path.pop();
            }
            step => path.push(step),
        }
    }
    path.join("/")
}

/// A target with its `%20` resolved.
fn unescaped(target: &str) -> String {
    let mut bytes = Vec::with_capacity(target.len());
    let mut rest = target.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%');
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| target.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_absolute_or_relative_and_never_lead_out() {
        for (folder, target, part) in [
            ("word", "styles.xml", "word/styles.xml"),
            ("word", "/word/styles.xml", "word/styles.xml"),
            ("word", "../docProps/app.xml", "docProps/app.xml"),
            ("word", "./charts\\chart1.xml", "word/charts/chart1.xml"),
            ("", "word/main%20part.xml", "word/main part.xml"),
            ("word", "../../../../etc/passwd", "etc/passwd"),
            ("word", "100%.xml", "word/100%.xml"),
        ] {
            assert_eq!(resolved(folder, target), part, "{target}");
        }
    }
}
