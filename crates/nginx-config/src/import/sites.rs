//! Servers and locations become sites and routes.

use super::{
    At, Importer, Verdict, bad_value, different, honored, is_regex, not_supported, unknown,
};
use crate::directive::Directive;
use crate::routes::{Answer, AnswerHeader, Path, Route, Settings, Site};
use crate::slots::target;
use crate::value::address;
use crate::variables;
impl Importer {
    pub(super) fn listen(&mut self, directive: &Directive) -> Verdict {
        let first = directive.first();
        let Some(address) = listen_address(first) else {
            return not_supported("front doors listen on TCP");
        };
        let has = |flag: &str| directive.arguments.iter().any(|argument| argument == flag);
        if has("proxy_protocol") {
            self.draft.proxy_protocol = true;
        }
        let scheme = if has("ssl") { "https" } else { "http" };
        if let Some(site) = self.draft.sites.last_mut() {
            site.scheme = match site.scheme {
                None if !site.listens => Some(scheme),
                own if own == Some(scheme) => own,
                _ => None,
            };
            site.listens = true;
            // It gets requests for unknown names, whatever its own.
            site.default |= has("default_server") || has("default");
        }
        let (place, key) = if has("ssl") {
            (&mut self.draft.https, "listen.https")
        } else {
            (&mut self.draft.http, "listen.http")
        };
        match place {
            None => {
                *place = Some(address);
                honored(key)
            }
            Some(known) if *known == address => honored(format!("{key}, as above")),
            Some(known) => not_supported(format!("{key} is {known} already")),
        }
    }

    pub(super) fn server_name(&mut self, directive: &Directive) -> Verdict {
        if self.one_server {
            return different("the only server answers to every name");
        }
        let names = directive.arguments.iter().filter(|name| !name.is_empty() && *name != "_");
        let (known, regexes): (Vec<&String>, Vec<&String>) =
            names.partition(|name| !name.starts_with('~'));
        if let Some(site) = self.draft.sites.last_mut() {
            // `.example.com` is both the name and everything below it.
            site.hosts.extend(known.iter().flat_map(|name| match name.strip_prefix('.') {
                Some(bare) => vec![bare.to_owned(), format!("*.{bare}")],
                None => vec![(*name).clone()],
            }));
        }
        if regexes.is_empty() {
            honored("routes: hosts")
        } else {
            not_supported("names are no regular expressions")
        }
    }

    pub(super) fn begin_location(&mut self, directive: &Directive) -> Verdict {
        let arguments: Vec<&str> = directive.arguments.iter().map(String::as_str).collect();
        let path = match arguments.as_slice() {
            [name] if name.starts_with('@') => {
                return not_supported("nothing leads to a location with a name");
            }
            ["=", path] => Path::Exact((*path).to_owned()),
            ["^~", path] => Path::FinalPrefix((*path).to_owned()),
            ["~", regex] => Path::Regex { regex: (*regex).to_owned(), ignore_case: false },
            ["~*", regex] => Path::Regex { regex: (*regex).to_owned(), ignore_case: true },
            [path] if path.starts_with('/') => Path::Prefix((*path).to_owned()),
            _ => return bad_value(),
        };
        let Some(site) = self.draft.sites.last_mut() else { return unknown() };
        if let Path::Regex { regex, .. } = &path
            && let Err(text) = is_regex(regex)
        {
            return not_supported(text);
        }
        let has = |name: &str| directive.last(name).is_some();
        let mut route = Route::new(path);
        route.closed = !has("proxy_pass") && !has("return");
        let closed = route.closed;
        site.routes.push(route);
        if closed {
            return different("it serves files, which the front door does not do: 501");
        }
        honored("")
    }

    pub(super) fn proxy_pass(&mut self, directive: &Directive) -> Verdict {
        let target = target(directive.first());
        let slots = [&self.slots.blue, &self.slots.green];
        if directive.first().starts_with("https://") {
            self.close();
            return not_supported("workers are asked without TLS: 501");
        }
        if !target.starts_with('$') && !slots.iter().any(|slot| slot.as_deref() == Some(target)) {
            self.close();
            return not_supported("its upstream is no slot (501); choose with --blue and --green");
        }
        let behind = directive.first().split_once("://").map_or("", |(_, behind)| behind);
        let Some((_, path)) = behind.split_once('/') else {
            return honored("requests go to the live slot");
        };
        let known = !path.contains('$');
        match self.route().filter(|route| known && !matches!(route.path, Path::Regex { .. })) {
            Some(route) => {
                route.replace_prefix = Some(format!("/{path}"));
                honored("routes: replace_prefix")
            }
            None => {
                self.close();
                not_supported("a path made of variables: 501")
            }
        }
    }

    pub(super) fn answer(&mut self, directive: &Directive) -> Verdict {
        let arguments: Vec<&str> = directive.arguments.iter().map(String::as_str).collect();
        let (status, text) = match arguments.as_slice() {
            // An address alone is a redirection.
            [place] if place.parse::<u16>().is_err() => (302, *place),
            [status] => (status.parse().unwrap_or(0), ""),
            [status, text] => (status.parse().unwrap_or(0), *text),
            _ => return bad_value(),
        };
        if !(200..=599).contains(&status) {
            return bad_value();
        }
        if let Err(text) = variables::are_known(text, &self.variables) {
            self.close();
            return not_supported(format!("{text}: 501"));
        }
        let answer = Answer { status, text: text.to_owned() };
        match self.level {
            At::Route => {
                if let Some(route) = self.route() {
                    route.answer.get_or_insert(answer);
                }
            }
            At::Site => {
                if let Some(site) = self.draft.sites.last_mut() {
                    site.answer.get_or_insert(answer);
                }
            }
            At::Http => return unknown(),
        }
        honored("routes: answer")
    }

