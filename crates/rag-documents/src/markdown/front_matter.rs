//! The title in what stands before a document: YAML between `---`, or TOML between `+++`.

/// The value of `title`, when it is one line.
pub(super) fn title(matter: &str) -> Option<String> {
    let value = matter.lines().find_map(|line| {
        // A key of a nested mapping is indented.
        let rest = line.strip_prefix("title").or_else(|| line.strip_prefix("Title"))?;
        rest.trim_start().strip_prefix([':', '=']).map(str::trim)
    })?;
    let quoted = |mark: char| value.strip_prefix(mark).and_then(|rest| rest.split(mark).next());
    let title = quoted('"').or_else(|| quoted('\'')).unwrap_or_else(|| {
        // A comment begins where a number sign follows a space.
        value.split(" #").next().unwrap_or(value)
    });
    // These begin values that go on over several lines.
    let title = title.trim();
    (!title.is_empty() && !title.starts_with(['|', '>', '[', '{'])).then(|| title.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_is_found_quoted_or_not() {
        for (matter, expected) in [
            ("title: Leave policy\ndate: 2026-01-01", Some("Leave policy")),
            ("date: x\ntitle: \"年假: 制度\" # old", Some("年假: 制度")),
            ("title = 'Guide'", Some("Guide")),
            ("Title: A # comment", Some("A")),
            ("title: >-\n  folded", None),
            ("author:\n  title: Dr", None),
            ("subtitle: x", None),
        ] {
            assert_eq!(title(matter).as_deref(), expected, "{matter}");
        }
    }
}
