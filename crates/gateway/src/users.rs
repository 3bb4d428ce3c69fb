//! End users at the front door: who is asking, may they, and have they asked too much.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use access::api_keys::ApiKeys;
use access::jwks::Verifier;
use access::rate_limit::{Exceeded, Limiter, Per, Standing, Standings, Unit, network};
use http::{HeaderMap, HeaderValue, header};
use pingora::http::ResponseHeader;
use serde_json::{Value, json};
use telemetry::gateway::{Counter, GatewayMetrics};
use tokio::task::AbortHandle;

use crate::settings::Users;
use crate::usage::Usage;

/// Tells the worker who is asking. What a client writes there is never passed on.
pub(crate) const USER_HEADER: &str = "x-switchyard-user";
const API_KEY_HEADER: &str = "x-api-key";
/// The scope that lets a caller choose a slot; a token may say it as a claim of its own, `"slot": true`.
const SLOT_SCOPE: &str = "slot";
const REALM: &str = "Bearer realm=\"switchyard\"";
/// How often files of keys are looked at.
const FILE_INTERVAL: Duration = Duration::from_secs(2);
/// How often idle callers are forgotten.
const IDLE_INTERVAL: Duration = Duration::from_secs(60);

/// Someone who is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct User {
    /// `jwt` or `api_key`.
    pub kind: &'static str,
    pub name: String,
    /// A token's claims; of a key, `sub` and `scope`.
    pub claims: Value,
    pub may_choose_slot: bool,
}

/// Why someone is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub status: u16,
    pub code: &'static str,
    pub text: String,
}

/// Asks everybody who comes to the front door. There is one only if the settings have users or limits.
pub(crate) struct Gate {
    users: Option<Known>,
    limits: Vec<(Limiter, Counter)>,
    counts_tokens: bool,
    metrics: Arc<GatewayMetrics>,
    keeper: OnceLock<AbortHandle>,
}

/// How users are known.
struct Known {
    required: bool,
    jwt: Option<(Verifier, Duration)>,
    api_keys: Option<ApiKeys>,
    scope: Option<String>,
    open_paths: Vec<String>,
    forward: bool,
    by_jwt: Counter,
    by_key: Counter,
    anonymous: Counter,
}

