//! Paths and hosts that are treated in their own way: answered at the door, passed on under another path, with other
//! headers, limits or times. Which route a request takes is decided as nginx chooses its `server` and `location`.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use http::HeaderName;
use ipnet::IpNet;
use regex::Regex;

use crate::template::{Captures, Map, Template};

/// Every route of the settings.
#[derive(Debug)]
pub(crate) struct Routes {
    pub maps: Vec<Map>,
    /// The first site without hosts is for requests that name no known host.
    pub sites: Vec<Site>,
}

/// The routes of some hosts.
#[derive(Debug)]
pub(crate) struct Site {
    pub hosts: Vec<Host>,
    /// What the client must speak; either when `None`.
    pub scheme: Option<&'static str>,
    pub routes: Vec<std::sync::Arc<Route>>,
}

/// Names of hosts, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Exact(String),
    /// `*.example.com`: what is in front of it, with the dot, is free.
    Ending(String),
    /// `www.*`.
    Beginning(String),
}

/// One way to treat requests.
#[derive(Debug)]
pub(crate) struct Route {
    pub path: Path,
    /// The gateway's own answer.
    pub answer: Option<Answer>,
    /// The beginning of the path is replaced by this.
    pub replace_prefix: Option<String>,
    /// An empty value removes the header.
    pub request_headers: Vec<(HeaderName, Template)>,
    pub answer_headers: Vec<AnswerHeader>,
    pub request_body: Option<u64>,
    pub connect_timeout: Option<Duration>,
    pub read_timeout: Option<Duration>,
    pub write_timeout: Option<Duration>,
    pub access_log: Option<bool>,
    /// The first network that contains the client decides; whoever is in none may ask.
    pub access: Vec<(Access, IpNet)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Allow,
    Deny,
}

/// Which paths.
#[derive(Debug)]
pub(crate) enum Path {
    Exact(String),
    Prefix {
        prefix: String,
        /// No regular expression is asked when this is the longest prefix.
        final_: bool,
    },
    Regex(Regex),
}

/// An answer without a worker.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    /// The body; for redirections, the new place.
    pub text: Template,
    pub content_type: String,
}

#[derive(Debug)]
pub(crate) struct AnswerHeader {
    pub name: HeaderName,
    pub value: Template,
    /// On errors, too.
    pub always: bool,
}

impl AnswerHeader {
    /// Whether an answer with this status gets it; without `always`, nginx's list.
    pub(crate) fn is_for(&self, status: u16) -> bool {
        self.always || matches!(status, 200 | 201 | 204 | 206 | 301..=304 | 307 | 308)
    }
}

/// The route of a request, and what its regular expression has found.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub route: std::sync::Arc<Route>,
    pub captures: Captures,
    /// The name the client asks for, in lower case and without a port.
    pub host: String,
    /// The path, decoded and without `.`, `..` and `//`.
    pub path: String,
}

impl Routes {
    /// The route for a request's host and path, if it has one of its own.
    ///
    /// # Errors
    /// When the path leads out of the root, or is no UTF-8.
    pub(crate) fn find(
        &self,
        scheme: &str,
        host: &str,
        path: &str,
    ) -> Result<Option<Taken>, &'static str> {
        let path = normal(path)?;
        let Some(site) = self.site(scheme, host) else { return Ok(None) };
        Ok(site.find(&path).map(|(route, captures)| Taken {
            route,
            captures,
            host: host.to_owned(),
            path: path.into_owned(),
        }))
    }

    /// nginx's order: the name itself, the longest ending, the longest beginning, the site for everybody.
    fn site(&self, scheme: &str, host: &str) -> Option<&Site> {
        let sites =
            || self.sites.iter().filter(|site| site.scheme.is_none_or(|wanted| wanted == scheme));
        let longest = |length: &dyn Fn(&Host) -> Option<usize>| {
            let sites = sites().filter_map(|site| {
                let length = site.hosts.iter().filter_map(length).max()?;
                Some((length, site))
            });
            sites.max_by_key(|(length, _)| *length).map(|(_, site)| site)
        };
        let fits = |length: usize, fits: bool| (host.len() > length && fits).then_some(length);
        longest(&|known| match known {
            Host::Exact(name) => (name == host).then_some(name.len()),
            Host::Ending(_) | Host::Beginning(_) => None,
        })
        .or_else(|| {
            longest(&|known| match known {
                Host::Ending(ending) => fits(ending.len(), host.ends_with(ending.as_str())),
                Host::Exact(_) | Host::Beginning(_) => None,
            })
        })
        .or_else(|| {
            longest(&|known| match known {
                Host::Beginning(start) => fits(start.len(), host.starts_with(start.as_str())),
                Host::Exact(_) | Host::Ending(_) => None,
            })
        })
        .or_else(|| sites().find(|site| site.hosts.is_empty()))
    }
}

