//! Writes tokens the way an identity provider does, and the way a forger does.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::{hmac, rand::SystemRandom, signature};
use serde_json::{Value, json};

pub(crate) const RSA_PUBLIC: &str = include_str!("../keys/rsa-for-tests.public.pem");
pub(crate) const EC_PUBLIC: &str = include_str!("../keys/ec-for-tests.public.pem");
const RSA_PRIVATE: &[u8] = include_bytes!("../keys/rsa-for-tests.private.pk8");
const EC_PRIVATE: &[u8] = include_bytes!("../keys/ec-for-tests.private.pk8");
pub(crate) const SECRET: &[u8] = b"a secret of more than thirty-two bytes";

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn signing_input(header: &Value, claims: &Value) -> String {
    format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()))
}

/// Signed with the RSA key, by RS256.
pub(crate) fn rs256(kid: Option<&str>, claims: &Value) -> String {
    rsa(&json!({"alg": "RS256", "kid": kid}), claims, &signature::RSA_PKCS1_SHA256)
}

/// Signed with the RSA key, by PS256.
pub(crate) fn ps256(claims: &Value) -> String {
    rsa(&json!({"alg": "PS256"}), claims, &signature::RSA_PSS_SHA256)
}

fn rsa(header: &Value, claims: &Value, padding: &'static dyn signature::RsaEncoding) -> String {
    let input = signing_input(header, claims);
    let key = signature::RsaKeyPair::from_pkcs8(RSA_PRIVATE).unwrap();
    let mut signed = vec![0; key.public().modulus_len()];
    key.sign(padding, &SystemRandom::new(), input.as_bytes(), &mut signed).unwrap();
    format!("{input}.{}", base64url(signed))
}

/// Signed with the RSA key, whatever the header says.
pub(crate) fn rsa_signed(header: &Value, claims: &Value) -> String {
    rsa(header, claims, &signature::RSA_PKCS1_SHA256)
}

/// Signed with the EC key, by ES256.
pub(crate) fn es256(kid: Option<&str>, claims: &Value) -> String {
    let input = signing_input(&json!({"alg": "ES256", "kid": kid}), claims);
    let random = SystemRandom::new();
    let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let key = signature::EcdsaKeyPair::from_pkcs8(algorithm, EC_PRIVATE, &random).unwrap();
    let signed = key.sign(&random, input.as_bytes()).unwrap();
    format!("{input}.{}", base64url(signed))
}

/// Signed with any bytes, by HS256.
pub(crate) fn hs256(secret: &[u8], claims: &Value) -> String {
    let input = signing_input(&json!({"alg": "HS256"}), claims);
    let signed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
    format!("{input}.{}", base64url(signed))
}

/// Not signed at all.
pub(crate) fn unsigned(claims: &Value) -> String {
    format!("{}.", signing_input(&json!({"alg": "none"}), claims))
}

/// The RSA key as a member of a key set.
pub(crate) fn rsa_jwk(kid: &str) -> Value {
    let key = signature::RsaKeyPair::from_pkcs8(RSA_PRIVATE).unwrap();
    let parts = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(key.public());
    json!({"kty": "RSA", "use": "sig", "kid": kid, "n": base64url(parts.n), "e": base64url(parts.e)})
}

/// The EC key as a member of a key set.
pub(crate) fn ec_jwk(kid: &str) -> Value {
    use signature::KeyPair as _;
    let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let key = signature::EcdsaKeyPair::from_pkcs8(algorithm, EC_PRIVATE, &SystemRandom::new());
    let point = key.unwrap().public_key().as_ref().to_vec();
    let (x, y) = point[1..].split_at(32);
    json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": base64url(x), "y": base64url(y)})
}
