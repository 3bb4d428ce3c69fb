//! Settings for the gateway out of an nginx configuration, and a report in which every directive appears once.

use std::collections::BTreeSet;
use std::fmt;

use crate::directive::{Directive, Place};
use crate::draft::{Draft, RateLimit, Server};
use crate::routes::{Answer, AnswerHeader, Map, Path, Route, Settings, Site};
use crate::slots::{self, Slots, target};
use crate::value::{address, size, time};
use crate::variables;

/// What became of a directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Switchyard does the same.
    Honored,
    /// Switchyard does it otherwise, or always.
    Different,
    /// Switchyard does not do it.
    NotSupported,
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Honored => "honored",
            Self::Different => "different",
            Self::NotSupported => "not supported",
        })
    }
}

/// One directive in the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub level: Level,
    pub place: Place,
    /// The directive as it was written.
    pub directive: String,
    /// How it is honored or different, or why it is not supported; may be empty.
    pub explanation: String,
}

/// Which upstreams are the slots, when their names do not say it.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub blue: Option<String>,
    pub green: Option<String>,
}

/// What an import gives.
#[derive(Clone, Debug)]
pub struct Import {
    /// The text of a `gateway.yaml`.
    pub settings: String,
    /// In the order of the configuration.
    pub report: Vec<Line>,
}

/// Makes settings out of a configuration; `main` is the file's name, for a comment.
pub fn import(tree: &[Directive], main: &str, options: &Options) -> Import {
    let http: Vec<&Directive> = tree.iter().filter(|d| d.name == "http").collect();
    let slots = slots::find(&http, options.blue.as_deref(), options.green.as_deref());
    let servers: Vec<&Directive> = http.iter().flat_map(|http| http.all("server")).collect();
    let proxied = servers
        .iter()
        .flat_map(|server| server.all("location"))
        .filter(|location| location.last("proxy_pass").is_some());
    let mut importer = Importer {
        slots,
        draft: Draft::default(),
        report: Vec::new(),
        variables: http.iter().flat_map(|http| defined(http)).collect(),
        one_server: servers.len() == 1,
        one_location: proxied.count() == 1,
        level: At::Http,
    };
    importer.walk(tree, Inside::Main);
    importer.literal_slot();
    importer.tell_sites_apart();
    let Importer { slots, draft, report, .. } = importer;
    Import { settings: draft.write(main, &slots.because), report }
}

/// The block a directive stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Main,
    Events,
    Http,
    /// The upstream of the slot with that number, or of none.
    Upstream(Option<usize>),
    Server,
    Location,
    /// Entries of a block that was explained as a whole.
    Explained(Level),
}

/// Whose settings a directive changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Http,
    Site,
    /// The newest route of the newest site.
    Route,
}

struct Importer {
    slots: Slots,
    draft: Draft,
    report: Vec<Line>,
    /// Names of variables that `map` and `set` define.
    variables: Vec<String>,
    one_server: bool,
    /// One location goes to the slots: what holds for it holds for every request.
    one_location: bool,
    level: At,
}

/// The variables that are defined somewhere in a block.
fn defined(block: &Directive) -> Vec<String> {
    let mut names = Vec::new();
    for directive in block.inside() {
        let name = match directive.name.as_str() {
            "map" | "split_clients" => directive.arguments.get(1),
            "set" => directive.arguments.first(),
            _ => None,
        };
        names.extend(name.map(|name| name.trim_start_matches('$').to_owned()));
        names.extend(defined(directive));
    }
    names
}

type Verdict = (Level, String);

fn honored(explanation: impl Into<String>) -> Verdict {
    (Level::Honored, explanation.into())
}

fn different(explanation: impl Into<String>) -> Verdict {
    (Level::Different, explanation.into())
}

fn not_supported(explanation: impl Into<String>) -> Verdict {
    (Level::NotSupported, explanation.into())
}

impl Importer {
    fn walk(&mut self, directives: &[Directive], inside: Inside) {
        for directive in directives {
            let (level, explanation) = self.judge(directive, inside);
            self.report.push(Line {
                level,
                place: directive.place.clone(),
                directive: directive.to_string(),
                explanation,
            });
            if directive.block.is_some() {
                let within = self.within(directive, inside, level);
                let around = self.level;
                match within {
                    Inside::Server => self.level = At::Site,
                    Inside::Location => self.level = At::Route,
                    _ => {}
                }
                self.walk(directive.inside(), within);
                self.level = around;
            }
        }
    }

