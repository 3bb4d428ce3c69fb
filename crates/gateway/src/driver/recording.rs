//! A decision on its way to disk, and to the proxy that follows in drive mode.

use switch_core::{Attempt, Decision, Timestamp};
use switch_journal::Who;

use super::{Driver, Message, RecordError};
use crate::drive::{DriveError, Wanted};
use crate::events;
use crate::shared::Shared;

impl Driver {
    pub(super) fn record(&mut self, decision: Decision) {
        let attempt = decision.attempt;
        let who = self.asked.as_ref().map_or_else(
            || Who { name: "switchyard".to_owned(), uid: None, pid: None },
            |asked| asked.who.clone(),
        );
        tracing::info!(
            %attempt, kind = decision.kind.as_str(), from = %decision.from, to = %decision.to, who = who.name,
            forced = decision.forced, reason = decision.reason.as_deref().unwrap_or("-"), "recording a decision"
        );
        let wanted = Wanted::of(&decision, &who.name);
        let handed_in = self.shared.journal.record(decision, who, Timestamp(events::now()));
        let own = self.own.clone();
        let shared = self.shared.clone();
        tokio::spawn(async move {
            let mut result = match handed_in {
                Ok(answer) => match answer.await {
                    Ok(result) => result.map_err(RecordError::from),
                    Err(_) => Err(RecordError::Gone),
                },
                Err(slow) => Err(RecordError::Slow(slow)),
            };
            if result.is_ok()
                && let Some(drive) = &shared.drive
                && let Err(error) = drive.follow(&wanted).await
            {
                shared.metrics.not_followed.inc();
                withdraw(&shared, attempt).await;
                result = Err(RecordError::NotFollowed(error));
            }
            let _ = own.send(Message::Recorded { attempt, result }).await;
        });
    }

    /// What was decided before this process began.
    pub(super) fn recorded(&self) -> Wanted {
        Wanted {
            live: self.switch.live(),
            attempt: self.switch.attempt().0,
            canary: self.switch.canary().cloned(),
            why: format!("{} is live (attempt {})\n", self.switch.live(), self.switch.attempt()),
        }
    }

    /// Makes the proxy that is driven follow what was decided last.
    pub(super) fn catch_up(&self) {
        let Some(drive) = self.shared.drive.clone() else { return };
        let shared = self.shared.clone();
        tokio::spawn(async move {
            let failed = |error: &DriveError| {
                shared.metrics.not_followed.inc();
                let causes = telemetry::voice::causes(error);
                tracing::error!(%error, cause = causes.join(": "), "the proxy does not follow the recorded decision");
                shared.events.tell(
                    "not_followed",
                    format!("the proxy does not follow: {error}"),
                    None,
                    None,
                );
            };
            drive.catch_up(failed).await;
        });
    }
}

/// A decision that was recorded and not carried out must not count after a restart.
async fn withdraw(shared: &Shared, attempt: Attempt) {
    let answer = match shared.journal.withdraw(attempt) {
        Ok(answer) => answer.await.map_err(|_| "the state file's thread has ended".to_owned()),
        Err(slow) => Err(slow.to_owned()),
    };
    let failed = match answer {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(text) => text,
    };
    tracing::error!(%attempt, cause = failed, "the decision could not be withdrawn: a restart would carry it out");
}
