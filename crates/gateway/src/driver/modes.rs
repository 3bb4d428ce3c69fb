//! The modes of the slots: recorded, then handed to those who start and stop workers.

use switch_core::{Event, Mode, ModeChange, Slot, Timestamp};
use switch_journal::Who;
use tokio::sync::oneshot;

use super::{Driver, Message, No, RecordError};
use crate::events;
use crate::standby::note;

/// An operator's wish for a mode; answered once it is recorded.
pub(crate) struct SetMode {
    pub slot: Option<Slot>,
    pub mode: Mode,
    pub reason: Option<String>,
    pub force: bool,
    pub who: Who,
    pub reply: oneshot::Sender<Result<ModeChange, No>>,
}

/// Who waits for it.
pub(super) struct Setter {
    who: Who,
    reply: oneshot::Sender<Result<ModeChange, No>>,
    /// Why it was not recorded.
    cause: Option<RecordError>,
}

impl Driver {
    /// From now on this process starts and stops workers, toward the modes that were recorded.
    pub(super) fn begin_standby(&self) {
        for slot in Slot::ALL {
            self.show_mode(slot, self.switch.mode(slot));
        }
        self.shared.standby.begin(&self.shared, &self.own);
    }

    pub(super) fn set_mode(&mut self, wish: SetMode) {
        let SetMode { slot, mode, reason, force, who, reply } = wish;
        let event = Event::Standby { slot, mode, reason, force };
        match self.switch.handle(event.clone(), Timestamp(events::now())) {
            Ok(todo) => {
                self.setter = Some(Setter { who, reply, cause: None });
                self.carry_out(todo);
            }
            Err(refusal) => {
                self.refused(&event, &who, false, &refusal);
                let _ = reply.send(Err(No::Refused(refusal)));
            }
        }
    }

    pub(super) fn record_mode(&self, change: ModeChange) {
        let who = self.setter.as_ref().map_or_else(
            || Who { name: "switchyard".to_owned(), uid: None, pid: None },
            |setter| setter.who.clone(),
        );
        tracing::info!(slot = %change.slot, mode = %change.mode, who = who.name, "recording a mode");
        let number = change.number;
        let (asked, now) = (self.shared.standby.asked(), Timestamp(events::now()));
        let written = self.shared.journal.note(note::note(&change, asked, who, now));
        let own = self.own.clone();
        tokio::spawn(async move {
            let result = match written {
                Ok(answer) => match answer.await {
                    Ok(result) => result.map_err(RecordError::from),
                    Err(_) => Err(RecordError::Gone),
                },
                Err(slow) => Err(RecordError::Slow(slow)),
            };
            let _ = own.send(Message::ModeRecorded { number, result }).await;
        });
    }

    pub(super) fn mode_recorded(&mut self, number: u64, result: Result<(), RecordError>) {
        match result {
            Ok(()) => self.tell(Event::ModeRecorded { number }),
            Err(error) => {
                let cause = error.to_string();
                if let Some(setter) = &mut self.setter {
                    setter.cause = Some(error);
                }
                self.tell(Event::ModeRecordFailed { number, cause });
            }
        }
    }

    pub(super) fn bring_into(&self, slot: Slot, mode: Mode) {
        self.show_mode(slot, mode);
        self.shared.standby.set(slot, mode);
    }

    fn show_mode(&self, slot: Slot, mode: Mode) {
        self.shared.routing.slot(slot).set_asleep(mode == Mode::Asleep);
        self.shared.metrics.slot_mode(slot.as_str(), mode.as_str());
    }

    pub(super) fn mode_set(&mut self, change: &ModeChange) {
        let text = note::text(change);
        self.shared.events.tell(note::KIND, text, Some(change.slot.as_str()), None);
        if let Some(setter) = self.setter.take() {
            let _ = setter.reply.send(Ok(change.clone()));
        }
    }

    pub(super) fn mode_stayed(&mut self, change: &ModeChange, cause: &str) {
        let ModeChange { slot, mode, .. } = change;
        tracing::error!(%slot, %mode, cause, "the mode could not be recorded: the slot stays as it was");
        let text = format!("{slot} stays as it was, it is not set to {mode}: {cause}");
        self.shared.events.tell(note::KIND, text, Some(slot.as_str()), None);
        self.shared.metrics.mode_change(slot.as_str(), mode.as_str(), "failed");
        if let Some(Setter { reply, cause, .. }) = self.setter.take() {
            let cause = cause.unwrap_or(RecordError::Gone);
            let _ = reply.send(Err(No::ModeNotRecorded { slot: *slot, cause }));
        }
    }
}
