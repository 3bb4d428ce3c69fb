//! The generator that the worker holds: loads a GGUF file, renders, tokenizes, and queues.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::token::LlamaToken;
use rag_core::{AnswerSink, GenerateError, GenerateRequest, Generator, Message, ModelIdentity};

use crate::batching::{self, Job};
use crate::model_file;
use crate::stats::EngineStats;
use crate::template::ChatTemplate;

/// How the model is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineSettings {
    /// Tokens each answer may use, prompt included. The memory for `context × slots` is taken at start.
    pub context: u32,
    /// Answers made at the same time.
    pub slots: u32,
    /// Questions that may wait; one more is answered with `Busy`.
    pub queue: usize,
    /// Threads of the model.
    pub threads: u32,
    /// Prompt tokens computed in one step: smaller keeps running answers smoother, larger reads
    /// prompts faster.
    pub batch: u32,
    /// Layers to put on the GPU; `None` as many as fit.
    pub gpu_layers: Option<u32>,
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
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for LlamaGenerator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LlamaGenerator").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// llama.cpp's process-wide state: made once, never torn down.
fn backend() -> Result<&'static LlamaBackend, String> {
    static BACKEND: OnceLock<Result<LlamaBackend, String>> = OnceLock::new();
    BACKEND
        .get_or_init(|| {
            llama_cpp_2::send_logs_to_tracing(llama_cpp_2::LogOptions::default());
            LlamaBackend::init().map_err(|e| format!("starting llama.cpp: {e}"))
        })
        .as_ref()
        .map_err(Clone::clone)
}

impl LlamaGenerator {
    /// Loads the GGUF file at `path` and starts its thread. `progress` is told the loaded share
    /// (0.0–1.0) from time to time.
    pub fn load(
        path: &Path,
        settings: &EngineSettings,
        mut progress: impl FnMut(f32) + 'static,
    ) -> Result<Self, LoadError> {
        let fail = |cause: String| LoadError { path: path.to_owned(), cause };
        let sha256 = model_file::check_and_hash(path).map_err(|e| fail(e.to_string()))?;
        let backend = backend().map_err(fail)?;

        let mut params = LlamaModelParams::default().with_progress_callback(move |share| {
            progress(share);
            true
        });
        if let Some(layers) = settings.gpu_layers {
            params = params.with_n_gpu_layers(layers);
        }
        let model = LlamaModel::load_from_file(backend, path, &params).map_err(|_| {
            fail(
                "llama.cpp cannot read it: the file is damaged or its architecture is unknown"
                    .into(),
            )
        })?;

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

        let context_params = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(context * settings.slots))
            .with_n_batch(settings.batch)
            .with_n_ubatch(settings.batch)
            .with_n_seq_max(settings.slots)
            // One pool of cells for all answers: without it every answer gets a fixed share.
            .with_kv_unified(true)
            .with_n_threads(i32::try_from(settings.threads).unwrap_or(i32::MAX))
            .with_n_threads_batch(i32::try_from(settings.threads).unwrap_or(i32::MAX));

        let model = Arc::new(model);
        let stats = Arc::new(EngineStats::default());
        let (queue, jobs) = sync_channel(settings.queue.max(1));
        let (started, ready) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("llama".to_owned())
            .spawn({
                let (model, stats, slots) =
                    (Arc::clone(&model), Arc::clone(&stats), settings.slots);
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
                    batching::run(&model, context, slots, &jobs, &stats);
                }
            })
            .map_err(|e| fail(format!("starting its thread: {e}")))?;
        ready.recv().unwrap_or_else(|_| Err("its thread died".to_owned())).map_err(|e| {
            fail(format!("making room for {} × {context} tokens: {e}", settings.slots))
        })?;

        Ok(Self {
            identity,
            model,
            template,
            stats,
            queue: Some(queue),
            queue_length: settings.queue.max(1),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// What the engine has done so far.
    pub fn stats(&self) -> Arc<EngineStats> {
        Arc::clone(&self.stats)
    }

    fn tokenize(&self, messages: &[Message]) -> Result<Vec<LlamaToken>, GenerateError> {
        let prompt = self.template.render(messages).map_err(|error| {
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
        Ok(self.tokenize(messages)?.len())
    }

    fn submit(
        &self,
        request: GenerateRequest,
        sink: Box<dyn AnswerSink>,
    ) -> Result<(), GenerateError> {
        let prompt = self.tokenize(&request.messages)?;
        let context = self.identity.context;
        if prompt.len() >= context {
            return Err(GenerateError::TooLong { tokens: prompt.len(), context });
        }
        let max_tokens = request.max_tokens.min(context - prompt.len());
        let job = Job { prompt, max_tokens, sampling: request.sampling, stop: request.stop, sink };
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
