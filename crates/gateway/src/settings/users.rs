//! Who may ask at the front door, and how much.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use access::api_keys::ApiKeys;
use access::jwks::Source;
use access::jwt::{Algorithm, Rules};
use access::rate_limit::{DEFAULT_CALLERS, Limit, Per, Requests};
use access::verification_keys::{KeyError, VerificationKeys};
use serde::Deserialize;
use settings_file::SettingsError;

use super::check::positive;

/// `users`, word for word.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UsersFile {
    #[serde(default = "super::yes")]
    required: bool,
    #[serde(default)]
    jwt: Option<JwtFile>,
    #[serde(default)]
    api_keys: Option<PathBuf>,
    /// A scope that every token and key must have.
    #[serde(default)]
    scope: Option<String>,
    /// Paths that need neither token nor key, whole.
    #[serde(default)]
    open_paths: Vec<String>,
    /// Whether workers get to see tokens and keys.
    #[serde(default)]
    forward: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct JwtFile {
    #[serde(default)]
    algorithms: Option<Vec<String>>,
    #[serde(default)]
    secret_file: Option<PathBuf>,
    #[serde(default)]
    public_key_file: Option<PathBuf>,
    #[serde(default)]
    jwks_file: Option<PathBuf>,
    #[serde(default)]
    jwks_url: Option<String>,
    #[serde(default = "five_minutes", with = "settings_file::duration")]
    refresh: Duration,
    #[serde(default)]
    audience: OneOrMore,
    #[serde(default)]
    issuer: OneOrMore,
    #[serde(default = "a_minute", with = "settings_file::duration")]
    leeway: Duration,
    #[serde(default = "sub")]
    user_claim: String,
    #[serde(default)]
    required_claims: Vec<String>,
}

/// `name` or `[name, name]`.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "Typed")]
struct OneOrMore(Vec<String>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "a text or a list of texts")]
enum Typed {
    One(String),
    More(Vec<String>),
}

impl From<Typed> for OneOrMore {
    fn from(typed: Typed) -> Self {
        match typed {
            Typed::One(one) => Self(vec![one]),
            Typed::More(more) => Self(more),
        }
    }
}

fn five_minutes() -> Duration {
    Duration::from_secs(300)
}

fn a_minute() -> Duration {
    Duration::from_secs(60)
}

fn sub() -> String {
    "sub".to_owned()
}

/// One of `rate_limits`, word for word.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RateLimitFile {
    name: String,
    per: PerFile,
    #[serde(default)]
    requests: Option<NonZeroU32>,
    #[serde(default = "a_minute", with = "settings_file::duration")]
    period: Duration,
    #[serde(default)]
    burst: Option<NonZeroU32>,
    #[serde(default)]
    tokens_per_minute: Option<NonZeroU32>,
    #[serde(default)]
    callers: Option<usize>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PerFile {
    Address,
    User,
    Key,
}

/// Who may ask at the front door.
#[derive(Clone, Debug)]
pub struct Users {
    pub required: bool,
    pub jwt: Option<Jwt>,
    pub api_keys: Option<PathBuf>,
    pub scope: Option<String>,
    pub open_paths: Vec<String>,
    pub forward: bool,
}

/// How end users' tokens are checked.
#[derive(Clone, Debug)]
pub struct Jwt {
    pub source: Source,
    pub rules: Rules,
    /// How often the keys are read again.
    pub refresh: Duration,
}

impl Users {
    /// The files that hold secrets, or their hashes.
    pub(crate) fn secret_files(&self) -> impl Iterator<Item = &Path> {
        let secret = self.jwt.as_ref().and_then(|jwt| match &jwt.source {
            Source::Secret(file) => Some(file.as_path()),
            Source::Pem(_) | Source::SetFile(_) | Source::SetUrl(_) => None,
        });
        self.api_keys.as_deref().into_iter().chain(secret)
    }
}

pub(super) fn users(file: &Path, typed: UsersFile) -> Result<Users, SettingsError> {
    if typed.required && typed.jwt.is_none() && typed.api_keys.is_none() {
        return Err(SettingsError::invalid(file, "users", "nobody could come in")
            .with_hint("say how users are known: `jwt`, `api_keys` or both"));
    }
    if let Some(keys) = &typed.api_keys {
        ApiKeys::open(keys).map_err(|error| unusable(file, "users.api_keys", &error))?;
    }
    for (index, path) in typed.open_paths.iter().enumerate() {
        if !path.starts_with('/') {
            let key = format!("users.open_paths[{index}]");
            return Err(SettingsError::invalid(file, &key, "must begin with `/`"));
        }
    }
    Ok(Users {
        required: typed.required,
        jwt: typed.jwt.map(|typed| jwt(file, typed)).transpose()?,
        api_keys: typed.api_keys,
        scope: typed.scope,
        open_paths: typed.open_paths,
        forward: typed.forward,
    })
}

