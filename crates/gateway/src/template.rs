//! Text with `$variables`, named as in nginx, such as `https://$host$request_uri`.

use std::borrow::Cow;
use std::net::IpAddr;

use http::{HeaderMap, Method};
use regex::Regex;

/// What a request gives to variables.
pub(crate) struct Facts<'a> {
    pub method: &'a Method,
    pub headers: &'a HeaderMap,
    /// The name the client asked for, in lower case and without a port.
    pub host: &'a str,
    /// The path and query as the client sent them.
    pub request_uri: &'a str,
    /// The path, decoded: `/a b` for `/a%20b`; no `..` and no `//`.
    pub path: &'a str,
    pub query: &'a str,
    pub scheme: &'static str,
    pub client: IpAddr,
    pub request_id: &'a str,
    pub maps: &'a [Map],
}

/// What the parentheses of a route's regular expression have found: by number, and by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Captures {
    by_number: Vec<String>,
    by_name: Vec<(String, String)>,
}

impl Captures {
    pub(crate) fn of(regex: &Regex, text: &str) -> Option<Self> {
        let found = regex.captures(text)?;
        let text = |found: Option<regex::Match<'_>>| {
            found.map_or_else(String::new, |found| found.as_str().to_owned())
        };
        let by_number = (1..found.len()).map(|number| text(found.get(number))).collect();
        let by_name = regex
            .capture_names()
            .flatten()
            .map(|name| (name.to_owned(), text(found.name(name))))
            .collect();
        Some(Self { by_number, by_name })
    }
}

/// A parsed text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(Variable),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Variable {
    Host,
    RequestUri,
    Path,
    Query,
    /// `?` when there is a query.
    IsArgs,
    Scheme,
    Client,
    ForwardedFor,
    Method,
    RequestId,
    Header(String),
    Cookie(String),
    Argument(String),
    Capture(usize),
    NamedCapture(String),
    Map(usize),
}

/// A value that is chosen by another.
#[derive(Clone, Debug)]
pub(crate) struct Map {
    pub of: Template,
    pub exact: Vec<(String, Template)>,
    pub regexes: Vec<(Regex, Template)>,
    pub default: Template,
}

impl Map {
    fn value(&self, facts: &Facts<'_>, depth: u8) -> String {
        let key = self.of.at_depth(facts, &Captures::default(), depth);
        // nginx compares strings without regard to case.
        if let Some((_, value)) =
            self.exact.iter().find(|(text, _)| text.eq_ignore_ascii_case(&key))
        {
            return value.at_depth(facts, &Captures::default(), depth);
        }
        for (regex, value) in &self.regexes {
            if let Some(captures) = Captures::of(regex, &key) {
                return value.at_depth(facts, &captures, depth);
            }
        }
        self.default.at_depth(facts, &Captures::default(), depth)
    }
}

/// Maps may look at maps, but not for ever.
const DEEPEST: u8 = 8;

impl Template {
    /// Reads a text. `$1` and `$name` are captures where `captures` names them; maps are known by their names.
    ///
    /// # Errors
    /// When a variable is unknown.
    pub(crate) fn parse(
        text: &str,
        maps: &[String],
        captures: Option<&Regex>,
    ) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('$') {
            plain.push_str(before);
            let (name, after) = match behind.strip_prefix('{') {
                Some(braced) => braced
                    .split_once('}')
                    .ok_or_else(|| format!("`${{` in {text:?} is never closed"))?,
                None => {
                    let end = behind
                        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                        .unwrap_or(behind.len());
                    // One digit, as in nginx: `$10` is `$1` and `0`.
                    let end =
                        if behind.starts_with(|c: char| c.is_ascii_digit()) { 1 } else { end };
                    behind.split_at(end)
                }
            };
            if name.is_empty() {
                return Err(format!("`$` in {text:?} names no variable"));
            }
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Variable(variable(name, maps, captures)?));
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self(parts))
    }

    pub(crate) fn fill(&self, facts: &Facts<'_>, captures: &Captures) -> String {
        self.at_depth(facts, captures, DEEPEST)
    }

    fn at_depth(&self, facts: &Facts<'_>, captures: &Captures, depth: u8) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Variable(variable) => {
                    text.push_str(&variable.value(facts, captures, depth));
                }
            }
        }
        text
    }
}

fn variable(name: &str, maps: &[String], captures: Option<&Regex>) -> Result<Variable, String> {
    if let Some(index) = maps.iter().position(|map| map == name) {
        return Ok(Variable::Map(index));
    }
    if let Ok(number) = name.parse::<usize>() {
        return match captures {
            Some(regex) if (1..regex.captures_len()).contains(&number) => {
                Ok(Variable::Capture(number - 1))
            }
            _ => Err(format!("`${number}` is no capture of a regular expression here")),
        };
    }
    if captures.is_some_and(|regex| regex.capture_names().flatten().any(|known| known == name)) {
        return Ok(Variable::NamedCapture(name.to_owned()));
    }
    let header = |rest: &str| rest.replace('_', "-");
    Ok(match name {
        "host" => Variable::Host,
        "http_host" => Variable::Header("host".to_owned()),
        "request_uri" => Variable::RequestUri,
        "uri" | "document_uri" => Variable::Path,
        "args" | "query_string" => Variable::Query,
        "is_args" => Variable::IsArgs,
        "scheme" => Variable::Scheme,
        "remote_addr" | "realip_remote_addr" => Variable::Client,
        "proxy_add_x_forwarded_for" => Variable::ForwardedFor,
        "request_method" => Variable::Method,
        "request_id" => Variable::RequestId,
        _ => {
            if let Some(rest) = name.strip_prefix("http_") {
                Variable::Header(header(rest))
            } else if let Some(rest) = name.strip_prefix("cookie_") {
                Variable::Cookie(rest.to_owned())
            } else if let Some(rest) = name.strip_prefix("arg_") {
                Variable::Argument(rest.to_owned())
            } else {
                return Err(format!("there is no variable `${name}`"));
            }
        }
    })
}

