//! Checks the signatures of tokens with ring, which the front door already links for TLS.

use std::sync::Once;

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, new_error};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use ring::{hmac, signature as ring_signature};
use signature::Verifier;

/// Makes ring the library that checks tokens. Once is enough; more does no harm.
pub(crate) fn use_ring() {
    static INSTALLED: Once = Once::new();
    static RING: CryptoProvider = CryptoProvider {
        // The front door never issues a token.
        signer_factory: |_, _| Err(new_error(ErrorKind::UnsupportedAlgorithm)),
        verifier_factory: |algorithm, key| {
            if key.family() != algorithm.family() {
                return Err(new_error(ErrorKind::InvalidKeyFormat));
            }
            Ok(Box::new(Ring { algorithm: *algorithm, key: key.clone() }))
        },
        key_utils: KeyUtils::new_unimplemented(),
    };
    INSTALLED.call_once(|| {
        let _ = RING.install_default();
    });
}

struct Ring {
    algorithm: Algorithm,
    key: DecodingKey,
}

/// ring's word for an algorithm.
enum Kind {
    Hmac(hmac::Algorithm),
    Rsa(&'static ring_signature::RsaParameters),
    Other(&'static dyn ring_signature::VerificationAlgorithm),
}

fn kind(algorithm: Algorithm) -> Option<Kind> {
    Some(match algorithm {
        Algorithm::HS256 => Kind::Hmac(hmac::HMAC_SHA256),
        Algorithm::HS384 => Kind::Hmac(hmac::HMAC_SHA384),
        Algorithm::HS512 => Kind::Hmac(hmac::HMAC_SHA512),
        Algorithm::RS256 => Kind::Rsa(&ring_signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Kind::Rsa(&ring_signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Kind::Rsa(&ring_signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Kind::Rsa(&ring_signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Kind::Rsa(&ring_signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Kind::Rsa(&ring_signature::RSA_PSS_2048_8192_SHA512),
        Algorithm::ES256 => Kind::Other(&ring_signature::ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => Kind::Other(&ring_signature::ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDSA => Kind::Other(&ring_signature::ED25519),
        _ => return None,
    })
}

impl Verifier<Vec<u8>> for Ring {
    fn verify(&self, message: &[u8], signed: &Vec<u8>) -> Result<(), signature::Error> {
        let wrong = |_| signature::Error::new();
        match (kind(self.algorithm), self.key.kind()) {
            (Some(Kind::Hmac(algorithm)), DecodingKeyKind::SecretOrDer(secret)) => {
                hmac::verify(&hmac::Key::new(algorithm, secret), message, signed).map_err(wrong)
            }
            (Some(Kind::Rsa(parameters)), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                ring_signature::RsaPublicKeyComponents { n, e }
                    .verify(parameters, message, signed)
                    .map_err(wrong)
            }
            (Some(Kind::Rsa(parameters)), DecodingKeyKind::SecretOrDer(der)) => {
                ring_signature::UnparsedPublicKey::new(parameters, der)
                    .verify(message, signed)
                    .map_err(wrong)
            }
            (Some(Kind::Other(algorithm)), DecodingKeyKind::SecretOrDer(point)) => {
                ring_signature::UnparsedPublicKey::new(algorithm, point)
                    .verify(message, signed)
                    .map_err(wrong)
            }
            _ => Err(signature::Error::new()),
        }
    }
}

impl JwtVerifier for Ring {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
