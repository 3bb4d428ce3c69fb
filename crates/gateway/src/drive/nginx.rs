//! nginx's worker processes, as the kernel lists them (proc(5)): after a reload the old ones live until their last answer
//! has ended.

/// What nginx calls its worker processes, those that are shutting down included.
const TITLE: &[u8] = b"nginx: worker process";
/// What it calls them once they have been told to finish: their listening sockets are closed.
const FINISHING: &[u8] = b"nginx: worker process is shutting down";

/// A worker process. A number may be given again; with the time of the start it is one process only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Worker {
    pid: u32,
    parent: u32,
    /// In clock ticks after the system's start.
    started: u64,
}

/// Every worker process of every nginx that this user can see.
pub(super) fn workers() -> Vec<Worker> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let worker = |entry: std::fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        is_called(pid, TITLE).then(|| read(pid))?
    };
    processes.flatten().filter_map(worker).collect()
}

/// Those of `before` that live on although their master has started others: they finish, or are about to.
pub(super) fn replaced(before: &[Worker]) -> Vec<Worker> {
    let now = workers();
    let reloaded =
        |master: u32| now.iter().any(|worker| worker.parent == master && !before.contains(worker));
    before
        .iter()
        .filter(|worker| now.contains(worker) && reloaded(worker.parent))
        .copied()
        .collect()
}

/// Whether one of those still takes connections: a reload is over only when none does.
pub(super) fn accepts(before: &[Worker]) -> bool {
    replaced(before).iter().any(|worker| !is_called(worker.pid, FINISHING) && alive(&[*worker]) > 0)
}

/// How many of them are still there.
pub(super) fn alive(workers: &[Worker]) -> u64 {
    workers.iter().filter(|worker| read(worker.pid).is_some_and(|now| now == **worker)).count()
        as u64
}

fn is_called(pid: u32, title: &[u8]) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(title))
}

fn read(pid: u32) -> Option<Worker> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold spaces: the fields are counted behind it, the state being the first.
    let mut fields = text.rsplit_once(") ")?.1.split(' ');
    let parent = fields.nth(1)?.parse().ok()?;
    let started = fields.nth(17)?.parse().ok()?;
    Some(Worker { pid, parent, started })
}
