//! The operator's tokens, one for each gateway, in a file that nobody else can read.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt,
};
use std::path::{Path, PathBuf};

use crate::error::ClientError;

/// The variable that is asked before the file.
pub(crate) const VARIABLE: &str = "SWITCHYARD_TOKEN";

/// The file of tokens: JSON, the gateway's address to the token.
pub struct Credentials(PathBuf);

type Tokens = BTreeMap<String, String>;

impl Credentials {
    /// `$XDG_CONFIG_HOME/switchyard/credentials`, by default below `~/.config`.
    ///
    /// # Errors
    /// When neither variable says where the operator's files are.
    pub fn of_this_user() -> Result<Self, ClientError> {
        let absolute = |name| {
            std::env::var_os(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute())
        };
        let folder = absolute("XDG_CONFIG_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".config")))
            .ok_or_else(|| {
                ClientError::credentials("neither XDG_CONFIG_HOME nor HOME is set", None)
            })?;
        Ok(Self(folder.join("switchyard/credentials")))
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.0
    }

    /// The token for a gateway, if one is stored.
    ///
    /// # Errors
    /// When others can read the file: what it holds is then no secret any more.
    pub fn token(&self, server: &str) -> Result<Option<String>, ClientError> {
        Ok(self.read()?.remove(key(server)))
    }

    /// Stores a token for a gateway.
    ///
    /// # Errors
    /// When the file cannot be read or replaced.
    pub fn store(&self, server: &str, token: &str) -> Result<(), ClientError> {
        let mut tokens = self.read()?;
        tokens.insert(key(server).to_owned(), token.to_owned());
        self.write(&tokens)
    }

    /// Forgets the token for a gateway; says whether there was one.
    ///
    /// # Errors
    /// As [`store`](Self::store).
    pub fn forget(&self, server: &str) -> Result<bool, ClientError> {
        let mut tokens = self.read()?;
        let known = tokens.remove(key(server)).is_some();
        if known {
            self.write(&tokens)?;
        }
        Ok(known)
    }

    fn read(&self) -> Result<Tokens, ClientError> {
        let failed = |error: std::io::Error| self.failed("reading", &error);
        let mut file = match std::fs::File::open(&self.0) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Tokens::new()),
            Err(error) => return Err(failed(error)),
        };
        // Of the open file, so that it cannot be exchanged in between.
        let metadata = file.metadata().map_err(failed)?;
        if metadata.mode() & 0o077 != 0 {
            let text = format!("others can read {}", self.0.display());
            let hint = format!(
                "the tokens in it may be known: have them replaced, then chmod 600 {}",
                self.0.display()
            );
            return Err(ClientError::credentials(text, Some(hint)));
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        serde_json::from_str(&text).map_err(|error| self.failed("reading", &error))
    }

    /// Replaces the file in one step: a crash leaves the old one or the new one.
    fn write(&self, tokens: &Tokens) -> Result<(), ClientError> {
        let failed = |error: std::io::Error| self.failed("writing", &error);
        let folder = self.0.parent().unwrap_or(Path::new("."));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        std::fs::set_permissions(folder, PermissionsExt::from_mode(0o700)).map_err(failed)?;
        let unfinished = self.0.with_extension(std::process::id().to_string());
        let _ = std::fs::remove_file(&unfinished);
        let written = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)
            .and_then(|mut file| {
                file.write_all(serde_json::to_string_pretty(tokens)?.as_bytes())?;
                file.sync_all()
            })
            .and_then(|()| std::fs::rename(&unfinished, &self.0));
        written.map_err(|error| {
            let _ = std::fs::remove_file(&unfinished);
            failed(error)
        })
    }

    fn failed(&self, doing: &str, cause: &dyn std::fmt::Display) -> ClientError {
        ClientError::credentials(format!("{doing} {}: {cause}", self.0.display()), None)
    }
}

/// `http://host:9901/` and `http://host:9901` are one gateway.
fn key(server: &str) -> &str {
    server.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Credentials) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("switchyard/credentials");
        (folder, Credentials(file))
    }

    #[test]
    fn tokens_are_kept_for_each_gateway_and_for_the_owner_alone() {
        let (_folder, credentials) = folder();
        assert_eq!(credentials.token("http://a:1").unwrap(), None);
        credentials.store("http://a:1/", "one").unwrap();
        credentials.store("http://b:1", "two").unwrap();
        assert_eq!(credentials.token("http://a:1").unwrap().as_deref(), Some("one"));
        let mode = |path: &Path| path.metadata().unwrap().mode() & 0o777;
        assert_eq!(mode(credentials.file()), 0o600);
        assert_eq!(mode(credentials.file().parent().unwrap()), 0o700);
        assert!(credentials.forget("http://a:1").unwrap());
        assert!(!credentials.forget("http://a:1").unwrap());
        assert_eq!(credentials.token("http://b:1").unwrap().as_deref(), Some("two"));
    }

    #[test]
    fn a_file_that_others_can_read_is_not_read() {
        let (_folder, credentials) = folder();
        credentials.store("http://a:1", "one").unwrap();
        for mode in [0o640, 0o604, 0o666] {
            std::fs::set_permissions(credentials.file(), PermissionsExt::from_mode(mode)).unwrap();
            let trouble = credentials.token("http://a:1").unwrap_err();
            assert!(trouble.to_string().starts_with("others can read "), "{trouble}");
            assert!(trouble.hint().is_some_and(|hint| hint.contains("chmod 600")), "{trouble:?}");
        }
    }
}
