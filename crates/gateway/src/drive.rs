//! Drive mode: a proxy of the user's own, such as nginx, carries the requests; Switchyard decides which slot is live and
//! makes the proxy follow.
//!
//! The journal is the truth and the proxy's upstream file follows from it. A decision is recorded first; then the file
//! is written beside its place and moved there, the proxy checks its configuration and reloads, and is asked until the
//! new workers answer through it. If any of that fails, the file is as it was, the proxy reloads once more, and the
//! decision is withdrawn. After a crash at any moment, the next start writes the file of the recorded decision again.

mod nginx;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use minijinja::{Environment, UndefinedBehavior, context};
use switch_core::{Canary, Decision, Slot};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use crate::probe;
use crate::program::Program;
use crate::routing::Routing;
use crate::settings::Drive as Settings;
use crate::slot_pool::Elsewhere;
use crate::whole_file;

/// How often the proxy's old processes are counted while they finish their answers.
const COUNT_EVERY: Duration = Duration::from_millis(500);
/// How long after a failure the recorded decision is tried again.
const TRY_AGAIN: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(60)];

/// Why the proxy does not follow.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DriveError {
    #[error("the template for {}", .0.display())]
    Template(PathBuf, #[source] minijinja::Error),
    #[error("writing {}", .0.display())]
    Write(PathBuf, #[source] std::io::Error),
    #[error("`{command}`: {cause}")]
    Command { command: String, cause: String },
    #[error("{slot} does not answer through {address}: {cause}")]
    NotConfirmed { slot: Slot, address: std::net::SocketAddr, cause: String },
}

/// What the proxy should do.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub live: Slot,
    pub attempt: u64,
    pub canary: Option<Canary>,
    /// For the Git repository.
    pub why: String,
}

impl Wanted {
    pub(crate) fn of(decision: &Decision, who: &str) -> Self {
        let reason = decision.reason.as_deref().unwrap_or("no reason was given");
        let what = match decision.canary {
            Some(_) => decision.to_string(),
            None => format!("{} {} → {}", decision.kind.as_str(), decision.from, decision.to),
        };
        Self {
            live: decision.to,
            attempt: decision.attempt.0,
            canary: decision.canary.clone(),
            why: format!("{what} (attempt {})\n\n{reason}\n\nBy: {who}\n", decision.attempt),
        }
    }
}

/// The proxy that follows.
pub(crate) struct Drive {
    settings: Settings,
    routing: Arc<Routing>,
    /// One change at a time; whoever has the turn sees what was decided last. `None` when another process decides.
    turn: Mutex<Option<Wanted>>,
    /// The newest task that catches up; an older one gives up.
    newest: AtomicU64,
    state: ArcSwap<String>,
}

impl Drive {
    pub(crate) fn new(settings: Settings, routing: Arc<Routing>) -> Self {
        Self {
            settings,
            routing,
            turn: Mutex::new(None),
            newest: AtomicU64::new(0),
            state: ArcSwap::from_pointee("nothing was written yet".to_owned()),
        }
    }

    /// How things stand, for `status`.
    pub(crate) fn state(&self) -> String {
        self.state.load().to_string()
    }

    /// Makes the proxy follow a decision; on failure the proxy is as it was.
    ///
    /// # Errors
    /// [`DriveError`] says which step failed.
    pub(crate) async fn follow(&self, wanted: &Wanted) -> Result<(), DriveError> {
        let mut decided = self.turn.lock().await;
        self.change(wanted).await?;
        *decided = Some(wanted.clone());
        Ok(())
    }

