//! The journal on a thread of its own: a slow disk stops no request and no probe.

use std::path::Path;
use std::time::Duration;

use switch_core::{Attempt, Decision, Remembered, Slot, Timestamp};
use switch_journal::{Entry, Journal, JournalError, Note, Outcome, Who};
use tokio::sync::{mpsc, oneshot};

enum Task {
    Record {
        decision: Box<Decision>,
        who: Who,
        at: Timestamp,
        reply: oneshot::Sender<Result<(), JournalError>>,
    },
    Finish {
        attempt: Attempt,
        outcome: Outcome,
    },
    Withdraw {
        attempt: Attempt,
        reply: oneshot::Sender<Result<(), JournalError>>,
    },
    History {
        limit: u32,
        reply: oneshot::Sender<Result<Vec<Entry>, JournalError>>,
    },
    Note {
        note: Box<Note>,
        reply: oneshot::Sender<Result<(), JournalError>>,
    },
    LastNote {
        kind: &'static str,
        reply: oneshot::Sender<Result<Option<Note>, JournalError>>,
    },
    Notes {
        limit: u32,
        reply: oneshot::Sender<Result<Vec<Note>, JournalError>>,
    },
    Lend {
        closed: oneshot::Sender<()>,
        /// Whether it comes back.
        back: oneshot::Receiver<bool>,
    },
}

/// How long to wait before a file that another process has is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// Where the driver hands in what is to be written.
#[derive(Clone)]
pub(crate) struct JournalDesk {
    tasks: mpsc::Sender<Task>,
}

impl JournalDesk {
    /// Opens the journal, making its directory, and starts its thread.
    ///
    /// # Errors
    /// When the file cannot be opened; see [`Journal::open`].
    pub(crate) fn open(
        file: &Path,
        first: Slot,
        keep_old: Duration,
        taken_over: bool,
    ) -> Result<(Self, Remembered), JournalError> {
        if let Some(directory) = file.parent().filter(|directory| !directory.as_os_str().is_empty())
        {
            // When this fails, opening says so with the file's name.
            let _ = std::fs::create_dir_all(directory);
        }
        let mut journal = if taken_over { Journal::take_over(file) } else { Journal::open(file) }?;
        let remembered = journal.remembered(first, keep_old)?;
        let (tasks, mut waiting) = mpsc::channel(32);
        let file = file.to_owned();
        std::thread::spawn(move || {
            while let Some(task) = waiting.blocking_recv() {
                let Task::Lend { closed, back } = task else {
                    carry_out(&journal, task);
                    continue;
                };
                drop(journal);
                let _ = closed.send(());
                // Whoever lent it and is gone does not need it any more.
                if !back.blocking_recv().unwrap_or(false) {
                    return;
                }
                journal = take_back(&file);
            }
        });
        Ok((Self { tasks }, remembered))
    }

    /// Closes the file, so that another process can open it. Nothing is written until `back` says that it comes back;
    /// when it does not, nothing is written any more. Gives false when the thread is gone or too far behind.
    pub(crate) async fn lend(&self, back: oneshot::Receiver<bool>) -> bool {
        let (closed, is_closed) = oneshot::channel();
        self.tasks.try_send(Task::Lend { closed, back }).is_ok() && is_closed.await.is_ok()
    }

