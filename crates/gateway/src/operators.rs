//! Operators at the admin API: who is asking, which role that is, and which role each endpoint needs.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use access::operators::{
    Credential, Directory, DirectoryError, LocalUsers, Operator, OperatorTokens, Role,
};
use access::rate_limit::{Limit, Limiter, Per, Requests};
use axum::Json;
use axum::body::Body;
use axum::extract::{ConnectInfo, Extension, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use switch_api::WhoAmI;
use switch_core::Timestamp;
use switch_journal::Note;

use crate::admin::{Desk, LONGEST_BODY, problem};
use crate::events;
use crate::people::Caller;
use crate::settings;

/// Refusals of callers without a name that are written into the journal each minute; the others are only counted and
/// logged, or a stranger could fill the disk.
const NOTES_A_MINUTE: NonZeroU32 = NonZeroU32::new(60).expect("60 is not zero");

/// Who the operators are, and what they may.
pub(crate) struct Operators {
    /// Asked in turn. LDAP and OIDC would be two more.
    directories: Vec<Arc<dyn Directory>>,
    /// Whoever may open the socket is an admin.
    trusts_socket: bool,
    /// Whoever reaches the HTTP address is an admin.
    trusts_http: bool,
    protect_metrics: bool,
    notes: Limiter,
}

impl Operators {
    /// Reads the files that the settings name.
    ///
    /// # Errors
    /// When the file of tokens cannot be used.
    pub(crate) fn open(
        settings: &settings::Operators,
    ) -> Result<Self, access::key_file::KeyFileError> {
        let mut directories: Vec<Arc<dyn Directory>> = Vec::new();
        if let Some(mapped) = &settings.local {
            directories.push(Arc::new(LocalUsers {
                own_uid: rustix::process::getuid().as_raw(),
                mapped: mapped.clone(),
                otherwise: Some(Role::Viewer),
            }));
        }
        if let Some(file) = &settings.tokens {
            let tokens = Arc::new(OperatorTokens::open(file)?);
            if access::key_file::is_readable_by_others(file) {
                tracing::warn!(
                    file = %file.display(), "every user of this machine can read this file: chmod o-r"
                );
            }
            let kept = Arc::clone(&tokens);
            tokio::spawn(async move { crate::users::keep_file_fresh(kept.file()).await });
            directories.push(tokens);
        }
        Ok(Self {
            directories,
            trusts_socket: settings.local.is_none(),
            trusts_http: settings.tokens.is_none(),
            protect_metrics: settings.protect_metrics,
            notes: Limiter::new(Limit {
                name: "notes".to_owned(),
                per: Per::Address,
                requests: Some(Requests {
                    count: NOTES_A_MINUTE,
                    period: Duration::from_secs(60),
                    burst: NOTES_A_MINUTE,
                }),
                tokens_per_minute: None,
                callers: 64,
            }),
        })
    }

    /// Whether the HTTP address asks for tokens, so that a browser alone can do nothing there.
    pub(crate) fn ask_for_tokens(&self) -> bool {
        !self.trusts_http
    }

    /// The operator behind a request, or `None` for a stranger.
    async fn identify(
        &self,
        caller: &Caller,
        bearer: Option<&str>,
    ) -> Result<Option<Operator>, DirectoryError> {
        let credential = match (caller, bearer) {
            (Caller::Local { .. } | Caller::Unknown, _) if self.trusts_socket => None,
            (Caller::Remote(_), _) if self.trusts_http => None,
            (Caller::Local { uid, gid, .. }, _) => Some(Credential::Peer { uid: *uid, gid: *gid }),
            (Caller::Remote(_), Some(token)) => Some(Credential::Bearer(token.to_owned())),
            (Caller::Remote(_) | Caller::Unknown | Caller::Token { .. }, _) => return Ok(None),
        };
        let Some(credential) = credential else {
            return Ok(Some(Operator { name: caller.who().name, role: Role::Admin }));
        };
        for directory in &self.directories {
            if let Some(operator) = directory.find(&credential, SystemTime::now()).await? {
                return Ok(Some(operator));
            }
        }
        Ok(None)
    }
}

/// The role an endpoint needs; `None` for those that are open to everybody.
fn needed(method: &Method, path: &str, protect_metrics: bool) -> Option<Role> {
    match path {
        "/healthz" | "/readyz" => None,
        "/metrics" if !protect_metrics => None,
        _ if method.is_safe() => Some(Role::Viewer),
        "/v1/request" => Some(Role::Requester),
        "/v1/promote" | "/v1/rollback" | "/v1/canary" | "/v1/shadow" | "/v1/drain" | "/v1/warm"
        | "/v1/standby" => Some(Role::Operator),
        // What is not listed changes the gateway itself, or is new: nobody has it by accident.
        _ => Some(Role::Admin),
    }
}

/// What the body of a request asks for beyond its endpoint.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Wish {
    force: bool,
}

