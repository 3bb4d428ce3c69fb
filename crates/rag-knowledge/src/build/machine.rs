//! Where and when a build runs, as its report says it.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A time as written in reports: UTC, whole seconds.
pub(super) fn rfc3339(at: OffsetDateTime) -> String {
    let whole = at.to_offset(time::UtcOffset::UTC).replace_nanosecond(0).unwrap_or(at);
    whole.format(&Rfc3339).unwrap_or_default()
}

/// The machine's name, or nothing.
pub(super) fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .unwrap_or_default()
}