    /// Starts writing a decision; the receiver says when it is on disk, or why it is not.
    ///
    /// # Errors
    /// When the thread is too far behind to take another task.
    pub(crate) fn record(
        &self,
        decision: Decision,
        who: Who,
        at: Timestamp,
    ) -> Result<oneshot::Receiver<Result<(), JournalError>>, &'static str> {
        let (reply, answer) = oneshot::channel();
        let task = Task::Record { decision: Box::new(decision), who, at, reply };
        self.tasks.try_send(task).map_err(|_| "the state file's disk is too slow")?;
        Ok(answer)
    }

    /// Withdraws a decision that could not be carried out; the receiver says when that is on disk.
    ///
    /// # Errors
    /// When the thread is too far behind to take another task.
    pub(crate) fn withdraw(
        &self,
        attempt: Attempt,
    ) -> Result<oneshot::Receiver<Result<(), JournalError>>, &'static str> {
        let (reply, answer) = oneshot::channel();
        let task = Task::Withdraw { attempt, reply };
        self.tasks.try_send(task).map_err(|_| "the state file's disk is too slow")?;
        Ok(answer)
    }

    /// Notes an outcome, when there is time: the decision holds without it.
    pub(crate) fn finish(&self, attempt: Attempt, outcome: Outcome) {
        if self.tasks.try_send(Task::Finish { attempt, outcome }).is_err() {
            tracing::warn!(%attempt, outcome = outcome.as_str(), "outcome not noted: the state file's disk is too slow");
        }
    }

    /// Writes what was done or refused beside the decisions; the receiver says when it is on disk.
    ///
    /// # Errors
    /// When the thread is too far behind to take another task.
    pub(crate) fn note(
        &self,
        note: Note,
    ) -> Result<oneshot::Receiver<Result<(), JournalError>>, &'static str> {
        let (reply, answer) = oneshot::channel();
        let task = Task::Note { note: Box::new(note), reply };
        self.tasks.try_send(task).map_err(|_| "the state file's disk is too slow")?;
        Ok(answer)
    }

    /// Writes a note that nothing waits for; when it cannot be written, the log says so.
    pub(crate) fn note_in_passing(&self, note: Note) {
        let text = note.text.clone();
        match self.note(note) {
            Ok(answer) => {
                tokio::spawn(async move {
                    match answer.await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => tracing::warn!(%error, note = text, "note not written"),
                        Err(_) => tracing::warn!(note = text, "note not written"),
                    }
                });
            }
            Err(cause) => tracing::warn!(cause, note = text, "note not written"),
        }
    }

    /// Reads the newest notes; `None` when the thread is gone or too far behind.
    pub(crate) async fn notes(&self, limit: u32) -> Option<Result<Vec<Note>, JournalError>> {
        let (reply, answer) = oneshot::channel();
        self.tasks.try_send(Task::Notes { limit, reply }).ok()?;
        answer.await.ok()
    }

    /// Reads the newest note of a kind; `None` when the thread is gone or too far behind.
    pub(crate) async fn last_note(
        &self,
        kind: &'static str,
    ) -> Option<Result<Option<Note>, JournalError>> {
        let (reply, answer) = oneshot::channel();
        self.tasks.try_send(Task::LastNote { kind, reply }).ok()?;
        answer.await.ok()
    }

    /// Reads the newest decisions; `None` when the thread is gone or too far behind.
    pub(crate) async fn history(&self, limit: u32) -> Option<Result<Vec<Entry>, JournalError>> {
        let (reply, answer) = oneshot::channel();
        self.tasks.try_send(Task::History { limit, reply }).ok()?;
        answer.await.ok()
    }
}

/// Opens the file that another process had. Decisions wait, or are refused, for as long as that process holds it.
fn take_back(file: &Path) -> Journal {
    loop {
        match Journal::take_over(file) {
            Ok(journal) => return journal,
            Err(error) => {
                tracing::error!(%error, "the state file cannot be opened again");
                std::thread::sleep(TRY_AGAIN);
            }
        }
    }
}

fn carry_out(journal: &Journal, task: Task) {
    // A caller that stopped waiting needs no answer.
    match task {
        Task::Record { decision, who, at, reply } => {
            let _ = reply.send(journal.record(&decision, &who, at));
        }
        Task::Finish { attempt, outcome } => {
            if let Err(error) = journal.finish(attempt, outcome) {
                tracing::warn!(%attempt, %error, "outcome not noted");
            }
        }
        Task::Withdraw { attempt, reply } => {
            let _ = reply.send(journal.finish(attempt, Outcome::Withdrawn));
        }
        Task::History { limit, reply } => {
            let _ = reply.send(journal.history(limit));
        }
        Task::Note { note, reply } => {
            let _ = reply.send(journal.note(&note));
        }
        Task::LastNote { kind, reply } => {
            let _ = reply.send(journal.last_note(kind));
        }
        Task::Notes { limit, reply } => {
            let _ = reply.send(journal.notes(limit));
        }
        // Needs the journal itself, not a look at it: the thread's loop takes care of it.
        Task::Lend { .. } => {}
    }
}
