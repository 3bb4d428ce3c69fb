//! Whether what is served is what was verified: read through at the first start on a machine, and when nothing about its files has changed since, at once at
//! the next start and read through again in the background.
//!
//! What was verified is recorded outside of what is served: a finished knowledge base is never written to.

mod pace;
mod records;
mod stamps;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use rag_knowledge::{KnowledgeBase, KnowledgeError};

use pace::Pace;
use records::{Record, Records};
pub(crate) use stamps::Stamps;

/// How it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VerificationSettings {
    /// The folder for records of what was verified; without one everything is read through at every start.
    pub(crate) records: Option<PathBuf>,
    /// Bytes a second in the background.
    pub(crate) rate: u64,
}

/// What was verified, and when.
#[derive(Debug)]
pub(crate) struct Verification {
    records: Records,
    rate: u64,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Default)]
struct State {
    knowledge: Option<Verified>,
    model: Option<Verified>,
}

/// A knowledge base or a model as it was verified.
#[derive(Debug, Clone)]
struct Verified {
    path: PathBuf,
    /// Fingerprint or SHA-256.
    hash: String,
    /// When it was read through last.
    at: SystemTime,
    /// Whether this process has done so.
    since_start: bool,
}

/// When it was all read through last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastVerified {
    pub(crate) knowledge: Option<SystemTime>,
    pub(crate) model: Option<SystemTime>,
    /// Whether this process has read through both.
    pub(crate) since_start: bool,
}

/// It is not what was verified.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Difference {
    #[error("the knowledge base is not what was verified")]
    Knowledge(#[source] KnowledgeError),
    #[error("the language model {} is not what was verified: {cause}", path.display())]
    Model { path: PathBuf, cause: String },
}

impl Difference {
    /// What to do about it.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Knowledge(error) => error.hint().to_owned(),
            Self::Model { .. } => {
                "copy the file again from where it came from, and restart the worker".to_owned()
            }
        }
    }
}

impl Verification {
    pub(crate) fn new(settings: &VerificationSettings) -> Self {
        Self {
            records: Records::new(settings.records.clone()),
            rate: settings.rate,
            state: Mutex::default(),
        }
    }

    /// Opens a knowledge base that is what was built.
    pub(crate) fn open_knowledge(
        &self,
        folder: &Path,
        searches: usize,
    ) -> Result<KnowledgeBase, KnowledgeError> {
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let (started, stamps) = (SystemTime::now(), Stamps::of_folder(&folder));
        if let Some(record) = self.records.take(&folder, stamps.as_ref()) {
            let knowledge = rag_knowledge::open_unread(&folder, searches)?;
            if knowledge.fingerprint() == record.hash {
                tracing::info!(tag = knowledge.tag(), "unchanged since it was verified");
                self.knows(|state| &mut state.knowledge, Verified::recorded(folder, record));
                return Ok(knowledge);
            }
        }
        let knowledge = rag_knowledge::open_verified(&folder, searches)?;
        let hash = knowledge.fingerprint().to_owned();
        let verified = Verified { path: folder, hash, at: started, since_start: true };
        self.record(&verified, stamps, Stamps::of_folder);
        self.knows(|state| &mut state.knowledge, verified);
        Ok(knowledge)
    }

    /// The SHA-256 of a model's file.
    pub(crate) fn hash_model(&self, path: &Path) -> std::io::Result<String> {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let (started, stamps) = (SystemTime::now(), Stamps::of_file(&path));
        if let Some(record) = self.records.take(&path, stamps.as_ref()) {
            let hash = record.hash.clone();
            self.knows(|state| &mut state.model, Verified::recorded(path, record));
            return Ok(hash);
        }
        let hash = rag_generator::hash(&path, |_| ())?;
        let verified = Verified { path, hash: hash.clone(), at: started, since_start: true };
        self.record(&verified, stamps, Stamps::of_file);
        self.knows(|state| &mut state.model, verified);
        Ok(hash)
    }

    /// Reads through what was only compared with records at start, at the rate that is set. Gives whether there was anything.
    pub(crate) fn read_through(&self) -> Result<bool, Difference> {
        let State { knowledge, model } = self.state().clone();
        let due = |it: &Verified| !it.since_start;
        let mut pace = Pace::new(self.rate);
        let mut read = false;
        if let Some(was) = knowledge.filter(due) {
            let (started, stamps) = (SystemTime::now(), Stamps::of_folder(&was.path));
            compare_knowledge(&was, &mut pace)?;
            let verified = Verified { at: started, since_start: true, ..was };
            self.record(&verified, stamps, Stamps::of_folder);
            self.knows(|state| &mut state.knowledge, verified);
            read = true;
        }
        if let Some(was) = model.filter(due) {
            let (started, stamps) = (SystemTime::now(), Stamps::of_file(&was.path));
            compare_model(&was, &mut pace)?;
            let verified = Verified { at: started, since_start: true, ..was };
            self.record(&verified, stamps, Stamps::of_file);
            self.knows(|state| &mut state.model, verified);
            read = true;
        }
        Ok(read)
    }

    /// When it was all read through last.
    pub(crate) fn last(&self) -> LastVerified {
        let State { knowledge, model } = self.state().clone();
        let since_start = [&knowledge, &model]
            .iter()
            .all(|it| it.as_ref().is_some_and(|verified| verified.since_start));
        let at = |it: Option<Verified>| it.map(|verified| verified.at);
        LastVerified { knowledge: at(knowledge), model: at(model), since_start }
    }

    /// Records what was just verified, if it was still while it was read.
    fn record(
        &self,
        verified: &Verified,
        before: Option<Stamps>,
        stamps: impl Fn(&Path) -> Option<Stamps>,
    ) {
        match before {
            Some(files)
                if files.settled(verified.at)
                    && stamps(&verified.path).as_ref() == Some(&files) =>
            {
                let record = Record {
                    path: verified.path.clone(),
                    hash: verified.hash.clone(),
                    at: verified.at,
                    files,
                };
                self.records.keep(&record);
            }
            Some(_) | None => {
                tracing::debug!(path = %verified.path.display(), "too new to be recorded");
            }
        }
    }

    fn knows(&self, which: impl Fn(&mut State) -> &mut Option<Verified>, verified: Verified) {
        *which(&mut self.state()) = Some(verified);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Verified {
    fn recorded(path: PathBuf, record: Record) -> Self {
        Self { path, hash: record.hash, at: record.at, since_start: false }
    }
}

fn compare_knowledge(was: &Verified, pace: &mut Pace) -> Result<(), Difference> {
    let verdict = rag_knowledge::verify_with(&was.path, &mut |bytes| pace.read(bytes))
        .map_err(Difference::Knowledge)?;
    let mut differences = verdict.differences;
    if verdict.declared != was.hash {
        differences
            .push(format!("FINGERPRINT says {}, and {} was opened", verdict.declared, was.hash));
    }
    if differences.is_empty() {
        return Ok(());
    }
    Err(Difference::Knowledge(KnowledgeError::Changed { folder: was.path.clone(), differences }))
}

fn compare_model(was: &Verified, pace: &mut Pace) -> Result<(), Difference> {
    let differs = |cause: String| Difference::Model { path: was.path.clone(), cause };
    let hash = rag_generator::hash(&was.path, |bytes| pace.read(bytes))
        .map_err(|error| differs(error.to_string()))?;
    if hash == was.hash {
        return Ok(());
    }
    Err(differs(format!("its SHA-256 is {hash}, and was {}", was.hash)))
}
