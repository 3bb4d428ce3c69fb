//! `kbctl watch`: real documents change, the idle slot's worker gets a new knowledge base, and an operator sees what is asked for.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http;
use switchyard_tests::harness::processes::{self, Process, eventually, program};
use switchyard_tests::harness::rag_worker::{ENGLISH, WorkerSettings, copy, documents, knowledge};

/// What an operator's service manager does: ends a slot's worker, if there is one, and starts another.
const RESTART: &str = r#"
if [ -f "$1/pid" ]; then
    pid=$(cat "$1/pid")
    kill "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
fi
cd "$1"
setsid "$2" --config worker.yaml >>worker.log 2>&1 </dev/null &
echo $! >pid
"#;

/// A fact that no document holds at first.
const FACT: &str = "The harbor office in Zanzibar opens at 07:42 and is led by Amina Juma.\n";

/// The tag that both slots serve at first.
fn first_tag() -> PathBuf {
    PathBuf::from(knowledge(ENGLISH).file_name().unwrap())
}

/// A slot whose worker a script starts.
struct Slot {
    folder: PathBuf,
    address: SocketAddr,
}

impl Slot {
    /// A worker over the tag that `data/<name>/current` leads to.
    fn start(name: &str, scene: &Path) -> Self {
        let folder = scene.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        WorkerSettings {
            knowledge: scene.join("data").join(name).join("current"),
            listen: address,
            ..WorkerSettings::small(ENGLISH).with("shutdown: { notice: 0s }")
        }
        .write(&folder);
        let slot = Self { folder, address };
        let arguments = slot.restart(scene);
        let started = std::process::Command::new(&arguments[0]).args(&arguments[1..]).status();
        assert!(started.unwrap().success());
        slot
    }

    /// The command that restarts its worker.
    fn restart(&self, scene: &Path) -> Vec<String> {
        let script = scene.join("restart.sh");
        let parts = [Path::new("sh"), &script, &self.folder, &program("rag-worker")];
        parts.map(|part| part.to_str().unwrap().to_owned()).to_vec()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.folder.join("pid")).unwrap_or_default();
        if let Some(pid) = pid.trim().parse().ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Two slots that serve the sample documents, their front door, and a watch over a folder of documents.
struct Scene {
    gateway: Gateway,
    slots: [Slot; 2],
    /// Last, for the slots find their workers in it when they end.
    folder: tempfile::TempDir,
}

impl Scene {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        std::fs::write(at.join("restart.sh"), RESTART).unwrap();
        copy(&documents(), &at.join("documents"));
        for name in ["blue", "green"] {
            let root = at.join("data").join(name);
            copy(&knowledge(ENGLISH), &root.join(first_tag()));
            std::os::unix::fs::symlink(first_tag(), root.join("current")).unwrap();
        }
        let slots = ["blue", "green"].map(|name| Slot::start(name, at));
        let [blue, green] = &slots;
        let extra = "health: { interval: 100ms, timeout: 2s, rise: 1, fall: 3 }\npromotion: { keep_old: 1h }";
        let gateway = Gateway::start(&[blue.address], &[green.address], extra).await;
        gateway.wait("blue");
        gateway.wait("green");
        Self { gateway, slots, folder }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes `watch.yaml`.
    fn configure(&self, more: &str) {
        let [blue, green] = &self.slots;
        let socket = self.gateway.directory.path().join("run/switchyard.sock");
        let text = format!(
            "documents: documents\nembedding: {ENGLISH}\nserver: \"unix:{}\"\nsettle: 0s\nevery: 1s\nquestions: questions.jsonl\n\
             slots:\n  blue: {{ root: data/blue, restart: {:?} }}\n  green: {{ root: data/green, restart: {:?} }}\n{more}\n",
            socket.display(),
            blue.restart(self.folder.path()),
            green.restart(self.folder.path()),
        );
        std::fs::write(self.at("watch.yaml"), text).unwrap();
    }

    fn question(&self) {
        let question = json!({
            "id": "zanzibar", "question": "When does the office in Zanzibar open?", "language": "en",
            "gold": [{ "file": "zanzibar.txt", "text": "opens at 07:42" }],
        });
        std::fs::write(self.at("questions.jsonl"), format!("{question}\n")).unwrap();
    }

    fn once(&self) -> Output {
        let arguments = ["watch", "--once", "--output", "json"];
        processes::run("kbctl", &arguments, self.folder.path())
    }

    /// A round that has to end so.
    fn round(&self, outcome: &str) -> Value {
        let output = self.once();
        let said = String::from_utf8_lossy(&output.stderr);
        let answer: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {said}"));
        assert_eq!(answer["outcome"], outcome, "{answer} {said}");
        answer
    }

    fn current(&self, slot: &str) -> PathBuf {
        std::fs::read_link(self.at("data").join(slot).join("current")).unwrap()
    }

