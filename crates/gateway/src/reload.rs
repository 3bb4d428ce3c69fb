//! Reading the settings again: checked as a whole, then applied at once or not at all, and recorded with what changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use settings_file::SettingsError;
use switch_api::Change;
use switch_core::{Slot, Timestamp};
use switch_journal::{Note, Who};
use tokio::sync::{Mutex, mpsc};
use tokio::task::AbortHandle;

use crate::driver::Message;
use crate::events;
use crate::probe;
use crate::proxy::Config;
use crate::retry_budget::RetryBudget;
use crate::settings::{Health, Settings, Source};
use crate::shared::Shared;
use crate::slot_pool::Members;
use crate::tls::{CertificateError, Certificates};
use crate::users::{Gate, GateError};
use crate::worker::Worker;

/// What only a start can change. A key counts with everything below it.
const ONLY_AT_START: &[&str] = &[
    "listen.http",
    "listen.https",
    "listen.proxy_protocol",
    "listen.tls.min_version",
    "admin",
    "drive",
    "state",
    "shadow",
    "slots.blue.standby",
    "slots.green.standby",
    "threads",
    "limits.connections",
    "limits.http2_streams",
    "promotion.warm",
    "routing.conversations",
    "routing.first_live",
    "routing.hold",
    "upstream.idle_connections",
    "upstream.tries",
];

/// Why the settings stay as they were.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReloadError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("only a restart can change {}", .0.join(", "))]
    OnlyAtStart(Vec<String>),
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error(transparent)]
    Gate(#[from] GateError),
    #[error("the reload could not be recorded, so nothing was changed: {0}")]
    NotRecorded(String),
    #[error("the gateway is stopping")]
    Stopping,
}

impl ReloadError {
    /// A word for scripts.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Settings(_) => "bad_settings",
            Self::OnlyAtStart(_) => "needs_restart",
            Self::Certificate(_) => "bad_certificate",
            Self::Gate(_) => "bad_keys",
            Self::NotRecorded(_) => "not_recorded",
            Self::Stopping => "stopping",
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Settings(error) => error.hint(),
            Self::OnlyAtStart(_) => {
                Some("undo that change, or restart the gateway; nothing was changed".to_owned())
            }
            Self::Certificate(error) => Some(error.hint()),
            Self::Gate(_) | Self::NotRecorded(_) | Self::Stopping => None,
        }
    }
}

/// Reads the settings again when told to.
pub(crate) struct Reloader {
    pub source: Source,
    pub shared: Shared,
    pub config: Arc<ArcSwap<Config>>,
    pub certificates: Option<Arc<Certificates>>,
    pub driver: mpsc::Sender<Message>,
    /// What is in force. Held for a whole reload: one at a time.
    pub force: Mutex<InForce>,
}

/// The settings in force, and the probes they started.
pub(crate) struct InForce {
    pub values: BTreeMap<String, String>,
    pub health: Health,
    pub probes: Vec<(Arc<Worker>, AbortHandle)>,
}

impl Reloader {
    /// Reads the file, and applies it whole or not at all. Gives what changed.
    ///
    /// # Errors
    /// [`ReloadError`]; everything is then as it was. The refusal is recorded, too.
    pub(crate) async fn reload(&self, who: &Who) -> Result<Vec<Change>, ReloadError> {
        let mut force = self.force.lock().await;
        let outcome = self.try_reload(&mut force, who).await;
        if let Err(error) = &outcome {
            tracing::error!(who = who.name, %error, "reload refused: the settings stay as they were");
            self.shared.events.tell("refused", format!("{}: {error}", who.name), None, None);
            self.shared.journal.note_in_passing(note(
                "refused",
                who,
                format!("reload: {error}"),
                None,
            ));
        }
        outcome
    }

    async fn try_reload(&self, force: &mut InForce, who: &Who) -> Result<Vec<Change>, ReloadError> {
        let (settings, values) = self.source.load()?;
        let changes = difference(&force.values, &values);
        let fixed: Vec<String> = changes
            .iter()
            .filter(|change| ONLY_AT_START.iter().any(|fixed| is_below(&change.key, fixed)))
            .map(|change| change.key.clone())
            .collect();
        if !fixed.is_empty() {
            return Err(ReloadError::OnlyAtStart(fixed));
        }
        if let Some(slot) =
            Slot::ALL.into_iter().find(|slot| self.has_other_workers(*slot, &settings))
        {
            let text = format!("slots.{slot}.workers where there is slots.{slot}.standby");
            return Err(ReloadError::OnlyAtStart(vec![text]));
        }
        let metrics = &self.shared.metrics;
        let changed = |keys: &[&str]| {
            changes.iter().any(|change| keys.iter().any(|key| is_below(&change.key, key)))
        };
        // Everything that can fail comes before the first thing that is seen.
        let certificates = match (&self.certificates, &settings.https) {
            (Some(certificates), Some(https)) => {
                Some((certificates, certificates.read(&https.certificates)?))
            }
            (Some(_) | None, _) => None,
        };
        let before = self.config.load_full();
        let gate = if changed(&["users", "rate_limits"]) {
            Gate::open(settings.users.as_ref(), &settings.rate_limits, metrics).await?
        } else {
            before.gate.clone()
        };
        self.record(&changes, who).await?;

        if let Some((certificates, read)) = certificates {
            certificates.replace(read);
        }
        let config = Config {
            gate,
            retry_budget: RetryBudget::new(settings.upstream.retry_budget.thousandths()),
            upstream: settings.upstream.clone(),
            limits: settings.limits.clone(),
            trusted_proxies: settings.trusted_proxies.clone(),
            allow_slot_header: settings.allow_slot_header,
            ready_path: settings.ready_path.clone(),
            routes: settings.routes.clone(),
            access_log: settings.access_log,
        };
        if let Some(gate) = &before.gate
            && !config.gate.as_ref().is_some_and(|new| Arc::ptr_eq(gate, new))
        {
            gate.retire();
        }
        self.config.store(Arc::new(config));
        self.replace_workers(force, &settings);
        force.values = values;
        let rules = settings.rules;
        self.driver.send(Message::Reloaded { rules }).await.map_err(|_| ReloadError::Stopping)?;
        let text = summary(&changes);
        tracing::info!(who = who.name, changes = text, "settings reloaded");
        self.shared.events.tell("reloaded", format!("{}: {text}", who.name), None, None);
        Ok(changes)
    }

