//! `worker.yaml`: what may be written in it, and what it means.

mod verification;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rag_core::diversity::Lambda;
use rag_core::{MIN_SCORE, RetrievalSettings, TOP_K};
use rag_embedder::ModelCache;
use rag_generator::{Device, EngineSettings, KvType, MOST_SLOTS};
use serde::Deserialize;
use settings_file::SettingsError;

use crate::answering::Selection;
use crate::feedback::FeedbackSettings;
use crate::verification::VerificationSettings;
use verification::VerificationFile;

/// What a worker is to do; every value is checked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    /// The file that says so.
    pub(crate) file: PathBuf,
    /// Where it listens; port 0 takes a free one.
    pub(crate) listen: SocketAddr,
    /// The slot it works for, for its log lines and chat page.
    pub(crate) slot: String,
    /// The knowledge base's folder.
    pub(crate) knowledge: PathBuf,
    /// The embedding model's folder.
    pub(crate) embedding: PathBuf,
    /// The GGUF file.
    pub(crate) model: PathBuf,
    pub(crate) inference: Inference,
    pub(crate) retrieval: Retrieval,
    pub(crate) feedback: Option<FeedbackSettings>,
    pub(crate) chatchat: Chatchat,
    pub(crate) verification: VerificationSettings,
    pub(crate) shutdown: Shutdown,
}

/// How the language model is run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Inference {
    /// What was asked for; `None` takes the best there is.
    pub(crate) device: Option<Device>,
    pub(crate) engine: EngineSettings,
    /// Questions that may wait.
    pub(crate) queue: usize,
    /// Tokens of an answer when the request does not say.
    pub(crate) max_tokens: usize,
}

impl Inference {
    /// The engine's settings on the device that was chosen.
    pub(crate) fn engine_on(&self, device: Device) -> EngineSettings {
        EngineSettings { device, ..self.engine.clone() }
    }
}

/// How passages are found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Retrieval {
    /// Which passages an answer uses when a request does not say.
    pub(crate) selection: Selection,
    /// How passages are chosen.
    pub(crate) settings: RetrievalSettings,
    /// The reranker's folder, when one puts the best passages in order.
    pub(crate) reranker: Option<PathBuf>,
    /// Texts embedded, and passages reranked, at the same time.
    pub(crate) threads: usize,
    pub(crate) follow_ups: FollowUps,
}

/// What a question in the middle of a conversation is searched for as, beside itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FollowUps {
    /// Nothing else.
    Off,
    /// Together with the question before it.
    Join,
    /// As the model rewrites it; joined when the model cannot.
    Rewrite,
}

/// What clients of Langchain-Chatchat find.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Chatchat {
    /// The name by which they ask for the knowledge base. It stays when a promotion brings another tag.
    pub(crate) knowledge_base: String,
}

impl Default for Chatchat {
    /// The knowledge base that Langchain-Chatchat comes with.
    fn default() -> Self {
        Self { knowledge_base: "samples".to_owned() }
    }
}

/// How it stops.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shutdown {
    /// How long it goes on serving after it has said `draining`, so that a balancer can notice.
    pub(crate) notice: Duration,
    /// How long running answers may take to finish.
    pub(crate) timeout: Duration,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsFile {
    #[serde(default = "default_listen")]
    listen: SocketAddr,
    #[serde(default = "default_slot")]
    slot: String,
    knowledge: PathBuf,
    embedding: String,
    model: String,
    #[serde(default)]
    inference: InferenceFile,
    #[serde(default)]
    retrieval: RetrievalFile,
    feedback: Option<FeedbackFile>,
    #[serde(default)]
    chatchat: Chatchat,
    #[serde(default)]
    verification: VerificationFile,
    #[serde(default)]
    shutdown: ShutdownFile,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeedbackFile {
    file: PathBuf,
    #[serde(with = "settings_file::bytes", default = "default_longest_feedback")]
    longest: u64,
}

fn default_longest_feedback() -> u64 {
    64 << 20
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8001))
}

