//! Readers in processes of their own: whatever a process does, its caller gets an answer and goes on.
//!
//! This program is also the reader that it starts, and misbehaves as the documents' names say.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a reader that misbehaves prints")]

use std::io::{Read, Write};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Trial};
use rag_documents::isolated::{ReaderCommand, Readers, serve_by};
use rag_documents::{Document, DocumentError, Limits, PageProblem, read, read_with_password};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("serve") => serve_by(misbehave),
        Some("raw") => raw(&arguments.next().unwrap_or_default()),
        Some("parent") => {
            let _never = readers(1, Limits::default()).read(b"x", "loop.txt");
            ExitCode::SUCCESS
        }
        _ => {
            let mut arguments = Arguments::from_args();
            // One of the tests counts what is open.
            arguments.test_threads = Some(1);
            libtest_mimic::run(&arguments, tests()).exit_code()
        }
    }
}

fn tests() -> Vec<Trial> {
    macro_rules! trials {
        ($($name:ident),* $(,)?) => { vec![$(Trial::test(stringify!($name), || { $name(); Ok(()) })),*] };
    }
    trials![
        documents_and_refusals_come_back_as_they_are,
        a_crash_is_an_error_about_its_document_and_no_more,
        more_memory_than_the_limit_is_named,
        more_time_than_the_limit_is_named,
        a_reader_that_does_not_read_or_answers_nonsense_is_ended,
        text_on_standard_output_is_no_part_of_an_answer,
        more_text_than_the_limit_is_refused_by_the_caller,
        a_reader_has_nothing_it_does_not_need,
        nothing_is_left_of_readers_that_ended,
        many_threads_share_few_readers,
        a_reader_ends_with_its_caller,
        a_reader_killed_between_documents_is_replaced,
    ]
}

/// What a reader does with a document of this name.
fn misbehave(
    bytes: Vec<u8>,
    name: &str,
    limits: &Limits,
    password: &str,
) -> Result<Document, DocumentError> {
    let said = |text: String| read(text.into_bytes(), "a.txt", limits);
    match name.split('.').next().unwrap_or_default() {
        "abort" => std::process::abort(),
        "overflow" => said(overflow(0).to_string()),
        "loop" => loop {
            std::hint::black_box(());
        },
        "hungry" => {
            let mut held: Vec<Vec<u8>> = Vec::new();
            loop {
                held.push(vec![1; 1 << 20]);
            }
        }
        "panic" => panic!("told to"),
        "exit" => std::process::exit(7),
        "talk" => {
            for _ in 0..20_000 {
                eprintln!("words, and more words, and yet more words without end");
            }
            eprintln!("the last words");
            std::process::abort()
        }
        "print" => {
            println!("a line that is no answer");
            said("printed".to_owned())
        }
        "long" => {
            let mut document = said("x".to_owned())?;
            document.sections[0].text = "x".repeat(300 << 20);
            Ok(document)
        }
        "pid" => said(std::process::id().to_string()),
        "open" => {
            let open = std::fs::read_dir("/proc/self/fd").unwrap();
            let open = open.filter_map(Result::ok).map(|e| std::fs::read_link(e.path()));
            let names = open.map(|l| l.map(|l| l.display().to_string()).unwrap_or_default());
            said(names.collect::<Vec<_>>().join("\n"))
        }
        "variables" => said(std::env::vars().map(|(k, v)| format!("{k}={v}\n")).collect()),
        "write" => {
            let path = std::env::temp_dir().join(format!("reader-{}", std::process::id()));
            let written = std::fs::write(&path, "x");
            let _gone = std::fs::remove_file(path);
            said(format!("{written:?}"))
        }
        _ => read_with_password(bytes, name, limits, password),
    }
}

#[expect(unconditional_recursion, reason = "this is the fault that is wanted")]
fn overflow(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 1024]);
    overflow(room[0] + 1) + room[1]
}

/// Readers that do not even keep to the protocol.
fn raw(how: &str) -> ExitCode {
    let mut output = std::io::stdout();
    match how {
        "garbage" => {
            let mut asked = [0; 8];
            std::io::stdin().read_exact(&mut asked).unwrap();
            output.write_all(b"HTTP/1.1 200 OK").unwrap();
            output.flush().unwrap();
            std::thread::sleep(Duration::from_secs(600));
        }
        "half" => {
            std::io::stdin().read_exact(&mut [0; 8]).unwrap();
            output.write_all(b"SYR\x01\xFF\0\0\0\0\0\0\0half").unwrap();
            output.flush().unwrap();
        }
        "endless" => {
            std::io::stdin().read_exact(&mut [0; 8]).unwrap();
            output.write_all(b"SYR\x01\xFF\xFF\xFF\xFF\xFF\0\0\0").unwrap();
            while output.write_all(&[0; 4096]).is_ok() {}
        }
        "deaf" => std::thread::sleep(Duration::from_secs(600)),
        "usage" => {
            eprintln!("error: unrecognized subcommand");
            return ExitCode::from(64);
        }
        other => panic!("{other}"),
    }
    ExitCode::SUCCESS
}