    /// Whether workers came or went of a slot whose workers are started and stopped here.
    fn has_other_workers(&self, slot: Slot, settings: &Settings) -> bool {
        self.shared.standby.workers(slot).is_some_and(|known| {
            let mut typed: Vec<&str> =
                settings.slots[slot.index()].workers.iter().map(|it| it.name.as_str()).collect();
            typed.sort_unstable();
            typed != known
        })
    }

    async fn record(&self, changes: &[Change], who: &Who) -> Result<(), ReloadError> {
        let detail = serde_json::to_string(changes).ok();
        let written = self.shared.journal.note(note("reload", who, summary(changes), detail));
        match written.map_err(|cause| ReloadError::NotRecorded(cause.to_owned()))?.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(ReloadError::NotRecorded(error.to_string())),
            Err(_) => Err(ReloadError::Stopping),
        }
    }

    /// Workers that stay keep their verdicts and counts; new ones begin unproven; those that went finish what they do.
    fn replace_workers(&self, force: &mut InForce, settings: &Settings) {
        let same_health = force.health == settings.health;
        let mut probes = Vec::new();
        for slot in Slot::ALL {
            let pool = self.shared.routing.slot(slot);
            let known = pool.members();
            let typed = &settings.slots[slot.index()];
            let workers = typed.workers.iter().map(|worker| {
                let kept = known.workers.iter().find(|known| known.address == worker.address);
                match kept {
                    Some(kept) => {
                        kept.set(worker, &settings.passive, typed.slow_start);
                        Arc::clone(kept)
                    }
                    None => Arc::new(Worker::new(
                        slot,
                        worker.clone(),
                        &settings.passive,
                        typed.slow_start,
                        &self.shared.metrics,
                    )),
                }
            });
            let workers: Vec<Arc<Worker>> = workers.collect();
            for worker in &workers {
                let running =
                    force.probes.iter().position(|(probed, _)| Arc::ptr_eq(probed, worker));
                let probe = match running {
                    Some(index) if same_health => force.probes.swap_remove(index).1,
                    Some(_) | None => {
                        let (pool, health) = (Arc::clone(pool), settings.health.clone());
                        let own = self.driver.clone();
                        let probe = probe::run(pool, Arc::clone(worker), health, own);
                        tokio::spawn(probe).abort_handle()
                    }
                };
                probes.push((Arc::clone(worker), probe));
            }
            let (mismatch, balance) = (settings.mismatch, typed.balance);
            pool.set_members(Members { workers, mismatch, balance });
        }
        let stay = |gone: &Arc<Worker>| probes.iter().any(|(stays, _)| Arc::ptr_eq(stays, gone));
        for (worker, probe) in &force.probes {
            probe.abort();
            if !stay(worker) {
                worker.counters.ready.set(0);
            }
        }
        force.probes = probes;
        force.health = settings.health.clone();
    }
}

fn note(kind: &str, who: &Who, text: String, detail: Option<String>) -> Note {
    Note { at: Timestamp(events::now()), kind: kind.to_owned(), who: who.clone(), text, detail }
}

/// Whether `key` is `above` or something below it.
fn is_below(key: &str, above: &str) -> bool {
    key.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Every key whose value is not the same, in order.
fn difference(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<Change> {
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .filter(|key| before.get(*key) != after.get(*key))
        .map(|key| Change {
            key: key.clone(),
            from: before.get(key).cloned(),
            to: after.get(key).cloned(),
        })
        .collect()
}

/// The changes in one line.
fn summary(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "nothing changed in the settings; certificates were read again".to_owned();
    }
    let each = changes.iter().map(|change| {
        let [from, to] =
            [&change.from, &change.to].map(|value| value.as_deref().unwrap_or("(default)"));
        format!("{}: {from} → {to}", change.key)
    });
    each.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_by_key() {
        let before =
            settings_file::values("health: { rise: 2 }\nslots: { blue: { workers: [a, b] } }");
        let after = settings_file::values(
            "health: { rise: 3 }\nslots: { blue: { workers: [a] } }\nthreads: 2",
        );
        let changes = difference(&before, &after);
        assert_eq!(
            summary(&changes),
            "health.rise: 2 → 3; slots.blue.workers[1]: b → (default); threads: (default) → 2"
        );
        assert!(is_below("limits.connections", "limits.connections"));
        assert!(is_below("admin.socket", "admin") && !is_below("administrators", "admin"));
    }
}