/// Why there is no gate although the settings ask for one.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    #[error(transparent)]
    Keys(#[from] access::key_file::KeyFileError),
    #[error(transparent)]
    Source(#[from] access::jwks::SourceError),
}

/// What is remembered of a request's asker until its answer has ended. Dropping it charges for the answer's tokens.
pub(crate) struct Visitor {
    pub user: Option<User>,
    gate: Arc<Gate>,
    standings: Standings,
    challenge: Option<HeaderValue>,
    retry_after: Option<Duration>,
    /// The limits that count this answer's tokens, and the caller's place there.
    charged: Vec<(usize, u64)>,
    usage: Usage,
}

impl Gate {
    /// `None` when the settings ask nobody and limit nothing. Keys behind a URL are fetched once, and their absence is
    /// only logged: they may come later.
    ///
    /// # Errors
    /// [`GateError`] when a file cannot be used.
    pub(crate) async fn open(
        users: Option<&Users>,
        limits: &[access::rate_limit::Limit],
        metrics: &Arc<GatewayMetrics>,
    ) -> Result<Option<Arc<Self>>, GateError> {
        if users.is_none() && limits.is_empty() {
            return Ok(None);
        }
        let known = match users {
            Some(users) => Some(Known::open(users, metrics).await?),
            None => None,
        };
        let limits = limits.iter().map(|limit| {
            let counter = metrics.rate_limited(&limit.name);
            (Limiter::new(limit.clone()), counter)
        });
        let limits: Vec<_> = limits.collect();
        let counts_tokens = limits.iter().any(|(l, _)| l.limit.tokens_per_minute.is_some());
        let metrics = Arc::clone(metrics);
        let keeper = OnceLock::new();
        let gate = Arc::new(Self { users: known, limits, counts_tokens, metrics, keeper });
        let keeper = tokio::spawn(Arc::clone(&gate).keep()).abort_handle();
        // The cell was made a moment ago.
        let _ = gate.keeper.set(keeper);
        Ok(Some(gate))
    }

    /// Reads files of keys when they change, fetches keys, and forgets who has not asked for long.
    async fn keep(self: Arc<Self>) {
        let keys = async {
            let Some(keys) = self.users.as_ref().and_then(|known| known.api_keys.as_ref()) else {
                return;
            };
            keep_file_fresh(keys.file()).await;
        };
        let tokens = async {
            if let Some((verifier, refresh)) =
                self.users.as_ref().and_then(|known| known.jwt.as_ref())
            {
                verifier.keep_fresh(*refresh).await;
            }
        };
        let idle = async {
            loop {
                tokio::time::sleep(IDLE_INTERVAL).await;
                self.limits.iter().for_each(|(limiter, _)| limiter.forget_idle());
            }
        };
        tokio::join!(keys, tokens, idle);
    }

    /// Another gate has taken its place: files and keys are no longer looked at.
    pub(crate) fn retire(&self) {
        if let Some(keeper) = self.keeper.get() {
            keeper.abort();
        }
    }

    /// Lets a request in, or says why not. What is learned is put into `visitor` either way.
    ///
    /// # Errors
    /// 401, 403 or 429, in [`Refused`].
    pub(crate) async fn ask(
        self: &Arc<Self>,
        headers: &HeaderMap,
        path: &str,
        client: IpAddr,
        visitor: &mut Option<Visitor>,
    ) -> Result<(), Refused> {
        let visitor = visitor.insert(Visitor {
            user: None,
            gate: Arc::clone(self),
            standings: Standings::default(),
            challenge: None,
            retry_after: None,
            charged: Vec::new(),
            usage: Usage::default(),
        });
        // By address first: whoever guesses keys is slowed down, too.
        let address = network(client);
        self.count(Per::Address, visitor, &address)?;
        if let Some(known) = &self.users {
            match known.authenticate(headers, path).await {
                Ok(Some(user)) => {
                    match user.kind {
                        "jwt" => known.by_jwt.inc(),
                        _ => known.by_key.inc(),
                    }
                    visitor.user = Some(user);
                }
                Ok(None) => known.anonymous.inc(),
                Err((kind, reason, refused)) => {
                    self.metrics.authentication(kind, reason);
                    visitor.challenge = challenge(&refused, reason == "missing");
                    return Err(refused);
                }
            }
        }
        let who = visitor.user.as_ref().map(|user| (user.kind, user.name.clone()));
        if let Some(who) = &who {
            self.count(Per::User, visitor, who)?;
            if who.0 == "api_key" {
                self.count(Per::Key, visitor, who)?;
            }
        }
        Ok(())
    }

    fn count(
        &self,
        per: Per,
        visitor: &mut Visitor,
        caller: &impl std::hash::Hash,
    ) -> Result<(), Refused> {
        for (index, (limiter, refused)) in self.limits.iter().enumerate() {
            if limiter.limit.per != per {
                continue;
            }
            let caller = limiter.caller(caller);
            match limiter.admit(caller) {
                Ok(standings) => {
                    visitor.note(standings);
                    if limiter.limit.tokens_per_minute.is_some() {
                        visitor.charged.push((index, caller));
                    }
                }
                Err(exceeded) => {
                    refused.inc();
                    visitor.charged.clear();
                    return Err(visitor.exceeded(&limiter.limit.name, exceeded));
                }
            }
        }
        Ok(())
    }

    /// The headers that workers do not get to see.
    pub(crate) fn hidden(gate: Option<&Arc<Self>>) -> &'static [&'static str] {
        let Some(gate) = gate else { return &[USER_HEADER] };
        let hides_secrets = gate.users.as_ref().is_some_and(|known| !known.forward);
        // A packed answer would not show how many tokens it took.
        match (hides_secrets, gate.counts_tokens) {
            (true, true) => &[USER_HEADER, "authorization", API_KEY_HEADER, "accept-encoding"],
            (true, false) => &[USER_HEADER, "authorization", API_KEY_HEADER],
            (false, true) => &[USER_HEADER, "accept-encoding"],
            (false, false) => &[USER_HEADER],
        }
    }
}

