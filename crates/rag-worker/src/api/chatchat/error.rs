//! Errors that both readers understand: Langchain-Chatchat's look at `code` and `msg`, OpenAI's at the status and `error`.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::super::error::{self, ApiError};

/// An error, and what a client finds where it looks for the data.
#[derive(Debug)]
pub(super) struct KbError {
    error: ApiError,
    data: Value,
}

impl KbError {
    /// The same error, for a client that goes through a list.
    pub(super) fn of_list(self) -> Self {
        Self { data: json!([]), ..self }
    }
}

impl From<ApiError> for KbError {
    fn from(error: ApiError) -> Self {
        Self { error, data: json!({}) }
    }
}

impl From<QueryRejection> for KbError {
    fn from(rejection: QueryRejection) -> Self {
        ApiError::invalid(rejection.body_text()).into()
    }
}

impl From<PathRejection> for KbError {
    fn from(rejection: PathRejection) -> Self {
        let status = rejection.status();
        let status = if status.is_server_error() { status } else { StatusCode::NOT_FOUND };
        ApiError::invalid(rejection.body_text()).with_status(status).into()
    }
}

impl IntoResponse for KbError {
    fn into_response(self) -> Response {
        let Self { error, data } = self;
        let mut body = error.body();
        body["code"] = json!(error.status().as_u16());
        body["msg"] = json!(error.message());
        body["data"] = data;
        error::respond(error.status(), body)
    }
}
