//! What happened, as sentences for whoever listens.

use switch_api::Event;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::broadcast;

/// How many events a slow listener may fall behind before it is told that it missed some.
const BACKLOG: usize = 256;

/// The channel of events.
#[derive(Clone)]
pub(crate) struct Events(broadcast::Sender<Event>);

impl Events {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }

    /// Tells everybody who listens; nobody has to.
    pub(crate) fn tell(&self, kind: &str, text: String, slot: Option<&str>, attempt: Option<u64>) {
        let _ = self.0.send(Event {
            at: rfc3339(now()),
            kind: kind.to_owned(),
            text,
            slot: slot.map(str::to_owned),
            attempt,
        });
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Event> {
        self.0.subscribe()
    }
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    u64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap_or(0)
}

/// A moment in milliseconds since the Unix epoch, as people and programs read it.
pub(crate) fn rfc3339(millis: u64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_default()
}
