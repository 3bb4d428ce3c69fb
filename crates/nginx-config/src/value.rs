//! nginx's times, sizes and addresses.

use std::time::Duration;

/// `30`, `30s`, `1m30s`, `500ms`, `2h`, `1d` (<https://nginx.org/en/docs/syntax.html>); a bare number counts seconds.
pub(crate) fn time(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut whole = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, behind) = rest.split_at_checked(digits)?;
        let number: u64 = number.parse().ok()?;
        let letters = behind.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, behind) = behind.split_at_checked(letters)?;
        let millis = match unit {
            "ms" => 1,
            "" | "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return None,
        };
        whole = whole.checked_add(Duration::from_millis(number.checked_mul(millis)?))?;
        rest = behind.trim_start();
    }
    (!text.is_empty()).then_some(whole)
}

/// `512`, `8k`, `1m`, `1g`, in bytes.
pub(crate) fn size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = match unit {
        "" => 1,
        "k" | "K" => 1 << 10,
        "m" | "M" => 1 << 20,
        "g" | "G" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// A time as the gateway's settings write it.
pub(crate) fn written(time: Duration) -> String {
    match time.as_millis() {
        millis if millis % 1_000 == 0 => format!("{}s", millis / 1_000),
        millis => format!("{millis}ms"),
    }
}

/// `host:port` out of what nginx calls an address; port 80 when there is none.
pub(crate) fn address(text: &str) -> Option<String> {
    if text.starts_with("unix:") || text.is_empty() {
        return None;
    }
    let has_port = text.rsplit_once(':').is_some_and(|(host, port)| {
        port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']'))
    });
    Some(if has_port { text.to_owned() } else { format!("{text}:80") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sizes_and_addresses() {
        for (text, millis) in [
            ("30", Some(30_000)),
            ("1m30s", Some(90_000)),
            ("500ms", Some(500)),
            ("1h 5m", Some(3_900_000)),
            ("", None),
            ("5x", None),
            ("m", None),
        ] {
            assert_eq!(time(text).map(|time| time.as_millis()), millis, "{text}");
        }
        assert_eq!(
            [size("8k"), size("1m"), size("7"), size("k")],
            [Some(8192), Some(1 << 20), Some(7), None]
        );
        for (text, expected) in [
            ("127.0.0.1:8001", Some("127.0.0.1:8001")),
            ("backend", Some("backend:80")),
            ("[::1]:81", Some("[::1]:81")),
            ("[::1]", Some("[::1]:80")),
            ("unix:/run/a.sock", None),
        ] {
            assert_eq!(address(text).as_deref(), expected, "{text}");
        }
    }
}