    /// Waits until no change is under way, and keeps others from beginning one. Taking out what was decided ends this
    /// process's part: another one decides.
    pub(crate) async fn pause(&self) -> MutexGuard<'_, Option<Wanted>> {
        self.turn.lock().await
    }

    /// Says what was decided before this process began.
    pub(crate) async fn begin(&self, wanted: Wanted) {
        self.turn.lock().await.get_or_insert(wanted);
    }

    /// Makes the proxy follow what was decided last: at a start, and when slots have other workers. Tries until it works
    /// or is begun anew; each failure is told to `failed`.
    pub(crate) async fn catch_up(&self, failed: impl Fn(&DriveError)) {
        let number = self.newest.fetch_add(1, Ordering::SeqCst) + 1;
        let [mut pause, longest] = TRY_AGAIN;
        while self.newest.load(Ordering::SeqCst) == number {
            {
                let decided = self.turn.lock().await;
                let Some(wanted) = &*decided else { return };
                match self.change(wanted).await {
                    Ok(()) => return,
                    Err(error) => failed(&error),
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// Only for whoever has the turn.
    async fn change(&self, wanted: &Wanted) -> Result<(), DriveError> {
        let changed = self.try_to_change(wanted).await;
        let file = self.settings.upstream_file.display();
        let state = match &changed {
            Ok(()) => format!(
                "{file} serves {}, confirmed through {}",
                wanted.live, self.settings.confirm.address
            ),
            Err(error) => {
                let causes = telemetry::voice::causes(error).join(": ");
                let colon = if causes.is_empty() { "" } else { ": " };
                format!("{file} is as it was: {error}{colon}{causes}")
            }
        };
        self.state.store(Arc::new(state));
        changed
    }

    async fn try_to_change(&self, wanted: &Wanted) -> Result<(), DriveError> {
        let Settings { upstream_file: file, test, reload, .. } = &self.settings;
        let text = self.render(wanted)?;
        let before = tokio::fs::read_to_string(file).await.ok();
        put(file, &text).await?;
        let processes = nginx::workers();
        let mut reloaded = false;
        let followed = async {
            self.run(test).await?;
            reloaded = true;
            self.run(reload).await?;
            self.confirm(wanted.live, &processes).await
        };
        if let Err(error) = followed.await {
            // Without one before it stays: the proxy may not even start without it.
            if let Some(before) = &before {
                put(file, before).await?;
            }
            if reloaded && let Err(again) = self.run(reload).await {
                tracing::error!(%again, "the proxy could not be told to go back");
            }
            return Err(error);
        }
        self.count_what_finishes(wanted.live.other(), &processes);
        if before.as_deref() != Some(&text) {
            self.commit(&wanted.why).await;
        }
        Ok(())
    }

    fn render(&self, wanted: &Wanted) -> Result<String, DriveError> {
        let workers = |slot: Slot| -> Vec<_> {
            let members = self.routing.slot(slot).members();
            let workers = members.workers.iter().map(|worker| {
                context! {
                    address => worker.name.clone(), weight => worker.whole_weight(),
                    backup => worker.is_backup(), down => worker.is_disabled(),
                }
            });
            workers.collect()
        };
        let canary = wanted.canary.as_ref().map(|canary| {
            let thousandths = f64::from(canary.share.thousandths());
            context! { slot => canary.slot.as_str(), percent => thousandths / 10.0 }
        });
        let values = context! {
            live => wanted.live.as_str(),
            idle => wanted.live.other().as_str(),
            upstream => self.settings.upstream.clone(),
            workers => context! { blue => workers(Slot::Blue), green => workers(Slot::Green) },
            canary,
            attempt => wanted.attempt,
        };
        let text = environment().render_str(&self.settings.template, values);
        let failed = |error| DriveError::Template(self.settings.upstream_file.clone(), error);
        text.map(|text| text.trim_end().to_owned() + "\n").map_err(failed)
    }

    /// Asks through the proxy, each time on a new connection, until the slot has answered several times in a row.
    /// Answers count only once nginx's old processes take no more connections: until then chance says who answers.
    async fn confirm(&self, slot: Slot, before: &[nginx::Worker]) -> Result<(), DriveError> {
        let confirm = &self.settings.confirm;
        let until = Instant::now() + confirm.timeout;
        let mut right = 0;
        let mut cause = "no time".to_owned();
        while Instant::now() < until {
            let asked = probe::ask(confirm.address, &confirm.host, &confirm.path);
            let answered = tokio::time::timeout_at(until, asked).await;
            match answered.unwrap_or_else(|_| Err("no answer in time".to_owned())) {
                Ok(answer) => match self.is_of(slot, &answer) {
                    Ok(()) if nginx::accepts(before) => {
                        (right, cause) = (0, "an old process of nginx still accepts".to_owned());
                    }
                    Ok(()) => right += 1,
                    Err(text) => (right, cause) = (0, text),
                },
                Err(text) => (right, cause) = (0, text),
            }
            if right >= confirm.times {
                return Ok(());
            }
            if right == 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Err(DriveError::NotConfirmed { slot, address: confirm.address, cause })
    }

    /// Whether an answer comes from the slot: by the slot that the proxy names, and by the release that the worker names.
    fn is_of(&self, slot: Slot, answer: &probe::Answer) -> Result<(), String> {
        if answer.status != 200 {
            return Err(format!("it answers {}", answer.status));
        }
        if let Some(named) = &answer.slot
            && named != slot.as_str()
        {
            return Err(format!("it still names {named}"));
        }
        let serves = answer.identity.as_ref().and_then(|identity| identity.release.as_ref());
        let members = self.routing.slot(slot).members();
        let known: Vec<_> = members.workers.iter().filter_map(|worker| worker.identity()).collect();
        let known = known.iter().filter_map(|identity| identity.release.as_ref());
        match (serves, &answer.slot) {
            (Some(serves), _) if known.clone().any(|release| release == serves) => Ok(()),
            (Some(serves), _) => Err(format!("it serves {}, which {slot} does not", serves.label)),
            (None, Some(_)) => Ok(()),
            (None, None) => Err(format!(
                "the answer names neither a release nor a slot: ask for a path that a worker answers like /health, or \
                 add `add_header X-Switchyard-Slot {slot} always;` with the template"
            )),
        }
    }

    async fn run(&self, command: &[String]) -> Result<String, DriveError> {
        run(command, None, self.settings.timeout).await
    }

    /// nginx's old processes finish their answers: as long as there are any, the slot that was live is not drained.
    fn count_what_finishes(&self, slot: Slot, before: &[nginx::Worker]) {
        let old = nginx::replaced(before);
        let pool = Arc::clone(self.routing.slot(slot));
        pool.set_elsewhere(Elsewhere::Driven, old.len() as u64);
        if old.is_empty() {
            return;
        }
        let routing = Arc::clone(&self.routing);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(COUNT_EVERY).await;
                // Live again: what finishes now belongs to nobody's drain.
                let left = if routing.live() == slot { 0 } else { nginx::alive(&old) };
                pool.set_elsewhere(Elsewhere::Driven, left);
                if left == 0 {
                    return;
                }
            }
        });
    }

    /// Commits the file. The proxy has followed already, so a failure is told and changes nothing.
    async fn commit(&self, why: &str) {
        let Some(repository) = &self.settings.git else { return };
        let file = std::path::absolute(&self.settings.upstream_file);
        let file = file.unwrap_or_else(|_| self.settings.upstream_file.clone());
        let file = file.display().to_string();
        let git = |arguments: &[&str]| -> Vec<String> {
            let fixed =
                ["git", "-c", "user.name=switchyard", "-c", "user.email=switchyard@localhost"];
            fixed.iter().chain(arguments).map(|&argument| argument.to_owned()).collect()
        };
        for command in
            [git(&["add", "--", &file]), git(&["commit", "--quiet", "--message", why, "--", &file])]
        {
            if let Err(error) = run(&command, Some(repository), self.settings.timeout).await {
                tracing::warn!(%error, repository = %repository.display(), "the upstream file was not committed");
                return;
            }
        }
    }
}

/// Whether a template can be read.
///
/// # Errors
/// What is wrong, with its line.
pub(crate) fn check_template(text: &str) -> Result<(), String> {
    environment().template_from_str(text).map(drop).map_err(|error| error.to_string())
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    // A misspelled name must not become an empty upstream.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment
}

/// Puts a text into a file, as a whole or not at all. A slow disk holds up nothing else.
async fn put(file: &Path, text: &str) -> Result<(), DriveError> {
    let (path, text) = (file.to_owned(), text.to_owned());
    let written = tokio::task::spawn_blocking(move || whole_file::put(&path, &text)).await;
    let written = written.unwrap_or_else(|lost| Err(std::io::Error::other(lost)));
    written.map_err(|error| DriveError::Write(file.to_owned(), error))
}

async fn run(
    command: &[String],
    directory: Option<&Path>,
    limit: Duration,
) -> Result<String, DriveError> {
    let failed = |cause: String| DriveError::Command { command: command.join(" "), cause };
    let program = Program { command, directory, environment: &[], limit, goes_on: false };
    let ended = program.run().await.map_err(failed)?;
    if ended.status.success() {
        Ok(ended.stderr)
    } else {
        Err(failed(format!("{}: {}", ended.status, ended.stderr)))
    }
}
