//! The hidden folder a knowledge base is made in, the rename that makes it visible, and what is left of
//! a build that did not come that far.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::check_target;
use super::error::BuildError;
use crate::lock;
use crate::manifest::{Embedding, Splitting};

/// What the names of unfinished builds begin with.
const PREFIX: &str = ".building-";
/// What is being built, for a build that takes it up.
const REQUEST: &str = ".request.json";
/// How many passages are on disk, a line each time.
const PROGRESS: &str = ".progress";

/// What vectors depend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) embedding: Embedding,
    pub(super) splitter: Splitting,
}

/// A folder `<root>/.building-<tag>-<process>`. It is locked while its process lives, so that the next
/// build can tell a leftover of a crash from a build that is going on.
pub(super) struct Workshop {
    root: PathBuf,
    tag: String,
    folder: PathBuf,
    /// Holds the lock.
    _handle: File,
    /// What an earlier build left; it goes away when this one has come as far.
    leftover: Option<Leftover>,
    published: bool,
}

/// What a build that was killed or stopped has finished.
pub(super) struct Leftover {
    pub(super) folder: PathBuf,
    pub(super) passages: usize,
    pub(super) request: Request,
    /// Holds the lock.
    _handle: File,
}

impl Workshop {
    /// Makes `root` if need be and the folder in it. Of what earlier builds left, keeps what goes
    /// furthest with the same embedding, and clears the rest.
    pub(super) fn open(root: &Path, tag: &str, request: &Request) -> Result<Self, BuildError> {
        std::fs::create_dir_all(root).map_err(|e| BuildError::disk(root, e))?;
        let _alone = lock_root(root)?;
        let leftover = best_leftover(root, request)?;
        let folder = make_folder(root, tag)?;
        let disk = |e: std::io::Error| BuildError::disk(&folder, e);
        let handle = File::open(&folder).map_err(disk)?;
        handle.lock().map_err(disk)?;
        let workshop = Self {
            root: root.to_owned(),
            tag: tag.to_owned(),
            folder,
            _handle: handle,
            leftover,
            published: false,
        };
        workshop.write_json(REQUEST, request)?;
        Ok(workshop)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What an earlier build left.
    pub(super) fn leftover(&self) -> Option<&Leftover> {
        self.leftover.as_ref()
    }

    /// Notes that so many passages and their vectors are on disk.
    pub(super) fn record(&self, passages: usize) -> Result<(), BuildError> {
        let path = self.folder.join(PROGRESS);
        let append = || {
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            file.write_all(format!("{passages}\n").as_bytes())?;
            file.sync_data()
        };
        append().map_err(|e| BuildError::disk(&path, e))
    }

    /// Writes a file and waits until it is on disk.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), BuildError> {
        let path = self.folder.join(name);
        File::create(&path)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .map_err(|e| BuildError::disk(&path, e))
    }

    /// Writes a value as indented JSON.
    pub(super) fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), BuildError> {
        let mut bytes = serde_json::to_vec_pretty(value)
            .map_err(|e| BuildError::disk(&self.folder.join(name), e))?;
        bytes.push(b'\n');
        self.write(name, &bytes)
    }

    /// Takes away what only a build needs: the rest is the knowledge base.
    pub(super) fn tidy(&self) -> Result<(), BuildError> {
        for name in [REQUEST, PROGRESS] {
            let path = self.folder.join(name);
            match std::fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(BuildError::disk(&path, e));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Renames the finished folder to its tag. Nothing is overwritten, also when another build made
    /// the same tag meanwhile.
    pub(super) fn publish(mut self) -> Result<PathBuf, BuildError> {
        let target = self.root.join(&self.tag);
        let sync = |path: &Path| {
            File::open(path).and_then(|f| f.sync_all()).map_err(|e| BuildError::disk(path, e))
        };
        sync(&self.folder)?;
        let _alone = lock_root(&self.root)?;
        check_target(&self.root, &self.tag)?;
        std::fs::rename(&self.folder, &target).map_err(|e| BuildError::disk(&target, e))?;
        self.published = true;
        sync(&self.root)?;
        Ok(target)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        let finished = passages_recorded(&self.folder);
        let earlier = self.leftover.as_ref().map_or(0, |leftover| leftover.passages);
        // What cannot be removed now is a leftover that the next build clears.
        if self.published || finished > earlier {
            if let Some(leftover) = &self.leftover {
                let _ = std::fs::remove_dir_all(&leftover.folder);
            }
        } else {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// Makes a folder for this process. In containers process numbers repeat, so that what an earlier one
/// left may have the name already.
fn make_folder(root: &Path, tag: &str) -> Result<PathBuf, BuildError> {
    let name = format!("{PREFIX}{tag}-{}", std::process::id());
    let names = std::iter::once(name.clone()).chain((2..).map(|n| format!("{name}-{n}")));
    for folder in names.map(|name| root.join(name)) {
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(BuildError::disk(&folder, e)),
        }
    }
    unreachable!("names do not end")
}

/// Only one build at a time looks at leftovers or renames. Held for moments.
fn lock_root(root: &Path) -> Result<File, BuildError> {
    File::open(root)
        .and_then(|handle| handle.lock().map(|()| handle))
        .map_err(|e| BuildError::disk(root, e))
}

/// What goes furthest with the same embedding; everything else that nobody works on is removed.
fn best_leftover(root: &Path, wanted: &Request) -> Result<Option<Leftover>, BuildError> {
    let mut best: Option<Leftover> = None;
    for (folder, handle) in lock::abandoned(root, &[PREFIX])? {
        let request = std::fs::read(folder.join(REQUEST))
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Request>(&bytes).ok())
            .filter(|request| request.embedding == wanted.embedding);
        let passages = passages_recorded(&folder);
        let further = passages > best.as_ref().map_or(0, |best| best.passages);
        let loser = match request {
            Some(request) if further => {
                let found = Leftover { folder, passages, request, _handle: handle };
                best.replace(found).map(|worse| worse.folder)
            }
            Some(_) | None => Some(folder),
        };
        if let Some(path) = loser {
            std::fs::remove_dir_all(&path).map_err(|e| BuildError::disk(&path, e))?;
        }
    }
    Ok(best)
}

/// The last number that was written whole.
fn passages_recorded(folder: &Path) -> usize {
    let text = std::fs::read_to_string(folder.join(PROGRESS)).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().next_back().and_then(|line| line.parse().ok()).unwrap_or(0)
}