impl Site {
    /// nginx's order: the path itself, the longest prefix if it is final, the first regular expression, the longest
    /// prefix.
    fn find(&self, path: &str) -> Option<(std::sync::Arc<Route>, Captures)> {
        let mut best: Option<(usize, bool, &std::sync::Arc<Route>)> = None;
        for route in &self.routes {
            match &route.path {
                Path::Exact(exact) if exact == path => {
                    return Some((std::sync::Arc::clone(route), Captures::default()));
                }
                Path::Prefix { prefix, final_ } if path.starts_with(prefix.as_str()) => {
                    if best.is_none_or(|(length, ..)| prefix.len() > length) {
                        best = Some((prefix.len(), *final_, route));
                    }
                }
                Path::Exact(_) | Path::Prefix { .. } | Path::Regex(_) => {}
            }
        }
        if !best.is_some_and(|(_, final_, _)| final_) {
            for route in &self.routes {
                if let Path::Regex(regex) = &route.path
                    && let Some(captures) = Captures::of(regex, path)
                {
                    return Some((std::sync::Arc::clone(route), captures));
                }
            }
        }
        best.map(|(_, _, route)| (std::sync::Arc::clone(route), Captures::default()))
    }
}

impl Route {
    pub(crate) fn lets_in(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        let decides = self.access.iter().find(|(_, network)| network.contains(&client));
        decides.is_none_or(|(access, _)| *access == Access::Allow)
    }

    /// The path and query to ask the worker for, when they are not the client's own.
    pub(crate) fn target(&self, path: &str, query: Option<&str>) -> Option<String> {
        let replacement = self.replace_prefix.as_ref()?;
        let rest = match &self.path {
            Path::Prefix { prefix, .. } => path.strip_prefix(prefix.as_str())?,
            Path::Exact(_) => "",
            // nginx forbids it: which part would be replaced?
            Path::Regex(_) => return None,
        };
        let mut target = replacement.clone();
        escape(rest, &mut target);
        if let Some(query) = query {
            target.push('?');
            target.push_str(query);
        }
        Some(target)
    }
}

/// Decodes `%XX`, and takes out `.`, `..` and empty parts, so that no way of writing a path goes around its route.
fn normal(path: &str) -> Result<Cow<'_, str>, &'static str> {
    let plain = !path.contains('%') && !path.contains("//") && !path.contains("/.");
    if plain && path.starts_with('/') {
        return Ok(path.into());
    }
    let decoded = percent_decoded(path)?;
    if decoded.contains('\0') {
        return Err("its path has a zero byte");
    }
    let mut parts: Vec<&str> = Vec::new();
    let mut ends_with_slash = false;
    for part in decoded.split('/').skip(1) {
        ends_with_slash = part.is_empty() || part == "." || part == "..";
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or("its path leads out of the root")?;
            }
            part => parts.push(part),
        }
    }
    let mut normal = String::with_capacity(decoded.len());
    for part in &parts {
        normal.push('/');
        normal.push_str(part);
    }
    if ends_with_slash || normal.is_empty() {
        normal.push('/');
    }
    Ok(normal.into())
}

fn percent_decoded(path: &str) -> Result<String, &'static str> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err("its path has a `%` without two hexadecimal digits");
        };
        decoded.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
    }
    String::from_utf8(decoded).map_err(|_| "its path is not UTF-8")
}

