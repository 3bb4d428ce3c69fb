//! Conversations stay where they began, so that nobody changes model in the middle of a chat.
//!
//! Browsers carry a signed cookie that says where: nothing has to be remembered, and a restart forgets nothing. Clients
//! that send an id of their own (a header, or OpenAI's `user` and `metadata.conversation_id`) are remembered in a table
//! of bounded size.

use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use http::{HeaderMap, HeaderName};
use moka::sync::Cache;
use ring::hmac;
use serde_json::Value;
use switch_core::Slot;

use crate::canary::cookie;

/// Bytes of the key that signs cookies.
const KEY_BYTES: usize = 32;
/// Bytes of a cookie's signature that are sent: 128 bits (RFC 2104, section 5, allows truncating to half).
const SIGNATURE_BYTES: usize = 16;

/// The conversations this gateway knows.
pub(crate) struct Conversations {
    header: Option<HeaderName>,
    cookie: Option<SignedCookie>,
    body: bool,
    known: Cache<u64, Slot>,
    hasher: RandomState,
}

struct SignedCookie {
    name: String,
    key: hmac::Key,
    max_age: u64,
}

/// The conversation a request belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conversation {
    /// The same for every request of the conversation.
    pub number: u64,
    /// The slot on which it began, when that is known.
    pub home: Option<Slot>,
    /// Whether it travels in our cookie.
    by_cookie: bool,
}

/// How conversations are told apart.
pub(crate) struct Manner<'a> {
    pub header: Option<HeaderName>,
    /// Our cookie's name, and the file of the key that signs it.
    pub cookie: Option<(&'a str, &'a Path)>,
    pub body: bool,
    /// How long an idle conversation is remembered.
    pub keep: Duration,
    /// The most that are remembered.
    pub most: u64,
}

impl Conversations {
    /// Makes the key's file, readable for its user alone, when there is none.
    ///
    /// # Errors
    /// When the key's file cannot be read or made.
    pub(crate) fn new(manner: Manner<'_>) -> std::io::Result<Self> {
        let cookie = match manner.cookie {
            Some((name, file)) => Some(SignedCookie {
                name: name.to_owned(),
                key: hmac::Key::new(hmac::HMAC_SHA256, &key(file)?),
                max_age: manner.keep.as_secs(),
            }),
            None => None,
        };
        Ok(Self {
            header: manner.header,
            cookie,
            body: manner.body,
            known: Cache::builder().max_capacity(manner.most).time_to_idle(manner.keep).build(),
            hasher: RandomState::new(),
        })
    }

    /// Whether the request's body is worth looking into: nothing before it says which conversation it is.
    pub(crate) fn wants_body(&self, headers: &HeaderMap) -> bool {
        self.body && self.by_header(headers).is_none() && self.by_cookie(headers).is_none()
    }

    /// The conversation a request belongs to; our cookie begins one when nothing else does.
    pub(crate) fn of(&self, headers: &HeaderMap, body: Option<&[u8]>) -> Option<Conversation> {
        self.by_header(headers)
            .or_else(|| self.by_cookie(headers))
            .or_else(|| self.by_body(body?))
            .or_else(|| {
                let number = self.hasher.hash_one(uuid::Uuid::new_v4().as_u128());
                self.cookie.as_ref().map(|_| Conversation { number, home: None, by_cookie: true })
            })
    }

    /// Remembers where a request went. Gives the cookie to send, when it has news.
    pub(crate) fn went(&self, conversation: Conversation, slot: Slot) -> Option<String> {
        self.known.insert(conversation.number, slot);
        let cookie = self.cookie.as_ref().filter(|_| conversation.by_cookie)?;
        (conversation.home != Some(slot)).then(|| cookie.line(conversation.number, slot))
    }

    /// How many remembered conversations are at home on each slot.
    pub(crate) fn count(&self) -> [u64; 2] {
        self.known.run_pending_tasks();
        let mut counts = [0, 0];
        for (_, slot) in &self.known {
            counts[slot.index()] += 1;
        }
        counts
    }

    fn by_header(&self, headers: &HeaderMap) -> Option<Conversation> {
        let id = headers.get(self.header.as_ref()?)?;
        (!id.is_empty()).then(|| self.with_id(id.as_bytes()))
    }

    fn by_cookie(&self, headers: &HeaderMap) -> Option<Conversation> {
        let signed = self.cookie.as_ref()?;
        let (number, home) = signed.read(cookie(headers, &signed.name)?)?;
        Some(Conversation { number, home: Some(home), by_cookie: true })
    }

    fn by_body(&self, body: &[u8]) -> Option<Conversation> {
        #[derive(serde::Deserialize)]
        struct Chat<'a> {
            #[serde(borrow)]
            user: Option<std::borrow::Cow<'a, str>>,
            metadata: Option<Value>,
        }
        if !self.body {
            return None;
        }
        let chat: Chat<'_> = serde_json::from_slice(body).ok()?;
        let named =
            chat.metadata.as_ref().and_then(|metadata| metadata["conversation_id"].as_str());
        let id = named.or(chat.user.as_deref()).filter(|id| !id.is_empty())?;
        Some(self.with_id(id.as_bytes()))
    }

    fn with_id(&self, id: &[u8]) -> Conversation {
        let number = stable(id);
        Conversation { number, home: self.known.get(&number), by_cookie: false }
    }
}

