//! What the file system says of files without reading them: changed files have other stamps, unless somebody takes care that they have not.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// File systems tell times apart by this at least; a file changed twice within it may have one stamp for both.
const COARSEST: Duration = Duration::from_secs(2);

/// The stamps of some files, by their paths inside of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamps(BTreeMap<String, Stamp>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stamp {
    bytes: u64,
    /// Modified at, since 1970.
    seconds: i64,
    nanoseconds: i64,
    inode: u64,
    device: u64,
}

impl Stamps {
    /// Those of all files of a knowledge base; nothing when one cannot be told.
    pub(crate) fn of_folder(folder: &Path) -> Option<Self> {
        let files = rag_knowledge::files_of(folder).ok()?;
        let stamp = |file: String| Some((file.clone(), Stamp::of(&folder.join(file))?));
        files.into_iter().map(stamp).collect::<Option<_>>().map(Self)
    }

    /// That of one file.
    pub(crate) fn of_file(path: &Path) -> Option<Self> {
        Some(Self(BTreeMap::from([(String::new(), Stamp::of(path)?)])))
    }

    /// Whether each file was last changed long enough before `now` that another change would show.
    pub(crate) fn settled(&self, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let latest = now.saturating_sub(COARSEST).as_secs();
        self.0.values().all(|stamp| u64::try_from(stamp.seconds).is_ok_and(|at| at < latest))
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|metadata| Self::from(&metadata))
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            bytes: metadata.len(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
            inode: metadata.ino(),
            device: metadata.dev(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn written(path: &Path, text: &str, at: SystemTime) -> Stamps {
        std::fs::write(path, text).unwrap();
        File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
        Stamps::of_file(path).unwrap()
    }

    #[test]
    fn another_time_length_or_file_shows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let at = SystemTime::now() - Duration::from_secs(3600);
        let before = written(&path, "one", at);
        assert_eq!(written(&path, "two", at), before, "only reading it tells this apart");
        assert_ne!(written(&path, "two", at + Duration::from_nanos(1)), before);
        assert_ne!(written(&path, "three", at), before);
        let other = folder.path().join("b");
        written(&other, "one", at);
        std::fs::rename(&other, &path).unwrap();
        assert_ne!(Stamps::of_file(&path).unwrap(), before);
        assert_eq!(Stamps::of_file(&other), None);
    }

    #[test]
    fn what_was_just_written_is_not_settled() {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let stamps = |ago| written(&folder.path().join("a"), "x", now - Duration::from_secs(ago));
        assert!(!stamps(0).settled(now) && !stamps(1).settled(now));
        assert!(stamps(10).settled(now));
        assert!(!stamps(10).settled(now - Duration::from_secs(20)), "a time to come");
    }
}