    fn within(&self, directive: &Directive, inside: Inside, level: Level) -> Inside {
        match (inside, directive.name.as_str()) {
            (Inside::Main, "events") => Inside::Events,
            (Inside::Main, "http") => Inside::Http,
            (Inside::Http, "upstream") => Inside::Upstream(self.slot_of(directive.first())),
            (Inside::Http, "server") => Inside::Server,
            (Inside::Server, "location") if level != Level::NotSupported => Inside::Location,
            _ => Inside::Explained(level),
        }
    }

    fn slot_of(&self, upstream: &str) -> Option<usize> {
        [&self.slots.blue, &self.slots.green]
            .into_iter()
            .position(|slot| slot.as_deref() == Some(upstream))
    }

    fn judge(&mut self, directive: &Directive, inside: Inside) -> Verdict {
        match inside {
            Inside::Explained(level) => (level, "part of the block above".to_owned()),
            Inside::Main => self.main(directive),
            Inside::Events => self.events(directive),
            Inside::Upstream(slot) => self.upstream(directive, slot),
            Inside::Http | Inside::Server => self.server(directive),
            Inside::Location => self.location(directive),
        }
    }

    fn main(&mut self, directive: &Directive) -> Verdict {
        match directive.name.as_str() {
            "events" | "http" => honored(""),
            "worker_processes" => different("`threads`: one per processor by default"),
            "user"
            | "pid"
            | "daemon"
            | "worker_rlimit_nofile"
            | "worker_cpu_affinity"
            | "worker_priority" => {
                different("the service manager says it; deploy/systemd has a unit")
            }
            "error_log" => different("logs go to standard error; SWITCHYARD_LOG chooses lines"),
            "load_module" | "stream" | "mail" => not_supported("there are no modules"),
            _ => unknown(),
        }
    }

    fn events(&mut self, directive: &Directive) -> Verdict {
        match directive.name.as_str() {
            "worker_connections" => match directive.first().parse() {
                Ok(count) => {
                    self.draft.connections = Some(count);
                    honored("limits.connections, for all threads together")
                }
                Err(_) => bad_value(),
            },
            "use" | "multi_accept" | "accept_mutex" => different("chosen by the runtime"),
            _ => unknown(),
        }
    }

    fn upstream(&mut self, directive: &Directive, slot: Option<usize>) -> Verdict {
        let Some(slot) = slot else { return not_supported("its upstream is no slot") };
        let arguments = || directive.arguments.iter().map(String::as_str);
        match directive.name.as_str() {
            "server" => self.worker(directive, slot),
            "least_conn" => self.balance(slot, "least_in_flight", Level::Honored, ""),
            "ip_hash" | "hash" => self.balance(
                slot,
                "conversation",
                Level::Different,
                "balance: conversation; say in routing.conversations how conversations are told apart",
            ),
            "random" => self.balance(slot, "least_in_flight", Level::Different, "balance: least_in_flight"),
            "keepalive" => match directive.first().parse() {
                Ok(count) => {
                    self.draft.idle_connections = Some(count);
                    honored("upstream.idle_connections, over all workers")
                }
                Err(_) => bad_value(),
            },
            "keepalive_timeout" => {
                set(&mut self.draft.idle_timeout, time(directive.first()), "upstream.idle_timeout")
            }
            "keepalive_requests" | "keepalive_time" => different("connections are kept while they are used"),
            "zone" => different("workers are always known to every thread"),
            "resolver" | "state" | "queue" | "sticky" | "ntlm" => {
                let _ = arguments();
                unknown()
            }
            _ => unknown(),
        }
    }

    fn balance(
        &mut self,
        slot: usize,
        balance: &'static str,
        level: Level,
        explanation: &str,
    ) -> Verdict {
        self.draft.slots[slot].balance = Some(balance);
        (level, explanation.to_owned())
    }