/// Lets an operator's request through, or refuses it and writes that down.
pub(crate) async fn authorize(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let operators = Arc::clone(&desk.operators);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let Some(mut role) = needed(&method, &path, operators.protect_metrics) else {
        return next.run(request).await;
    };
    let caller = match request.extensions().get::<ConnectInfo<Caller>>() {
        Some(ConnectInfo(caller)) => caller.clone(),
        None => Caller::Unknown,
    };
    let asked = Asked { method: &method, path: &path };
    let bearer = bearer(&request).map(str::to_owned);
    let operator = match operators.identify(&caller, bearer.as_deref()).await {
        Ok(Some(operator)) => operator,
        Ok(None) => return stranger(&desk, &caller, &asked, bearer.is_some()),
        Err(error) => {
            let causes = telemetry::voice::causes(&error).join(": ");
            tracing::error!(%error, causes, "an operator could not be looked up");
            let hint = Some("ask again, or through the unix socket".to_owned());
            let text = error.to_string();
            return problem(StatusCode::SERVICE_UNAVAILABLE, "directory_unavailable", text, hint);
        }
    };
    let (mut parts, mut body) = request.into_parts();
    let mut wish = Wish::default();
    if !method.is_safe() {
        let Ok(bytes) = axum::body::to_bytes(body, LONGEST_BODY).await else {
            let text = format!("the body is longer than {LONGEST_BODY} bytes, or broken off");
            return problem(StatusCode::PAYLOAD_TOO_LARGE, "bad_request", text, None);
        };
        // What is no such object is refused by the endpoint itself.
        wish = serde_json::from_slice(&bytes).unwrap_or_default();
        if wish.force {
            role = Role::Admin;
        }
        body = Body::from(bytes);
    }
    if operator.role < role {
        return too_little(&desk, &caller, &asked, &operator, role, wish.force);
    }
    let mut named = caller.clone();
    if let (Caller::Remote(address), true) = (&caller, operators.ask_for_tokens()) {
        named = Caller::Token { name: operator.name.clone(), address: *address };
    }
    parts.extensions.insert(ConnectInfo(named));
    parts.extensions.insert(operator);
    next.run(Request::from_parts(parts, body)).await
}

/// `GET /v1/whoami`.
pub(crate) async fn whoami(
    Extension(operator): Extension<Operator>,
    ConnectInfo(caller): ConnectInfo<Caller>,
) -> Response {
    let by = match caller {
        Caller::Local { .. } => "socket",
        Caller::Token { .. } => "token",
        Caller::Remote(_) | Caller::Unknown => "address",
    };
    let role = operator.role.as_str().to_owned();
    Json(WhoAmI { name: operator.name, role, by: by.to_owned() }).into_response()
}

struct Asked<'a> {
    method: &'a Method,
    path: &'a str,
}

