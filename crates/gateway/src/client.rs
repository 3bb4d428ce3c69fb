//! Who the client is: the other end of the connection, or whom a trusted proxy in front names.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// A request's client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    pub address: IpAddr,
    /// `http` or `https`, as the client spoke it.
    pub scheme: &'static str,
    /// The other end of the connection is a proxy that may speak for clients.
    pub by_proxy: bool,
}

impl Client {
    /// `peer` is the other end of the connection. Only what `trusted` networks say is believed: their
    /// `x-forwarded-for` is read from its end, and the first address that is not theirs is the client's.
    pub(crate) fn of(peer: IpAddr, secure: bool, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let scheme = if secure { "https" } else { "http" };
        let is_trusted = |address: IpAddr| {
            let address = address.to_canonical();
            trusted.iter().any(|network| network.contains(&address))
        };
        if trusted.is_empty() || !is_trusted(peer) {
            return Self { address: peer, scheme, by_proxy: false };
        }
        let mut address = peer;
        let lines: Vec<&str> =
            headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok()).collect();
        for named in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            // Behind something that is no address nobody can be believed.
            let Some(named) = parse(named.trim()) else { break };
            address = named;
            if !is_trusted(named) {
                break;
            }
        }
        let scheme = match headers.get(FORWARDED_PROTO).map(http::HeaderValue::as_bytes) {
            Some(b"https") => "https",
            Some(b"http") => "http",
            Some(_) | None => scheme,
        };
        Self { address, scheme, by_proxy: true }
    }
}

/// `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1` or `[2001:db8::1]:443`.
fn parse(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().ok();
    address.or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_trusted_proxies_speak_for_clients() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        for (peer, forwarded, client) in [
            ("192.0.2.9", "198.51.100.1", "192.0.2.9"),
            ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "203.0.113.7, 198.51.100.1, 10.2.2.2", "198.51.100.1"),
            ("10.0.0.1", "10.3.3.3", "10.3.3.3"),
            ("10.0.0.1", "198.51.100.1, nonsense", "10.0.0.1"),
            ("10.0.0.1", "[2001:db8::1]:7", "2001:db8::1"),
            ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(FORWARDED_FOR, HeaderValue::from_str(forwarded).unwrap());
            let found = Client::of(peer.parse().unwrap(), false, &headers, &trusted);
            assert_eq!(found.address, client.parse::<IpAddr>().unwrap(), "{peer}: {forwarded}");
        }
    }
}
