//! `routes` and `maps`: what is treated in its own way at the door.

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use ipnet::IpNet;
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use settings_file::SettingsError;

use crate::routes::{Access, Answer, AnswerHeader, Host, Path, Route, Routes, Site};
use crate::template::{Map, Template};

/// The longest compiled regular expression, in bytes.
const LARGEST_REGEX: usize = 1 << 20;
/// Headers that belong to one connection, or say where a body ends: nobody may set them.
const OF_THE_CONNECTION: &[&str] = &[
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-switchyard-release",
    "x-switchyard-slot",
];

/// One of `maps`, word for word.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MapFile {
    name: String,
    of: String,
    #[serde(default)]
    values: BTreeMap<String, String>,
    /// Asked in this order when no value fits.
    #[serde(default)]
    regexes: Vec<RegexFile>,
    #[serde(default)]
    default: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RegexFile {
    regex: String,
    #[serde(default)]
    ignore_case: bool,
    value: String,
}

/// One of `routes`, word for word.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteFile {
    /// `kb.example.com`, `*.example.com` or `www.*`; everybody's when empty.
    #[serde(default)]
    hosts: Vec<String>,
    /// `http` or `https`; both when absent.
    #[serde(default)]
    scheme: Option<SchemeFile>,
    #[serde(default)]
    exact: Option<String>,
    #[serde(default)]
    prefix: Option<String>,
    #[serde(default)]
    regex: Option<String>,
    #[serde(default)]
    ignore_case: bool,
    /// No regular expression is asked when this is the longest prefix.
    #[serde(default, rename = "final")]
    final_: bool,
    #[serde(default)]
    answer: Option<AnswerFile>,
    #[serde(default)]
    replace_prefix: Option<String>,
    #[serde(default)]
    request_headers: BTreeMap<String, String>,
    #[serde(default)]
    answer_headers: Vec<AnswerHeaderFile>,
    #[serde(default)]
    request_body: Option<u64>,
    #[serde(default)]
    connect_timeout: Option<Time>,
    #[serde(default)]
    read_timeout: Option<Time>,
    #[serde(default)]
    write_timeout: Option<Time>,
    #[serde(default)]
    access_log: Option<bool>,
    /// `allow NETWORK`, `deny NETWORK` or `all`: the first that contains the client decides.
    #[serde(default)]
    access: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SchemeFile {
    Http,
    Https,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Time(#[serde(with = "settings_file::duration")] Duration);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerFile {
    status: u16,
    #[serde(default)]
    text: String,
    #[serde(default = "plain_text")]
    content_type: String,
}

fn plain_text() -> String {
    "text/plain".to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerHeaderFile {
    name: String,
    value: String,
    #[serde(default)]
    always: bool,
}

/// Checks routes and maps; `None` when there are none.
///
/// # Errors
/// The first that cannot be meant, with its key.
pub(super) fn routes(
    file: &FilePath,
    maps: Vec<MapFile>,
    routes: Vec<RouteFile>,
) -> Result<Option<Arc<Routes>>, SettingsError> {
    let names: Vec<String> = maps.iter().map(|map| map.name.clone()).collect();
    let maps = maps
        .into_iter()
        .enumerate()
        .map(|(index, map)| {
            check_map(map, &names).map_err(|(key, text)| {
                SettingsError::invalid(file, &format!("maps[{index}]{key}"), text)
            })
        })
        .collect::<Result<Vec<Map>, _>>()?;
    let mut sites: Vec<Site> = Vec::new();
    for (index, typed) in routes.into_iter().enumerate() {
        let scheme = typed.scheme.map(|scheme| match scheme {
            SchemeFile::Http => "http",
            SchemeFile::Https => "https",
        });
        let (hosts, route) = check_route(typed, &names).map_err(|(key, text)| {
            SettingsError::invalid(file, &format!("routes[{index}]{key}"), text)
        })?;
        match sites.iter_mut().find(|site| (&site.hosts, site.scheme) == (&hosts, scheme)) {
            Some(site) => site.routes.push(Arc::new(route)),
            None => sites.push(Site { hosts, scheme, routes: vec![Arc::new(route)] }),
        }
    }
    Ok((!sites.is_empty()).then(|| Arc::new(Routes { maps, sites })))
}

/// A key behind the entry's own, and what is wrong there.
type Wrong = (&'static str, String);

fn check_map(typed: MapFile, names: &[String]) -> Result<Map, Wrong> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if typed.name.is_empty() || !typed.name.chars().all(word) {
        return Err((".name", format!("{:?} is not a variable's name", typed.name)));
    }
    if names.iter().filter(|name| **name == typed.name).count() > 1 {
        return Err((".name", "is there twice".to_owned()));
    }
    let template = |key: &'static str, text: &str, regex: Option<&Regex>| {
        Template::parse(text, names, regex).map_err(|text| (key, text))
    };
    let exact = typed
        .values
        .iter()
        .map(|(value, chosen)| Ok((value.clone(), template(".values", chosen, None)?)))
        .collect::<Result<_, Wrong>>()?;
    let regexes = typed
        .regexes
        .iter()
        .map(|entry| {
            let regex =
                regex(&entry.regex, entry.ignore_case).map_err(|text| (".regexes", text))?;
            let value = template(".regexes", &entry.value, Some(&regex))?;
            Ok((regex, value))
        })
        .collect::<Result<_, Wrong>>()?;
    Ok(Map {
        of: template(".of", &typed.of, None)?,
        exact,
        regexes,
        default: template(".default", &typed.default, None)?,
    })
}

fn check_route(typed: RouteFile, maps: &[String]) -> Result<(Vec<Host>, Route), Wrong> {
    let hosts = typed.hosts.iter().map(|text| host(text)).collect::<Result<_, _>>()?;
    let path = path(&typed)?;
    let found = match &path {
        Path::Regex(regex) => Some(regex),
        Path::Exact(_) | Path::Prefix { .. } => None,
    };
    let template = |key: &'static str, text: &str| {
        Template::parse(text, maps, found).map_err(|text| (key, text))
    };
    if let Some(answer) = &typed.answer
        && !(200..=599).contains(&answer.status)
    {
        return Err((".answer.status", "must be between 200 and 599".to_owned()));
    }
    if typed.answer.is_some() && typed.replace_prefix.is_some() {
        return Err((
            ".replace_prefix",
            "no worker is asked where there is an `answer`".to_owned(),
        ));
    }
    if let Some(replacement) = &typed.replace_prefix {
        if !replacement.starts_with('/') || !replacement.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err((".replace_prefix", "must begin with `/`".to_owned()));
        }
        if found.is_some() {
            return Err((".replace_prefix", "a regular expression has no prefix".to_owned()));
        }
    }
    let header = |key: &'static str, name: &str| match name.parse::<HeaderName>() {
        Ok(name) if OF_THE_CONNECTION.contains(&name.as_str()) => {
            Err((key, format!("{:?} is set by the gateway itself", name.as_str())))
        }
        Ok(name) => Ok(name),
        Err(_) => Err((key, format!("{name:?} is not a header's name"))),
    };
    let request_headers = typed
        .request_headers
        .iter()
        .map(|(name, value)| {
            Ok((header(".request_headers", name)?, template(".request_headers", value)?))
        })
        .collect::<Result<_, Wrong>>()?;
    let answer_headers = typed
        .answer_headers
        .iter()
        .map(|typed| {
            Ok(AnswerHeader {
                name: header(".answer_headers", &typed.name)?,
                value: template(".answer_headers", &typed.value)?,
                always: typed.always,
            })
        })
        .collect::<Result<_, Wrong>>()?;
    let answer = typed
        .answer
        .as_ref()
        .map(|answer| {
            Ok::<_, Wrong>(Answer {
                status: answer.status,
                text: template(".answer.text", &answer.text)?,
                content_type: answer.content_type.clone(),
            })
        })
        .transpose()?;
    for (key, time) in [
        (".connect_timeout", typed.connect_timeout),
        (".read_timeout", typed.read_timeout),
        (".write_timeout", typed.write_timeout),
    ] {
        if time.is_some_and(|Time(time)| time.is_zero()) {
            return Err((key, "must be longer than 0s".to_owned()));
        }
    }
    let access = typed.access.iter().flat_map(|text| access(text)).collect::<Result<_, _>>()?;
    let route = Route {
        path,
        answer,
        replace_prefix: typed.replace_prefix,
        request_headers,
        answer_headers,
        request_body: typed.request_body,
        connect_timeout: typed.connect_timeout.map(|Time(time)| time),
        read_timeout: typed.read_timeout.map(|Time(time)| time),
        write_timeout: typed.write_timeout.map(|Time(time)| time),
        access_log: typed.access_log,
        access,
    };
    Ok((hosts, route))
}