/// Reads a file of hashed secrets whenever it changes, for as long as the future is polled.
pub(crate) async fn keep_file_fresh<E: access::key_file::Entry>(
    file: &access::key_file::KeyFile<E>,
) {
    loop {
        tokio::time::sleep(FILE_INTERVAL).await;
        match file.reload() {
            Ok(true) => {
                tracing::info!(file = %file.path().display(), entries = file.len(), "keys read again");
            }
            Ok(false) => {}
            Err(error) => {
                let causes = telemetry::voice::causes(&error).join(": ");
                tracing::warn!(%error, causes, "the keys stay as they were");
            }
        }
    }
}

type NotLetIn = (&'static str, &'static str, Refused);

impl Known {
    async fn open(users: &Users, metrics: &GatewayMetrics) -> Result<Self, GateError> {
        for file in
            users.secret_files().filter(|file| access::key_file::is_readable_by_others(file))
        {
            tracing::warn!(
                file = %file.display(), "every user of this machine can read this file: chmod o-r"
            );
        }
        let jwt = match &users.jwt {
            Some(jwt) => {
                let verifier = Verifier::new(jwt.source.clone(), jwt.rules.clone())?;
                match verifier.refresh().await {
                    Ok(_) => {}
                    Err(error) if matches!(jwt.source, access::jwks::Source::SetUrl(_)) => {
                        let causes = telemetry::voice::causes(&error).join(": ");
                        tracing::warn!(%error, causes, "no token is accepted until the keys are there");
                    }
                    Err(error) => return Err(error.into()),
                }
                Some((verifier, jwt.refresh))
            }
            None => None,
        };
        Ok(Self {
            required: users.required,
            jwt,
            api_keys: users.api_keys.as_deref().map(ApiKeys::open).transpose()?,
            scope: users.scope.clone(),
            open_paths: users.open_paths.clone(),
            forward: users.forward,
            by_jwt: metrics.authentications("jwt", "accepted"),
            by_key: metrics.authentications("api_key", "accepted"),
            anonymous: metrics.authentications("none", "accepted"),
        })
    }

    /// The user a request shows itself to be from; `None` for one that shows nothing and need not.
    async fn authenticate(
        &self,
        headers: &HeaderMap,
        path: &str,
    ) -> Result<Option<User>, NotLetIn> {
        let Some(shown) = shown(headers)? else {
            if !self.required || self.open_paths.iter().any(|open| open == path) {
                return Ok(None);
            }
            let text = "this service asks for an API key or a token: Authorization: Bearer …";
            return Err(("none", "missing", unauthorized("missing_credentials", text)));
        };
        let now = SystemTime::now();
        let (user, has_scope) = if ApiKeys::looks_like_one(shown) {
            let Some(keys) = &self.api_keys else {
                return Err((
                    "api_key",
                    "not_accepted",
                    unauthorized(INVALID, "API keys are not accepted here"),
                ));
            };
            let key = keys
                .check(shown, now)
                .map_err(|no| ("api_key", no.word(), unauthorized(INVALID, no)))?;
            let has_scope = self.scope.as_ref().is_none_or(|scope| key.has_scope(scope));
            let user = User {
                kind: "api_key",
                name: key.name.clone(),
                claims: json!({ "sub": key.name, "scope": key.scopes }),
                may_choose_slot: key.has_scope(SLOT_SCOPE),
            };
            (user, has_scope)
        } else {
            let Some((verifier, _)) = &self.jwt else {
                return Err((
                    "api_key",
                    "unknown_key",
                    unauthorized(INVALID, "the API key is not known here"),
                ));
            };
            let bearer = verifier
                .verify(shown, now)
                .await
                .map_err(|no| ("jwt", no.word(), unauthorized(INVALID, no)))?;
            let has_scope = self.scope.as_ref().is_none_or(|scope| bearer.has_scope(scope));
            let may_choose_slot = bearer.has_scope(SLOT_SCOPE)
                || bearer.claims.get("slot") == Some(&Value::Bool(true));
            let user = User {
                kind: "jwt",
                name: bearer.name,
                claims: Value::Object(bearer.claims),
                may_choose_slot,
            };
            (user, has_scope)
        };
        if !has_scope {
            let text = format!(
                "{} may not ask here: the scope {:?} is missing",
                user.name,
                self.scope.as_deref().unwrap_or_default()
            );
            let refused = Refused { status: 403, code: "insufficient_scope", text };
            return Err((user.kind, "insufficient_scope", refused));
        }
        Ok(Some(user))
    }
}

