//! The generator that the worker holds: loads a GGUF file, renders, tokenizes, and queues.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use llama_cpp_2::context::params::KvCacheType;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::token::LlamaToken;
use rag_core::{AnswerSink, GenerateError, GenerateRequest, Generator, Message, ModelIdentity};

use crate::answer::{Job, Trace};
use crate::batching::{self, Bounds};
use crate::choosing::Choosing;
use crate::device::{self, Device, DeviceInUse};
use crate::loading::{Loaded, context_params, load_model};
use crate::model_file;
use crate::pace::Pace;
use crate::stats::EngineStats;
use crate::template::ChatTemplate;

/// How the model is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineSettings {
    /// Tokens each answer may use, prompt included.
    pub context: u32,
    /// Answers made at the same time, at most [`MOST_SLOTS`]; the memory for all of them is taken at start.
    pub slots: u32,
    /// Prompts kept after their answers, for the next that begins alike.
    pub kept_prompts: u32,
    /// Bytes of kept prompts whose place another answer has taken.
    pub kept_memory: u64,
    /// Questions that may wait; one more is answered with `Busy`.
    pub queue: usize,
    /// Threads of the model while it writes.
    pub threads: u32,
    /// Threads of the model while it reads prompts.
    pub prompt_threads: u32,
    /// The most tokens of one step.
    pub batch: u32,
    /// Tokens computed at once within a step.
    pub micro_batch: u32,
    /// About how long a step may take while answers are being written: shorter keeps them smoother, longer reads other
    /// prompts faster.
    pub longest_step: Duration,
    /// Whether attention is computed blockwise; `None` where the model and the machine can.
    pub flash_attention: Option<bool>,
    /// How keys and values are stored.
    pub kv_type: KvType,
    /// Whether the weights are mapped from the file, so that two workers share them, or read into memory.
    pub mmap: bool,
    /// Whether the weights may never be swapped out.
    pub mlock: bool,
    /// What it is computed on.
    pub device: Device,
    /// Layers to put on the GPU; `None` as many as fit.
    pub gpu_layers: Option<u32>,
}

/// Answers there may be at the same time (llama.cpp's `LLAMA_MAX_SEQ`).
pub const MOST_SLOTS: u32 = 256;

/// How the context stores keys and values. Smaller saves memory, and all but `F16` need flash attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KvType {
    /// Two bytes a number.
    #[default]
    F16,
    /// A little over one byte a number.
    Q8_0,
    /// A little over half a byte a number.
    Q4_0,
}

impl KvType {
    /// The word in `worker.yaml`, which is llama.cpp's.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::Q8_0 => "q8_0",
            Self::Q4_0 => "q4_0",
        }
    }

    /// The type of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::F16, Self::Q8_0, Self::Q4_0].into_iter().find(|kind| kind.as_str() == name)
    }

    pub(crate) fn native(self) -> KvCacheType {
        match self {
            Self::F16 => KvCacheType::F16,
            Self::Q8_0 => KvCacheType::Q8_0,
            Self::Q4_0 => KvCacheType::Q4_0,
        }
    }
}

/// The model could not be loaded.
#[derive(Debug, thiserror::Error)]
#[error("loading the language model {}: {cause}", path.display())]
pub struct LoadError {
    /// The file.
    pub path: PathBuf,
    /// What went wrong, one clause.
    pub cause: String,
}

