//! Which requests are tried on the idle slot: by rule, or by an exact share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use ipnet::IpNet;
use serde_json::Value;
use switch_core::{Canary, Rule, Slot};

use crate::routing::Asked;

/// A canary, ready to be compared with requests.
#[derive(Clone)]
pub(crate) struct Tried {
    pub slot: Slot,
    thousandths: u64,
    rules: Arc<[Matcher]>,
    /// Counts the requests without a conversation.
    turn: Arc<AtomicU64>,
}

enum Matcher {
    Header { name: HeaderName, value: HeaderValue },
    Cookie { name: String, value: String },
    Claim { name: String, value: String },
    Path { prefix: String },
    Source { network: IpNet },
}

/// Coprime to 1000 and far from its divisors: a thousand requests in a row meet every bucket once, well mixed.
const STRIDE: u64 = 617;

impl Tried {
    /// Rules that [`check`] refuses match nothing.
    pub(crate) fn new(canary: &Canary) -> Self {
        Self {
            slot: canary.slot,
            thousandths: u64::from(canary.share.thousandths()),
            rules: canary.rules.iter().filter_map(|rule| matcher(rule).ok()).collect(),
            turn: Arc::new(AtomicU64::new(0)),
        }
    }

    /// Whether a rule names this request.
    pub(crate) fn names(&self, asked: &Asked<'_>) -> bool {
        self.rules.iter().any(|rule| rule.matches(asked))
    }

    /// Whether the share takes this request. The requests of one conversation are all taken or none, and a conversation
    /// that is taken is taken by every greater share.
    pub(crate) fn draws(&self, conversation: Option<u64>) -> bool {
        let bucket = match conversation {
            Some(number) => mixed(number) % 1000,
            None if self.thousandths == 0 => return false,
            None => self.turn.fetch_add(1, Ordering::Relaxed).wrapping_mul(STRIDE) % 1000,
        };
        bucket < self.thousandths
    }
}

/// Says what is wrong with a rule.
pub(crate) fn check(rule: &Rule) -> Result<(), String> {
    matcher(rule).map(drop)
}

fn matcher(rule: &Rule) -> Result<Matcher, String> {
    Ok(match rule {
        Rule::Header { name, value } => Matcher::Header {
            name: name.parse().map_err(|_| format!("{name:?} is not a header's name"))?,
            value: value.parse().map_err(|_| format!("{value:?} is not a header's value"))?,
        },
        Rule::Cookie { name, value } => {
            if name.is_empty() || name.contains([';', '=', ' ']) {
                return Err(format!("{name:?} is not a cookie's name"));
            }
            Matcher::Cookie { name: name.clone(), value: value.clone() }
        }
        Rule::Claim { name, value } => Matcher::Claim { name: name.clone(), value: value.clone() },
        Rule::Path { prefix } if prefix.starts_with('/') => {
            Matcher::Path { prefix: prefix.clone() }
        }
        Rule::Path { prefix } => {
            return Err(format!("the path {prefix:?} does not begin with `/`"));
        }
        Rule::Source { network } => {
            let network = network
                .parse::<IpNet>()
                .or_else(|_| network.parse::<std::net::IpAddr>().map(IpNet::from))
                .map_err(|_| format!("{network:?} is not a network such as 10.0.0.0/8"))?;
            Matcher::Source { network }
        }
    })
}

impl Matcher {
    fn matches(&self, asked: &Asked<'_>) -> bool {
        match self {
            Self::Header { name, value } => {
                asked.headers.get_all(name).iter().any(|found| found == value)
            }
            Self::Cookie { name, value } => cookie(asked.headers, name) == Some(value.as_str()),
            Self::Claim { name, value } => {
                asked.claims.is_some_and(|claims| has(claims, name, value))
            }
            Self::Path { prefix } => asked.path.starts_with(prefix.as_str()),
            Self::Source { network } => asked.client.is_some_and(|client| {
                // An IPv4 client of a socket that listens on both is written as an IPv6 address.
                network.contains(&client.to_canonical())
            }),
        }
    }
}

/// A claim is met by its text, or by one member when it is a list.
fn has(claims: &Value, name: &str, value: &str) -> bool {
    let is = |found: &Value| match found {
        Value::String(text) => text == value,
        Value::Bool(flag) => value.parse() == Ok(*flag),
        Value::Number(number) => {
            value.parse().is_ok_and(|value: serde_json::Number| value == *number)
        }
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    };
    match &claims[name] {
        Value::Array(members) => members.iter().any(is),
        claim => is(claim),
    }
}

/// The first cookie of that name (RFC 6265, section 5.4).
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok()).find_map(|line| {
        line.split(';').find_map(|pair| pair.trim_start().strip_prefix(name)?.strip_prefix('='))
    })
}

/// Spreads numbers evenly (the finalizer of SplitMix64, Steele et al. 2014).
pub(crate) fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::routing::tests::plain;

    #[test]
    fn each_rule_names_what_it_says_and_nothing_else() {
        let mut headers = HeaderMap::new();
        headers.insert("x-team", HeaderValue::from_static("qa"));
        headers.insert("cookie", HeaderValue::from_static("a=1; beta=yes; c=3"));
        let claims = json!({"group": ["staff", "qa"], "level": 3});
        let mut asked = plain(&headers);
        asked.path = "/v1/chat/completions";
        asked.client = "10.1.2.3".parse().ok();
        asked.claims = Some(&claims);
        let words = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let header = |(name, value)| Rule::Header { name, value };
        let cookie = |(name, value)| Rule::Cookie { name, value };
        let claim = |(name, value)| Rule::Claim { name, value };
        for (rule, named) in [
            (header(words("X-Team", "qa")), true),
            (header(words("x-team", "q")), false),
            (cookie(words("beta", "yes")), true),
            (cookie(words("bet", "yes")), false),
            (claim(words("group", "qa")), true),
            (claim(words("level", "3")), true),
            (claim(words("group", "q")), false),
            (Rule::Path { prefix: "/v1/".into() }, true),
            (Rule::Path { prefix: "/v2/".into() }, false),
            (Rule::Source { network: "10.0.0.0/8".into() }, true),
            (Rule::Source { network: "10.1.2.4".into() }, false),
        ] {
            assert_eq!(matcher(&rule).unwrap().matches(&asked), named, "{rule}");
        }
    }

    #[test]
    fn what_cannot_match_is_refused() {
        for rule in [
            Rule::Header { name: "x team".into(), value: "qa".into() },
            Rule::Cookie { name: "a;b".into(), value: "1".into() },
            Rule::Path { prefix: "v1".into() },
            Rule::Source { network: "10.0.0.0/99".into() },
        ] {
            assert!(check(&rule).is_err(), "{rule}");
        }
    }
}
