//! How a canary and the stages of a promotion are written: as JSON, in one column each.

use std::time::Duration;

use serde_json::{Value, json};
use switch_core::{Canary, Release, Rule, Share, Slot, Stages, Timestamp};

/// `{"slot":"green","share":50,"rules":[{"header":"x-team","value":"qa"}],"label":…,"fingerprint":…}`; the share in
/// thousandths.
pub(crate) fn canary(canary: &Canary) -> String {
    let rules: Vec<Value> = canary.rules.iter().map(rule).collect();
    json!({
        "slot": canary.slot.as_str(),
        "share": canary.share.thousandths(),
        "rules": rules,
        "label": canary.release.as_ref().map(|release| &release.label),
        "fingerprint": canary.release.as_ref().map(|release| &release.fingerprint),
    })
    .to_string()
}

pub(crate) fn read_canary(text: &str) -> Option<Canary> {
    let value: Value = serde_json::from_str(text).ok()?;
    let release = word(&value, "label").zip(word(&value, "fingerprint"));
    Some(Canary {
        slot: Slot::named(value["slot"].as_str()?)?,
        share: share(&value["share"])?,
        rules: value["rules"].as_array()?.iter().map(read_rule).collect::<Option<_>>()?,
        release: release.map(|(label, fingerprint)| Release { label, fingerprint }),
    })
}

/// `{"left":[250,1000],"every_ms":300000,"due_ms":…,"reason":…,"forced":false}`
pub(crate) fn stages(stages: &Stages) -> String {
    let left: Vec<u16> = stages.left.iter().map(|share| share.thousandths()).collect();
    json!({
        "left": left,
        "every_ms": u64::try_from(stages.every.as_millis()).unwrap_or(u64::MAX),
        "due_ms": stages.due.0,
        "reason": stages.reason,
        "forced": stages.forced,
    })
    .to_string()
}

pub(crate) fn read_stages(text: &str) -> Option<Stages> {
    let value: Value = serde_json::from_str(text).ok()?;
    Some(Stages {
        left: value["left"].as_array()?.iter().map(share).collect::<Option<_>>()?,
        every: Duration::from_millis(value["every_ms"].as_u64()?),
        due: Timestamp(value["due_ms"].as_u64()?),
        reason: word(&value, "reason"),
        forced: value["forced"].as_bool()?,
    })
}

fn rule(rule: &Rule) -> Value {
    match rule {
        Rule::Header { name, value } => json!({"header": name, "value": value}),
        Rule::Cookie { name, value } => json!({"cookie": name, "value": value}),
        Rule::Claim { name, value } => json!({"claim": name, "value": value}),
        Rule::Path { prefix } => json!({"path": prefix}),
        Rule::Source { network } => json!({"source": network}),
    }
}

fn read_rule(rule: &Value) -> Option<Rule> {
    let value = || word(rule, "value");
    if let Some(name) = word(rule, "header") {
        return Some(Rule::Header { name, value: value()? });
    }
    if let Some(name) = word(rule, "cookie") {
        return Some(Rule::Cookie { name, value: value()? });
    }
    if let Some(name) = word(rule, "claim") {
        return Some(Rule::Claim { name, value: value()? });
    }
    if let Some(prefix) = word(rule, "path") {
        return Some(Rule::Path { prefix });
    }
    word(rule, "source").map(|network| Rule::Source { network })
}

fn share(value: &Value) -> Option<Share> {
    Share::per_mille(u16::try_from(value.as_u64()?).ok()?)
}

fn word(value: &Value, key: &str) -> Option<String> {
    value[key].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let words = |name: &str| (name.to_owned(), "value".to_owned());
        let [header, cookie, claim] = ["x-team", "beta", "group"].map(words);
        let tried = Canary {
            slot: Slot::Green,
            share: Share::per_mille(1).unwrap(),
            rules: vec![
                Rule::Header { name: header.0, value: header.1 },
                Rule::Cookie { name: cookie.0, value: cookie.1 },
                Rule::Claim { name: claim.0, value: claim.1 },
                Rule::Path { prefix: "/v2/".into() },
                Rule::Source { network: "10.0.0.0/8".into() },
            ],
            release: Some(Release { label: "small@v2".into(), fingerprint: "f".into() }),
        };
        assert_eq!(read_canary(&canary(&tried)), Some(tried));
        let ahead = Stages {
            left: vec![Share::per_mille(250).unwrap(), Share::ALL],
            every: Duration::from_secs(300),
            due: Timestamp(17),
            reason: None,
            forced: true,
        };
        assert_eq!(read_stages(&stages(&ahead)), Some(ahead));
        assert_eq!(read_canary("{}"), None);
    }
}
