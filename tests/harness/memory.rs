//! How much memory a program takes.

/// Bytes that a process and its children have resident (proc(5), `VmRSS` in `status`).
pub fn resident(pid: u32) -> u64 {
    let mut bytes = 0;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(text) = std::fs::read_to_string(entry.path().join("status")) else { continue };
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        if field("Pid:") == Some(u64::from(pid)) || field("PPid:") == Some(u64::from(pid)) {
            bytes += field("VmRSS:").unwrap_or(0) * 1024;
        }
    }
    bytes
}

/// The most bytes a process has had resident (proc(5), `VmHWM`); nothing when it is gone.
pub fn peak_resident(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}
