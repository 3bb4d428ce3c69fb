//! Errors in OpenAI's shape: `{"error": {"message", "type", "param", "code"}}`.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rag_core::GenerateError;
use serde_json::json;

use crate::answering::{Answering, AnsweringError};
use crate::own_request::OwnRequestError;
use crate::state::{Phase, Worker};

/// Seconds after which a refused client may try again.
const RETRY_AFTER: &str = "1";

/// An error as the client sees it.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<Cow<'static, str>>,
    message: String,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, code: None, param: None, message: message.into() }
    }

    /// 400: the request cannot be meant.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    /// 404.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        let mut error = Self::new(StatusCode::NOT_FOUND, "invalid_request_error", message);
        error.code = Some("not_found");
        error
    }

    /// 429: the queue is full.
    pub(crate) fn busy(waiting: usize) -> Self {
        let message = format!("{waiting} requests are already waiting; try again in a moment");
        let mut error = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", message);
        error.code = Some("queue_full");
        error
    }

    /// 503: not ready.
    pub(crate) fn not_ready(worker: &Worker) -> Self {
        let message = match worker.phase() {
            Phase::Loading(what) => format!("the worker is loading: {what}"),
            Phase::Failed { reason, .. } => format!("the worker has failed: {reason}"),
            Phase::Draining => "the worker is stopping".to_owned(),
            Phase::Ready => "the worker became ready a moment ago; try again".to_owned(),
        };
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable_error", message)
    }

    /// 501: what was asked for is no mistake, but nothing here does it.
    pub(crate) fn not_covered(message: impl Into<String>) -> Self {
        let mut error = Self::new(StatusCode::NOT_IMPLEMENTED, "invalid_request_error", message);
        error.code = Some("not_covered");
        error
    }

    /// 500.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", message)
    }

    /// The same error about a field of the request.
    pub(crate) fn with_param(mut self, param: impl Into<Cow<'static, str>>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// The same error with another status.
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The body.
    pub(crate) fn body(&self) -> serde_json::Value {
        json!({"error": {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }})
    }
}

impl Worker {
    /// The engines, or why there are none. A worker that has failed since has them and does not use them: what it would answer from is
    /// not what was verified.
    pub(super) fn ready_to_answer(&self) -> Result<&Arc<Answering>, ApiError> {
        match (self.answering(), self.phase()) {
            (None, _) | (Some(_), Phase::Failed { .. }) => Err(ApiError::not_ready(self)),
            (Some(answering), _) => Ok(answering),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        respond(self.status, self.body())
    }
}

/// An error's response: one that is over in a moment says so.
pub(super) fn respond(status: StatusCode, body: serde_json::Value) -> Response {
    let mut response = (status, Json(body)).into_response();
    if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
    }
    response
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        let status = rejection.status();
        // A body of the wrong type is 422 to axum and 400 to OpenAI's clients.
        let status = if status == StatusCode::UNPROCESSABLE_ENTITY {
            StatusCode::BAD_REQUEST
        } else {
            status
        };
        Self::invalid(rejection.body_text()).with_status(status)
    }
}

impl From<GenerateError> for ApiError {
    fn from(error: GenerateError) -> Self {
        match error {
            GenerateError::Busy { waiting } => Self::busy(waiting),
            GenerateError::Stopping => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable_error", error.to_string())
            }
            GenerateError::TooLong { .. } => Self::too_long(error.to_string()),
            GenerateError::Form(_) => {
                Self::invalid(error.to_string()).with_param("response_format")
            }
            GenerateError::Failed(_) => Self::internal(error.to_string()),
        }
    }
}

impl From<AnsweringError> for ApiError {
    fn from(error: AnsweringError) -> Self {
        match error {
            AnsweringError::NoQuestion => Self::invalid(error.to_string()).with_param("messages"),
            AnsweringError::TooLong { .. } => Self::too_long(error.to_string()),
            AnsweringError::Generate(error)
            | AnsweringError::OwnRequest(OwnRequestError::Failed(error)) => error.into(),
            AnsweringError::Embed(_)
            | AnsweringError::Retrieve(_)
            | AnsweringError::OwnRequest(OwnRequestError::Late(_))
            | AnsweringError::Knowledge(_) => {
                tracing::error!(%error, "finding passages");
                Self::internal(error.to_string())
            }
        }
    }
}

impl ApiError {
    fn too_long(message: String) -> Self {
        let mut error = Self::invalid(message).with_param("messages");
        error.code = Some("context_length_exceeded");
        error
    }
}
