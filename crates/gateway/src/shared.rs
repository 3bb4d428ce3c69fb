//! What the request path, the driver and the operators' API look at together.

use std::sync::Arc;

use telemetry::gateway::GatewayMetrics;

use crate::conversations::Conversations;
use crate::drive::Drive;
use crate::events::Events;
use crate::handover::Predecessor;
use crate::hold::Hold;
use crate::journal_desk::JournalDesk;
use crate::routing::Routing;
use crate::running::Running;
use crate::shadow::Shadow;
use crate::standby::Standby;

/// One of each in a gateway.
#[derive(Clone)]
pub(crate) struct Shared {
    pub routing: Arc<Routing>,
    pub running: Arc<Running>,
    pub predecessor: Arc<Predecessor>,
    pub conversations: Option<Arc<Conversations>>,
    pub hold: Option<Arc<Hold>>,
    pub shadow: Arc<Shadow>,
    /// The proxy that carries the requests instead of this one.
    pub drive: Option<Arc<Drive>>,
    /// What starts and stops workers.
    pub standby: Arc<Standby>,
    pub metrics: Arc<GatewayMetrics>,
    pub events: Events,
    pub journal: JournalDesk,
}
