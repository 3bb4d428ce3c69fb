//! Operators: who is at the other end of an admin connection, and which role that gives.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::key_file::{Entry, Expiry, KeyFile, KeyFileError};
use crate::secret::{self, NewSecret, NoRandomness, Opens};

/// What an operator may; each role may all that the one before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look: status, history, events.
    Viewer,
    /// Ask for a promotion, which an operator decides.
    Requester,
    /// Switch: promote, roll back, canary.
    Operator,
    /// Change the gateway itself, and force what a requirement forbids.
    Admin,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Requester, Self::Operator, Self::Admin];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Requester => "requester",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(self.as_str())
    }
}

/// Someone who is known, with a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    pub name: String,
    pub role: Role,
}

/// What a caller shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The process behind a unix socket, in the kernel's words: it cannot be made up.
    Peer { uid: u32, gid: u32 },
    /// `Authorization: Bearer …`.
    Bearer(String),
}

/// A directory could not answer: neither yes nor no.
#[derive(Debug, thiserror::Error)]
#[error("asking the {directory} about an operator")]
pub struct DirectoryError {
    pub directory: &'static str,
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// What a directory knows about a credential, some time later.
pub type Answer<'a> =
    Pin<Box<dyn Future<Output = Result<Option<Operator>, DirectoryError>> + Send + 'a>>;

/// Where operators are looked up. Here: users of this machine, and a file of tokens; LDAP and OIDC would be two more.
pub trait Directory: Send + Sync {
    /// The operator behind the credential; `None` when this directory does not know it, so that the next one is asked.
    fn find<'a>(&'a self, credential: &'a Credential, now: SystemTime) -> Answer<'a>;
}

/// Whom a line of the settings means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Local {
    User(String),
    Group(String),
    Uid(u32),
}

/// The users and groups of this machine, as its own files list them.
pub struct Accounts {
    /// `/etc/passwd`.
    pub users: String,
    /// `/etc/group`.
    pub groups: String,
}

impl Accounts {
    /// Reads `/etc/passwd` and `/etc/group`; what is not there is empty.
    pub fn of_this_machine() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        Self { users: read("/etc/passwd"), groups: read("/etc/group") }
    }

    /// The user's name, or `uid:N` for users from elsewhere, such as LDAP.
    pub fn user(&self, uid: u32) -> String {
        self.users
            .lines()
            .find_map(|line| {
                let mut fields = line.split(':');
                let name = fields.next().filter(|name| !name.is_empty())?;
                (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
            })
            .unwrap_or_else(|| format!("uid:{uid}"))
    }

    /// Whether a user is in a group: by the group of the process, or as a listed member.
    pub fn is_member(&self, user: &str, gid: u32, group: &str) -> bool {
        self.groups.lines().any(|line| {
            let fields: Vec<_> = line.split(':').collect();
            let [name, _, id, members] = fields[..] else { return false };
            name == group
                && (id.parse() == Ok(gid) || members.split(',').any(|member| member == user))
        })
    }
}

/// Operators by their account on this machine.
pub struct LocalUsers {
    /// The user the gateway runs as; it and root are admins, since they could change the gateway's files anyway.
    pub own_uid: u32,
    pub mapped: Vec<(Local, Role)>,
    /// The role of everybody else who may open the socket; `None` refuses them.
    pub otherwise: Option<Role>,
}

impl LocalUsers {
    /// The role of a user: the highest of all lines that mean them.
    pub fn operator(&self, uid: u32, gid: u32, accounts: &Accounts) -> Option<Operator> {
        let name = accounts.user(uid);
        if uid == 0 || uid == self.own_uid {
            return Some(Operator { name, role: Role::Admin });
        }
        let mapped = self.mapped.iter().filter(|(local, _)| match local {
            Local::User(user) => *user == name,
            Local::Group(group) => accounts.is_member(&name, gid, group),
            Local::Uid(listed) => *listed == uid,
        });
        let role = mapped.map(|(_, role)| *role).max().or(self.otherwise)?;
        Some(Operator { name, role })
    }
}

impl Directory for LocalUsers {
    fn find<'a>(&'a self, credential: &'a Credential, _now: SystemTime) -> Answer<'a> {
        let found = match credential {
            Credential::Peer { uid, gid } => {
                self.operator(*uid, *gid, &Accounts::of_this_machine())
            }
            Credential::Bearer(_) => None,
        };
        Box::pin(std::future::ready(Ok(found)))
    }
}

/// One operator's token: a line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorToken {
    pub id: String,
    pub name: String,
    pub role: Role,
    /// SHA-256 of the token.
    pub hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Expiry>,
}

