//! Routes while they are being found: the locations of every server, and what they inherit.

use std::fmt::Write as _;
use std::time::Duration;

use crate::value::written;

/// One `server`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Site {
    /// Empty for the server that gets requests for unknown names.
    pub hosts: Vec<String>,
    /// The only scheme its requests come with.
    pub scheme: Option<&'static str>,
    /// A `listen` was there.
    pub listens: bool,
    /// It was said to get requests for unknown names.
    pub default: bool,
    /// `return` beside the locations: no location is looked at.
    pub answer: Option<Answer>,
    /// Something keeps users out that Switchyard does not have: nobody is let in.
    pub closed: bool,
    pub settings: Settings,
    pub routes: Vec<Route>,
}

/// What a level says, and hands down to the levels inside that do not say it themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub request_headers: Vec<(String, String)>,
    pub answer_headers: Vec<AnswerHeader>,
    pub access: Vec<String>,
    pub content_type: Option<String>,
    pub request_body: Option<u64>,
    pub connect_timeout: Option<Duration>,
    pub read_timeout: Option<Duration>,
    pub write_timeout: Option<Duration>,
    pub access_log: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AnswerHeader {
    pub name: String,
    pub value: String,
    pub always: bool,
}

/// One `location`.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub path: Path,
    pub answer: Option<Answer>,
    /// It is not taken over: whoever asks is told so.
    pub closed: bool,
    pub replace_prefix: Option<String>,
    pub settings: Settings,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    Exact(String),
    Prefix(String),
    FinalPrefix(String),
    Regex { regex: String, ignore_case: bool },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub status: u16,
    pub text: String,
}

/// A value that is chosen by another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Map {
    pub name: String,
    pub of: String,
    pub values: Vec<(String, String)>,
    /// Pattern, whether case is ignored, and value.
    pub regexes: Vec<(String, bool, String)>,
    pub default: String,
}

impl Route {
    pub(crate) fn new(path: Path) -> Self {
        Self {
            path,
            answer: None,
            closed: false,
            replace_prefix: None,
            settings: Settings::default(),
        }
    }

    fn is_plain(&self) -> bool {
        self.answer.is_none()
            && !self.closed
            && self.replace_prefix.is_none()
            && self.settings == Settings::default()
    }
}

impl Settings {
    /// What is not said here is as above; lists are handed down whole or not at all, as nginx does it.
    fn inherit(&self, above: &Self) -> Self {
        let list = |own: &[(String, String)], above: &[(String, String)]| {
            if own.is_empty() { above.to_vec() } else { own.to_vec() }
        };
        Self {
            request_headers: list(&self.request_headers, &above.request_headers),
            answer_headers: if self.answer_headers.is_empty() {
                above.answer_headers.clone()
            } else {
                self.answer_headers.clone()
            },
            access: if self.access.is_empty() { above.access.clone() } else { self.access.clone() },
            content_type: self.content_type.clone().or_else(|| above.content_type.clone()),
            request_body: self.request_body.or(above.request_body),
            connect_timeout: self.connect_timeout.or(above.connect_timeout),
            read_timeout: self.read_timeout.or(above.read_timeout),
            write_timeout: self.write_timeout.or(above.write_timeout),
            access_log: self.access_log.or(above.access_log),
        }
    }
}

/// Writes `maps:` and `routes:`; nothing when every request simply goes to the live slot.
pub(crate) fn write(maps: &[Map], sites: &[Site], above: &Settings) -> String {
    let mut text = String::new();
    let mut routes = Vec::new();
    for site in sites {
        let settings = site.settings.inherit(above);
        if let Some(answer) = &site.answer {
            let mut route = Route::new(Path::Prefix("/".to_owned()));
            route.answer = Some(answer.clone());
            route.closed = site.closed;
            routes.push(entry(site, &route, &settings));
            continue;
        }
        let mut own = site.routes.clone();
        if !own.iter().any(|route| matches!(&route.path, Path::Prefix(path) | Path::FinalPrefix(path) if path == "/")) {
            // nginx looks for a file then, and finds none.
            let mut route = Route::new(Path::Prefix("/".to_owned()));
            route.answer = Some(Answer { status: 404, text: String::new() });
            own.push(route);
        }
        for mut route in own {
            route.settings = route.settings.inherit(&settings);
            // It says how the answers of this level are called, which matters only where there is one.
            if route.answer.is_none() {
                route.settings.content_type = None;
            }
            route.closed |= site.closed;
            let simple = sites.len() == 1 && site.routes.len() == 1 && route.is_plain();
            if !simple {
                let settings = route.settings.clone();
                routes.push(entry(site, &route, &settings));
            }
        }
    }
    if routes.is_empty() {
        return text;
    }
    if !maps.is_empty() {
        text.push_str("maps:\n");
        for map in maps {
            text.push_str(&map_entry(map));
        }
    }
    text.push_str("routes:\n");
    text.push_str(&routes.concat());
    text
}

