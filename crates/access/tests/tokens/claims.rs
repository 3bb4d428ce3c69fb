//! What a token must be to be believed.

use std::time::{Duration, SystemTime};

use access::jwt::{Algorithm, Rules, TokenRefusal, verify};
use access::verification_keys::VerificationKeys;
use serde_json::{Value, json};

use crate::signing::{
    EC_PUBLIC, RSA_PUBLIC, SECRET, base64url, es256, hs256, ps256, rs256, rsa_signed, unsigned,
};

const NOW: u64 = 1_800_000_000;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
}

fn good() -> Value {
    json!({"sub": "ada", "iss": "https://id.example", "aud": ["switchyard"], "exp": NOW + 300})
}

/// `good()` with one claim changed; `null` takes it away.
fn with(claim: &str, value: Value) -> Value {
    let mut claims = good();
    claims[claim] = value;
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn rules() -> Rules {
    Rules {
        algorithms: vec![Algorithm::RS256, Algorithm::ES256, Algorithm::HS256],
        audience: vec!["switchyard".to_owned()],
        issuer: vec!["https://id.example".to_owned()],
        leeway: Duration::from_secs(30),
        ..Rules::default()
    }
}

fn rsa_keys() -> VerificationKeys {
    VerificationKeys::from_pem(RSA_PUBLIC.as_bytes()).unwrap()
}

fn check(token: &str) -> Result<String, TokenRefusal> {
    verify(token, &rsa_keys(), &rules(), now()).map(|bearer| bearer.name)
}

#[test]
fn genuine_tokens_of_every_kind_name_their_user() {
    let secret = VerificationKeys::from_secret(SECRET).unwrap();
    let ec = VerificationKeys::from_pem(EC_PUBLIC.as_bytes()).unwrap();
    for (token, keys) in [
        (rs256(None, &good()), rsa_keys()),
        (rs256(Some("any id fits a key without one"), &good()), rsa_keys()),
        (es256(None, &good()), ec),
        (hs256(SECRET, &good()), secret),
    ] {
        let bearer = verify(&token, &keys, &rules(), now()).unwrap();
        assert_eq!(bearer.name, "ada");
        assert_eq!(bearer.claims["iss"], "https://id.example");
    }
}

#[test]
fn a_token_of_another_time_place_or_purpose_is_refused() {
    for (claims, refusal) in [
        (with("exp", json!(NOW - 30)), TokenRefusal::Expired),
        (with("exp", json!(null)), TokenRefusal::NoExpiry),
        (with("exp", json!("tomorrow")), TokenRefusal::Malformed),
        (with("nbf", json!(NOW + 31)), TokenRefusal::NotYetValid),
        (with("aud", json!("another")), TokenRefusal::Audience),
        (with("aud", json!(["another", 7])), TokenRefusal::Audience),
        (with("aud", json!(null)), TokenRefusal::Audience),
        (with("iss", json!("https://id.example.evil")), TokenRefusal::Issuer),
        (with("iss", json!(["https://id.example"])), TokenRefusal::Issuer),
        (with("iss", json!(null)), TokenRefusal::Issuer),
        (with("sub", json!(null)), TokenRefusal::MissingClaim),
        (with("sub", json!("")), TokenRefusal::MissingClaim),
        (with("sub", json!("ada\r\nx-admin: yes")), TokenRefusal::MissingClaim),
    ] {
        assert_eq!(check(&rs256(None, &claims)), Err(refusal), "{claims}");
    }
}

#[test]
fn clocks_may_differ_by_the_leeway() {
    for claims in [
        with("exp", json!(NOW - 29)),
        with("nbf", json!(NOW + 30)),
        with("aud", json!("switchyard")),
        with("sub", json!(4711)),
    ] {
        assert!(check(&rs256(None, &claims)).is_ok(), "{claims}");
    }
}

#[test]
fn a_required_claim_must_be_there() {
    let rules = Rules { required_claims: vec!["tenant".to_owned()], ..rules() };
    let checked = |claims| verify(&rs256(None, &claims), &rsa_keys(), &rules, now());
    assert_eq!(checked(good()), Err(TokenRefusal::MissingClaim));
    assert!(checked(with("tenant", json!("north"))).is_ok());
}

#[test]
fn the_key_decides_the_algorithm_never_the_token() {
    // The classic forgery: the public RSA key, which everybody has, as the secret of HS256.
    for secret in [RSA_PUBLIC.as_bytes(), RSA_PUBLIC.trim_end().as_bytes()] {
        assert_eq!(check(&hs256(secret, &good())), Err(TokenRefusal::Algorithm));
    }
    assert_eq!(check(&es256(None, &good())), Err(TokenRefusal::Algorithm));
    // Right key, right signature, but not one of the algorithms that the settings list.
    assert_eq!(check(&ps256(&good())), Err(TokenRefusal::Algorithm));
}

#[test]
fn an_unsigned_token_is_no_token() {
    assert_eq!(check(&unsigned(&good())), Err(TokenRefusal::Malformed));
    for none in ["None", "NONE", "nOnE", ""] {
        let token = rsa_signed(&json!({"alg": none}), &good());
        assert_eq!(check(&token), Err(TokenRefusal::Malformed), "{none}");
    }
    let stripped = rs256(None, &good());
    let (unsigned, _) = stripped.rsplit_once('.').unwrap();
    assert_eq!(check(&format!("{unsigned}.")), Err(TokenRefusal::Signature));
}

#[test]
fn changed_claims_do_not_fit_the_signature() {
    let token = rs256(None, &good());
    let parts: Vec<_> = token.split('.').collect();
    let forged = base64url(with("sub", json!("root")).to_string());
    assert_eq!(check(&[parts[0], &forged, parts[2]].join(".")), Err(TokenRefusal::Signature));
    assert_eq!(check(&hs256(SECRET, &good())), Err(TokenRefusal::Algorithm));
    let wrong_secret = VerificationKeys::from_secret(&[7; 32]).unwrap();
    assert_eq!(
        verify(&hs256(SECRET, &good()), &wrong_secret, &rules(), now()),
        Err(TokenRefusal::Signature)
    );
}

#[test]
fn what_is_not_a_token_is_malformed() {
    let token = rs256(None, &good());
    for text in
        ["", ".", "..", "...", "a.b.c", "swk_1_2", &format!("{token}.x"), &token[1..], "é.é.é"]
    {
        assert_eq!(check(text), Err(TokenRefusal::Malformed), "{text:?}");
    }
    let critical = rsa_signed(&json!({"alg": "RS256", "crit": ["b64"], "b64": false}), &good());
    assert_eq!(check(&critical), Err(TokenRefusal::Malformed));
}

#[test]
fn a_huge_token_is_not_looked_at() {
    let claims = with("note", json!("x".repeat(20_000)));
    assert_eq!(check(&rs256(None, &claims)), Err(TokenRefusal::TooLong));
}

#[test]
fn scopes_are_read_in_the_ways_providers_write_them() {
    for (claim, value) in
        [("scope", json!("read slot")), ("scp", json!(["slot"])), ("scopes", json!(["slot", "x"]))]
    {
        let token = rs256(None, &with(claim, value));
        let bearer = verify(&token, &rsa_keys(), &rules(), now()).unwrap();
        assert!(bearer.has_scope("slot") && !bearer.has_scope("slo"), "{claim}");
    }
}

#[test]
fn keys_that_prove_nothing_are_refused() {
    assert!(VerificationKeys::from_secret(b"short\n").is_err());
    assert!(VerificationKeys::from_pem(b"-----BEGIN NOTHING-----").is_err());
    assert!(VerificationKeys::from_jwks(b"{}").is_err());
    assert!(VerificationKeys::from_jwks(b"{\"keys\":[]}").is_err());
    // A shared secret in a set that anybody may read.
    let secret = json!({"keys": [{"kty": "oct", "k": base64url(SECRET)}]});
    assert!(VerificationKeys::from_jwks(secret.to_string().as_bytes()).is_err());
}
