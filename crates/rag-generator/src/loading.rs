//! From a file to a model on its device, and how its context is made.

use std::ffi::CString;
use std::num::NonZeroU32;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;

use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;

use crate::device::{self, Device};
use crate::engine::{EngineSettings, MOST_SLOTS};
use crate::proof::ProofError;

/// llama.cpp's process-wide state: made once, for one device, and never torn down.
fn backend(device: &Device) -> Result<&'static LlamaBackend, String> {
    static BACKEND: OnceLock<Result<LlamaBackend, String>> = OnceLock::new();
    BACKEND
        .get_or_init(|| {
            llama_cpp_2::send_logs_to_tracing(llama_cpp_2::LogOptions::default());
            device::load_libraries(device).map_err(|e| format!("loading llama.cpp's code: {e}"))?;
            LlamaBackend::init().map_err(|e| format!("starting llama.cpp: {e}"))
        })
        .as_ref()
        .map_err(Clone::clone)
}

/// A model on its device.
pub(crate) struct Loaded {
    pub(crate) backend: &'static LlamaBackend,
    pub(crate) model: LlamaModel,
    /// llama.cpp's numbers of its GPUs.
    pub(crate) gpus: Vec<usize>,
    /// Layers on those, the output counted as one more.
    pub(crate) gpu_layers: u32,
}

/// Bytes of a GPU that stay free when as many layers as fit are put there: drivers and displays take some, too.
const LEFT_FREE: usize = 512 << 20;
/// ggml.h, `GGML_LOG_LEVEL_ERROR`.
const ERRORS: u32 = 4;

/// Loads a model onto its device. `progress` is told the loaded share (0.0–1.0) from time to time.
pub(crate) fn load_model(
    path: &Path,
    settings: &EngineSettings,
    mut progress: impl FnMut(f32) + 'static,
) -> Result<Loaded, ProofError> {
    let failed = |cause: &dyn std::fmt::Display| ProofError::Failed(cause.to_string());
    let backend = backend(&settings.device).map_err(ProofError::Failed)?;
    let gpus = settings.device.numbers()?;
    let mut params = LlamaModelParams::default()
        .with_use_mmap(settings.mmap)
        .with_use_mlock(settings.mlock)
        .with_devices(&gpus)
        .map_err(|e| failed(&e))?
        .with_progress_callback(move |share| {
            progress(share);
            true
        });
    let layers = if gpus.is_empty() { Some(0) } else { settings.gpu_layers };
    if let Some(layers) = layers {
        params = params.with_n_gpu_layers(layers);
    }
    let mut params = Box::pin(params);
    if layers.is_none() {
        let file = CString::new(path.as_os_str().as_bytes()).map_err(|e| failed(&e))?;
        let mut margins = vec![LEFT_FREE; llama_cpp_2::max_devices()];
        let mut context = context_params(settings, settings.context);
        params
            .as_mut()
            .fit_params(&file, &mut context, &mut margins, settings.context, ERRORS)
            .map_err(|e| failed(&format!("finding how many layers fit: {e}")))?;
    }
    let model = LlamaModel::load_from_file(backend, path, &params).map_err(|_| {
        failed(&"llama.cpp cannot read it: the file is damaged or its architecture is unknown")
    })?;
    // A negative number is llama.cpp's "all".
    let asked = u32::try_from(params.n_gpu_layers()).unwrap_or(u32::MAX);
    let gpu_layers = if gpus.is_empty() { 0 } else { asked.min(model.n_layer() + 1) };
    Ok(Loaded { backend, model, gpus, gpu_layers })
}

/// How the context is made, with `context` tokens for each answer.
pub(crate) fn context_params(settings: &EngineSettings, context: u32) -> LlamaContextParams {
    let slots = settings.slots.clamp(1, MOST_SLOTS);
    computing(settings)
        .with_n_ctx(NonZeroU32::new(context.saturating_mul(slots)))
        .with_n_batch(settings.batch)
        .with_n_ubatch(settings.micro_batch.min(settings.batch))
        .with_n_seq_max(slots)
        // Every answer has cells of its own: a token is compared with those of its own answer only.
        .with_kv_unified(false)
        // Models that look back a window only would forget what a later prompt goes on from.
        .with_swa_full(true)
}

/// How tokens are computed, however many there are.
pub(crate) fn computing(settings: &EngineSettings) -> LlamaContextParams {
    let native = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    LlamaContextParams::default()
        .with_flash_attention_policy(settings.flash_attention.map_or(-1, i32::from))
        .with_type_k(settings.kv_type.native())
        .with_type_v(settings.kv_type.native())
        .with_n_threads(native(settings.threads))
        .with_n_threads_batch(native(settings.prompt_threads))
}
