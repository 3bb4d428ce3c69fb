//! A pretended identity provider: signs tokens, and publishes its keys, which it can exchange.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A provider with one key. An empty set is an outage.
pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    key: EcdsaKeyPair,
    kid: String,
    published: Arc<Mutex<String>>,
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn new_key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let bytes = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes.as_ref(), &random).unwrap()
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let published = Arc::new(Mutex::new(String::new()));
        let answers = Arc::clone(&published);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 2048];
                let _ = stream.read(&mut request).await;
                let body = answers.lock().unwrap().clone();
                let status = if body.is_empty() { "503 Away" } else { "200 OK" };
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all((head + &body).as_bytes()).await;
            }
        });
        let mut provider = Self { address, key: new_key(), kid: "one".to_owned(), published };
        provider.rotate("one");
        provider
    }

    /// Signs with a new key from now on, and publishes only that.
    pub(crate) fn rotate(&mut self, kid: &str) {
        self.key = new_key();
        self.kid = kid.to_owned();
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        let set = json!({"keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid,
            "x": base64url(x), "y": base64url(y),
        }]});
        *self.published.lock().unwrap() = set.to_string();
    }

    /// Answers nothing useful any more.
    pub(crate) fn go_away(&self) {
        self.published.lock().unwrap().clear();
    }

    /// A token for `ada`, valid for five minutes, with these claims besides or instead.
    pub(crate) fn token(&self, claims: Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mut all = json!({"sub": "ada", "aud": "switchyard", "iss": "https://id.example", "exp": now + 300});
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        let header = json!({"alg": "ES256", "kid": self.kid});
        let input = format!("{}.{}", base64url(header.to_string()), base64url(all.to_string()));
        let signed = self.key.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        format!("{input}.{}", base64url(signed))
    }
}
