//! The keys that tokens are checked with, each bound to the algorithms it is meant for.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

/// Keys of one set that are used; a set with more is cut, so that a token without a key id costs little.
const MAX_KEYS: usize = 64;
/// Shorter secrets can be guessed from one token (RFC 7518, section 3.2: as long as the hash).
const MIN_SECRET: usize = 32;

/// Why a key file or key set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the secret has {0} bytes, and must have at least {MIN_SECRET}")]
    ShortSecret(usize),
    #[error("it is not a public key in PEM format (RSA, EC P-256 or P-384, or Ed25519)")]
    NotPem,
    #[error("it is not a JSON Web Key Set")]
    NotASet(#[source] serde_json::Error),
    #[error("none of its {0} keys can check a token")]
    NoKeys(usize),
}

/// One key, and what it may check.
#[derive(Clone, Debug)]
pub(crate) struct VerificationKey {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    pub key: DecodingKey,
}

impl VerificationKey {
    pub(crate) fn may_check(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }
}

/// Every key of one issuer.
#[derive(Clone, Debug, Default)]
pub struct VerificationKeys(Vec<VerificationKey>);

impl VerificationKeys {
    /// One shared secret, for HS256, HS384 and HS512. A newline at its end is not part of it.
    ///
    /// # Errors
    /// [`KeyError::ShortSecret`] below 32 bytes.
    pub fn from_secret(secret: &[u8]) -> Result<Self, KeyError> {
        let secret = secret.strip_suffix(b"\n").unwrap_or(secret);
        let secret = secret.strip_suffix(b"\r").unwrap_or(secret);
        if secret.len() < MIN_SECRET {
            return Err(KeyError::ShortSecret(secret.len()));
        }
        Ok(Self::of(HMAC.to_vec(), DecodingKey::from_secret(secret)))
    }

    /// One public key in PEM format: RSA, EC (P-256, P-384) or Ed25519.
    ///
    /// # Errors
    /// [`KeyError::NotPem`], also for a private key.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        if let Ok(key) = DecodingKey::from_rsa_pem(pem) {
            return Ok(Self::of(RSA.to_vec(), key));
        }
        if let Ok(key) = DecodingKey::from_ec_pem(pem) {
            let algorithm = match key.try_get_as_bytes().map(<[u8]>::len) {
                Ok(65) => Algorithm::ES256,
                Ok(97) => Algorithm::ES384,
                _ => return Err(KeyError::NotPem),
            };
            return Ok(Self::of(vec![algorithm], key));
        }
        match DecodingKey::from_ed_pem(pem) {
            Ok(key) => Ok(Self::of(vec![Algorithm::EdDSA], key)),
            Err(_) => Err(KeyError::NotPem),
        }
    }

    /// A JSON Web Key Set (RFC 7517, section 5). Keys of unknown kinds, keys for encryption and shared secrets are
    /// left out: a set that is published holds public keys.
    ///
    /// # Errors
    /// [`KeyError::NotASet`], and [`KeyError::NoKeys`] when nothing is left.
    pub fn from_jwks(text: &[u8]) -> Result<Self, KeyError> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        let set: Set = serde_json::from_slice(text).map_err(KeyError::NotASet)?;
        let count = set.keys.len();
        let keys: Vec<_> = set
            .keys
            .into_iter()
            .filter_map(|key| serde_json::from_value(key).ok().and_then(|jwk| from_jwk(&jwk)))
            .take(MAX_KEYS)
            .collect();
        if keys.is_empty() {
            return Err(KeyError::NoKeys(count));
        }
        Ok(Self(keys))
    }

    fn of(algorithms: Vec<Algorithm>, key: DecodingKey) -> Self {
        Self(vec![VerificationKey { id: None, algorithms, key }])
    }

    /// The keys a token with this key id may have been signed with. A key or a token without an id fits every other.
    pub(crate) fn named(&self, id: Option<&str>) -> impl Iterator<Item = &VerificationKey> {
        self.0.iter().filter(move |key| match (&key.id, id) {
            (Some(own), Some(asked)) => own == asked,
            _ => true,
        })
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

const HMAC: [Algorithm; 3] = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
const RSA: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

fn from_jwk(jwk: &Jwk) -> Option<VerificationKey> {
    let common = &jwk.common;
    if !matches!(common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return None;
    }
    if common.key_operations.as_ref().is_some_and(|may| !may.contains(&KeyOperations::Verify)) {
        return None;
    }
    let fits = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => RSA.to_vec(),
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => vec![Algorithm::ES256],
            EllipticCurve::P384 => vec![Algorithm::ES384],
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(key) => match key.curve {
            EllipticCurve::Ed25519 => vec![Algorithm::EdDSA],
            _ => return None,
        },
        _ => return None,
    };
    let algorithms: Vec<_> = match common.key_algorithm {
        // The set says what the key is for: that, and nothing else.
        Some(said) => {
            let said: Algorithm = said.to_string().parse().ok()?;
            fits.into_iter().filter(|fit| *fit == said).collect()
        }
        None => fits,
    };
    let key = DecodingKey::from_jwk(jwk).ok()?;
    (!algorithms.is_empty()).then(|| VerificationKey { id: common.key_id.clone(), algorithms, key })
}
