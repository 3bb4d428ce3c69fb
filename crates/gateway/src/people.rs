//! Who is asking: the user behind a unix socket, or the address of an HTTP caller.

use std::net::SocketAddr;

use switch_journal::Who;

/// Someone at the other end of an admin connection.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// Told by the kernel (`SO_PEERCRED`): cannot be made up.
    Local {
        uid: u32,
        gid: u32,
        pid: Option<i32>,
    },
    /// Known by an operator's token.
    Token {
        name: String,
        address: SocketAddr,
    },
    Remote(SocketAddr),
    Unknown,
}

impl Caller {
    /// The caller as the journal keeps it. Reads `/etc/passwd` for the user's name.
    pub(crate) fn who(&self) -> Who {
        match self {
            Self::Local { uid, pid, .. } => {
                Who { name: user_name(*uid), uid: Some(*uid), pid: *pid }
            }
            Self::Token { name, .. } => Who { name: name.clone(), uid: None, pid: None },
            Self::Remote(address) => Who { name: format!("http:{address}"), uid: None, pid: None },
            Self::Unknown => Who { name: "unknown".to_owned(), uid: None, pid: None },
        }
    }
}

/// The user's name in `/etc/passwd`, or `uid:N` for users from elsewhere, such as LDAP.
fn user_name(uid: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_in(&users, uid).unwrap_or_else(|| format!("uid:{uid}"))
}

fn name_in(users: &str, uid: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let found = fields.nth(1)?.parse() == Ok(uid);
        (found && !name.is_empty()).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_come_from_the_users_file() {
        let users = "root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/sh\nbroken\n";
        assert_eq!(super::name_in(users, 1000).as_deref(), Some("ada"));
        assert_eq!(super::name_in(users, 7), None);
    }
}