const INVALID: &str = "invalid_api_key";

fn unauthorized(code: &'static str, text: impl std::fmt::Display) -> Refused {
    Refused { status: 401, code, text: text.to_string() }
}

/// The key or token a request shows, as `Authorization: Bearer …` or `x-api-key: …`.
fn shown(headers: &HeaderMap) -> Result<Option<&str>, NotLetIn> {
    let one = |name: &str| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
            (Some(_), Some(_)) => Err(()),
        }
        .map_err(|()| {
            let text = format!("{name} is there twice, or is no text");
            ("none", "malformed", unauthorized(INVALID, text))
        })
    };
    if let Some(text) = one(header::AUTHORIZATION.as_str())?
        && let Some((scheme, rest)) = text.split_once(' ')
        && scheme.eq_ignore_ascii_case("bearer")
    {
        return Ok(Some(rest.trim()));
    }
    one(API_KEY_HEADER)
}

/// What a client is told to show (RFC 6750, section 3).
fn challenge(refused: &Refused, missing: bool) -> Option<HeaderValue> {
    let text = match refused.status {
        401 if missing => REALM.to_owned(),
        401 => {
            let plain = refused.text.replace(['"', '\\'], "");
            format!("{REALM}, error=\"invalid_token\", error_description=\"{plain}\"")
        }
        403 => format!("{REALM}, error=\"insufficient_scope\""),
        _ => return None,
    };
    HeaderValue::from_str(&text).ok()
}

impl Visitor {
    /// Of several limits, the one with the least left is told.
    fn note(&mut self, standings: Standings) {
        let least = |known: &mut Option<Standing>, new: Option<Standing>| {
            if let Some(new) = new
                && known.is_none_or(|known| new.remaining < known.remaining)
            {
                *known = Some(new);
            }
        };
        least(&mut self.standings.requests, standings.requests);
        least(&mut self.standings.tokens, standings.tokens);
    }

    fn exceeded(&mut self, name: &str, exceeded: Exceeded) -> Refused {
        let standing = exceeded.standing;
        let (place, counted) = match standing.unit {
            Unit::Requests => (&mut self.standings.requests, "requests"),
            Unit::Tokens => (&mut self.standings.tokens, "tokens per minute"),
        };
        *place = Some(standing);
        self.retry_after = Some(exceeded.retry_after);
        let text = format!(
            "limit {name:?} reached: {} {counted}; try again in {}",
            standing.limit,
            written(exceeded.retry_after)
        );
        Refused { status: 429, code: "rate_limit_exceeded", text }
    }

    /// Looks at the next part of the answer.
    pub(crate) fn read(&mut self, part: &[u8]) {
        if self.gate.counts_tokens && !self.charged.is_empty() {
            self.usage.read(part);
        }
    }