impl Variable {
    fn value<'a>(&self, facts: &Facts<'a>, captures: &Captures, depth: u8) -> Cow<'a, str> {
        match self {
            Self::Host => facts.host.into(),
            Self::RequestUri => facts.request_uri.into(),
            Self::Path => facts.path.into(),
            Self::Query => facts.query.into(),
            Self::IsArgs => if facts.query.is_empty() { "" } else { "?" }.into(),
            Self::Scheme => facts.scheme.into(),
            Self::Client => facts.client.to_string().into(),
            // Who the client is has been found out already: what it says about itself is not believed.
            Self::ForwardedFor => facts.client.to_string().into(),
            Self::Method => facts.method.as_str().into(),
            Self::RequestId => facts.request_id.into(),
            Self::Header(name) => {
                let values = facts.headers.get_all(name.as_str()).iter();
                let values: Vec<_> =
                    values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
                values.join(", ").into()
            }
            Self::Cookie(name) => cookie(facts.headers, name).unwrap_or_default().into(),
            Self::Argument(name) => argument(facts.query, name).into(),
            Self::Capture(index) => {
                captures.by_number.get(*index).cloned().unwrap_or_default().into()
            }
            Self::NamedCapture(name) => {
                let found = captures.by_name.iter().find(|(known, _)| known == name);
                found.map_or_else(String::new, |(_, value)| value.clone()).into()
            }
            Self::Map(index) => match facts.maps.get(*index) {
                Some(map) if depth > 0 => map.value(facts, depth - 1).into(),
                Some(_) | None => "".into(),
            },
        }
    }
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let pairs = headers.get_all(http::header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    pairs.flat_map(|line| line.split(';')).find_map(|pair| {
        let (known, value) = pair.trim().split_once('=')?;
        (known == name).then(|| value.to_owned())
    })
}

fn argument<'a>(query: &'a str, name: &str) -> &'a str {
    let found = query.split('&').find_map(|pair| {
        let (known, value) = pair.split_once('=')?;
        known.eq_ignore_ascii_case(name).then_some(value)
    });
    found.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, maps: &[Map]) -> Result<String, String> {
        let mut headers = HeaderMap::new();
        headers.insert("x-team", "QA".parse().unwrap());
        headers.insert("cookie", "a=1; theme=dark".parse().unwrap());
        let facts = Facts {
            method: &Method::GET,
            headers: &headers,
            host: "kb.example.com",
            request_uri: "/a%20b?x=1&y=2",
            path: "/a b",
            query: "x=1&y=2",
            scheme: "https",
            client: "192.0.2.7".parse().unwrap(),
            request_id: "r1",
            maps,
        };
        let names: Vec<String> =
            ["team", "loop"].map(String::from).into_iter().take(maps.len()).collect();
        let regex = Regex::new("^/(a) (?<rest>.*)$").unwrap();
        let captures = Captures::of(&regex, facts.path).unwrap();
        Ok(Template::parse(text, &names, Some(&regex))?.fill(&facts, &captures))
    }

    #[test]
    fn variables_are_filled_in() {
        for (text, expected) in [
            ("plain", "plain"),
            ("$scheme://$host$request_uri", "https://kb.example.com/a%20b?x=1&y=2"),
            ("${uri}s$is_args$args", "/a bs?x=1&y=2"),
            ("$http_x_team/$cookie_theme/$arg_Y/$cookie_none", "QA/dark/2/"),
            ("$1-$2-$rest-$10", "a-b-b-a0"),
            ("$remote_addr $request_method $request_id", "192.0.2.7 GET r1"),
        ] {
            assert_eq!(filled(text, &[]).unwrap(), expected, "{text}");
        }
        assert_eq!(filled("$nonsense", &[]).unwrap_err(), "there is no variable `$nonsense`");
        assert_eq!(filled("a$", &[]).unwrap_err(), "`$` in \"a$\" names no variable");
        assert_eq!(filled("${host", &[]).unwrap_err(), "`${` in \"${host\" is never closed");
        assert_eq!(
            filled("$7", &[]).unwrap_err(),
            "`$7` is no capture of a regular expression here"
        );
    }

    #[test]
    fn what_an_import_takes_for_known_is_known() {
        use nginx_config::variables::{KNOWN, PREFIXES};
        let named = KNOWN.iter().map(|name| format!("${name}"));
        let prefixed = PREFIXES.iter().map(|prefix| format!("${prefix}x"));
        for text in named.chain(prefixed) {
            assert!(Template::parse(&text, &[], None).is_ok(), "{text}");
        }
    }

    #[test]
    fn maps_choose_and_end_even_when_they_look_at_themselves() {
        let template =
            |text: &str| Template::parse(text, &["team".into(), "loop".into()], None).unwrap();
        let maps = [
            Map {
                of: template("$http_x_team"),
                exact: vec![("qa".into(), template("quality"))],
                regexes: Vec::new(),
                default: template("other"),
            },
            Map {
                of: template("$loop"),
                exact: Vec::new(),
                regexes: Vec::new(),
                default: template("x$loop"),
            },
        ];
        assert_eq!(filled("$team", &maps).unwrap(), "quality");
        assert!(filled("$loop", &maps).unwrap().len() < 32);
    }
}