    fn worker(&mut self, directive: &Directive, slot: usize) -> Verdict {
        let Some(address) = address(directive.first()) else {
            return not_supported("workers are asked over TCP: host:port");
        };
        let mut server = Server { address, ..Server::default() };
        let mut ignored = Vec::new();
        for argument in directive.arguments.iter().skip(1) {
            let (name, value) = argument.split_once('=').unwrap_or((argument, ""));
            match name {
                "weight" => server.weight = value.parse().ok(),
                "max_conns" => server.max_requests = value.parse().ok(),
                "backup" => server.backup = true,
                "down" => server.down = true,
                "max_fails" => self.draft.max_fails = self.draft.max_fails.max(value.parse().ok()),
                "fail_timeout" => {
                    self.draft.fail_timeout = self.draft.fail_timeout.max(time(value))
                }
                _ => ignored.push(argument.as_str()),
            }
        }
        let draft = &mut self.draft.slots[slot];
        // Without another word, nginx goes in turn.
        draft.balance.get_or_insert("round_robin");
        draft.servers.push(server);
        if ignored.is_empty() {
            honored("max_fails and fail_timeout are the same for all workers: the greatest count")
        } else {
            different(format!("without {}", ignored.join(" ")))
        }
    }

    /// Directives of `http` and `server`.
    fn server(&mut self, directive: &Directive) -> Verdict {
        let first = directive.first();
        match directive.name.as_str() {
            "server" => {
                self.draft.sites.push(Site::default());
                honored("")
            }
            "upstream" => match self.slot_of(first) {
                Some(0) => honored("slots.blue"),
                Some(_) => honored("slots.green"),
                None => not_supported(
                    "there are two slots, and this is neither; choose with --blue and --green",
                ),
            },
            "map" | "set" | "split_clients" => self.variable(directive),
            "listen" => self.listen(directive),
            "server_name" => self.server_name(directive),
            "location" => self.begin_location(directive),
            "limit_req_zone" => self.limit_req_zone(directive),
            "limit_req_status" if first == "429" => honored("always"),
            "limit_req_status" => different("always 429, with retry-after"),
            "ssl_certificate" => {
                self.draft.certificates.push((first.to_owned(), None));
                honored("listen.tls.certificates")
            }
            "ssl_certificate_key" => {
                match self.draft.certificates.iter_mut().find(|(_, key)| key.is_none()) {
                    Some((_, key)) => *key = Some(first.to_owned()),
                    None => return not_supported("there is no ssl_certificate before it"),
                }
                honored("listen.tls.certificates")
            }
            "ssl_protocols" => {
                let versions: BTreeSet<&str> =
                    directive.arguments.iter().map(String::as_str).collect();
                let only_newest = versions.contains("TLSv1.3") && versions.len() == 1;
                self.draft.min_version = Some(if only_newest { "1.3" } else { "1.2" });
                let old = versions.iter().any(|version| !["TLSv1.2", "TLSv1.3"].contains(version));
                if old {
                    different("nothing older than TLS 1.2 is spoken")
                } else {
                    honored("listen.tls.min_version")
                }
            }
            "ssl_ciphers"
            | "ssl_prefer_server_ciphers"
            | "ssl_session_cache"
            | "ssl_session_timeout"
            | "ssl_session_tickets"
            | "ssl_dhparam"
            | "ssl_ecdh_curve"
            | "ssl_buffer_size" => different("rustls' own choice, which has no weak ones"),
            "http2" => different("always offered with TLS"),
            "set_real_ip_from" => {
                self.draft.trusted_proxies.push(first.to_owned());
                honored("listen.trusted_proxies")
            }
            "real_ip_header" if first.eq_ignore_ascii_case("x-forwarded-for") => {
                honored("from listen.trusted_proxies")
            }
            "real_ip_header" if first == "proxy_protocol" => honored("listen.proxy_protocol"),
            "real_ip_recursive" => different("always recursive"),
            "client_header_timeout" => {
                set(&mut self.draft.header_timeout, time(first), "limits.header_timeout")
            }
            "keepalive_timeout" => {
                set(&mut self.draft.keep_alive, time(first), "limits.keep_alive")
            }
            "include" | "types" => different("types of answers are the workers' own"),
            "sendfile"
            | "tcp_nopush"
            | "tcp_nodelay"
            | "server_tokens"
            | "keepalive_requests"
            | "types_hash_max_size"
            | "server_names_hash_bucket_size"
            | "reset_timedout_connection"
            | "send_timeout"
            | "large_client_header_buffers"
            | "client_header_buffer_size"
            | "client_body_buffer_size"
            | "log_format"
            | "proxy_headers_hash_max_size" => different("nothing to set: Switchyard streams"),
            "gzip" | "gzip_vary" | "gzip_types" | "gzip_proxied" | "gzip_comp_level"
            | "gzip_min_length" | "gzip_disable" | "gzip_http_version" | "gzip_buffers" => {
                different("nothing is compressed on the way")
            }
            _ => self.location(directive),
        }
    }

