//! One round: look at the documents, build, prove, hand over to the idle slot, ask.
//!
//! Everything before the request can be done again: a round that was killed anywhere is taken up by the next one, which finds
//! the finished tag, the link, and what the slot serves.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use rag_core::{Embedder, EmbeddingIdentity};
use rag_knowledge::Manifest;
use rag_knowledge::build::{BuildRequest, build, holds, look};
use rag_knowledge::collect::collect;
use rag_knowledge::diff::{DocumentChange, diff};
use rag_knowledge::embedding::{self, ModelCache};
use rag_knowledge::manifest::Embedding;
use rag_knowledge::root::{self, CURRENT, Tag};
use serde::Serialize;
use sha2::{Digest, Sha256};
use switch_api::RequestPromotion;
use time::OffsetDateTime;

use super::gateway::{Gateway, Standing};
use super::memory::{Memory, Outcome};
use super::proof::{Proof, prove};
use super::restart::restart;
use super::settings::Settings;
use crate::documents;
use crate::progress::Progress;
use crate::render::{self, Failure};

/// How a round ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub(crate) enum Said {
    /// There is nothing to do; why.
    Nothing { why: String },
    /// There may be something to do, but not now; why.
    Waits { why: String },
    /// The question set spoke against the new knowledge base.
    Refused { tag: String, why: String },
    /// The promotion of a slot is asked for.
    Asked { slot: String, tag: String, fingerprint: String, why: String },
}

/// Does rounds, one at a time, and no other program with the same state file.
pub(crate) struct Round {
    settings: Settings,
    gateway: Gateway,
    /// Held for its lock.
    _alone: File,
}

/// A finished tag in the idle slot's root.
struct Ready {
    root: PathBuf,
    tag: String,
    folder: PathBuf,
    fingerprint: String,
}

impl Round {
    pub(crate) fn new(settings: Settings) -> Result<Self, Failure> {
        let gateway = Gateway::new(&settings.server)?;
        let alone = alone(&settings.state)?;
        Ok(Self { settings, gateway, _alone: alone })
    }

    /// Does one round. With `again`, also what was refused or asked for before.
    pub(crate) fn run(&self, again: bool, cancelled: &AtomicBool) -> Result<Said, Failure> {
        let settings = &self.settings;
        let seen = look(&settings.documents)?;
        let age = seen.newest.and_then(|newest| SystemTime::now().duration_since(newest).ok());
        if age.is_some_and(|age| age < settings.settle) {
            let why = "documents were written to a moment ago: they may not be complete".to_owned();
            return Ok(Said::Waits { why });
        }
        let inputs = self.inputs(&seen.digest)?;
        let standing = self.gateway.standing()?;
        if standing.serves(standing.live).is_none() {
            let why = format!("the front door does not know yet what {} serves", standing.live);
            return Ok(Said::Waits { why });
        }
        let before = Memory::read(&settings.state);
        let same = before.as_ref().filter(|memory| memory.inputs == inputs && !again);
        if let Some(said) = same.map(|memory| settled(memory, &standing)) {
            return Ok(said);
        }
        let remember = |ready: &Ready, outcome: Outcome| {
            let (tag, fingerprint) = (ready.tag.clone(), ready.fingerprint.clone());
            Memory { inputs: inputs.clone(), tag, fingerprint, outcome }.write(&settings.state)
        };
        let live = self.live(&standing)?;
        let ready = match self.ready(&standing, live.as_deref(), cancelled)? {
            Found::AsLive(ready) => {
                if before.is_some_and(|memory| memory.outcome == Outcome::Asked) {
                    self.withdraw(&standing)?;
                }
                remember(&ready, Outcome::Live)?;
                return Ok(Said::Nothing {
                    why: format!("{} holds these documents and is live", ready.tag),
                });
            }
            Found::New(ready) => ready,
        };
        let proof = match &settings.questions {
            Some(questions) => {
                render::note(&format!("asking {} of {}", questions.display(), ready.tag));
                prove(questions, settings, &ready.folder, live.as_deref())?
            }
            None => Proof { findings: Vec::new(), against: None },
        };
        if let Some(why) = proof.against {
            remember(&ready, Outcome::Refused(why.clone()))?;
            return Ok(Said::Refused { tag: ready.tag, why });
        }
        // Hours may have gone by: what is idle now is what counts.
        let slot = standing.idle;
        let now = self.gateway.standing()?;
        if now.idle != slot {
            let why = format!("{slot} has become live meanwhile");
            return Ok(Said::Waits { why });
        }
        if now.serves(slot) != Some(&ready.fingerprint) {
            if let Some(why) = now.in_the_way() {
                return Ok(Said::Waits { why: format!("{} is ready, but {why}", ready.tag) });
            }
            self.hand_over(slot, &ready, cancelled)?;
        }
        let why = reason(&ready, live.as_deref())?;
        let request = RequestPromotion {
            slot: Some(slot.to_owned()),
            knowledge: Some(ready.fingerprint.clone()),
            reason: Some(why.clone()),
            evidence: proof.findings,
            withdraw: false,
        };
        self.gateway.ask(&request)?;
        remember(&ready, Outcome::Asked)?;
        if let Some(keep) = settings.keep {
            collect(&ready.root, keep, std::slice::from_ref(&ready.tag), false)?;
        }
        let Ready { tag, fingerprint, .. } = ready;
        Ok(Said::Asked { slot: slot.to_owned(), tag, fingerprint, why })
    }

