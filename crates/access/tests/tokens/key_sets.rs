//! Key sets: the right key for a token, rotation, and a provider that is not there.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use access::jwks::{Source, Verifier};
use access::jwt::{Rules, TokenRefusal};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::signing::{ec_jwk, es256, rs256, rsa_jwk};

fn claims() -> Value {
    json!({"sub": "ada", "exp": 4_000_000_000_u64})
}

fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// A provider of key sets that counts how often it was asked. An empty set is an error 500.
struct Provider {
    url: http::Uri,
    asked: Arc<AtomicUsize>,
    answer: Arc<Mutex<String>>,
}

impl Provider {
    async fn with(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap()).parse().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let answer = Arc::new(Mutex::new(answer));
        let (counts, answers) = (Arc::clone(&asked), Arc::clone(&answer));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 2048];
                let _ = stream.read(&mut request).await;
                counts.fetch_add(1, Ordering::SeqCst);
                let body = answers.lock().unwrap().clone();
                let status = if body.is_empty() { "500 Broken" } else { "200 OK" };
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all((head + &body).as_bytes()).await;
            }
        });
        Self { url, asked, answer }
    }

    fn answers(&self, answer: String) {
        *self.answer.lock().unwrap() = answer;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn name(verifier: &Verifier, token: &str) -> Result<String, TokenRefusal> {
    verifier.verify(token, SystemTime::now()).await.map(|bearer| bearer.name)
}

#[tokio::test]
async fn the_key_id_chooses_the_key() {
    let provider = Provider::with(set(&[rsa_jwk("r1"), ec_jwk("e1")])).await;
    let verifier = Verifier::new(Source::SetUrl(provider.url.clone()), Rules::default()).unwrap();
    assert!(verifier.refresh().await.unwrap());
    assert_eq!(name(&verifier, &rs256(Some("r1"), &claims())).await, Ok("ada".to_owned()));
    assert_eq!(name(&verifier, &es256(Some("e1"), &claims())).await, Ok("ada".to_owned()));
    assert_eq!(name(&verifier, &es256(None, &claims())).await, Ok("ada".to_owned()));
    let crossed = name(&verifier, &rs256(Some("e1"), &claims())).await;
    assert_eq!(crossed, Err(TokenRefusal::Algorithm));
    assert_eq!(provider.asked(), 1);
}

#[tokio::test]
async fn a_key_that_is_pinned_by_its_set_checks_nothing_else() {
    let mut pinned = rsa_jwk("r1");
    pinned["alg"] = json!("RS512");
    let mut encryption = rsa_jwk("r2");
    encryption["use"] = json!("enc");
    let strange = json!({"kty": "future", "kid": "f"});
    let provider = Provider::with(set(&[pinned, encryption, strange])).await;
    let verifier = Verifier::new(Source::SetUrl(provider.url.clone()), Rules::default()).unwrap();
    verifier.refresh().await.unwrap();
    assert_eq!(verifier.keys(), 1);
    let refused = name(&verifier, &rs256(Some("r1"), &claims())).await;
    assert_eq!(refused, Err(TokenRefusal::Algorithm));
    let refused = name(&verifier, &rs256(Some("r2"), &claims())).await;
    assert_eq!(refused, Err(TokenRefusal::UnknownKey));
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it_but_not_for_every_such_token() {
    let provider = Provider::with(set(&[rsa_jwk("old")])).await;
    let verifier = Verifier::new(Source::SetUrl(provider.url.clone()), Rules::default()).unwrap();
    // The first token fetches the first set.
    assert_eq!(name(&verifier, &rs256(Some("old"), &claims())).await, Ok("ada".to_owned()));
    provider.answers(set(&[rsa_jwk("old"), ec_jwk("new")]));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    assert_eq!(name(&verifier, &es256(Some("new"), &claims())).await, Ok("ada".to_owned()));
    assert_eq!(provider.asked(), 2);
    // Anybody can make up key ids: that must not become a flood at the provider.
    for id in 0..100 {
        let refused = name(&verifier, &es256(Some(&format!("made-up-{id}")), &claims())).await;
        assert_eq!(refused, Err(TokenRefusal::UnknownKey));
    }
    assert_eq!(provider.asked(), 2);
}

#[tokio::test]
async fn the_last_good_set_outlives_an_outage() {
    let provider = Provider::with(set(&[rsa_jwk("r1")])).await;
    let verifier = Verifier::new(Source::SetUrl(provider.url.clone()), Rules::default()).unwrap();
    verifier.refresh().await.unwrap();
    for broken in [String::new(), "<html>".to_owned(), set(&[]), "x".repeat(2 << 20)] {
        provider.answers(broken);
        assert!(verifier.refresh().await.is_err());
        assert_eq!(name(&verifier, &rs256(Some("r1"), &claims())).await, Ok("ada".to_owned()));
    }
    provider.answers(set(&[ec_jwk("e1")]));
    assert!(verifier.refresh().await.unwrap());
    let gone = name(&verifier, &rs256(Some("r1"), &claims())).await;
    assert_eq!(gone, Err(TokenRefusal::UnknownKey), "a key that was taken back");
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_named() {
    let url = "http://127.0.0.1:1/keys".parse().unwrap();
    let verifier = Verifier::new(Source::SetUrl(url), Rules::default()).unwrap();
    let error = verifier.refresh().await.unwrap_err();
    assert_eq!(error.to_string(), "fetching the keys from http://127.0.0.1:1/keys");
    let refused = name(&verifier, &rs256(None, &claims())).await;
    assert_eq!(refused, Err(TokenRefusal::UnknownKey));
}

#[tokio::test]
async fn a_changed_file_is_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("jwks.json");
    std::fs::write(&file, set(&[rsa_jwk("r1")])).unwrap();
    let verifier = Verifier::new(Source::SetFile(file.clone()), Rules::default()).unwrap();
    assert!(verifier.refresh().await.unwrap());
    assert!(!verifier.refresh().await.unwrap());
    std::fs::write(&file, set(&[ec_jwk("e1")])).unwrap();
    assert!(verifier.refresh().await.unwrap());
    assert_eq!(name(&verifier, &es256(Some("e1"), &claims())).await, Ok("ada".to_owned()));
    std::fs::write(&file, "half a s").unwrap();
    assert!(verifier.refresh().await.is_err());
    assert_eq!(name(&verifier, &es256(Some("e1"), &claims())).await, Ok("ada".to_owned()));
}