    /// Directives of a location that goes to the slots; most may stand above it, too.
    fn location(&mut self, directive: &Directive) -> Verdict {
        let first = directive.first();
        match directive.name.as_str() {
            "proxy_pass" => self.proxy_pass(directive),
            "location" => {
                not_supported("its paths go with the location around it; write it beside that one")
            }
            "proxy_connect_timeout" => match self.own_settings() {
                Some(own) => set(&mut own.connect_timeout, time(first), "routes: connect_timeout"),
                None => {
                    set(&mut self.draft.connect_timeout, time(first), "upstream.connect_timeout")
                }
            },
            "proxy_read_timeout" => match self.own_settings() {
                Some(own) => set(&mut own.read_timeout, time(first), "routes: read_timeout"),
                None => set(&mut self.draft.read_timeout, time(first), "upstream.read_timeout"),
            },
            "proxy_send_timeout" => match self.own_settings() {
                Some(own) => set(&mut own.write_timeout, time(first), "routes: write_timeout"),
                None => set(&mut self.draft.write_timeout, time(first), "upstream.write_timeout"),
            },
            "client_body_timeout" => {
                set(&mut self.draft.body_timeout, time(first), "limits.body_timeout")
            }
            "client_max_body_size" => {
                // Zero is no limit.
                let bytes = size(first).map(|bytes| if bytes == 0 { u64::MAX >> 1 } else { bytes });
                match self.own_settings() {
                    Some(own) => set(&mut own.request_body, bytes, "routes: request_body"),
                    None => set(&mut self.draft.request_body, bytes, "limits.request_body"),
                }
            }
            "proxy_next_upstream_tries" => match first.parse() {
                Ok(0) | Err(_) => different("upstream.tries: 4"),
                Ok(count) => set(&mut self.draft.tries, Some(count), "upstream.tries"),
            },
            "proxy_next_upstream" => different(
                "connections that fail go to another worker; after that only idempotent requests of which nothing was answered",
            ),
            "proxy_next_upstream_timeout" => {
                different("bounded by upstream.tries and upstream.retry_budget")
            }
            "proxy_http_version" if first == "1.1" => honored("always"),
            "proxy_http_version" => different("always 1.1"),
            "proxy_buffering" | "proxy_request_buffering" | "proxy_cache" if first == "off" => {
                honored("always off: an event leaves when it comes")
            }
            "proxy_buffering"
            | "proxy_request_buffering"
            | "proxy_buffers"
            | "proxy_buffer_size"
            | "proxy_busy_buffers_size"
            | "proxy_max_temp_file_size" => {
                different("nothing is buffered: an event leaves when it comes")
            }
            "proxy_redirect" if first == "off" => honored("always"),
            "proxy_set_header" => self.set_header(directive),
            "add_header" => self.add_header(directive),
            "return" => self.answer(directive),
            "allow" | "deny" => {
                if !is_network(first) {
                    self.close();
                    return not_supported("it is no network: 501");
                }
                let rule = format!("{} {first}", directive.name);
                self.settings().access.push(rule);
                honored("routes: access")
            }
            "default_type" => {
                self.settings().content_type = Some(first.to_owned());
                different("of the front door's own answers; others have the workers' types")
            }
            "limit_req" => self.limit_req(directive),
            "access_log" => {
                let logged = Some(first != "off");
                match self.own_settings() {
                    Some(own) => own.access_log = logged,
                    None => self.draft.access_log = logged,
                }
                if first == "off" {
                    honored("access_log")
                } else {
                    different("one line a request to standard error")
                }
            }
            "set" => self.variable(directive),
            "limit_conn" | "limit_conn_zone" => {
                not_supported("`max_requests` of a worker and `rate_limits` bound what runs")
            }
            "auth_basic" | "auth_basic_user_file" | "auth_request" | "satisfy" => {
                if first != "off" {
                    self.close();
                }
                not_supported("nobody is let in here (501) until `users` says who may ask")
            }
            "if" => {
                // It may be what keeps somebody out.
                let refuses = directive.inside().iter().any(|inside| {
                    inside.name == "deny"
                        || inside.name == "return" && inside.first().starts_with('4')
                });
                if refuses {
                    self.close();
                    return not_supported("it refuses some requests, so all are refused: 501");
                }
                not_supported("there are no conditions")
            }
            "rewrite" | "error_page" | "root" | "index" => {
                not_supported("the front door has no rules of that kind and serves no files")
            }
            "try_files" | "alias" => {
                self.close();
                not_supported("the front door serves no files: 501")
            }
            _ => unknown(),
        }
    }

