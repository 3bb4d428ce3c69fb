//! The nginx configurations we promise (`nginx-compat/`): what nginx itself answered is replayed against the gateway.
//!
//! With `SWITCHYARD_RECORD=1` the same requests go to a real nginx, and its answers are written down
//! (`scripts/record-nginx-compat`).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http::{self, Connection};
use switchyard_tests::harness::peers::free_address;
use switchyard_tests::harness::processes::{Process, eventually};

/// Where the configurations say that the front door listens.
const FRONT_DOOR: &str = "127.0.0.1:8080";

/// `compat.json`.
#[derive(Deserialize)]
struct Compat {
    /// The addresses of workers in the configuration, and what we call them.
    workers: BTreeMap<String, String>,
    /// Headers of answers that are compared.
    answer_headers: Vec<String>,
    /// Headers of requests, as the worker sees them, that are compared.
    worker_headers: Vec<String>,
    /// Which of a slot's workers answers is left to chance: `blue-1` and `blue-2` are both blue.
    #[serde(default)]
    any_of_the_slot: bool,
    requests: Vec<Asked>,
}

#[derive(Deserialize)]
struct Asked {
    name: String,
    #[serde(default = "get")]
    method: String,
    path: String,
    #[serde(default)]
    host: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    body_bytes: usize,
    #[serde(default = "once")]
    repeat: usize,
}

fn get() -> String {
    "GET".to_owned()
}

fn once() -> usize {
    1
}

/// What came back, in `recorded.json`.
#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct Came {
    name: String,
    /// How often which status came.
    statuses: BTreeMap<u16, usize>,
    headers: BTreeMap<String, Vec<String>>,
    /// Left out where nginx answered with a page of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// How many requests each worker got.
    workers: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    worker_saw: Option<Saw>,
}

#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct Saw {
    method: String,
    target: String,
    headers: BTreeMap<String, Vec<String>>,
    body_bytes: usize,
}

fn chosen(headers: &::http::HeaderMap, names: &[String]) -> BTreeMap<String, Vec<String>> {
    let values = |name: &String| {
        let values = headers.get_all(name.as_str()).iter();
        let values: Vec<String> =
            values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
        (!values.is_empty()).then(|| (name.clone(), values))
    };
    names.iter().filter_map(values).collect()
}

async fn ask(
    compat: &Compat,
    asked: &Asked,
    address: SocketAddr,
    workers: &BTreeMap<String, FakeWorker>,
) -> Came {
    let counts = || -> BTreeMap<String, u64> {
        workers.iter().map(|(name, worker)| (name.clone(), worker.state.requests())).collect()
    };
    let before = counts();
    let mut statuses = BTreeMap::new();
    let mut last = None;
    for _ in 0..asked.repeat {
        let body =
            if asked.body_bytes > 0 { "x".repeat(asked.body_bytes) } else { asked.body.clone() };
        let mut request = http::request(&asked.method, &asked.path, &body);
        let front_door = address.to_string();
        let host = asked.host.as_ref().unwrap_or(&front_door);
        request.headers_mut().insert("host", host.parse().unwrap());
        for (name, value) in &asked.headers {
            let name: ::http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let answer = Connection::open(address).await.unwrap().send(request).await;
        let answer = answer.unwrap_or_else(|error| panic!("{}: {error}", asked.name));
        *statuses.entry(answer.status).or_default() += 1;
        last = Some(answer);
    }
    let after = counts();
    let mut got: BTreeMap<String, u64> = after
        .iter()
        .map(|(name, count)| (name.clone(), count - before[name]))
        .filter(|(_, count)| *count > 0)
        .collect();
    let answer = last.unwrap();
    let own_page = answer.header("content-type").starts_with("text/html");
    let mut headers = chosen(&answer.headers, &compat.answer_headers);
    if own_page || answer.status >= 300 && got.is_empty() && answer.body.is_empty() {
        headers.remove("content-type");
    }
    for value in headers.values_mut().flatten() {
        *value = value.replace(&address.to_string(), FRONT_DOOR);
    }
    let worker_saw = got.keys().next_back().filter(|_| asked.repeat == 1).map(|name| {
        let (head, body) = workers[name].state.last().unwrap();
        let mut headers = chosen(&head.headers, &compat.worker_headers);
        for value in headers.values_mut().flatten() {
            *value = value.replace(&address.to_string(), FRONT_DOOR);
        }
        Saw {
            method: head.method.to_string(),
            target: head.uri.to_string(),
            headers,
            body_bytes: body.len(),
        }
    });
    let mut body = String::from_utf8_lossy(&answer.body).into_owned();
    if compat.any_of_the_slot {
        let mut slots = BTreeMap::new();
        for (name, count) in got {
            body = body.replace(&name, name.trim_end_matches(|c| c != '-'));
            *slots.entry(name.split('-').next().unwrap().to_owned()).or_default() += count;
        }
        got = slots;
    }
    Came {
        name: asked.name.clone(),
        statuses,
        headers,
        body: (!own_page && asked.repeat == 1).then_some(body),
        workers: got,
        worker_saw,
    }
}

/// A copy of the folder in which addresses are free ones.
fn prepared(folder: &Path, addresses: &BTreeMap<&str, SocketAddr>) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "conf") {
            let mut text = std::fs::read_to_string(&file).unwrap();
            for (written, real) in addresses {
                text = text.replace(written, &format!("@{}@", real.port()));
            }
            for real in addresses.values() {
                text = text.replace(&format!("@{}@", real.port()), &real.to_string());
            }
            std::fs::write(directory.path().join(file.file_name().unwrap()), text).unwrap();
        }
    }
    directory
}

