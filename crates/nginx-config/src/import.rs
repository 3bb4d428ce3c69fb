//! Settings for the gateway out of an nginx configuration, and a report in which every directive appears once.

mod limits;
mod maps;
mod sites;
mod upstreams;

use std::collections::BTreeSet;
use std::fmt;

use crate::directive::{Directive, Place};
use crate::draft::Draft;
use crate::routes::Site;
use crate::slots::{self, Slots};
use crate::value::{size, time};

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
        variables: http.iter().flat_map(|http| maps::defined(http)).collect(),
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