    fn proxy_pass(&mut self, directive: &Directive) -> Verdict {
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

    fn variable(&mut self, directive: &Directive) -> Verdict {
        let known = |value: &str| self.slot_of(value).is_some();
        match directive.name.as_str() {
            "split_clients" => {
                let shares = directive.inside().iter().filter(|entry| known(entry.first()));
                let shares: Vec<String> = shares
                    .filter(|entry| entry.name.ends_with('%'))
                    .map(|entry| format!("switchctl canary {}", entry.name))
                    .collect();
                if shares.is_empty() {
                    return not_supported("it chooses between no slots");
                }
                different(format!("a canary is started by an operator: {}", shares.join(", ")))
            }
            "set" if directive.arguments.get(1).is_some_and(|value| known(value)) => {
                different("which slot is live is recorded by switchctl promote")
            }
            "map" if directive.inside().iter().any(|entry| known(entry.first())) => different(
                "which slot is live is recorded by switchctl promote; who is sent to the idle one by switchctl canary --header, --cookie or --path",
            ),
            "map" => self.map(directive),
            _ if self.level == At::Route => {
                not_supported("a variable has one value, set beside `location`")
            }
            _ => {
                let value = directive.arguments.get(1).cloned().unwrap_or_default();
                if let Err(text) = variables::are_known(&value, &self.variables) {
                    return not_supported(text);
                }
                let name = directive.first().trim_start_matches('$').to_owned();
                self.draft.maps.push(Map { name, default: value, ..Map::default() });
                honored("maps")
            }
        }
    }

    fn map(&mut self, directive: &Directive) -> Verdict {
        let of = directive.first().to_owned();
        let name = directive.arguments.get(1).map_or("", |name| name.trim_start_matches('$'));
        let mut map = Map { name: name.to_owned(), of, ..Map::default() };
        let mut known = variables::are_known(&map.of, &self.variables);
        for entry in directive.inside() {
            let value = entry.first().to_owned();
            known = known.and_then(|()| variables::are_known(&value, &self.variables));
            match entry.name.as_str() {
                "default" => map.default = value,
                "hostnames" | "volatile" if entry.arguments.is_empty() => {
                    known = known.and_then(|()| Err(format!("`{}` in a map", entry.name)));
                }
                text => match text
                    .strip_prefix("~*")
                    .map(|regex| (regex, true))
                    .or_else(|| text.strip_prefix('~').map(|regex| (regex, false)))
                {
                    Some((regex, ignore_case)) => {
                        known = known.and_then(|()| is_regex(regex));
                        map.regexes.push((regex.to_owned(), ignore_case, value));
                    }
                    None => {
                        map.values
                            .push((text.strip_prefix('\\').unwrap_or(text).to_owned(), value));
                    }
                },
            }
        }
        match known {
            Ok(()) => {
                self.draft.maps.push(map);
                honored("maps")
            }
            Err(text) => not_supported(text),
        }
    }

    /// The settings of the level that is being read.
    fn settings(&mut self) -> &mut Settings {
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
    fn own_settings(&mut self) -> Option<&mut Settings> {
        let all = match self.level {
            At::Http => true,
            At::Site => self.one_server,
            At::Route => self.one_server && self.one_location && self.is_whole(),
        };
        (!all).then(|| self.settings())
    }

    fn route(&mut self) -> Option<&mut Route> {
        let site = self.draft.sites.last_mut().filter(|_| self.level == At::Route);
        site?.routes.last_mut()
    }

    /// Whether the location being read is for every path.
    fn is_whole(&self) -> bool {
        let route = self.draft.sites.last().and_then(|site| site.routes.last());
        route.is_some_and(|route| {
            matches!(&route.path, Path::Prefix(path) | Path::FinalPrefix(path) if path == "/")
        })
    }

    /// Nobody gets past what Switchyard cannot do as nginx does.
    fn close(&mut self) {
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

    fn begin_location(&mut self, directive: &Directive) -> Verdict {
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

    fn server_name(&mut self, directive: &Directive) -> Verdict {
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

    /// The first server, or the one called so, gets requests for unknown names; and a server that listens with TLS only
    /// gets only those.
    fn tell_sites_apart(&mut self) {
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

    fn answer(&mut self, directive: &Directive) -> Verdict {
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

    fn add_header(&mut self, directive: &Directive) -> Verdict {
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

    fn set_header(&mut self, directive: &Directive) -> Verdict {
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

    fn limit_req_zone(&mut self, directive: &Directive) -> Verdict {
        if !matches!(directive.first(), "$binary_remote_addr" | "$remote_addr") {
            return not_supported("requests are counted per address, user or key: `rate_limits`");
        }
        let argument =
            |key: &str| directive.arguments.iter().find_map(|word| word.strip_prefix(key));
        let name = argument("zone=").map(|zone| zone.split(':').next().unwrap_or(zone));
        let rate = argument("rate=").and_then(|rate| {
            let (count, period) = rate
                .strip_suffix("r/s")
                .map(|count| (count, "1s"))
                .or_else(|| rate.strip_suffix("r/m").map(|count| (count, "1m")))?;
            Some((count.parse().ok().filter(|count| *count > 0)?, period))
        });
        let (Some(name), Some((requests, period))) = (name, rate) else { return bad_value() };
        self.draft.rate_limits.push(RateLimit {
            name: name.to_owned(),
            requests,
            period,
            burst: 1,
            used: false,
        });
        honored("rate_limits, where a limit_req names it")
    }

    fn limit_req(&mut self, directive: &Directive) -> Verdict {
        let argument =
            |key: &str| directive.arguments.iter().find_map(|word| word.strip_prefix(key));
        let everywhere = self.own_settings().is_none();
        let burst: u32 = argument("burst=").and_then(|burst| burst.parse().ok()).unwrap_or(0);
        let waits = burst > 0 && !directive.arguments.iter().any(|word| word == "nodelay");
        let zone = argument("zone=").unwrap_or_default();
        let Some(limit) = self.draft.rate_limits.iter_mut().find(|limit| limit.name == zone) else {
            return not_supported("its zone is not there");
        };
        limit.used = true;
        limit.burst = limit.burst.max(burst + 1);
        match (everywhere, waits) {
            (true, false) => honored("rate_limits; answered with 429"),
            (true, true) => {
                different("rate_limits; nobody is made to wait: the burst goes through at once")
            }
            (false, _) => different("rate_limits; it holds for every path"),
        }
    }

    fn listen(&mut self, directive: &Directive) -> Verdict {
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

    /// A slot whose name is no upstream is an address written in `proxy_pass`.
    fn literal_slot(&mut self) {
        if let Some(name) = &self.slots.blue
            && self.draft.slots[0].servers.is_empty()
            && name.contains([':', '.'])
            && let Some(address) = address(name)
        {
            self.draft.slots[0].servers.push(Server { address, ..Server::default() });
        }
        self.draft.slots[0].upstream.clone_from(&self.slots.blue);
        self.draft.slots[1].upstream.clone_from(&self.slots.green);
    }
}

/// `all`, an address, or a network such as `10.0.0.0/8`.
fn is_network(text: &str) -> bool {
    let (address, bits) = text.split_once('/').unwrap_or((text, "0"));
    text == "all" || address.parse::<std::net::IpAddr>().is_ok() && bits.parse::<u8>().is_ok()
}

/// Whether the gateway understands it; nginx's regular expressions know more.
fn is_regex(text: &str) -> Result<(), String> {
    let found = regex::Regex::new(text);
    found
        .map(drop)
        .map_err(|_| "a regular expression with more than the gateway understands".to_owned())
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

fn set<T>(place: &mut Option<T>, value: Option<T>, key: &str) -> Verdict {
    if value.is_none() {
        return bad_value();
    }
    *place = value;
    honored(key)
}

fn bad_value() -> Verdict {
    not_supported("its value cannot be read")
}

fn unknown() -> Verdict {
    not_supported("Switchyard has no such setting")
}