    fn tags(&self, slot: &str) -> usize {
        let entries = std::fs::read_dir(self.at("data").join(slot)).unwrap();
        entries.filter(|entry| entry.as_ref().unwrap().file_type().unwrap().is_dir()).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_documents_end_in_a_request_that_an_operator_sees() {
    let scene = Scene::start().await;
    scene.question();
    scene.configure("");
    let idle = scene.round("nothing");
    assert!(idle["why"].as_str().unwrap().contains("is live"), "{idle}");
    assert_eq!((scene.tags("blue"), scene.tags("green")), (1, 1), "nothing was built");

    std::fs::write(scene.at("documents/zanzibar.txt"), FACT).unwrap();
    let asked = scene.round("asked");
    assert_eq!(asked["slot"], "green");
    let since = first_tag();
    assert_eq!(asked["why"], format!("documents: 1 added since {}", since.display()));
    let status = scene.gateway.status();
    let request = &status["request"];
    assert_eq!((&status["live"], &request["slot"]), (&json!("blue"), &json!("green")));
    assert_eq!((&request["reason"], &request["stands"]), (&asked["why"], &json!(true)));
    let recall = &request["evidence"][0];
    assert_eq!(
        (&recall["name"], &recall["value"], &recall["live"]),
        (&json!("recall@5"), &json!(1.0), &json!(0.0)),
        "the new knowledge base knows the answer, the live one does not"
    );
    let serves = |status: &Value, slot: &str| {
        status["slots"][slot]["release"]["knowledge"]["fingerprint"].clone()
    };
    assert_eq!(serves(&status, "green"), asked["fingerprint"]);
    assert_ne!(serves(&status, "blue"), asked["fingerprint"]);

    let waiting = scene.round("nothing");
    assert!(waiting["why"].as_str().unwrap().contains("waits for an operator"), "{waiting}");
    scene.gateway.expect(&["promote", "green"], 0);
    let body = json!({ "query": "When does the office in Zanzibar open?", "top_k": 1 }).to_string();
    let found = http::post(scene.gateway.address, "/v1/search", &body).await.unwrap().json();
    assert_eq!(found["passages"][0]["file"], "zanzibar.txt", "{found}");
    let live = scene.round("nothing");
    assert!(live["why"].as_str().unwrap().contains("is live"), "{live}");

    // Blue is the way back now, so its worker must be left alone.
    std::fs::write(scene.at("documents/zanzibar.txt"), format!("{FACT}It has a red door.\n"))
        .unwrap();
    let waits = scene.round("waits");
    assert!(
        waits["why"].as_str().unwrap().contains("blue is kept for a rollback until"),
        "{waits}"
    );
    assert_eq!((scene.tags("blue"), scene.current("blue")), (2, first_tag()));
    scene.gateway.expect(&["rollback"], 0);
    assert_eq!(scene.gateway.status()["request"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_question_set_refuses_changes_nothing_and_is_not_tried_again() {
    let scene = Scene::start().await;
    scene.question();
    scene.configure("require: { recall_at_5: 1.0 }");
    std::fs::write(scene.at("documents/other.txt"), "A document about something else.\n").unwrap();
    let refused = scene.round("refused");
    assert_eq!(refused["why"], "recall@5 is 0.000, and 1.000 is required");
    assert_eq!(scene.once().status.code(), Some(1));
    let again = scene.round("refused");
    assert!(again["why"].as_str().unwrap().starts_with("refused before"), "{again}");
    assert_eq!((scene.tags("green"), scene.current("green")), (2, first_tag()));
    assert_eq!(scene.gateway.status()["request"], Value::Null);

    // A restart that fails loses nothing: the next round goes on with what was built.
    std::fs::write(scene.at("documents/zanzibar.txt"), FACT).unwrap();
    let restart = scene.at("restart.sh");
    std::fs::write(&restart, "exit 7\n").unwrap();
    let failed = scene.once();
    let said = String::from_utf8_lossy(&failed.stderr);
    assert_eq!(failed.status.code(), Some(1), "{said}");
    assert!(said.contains("failed: exit status: 7"), "{said}");
    assert_eq!(scene.gateway.status()["request"], Value::Null);
    std::fs::write(&restart, RESTART).unwrap();
    let asked = scene.round("asked");
    assert_eq!(scene.tags("green"), 3, "nothing was built twice");

    // As it was before: what is asked for is no longer true.
    let away = scene.at("zanzibar.txt");
    std::fs::rename(scene.at("documents/zanzibar.txt"), &away).unwrap();
    std::fs::rename(scene.at("documents/other.txt"), scene.at("other.txt")).unwrap();
    scene.round("nothing");
    assert_eq!(scene.gateway.status()["request"], Value::Null);
    std::fs::rename(scene.at("other.txt"), scene.at("documents/other.txt")).unwrap();
    std::fs::rename(&away, scene.at("documents/zanzibar.txt")).unwrap();
    assert_eq!(scene.round("asked")["why"], asked["why"]);
    assert_eq!(scene.tags("green"), 3, "nothing was built twice");

    // Taken back by an operator: the same is not asked for again, unless somebody wants it.
    scene.gateway.expect(&["request", "--withdraw", "--reason", "not today"], 0);
    let declined = scene.round("nothing");
    assert!(declined["why"].as_str().unwrap().contains("decided otherwise"), "{declined}");
    let arguments = ["watch", "--once", "--again"];
    let output = processes::run("kbctl", &arguments, scene.folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(scene.gateway.status()["request"]["reason"], asked["why"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_runs_sees_what_changes_and_ends_cleanly() {
    let scene = Scene::start().await;
    scene.question();
    scene.configure("keep: 1");
    let mut watch = Process::start("kbctl", &["watch"], scene.folder.path());
    let patience = Duration::from_secs(120);
    eventually("it has looked", patience, async || {
        watch.log_text().contains("nothing to do").then_some(())
    })
    .await;
    let second = processes::run("kbctl", &["watch", "--once"], scene.folder.path());
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("another kbctl watch works with this state file"), "{said}");

    std::fs::write(scene.at("documents/zanzibar.txt"), FACT).unwrap();
    eventually("the promotion is asked for", patience, async || {
        assert!(watch.is_running(), "{}", watch.log_text());
        (scene.gateway.status()["request"]["slot"] == "green").then_some(())
    })
    .await;
    eventually("old tags are removed", patience, async || (scene.tags("green") == 1).then_some(()))
        .await;
    watch.signal(Signal::TERM);
    assert!(watch.wait(Duration::from_secs(20)).success(), "{}", watch.log_text());
}