fn readers(count: usize, limits: Limits) -> Readers {
    Readers::new(ReaderCommand::this_program(["serve"]), count, limits)
}

fn raw_readers(how: &str, limits: Limits) -> Readers {
    Readers::new(ReaderCommand::this_program(["raw", how]), 1, limits)
}

fn text(readers: &Readers, name: &str) -> String {
    readers.read(b"x", name).unwrap().sections[0].text.clone()
}

fn error(readers: &Readers, name: &str) -> String {
    readers.read(b"x", name).unwrap_err().to_string()
}

fn in_seconds(seconds: u64) -> Limits {
    Limits { time: Duration::from_secs(seconds), ..Limits::default() }
}

fn documents_and_refusals_come_back_as_they_are() {
    let limits = Limits::default();
    let readers = readers(1, limits);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for name in ["note.pdf", "note.docx", "policy.html"] {
        let path = folder.join(name);
        let here = rag_documents::read_file(&path, &limits).unwrap();
        assert_eq!(readers.read_file(&path).unwrap(), here, "{name}");
    }
    let encrypted = std::fs::read(folder.join("note-encrypted.pdf")).unwrap();
    assert!(readers.read_with_password(&encrypted, "a.pdf", "secret").is_ok());
    for (bytes, name) in [
        (&b""[..], "a.pdf"),
        (&encrypted, "a.pdf"),
        (b"hello", "a.pdf"),
        (b"%PDF-1.4", "a.txt"),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "a.doc"),
        (b"{}", "a.json"),
    ] {
        let here = read(bytes.to_vec(), name, &limits).unwrap_err();
        assert_eq!(readers.read(bytes, name).unwrap_err(), here, "{name}");
    }
    // What is only known of pages travels, too.
    let document = b"%PDF-1.4\n1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj\n\
        2 0 obj << /Type /Pages /Kids [3 0 R] >> endobj\n3 0 obj << /Type /Page >> endobj";
    let document = readers.read(document, "a.pdf").unwrap();
    assert_eq!(document.pages[0].problems, [PageProblem::NoText]);
    assert!(readers.read_file(&folder.join("nowhere.pdf")).is_err());
}

fn a_crash_is_an_error_about_its_document_and_no_more() {
    let readers = readers(1, Limits::default());
    for (name, expected) in [
        ("abort.txt", "the reader crashed on it: it aborted (signal 6)"),
        ("overflow.txt", "has overflowed its stack"),
        ("panic.txt", "it exited with code 101: thread 'main'"),
        ("exit.txt", "the reader crashed on it: it exited with code 7"),
    ] {
        let error = error(&readers, name);
        assert!(error.starts_with("the reader crashed on it: "), "{error}");
        assert!(error.contains(expected), "{error}");
        assert_eq!(text(&readers, "next.txt"), "x");
    }
    let error = error(&readers, "talk.txt");
    assert!(error.ends_with("the last words"), "{error}");
    assert!(error.len() < 2_000, "{}", error.len());
}

fn more_memory_than_the_limit_is_named() {
    let limits = Limits { memory: 64 << 20, ..Limits::default() };
    let readers = readers(1, limits);
    assert_eq!(error(&readers, "hungry.txt"), "it needs more than 64 MiB of memory to read");
    assert_eq!(text(&readers, "next.txt"), "x");
    // A document within the limit is read, though its bytes are in memory more than once.
    let words = "word ".repeat(1 << 20);
    assert!(readers.read(words.as_bytes(), "a.txt").is_ok());
}

fn more_time_than_the_limit_is_named() {
    let readers = readers(1, in_seconds(1));
    let begun = Instant::now();
    assert_eq!(error(&readers, "loop.txt"), "it takes longer than 1 s to read");
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(text(&readers, "next.txt"), "x");
}