    /// Puts onto an answer where its asker stands: as OpenAI's clients read it, and as proxies do.
    pub(crate) fn stamp(&self, response: &mut ResponseHeader) -> pingora::Result<()> {
        if let Some(challenge) = &self.challenge {
            response.insert_header(header::WWW_AUTHENTICATE, challenge.clone())?;
        }
        if let Some(wait) = self.retry_after {
            response.insert_header(header::RETRY_AFTER, seconds(wait).to_string())?;
            response.insert_header("retry-after-ms", wait.as_millis().max(1).to_string())?;
        }
        if let Some(requests) = self.standings.requests {
            response.insert_header("x-ratelimit-limit-requests", requests.limit.to_string())?;
            response
                .insert_header("x-ratelimit-remaining-requests", requests.remaining.to_string())?;
            response.insert_header("x-ratelimit-reset-requests", written(requests.reset))?;
        }
        if let Some(tokens) = self.standings.tokens {
            response.insert_header("x-ratelimit-limit-tokens", tokens.limit.to_string())?;
            response.insert_header("x-ratelimit-remaining-tokens", tokens.remaining.to_string())?;
            response.insert_header("x-ratelimit-reset-tokens", written(tokens.reset))?;
        }
        let both = [self.standings.requests, self.standings.tokens];
        if let Some(tightest) = both.into_iter().flatten().min_by_key(|one| one.remaining) {
            response.insert_header("ratelimit-limit", tightest.limit.to_string())?;
            response.insert_header("ratelimit-remaining", tightest.remaining.to_string())?;
            response.insert_header("ratelimit-reset", seconds(tightest.reset).to_string())?;
        }
        Ok(())
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        let tokens = self.usage.tokens();
        for (index, caller) in &self.charged {
            if let Some((limiter, _)) = self.gate.limits.get(*index) {
                limiter.charge(*caller, tokens);
            }
        }
    }
}

/// Whole seconds, upwards: who comes back a little later is let in.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// A time as OpenAI writes it: `120ms`, `1s`, `6m0s`.
fn written(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        return format!("{}ms", time.as_nanos().div_ceil(1_000_000));
    }
    match seconds(time) {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m{}s", seconds / 60, seconds % 60),
        seconds => format!("{}h{}m{}s", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_clients_read_them() {
        for (time, text) in [
            (Duration::ZERO, "0ms"),
            (Duration::from_micros(1500), "2ms"),
            (Duration::from_millis(1001), "2s"),
            (Duration::from_secs(360), "6m0s"),
            (Duration::from_secs(3661), "1h1m1s"),
        ] {
            assert_eq!(written(time), text);
        }
    }

    #[test]
    fn a_key_is_shown_in_either_header_and_only_once() {
        let mut headers = HeaderMap::new();
        assert_eq!(shown(&headers), Ok(None));
        headers.insert("x-api-key", HeaderValue::from_static("a"));
        assert_eq!(shown(&headers), Ok(Some("a")));
        headers.insert("authorization", HeaderValue::from_static("bearer  b "));
        assert_eq!(shown(&headers), Ok(Some("b")));
        headers.insert("authorization", HeaderValue::from_static("Basic eDp5"));
        assert_eq!(shown(&headers), Ok(Some("a")));
        headers.append("authorization", HeaderValue::from_static("Bearer c"));
        assert!(shown(&headers).is_err());
    }

    #[test]
    fn a_challenge_cannot_be_broken_out_of() {
        let refused = unauthorized(INVALID, "bad \"token\\");
        let text = challenge(&refused, false).unwrap();
        assert_eq!(
            text,
            "Bearer realm=\"switchyard\", error=\"invalid_token\", error_description=\"bad token\""
        );
        assert_eq!(challenge(&refused, true).unwrap(), REALM);
    }
}
