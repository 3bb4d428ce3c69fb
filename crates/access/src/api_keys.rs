//! End users' API keys: hashed at rest, with a name, scopes and an end.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::key_file::{Entry, Expiry, KeyFile, KeyFileError};
use crate::secret::{self, NewSecret, NoRandomness, Opens};

/// One key: a line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    pub id: String,
    /// Whose key it is: a team, an application.
    pub name: String,
    /// SHA-256 of the key.
    pub hash: String,
    /// What the key may beyond asking: `slot` lets it choose a slot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Expiry>,
}

impl ApiKey {
    /// A new key, and its secret.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate(
        name: &str,
        scopes: Vec<String>,
        expires: Option<SystemTime>,
    ) -> Result<(Self, NewSecret), NoRandomness> {
        let new = NewSecret::generate(Opens::FrontDoor)?;
        let (id, hash) = (new.id.clone(), new.hash.clone());
        Ok((Self { id, name: name.to_owned(), hash, scopes, expires: expires.map(Expiry) }, new))
    }

    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|own| own == scope)
    }
}

impl Entry for ApiKey {
    fn id(&self) -> &str {
        &self.id
    }

    fn hash(&self) -> &str {
        &self.hash
    }
}

/// Why a key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    // Whether the id exists is not told apart from a wrong secret.
    #[error("the API key is not known here")]
    Unknown,
    #[error("the API key has expired")]
    Expired,
}

impl KeyRefusal {
    /// One word for metrics and the record.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown_key",
            Self::Expired => "expired",
        }
    }
}

/// Every key that is valid here.
pub struct ApiKeys(KeyFile<ApiKey>);

impl ApiKeys {
    /// Reads the keys' file.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn open(path: &Path) -> Result<Self, KeyFileError> {
        KeyFile::open(path).map(Self)
    }

    /// The file behind the keys, to reload it.
    pub fn file(&self) -> &KeyFile<ApiKey> {
        &self.0
    }

    /// Whether a text has the form of a key, so that it need not be tried as a token.
    pub fn looks_like_one(text: &str) -> bool {
        secret::id_of(Opens::FrontDoor, text).is_some()
    }

    /// The key's entry.
    ///
    /// # Errors
    /// [`KeyRefusal`].
    pub fn check(&self, text: &str, now: SystemTime) -> Result<Arc<ApiKey>, KeyRefusal> {
        let id = secret::id_of(Opens::FrontDoor, text).ok_or(KeyRefusal::Unknown)?;
        let key = self.0.find(id).ok_or(KeyRefusal::Unknown)?;
        if !secret::matches(text, &key.hash) {
            return Err(KeyRefusal::Unknown);
        }
        if Expiry::is_over(key.expires, now) {
            return Err(KeyRefusal::Expired);
        }
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::key_file::append;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn a_file_with(keys: &[ApiKey]) -> (tempfile::TempDir, std::path::PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("keys.jsonl");
        for key in keys {
            append(&file, key).unwrap();
        }
        (directory, file)
    }

    #[test]
    fn a_key_opens_until_it_expires() {
        let end = NOW + Duration::from_secs(60);
        let (key, new) = ApiKey::generate("team-a", vec!["slot".to_owned()], Some(end)).unwrap();
        let (_directory, file) = a_file_with(std::slice::from_ref(&key));
        let keys = ApiKeys::open(&file).unwrap();
        let found = keys.check(&new.text, NOW).unwrap();
        assert_eq!(*found, key);
        assert!(found.has_scope("slot") && !found.has_scope("admin"));
        assert_eq!(keys.check(&new.text, end), Err(KeyRefusal::Expired));
    }

    #[test]
    fn an_almost_right_key_is_as_unknown_as_any_other() {
        let (key, new) = ApiKey::generate("team-a", Vec::new(), None).unwrap();
        let (_directory, file) = a_file_with(&[key]);
        let keys = ApiKeys::open(&file).unwrap();
        let last = if new.text.ends_with('0') { "1" } else { "0" };
        let almost = format!("{}{last}", &new.text[..new.text.len() - 1]);
        let (_, other) = ApiKey::generate("team-b", Vec::new(), None).unwrap();
        for text in [almost.as_str(), &other.text, "sk-anything", "", "swk__"] {
            assert_eq!(keys.check(text, NOW), Err(KeyRefusal::Unknown), "{text}");
        }
    }

    #[test]
    fn a_deleted_line_revokes_and_a_broken_file_changes_nothing() {
        let (one, first) = ApiKey::generate("one", Vec::new(), None).unwrap();
        let (two, second) = ApiKey::generate("two", Vec::new(), None).unwrap();
        let (_directory, file) = a_file_with(&[one, two.clone()]);
        let keys = ApiKeys::open(&file).unwrap();
        assert!(!keys.file().reload().unwrap(), "nothing has changed");

        std::fs::write(&file, format!("# left\n\n{}\n", serde_json::to_string(&two).unwrap()))
            .unwrap();
        assert!(keys.file().reload().unwrap());
        assert_eq!(keys.check(&first.text, NOW), Err(KeyRefusal::Unknown));
        assert!(keys.check(&second.text, NOW).is_ok());

        std::fs::write(&file, "{\"id\": \"half").unwrap();
        assert!(keys.file().reload().is_err());
        assert!(!keys.file().reload().unwrap(), "complained of once");
        assert!(keys.check(&second.text, NOW).is_ok());
    }

    #[test]
    fn a_key_file_says_which_line_is_wrong() {
        let hash = "0".repeat(64);
        for (text, expected) in [
            ("# ok\n{}\n".to_owned(), "keys.jsonl:2: not an entry of a key file"),
            (
                "{\"id\":\"a\",\"name\":\"a\",\"hash\":\"swk_secret\"}".to_owned(),
                "keys.jsonl:1: the hash is not 64 hex digits in lower case",
            ),
            (
                format!(
                    "{0}\n{0}",
                    format_args!("{{\"id\":\"a\",\"name\":\"a\",\"hash\":\"{hash}\"}}")
                ),
                "keys.jsonl:2: the id a is there twice",
            ),
        ] {
            let (directory, file) = a_file_with(&[]);
            std::fs::write(&file, text).unwrap();
            let error = ApiKeys::open(&file).err().unwrap().to_string();
            assert_eq!(error.replace(&format!("{}/", directory.path().display()), ""), expected);
        }
    }

    #[test]
    fn a_key_file_is_made_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let (key, _) = ApiKey::generate("team-a", Vec::new(), None).unwrap();
        let (_directory, file) = a_file_with(&[key]);
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!crate::key_file::is_readable_by_others(&file));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(crate::key_file::is_readable_by_others(&file));
    }
}
