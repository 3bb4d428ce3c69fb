//! `GET /` and `/page/…`: the chat page, without anything from elsewhere.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::error::ApiError;

/// The page may run its own scripts and talk to its own origin, nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Path below `/page/`, type, content.
const FILES: [(&str, &str, &str); 12] = [
    ("page.css", STYLE, include_str!("page/page.css")),
    ("page.js", SCRIPT, include_str!("page/page.js")),
    ("answer.js", SCRIPT, include_str!("page/answer.js")),
    ("conversations.js", SCRIPT, include_str!("page/conversations.js")),
    ("dom.js", SCRIPT, include_str!("page/dom.js")),
    ("export.js", SCRIPT, include_str!("page/export.js")),
    ("markdown.js", SCRIPT, include_str!("page/markdown.js")),
    ("question.js", SCRIPT, include_str!("page/question.js")),
    ("stream.js", SCRIPT, include_str!("page/stream.js")),
    ("words.js", SCRIPT, include_str!("page/words.js")),
    ("vendor/marked.js", SCRIPT, include_str!("page/vendor/marked.js")),
    ("vendor/purify.js", SCRIPT, include_str!("page/vendor/purify.js")),
];

/// The page.
pub(super) async fn show(headers: HeaderMap) -> Response {
    respond(&headers, HTML, include_str!("page/page.html"))
}

/// What belongs to it.
pub(super) async fn file(Path(path): Path<String>, headers: HeaderMap) -> Response {
    match FILES.iter().find(|(name, ..)| *name == path) {
        Some((_, kind, content)) => respond(&headers, kind, content),
        None => ApiError::not_found(format!("the chat page has no {path}")).into_response(),
    }
}

fn respond(asked: &HeaderMap, kind: &str, content: &'static str) -> Response {
    let hash = Sha256::digest(content.as_bytes());
    let short: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{short}\"");
    let known = asked.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // A promotion may bring a new page: it is asked about each time.
        (header::CACHE_CONTROL, "no-cache"),
        (header::ETAG, tag.as_str()),
    ];
    if known.is_some_and(|known| known.split(',').any(|known| known.trim() == tag)) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, content).into_response()
}
