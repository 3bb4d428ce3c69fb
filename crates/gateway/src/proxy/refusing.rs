//! Answers of the gateway's own.

use http::{Method, header};
use pingora::Result;
use pingora::http::ResponseHeader;
use pingora::proxy::Session;

use super::{Carried, FrontDoor, REQUEST_ID_HEADER, SLOT_HEADER, at_door};
use crate::{answer, waiting};

/// An answer of the gateway's own.
pub(super) struct No {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) text: String,
}

impl No {
    pub(super) fn new(status: u16, code: &'static str, text: impl Into<String>) -> Self {
        Self { status, code, text: text.into() }
    }
}

impl FrontDoor {
    /// Answers without a worker. Always `Ok(true)`: the response has been sent.
    pub(super) async fn refuse(
        &self,
        session: &mut Session,
        carried: &mut Carried,
        no: &No,
    ) -> Result<bool> {
        carried.refused = Some(no.status);
        // After a malformed request nobody knows where the next one begins.
        if no.status >= 400 && no.status != 503 || *self.leaving.borrow() {
            session.set_keepalive(None);
        }
        if carried.early.is_some() {
            waiting::tell(session, no.status, no.code, &no.text).await?;
        } else {
            self.answer(session, carried, no).await?;
        }
        Ok(true)
    }

    pub(super) async fn answer(
        &self,
        session: &mut Session,
        carried: &Carried,
        no: &No,
    ) -> Result<()> {
        let body = answer::problem_body(no.status, no.code, &no.text);
        let mut response = ResponseHeader::build(no.status, Some(6))?;
        response.insert_header(header::CONTENT_TYPE, "application/json")?;
        response.insert_header(header::CONTENT_LENGTH, body.len().to_string())?;
        response.insert_header(header::CACHE_CONTROL, "no-store")?;
        if no.status == 503 {
            response.insert_header(header::RETRY_AFTER, "1")?;
        }
        if let Some(id) = &carried.request_id {
            response.insert_header(REQUEST_ID_HEADER, id.clone())?;
        }
        if let Some(visitor) = &carried.visitor {
            visitor.stamp(&mut response)?;
        }
        if let Some(admission) = &carried.admission {
            response.insert_header(SLOT_HEADER, admission.pool.slot.as_str())?;
        }
        at_door::stamp(session, carried, &mut response)?;
        let head = session.req_header().method == Method::HEAD;
        session.write_response_header(Box::new(response), head).await?;
        if !head {
            session.write_response_body(Some(body), true).await?;
        }
        Ok(())
    }
}
