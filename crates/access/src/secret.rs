//! Secrets that are shown once and kept as their SHA-256: API keys and operators' tokens.
//!
//! A secret reads `swk_<id>_<64 hex digits>`. The id finds the entry; the digits, 256 random bits, prove it. So many
//! random bits need no slow hash: there is nothing to guess.

use std::fmt::Write as _;

use ring::rand::SecureRandom as _;
use subtle::ConstantTimeEq as _;

/// What a secret opens, which is its first word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opens {
    /// `swk`: an end user's API key.
    FrontDoor,
    /// `swo`: an operator's token.
    Admin,
}

impl Opens {
    fn prefix(self) -> &'static str {
        match self {
            Self::FrontDoor => "swk",
            Self::Admin => "swo",
        }
    }
}

/// No random bytes could be had from the operating system.
#[derive(Debug, thiserror::Error)]
#[error("no random bytes from the operating system")]
pub struct NoRandomness;

/// A new secret: its public id, the text to hand over once, and the hash to keep.
#[derive(Clone)]
pub struct NewSecret {
    pub id: String,
    pub text: String,
    pub hash: String,
}

impl NewSecret {
    /// Makes a secret from the operating system's random bytes.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate(opens: Opens) -> Result<Self, NoRandomness> {
        let mut bytes = [0; 38];
        ring::rand::SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
        let (id, secret) = bytes.split_at(6);
        let id = hex(id);
        let text = format!("{}_{id}_{}", opens.prefix(), hex(secret));
        let hash = hash(&text);
        Ok(Self { id, text, hash })
    }
}

/// The id within a secret, when it looks like one that opens `opens`. Says nothing about whether it is genuine.
pub fn id_of(opens: Opens, text: &str) -> Option<&str> {
    let rest = text.strip_prefix(opens.prefix())?.strip_prefix('_')?;
    let (id, secret) = rest.split_once('_')?;
    let well_formed =
        id.len() == 12 && secret.len() == 64 && secret.bytes().all(|b| b.is_ascii_hexdigit());
    well_formed.then_some(id)
}

/// SHA-256 of the whole text, as 64 hex digits.
pub fn hash(text: &str) -> String {
    hex(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref())
}

/// Whether the text has this hash. Takes the same time wherever they differ.
pub(crate) fn matches(text: &str, expected: &str) -> bool {
    hash(text).as_bytes().ct_eq(expected.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_secret_proves_itself_and_is_not_kept() {
        let new = NewSecret::generate(Opens::FrontDoor).unwrap();
        assert_eq!(id_of(Opens::FrontDoor, &new.text), Some(new.id.as_str()));
        assert!(matches(&new.text, &new.hash));
        assert!(!matches(&format!("{}0", new.text), &new.hash));
        assert!(!new.hash.contains(&new.text[17..]));
        assert_ne!(NewSecret::generate(Opens::FrontDoor).unwrap().text, new.text);
    }

    #[test]
    fn what_is_not_a_secret_has_no_id() {
        let new = NewSecret::generate(Opens::Admin).unwrap();
        for text in ["", "swk", "swk_", "swk_1_2", "sk-abc", &new.text, &new.text[1..]] {
            assert_eq!(id_of(Opens::FrontDoor, text), None, "{text}");
        }
    }
}