/// A real nginx with the configuration in the directory.
async fn nginx(directory: &Path, address: SocketAddr) -> Process {
    let mut command = Command::new("nginx");
    command.arg("-p").arg(directory).arg("-c").arg(directory.join("nginx.conf"));
    let pid = directory.join("nginx.pid");
    let text = std::fs::read_to_string(directory.join("nginx.conf")).unwrap();
    std::fs::write(
        directory.join("nginx.conf"),
        text.lines().filter(|line| !line.starts_with("pid ")).collect::<Vec<_>>().join("\n"),
    )
    .unwrap();
    command.arg("-g").arg(format!("daemon off; pid {};", pid.display()));
    let process = Process::start_command("nginx", command, directory);
    eventually("nginx listens", Duration::from_secs(10), async || {
        tokio::net::TcpStream::connect(address).await.ok()
    })
    .await;
    process
}

async fn compare(name: &str) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../nginx-compat").join(name);
    let text = std::fs::read_to_string(folder.join("compat.json")).unwrap();
    let compat: Compat = serde_json::from_str(&text).unwrap();
    let front_door = free_address();
    let mut addresses = BTreeMap::from([(FRONT_DOOR, front_door)]);
    let mut workers = BTreeMap::new();
    for (written, called) in &compat.workers {
        let worker = FakeWorker::start(called, "v1").await;
        addresses.insert(written, worker.address);
        workers.insert(called.clone(), worker);
    }
    let directory = prepared(&folder, &addresses);
    let mut came = Vec::new();
    let recorded = folder.join("recorded.json");
    if std::env::var_os("SWITCHYARD_RECORD").is_some() {
        let _nginx = nginx(directory.path(), front_door).await;
        for asked in &compat.requests {
            came.push(ask(&compat, asked, front_door, &workers).await);
        }
        std::fs::write(&recorded, serde_json::to_string_pretty(&came).unwrap() + "\n").unwrap();
        return;
    }
    let gateway = Gateway::start_from_nginx(directory).await;
    eventually("every worker is proven", Duration::from_secs(20), async || {
        let slots = gateway.status()["slots"].clone();
        let workers: Vec<String> = ["blue", "green"]
            .iter()
            .flat_map(|slot| slots[slot]["workers"].as_array().unwrap())
            .map(|worker| worker["state"].as_str().unwrap().to_owned())
            .collect();
        workers.iter().all(|state| state == "ready" || state == "disabled").then_some(())
    })
    .await;
    for asked in &compat.requests {
        came.push(ask(&compat, asked, front_door, &workers).await);
    }
    let text = std::fs::read_to_string(&recorded).unwrap();
    let expected: Vec<Came> = serde_json::from_str(&text).unwrap();
    assert_eq!(expected.len(), came.len(), "record {name} again");
    let mut differences = Vec::new();
    for (expected, mut came) in expected.into_iter().zip(came) {
        if expected.body.is_none() {
            // A page of nginx's own: ours is a problem in JSON, with the same status.
            came.body = None;
            if !expected.headers.contains_key("content-type") {
                came.headers.remove("content-type");
            }
        }
        if expected != came {
            let text = |came: &Came| serde_json::to_string(came).unwrap();
            differences.push(format!(
                "nginx:      {}\nswitchyard: {}\n",
                text(&expected),
                text(&came)
            ));
        }
    }
    assert!(differences.is_empty(), "{name}:\n{}", differences.join("\n"));
    let warned = gateway.process.log_text();
    assert!(!warned.contains("level=not supported"), "{warned}");
}

macro_rules! promised {
    ($($name:ident: $folder:literal),+ $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            compare($folder).await;
        })+

        #[test]
        fn every_folder_is_compared() {
            let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../nginx-compat");
            let mut folders: Vec<String> = std::fs::read_dir(root)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.is_dir())
                .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
                .collect();
            folders.sort();
            assert_eq!(folders, [$($folder),+]);
        }
    };
}

promised! {
    who_may_ask_and_how_much: "access",
    blue_and_green_by_hand: "blue-green",
    headers_and_maps: "headers",
    servers_by_name: "hosts",
    locations: "locations",
    limited_requests: "rate",
    weights_backups_and_servers_that_are_down: "weights",
}
