//! The variables of nginx that the gateway's routes know, too.

/// Whether a text uses only variables that are known, `more` being those that the configuration defines.
pub fn are_known(text: &str, more: &[String]) -> Result<(), String> {
    for name in names(text) {
        let defined = more.iter().any(|known| known == name);
        let digit = name.len() == 1 && name.bytes().all(|byte| byte.is_ascii_digit());
        if !defined && !digit && !is_known(name) {
            return Err(format!("there is no variable ${name}"));
        }
    }
    Ok(())
}

/// Whether the gateway knows a variable of this name.
pub fn is_known(name: &str) -> bool {
    KNOWN.contains(&name)
        || PREFIXES.iter().any(|prefix| name.len() > prefix.len() && name.starts_with(prefix))
}

/// Variables with a fixed name.
pub const KNOWN: &[&str] = &[
    "args",
    "document_uri",
    "host",
    "http_host",
    "is_args",
    "proxy_add_x_forwarded_for",
    "query_string",
    "realip_remote_addr",
    "remote_addr",
    "request_id",
    "request_method",
    "request_uri",
    "scheme",
    "uri",
];

/// Variables whose name begins so, and goes on with the name of a header, a cookie or an argument.
pub const PREFIXES: &[&str] = &["http_", "cookie_", "arg_"];

/// The names of the variables in a text.
pub(crate) fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('$').skip(1).map(|behind| {
        let behind = behind.strip_prefix('{').unwrap_or(behind);
        if behind.starts_with(|c: char| c.is_ascii_digit()) {
            return behind.get(..1).unwrap_or_default();
        }
        let end = behind.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        behind.get(..end.unwrap_or(behind.len())).unwrap_or_default()
    })
}
