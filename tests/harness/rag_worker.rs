//! Real workers on real models: knowledge bases built once from the sample documents, workers on free ports.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::http;
use super::processes::{self, Process, eventually};

/// The small English language model, which every test can afford.
pub const SMALL_MODEL: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";
/// The Chinese and English language model.
pub const BILINGUAL_MODEL: &str = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf";
/// The English embedding.
pub const ENGLISH: &str = "all-minilm-l6-v2-int8";
/// The Chinese and English embedding.
pub const BILINGUAL: &str = "multilingual-e5-small";

/// No model here takes longer to load.
const LOADING: Duration = Duration::from_secs(120);

/// The sample documents.
pub fn documents() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/sample/documents").canonicalize().unwrap()
}

/// The knowledge base of the sample documents with an embedding, built by `kbctl` when the one built
/// before is not of this very `kbctl` and these very documents.
pub fn knowledge(embedding: &str) -> PathBuf {
    let mut hash = Sha256::new();
    hash.update(std::fs::read(processes::program("kbctl")).unwrap());
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(documents()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        hash.update(std::fs::read(file).unwrap());
    }
    let tag: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let root = processes::kept().join(embedding);
    let folder = root.join(&tag);
    if !folder.exists() {
        let output = processes::run(
            "kbctl",
            &[
                "build",
                "--documents",
                documents().to_str().unwrap(),
                "--embedding",
                embedding,
                "--output",
                root.to_str().unwrap(),
                "--tag",
                &tag,
            ],
            Path::new("."),
        );
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    folder
}

/// A copy of a knowledge base that a test may damage.
pub fn copy(knowledge: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(knowledge).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(path, target).unwrap();
        }
    }
}

/// What a worker is started with.
pub struct WorkerSettings<'a> {
    pub model: &'a str,
    pub embedding: &'a str,
    pub knowledge: PathBuf,
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    /// More YAML at the top level.
    pub extra: &'a str,
}

impl WorkerSettings<'_> {
    /// The small model over the sample documents.
    pub fn small(embedding: &str) -> WorkerSettings<'_> {
        WorkerSettings {
            model: SMALL_MODEL,
            embedding,
            knowledge: knowledge(embedding),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            extra: "",
        }
    }

    /// The same with other settings beside.
    #[must_use]
    pub fn with<'a>(self, extra: &'a str) -> WorkerSettings<'a>
    where
        Self: 'a,
    {
        WorkerSettings { extra, ..self }
    }

    /// Writes `worker.yaml` into a folder.
    pub fn write(&self, directory: &Path) {
        let inference = if self.extra.contains("inference:") {
            ""
        } else {
            "inference: { device: cpu, context: 2048, slots: 4, threads: 2 }\n"
        };
        // Records of what was verified are each worker's own, unless a test shares them.
        let verification = if self.extra.contains("verification:") {
            ""
        } else {
            "verification: { records: verified }\n"
        };
        let text = format!(
            "listen: {:?}\nknowledge: {:?}\nembedding: {:?}\nmodel: {:?}\n{inference}{verification}{}\n",
            self.listen.to_string(),
            self.knowledge,
            self.embedding,
            self.model,
            self.extra
        );
        std::fs::write(directory.join("worker.yaml"), text).unwrap();
    }
}

/// A running worker and its directory.
pub struct Worker {
    pub process: Process,
    pub address: SocketAddr,
    pub directory: TempDir,
}

impl Worker {
    /// Starts a worker and waits until it is ready.
    pub async fn start(settings: WorkerSettings<'_>) -> Self {
        let worker = Self::launch(settings).await;
        eventually("the worker is ready", LOADING, async || {
            let health = worker.health().await;
            assert_ne!(health["status"], "failed", "{health}");
            (health["status"] == "ready").then_some(())
        })
        .await;
        worker
    }

    /// Starts a worker and waits until it listens.
    pub async fn launch(settings: WorkerSettings<'_>) -> Self {
        Self::launch_with(settings, |_| ()).await
    }

    /// Starts a worker by a command that was changed, such as by an environment of its own.
    pub async fn launch_with(
        settings: WorkerSettings<'_>,
        change: impl FnOnce(&mut Command),
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        settings.write(directory.path());
        let mut command = Command::new(processes::program("rag-worker"));
        command.args(["--config", "worker.yaml"]).current_dir(directory.path());
        change(&mut command);
        let mut process = Process::start_command("rag-worker", command, directory.path());
        let address = eventually("the worker listens", Duration::from_secs(20), async || {
            assert!(process.is_running(), "the worker ended:\n{}", process.log_text());
            listening(&process.log_text())
        })
        .await;
        Self { process, address, directory }
    }

    /// `/health`, whatever its status.
    pub async fn health(&self) -> Value {
        http::get(self.address, "/health").await.unwrap().json()
    }

    /// `/health` once it says that the worker has failed, which it must.
    pub async fn failure(&self) -> Value {
        eventually("the worker has failed", Duration::from_secs(60), async || {
            let health = self.health().await;
            assert_ne!(health["status"], "ready", "{health}");
            (health["status"] == "failed").then_some(health)
        })
        .await
    }

    /// One sample of `/metrics`; `sample` is the name with its labels.
    pub async fn metric(&self, sample: &str) -> f64 {
        let answer = http::get(self.address, "/metrics").await.unwrap();
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        text.lines()
            .find_map(|line| line.strip_prefix(sample)?.trim().parse().ok())
            .unwrap_or_else(|| panic!("no {sample} in {text}"))
    }
}

/// The address in the log line that tells it.
fn listening(log: &str) -> Option<SocketAddr> {
    let line = log.lines().find(|line| line.contains("listening"))?;
    let (_, rest) = line.split_once("address=")?;
    rest.split_whitespace().next()?.parse().ok()
}

/// The body of a chat request with one question.
pub fn question(text: &str, more: Value) -> String {
    let mut body = json!({ "temperature": 0, "messages": [{ "role": "user", "content": text }] });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    body.to_string()
}