    pub(super) fn add_header(&mut self, directive: &Directive) -> Verdict {
        let name = directive.first().to_owned();
        let value = directive.arguments.get(1).cloned().unwrap_or_default();
        let always = directive.arguments.get(2).is_some_and(|word| word == "always");
        if ["x-switchyard-slot", "x-switchyard-release", "x-request-id"]
            .contains(&name.to_ascii_lowercase().as_str())
        {
            return honored("always");
        }
        if let Err(text) = variables::are_known(&value, &self.variables) {
            return not_supported(text);
        }
        self.settings().answer_headers.push(AnswerHeader { name, value, always });
        honored("routes: answer_headers")
    }

    pub(super) fn set_header(&mut self, directive: &Directive) -> Verdict {
        let value = directive.arguments.get(1).map_or("", String::as_str);
        let name = directive.first().to_ascii_lowercase();
        match (name.as_str(), value) {
            ("host", "$http_host") => honored("always"),
            ("host", "$host") => different("as the client wrote it, with its port"),
            ("x-real-ip", "$remote_addr") | ("x-forwarded-proto", "$scheme") => honored("always"),
            ("x-request-id", "$request_id") => honored("always; a client's own plain id is kept"),
            ("x-forwarded-for", "$proxy_add_x_forwarded_for" | "$remote_addr") => {
                different("always; what untrusted clients say about themselves is left out")
            }
            ("connection" | "upgrade" | "keep-alive" | "te", _) => {
                different("connections are kept, and upgrades passed on")
            }
            ("content-length" | "transfer-encoding", _) => {
                not_supported("where a body ends is the gateway's own affair")
            }
            ("host", "$proxy_host") => different("the client's"),
            _ => match variables::are_known(value, &self.variables) {
                Ok(()) => {
                    self.settings().request_headers.push((name, value.to_owned()));
                    honored("routes: request_headers")
                }
                Err(text) => not_supported(text),
            },
        }
    }

    /// The settings of the level that is being read.
    pub(super) fn settings(&mut self) -> &mut Settings {
        let site = self.draft.sites.last_mut();
        match (self.level, site) {
            (At::Site, Some(site)) => &mut site.settings,
            (At::Route, Some(Site { routes, settings, .. })) => {
                routes.last_mut().map_or(settings, |route| &mut route.settings)
            }
            (At::Http | At::Site | At::Route, _) => &mut self.draft.above,
        }
    }

    /// The same, when what they say does not hold for every request.
    pub(super) fn own_settings(&mut self) -> Option<&mut Settings> {
        let all = match self.level {
            At::Http => true,
            At::Site => self.one_server,
            At::Route => self.one_server && self.one_location && self.is_whole(),
        };
        (!all).then(|| self.settings())
    }

    pub(super) fn route(&mut self) -> Option<&mut Route> {
        let site = self.draft.sites.last_mut().filter(|_| self.level == At::Route);
        site?.routes.last_mut()
    }

    /// Whether the location being read is for every path.
    pub(super) fn is_whole(&self) -> bool {
        let route = self.draft.sites.last().and_then(|site| site.routes.last());
        route.is_some_and(|route| {
            matches!(&route.path, Path::Prefix(path) | Path::FinalPrefix(path) if path == "/")
        })
    }

    /// Nobody gets past what Switchyard cannot do as nginx does.
    pub(super) fn close(&mut self) {
        let site = self.draft.sites.last_mut();
        match (self.level, site) {
            (At::Route, Some(site)) => {
                if let Some(route) = site.routes.last_mut() {
                    route.closed = true;
                }
            }
            (At::Site, Some(site)) => site.closed = true,
            (At::Http | At::Site | At::Route, _) => {}
        }
    }

    /// The first server, or the one called so, gets requests for unknown names; and a server that listens with TLS only
    /// gets only those.
    pub(super) fn tell_sites_apart(&mut self) {
        let sites = &mut self.draft.sites;
        for site in sites.iter_mut().filter(|site| site.default) {
            site.hosts.clear();
        }
        let mixed = sites.iter().any(|site| site.scheme == Some("http"))
            && sites.iter().any(|site| site.scheme != Some("http"));
        for scheme in ["http", "https"] {
            if let Some(first) = sites
                .iter()
                .position(|site| site.scheme.is_none_or(|own| own == scheme))
                .filter(|_| {
                    !sites.iter().any(|site| {
                        site.hosts.is_empty() && site.scheme.is_none_or(|own| own == scheme)
                    })
                })
                && let Some(site) = sites.get_mut(first)
            {
                site.hosts.clear();
            }
        }
        for site in sites {
            if !mixed {
                site.scheme = None;
            }
        }
    }
}

/// `80`, `127.0.0.1:80`, `*:80`, `[::]:80`.
fn listen_address(text: &str) -> Option<String> {
    if text.starts_with("unix:") {
        return None;
    }
    if text.parse::<u16>().is_ok() {
        return Some(format!("0.0.0.0:{text}"));
    }
    address(&text.replace('*', "0.0.0.0"))
}