/// Writes a decoded path as it may stand in a request.
fn escape(path: &str, into: &mut String) {
    for byte in path.bytes() {
        match byte {
            b'%'
            | b'?'
            | b'#'
            | b'"'
            | b'<'
            | b'>'
            | b'\\'
            | b'^'
            | b'`'
            | b'{'
            | b'|'
            | b'}'
            | 0..=b' '
            | 0x7f.. => {
                into.push('%');
                for digit in [byte >> 4, byte & 15] {
                    into.push(
                        char::from_digit(u32::from(digit), 16).unwrap_or('0').to_ascii_uppercase(),
                    );
                }
            }
            byte => into.push(char::from(byte)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn route(path: Path) -> Arc<Route> {
        Arc::new(Route {
            path,
            answer: None,
            replace_prefix: None,
            request_headers: Vec::new(),
            answer_headers: Vec::new(),
            request_body: None,
            connect_timeout: None,
            read_timeout: None,
            write_timeout: None,
            access_log: None,
            access: Vec::new(),
        })
    }

    fn prefix(prefix: &str, final_: bool) -> Path {
        Path::Prefix { prefix: prefix.to_owned(), final_ }
    }

    #[test]
    fn locations_are_chosen_in_nginxs_order() {
        let site = |hosts| Site {
            hosts,
            scheme: None,
            routes: vec![
                route(prefix("/", false)),
                route(Path::Exact("/a".to_owned())),
                route(prefix("/docs/", false)),
                route(prefix("/docs/final/", true)),
                route(Path::Regex(Regex::new(r"^/docs/(.*)\.pdf$").unwrap())),
            ],
        };
        let routes = Routes { maps: Vec::new(), sites: vec![site(Vec::new())] };
        let chosen = |path: &str| {
            let taken = routes.find("http", "any", path).unwrap().unwrap();
            routes.sites[0]
                .routes
                .iter()
                .position(|known| Arc::ptr_eq(known, &taken.route))
                .unwrap()
        };
        for (path, expected) in [
            ("/", 0),
            ("/a", 1),
            ("/a/", 0),
            ("/ab", 0),
            ("/docs/x", 2),
            ("/docs/x.pdf", 4),
            ("/docs/final/x.pdf", 3),
            ("/docs", 0),
            ("/x/../docs/%78.pdf", 4),
            ("//docs//x", 2),
            ("/docs/./", 2),
            ("/%61", 1),
        ] {
            assert_eq!(chosen(path), expected, "{path}");
        }
        assert!(routes.find("http", "any", "/../etc").is_err());
        assert!(routes.find("http", "any", "/%zz").is_err());
        assert!(routes.find("http", "any", "/%00").is_err());
    }

    #[test]
    fn sites_are_chosen_by_host() {
        let site = |hosts| Site { hosts, scheme: None, routes: vec![route(prefix("/", false))] };
        let routes = Routes {
            maps: Vec::new(),
            sites: vec![
                site(Vec::new()),
                site(vec![Host::Exact("kb.example.com".into())]),
                site(vec![Host::Ending(".example.com".into())]),
                site(vec![Host::Ending(".b.example.com".into())]),
                site(vec![Host::Beginning("www.".into())]),
            ],
        };
        for (host, expected) in [
            ("kb.example.com", 1),
            ("x.example.com", 2),
            ("x.b.example.com", 3),
            ("www.example.org", 4),
            ("www.example.com", 2),
            ("example.com", 0),
            ("", 0),
        ] {
            let found = routes.site("http", host).unwrap();
            let index = routes.sites.iter().position(|site| std::ptr::eq(site, found));
            assert_eq!(index, Some(expected), "{host}");
        }
    }

    #[test]
    fn a_prefix_is_replaced_and_the_rest_is_escaped_again() {
        let mut route = route(prefix("/api/", false));
        Arc::get_mut(&mut route).unwrap().replace_prefix = Some("/v1/".into());
        assert_eq!(route.target("/api/a b%", Some("x=%20")).unwrap(), "/v1/a%20b%25?x=%20");
        assert_eq!(route.target("/api/", None).unwrap(), "/v1/");
    }

    #[test]
    fn the_first_network_decides() {
        let mut route = route(prefix("/", false));
        Arc::get_mut(&mut route).unwrap().access = vec![
            (Access::Deny, "10.0.0.1/32".parse().unwrap()),
            (Access::Allow, "10.0.0.0/8".parse().unwrap()),
            (Access::Deny, "0.0.0.0/0".parse().unwrap()),
        ];
        for (client, may) in [
            ("10.0.0.1", false),
            ("10.2.3.4", true),
            ("192.0.2.1", false),
            ("::ffff:10.2.3.4", true),
        ] {
            assert_eq!(route.lets_in(client.parse().unwrap()), may, "{client}");
        }
    }
}