impl OperatorToken {
    /// A new token, and its secret.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate(
        name: &str,
        role: Role,
        expires: Option<SystemTime>,
    ) -> Result<(Self, NewSecret), NoRandomness> {
        let new = NewSecret::generate(Opens::Admin)?;
        let (id, hash) = (new.id.clone(), new.hash.clone());
        Ok((Self { id, name: name.to_owned(), role, hash, expires: expires.map(Expiry) }, new))
    }
}

impl Entry for OperatorToken {
    fn id(&self) -> &str {
        &self.id
    }

    fn hash(&self) -> &str {
        &self.hash
    }
}

/// Every operator's token.
pub struct OperatorTokens(KeyFile<OperatorToken>);

impl OperatorTokens {
    /// Reads the tokens' file.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn open(path: &Path) -> Result<Self, KeyFileError> {
        KeyFile::open(path).map(Self)
    }

    /// The file behind the tokens, to reload it.
    pub fn file(&self) -> &KeyFile<OperatorToken> {
        &self.0
    }

    /// The operator a token belongs to; `None` when it is unknown or has expired.
    pub fn operator(&self, token: &str, now: SystemTime) -> Option<Operator> {
        let entry = self.0.find(secret::id_of(Opens::Admin, token)?)?;
        let genuine = secret::matches(token, &entry.hash) && !Expiry::is_over(entry.expires, now);
        genuine.then(|| Operator { name: entry.name.clone(), role: entry.role })
    }
}

impl Directory for OperatorTokens {
    fn find<'a>(&'a self, credential: &'a Credential, now: SystemTime) -> Answer<'a> {
        let found = match credential {
            Credential::Bearer(token) => self.operator(token, now),
            Credential::Peer { .. } => None,
        };
        Box::pin(std::future::ready(Ok(found)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn accounts() -> Accounts {
        Accounts {
            users: "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n".to_owned(),
            groups: "root:x:0:\nops:x:50:ada,eve\nbob:x:1001:\nbroken\n".to_owned(),
        }
    }

    #[test]
    fn each_local_user_gets_the_highest_role_that_means_them() {
        let users = LocalUsers {
            own_uid: 900,
            mapped: vec![
                (Local::Group("ops".to_owned()), Role::Viewer),
                (Local::User("ada".to_owned()), Role::Operator),
                (Local::Uid(1002), Role::Admin),
            ],
            otherwise: None,
        };
        for (uid, gid, expected) in [
            (0, 0, Some(("root", Role::Admin))),
            (900, 900, Some(("uid:900", Role::Admin))),
            (1000, 1000, Some(("ada", Role::Operator))),
            (1001, 50, Some(("bob", Role::Viewer))),
            (1001, 1001, None),
            (1002, 1002, Some(("uid:1002", Role::Admin))),
        ] {
            let found = users.operator(uid, gid, &accounts());
            let found = found.as_ref().map(|found| (found.name.as_str(), found.role));
            assert_eq!(found, expected, "uid {uid}, gid {gid}");
        }
    }

    #[test]
    fn nobody_becomes_a_user_by_a_name_that_looks_like_a_number() {
        let users = LocalUsers {
            own_uid: 900,
            mapped: vec![(Local::User("uid:7".to_owned()), Role::Admin)],
            otherwise: Some(Role::Viewer),
        };
        // Such a line does mean uid 7, and nobody else: names with a colon cannot be in /etc/passwd.
        assert_eq!(users.operator(7, 7, &accounts()).unwrap().role, Role::Admin);
        assert_eq!(users.operator(8, 8, &accounts()).unwrap().role, Role::Viewer);
    }

    #[test]
    fn roles_are_ordered() {
        assert!(Role::Viewer < Role::Operator && Role::Operator < Role::Admin);
    }

    #[tokio::test]
    async fn a_token_is_an_operator_until_it_expires() {
        let now = SystemTime::UNIX_EPOCH;
        let end = now + Duration::from_secs(5);
        let (entry, new) = OperatorToken::generate("ada", Role::Operator, Some(end)).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("tokens.jsonl");
        crate::key_file::append(&file, &entry).unwrap();
        let tokens = OperatorTokens::open(&file).unwrap();
        let shown = Credential::Bearer(new.text.clone());
        let found = tokens.find(&shown, now).await.unwrap();
        assert_eq!(found, Some(Operator { name: "ada".to_owned(), role: Role::Operator }));
        assert_eq!(tokens.find(&shown, end).await.unwrap(), None);
        let other = Credential::Bearer(format!("{}x", new.text));
        assert_eq!(tokens.find(&other, now).await.unwrap(), None);
        assert_eq!(tokens.find(&Credential::Peer { uid: 0, gid: 0 }, now).await.unwrap(), None);
    }
}