impl Asked<'_> {
    /// A path that anybody can write: short, and in one line.
    fn text(&self) -> String {
        let path: String = self.path.chars().filter(|c| !c.is_control()).take(100).collect();
        format!("{} {path}", self.method)
    }
}

fn bearer(request: &Request) -> Option<&str> {
    let text = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn stranger(desk: &Desk, caller: &Caller, asked: &Asked<'_>, showed_token: bool) -> Response {
    let (reason, text) = if showed_token {
        ("bad_token", "the token is not known here, or has expired")
    } else {
        ("no_token", "this address asks for an operator's token")
    };
    if desk.operators.notes.admit(0).is_ok() {
        record(desk, caller, asked, reason, text);
    }
    count(desk, caller, asked, reason);
    let hint = Some("switchctl login stores a token; switchctl token new makes one".to_owned());
    let mut answer = problem(StatusCode::UNAUTHORIZED, "unauthorized", text, hint);
    let challenge = HeaderValue::from_static("Bearer realm=\"switchyard operators\"");
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    answer
}

fn too_little(
    desk: &Desk,
    caller: &Caller,
    asked: &Asked<'_>,
    operator: &Operator,
    needed: Role,
    force: bool,
) -> Response {
    let what = if force { "force" } else { "this" };
    let Operator { name, role } = operator;
    let text = format!("{name} has the role {role}, and {what} needs the role {needed}");
    let who = match caller {
        Caller::Remote(address) => Caller::Token { name: name.clone(), address: *address },
        other => other.clone(),
    };
    record(desk, &who, asked, "role", &text);
    count(desk, &who, asked, "role");
    let hint =
        Some("an admin gives roles: admin.operators and admin.tokens in the settings".to_owned());
    problem(StatusCode::FORBIDDEN, "forbidden", text, hint)
}

fn record(desk: &Desk, caller: &Caller, asked: &Asked<'_>, reason: &str, text: &str) {
    let address = match caller {
        Caller::Token { address, .. } => Some(address.to_string()),
        Caller::Local { .. } | Caller::Remote(_) | Caller::Unknown => None,
    };
    let detail = serde_json::json!({ "asked": asked.text(), "reason": reason, "address": address });
    desk.shared.journal.note_in_passing(Note {
        at: Timestamp(events::now()),
        kind: "refused".to_owned(),
        who: caller.who(),
        text: format!("{} was refused: {text}", asked.text()),
        detail: Some(detail.to_string()),
    });
}

fn count(desk: &Desk, caller: &Caller, asked: &Asked<'_>, reason: &str) {
    desk.shared.metrics.operator_refusal(reason);
    tracing::warn!(
        who = caller.who().name,
        asked = asked.text(),
        reason,
        "an operator was refused"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_needs_a_role_but_those_for_machines() {
        for (method, path, expected) in [
            (Method::GET, "/healthz", None),
            (Method::GET, "/readyz", None),
            (Method::GET, "/metrics", None),
            (Method::GET, "/v1/status", Some(Role::Viewer)),
            (Method::GET, "/v1/drain", Some(Role::Viewer)),
            (Method::HEAD, "/v1/history", Some(Role::Viewer)),
            (Method::POST, "/v1/request", Some(Role::Requester)),
            (Method::POST, "/v1/promote", Some(Role::Operator)),
            (Method::POST, "/v1/rollback", Some(Role::Operator)),
            (Method::POST, "/v1/canary", Some(Role::Operator)),
            (Method::POST, "/v1/drain", Some(Role::Operator)),
            (Method::POST, "/v1/standby", Some(Role::Operator)),
            (Method::POST, "/v1/reload", Some(Role::Admin)),
            (Method::DELETE, "/v1/anything", Some(Role::Admin)),
        ] {
            assert_eq!(needed(&method, path, false), expected, "{method} {path}");
        }
        assert_eq!(needed(&Method::GET, "/metrics", true), Some(Role::Viewer));
    }
}
