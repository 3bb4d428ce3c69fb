//! The HTTP endpoints: OpenAI's shapes, and our own beside them.

mod asked;
mod caller;
mod chat;
mod chatchat;
mod embeddings;
mod error;
mod feedback;
mod health;
mod internal;
mod models;
mod object;
mod openapi;
mod page;
mod routes;
mod search;
mod stream;
mod wire;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use telemetry::traces;
use tracing::{Instrument, Span};

use crate::state::Worker;
use error::ApiError;
use routes::Routes;

/// A conversation of a long afternoon fits; a novel does not.
const LONGEST_BODY: usize = 4 << 20;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Every endpoint of the worker.
pub(crate) fn router(worker: Arc<Worker>) -> Router {
    let internal = Router::new()
        .route("/internal/questions", get(internal::questions))
        .route("/internal/warm", post(internal::warm))
        .layer(middleware::from_fn(internal::only));
    Router::new()
        .merge(internal)
        .merge(routes().into_router())
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(middleware::from_fn_with_state(Arc::clone(&worker), observe))
        .with_state(worker)
}

fn routes() -> Routes {
    let routes = Routes::default()
        .undescribed("/", get(page::show))
        .undescribed("/page/{*path}", get(page::file))
        .get("/health", health::show)
        .get("/metrics", health::metrics)
        .get("/openapi.json", openapi::show)
        .get("/v1/models", models::list)
        .get("/v1/models/{*model}", models::show)
        .post("/v1/chat/completions", chat::complete)
        .post("/v1/embeddings", embeddings::embed)
        .post("/v1/search", search::search)
        .get("/v1/feedback", feedback::show)
        .post("/v1/feedback", feedback::add);
    chatchat::routes(routes)
}

async fn no_such_path(request: Request) -> ApiError {
    ApiError::not_found(format!("there is no {} here", request.uri().path()))
}

async fn wrong_method(request: Request) -> Response {
    let message = format!("{} does not answer {}", request.uri().path(), request.method());
    ApiError::invalid(message).with_status(StatusCode::METHOD_NOT_ALLOWED).into_response()
}

/// What a request is in a trace; probes and the page's files are in none.
fn span(worker: &Worker, endpoint: &str, request: &Request) -> Span {
    let told = ["/v1/", "/chat/", "/knowledge_base/"].iter().any(|it| endpoint.starts_with(it));
    if !traces::are_on() || !told {
        return Span::none();
    }
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        otel.name = format!("{} {endpoint}", request.method()),
        http.request.method = request.method().as_str(),
        http.route = endpoint,
        switchyard.slot = worker.settings.slot,
    );
    traces::go_on(&span, request.headers());
    span
}

/// Names every request, counts it and logs it; never its content.
async fn observe(State(worker): State<Arc<Worker>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let endpoint =
        request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let id = request.headers().get(REQUEST_ID).cloned().unwrap_or_else(|| {
        // A UUID is always a valid header value.
        HeaderValue::from_str(&uuid::Uuid::new_v4().to_string())
            .unwrap_or(HeaderValue::from_static("unnamed"))
    });
    let span = span(&worker, &endpoint, &request);
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    traces::set(&span, "http.response.status_code", i64::from(status));
    if response.status().is_server_error() {
        traces::fail(&span, response.status().as_str().to_owned());
    }
    worker.metrics.request(&endpoint, status);
    // Probes come every second: they are counted, not told.
    if endpoint == "/health" || endpoint == "/metrics" {
        tracing::debug!(target: "access", endpoint, status);
    } else {
        let request = id.to_str().unwrap_or("unreadable");
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(target: "access", request, endpoint, status, milliseconds);
    }
    response.headers_mut().insert(REQUEST_ID, id);
    response
}
