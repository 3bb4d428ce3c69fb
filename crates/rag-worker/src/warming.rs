//! Warm before live: files are read into memory, and the prompts of questions that are asked often are computed, so that
//! the first who ask this worker do not wait for that.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rag_core::{Caller, GenerateRequest, Message, Role};

use crate::answering::{Answering, AnsweringError, Plan};
use crate::own_request;
use crate::recent::Question;
use crate::settings::Settings;

/// What was warmed and not used for so long may be cold again: its memory was given to others.
const STAYS_WARM: Duration = Duration::from_secs(600);
/// The longest that one prompt is waited for.
const ONE_PROMPT: Duration = Duration::from_secs(60);
const BLOCK: usize = 1 << 20;

/// Whether a worker is warm, and how it was measured.
#[derive(Debug, Default)]
pub(crate) struct Warmth(Mutex<Option<Warm>>);

#[derive(Debug, Clone, Copy)]
struct Warm {
    /// When it was warmed, or answered after that.
    at: Instant,
    first_token: Duration,
}

impl Warmth {
    /// It was warmed just now, and then gave the first token of an answer after this time.
    fn reached(&self, first_token: Duration) {
        let warm = Warm { at: Instant::now(), first_token };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(warm);
    }

    /// An answer was made: what is warm stays so.
    pub(crate) fn used(&self) {
        if let Some(warm) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            warm.at = Instant::now();
        }
    }

    /// The first token's time as measured when it was warmed; none when it is not warm.
    pub(crate) fn first_token(&self) -> Option<Duration> {
        let warm = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        warm.filter(|warm| warm.at.elapsed() < STAYS_WARM).map(|warm| warm.first_token)
    }
}

/// Why a worker could not be warmed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WarmingError {
    #[error("reading {0}: {1}")]
    Reading(String, #[source] io::Error),
    #[error(transparent)]
    Answering(#[from] AnsweringError),
}

/// Reads the files, computes the prompts of `questions`, the one asked most last so that it is the last to be forgotten,
/// and measures a first token.
pub(crate) fn warm(
    settings: &Settings,
    answering: &Answering,
    questions: &[Question],
    warmth: &Warmth,
) -> Result<Duration, WarmingError> {
    for path in [&settings.knowledge, &settings.model] {
        read_through(path).map_err(|e| WarmingError::Reading(path.display().to_string(), e))?;
    }
    let kept = settings.inference.engine.kept_prompts as usize;
    for Question { caller, question } in questions.iter().take(kept).rev() {
        prompt(answering, question, &Caller::Known(*caller), settings.inference.max_tokens, 0)?;
    }
    let started = Instant::now();
    match questions.first() {
        Some(Question { caller, question }) => {
            let caller = Caller::Known(*caller);
            prompt(answering, question, &caller, settings.inference.max_tokens, 1)?;
        }
        None => {
            let passage = answering.knowledge.passage(0).map_err(AnsweringError::from)?;
            let question: String = passage.text.chars().take(200).collect();
            prompt(answering, &question, &Caller::House, settings.inference.max_tokens, 1)?;
        }
    }
    let first_token = started.elapsed();
    warmth.reached(first_token);
    Ok(first_token)
}

/// Finds passages for a question as it would be found by an answer of `room` tokens, and makes `tokens` of it.
fn prompt(
    answering: &Answering,
    question: &str,
    caller: &Caller,
    room: usize,
    tokens: usize,
) -> Result<(), AnsweringError> {
    let conversation = [Message::new(Role::User, question)];
    if let Plan::Generate { messages, .. } =
        answering.plan(&conversation, room, answering.selection, caller, |_| ())?.plan
    {
        let request = GenerateRequest::new(messages, tokens, caller.clone());
        own_request::run(&answering.generator, request, ONE_PROMPT)?;
    }
    Ok(())
}

/// Reads a file, or all of a folder, so that the system keeps it in memory as far as there is room.
fn read_through(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            read_through(&entry?.path())?;
        }
        return Ok(());
    }
    let mut file = File::open(path)?;
    let mut block = vec![0; BLOCK];
    while file.read(&mut block)? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_warm_once_it_was_warmed() {
        let warmth = Warmth::default();
        warmth.used();
        assert_eq!(warmth.first_token(), None);
        warmth.reached(Duration::from_millis(80));
        assert_eq!(warmth.first_token(), Some(Duration::from_millis(80)));
    }

    #[test]
    fn a_folder_is_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("derived")).unwrap();
        std::fs::write(folder.path().join("derived/index"), vec![0; BLOCK + 1]).unwrap();
        read_through(folder.path()).unwrap();
        assert!(read_through(&folder.path().join("none")).is_err());
    }
}
