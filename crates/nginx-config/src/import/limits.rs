//! Limited requests become rate limits.

use super::{Importer, Verdict, bad_value, different, honored, not_supported};
use crate::directive::Directive;
use crate::draft::RateLimit;
impl Importer {
    pub(super) fn limit_req_zone(&mut self, directive: &Directive) -> Verdict {
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

    pub(super) fn limit_req(&mut self, directive: &Directive) -> Verdict {
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
}
