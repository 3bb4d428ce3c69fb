//! An answer that was cut in the middle, and another worker that is asked to go on with it.

use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use pingora::{Error, ErrorType, Result};

use super::{Carried, FrontDoor};
use crate::continued::{CONTINUABLE_HEADER, Said, is_continuable};

/// Takes in a worker's header. `true` when it belongs to the rest of an answer, and is not for the client.
///
/// # Errors
/// When it belongs to something else than the rest that was asked for.
pub(super) fn look_at(response: &mut ResponseHeader, carried: &mut Carried) -> Result<bool> {
    let continuable = is_continuable(response);
    if carried.said.as_ref().is_some_and(|said| said.continued() > 0) {
        if !continuable {
            let status = response.status.as_u16();
            let text = format!("a worker answered {status} instead of going on with an answer");
            return Err(Error::explain(ErrorType::HTTPStatus(502), text).into_up());
        }
        if let Some(assignment) = &carried.assignment {
            assignment.worker.succeeded();
        }
        return Ok(true);
    }
    response.remove_header(CONTINUABLE_HEADER);
    let upstream = &carried.config.upstream;
    carried.said =
        (continuable && upstream.continuations > 0).then(|| Said::new(upstream.kept_text));
    Ok(false)
}

impl FrontDoor {
    /// Whether another worker shall go on with an answer that was cut in the middle; prepares what it will be sent.
    pub(super) fn goes_on(&self, session: &Session, carried: &mut Carried) -> bool {
        let Some(said) = &mut carried.said else { return false };
        let most = carried.config.upstream.continuations;
        let kept = session.as_ref().get_retry_buffer();
        let whole = !session.as_ref().retry_buffer_truncated();
        if !whole || !said.may_go_on() || said.continued() >= most {
            return false;
        }
        carried.instead = kept.and_then(|body| said.request(&body));
        let (true, Some(admission)) = (carried.instead.is_some(), &carried.admission) else {
            return false;
        };
        let slot = admission.pool.slot;
        said.go_on(slot.as_str());
        let worker = carried.assignment.as_ref().map_or("-", |assignment| &assignment.worker.name);
        tracing::warn!(
            %slot, worker, request_id = carried.request_id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or("-"),
            "a worker ended in the middle of an answer: another one is asked to go on with it"
        );
        if let Some(metrics) = self.metrics.slots.get(slot.index()) {
            metrics.continued.inc();
        }
        true
    }
}
