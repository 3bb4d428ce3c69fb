//! What the front door knows of the slots, and what it is asked for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use switch_api::{Done, RequestPromotion, Status};
use switch_client::{Client, ClientError};
use tokio::runtime::Runtime;

use super::settings::SLOTS;
use crate::render::Failure;

/// How long the front door may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a slot is looked at until it is ready.
const LOOK: Duration = Duration::from_millis(500);

/// The front door of these slots.
pub(super) struct Gateway {
    client: Client,
    runtime: Runtime,
}

/// Where the slots stand.
pub(super) struct Standing {
    pub(super) live: &'static str,
    pub(super) idle: &'static str,
    pub(super) status: Status,
}

impl Gateway {
    pub(super) fn new(server: &str) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::new(error, None))?;
        let client = Client::new(server).map_err(failure)?;
        Ok(Self { client, runtime })
    }

    pub(super) fn standing(&self) -> Result<Standing, Failure> {
        let status: Status = self.wait(self.client.get("/v1/status"))?;
        let [blue, green] = SLOTS;
        let (live, idle) = if status.live == blue { (blue, green) } else { (green, blue) };
        Ok(Standing { live, idle, status })
    }

    /// Waits until a slot serves a knowledge base.
    pub(super) fn wait_for(
        &self,
        slot: &str,
        fingerprint: &str,
        within: Duration,
        cancelled: &AtomicBool,
    ) -> Result<(), Failure> {
        let until = Instant::now() + within;
        loop {
            let standing = self.standing()?;
            if standing.serves(slot) == Some(fingerprint) && standing.state(slot) == "ready" {
                return Ok(());
            }
            if cancelled.load(Ordering::Relaxed) {
                return Err(Failure::interrupted("stopped while waiting for the slot"));
            }
            if Instant::now() >= until {
                let other = match standing.serves(slot) {
                    Some(serves) if serves == fingerprint => "",
                    _ => " and does not serve the new knowledge base",
                };
                let text = format!(
                    "{slot} is {}{other} after {}s",
                    standing.state(slot),
                    within.as_secs()
                );
                let hint = "its worker's log says why; `knowledge:` in its settings should name the link `current`";
                return Err(Failure::new(text, Some(hint.to_owned())));
            }
            std::thread::sleep(LOOK);
        }
    }

    pub(super) fn ask(&self, request: &RequestPromotion) -> Result<Done, Failure> {
        self.wait(self.client.post("/v1/request", request))
    }

    fn wait<T>(&self, asking: impl Future<Output = Result<T, ClientError>>) -> Result<T, Failure> {
        let answer = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, asking).await });
        match answer {
            Ok(answer) => answer.map_err(failure),
            Err(_) => {
                let text = format!("the gateway did not answer within {}s", PATIENCE.as_secs());
                Err(Failure::new(text, None))
            }
        }
    }
}

fn failure(error: ClientError) -> Failure {
    let hint = error.hint();
    Failure::new(error, hint)
}

impl Standing {
    /// The fingerprint of the knowledge base that a slot serves.
    pub(super) fn serves(&self, slot: &str) -> Option<&str> {
        self.status.slots.get(slot)?.release.pointer("/knowledge/fingerprint")?.as_str()
    }

    fn state(&self, slot: &str) -> &str {
        self.status.slots.get(slot).map_or("unknown", |slot| &slot.state)
    }

    /// Why the idle slot's workers must not be restarted now.
    pub(super) fn in_the_way(&self) -> Option<String> {
        let Self { idle, status, .. } = self;
        if status.phase != "steady" {
            return Some(format!("the front door is {}", status.phase));
        }
        if let Some(canary) = status.canary.as_ref().filter(|canary| canary.slot == *idle) {
            return Some(format!("a canary sends {} of the requests to {idle}", canary.share));
        }
        if let Some(pinned) = status.pinned.as_ref().filter(|pinned| pinned.slot == *idle) {
            return Some(format!("conversations stay on {idle} until {}", pinned.until));
        }
        let kept = status.kept.as_ref().filter(|kept| kept.rollback && kept.slot == *idle);
        kept.map(|kept| format!("{idle} is kept for a rollback until {}", kept.until))
    }
}