fn host(text: &str) -> Result<Host, Wrong> {
    let name = text.to_ascii_lowercase();
    let plain = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte))
    };
    if let Some(ending) = name.strip_prefix('*').filter(|rest| rest.starts_with('.') && plain(rest))
    {
        return Ok(Host::Ending(ending.to_owned()));
    }
    if let Some(beginning) =
        name.strip_suffix('*').filter(|rest| rest.ends_with('.') && plain(rest))
    {
        return Ok(Host::Beginning(beginning.to_owned()));
    }
    if plain(&name) {
        return Ok(Host::Exact(name));
    }
    Err((
        ".hosts",
        format!("{text:?} is not a host's name; `*.example.com` and `www.*` are understood"),
    ))
}

fn path(typed: &RouteFile) -> Result<Path, Wrong> {
    let begins = |key: &'static str, text: &str| match text.starts_with('/') {
        true => Ok(text.to_owned()),
        false => Err((key, "must begin with `/`".to_owned())),
    };
    match (&typed.exact, &typed.prefix, &typed.regex) {
        (Some(exact), None, None) => Ok(Path::Exact(begins(".exact", exact)?)),
        (None, Some(prefix), None) => {
            Ok(Path::Prefix { prefix: begins(".prefix", prefix)?, final_: typed.final_ })
        }
        (None, None, Some(text)) => {
            Ok(Path::Regex(regex(text, typed.ignore_case).map_err(|text| (".regex", text))?))
        }
        _ => Err(("", "needs one of `exact`, `prefix` and `regex`".to_owned())),
    }
}

fn regex(text: &str, ignore_case: bool) -> Result<Regex, String> {
    RegexBuilder::new(text)
        .case_insensitive(ignore_case)
        .size_limit(LARGEST_REGEX)
        .build()
        .map_err(|error| format!("{text:?} is not a regular expression: {error}"))
}

/// `all` is two networks, one of each kind of address.
fn access(text: &str) -> Vec<Result<(Access, IpNet), Wrong>> {
    let wrong = || (".access", format!("{text:?} is neither `allow NETWORK` nor `deny NETWORK`"));
    let (access, network) = match text.split_once(' ') {
        Some(("allow", network)) => (Access::Allow, network.trim()),
        Some(("deny", network)) => (Access::Deny, network.trim()),
        _ => return vec![Err(wrong())],
    };
    let networks: &[&str] = if network == "all" { &["0.0.0.0/0", "::/0"] } else { &[network] };
    let parse = |network: &&str| {
        let address = || network.parse::<std::net::IpAddr>().map(IpNet::from);
        network.parse().or_else(|_| address()).map(|network| (access, network)).map_err(|_| wrong())
    };
    networks.iter().map(parse).collect()
}