fn map_entry(map: &Map) -> String {
    let mut text =
        format!("  - name: {}\n    of: {:?}\n    default: {:?}\n", map.name, map.of, map.default);
    if !map.values.is_empty() {
        text.push_str("    values:\n");
        for (value, chosen) in &map.values {
            let _ = writeln!(text, "      {value:?}: {chosen:?}");
        }
    }
    if !map.regexes.is_empty() {
        text.push_str("    regexes:\n");
        for (regex, ignore_case, value) in &map.regexes {
            let _ = writeln!(
                text,
                "      - {{ regex: {regex:?}, ignore_case: {ignore_case}, value: {value:?} }}"
            );
        }
    }
    text
}

fn entry(site: &Site, route: &Route, settings: &Settings) -> String {
    let (key, path, more) = match &route.path {
        Path::Exact(path) => ("exact", path, ""),
        Path::Prefix(path) => ("prefix", path, ""),
        Path::FinalPrefix(path) => ("prefix", path, "    final: true\n"),
        Path::Regex { regex, ignore_case: false } => ("regex", regex, ""),
        Path::Regex { regex, ignore_case: true } => ("regex", regex, "    ignore_case: true\n"),
    };
    let mut text = format!("  - {key}: {path:?}\n{more}");
    if !site.hosts.is_empty() {
        let _ = writeln!(text, "    hosts: {:?}", site.hosts);
    }
    if let Some(scheme) = site.scheme {
        let _ = writeln!(text, "    scheme: {scheme}");
    }
    if !settings.access.is_empty() {
        let _ = writeln!(text, "    access: {:?}", settings.access);
    }
    let closed =
        Answer { status: 501, text: "this path was not taken over from nginx\n".to_owned() };
    let answer = if route.closed { Some(&closed) } else { route.answer.as_ref() };
    if let Some(Answer { status, text: said }) = answer {
        let _ = write!(text, "    answer: {{ status: {status}");
        if !said.is_empty() {
            let _ = write!(text, ", text: {said:?}");
        }
        if let Some(content_type) = &settings.content_type
            && !route.closed
        {
            let _ = write!(text, ", content_type: {content_type:?}");
        }
        text.push_str(" }\n");
    } else {
        if let Some(replacement) = &route.replace_prefix {
            let _ = writeln!(text, "    replace_prefix: {replacement:?}");
        }
        if !settings.request_headers.is_empty() {
            text.push_str("    request_headers:\n");
            for (name, value) in &settings.request_headers {
                let _ = writeln!(text, "      {name:?}: {value:?}");
            }
        }
        if let Some(bytes) = settings.request_body {
            let _ = writeln!(text, "    request_body: {bytes}");
        }
        for (key, time) in [
            ("connect_timeout", settings.connect_timeout),
            ("read_timeout", settings.read_timeout),
            ("write_timeout", settings.write_timeout),
        ] {
            if let Some(time) = time {
                let _ = writeln!(text, "    {key}: {}", written(time));
            }
        }
    }
    if !settings.answer_headers.is_empty() {
        text.push_str("    answer_headers:\n");
        for AnswerHeader { name, value, always } in &settings.answer_headers {
            let always = if *always { ", always: true" } else { "" };
            let _ = writeln!(text, "      - {{ name: {name:?}, value: {value:?}{always} }}");
        }
    }
    if let Some(access_log) = settings.access_log {
        let _ = writeln!(text, "    access_log: {access_log}");
    }
    text
}