fn a_reader_that_does_not_read_or_answers_nonsense_is_ended() {
    let large = vec![b'x'; 8 << 20];
    for (how, limits, expected) in [
        (
            "garbage",
            in_seconds(60),
            "the reader crashed on it: an answer of another kind or version",
        ),
        ("half", in_seconds(60), "the reader crashed on it: it exited with code 0"),
        ("endless", in_seconds(60), "it is too large: it has more than 256 MiB of text"),
        ("deaf", in_seconds(1), "it takes longer than 1 s to read"),
        (
            "usage",
            in_seconds(60),
            "the reader crashed on it: it exited with code 64: error: unrecognized subcommand",
        ),
    ] {
        let readers = raw_readers(how, limits);
        assert_eq!(readers.read(&large, "a.txt").unwrap_err().to_string(), expected, "{how}");
    }
    let nowhere = Readers::new(ReaderCommand::new("/nowhere/reader", [""; 0]), 1, in_seconds(9));
    let error = nowhere.read(b"x", "a.txt").unwrap_err().to_string();
    assert!(error.contains("the reader /nowhere/reader cannot be started"), "{error}");
}

fn text_on_standard_output_is_no_part_of_an_answer() {
    let readers = readers(1, Limits::default());
    assert_eq!(text(&readers, "print.txt"), "printed");
    assert_eq!(text(&readers, "next.txt"), "x");
}

fn more_text_than_the_limit_is_refused_by_the_caller() {
    let readers = readers(1, Limits { text: 1 << 20, ..Limits::default() });
    assert_eq!(error(&readers, "long.txt"), "it is too large: it has more than 1 MiB of text");
    assert_eq!(text(&readers, "next.txt"), "x");
}

fn a_reader_has_nothing_it_does_not_need() {
    let _open = std::fs::File::open("/proc/self/status").unwrap();
    let readers = readers(1, Limits::default());
    let open = text(&readers, "open.txt");
    // Three pipes, the copy of one, and the folder that is being listed.
    assert!(open.lines().count() <= 5, "{open}");
    assert!(open.lines().all(|l| l.starts_with("pipe:") || l.starts_with("/proc/")), "{open}");
    let variables = text(&readers, "variables.txt");
    let known = ["PATH", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE", "RUST_BACKTRACE"];
    assert!(variables.lines().all(|l| known.iter().any(|k| l.starts_with(k))), "{variables}");
    let error = error(&readers, "write.txt");
    assert!(error.contains("signal 25") || error.contains("File too large"), "{error}");
}

fn nothing_is_left_of_readers_that_ended() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    let readers = readers(1, in_seconds(1));
    for name in ["abort.txt", "exit.txt", "a.txt", "abort.txt", "panic.txt", "loop.txt", "a.txt"] {
        let _either = readers.read(b"x", name);
    }
    assert_eq!(children(std::process::id()).len(), 1);
    drop(readers);
    assert_eq!(children(std::process::id()), [0; 0]);
    assert_eq!(open(), before);
}

fn many_threads_share_few_readers() {
    let readers = readers(2, Limits::default());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let readers = &readers;
            scope.spawn(move || {
                for round in 0..5 {
                    let words = format!("thread {thread} round {round}");
                    let document = readers.read(words.as_bytes(), "a.txt").unwrap();
                    assert_eq!(document.sections[0].text, words);
                    if round == 2 {
                        assert!(readers.read(b"x", "abort.txt").is_err());
                    }
                }
            });
        }
    });
    assert!(children(std::process::id()).len() <= 2);
}

fn a_reader_ends_with_its_caller() {
    let mut parent = Command::new("/proc/self/exe").arg("parent").spawn().unwrap();
    let mut reader = None;
    wait_for(|| {
        reader = children(parent.id()).first().copied();
        reader.is_some()
    });
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_until_gone(reader.unwrap());
}

fn a_reader_killed_between_documents_is_replaced() {
    let readers = readers(1, Limits::default());
    let first: u32 = text(&readers, "pid.txt").parse().unwrap();
    assert_eq!(text(&readers, "pid.txt"), first.to_string());
    let killed = Command::new("kill").args(["-9", &first.to_string()]).status().unwrap();
    assert!(killed.success());
    wait_until_gone(first);
    assert_ne!(text(&readers, "pid.txt"), first.to_string());
}

/// The processes that a process has started and not taken note of the end of.
fn children(process: u32) -> Vec<u32> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("children")).ok())
        .flat_map(|list| list.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<_>>())
        .collect()
}

/// Waits until a process has ended, whether or not somebody has taken note of it.
fn wait_until_gone(process: u32) {
    let runs = || {
        let state = std::fs::read_to_string(format!("/proc/{process}/stat")).ok();
        state.is_some_and(|state| !state.rsplit(')').next().unwrap().starts_with(" Z"))
    };
    wait_for(|| !runs());
}

/// Waits until something is so, but not for ever.
fn wait_for(mut so: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("it never came to be so");
}
