//! The id under which a request is found in logs.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderValue;
use pingora::http::RequestHeader;

use super::REQUEST_ID_HEADER;

/// Keeps an id the caller sent, when it is short and plain enough to be copied into logs; makes one otherwise.
pub(super) fn request_id(request: &RequestHeader) -> HeaderValue {
    let plain = |id: &&HeaderValue| {
        let id = id.as_bytes();
        (1..=128).contains(&id.len())
            && id.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.:/+=".contains(b))
    };
    match request.headers.get(REQUEST_ID_HEADER).filter(plain) {
        Some(id) => id.clone(),
        None => made_id(),
    }
}

/// A random beginning for this process and a count: unique, without asking the kernel for randomness per request.
fn made_id() -> HeaderValue {
    static BEGINNING: LazyLock<u64> = LazyLock::new(|| uuid::Uuid::new_v4().as_u64_pair().0);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let text = format!("{:016x}{:016x}", *BEGINNING, COUNT.fetch_add(1, Ordering::Relaxed));
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("-"))
}