/// The same in every process (FNV-1a, 64 bits): a share's draw must not change with a restart.
pub(crate) fn stable(id: &[u8]) -> u64 {
    id.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

impl SignedCookie {
    /// `<slot>.<number in hex>.<signature in hex>`
    fn line(&self, number: u64, slot: Slot) -> String {
        let text = format!("{slot}.{number:016x}");
        let signature = hmac::sign(&self.key, text.as_bytes());
        let mut line = format!("{}={text}.", self.name);
        for byte in signature.as_ref().iter().take(SIGNATURE_BYTES) {
            // Writing to a string cannot fail.
            let _ = write!(line, "{byte:02x}");
        }
        let _ = write!(line, "; Path=/; Max-Age={}; HttpOnly; SameSite=Lax", self.max_age);
        line
    }

    fn read(&self, value: &str) -> Option<(u64, Slot)> {
        let (text, signature) = value.rsplit_once('.')?;
        let expected = hmac::sign(&self.key, text.as_bytes());
        let sent = unhex(signature)?;
        let same = sent.len() == SIGNATURE_BYTES
            // Every byte is compared, so that the time taken says nothing about where they differ.
            && sent.iter().zip(expected.as_ref()).fold(0, |diff, (a, b)| diff | (a ^ b)) == 0;
        let (slot, number) = text.split_once('.')?;
        same.then_some((u64::from_str_radix(number, 16).ok()?, Slot::named(slot)?))
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.len() != 2 * SIGNATURE_BYTES {
        return None;
    }
    digits
        .chunks_exact(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

fn key(file: &Path) -> std::io::Result<[u8; KEY_BYTES]> {
    match std::fs::read(file) {
        Ok(key) => key.try_into().map_err(|_| {
            let text = format!("a key has {KEY_BYTES} bytes; remove the file to get a new one");
            std::io::Error::other(text)
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                std::fs::create_dir_all(folder)?;
            }
            let mut key = [0; KEY_BYTES];
            ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut key)
                .map_err(|_| std::io::Error::other("the system gives no random bytes"))?;
            let mut made =
                std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
            made.write_all(&key)?;
            made.sync_all()?;
            Ok(key)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn conversations(folder: &Path) -> Conversations {
        Conversations::new(Manner {
            header: Some(HeaderName::from_static("x-conversation")),
            cookie: Some(("chat", &folder.join("cookie.key"))),
            body: true,
            keep: Duration::from_secs(60),
            most: 1_000,
        })
        .unwrap()
    }

    #[test]
    fn a_cookie_brings_a_conversation_home_even_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let before = conversations(folder.path());
        let begun = before.of(&HeaderMap::new(), None).unwrap();
        let line = before.went(begun, Slot::Green).unwrap();
        let pair = line.split(';').next().unwrap();

        let after = conversations(folder.path());
        let mut headers = HeaderMap::new();
        headers.insert("cookie", HeaderValue::from_str(&format!("other=1; {pair}")).unwrap());
        let found = after.of(&headers, None).unwrap();
        assert_eq!((found.number, found.home), (begun.number, Some(Slot::Green)));
        assert_eq!(after.went(found, Slot::Green), None, "the cookie has no news");
    }

    #[test]
    fn a_forged_cookie_is_no_cookie() {
        let folder = tempfile::tempdir().unwrap();
        let known = conversations(folder.path());
        let begun = known.of(&HeaderMap::new(), None).unwrap();
        let line = known.went(begun, Slot::Green).unwrap();
        let pair = line.split(';').next().unwrap().replace("green", "blue");
        for forged in [pair.as_str(), "chat=green", "chat=", "chat=green.00.00", "chat=....."] {
            let mut headers = HeaderMap::new();
            headers.insert("cookie", HeaderValue::from_str(forged).unwrap());
            assert_eq!(known.of(&headers, None).unwrap().home, None, "{forged}");
        }
    }

    #[test]
    fn an_id_in_header_or_body_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let known = conversations(folder.path());
        let mut headers = HeaderMap::new();
        let bodies = [
            r#"{"messages":[],"user":"ada"}"#,
            r#"{"metadata":{"conversation_id":"c-17"},"user":"ada"}"#,
        ];
        let [by_user, by_id] =
            bodies.map(|body| known.of(&headers, Some(body.as_bytes())).unwrap());
        assert_ne!(by_user.number, by_id.number);
        assert_eq!(known.went(by_id, Slot::Green), None);
        headers.insert("x-conversation", HeaderValue::from_static("c-17"));
        assert_eq!(known.of(&headers, None).unwrap().home, Some(Slot::Green));
        assert_eq!(known.count(), [0, 1]);
    }
}