fn default_slot() -> String {
    "blue".to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct InferenceFile {
    device: String,
    gpu_layers: AutoOr<u32>,
    context: u32,
    slots: u32,
    kept_prompts: u32,
    #[serde(with = "settings_file::bytes")]
    kept_memory: u64,
    threads: AutoOr<u32>,
    prompt_threads: AutoOr<u32>,
    batch: u32,
    micro_batch: AutoOr<u32>,
    #[serde(with = "settings_file::duration")]
    longest_step: Duration,
    flash_attention: AutoOr<bool>,
    kv_type: String,
    mmap: bool,
    mlock: bool,
    queue: usize,
    max_tokens: usize,
}

impl Default for InferenceFile {
    fn default() -> Self {
        Self {
            device: "auto".to_owned(),
            gpu_layers: AutoOr::AUTO,
            context: 4096,
            slots: 4,
            kept_prompts: 256,
            kept_memory: 512 << 20,
            threads: AutoOr::AUTO,
            prompt_threads: AutoOr::AUTO,
            batch: 512,
            micro_batch: AutoOr::AUTO,
            longest_step: Duration::from_millis(300),
            flash_attention: AutoOr::AUTO,
            kv_type: KvType::default().as_str().to_owned(),
            mmap: true,
            mlock: false,
            queue: 32,
            max_tokens: 512,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RetrievalFile {
    top_k: usize,
    min_score: AutoOr<f32>,
    dense_weight: f64,
    lexical_weight: f64,
    candidates: usize,
    near_equal: f64,
    diversity: f64,
    reranker: Option<String>,
    reranked: usize,
    threads: usize,
    follow_ups: FollowUps,
}

impl Default for RetrievalFile {
    fn default() -> Self {
        let usual = RetrievalSettings::default();
        Self {
            top_k: TOP_K,
            min_score: AutoOr::AUTO,
            dense_weight: usual.dense_weight,
            lexical_weight: usual.lexical_weight,
            candidates: usual.candidates,
            near_equal: usual.near_equal.unwrap_or(1.0),
            diversity: 0.0,
            reranker: None,
            reranked: usual.reranked,
            threads: 1,
            follow_ups: FollowUps::Join,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ShutdownFile {
    #[serde(with = "settings_file::duration")]
    notice: Duration,
    #[serde(with = "settings_file::duration")]
    timeout: Duration,
}

impl Default for ShutdownFile {
    fn default() -> Self {
        Self { notice: Duration::from_secs(2), timeout: Duration::from_secs(300) }
    }
}

/// `auto`, or a value.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "`auto` or a value")]
enum AutoOr<T> {
    Word(Auto),
    Value(T),
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Auto {
    Auto,
}

impl<T> AutoOr<T> {
    const AUTO: Self = Self::Word(Auto::Auto);

    fn value(self) -> Option<T> {
        match self {
            Self::Word(Auto::Auto) => None,
            Self::Value(value) => Some(value),
        }
    }
}

/// Reads and checks the settings file.
pub(crate) fn read(path: &Path, device: Option<String>) -> Result<Settings, SettingsError> {
    let mut file: SettingsFile = settings_file::load(path)?;
    file.inference.device = device.unwrap_or(file.inference.device);
    let models = ModelCache::from_environment();
    let within = |key: &str, value, least, most| within(path, key, value, least, most);
    let inference = inference(path, &file.inference)?;
    within("retrieval.top_k", file.retrieval.top_k as u64, 1, 100)?;
    within("retrieval.threads", file.retrieval.threads as u64, 1, 64)?;
    within("retrieval.reranked", file.retrieval.reranked as u64, 1, 1000)?;
    let retrieval = retrieval(path, &file.retrieval, &models)?;
    let feedback =
        file.feedback.map(|FeedbackFile { file, longest }| FeedbackSettings { file, longest });
    if file.chatchat.knowledge_base.trim().is_empty() {
        return Err(SettingsError::invalid(path, "chatchat.knowledge_base", "it is empty"));
    }
    Ok(Settings {
        file: path.to_owned(),
        feedback,
        chatchat: file.chatchat,
        verification: file.verification.read(path)?,
        listen: file.listen,
        slot: file.slot,
        knowledge: file.knowledge,
        embedding: models.resolve(&file.embedding),
        model: models.resolve(&file.model),
        inference,
        retrieval,
        shutdown: Shutdown { notice: file.shutdown.notice, timeout: file.shutdown.timeout },
    })
}

fn within(path: &Path, key: &str, value: u64, least: u64, most: u64) -> Result<(), SettingsError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(SettingsError::invalid(path, key, format!("{value} is not between {least} and {most}")))
}

fn inference(path: &Path, file: &InferenceFile) -> Result<Inference, SettingsError> {
    let wrong = |key: &str, message: String| {
        SettingsError::invalid(path, &format!("inference.{key}"), message)
    };
    let within = |key: &str, value: u32, least: u32, most: u32| {
        let key = format!("inference.{key}");
        within(path, &key, value.into(), least.into(), most.into())
    };
    let device = match file.device.as_str() {
        "auto" => None,
        name => {
            Some(device(name).map_err(|(message, hint)| wrong("device", message).with_hint(hint))?)
        }
    };
    let kv_type = KvType::named(&file.kv_type).ok_or_else(|| {
        wrong("kv_type", format!("`{}` is not a type of keys and values", file.kv_type))
            .with_hint("write f16, q8_0 or q4_0")
    })?;
    let flash_attention = file.flash_attention.value();
    if flash_attention == Some(false) && kv_type != KvType::F16 {
        let message = format!("{} needs flash attention", kv_type.as_str());
        return Err(wrong("kv_type", message));
    }
    let cores =
        std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(1));
    let threads = file.threads.value().unwrap_or(cores);
    let prompt_threads = file.prompt_threads.value().unwrap_or(threads);
    let micro_batch = file.micro_batch.value().unwrap_or(file.batch);
    within("context", file.context, 256, 1 << 20)?;
    within("slots", file.slots, 1, MOST_SLOTS)?;
    within("kept_prompts", file.kept_prompts, 0, 10_000)?;
    within("threads", threads, 1, 1024)?;
    within("prompt_threads", prompt_threads, 1, 1024)?;
    within("batch", file.batch, file.slots.max(32), 8192)?;
    within("micro_batch", micro_batch, 1, file.batch)?;
    if !(Duration::from_millis(1)..=Duration::from_secs(60)).contains(&file.longest_step) {
        let message = format!("{:?} is not between 1 ms and 60 s", file.longest_step);
        return Err(wrong("longest_step", message));
    }
    let queue = u32::try_from(file.queue).unwrap_or(u32::MAX);
    within("queue", queue, 1, 100_000)?;
    let max_tokens = u32::try_from(file.max_tokens).unwrap_or(u32::MAX);
    within("max_tokens", max_tokens, 1, file.context)?;
    let engine = EngineSettings {
        context: file.context,
        slots: file.slots,
        kept_prompts: file.kept_prompts,
        kept_memory: file.kept_memory,
        // Admission lets no more in than fit; the engine's own bound is the second line.
        queue: file.queue + file.slots as usize,
        threads,
        prompt_threads,
        batch: file.batch,
        micro_batch,
        longest_step: file.longest_step,
        flash_attention,
        kv_type,
        mmap: file.mmap,
        mlock: file.mlock,
        // The one that computes a few tokens takes its place.
        device: Device::Cpu(None),
        gpu_layers: file.gpu_layers.value(),
    };
    Ok(Inference { device, engine, queue: file.queue, max_tokens: file.max_tokens })
}

/// The device with this name, if this build can use it; otherwise what is wrong with it, and what to write.
fn device(name: &str) -> Result<Device, (String, &'static str)> {
    let device: Device = name.parse().map_err(|_| {
        (
            format!("`{name}` is not a device"),
            "write `auto`, `cpu`, or such as `cuda:0` or `vulkan:0`",
        )
    })?;
    match &device {
        Device::Gpu { backend, .. } if !backend.is_built() => Err((
            format!("this program was built without {name}"),
            "build it with `--features cuda` or `--features vulkan`, or write `auto` or `cpu`",
        )),
        _ => Ok(device),
    }
}

fn retrieval(
    path: &Path,
    file: &RetrievalFile,
    models: &ModelCache,
) -> Result<Retrieval, SettingsError> {
    let wrong = |key: &str, message: String| {
        SettingsError::invalid(path, &format!("retrieval.{key}"), message)
    };
    let min_score = file.min_score.value().unwrap_or(MIN_SCORE);
    if !(0.0..=1.0).contains(&min_score) {
        let message = format!("{min_score} is not between 0.0 and 1.0");
        return Err(wrong("min_score", message)
            .with_hint("it is a probability: how likely a passage answers the question"));
    }
    for (key, weight) in
        [("dense_weight", file.dense_weight), ("lexical_weight", file.lexical_weight)]
    {
        if !(weight.is_finite() && weight >= 0.0) {
            return Err(wrong(key, format!("{weight} is not 0 or a positive number")));
        }
    }
    if file.dense_weight == 0.0 && file.lexical_weight == 0.0 {
        return Err(wrong("dense_weight", "both weights are 0: nothing would be found".to_owned()));
    }
    if !(file.top_k..=1000).contains(&file.candidates) {
        let message = format!("{} is not between top_k and 1000", file.candidates);
        return Err(wrong("candidates", message));
    }
    if !(0.0..=1.0).contains(&file.near_equal) || file.near_equal == 0.0 {
        let message = format!("{} is not above 0.0 and at most 1.0", file.near_equal);
        return Err(wrong("near_equal", message)
            .with_hint("1.0 leaves out only passages that say the same word for word"));
    }
    let novelty = 1.0 - file.diversity;
    let lambda = Lambda::new(novelty).map_err(|_| {
        wrong("diversity", format!("{} is not between 0.0 and 1.0", file.diversity))
    })?;
    Ok(Retrieval {
        selection: Selection { top_k: file.top_k, min_score },
        settings: RetrievalSettings {
            dense_weight: file.dense_weight,
            lexical_weight: file.lexical_weight,
            candidates: file.candidates,
            near_equal: Some(file.near_equal),
            reranked: file.reranked,
            diversity: (file.diversity > 0.0).then_some(lambda),
        },
        reranker: file.reranker.as_deref().map(|name| models.resolve(name)),
        threads: file.threads,
        follow_ups: file.follow_ups,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Settings, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("worker.yaml");
        std::fs::write(&path, text).unwrap();
        read(&path, None).map_err(|e| e.to_string().replace(&*folder.path().to_string_lossy(), ""))
    }

    const LEAST: &str = "knowledge: data/v1\nembedding: e5\nmodel: /models/a.gguf\n";

    #[test]
    fn the_least_settings_have_safe_defaults() {
        let settings = check(LEAST).unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8001");
        assert_eq!((settings.inference.engine.context, settings.inference.engine.slots), (4096, 4));
        assert_eq!(settings.retrieval.selection, Selection { top_k: TOP_K, min_score: 0.5 });
        assert_eq!(settings.retrieval.settings, RetrievalSettings::default());
        assert_eq!(settings.retrieval.reranker, None);
        assert_eq!(settings.model, Path::new("/models/a.gguf"));
        assert!(settings.embedding.ends_with("e5") && settings.embedding.is_absolute());
    }

    #[test]
    fn the_documented_example_is_accepted() {
        let text = format!(
            "{LEAST}listen: \"127.0.0.1:8002\"\nslot: green\ninference: {{ device: auto, gpu_layers: auto, context: 4096, slots: 4, threads: 2 }}\nretrieval: {{ top_k: 4 }}\n"
        );
        let settings = check(&text).unwrap();
        assert_eq!((settings.slot.as_str(), settings.inference.engine.threads), ("green", 2));
    }

    #[test]
    fn a_reranker_is_looked_up_like_every_model() {
        let text = format!("{LEAST}retrieval: {{ reranker: bge-reranker-base, reranked: 8 }}\n");
        let retrieval = check(&text).unwrap().retrieval;
        let folder = ModelCache::from_environment().resolve("bge-reranker-base");
        assert_eq!((retrieval.reranker, retrieval.settings.reranked), (Some(folder), 8));
    }

    #[test]
    fn a_misspelled_key_is_named_with_its_line() {
        let error = check(&format!("{LEAST}inference:\n  contxt: 4096\n")).unwrap_err();
        assert!(error.contains("worker.yaml:5") && error.contains("contxt"), "{error}");
    }

    #[test]
    fn what_was_verified_is_recorded_unless_that_is_off() {
        let records = |extra: &str| {
            let settings = check(&format!("{LEAST}verification: {{ {extra} }}\n"));
            settings.unwrap().verification.records
        };
        assert_eq!(records("records: off"), None);
        assert_eq!(records("records: var/verified"), Some("var/verified".into()));
        assert_eq!(check(LEAST).unwrap().verification.rate, 50 << 20);
        let error = check(&format!("{LEAST}verification: {{ rate: 1KiB/s }}\n")).unwrap_err();
        assert!(error.contains("verification.rate") && error.contains("at least"), "{error}");
    }

    #[test]
    fn a_value_out_of_range_is_named_with_the_range() {
        let error = check(&format!("{LEAST}inference: {{ slots: 0 }}\n")).unwrap_err();
        assert!(
            error.contains("inference.slots") && error.contains("between 1 and 256"),
            "{error}"
        );
        let error = check(&format!("{LEAST}retrieval: {{ min_score: 80 }}\n")).unwrap_err();
        assert!(error.contains("between 0.0 and 1.0"), "{error}");
        for wrong in [
            "dense_weight: -1",
            "dense_weight: 0, lexical_weight: 0",
            "candidates: 2",
            "near_equal: 0",
            "diversity: 2",
            "reranked: 0",
        ] {
            let error = check(&format!("{LEAST}retrieval: {{ {wrong} }}\n")).unwrap_err();
            assert!(error.contains("retrieval."), "{wrong}: {error}");
        }
        for wrong in [
            "kept_prompts: 10001",
            "kept_memory: much",
            "micro_batch: 1024",
            "longest_step: 0s",
            "kv_type: f64",
            "kv_type: q8_0, flash_attention: false",
            "flash_attention: sometimes",
        ] {
            let error = check(&format!("{LEAST}inference: {{ {wrong} }}\n")).unwrap_err();
            assert!(error.contains("inference"), "{wrong}: {error}");
        }
        let error = check(&format!("{LEAST}inference: {{ device: quantum }}\n")).unwrap_err();
        assert!(error.contains("quantum"), "{error}");
    }
}
