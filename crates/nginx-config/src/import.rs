//! Settings for the gateway out of an nginx configuration, and a report in which every directive appears once.

use std::collections::BTreeSet;
use std::fmt;

use crate::directive::{Directive, Place};
use crate::draft::{Draft, Server};
use crate::slots::{self, Slots, target};
use crate::value::{address, size, time};

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
    let mut importer = Importer { slots, draft: Draft::default(), report: Vec::new() };
    importer.walk(tree, Inside::Main);
    importer.literal_slot();
    let Importer { slots, draft, report } = importer;
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
    /// A location, and whether its requests go to the slots.
    Location(bool),
    /// Entries of a block that was explained as a whole.
    Explained(Level),
}

struct Importer {
    slots: Slots,
    draft: Draft,
    report: Vec<Line>,
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
                self.walk(directive.inside(), within);
            }
        }
    }

    fn within(&self, directive: &Directive, inside: Inside, level: Level) -> Inside {
        match (inside, directive.name.as_str()) {
            (Inside::Main, "events") => Inside::Events,
            (Inside::Main, "http") => Inside::Http,
            (Inside::Http, "upstream") => Inside::Upstream(self.slot_of(directive.first())),
            (Inside::Http, "server") => Inside::Server,
            (Inside::Server | Inside::Location(_), "location") => {
                Inside::Location(level != Level::NotSupported)
            }
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
            Inside::Location(true) => self.location(directive),
            Inside::Location(false) => not_supported("its location is not"),
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
            "server" => honored(""),
            "upstream" => match self.slot_of(first) {
                Some(0) => honored("slots.blue"),
                Some(_) => honored("slots.green"),
                None => not_supported(
                    "there are two slots, and this is neither; choose with --blue and --green",
                ),
            },
            "map" | "set" | "split_clients" => self.variable(directive),
            "listen" => self.listen(directive),
            "server_name" => different(
                "the front door answers to every name; TLS chooses the certificate by name",
            ),
            "location" => location(directive),
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
            "include" | "types" | "default_type" => {
                different("types of answers are the workers' own")
            }
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
            "location" => location(directive),
            "proxy_connect_timeout" => {
                set(&mut self.draft.connect_timeout, time(first), "upstream.connect_timeout")
            }
            "proxy_read_timeout" => {
                set(&mut self.draft.read_timeout, time(first), "upstream.read_timeout")
            }
            "proxy_send_timeout" => {
                set(&mut self.draft.write_timeout, time(first), "upstream.write_timeout")
            }
            "client_body_timeout" => {
                set(&mut self.draft.body_timeout, time(first), "limits.body_timeout")
            }
            "client_max_body_size" => match size(first) {
                Some(0) => {
                    self.draft.request_body = Some(u64::MAX >> 1);
                    honored("limits.request_body")
                }
                found => set(&mut self.draft.request_body, found, "limits.request_body"),
            },
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
            "proxy_set_header" => set_header(directive),
            "access_log" => {
                self.draft.access_log = Some(first != "off");
                if first == "off" {
                    honored("access_log")
                } else {
                    different("one line a request to standard error")
                }
            }
            "set" => self.variable(directive),
            "limit_req" | "limit_req_zone" | "limit_conn" | "limit_conn_zone" => {
                not_supported("say it again as `rate_limits`: per address, user or key")
            }
            "return" | "rewrite" | "add_header" | "error_page" | "try_files" | "root" | "alias"
            | "index" | "auth_basic" | "auth_request" | "allow" | "deny" | "if" => {
                not_supported("the front door answers, rewrites and serves nothing itself")
            }
            _ => unknown(),
        }
    }

    fn proxy_pass(&mut self, directive: &Directive) -> Verdict {
        let target = target(directive.first());
        let slots = [&self.slots.blue, &self.slots.green];
        if directive.first().starts_with("https://") {
            return not_supported("workers are asked without TLS");
        }
        if !target.starts_with('$') && !slots.iter().any(|slot| slot.as_deref() == Some(target)) {
            return not_supported("its upstream is no slot; choose with --blue and --green");
        }
        let behind = directive.first().split_once("://").map_or("", |(_, behind)| behind);
        if behind.contains('/') {
            return not_supported("paths are passed on as they are");
        }
        honored("requests go to the live slot")
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
            _ => not_supported("there are no variables"),
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

/// A location goes to the slots when it says `proxy_pass` and stands for every path.
fn location(directive: &Directive) -> Verdict {
    let proxied = directive.inside().iter().any(|inside| inside.name == "proxy_pass");
    match directive.arguments.as_slice() {
        [path] if path == "/" && proxied => honored(""),
        [flag, path] if flag == "^~" && path == "/" && proxied => honored(""),
        _ if proxied => {
            not_supported("every path goes to the live slot; only `location /` is taken over")
        }
        _ => {
            not_supported("the front door answers nothing itself; every path goes to the live slot")
        }
    }
}

fn set_header(directive: &Directive) -> Verdict {
    let value = directive.arguments.get(1).map_or("", String::as_str);
    let name = directive.first().to_ascii_lowercase();
    match (name.as_str(), value) {
        ("host", "$host" | "$http_host") => honored("always"),
        ("x-real-ip", "$remote_addr") | ("x-forwarded-proto", "$scheme") => honored("always"),
        ("x-request-id", "$request_id") => honored("always; a client's own plain id is kept"),
        ("x-forwarded-for", "$proxy_add_x_forwarded_for" | "$remote_addr") => {
            different("always; what untrusted clients say about themselves is left out")
        }
        ("connection" | "upgrade", _) => different("connections are kept, and upgrades passed on"),
        _ => not_supported(
            "workers get the client's headers and those of the list in docs/OPERATIONS.md",
        ),
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
