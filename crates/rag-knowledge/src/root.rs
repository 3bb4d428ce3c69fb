//! The folder that holds a folder per tag, and the link in it that says which one workers open.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::error::KnowledgeError;
use crate::report::Report;
use crate::{fingerprint, tag};

/// The link to the tag that a slot's workers open: `knowledge: data/green/current` in their settings.
pub const CURRENT: &str = "current";

/// A finished tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// When its build was complete, RFC 3339, UTC.
    pub built_at: String,
    /// What its `FINGERPRINT` says.
    pub fingerprint: String,
}

/// The tags of a root, the newest first; none when there is no such folder. What has no report is no tag.
///
/// # Errors
/// When the folder cannot be read.
pub fn tags(root: &Path) -> Result<Vec<Tag>, KnowledgeError> {
    let mut tags = Vec::new();
    for (name, path) in entries(root)? {
        if path.is_symlink() || tag::check(&name).is_err() {
            continue;
        }
        if let (Ok(report), Ok(fingerprint)) = (Report::read(&path), fingerprint::declared(&path)) {
            tags.push(Tag { name, built_at: report.built_at, fingerprint });
        }
    }
    tags.sort_by(|a, b| b.built_at.cmp(&a.built_at).then_with(|| b.name.cmp(&a.name)));
    Ok(tags)
}

/// The tags that links in a root lead to, each with the link's name.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn linked(root: &Path) -> Result<BTreeMap<String, String>, KnowledgeError> {
    let mut linked = BTreeMap::new();
    let own = root.canonicalize().map_err(|e| KnowledgeError::unreadable(root, e))?;
    for (name, path) in entries(root)?.into_iter().filter(|(_, path)| path.is_symlink()) {
        if let Ok(target) = path.canonicalize()
            && target.parent() == Some(&own)
            && let Some(tag) = target.file_name()
        {
            linked.insert(tag.to_string_lossy().into_owned(), name);
        }
    }
    Ok(linked)
}

fn entries(root: &Path) -> Result<Vec<(String, PathBuf)>, KnowledgeError> {
    let fail = |e: std::io::Error| KnowledgeError::unreadable(root, e);
    let listed = match std::fs::read_dir(root) {
        Ok(listed) => listed,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(fail(e)),
    };
    let named = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
    };
    listed.map(named).collect::<Result<_, _>>().map_err(fail)
}

/// The first tag of the day that a root does not have: `v20261123`, `v20261123-2`, …
pub fn next_free(root: &Path, now: OffsetDateTime) -> String {
    let day = tag::default_for(now);
    let taken = |tag: &str| std::fs::symlink_metadata(root.join(tag)).is_ok();
    let numbered = (2_u32..).map(|number| format!("{day}-{number}"));
    std::iter::once(day.clone()).chain(numbered).find(|tag| !taken(tag)).unwrap_or(day)
}

/// Makes [`CURRENT`] lead to a tag, in one step: a crash leaves the old link or the new one. Workers that
/// have the old tag open keep it.
///
/// # Errors
/// When there is a file or a folder of that name, or the folder cannot be written.
pub fn set_current(root: &Path, tag: &str) -> Result<(), KnowledgeError> {
    let link = root.join(CURRENT);
    let fail = |e: std::io::Error| KnowledgeError::unreadable(&link, e);
    if std::fs::symlink_metadata(&link).is_ok_and(|found| !found.is_symlink()) {
        return Err(KnowledgeError::unreadable(&link, "it is not a link, so it is left alone"));
    }
    let beside = root.join(format!(".{CURRENT}-{}", std::process::id()));
    let _ = std::fs::remove_file(&beside);
    std::os::unix::fs::symlink(tag, &beside).map_err(fail)?;
    std::fs::rename(&beside, &link).map_err(fail)?;
    File::open(root).and_then(|root| root.sync_all()).map_err(fail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_tag_of_a_day_gets_a_number() {
        let folder = tempfile::tempdir().unwrap();
        let now = time::macros::datetime!(2026-11-23 3:00 UTC);
        assert_eq!(next_free(folder.path(), now), "v20261123");
        std::fs::create_dir(folder.path().join("v20261123")).unwrap();
        assert_eq!(next_free(folder.path(), now), "v20261123-2");
        // A link that leads nowhere is in the way, too.
        std::os::unix::fs::symlink("gone", folder.path().join("v20261123-2")).unwrap();
        assert_eq!(next_free(folder.path(), now), "v20261123-3");
    }

    #[test]
    fn the_link_is_replaced_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let (root, link) = (folder.path(), folder.path().join(CURRENT));
        for tag in ["v1", "v2"] {
            std::fs::create_dir(root.join(tag)).unwrap();
            set_current(root, tag).unwrap();
            assert_eq!(std::fs::read_link(&link).unwrap(), Path::new(tag));
        }
        assert_eq!(linked(root).unwrap(), [("v2".to_owned(), CURRENT.to_owned())].into());
        std::fs::remove_file(&link).unwrap();
        std::fs::create_dir(&link).unwrap();
        assert!(set_current(root, "v1").unwrap_err().to_string().contains("not a link"));
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_tags() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(tags(&folder.path().join("missing")).unwrap(), []);
    }
}
