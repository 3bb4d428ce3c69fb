//! The gateway's own answers at the front door, in the shape OpenAI's clients read.

use bytes::Bytes;

/// `{"error":{"message":…,"type":…,"param":null,"code":…}}`
pub(crate) fn problem_body(status: u16, code: &str, message: &str) -> Bytes {
    if status < 400 {
        return Bytes::from(serde_json::json!({ "status": code }).to_string());
    }
    let kind = match status {
        429 => "rate_limit_error",
        ..500 => "invalid_request_error",
        _ => "server_error",
    };
    let body = serde_json::json!({
        "error": { "message": message, "type": kind, "param": null, "code": code }
    });
    Bytes::from(body.to_string())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_problem_reads_like_openais() {
        assert_eq!(
            super::problem_body(503, "no_worker_ready", "no worker of blue is ready"),
            r#"{"error":{"code":"no_worker_ready","message":"no worker of blue is ready","param":null,"type":"server_error"}}"#
        );
    }
}
