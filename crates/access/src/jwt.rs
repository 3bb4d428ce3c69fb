//! Signed tokens of end users (JSON Web Tokens, RFC 7519): is this one genuine, in time, and meant for us?

use std::time::{Duration, SystemTime};

pub use jsonwebtoken::Algorithm;
use jsonwebtoken::Validation;
use serde_json::{Map, Value};

use crate::signatures;
use crate::verification_keys::VerificationKeys;

/// Longest token that is looked at, in bytes. Request headers are bounded as well; this bounds what is decoded.
pub const MAX_TOKEN: usize = 16 * 1024;
/// Signatures checked for one token at most.
const MAX_TRIES: usize = 8;

/// What a token must fulfil.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Signature algorithms that are accepted; a key's own kind narrows them further.
    pub algorithms: Vec<Algorithm>,
    /// `aud` must hold one of these; when empty, it is not looked at.
    pub audience: Vec<String>,
    /// `iss` must be one of these; when empty, it is not looked at.
    pub issuer: Vec<String>,
    /// How far clocks may differ.
    pub leeway: Duration,
    /// The claim that names the user.
    pub user_claim: String,
    /// Claims that must be there, whatever their value.
    pub required_claims: Vec<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            algorithms: vec![Algorithm::RS256, Algorithm::ES256],
            audience: Vec::new(),
            issuer: Vec::new(),
            leeway: Duration::from_secs(60),
            user_claim: "sub".to_owned(),
            required_claims: Vec::new(),
        }
    }
}

/// The user a genuine token speaks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Bearer {
    pub name: String,
    pub claims: Map<String, Value>,
}

impl Bearer {
    /// Whether the token carries the scope, in `scope` (RFC 8693, words in one text), `scp` or `scopes`.
    pub fn has_scope(&self, scope: &str) -> bool {
        ["scope", "scp", "scopes"].iter().any(|claim| match self.claims.get(*claim) {
            Some(Value::String(words)) => words.split_whitespace().any(|word| word == scope),
            Some(Value::Array(words)) => words.iter().any(|word| word == scope),
            _ => false,
        })
    }
}

/// Why a token is refused. What is said does not help to forge one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    #[error("the token is longer than {MAX_TOKEN} bytes")]
    TooLong,
    #[error("the token is not a signed JSON Web Token that is understood here")]
    Malformed,
    #[error("the token's signature algorithm is not accepted here")]
    Algorithm,
    #[error("the token was signed with a key that is not known here")]
    UnknownKey,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
    #[error("the token has no time of expiry")]
    NoExpiry,
    #[error("the token is for another audience")]
    Audience,
    #[error("the token is from another issuer")]
    Issuer,
    #[error("the token lacks a claim that is required here")]
    MissingClaim,
}

impl TokenRefusal {
    /// One word for metrics and the record.
    pub fn word(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::NoExpiry => "no_expiry",
            Self::Audience => "audience",
            Self::Issuer => "issuer",
            Self::MissingClaim => "missing_claim",
        }
    }
}

/// Checks one token.
///
/// # Errors
/// [`TokenRefusal`], whose order is that of the checks: nothing of a token is believed before its signature is.
pub fn verify(
    token: &str,
    keys: &VerificationKeys,
    rules: &Rules,
    now: SystemTime,
) -> Result<Bearer, TokenRefusal> {
    signatures::use_ring();
    if token.len() > MAX_TOKEN {
        return Err(TokenRefusal::TooLong);
    }
    // `none` and other unknown algorithms do not get past this line.
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenRefusal::Malformed)?;
    if header.crit.is_some() {
        // RFC 7515, section 4.1.11: an extension that must be understood, and is not.
        return Err(TokenRefusal::Malformed);
    }
    if !rules.algorithms.contains(&header.alg) {
        return Err(TokenRefusal::Algorithm);
    }
    let mut named = keys.named(header.kid.as_deref()).peekable();
    if named.peek().is_none() {
        return Err(TokenRefusal::UnknownKey);
    }
    // The key decides how it is used, never the token: a public key is not a secret for HMAC.
    let mut fitting = named.filter(|key| key.may_check(header.alg)).take(MAX_TRIES).peekable();
    if fitting.peek().is_none() {
        return Err(TokenRefusal::Algorithm);
    }
    let signature_only = signature_only(header.alg);
    let claims = fitting
        .find_map(|key| {
            jsonwebtoken::decode::<Map<String, Value>>(token, &key.key, &signature_only).ok()
        })
        .ok_or(TokenRefusal::Signature)?
        .claims;
    check_claims(&claims, rules, now)?;
    let name = match claims.get(&rules.user_claim) {
        Some(Value::String(name)) if is_name(name) => name.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => return Err(TokenRefusal::MissingClaim),
    };
    Ok(Bearer { name, claims })
}

/// The library checks the signature; the claims are checked here, at a time that is given.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    validation
}

fn check_claims(
    claims: &Map<String, Value>,
    rules: &Rules,
    now: SystemTime,
) -> Result<(), TokenRefusal> {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let leeway = rules.leeway.as_secs_f64();
    let time = |claim: &str| match claims.get(claim) {
        None => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or(TokenRefusal::Malformed),
    };
    let expiry = time("exp")?.ok_or(TokenRefusal::NoExpiry)?;
    if now >= expiry + leeway {
        return Err(TokenRefusal::Expired);
    }
    if time("nbf")?.is_some_and(|begin| now + leeway < begin) {
        return Err(TokenRefusal::NotYetValid);
    }
    if !rules.issuer.is_empty()
        && !matches!(claims.get("iss"), Some(Value::String(iss)) if rules.issuer.contains(iss))
    {
        return Err(TokenRefusal::Issuer);
    }
    if !rules.audience.is_empty() {
        let wanted = |value: &Value| {
            value.as_str().is_some_and(|one| rules.audience.iter().any(|a| a == one))
        };
        let ours = match claims.get("aud") {
            Some(Value::Array(all)) => all.iter().any(wanted),
            Some(one) => wanted(one),
            None => false,
        };
        if !ours {
            return Err(TokenRefusal::Audience);
        }
    }
    if rules.required_claims.iter().any(|claim| !claims.contains_key(claim)) {
        return Err(TokenRefusal::MissingClaim);
    }
    Ok(())
}

/// A name that can stand in a header, a log line and a metric: not empty, not endless, no control characters.
fn is_name(name: &str) -> bool {
    (1..=256).contains(&name.len()) && !name.chars().any(char::is_control)
}
