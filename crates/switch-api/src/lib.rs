//! The words `switchctl` and the gateway say to each other, under `/v1` of the admin API.

mod asked;
mod status;
mod told;

pub use asked::{
    Change, Done, ModeSet, Outcome, Promote, Reloaded, RequestPromotion, Rollback, SetCanary,
    SetDeadline, SetMode, SetShadow, Wait, Warm,
};
pub use status::{
    Canary, Drain, Finding, Kept, Pinned, PromotionRequest, Rule, SlotStatus, Stages, Standby,
    Status, WorkerStatus,
};
pub use told::{
    Decision, Event, Failure, History, Note, Notes, Problem, Running, RunningStream, WhoAmI,
};

#[cfg(test)]
mod tests;
