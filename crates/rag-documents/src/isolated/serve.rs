//! The side of the reader process: reads documents, one after another, until nobody asks any more.

use std::io::{self, Write};
use std::process::ExitCode;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::answer;
use super::request::Received;
use crate::document::{Document, DocumentError, STACK_BYTES, read_with_password};
use crate::limits::Limits;

/// Open files that a reader needs: its pipes, and a few.
const OPEN_FILES: u64 = 64;
/// Memory that a reader has before it reads anything, its reading thread's stack included (bytes).
const OWN_MEMORY: u64 = STACK_BYTES as u64 + 8 * 1024 * 1024;
/// Stack of the thread that watches the caller (bytes).
const WATCHER_STACK: usize = 64 * 1024;

/// Reads documents that come on standard input and answers on standard output, until the input ends. To
/// be called by a program that [`Readers`](super::Readers) start, before it does anything else.
pub fn serve() -> ExitCode {
    serve_by(read_with_password)
}

/// The same as [`serve`] with another reader.
pub fn serve_by(
    read: impl Fn(Vec<u8>, &str, &Limits, &str) -> Result<Document, DocumentError>,
) -> ExitCode {
    match prepare().and_then(|output| answer_all(output, read)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            // The last words of this process, which its caller puts into an error.
            let _unheard = writeln!(io::stderr(), "{e}");
            ExitCode::FAILURE
        }
    }
}

/// Gives up what a reader does not need, and gives the pipe for answers.
fn prepare() -> io::Result<impl Write> {
    close_inherited()?;
    // Nothing that prints can get between the answers.
    let output = rustix::io::fcntl_dupfd_cloexec(io::stdout(), 3)?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    // It writes no files, not even of itself when it crashes, and gets no more rights by starting others.
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none)?;
    setrlimit(Resource::Fsize, none)?;
    setrlimit(
        Resource::Nofile,
        Rlimit { current: Some(OPEN_FILES), ..getrlimit(Resource::Nofile) },
    )?;
    rustix::thread::set_no_new_privs(true)?;
    std::thread::Builder::new()
        .name("watcher".to_owned())
        .stack_size(WATCHER_STACK)
        .spawn(watch_caller)?;
    Ok(std::fs::File::from(output))
}

/// Closes every file but the three standard ones: the caller may hold some that children inherit, as sockets
/// that would stay open for as long as this process runs.
fn close_inherited() -> io::Result<()> {
    let open = std::fs::read_dir("/proc/self/fd")?;
    let numbers: Vec<i32> =
        open.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    // The folder that was just listed was open, too, and is no more.
    let is_open =
        |number: &i32| std::fs::symlink_metadata(format!("/proc/self/fd/{number}")).is_ok();
    for number in numbers.into_iter().filter(|number| *number > 2).filter(is_open) {
        #[expect(
            unsafe_code,
            reason = "this is the process's first act: nothing in it owns a file yet"
        )]
        unsafe {
            rustix::io::close(number);
        }
    }
    Ok(())
}

/// Ends this process when its caller is gone, whatever it is doing: then nobody holds the other end of
/// standard input.
fn watch_caller() {
    let input = io::stdin();
    loop {
        let mut waiting = [PollFd::new(&input, PollFlags::empty())];
        match poll(&mut waiting, None) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(_) | Err(_) => std::process::exit(0),
        }
    }
}

fn answer_all(
    mut output: impl Write,
    read: impl Fn(Vec<u8>, &str, &Limits, &str) -> Result<Document, DocumentError>,
) -> io::Result<()> {
    let mut input = io::stdin().lock();
    while let Some(request) = Received::read(&mut input)? {
        limit_memory(request.limits.memory)?;
        let bytes = request.bytes(&mut input)?;
        let result = read(bytes, &request.name, &request.limits, &request.password);
        let answer = answer::write(&result)
            .ok_or_else(|| io::Error::other("its text is longer than an answer"))?;
        output.write_all(&answer)?;
        output.flush()?;
    }
    Ok(())
}

/// Private memory that can be written counts, used or not; that of threads' stacks, too (setrlimit(2),
/// `RLIMIT_DATA`). What is only reserved, as the allocator does for its arenas, does not.
fn limit_memory(bytes: u64) -> io::Result<()> {
    let current = Some(bytes.saturating_add(OWN_MEMORY));
    let maximum = getrlimit(Resource::Data).maximum;
    let current = match maximum {
        Some(maximum) => current.map(|current| current.min(maximum)),
        None => current,
    };
    setrlimit(Resource::Data, Rlimit { current, maximum })?;
    Ok(())
}
