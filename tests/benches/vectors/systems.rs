//! What is compared, the vectors and questions it is given, and whether its answers are right.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use switchyard_tests::harness::python;

/// Passages that a question asks for.
const TOP_K: usize = 10;

/// A system and its index file; its peer's name where it is one.
pub(crate) struct System {
    pub(crate) name: &'static str,
    peer: Option<&'static str>,
    file: &'static str,
}

pub(crate) const OURS: System = System { name: "switchyard", peer: None, file: "switchyard.index" };
pub(crate) const FAISS: System = System { name: "faiss", peer: Some("faiss"), file: "faiss.index" };
pub(crate) const FAISS_MAPPED: System =
    System { name: "faiss, mapped", peer: Some("faiss-mmap"), file: "faiss.index" };
pub(crate) const HNSWLIB: System =
    System { name: "hnswlib", peer: Some("hnswlib"), file: "hnswlib.index" };

/// A folder with so many vectors, with questions and their right answers.
pub(crate) struct Vectors {
    folder: PathBuf,
    answers: Vec<Vec<u64>>,
}

impl Vectors {
    /// Those made by an earlier run, or made now.
    pub(crate) fn ready(count: usize) -> Self {
        let all = PathBuf::from(std::env::var("SWITCHYARD_VECTORS").unwrap());
        let folder = all.join(count.to_string());
        if !folder.is_dir() {
            let part = all.join("part");
            let _ = std::fs::remove_dir_all(&part);
            std::fs::create_dir_all(&part).unwrap();
            python::run(peer().arg("make").arg(&part).arg(count.to_string()));
            std::fs::rename(part, &folder).unwrap();
        }
        let bytes = std::fs::read(folder.join("answers.u32")).unwrap();
        let places = bytes.as_chunks().0.iter().map(|b| u64::from(u32::from_le_bytes(*b)));
        let places: Vec<u64> = places.collect();
        Self { folder, answers: places.chunks(TOP_K).map(<[u64]>::to_vec).collect() }
    }

    pub(crate) fn index(&self, system: &System) -> PathBuf {
        self.folder.join(system.file)
    }

    /// What the system reads to answer: its index, and for ours the vectors that are compared again.
    pub(crate) fn files(&self, system: &System) -> Vec<PathBuf> {
        let again = system.peer.is_none().then(|| self.folder.join("vectors.f32"));
        again.into_iter().chain([self.index(system)]).collect()
    }

    /// The share of the right passages among those found for the first questions, 0.0–1.0: recall@10.
    pub(crate) fn recall(&self, found: &Value) -> f64 {
        let found = found.as_array().unwrap();
        let (mut right, mut all) = (0, 0);
        for (found, answers) in found.iter().zip(&self.answers) {
            let found = found.as_array().unwrap();
            assert_eq!(found.len(), TOP_K, "a question asks for {TOP_K} passages");
            right += answers.iter().filter(|answer| found.contains(&Value::from(**answer))).count();
            all += answers.len();
        }
        f64::from(u32::try_from(right).unwrap()) / f64::from(u32::try_from(all).unwrap())
    }

    /// Makes the system's graph, and says how.
    pub(crate) fn build(&self, system: &System) -> Value {
        // Ours fills its index on one thread, beside those that embed.
        let threads: &[usize] = if system.peer.is_some() { &[2] } else { &[] };
        self.run(system, "build", threads).remove(0)
    }

    /// Runs the system to its end, and returns the lines it printed.
    pub(crate) fn run(&self, system: &System, verb: &str, numbers: &[usize]) -> Vec<Value> {
        let printed = python::run(&mut self.command(system, verb, numbers));
        printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) fn command(&self, system: &System, verb: &str, numbers: &[usize]) -> Command {
        let mut command = match system.peer {
            None => Command::new(std::env::var("SWITCHYARD_EXAMPLE").unwrap()),
            Some(name) => {
                let mut command = peer();
                command.arg(name);
                command
            }
        };
        command.arg(verb).arg(&self.folder).args(numbers.iter().map(usize::to_string));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }
}

fn peer() -> Command {
    let python = PathBuf::from(std::env::var("SWITCHYARD_PEERS").unwrap());
    let mut command = Command::new(python.join("vectors/bin/python"));
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/vectors/peer.py"));
    command
}
