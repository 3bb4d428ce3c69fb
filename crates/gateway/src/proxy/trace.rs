//! A request in a trace: a span for the whole of it, and one for each worker that is tried.

use pingora::Result;
use pingora::http::RequestHeader;
use telemetry::traces;
use tracing::Span;

use super::Carried;
use crate::routing::Assignment;

/// The spans of a request; none without a receiver of traces.
pub(super) struct Trace {
    request: Span,
    tried: Span,
}

impl Trace {
    /// Of a request of which nothing is known yet.
    pub(super) fn none() -> Self {
        Self { request: Span::none(), tried: Span::none() }
    }

    /// Begins, as part of the trace that the client names.
    pub(super) fn begin(request: &RequestHeader) -> Self {
        if !traces::are_on() {
            return Self::none();
        }
        let span = tracing::info_span!(
            "proxy",
            otel.kind = "server",
            otel.name = request.method.as_str(),
            http.request.method = request.method.as_str(),
            // The query may hold secrets.
            url.path = request.uri.path(),
        );
        traces::go_on(&span, &request.headers);
        Self { request: span, tried: Span::none() }
    }

    /// A worker is tried; what was tried before is over.
    pub(super) fn try_worker(&mut self, assignment: &Assignment, tries: u32) {
        if !self.is_told() {
            return;
        }
        self.tried = tracing::info_span!(
            parent: &self.request,
            "try",
            otel.kind = "client",
            otel.name = "worker",
            server.address = assignment.worker.name.as_str(),
            switchyard.tries = tries,
        );
    }

    /// Makes what the worker does part of the trace.
    pub(super) fn pass_on(&self, request: &mut RequestHeader) -> Result<()> {
        for (name, value) in traces::headers(&self.tried) {
            request.insert_header(name, value)?;
        }
        Ok(())
    }

    /// Whether anybody is told of it.
    pub(super) fn is_told(&self) -> bool {
        !self.request.is_disabled()
    }

    /// The trace's id, for the access log.
    pub(super) fn id(&self) -> Option<String> {
        traces::id(&self.request)
    }
}

impl Carried {
    /// The request is over: says how it went, and where.
    pub(super) fn end_trace(&mut self, status: u16, release: Option<&str>, end: &'static str) {
        let span = &self.trace.request;
        if span.is_disabled() {
            return;
        }
        traces::set(span, "http.response.status_code", i64::from(status));
        if let Some(admission) = &self.admission {
            traces::set(span, "switchyard.slot", admission.pool.slot.as_str());
            let attempt = i64::try_from(admission.attempt).unwrap_or(i64::MAX);
            traces::set(span, "switchyard.attempt", attempt);
        }
        if let Some(release) = release {
            traces::set(span, "switchyard.release", release.to_owned());
        }
        if let Some(id) = self.request_id.as_ref().and_then(|id| id.to_str().ok()) {
            traces::set(span, "switchyard.request_id", id.to_owned());
        }
        traces::set(span, "switchyard.end", end);
        if status >= 500 || matches!(end, "cut" | "failed") {
            traces::fail(span, end);
            traces::fail(&self.trace.tried, end);
        }
        self.trace = Trace::none();
    }
}
