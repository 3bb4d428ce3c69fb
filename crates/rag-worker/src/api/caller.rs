//! Who asks, so that what was computed for one caller's prompts is never used for another's.

use axum::http::HeaderMap;
use rag_core::Caller;
use sha2::{Digest, Sha256};

/// What tells callers apart: the user the gateway authenticated, else the token or key that is shown here.
const SHOWN: [&str; 3] = ["x-switchyard-user", "authorization", "x-api-key"];

/// The caller of a request. All that show nothing are one caller.
pub(super) fn of(headers: &HeaderMap) -> Caller {
    let mut hash = Sha256::new();
    if let Some((name, value)) = SHOWN.iter().find_map(|name| Some((name, headers.get(*name)?))) {
        hash.update(name.as_bytes());
        hash.update([0]);
        hash.update(value.as_bytes());
    }
    Caller::Known(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn showing(name: &'static str, value: &'static str) -> Caller {
        of(&HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))]))
    }

    #[test]
    fn callers_are_told_apart_by_what_they_show() {
        let shown = [
            of(&HeaderMap::new()),
            showing("authorization", "Bearer a"),
            showing("authorization", "Bearer b"),
            showing("x-api-key", "Bearer a"),
            showing("x-switchyard-user", "Bearer a"),
        ];
        for (at, caller) in shown.iter().enumerate() {
            assert!(shown[..at].iter().all(|other| !caller.may_use(other)));
            assert!(caller.may_use(caller) && caller.may_use(&Caller::House));
        }
        assert_eq!(showing("cookie", "x"), of(&HeaderMap::new()));
    }
}
