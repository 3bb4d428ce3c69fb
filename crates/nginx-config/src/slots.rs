//! Which of nginx's upstreams is blue, and which is green.

use std::collections::BTreeMap;

use crate::directive::Directive;

/// The upstreams that become slots; at most one each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slots {
    pub blue: Option<String>,
    pub green: Option<String>,
    /// How that was found out, as a sentence.
    pub because: String,
}

/// Finds the two upstreams: those that were named, those whose names say it, those that one variable chooses between, or the
/// only one.
pub(crate) fn find(
    http: &[&Directive],
    named_blue: Option<&str>,
    named_green: Option<&str>,
) -> Slots {
    let upstreams: Vec<&str> =
        http.iter().flat_map(|http| http.all("upstream")).map(Directive::first).collect();
    if named_blue.is_some() || named_green.is_some() {
        let because = "named on the command line".to_owned();
        return Slots {
            blue: named_blue.map(str::to_owned),
            green: named_green.map(str::to_owned),
            because,
        };
    }
    let said = |color: &str| {
        let mut found = upstreams.iter().filter(|name| name.to_lowercase().contains(color));
        found.next().filter(|_| found.next().is_none()).map(|name| (*name).to_owned())
    };
    if let (Some(blue), Some(green)) = (said("blue"), said("green")) {
        let because = "their names say so".to_owned();
        return Slots { blue: Some(blue), green: Some(green), because };
    }
    let choices = choices(http);
    for target in proxied(http) {
        let Some(variable) = target.strip_prefix('$') else { continue };
        let mut named = choices.get(variable).into_iter().flatten();
        let known = |name: &&String| upstreams.contains(&name.as_str());
        if let (Some(blue), Some(green)) = (named.find(known), named.find(known)) {
            let because = format!("${variable} chooses between them");
            return Slots { blue: Some(blue.clone()), green: Some(green.clone()), because };
        }
    }
    let only = upstreams.first().map(|name| (*name).to_owned());
    let only = only.or_else(|| proxied(http).into_iter().find(|target| !target.starts_with('$')));
    Slots { blue: only, green: None, because: "it is the first that requests go to".to_owned() }
}

/// The targets of every `proxy_pass`, without scheme and path.
fn proxied(http: &[&Directive]) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting: Vec<&Directive> = http.to_vec();
    while let Some(directive) = waiting.pop() {
        for inside in directive.inside() {
            if inside.name == "proxy_pass" {
                found.push(target(inside.first()).to_owned());
            }
            waiting.push(inside);
        }
    }
    found
}

/// `upstream` of `http://upstream/path`.
pub(crate) fn target(proxy_pass: &str) -> &str {
    let behind = proxy_pass.split_once("://").map_or(proxy_pass, |(_, behind)| behind);
    behind.split('/').next().unwrap_or_default()
}

/// What each variable may be: the values of `map`, `split_clients` and `set`, each once, in order.
fn choices(http: &[&Directive]) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut waiting: Vec<&Directive> = http.to_vec();
    while let Some(directive) = waiting.pop() {
        let mut add = |variable: &str, value: &str, usual: bool| {
            let values = found.entry(variable.trim_start_matches('$').to_owned()).or_default();
            if usual {
                // What is chosen when nothing else is said is blue: the first live slot.
                values.retain(|known| known != value);
                values.insert(0, value.to_owned());
            } else if !values.iter().any(|known| known == value) {
                values.push(value.to_owned());
            }
        };
        match directive.name.as_str() {
            "map" | "split_clients" => {
                let variable = directive.arguments.get(1).map_or("", String::as_str);
                for entry in directive.inside() {
                    add(variable, entry.first(), matches!(entry.name.as_str(), "*" | "default"));
                }
            }
            "set" => {
                let value = directive.arguments.get(1).map_or("", String::as_str);
                add(directive.first(), value, false);
            }
            _ => waiting.extend(directive.inside()),
        }
    }
    found
}
