//! The hours in which work may be done.

use std::time::Duration;

use jiff::civil::Time;
use jiff::{SignedDuration, Zoned};

/// From one time of day to another, in the machine's time zone; over midnight when it ends before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    from: Time,
    to: Time,
}

impl std::str::FromStr for Window {
    type Err = String;

    /// Reads `01:00-05:00`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not two times of day such as 01:00-05:00");
        let time = |text: &str| Time::strptime("%H:%M", text.trim()).map_err(|_| wrong());
        let (from, to) = text.split_once('-').ok_or_else(wrong)?;
        let window = Self { from: time(from)?, to: time(to)? };
        if window.from == window.to {
            return Err(format!("`{text}` is no time at all; leave it out to work at any time"));
        }
        Ok(window)
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{}-{}", self.from.strftime("%H:%M"), self.to.strftime("%H:%M"))
    }
}

impl Window {
    /// Whether work may be done at this time.
    pub(crate) fn is_open(self, now: &Zoned) -> bool {
        let time = now.time();
        if self.from < self.to {
            self.from <= time && time < self.to
        } else {
            self.from <= time || time < self.to
        }
    }

    /// How long until it opens; nothing while it is open.
    pub(crate) fn opens_in(self, now: &Zoned) -> Duration {
        if self.is_open(now) { Duration::ZERO } else { until(now, self.from) }
    }

    /// How long until it closes; nothing while it is closed.
    pub(crate) fn closes_in(self, now: &Zoned) -> Duration {
        if self.is_open(now) { until(now, self.to) } else { Duration::ZERO }
    }
}

/// How long until the next moment at which the clock shows `time`, days of 23 and 25 hours included.
fn until(now: &Zoned, time: Time) -> Duration {
    let next = [now.date(), now.date().tomorrow().unwrap_or_else(|_| now.date())]
        .into_iter()
        .filter_map(|day| day.to_datetime(time).to_zoned(now.time_zone().clone()).ok())
        .find(|moment| moment > now);
    let left = next.map_or(SignedDuration::ZERO, |next| now.duration_until(&next));
    Duration::try_from(left).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(text: &str) -> Zoned {
        text.parse().unwrap()
    }

    #[test]
    fn a_window_within_a_day() {
        let window: Window = "01:00-05:00".parse().unwrap();
        let night = at("2026-11-23T02:30[Europe/Berlin]");
        assert!(window.is_open(&night) && window.is_open(&at("2026-11-23T01:00[Europe/Berlin]")));
        assert!(!window.is_open(&at("2026-11-23T05:00[Europe/Berlin]")));
        assert_eq!(
            (window.opens_in(&night), window.closes_in(&night)),
            (Duration::ZERO, HOUR * 5 / 2)
        );
        let day = at("2026-11-23T05:00[Europe/Berlin]");
        assert_eq!((window.opens_in(&day), window.closes_in(&day)), (HOUR * 20, Duration::ZERO));
    }

    #[test]
    fn a_window_over_midnight() {
        let window: Window = "22:00-03:00".parse().unwrap();
        assert_eq!(window.closes_in(&at("2026-11-23T23:00[Asia/Shanghai]")), HOUR * 4);
        assert_eq!(window.closes_in(&at("2026-11-24T02:00[Asia/Shanghai]")), HOUR);
        assert_eq!(window.opens_in(&at("2026-11-24T03:00[Asia/Shanghai]")), HOUR * 19);
    }

    #[test]
    fn the_night_in_which_clocks_go_back_is_an_hour_longer() {
        let window: Window = "01:00-05:00".parse().unwrap();
        assert_eq!(window.closes_in(&at("2026-10-25T01:00[Europe/Berlin]")), HOUR * 5);
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for wrong in ["", "01:00", "1-5", "25:00-26:00", "01:00-01:00"] {
            assert!(wrong.parse::<Window>().is_err(), "{wrong}");
        }
    }
}