fn jwt(file: &Path, typed: JwtFile) -> Result<Jwt, SettingsError> {
    let named = [
        typed.secret_file.map(|path| ("users.jwt.secret_file", Source::Secret(path))),
        typed.public_key_file.map(|path| ("users.jwt.public_key_file", Source::Pem(path))),
        typed.jwks_file.map(|path| ("users.jwt.jwks_file", Source::SetFile(path))),
        typed
            .jwks_url
            .map(|url| url_of(file, &url))
            .transpose()?
            .map(|url| ("users.jwt.jwks_url", url)),
    ];
    let mut named = named.into_iter().flatten();
    let (Some((key, source)), None) = (named.next(), named.next()) else {
        let text = "needs one of `secret_file`, `public_key_file`, `jwks_file` and `jwks_url`";
        return Err(SettingsError::invalid(file, "users.jwt", text));
    };
    type Parse = fn(&[u8]) -> Result<VerificationKeys, KeyError>;
    let checked: Option<(_, Parse)> = match &source {
        Source::Secret(path) => Some((path, VerificationKeys::from_secret as _)),
        Source::Pem(path) => Some((path, VerificationKeys::from_pem as _)),
        Source::SetFile(path) => Some((path, VerificationKeys::from_jwks as _)),
        Source::SetUrl(_) => None,
    };
    if let Some((path, parse)) = checked {
        let bytes = std::fs::read(path).map_err(|error| {
            SettingsError::invalid(file, key, format!("{}: {error}", path.display()))
        })?;
        parse(&bytes).map_err(|error| {
            SettingsError::invalid(file, key, format!("{}: {error}", path.display()))
        })?;
    }
    let algorithms = match typed.algorithms {
        Some(names) if names.is_empty() => {
            return Err(SettingsError::invalid(file, "users.jwt.algorithms", "names none"));
        }
        Some(names) => names
            .iter()
            .enumerate()
            .map(|(index, name)| algorithm(file, index, name))
            .collect::<Result<_, _>>()?,
        None if matches!(source, Source::Secret(_)) => vec![Algorithm::HS256],
        None => Rules::default().algorithms,
    };
    positive(file, "users.jwt.refresh", typed.refresh)?;
    if typed.leeway > Duration::from_secs(600) {
        return Err(SettingsError::invalid(file, "users.jwt.leeway", "must be at most 10m"));
    }
    Ok(Jwt {
        source,
        refresh: typed.refresh,
        rules: Rules {
            algorithms,
            audience: typed.audience.0,
            issuer: typed.issuer.0,
            leeway: typed.leeway,
            user_claim: typed.user_claim,
            required_claims: typed.required_claims,
        },
    })
}

fn algorithm(file: &Path, index: usize, name: &str) -> Result<Algorithm, SettingsError> {
    name.parse().map_err(|_| {
        let key = format!("users.jwt.algorithms[{index}]");
        SettingsError::invalid(file, &key, format!("{name:?} is not accepted")).with_hint(
            "HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA",
        )
    })
}

fn url_of(file: &Path, text: &str) -> Result<Source, SettingsError> {
    let url = text.parse::<http::Uri>().ok().filter(|url| {
        matches!(url.scheme_str(), Some("http" | "https")) && url.authority().is_some()
    });
    url.map(Source::SetUrl).ok_or_else(|| {
        let text = format!("{text:?} is not an http or https address");
        SettingsError::invalid(file, "users.jwt.jwks_url", text)
    })
}

/// A file that a setting names and that cannot be used, with the causes.
pub(super) fn unusable(file: &Path, key: &str, error: &dyn std::error::Error) -> SettingsError {
    let causes = telemetry::voice::causes(error);
    let text = std::iter::once(error.to_string()).chain(causes).collect::<Vec<_>>().join(": ");
    SettingsError::invalid(file, key, text)
}

pub(super) fn rate_limits(
    file: &Path,
    typed: Vec<RateLimitFile>,
    users: Option<&Users>,
) -> Result<Vec<Limit>, SettingsError> {
    let mut limits: Vec<Limit> = Vec::new();
    for (index, typed) in typed.into_iter().enumerate() {
        let wrong = |key: &str, text: &str| {
            Err(SettingsError::invalid(file, &format!("rate_limits[{index}]{key}"), text))
        };
        if limits.iter().any(|limit| limit.name == typed.name) {
            return wrong(".name", "is there twice");
        }
        if typed.requests.is_none() && typed.tokens_per_minute.is_none() {
            return wrong("", "needs `requests`, `tokens_per_minute` or both");
        }
        if typed.period.is_zero() || typed.period > Duration::from_secs(24 * 3600) {
            return wrong(".period", "must be longer than 0s and at most 1d");
        }
        if typed.burst.is_some() && typed.requests.is_none() {
            return wrong(".burst", "needs `requests`");
        }
        let per = match typed.per {
            PerFile::Address => Per::Address,
            PerFile::User => Per::User,
            PerFile::Key => Per::Key,
        };
        if per != Per::Address && users.is_none() {
            return wrong(".per", "without `users` nobody is known: only `address` can be counted");
        }
        limits.push(Limit {
            name: typed.name,
            per,
            requests: typed.requests.map(|count| Requests {
                count,
                period: typed.period,
                burst: typed.burst.unwrap_or(count),
            }),
            tokens_per_minute: typed.tokens_per_minute,
            callers: typed.callers.unwrap_or(DEFAULT_CALLERS).max(64),
        });
    }
    Ok(limits)
}
