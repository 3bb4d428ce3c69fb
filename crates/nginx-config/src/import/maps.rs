//! Variables that the configuration defines become maps.

use super::{At, Importer, Verdict, different, honored, is_regex, not_supported};
use crate::directive::Directive;
use crate::routes::Map;
use crate::variables;
impl Importer {
    pub(super) fn variable(&mut self, directive: &Directive) -> Verdict {
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

    pub(super) fn map(&mut self, directive: &Directive) -> Verdict {
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
}

/// The variables that are defined somewhere in a block.
pub(super) fn defined(block: &Directive) -> Vec<String> {
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
