//! Requests whose end or target two readers could understand differently are refused: that is how requests are
//! smuggled (RFC 9112, sections 3.2, 6.1, 6.3 and 11.2).

use http::{HeaderMap, Method, Version, header};
use pingora::http::RequestHeader;

/// What is wrong with a request, if anything. `raw` is its header as it came, when it came over HTTP/1.
pub(crate) fn malformed(request: &RequestHeader, raw: Option<&[u8]>) -> Option<&'static str> {
    let headers = &request.headers;
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    if let Some(length) = lengths.next() {
        if lengths.next().is_some() {
            return Some("more than one content-length");
        }
        let digits = length.as_bytes();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Some("a content-length that is not a number");
        }
    }
    if request.version < Version::HTTP_2
        && let Some(problem) = raw.and_then(malformed_lines)
    {
        return Some(problem);
    }
    if headers.contains_key(header::TRANSFER_ENCODING) {
        if request.version == Version::HTTP_10 {
            return Some("transfer-encoding in HTTP/1.0");
        }
        if matches!(request.method, Method::TRACE) {
            return Some("a body where none belongs");
        }
        if !is_chunked(headers) {
            return Some("a transfer-encoding other than chunked");
        }
    }
    if request.version == Version::HTTP_11 {
        let mut hosts = headers.get_all(header::HOST).iter();
        match (hosts.next(), hosts.next()) {
            (None, _) => return Some("no host"),
            (Some(_), Some(_)) => return Some("more than one host"),
            (Some(host), None) if !is_host(host.as_bytes()) => {
                return Some("a host that is none");
            }
            (Some(_), None) => {}
        }
    }
    None
}

/// Exactly one `chunked`, and nothing else.
fn is_chunked(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let first = codings.next();
    first.is_some_and(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
        && codings.next().is_none()
}

/// Letters of a name or an address, and a port (RFC 9110, section 7.2). Empty is allowed there.
fn is_host(host: &[u8]) -> bool {
    host.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:[]%!$&'()*+;=".contains(byte))
}

/// Looks at the lines as they came: parsers forgive what other parsers read otherwise.
fn malformed_lines(raw: &[u8]) -> Option<&'static str> {
    let mut lines = raw.split(|byte| *byte == b'\n');
    let request_line = lines.next()?;
    if !request_line.ends_with(b"\r") {
        return Some("a line that ends without a carriage return");
    }
    if !is_request_line(request_line) {
        return Some("a request line with doubtful characters");
    }
    let mut lengths = false;
    let mut chunked = false;
    for line in lines {
        let Some(line) = line.strip_suffix(b"\r") else {
            // Behind the last line end there is nothing.
            if line.is_empty() {
                break;
            }
            return Some("a line that ends without a carriage return");
        };
        if line.is_empty() {
            break;
        }
        if matches!(line.first(), Some(b' ' | b'\t')) {
            return Some("a folded header line");
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return Some("a header line without a colon");
        };
        let (name, value) = line.split_at(colon);
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            return Some("a header name with doubtful characters");
        }
        if value.iter().any(|byte| (*byte < 0x20 && *byte != b'\t') || *byte == 0x7f) {
            return Some("a header value with control characters");
        }
        if resembles(name, b"content-length") {
            lengths = true;
        }
        if resembles(name, b"transfer-encoding") {
            chunked = true;
        }
        // Some readers take `_` for `-`.
        if name.contains(&b'_')
            && (resembles(name, b"content-length") || resembles(name, b"transfer-encoding"))
        {
            return Some("a header name that resembles content-length or transfer-encoding");
        }
    }
    (lengths && chunked).then_some("both content-length and transfer-encoding")
}

/// One space between three parts, and none elsewhere. Every method that is in use is written in capitals; nginx refuses
/// others, too.
fn is_request_line(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let parts: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    matches!(parts.as_slice(), [method, target, version]
        if !method.is_empty()
            && method.iter().all(|byte| byte.is_ascii_uppercase() || b"-_".contains(byte))
            && !target.is_empty()
            && target.iter().all(|byte| *byte > b' ' && *byte != 0x7f)
            && (*version == b"HTTP/1.1" || *version == b"HTTP/1.0"))
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The same word, whatever stands between its parts.
fn resembles(name: &[u8], word: &[u8]) -> bool {
    let letters = |text: &[u8]| -> Vec<u8> {
        text.iter().filter(|b| b.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect()
    };
    name.len().abs_diff(word.len()) <= 2 && letters(name) == letters(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_readers_disagree_about_are_refused() {
        for (lines, problem) in [
            ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", None),
            ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc", None),
            ("GET / HTTP/1.1\nhost: a\r\n\r\n", Some("a line that ends without a carriage return")),
            ("GET  / HTTP/1.1\r\nhost: a\r\n\r\n", Some("a request line with doubtful characters")),
            ("get / HTTP/1.1\r\nhost: a\r\n\r\n", Some("a request line with doubtful characters")),
            ("GET /a\rb HTTP/1.1\r\n\r\n", Some("a request line with doubtful characters")),
            ("GET / HTTP/1.1\r\nhost : a\r\n\r\n", Some("a header name with doubtful characters")),
            ("GET / HTTP/1.1\r\nhost: a\r\n b: c\r\n\r\n", Some("a folded header line")),
            (
                "GET / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
                Some("both content-length and transfer-encoding"),
            ),
            (
                "GET / HTTP/1.1\r\ncontent_length: 1\r\n\r\n",
                Some("a header name that resembles content-length or transfer-encoding"),
            ),
            (
                "GET / HTTP/1.1\r\nx: a\u{0}b\r\n\r\n",
                Some("a header value with control characters"),
            ),
        ] {
            assert_eq!(malformed_lines(lines.as_bytes()), problem, "{lines:?}");
        }
    }
}