    /// Everything that a round's outcome depends on, as one digest.
    fn inputs(&self, documents: &str) -> Result<String, Failure> {
        let Settings {
            embedding,
            splitter,
            scalar,
            strict,
            ocr,
            limits,
            require,
            reranker,
            questions,
            ..
        } = &self.settings;
        let mut digest = Sha256::new();
        digest.update(documents);
        digest.update(format!(
            "{embedding} {splitter:?} {scalar:?} {strict} {ocr:?} {limits:?} {require:?} {reranker:?}"
        ));
        if let Some(file) = questions {
            let text = std::fs::read(file)
                .map_err(|error| Failure::new(format!("{}: {error}", file.display()), None))?;
            digest.update(text);
        }
        Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The folder of the knowledge base that is live, where one of the roots has it.
    fn live(&self, standing: &Standing) -> Result<Option<PathBuf>, Failure> {
        let Some(serves) = standing.serves(standing.live) else { return Ok(None) };
        for place in self.settings.slots.values() {
            let found = root::tags(&place.root)?.into_iter().find(|tag| tag.fingerprint == serves);
            if let Some(tag) = found {
                return Ok(Some(place.root.join(tag.name)));
            }
        }
        Ok(None)
    }

    /// A tag of the documents as they are: the live one, one that an earlier round has made, or a new one.
    fn ready(
        &self,
        standing: &Standing,
        live: Option<&Path>,
        cancelled: &AtomicBool,
    ) -> Result<Found, Failure> {
        let settings = &self.settings;
        let folder = ModelCache::from_environment().resolve(&settings.embedding);
        let embedder = embedding::open(&folder, settings.threads)?;
        let root = settings.slots[standing.idle].root.clone();
        let now = OffsetDateTime::now_utc();
        let tags = root::tags(&root)?;
        let request = BuildRequest {
            documents: settings.documents.clone(),
            root: root.clone(),
            tag: Some(root::next_free(&root, now)),
            from: earlier(&root, &tags, live, embedder.identity()),
            splitter: settings.splitter,
            scalar: settings.scalar,
            threads: settings.threads,
            strict: settings.strict,
            reader: Some(documents::reader()),
            recognizer: settings.ocr.as_deref().map(documents::recognizer).transpose()?,
            limits: settings.limits,
        };
        // A tag of another version holds nothing that would be built now.
        let same = |folder: &Path| holds(&request, embedder.identity(), folder).unwrap_or(false);
        if let Some(live) = live.filter(|live| same(live)) {
            let fingerprint = standing.serves(standing.live).unwrap_or_default().to_owned();
            let tag = live.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let folder = live.to_owned();
            return Ok(Found::AsLive(Ready { root, tag, folder, fingerprint }));
        }
        let made = tags.into_iter().find(|tag| same(&root.join(&tag.name)));
        if let Some(Tag { name: tag, fingerprint, .. }) = made {
            let folder = root.join(&tag);
            return Ok(Found::New(Ready { root, tag, folder, fingerprint }));
        }
        let progress = Progress::new();
        let built = build(&request, &embedder, now, &progress, cancelled);
        progress.finish();
        let built = built?;
        for warning in &built.warnings {
            render::note(&render::plain(&format!("warning: {warning}")));
        }
        render::note(&format!(
            "built {}: {} in {:.1} s",
            built.folder.display(),
            render::many(built.counts.passages, "passage"),
            built.seconds
        ));
        Ok(Found::New(Ready {
            root,
            tag: built.tag,
            folder: built.folder,
            fingerprint: built.fingerprint,
        }))
    }

    /// Takes back what was asked for about documents that are no longer so.
    fn withdraw(&self, standing: &Standing) -> Result<(), Failure> {
        if standing.status.request.as_ref().is_none_or(|request| request.slot != standing.idle) {
            return Ok(());
        }
        let reason = "the documents are again as they are live".to_owned();
        let request = RequestPromotion {
            reason: Some(reason),
            withdraw: true,
            ..RequestPromotion::default()
        };
        render::note(&self.gateway.ask(&request)?.text);
        Ok(())
    }

    /// Makes the slot's workers serve it.
    fn hand_over(&self, slot: &str, ready: &Ready, cancelled: &AtomicBool) -> Result<(), Failure> {
        let place = &self.settings.slots[slot];
        root::set_current(&place.root, &ready.tag)?;
        let link = place.root.join(CURRENT);
        render::note(&format!("{} leads to {}", link.display(), ready.tag));
        if place.restart.is_empty() {
            render::note(&format!("waiting until somebody restarts the workers of {slot}"));
        }
        restart(&place.restart, cancelled)?;
        let within = self.settings.ready_within;
        self.gateway.wait_for(slot, &ready.fingerprint, within, cancelled)
    }
}

enum Found {
    AsLive(Ready),
    New(Ready),
}

/// What an earlier round has settled about the same documents.
fn settled(memory: &Memory, standing: &Standing) -> Said {
    let Memory { tag, fingerprint, outcome, .. } = memory;
    let is_live = standing.serves(standing.live) == Some(fingerprint);
    let why = match outcome {
        Outcome::Refused(why) => {
            let why = format!("refused before, and nothing has changed since: {why}");
            return Said::Refused { tag: tag.clone(), why };
        }
        Outcome::Live | Outcome::Asked if is_live => {
            format!("{tag} holds these documents and is live")
        }
        // Somebody went back to what was live before; that is no reason to ask.
        Outcome::Live => format!("{tag} holds these documents and is no longer live"),
        Outcome::Asked => match &standing.status.request {
            Some(request) if request.slot == standing.idle => {
                format!("{tag} waits for an operator since {}", request.at)
            }
            _ => format!("{tag} was asked for, and the operators decided otherwise"),
        },
    };
    Said::Nothing { why }
}

/// The newest tag that a build can start from.
fn earlier(
    root: &Path,
    tags: &[Tag],
    live: Option<&Path>,
    identity: &EmbeddingIdentity,
) -> Option<PathBuf> {
    let embedding = Embedding::from(identity);
    let own = tags.iter().map(|tag| root.join(&tag.name));
    // What is live is nearer to the documents than what was idle for long.
    let mut candidates = live.map(Path::to_owned).into_iter().chain(own);
    candidates.find(|folder| Manifest::read(folder).is_ok_and(|built| built.embedding == embedding))
}

/// Why it should be promoted: what has changed in the documents.
fn reason(ready: &Ready, live: Option<&Path>) -> Result<String, Failure> {
    let Some(live) = live else {
        let built = Manifest::read(&ready.folder)?;
        return Ok(format!(
            "{} built from {}",
            ready.tag,
            render::many(built.counts.documents, "document")
        ));
    };
    let difference = diff(live, &ready.folder)?;
    let count = |which: fn(&DocumentChange) -> bool| {
        difference.documents.iter().filter(|change| which(change)).count()
    };
    let parts = [
        (count(|c| matches!(c, DocumentChange::Added { .. })), "added"),
        (count(|c| matches!(c, DocumentChange::Changed { .. })), "changed"),
        (count(|c| matches!(c, DocumentChange::Removed { .. })), "removed"),
        (count(|c| matches!(c, DocumentChange::Renamed { .. })), "renamed"),
        (count(|c| matches!(c, DocumentChange::Failed { .. })), "no longer readable"),
    ];
    let parts = parts.iter().filter(|(number, _)| *number > 0);
    let parts: Vec<String> = parts.map(|(number, what)| format!("{number} {what}")).collect();
    let what = if parts.is_empty() { "other settings".to_owned() } else { parts.join(", ") };
    Ok(format!("documents: {what} since {}", difference.old.tag))
}

/// The lock beside the state file.
fn alone(state: &Path) -> Result<File, Failure> {
    let path = state.with_extension("lock");
    let failed =
        |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", path.display()), None);
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    }
    let file = File::options().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|error| failed(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let hint = "stop it, or name another file under `state`".to_owned();
            Err(Failure::new("another kbctl watch works with this state file", Some(hint)))
        }
        Err(TryLockError::Error(error)) => Err(failed(&error)),
    }
}
