//! Upstreams become slots, and their servers workers.

use super::{Importer, Level, Verdict, bad_value, different, honored, not_supported, set, unknown};
use crate::directive::Directive;
use crate::draft::Server;
use crate::value::{address, time};
impl Importer {
    pub(super) fn upstream(&mut self, directive: &Directive, slot: Option<usize>) -> Verdict {
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

    pub(super) fn balance(
        &mut self,
        slot: usize,
        balance: &'static str,
        level: Level,
        explanation: &str,
    ) -> Verdict {
        self.draft.slots[slot].balance = Some(balance);
        (level, explanation.to_owned())
    }

    pub(super) fn worker(&mut self, directive: &Directive, slot: usize) -> Verdict {
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

    /// A slot whose name is no upstream is an address written in `proxy_pass`.
    pub(super) fn literal_slot(&mut self) {
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