/// A loaded model and the thread that runs it. Dropping it ends the thread: running answers are
/// failed with `Stopping`.
pub struct LlamaGenerator {
    identity: ModelIdentity,
    model: Arc<LlamaModel>,
    template: ChatTemplate,
    stats: Arc<EngineStats>,
    queue: Option<SyncSender<Job>>,
    queue_length: usize,
    gpus: Vec<usize>,
    gpu_layers: u32,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for LlamaGenerator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LlamaGenerator").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl LlamaGenerator {
    /// Loads the GGUF file at `path`, whose SHA-256 is known (`hash`), and starts its thread. `progress` is told the
    /// loaded share (0.0–1.0) from time to time.
    pub fn load(
        path: &Path,
        sha256: String,
        settings: &EngineSettings,
        progress: impl FnMut(f32) + 'static,
    ) -> Result<Self, LoadError> {
        let fail = |cause: String| LoadError { path: path.to_owned(), cause };
        let loaded = load_model(path, settings, progress).map_err(|e| fail(e.to_string()))?;
        let Loaded { backend, model, gpus, gpu_layers } = loaded;
        let context = settings.context.min(model.n_ctx_train());
        let meta = |key: &str| model.meta_val_str(key).ok().filter(|value| !value.is_empty());
        let file = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let stem = path.file_stem().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let identity = ModelIdentity {
            // The metadata's name is often that of some ancestor model; operators know the file's.
            name: stem,
            file,
            sha256,
            quantization: model_file::quantization(
                &meta("general.file_type").unwrap_or_else(|| "unknown".to_owned()),
            ),
            context: context as usize,
        };
        let source = meta("tokenizer.chat_template");
        if source.is_none() {
            tracing::warn!(
                model = identity.name,
                "the model carries no chat template: it is a base model, and answers will be poor"
            );
        }
        let template = compile_template(&model, source)
            .map_err(|e| fail(format!("its chat template does not compile: {e}")))?;

        let slots = settings.slots.clamp(1, MOST_SLOTS);
        let context_params = context_params(settings, context);
        // Such models keep a state that cannot be taken up in the middle.
        let sharing = !model.is_recurrent() && !model.is_hybrid();
        let bounds = Bounds {
            slots: slots as usize,
            kept: settings.kept_prompts as usize,
            kept_memory: usize::try_from(settings.kept_memory).unwrap_or(usize::MAX),
            sharing,
            pace: Pace::new(settings.longest_step, settings.batch as usize),
        };

        let model = Arc::new(model);
        let stats = Arc::new(EngineStats::default());
        let (queue, jobs) = sync_channel(settings.queue.max(1));
        let (started, ready) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("llama".to_owned())
            .spawn({
                let (model, stats) = (Arc::clone(&model), Arc::clone(&stats));
                move || {
                    let context = match model.new_context(backend, context_params) {
                        Ok(context) => context,
                        Err(error) => {
                            // The other side waits for exactly one message; it cannot be gone.
                            let _ = started.send(Err(error.to_string()));
                            return;
                        }
                    };
                    let _ = started.send(Ok(()));
                    batching::run(&model, context, bounds, &jobs, &stats);
                }
            })
            .map_err(|e| fail(format!("starting its thread: {e}")))?;
        ready.recv().unwrap_or_else(|_| Err("its thread died".to_owned())).map_err(|e| {
            fail(format!("making room for {slots} answers of {context} tokens: {e}"))
        })?;

        Ok(Self {
            identity,
            model,
            template,
            stats,
            queue: Some(queue),
            queue_length: settings.queue.max(1),
            gpus,
            gpu_layers,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// What the engine has done so far.
    pub fn stats(&self) -> Arc<EngineStats> {
        Arc::clone(&self.stats)
    }

    /// What the model is computed on, and the memory there now.
    pub fn devices(&self) -> Vec<DeviceInUse> {
        device::in_use(&self.gpus)
    }

    /// Bytes of the model's weights, wherever they are.
    pub fn weights(&self) -> u64 {
        self.model.size()
    }

    /// Layers on the GPU, and how many there are.
    pub fn layers(&self) -> (u32, u32) {
        (self.gpu_layers, self.model.n_layer() + 1)
    }

    /// The conversation's tokens, and those of what was `said` of the answer already behind them.
    fn tokenize(&self, messages: &[Message], said: &str) -> Result<Vec<LlamaToken>, GenerateError> {
        let prompt = self.template.render(messages, said).map_err(|error| {
            GenerateError::Failed(format!("the model's chat template refuses this: {error}"))
        })?;
        let vocab = self.model.vocab();
        let tokens = vocab.tokenize(prompt.as_bytes(), false, true);
        if vocab.should_add_bos() && tokens.first() != Some(&vocab.bos()) {
            return Ok(vocab.tokenize(prompt.as_bytes(), true, true));
        }
        Ok(tokens)
    }
}

fn compile_template(
    model: &LlamaModel,
    source: Option<String>,
) -> Result<ChatTemplate, minijinja::Error> {
    let vocab = model.vocab();
    // −1 is llama.cpp's "there is no such token"; its text is empty.
    let text = |token: LlamaToken| {
        if token.0 < 0 {
            return String::new();
        }
        vocab.text(token).map_or_else(String::new, |text| text.to_string_lossy().into_owned())
    };
    let control = vocab
        .tokens()
        .filter(|&token| vocab.is_control(token))
        .map(text)
        // A one-character "control token" would break ordinary text; none is known.
        .filter(|text| text.chars().count() > 2)
        .collect();
    ChatTemplate::new(source, text(vocab.bos()), text(vocab.eos()), control)
}

impl Generator for LlamaGenerator {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn count_tokens(&self, messages: &[Message]) -> Result<usize, GenerateError> {
        Ok(self.tokenize(messages, "")?.len())
    }

    fn submit(
        &self,
        request: GenerateRequest,
        sink: Box<dyn AnswerSink>,
    ) -> Result<(), GenerateError> {
        let prompt = self.tokenize(&request.messages, &request.said)?;
        let said = if request.said.is_empty() {
            0
        } else {
            prompt.len().saturating_sub(self.count_tokens(&request.messages)?)
        };
        let context = self.identity.context;
        if prompt.len() >= context {
            return Err(GenerateError::TooLong { tokens: prompt.len(), context });
        }
        let max_tokens = request.max_tokens.saturating_sub(said).min(context - prompt.len());
        let (form, likeliest) = (request.form.as_ref(), request.likelihoods);
        let mut choosing = Choosing::new(&self.model, &request.sampling, form, likeliest)?;
        choosing.take_in(&prompt[prompt.len() - said..])?;
        let (stop, caller) = (request.stop, request.caller);
        let trace = Trace::waiting();
        let job = Job { prompt, said, max_tokens, choosing, stop, caller, sink, trace };
        let Some(queue) = &self.queue else { return Err(GenerateError::Stopping) };
        self.stats.waiting.fetch_add(1, Ordering::Relaxed);
        queue.try_send(job).map_err(|error| {
            self.stats.waiting.fetch_sub(1, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => GenerateError::Busy { waiting: self.queue_length },
                TrySendError::Disconnected(_) => GenerateError::Stopping,
            }
        })
    }
}

impl Drop for LlamaGenerator {
    fn drop(&mut self) {
        // The thread ends when the queue is closed.
        self.queue = None;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the engine's thread had panicked");
        }
    }
}
