//! Whether a device computes this model at all, tried with a few tokens.
//!
//! What a processor or a driver says of itself is not always true, and an instruction that is not there ends the process.
//! So this runs in a process of its own, before anything depends on it.

use std::num::NonZeroU32;
use std::path::Path;

use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::token::LlamaToken;

use crate::device::NoSuchDevice;
use crate::engine::EngineSettings;
use crate::loading::{Loaded, computing, load_model};

/// Tokens of the prompt: enough for the code that computes many at once.
const PROMPT: i32 = 70;

/// Why a device is not to be used.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// It is not there.
    #[error(transparent)]
    NoSuchDevice(#[from] NoSuchDevice),
    /// It is there, and the model cannot be computed on it.
    #[error("{0}")]
    Failed(String),
}

/// Loads the model at `path` as `settings` say and computes a prompt and one token more. A device that lies ends the
/// process by a signal.
///
/// # Errors
/// When there is no such device, the model cannot be loaded there, or what it computes are no numbers.
pub fn prove(path: &Path, settings: &EngineSettings) -> Result<(), ProofError> {
    let fail =
        |what: &str, cause: &dyn std::fmt::Display| ProofError::Failed(format!("{what}: {cause}"));
    let Loaded { backend, model, .. } = load_model(path, settings, |_| ())?;
    let length = PROMPT.unsigned_abs() + 1;
    let batch = settings.micro_batch.max(length);
    let params = computing(settings)
        .with_n_ctx(NonZeroU32::new(length))
        .with_n_batch(batch)
        .with_n_ubatch(batch);
    let mut context =
        model.new_context(backend, params).map_err(|e| fail("making room for a few tokens", &e))?;
    let vocabulary = model.n_vocab().max(1);
    let mut compute = |range: std::ops::Range<i32>| -> Result<(), ProofError> {
        let mut batch = LlamaBatch::new(length as usize, 1);
        for position in range.clone() {
            let token = LlamaToken(position % vocabulary);
            batch
                .add(token, position, &[0], position + 1 == range.end)
                .map_err(|e| fail("filling a batch", &e))?;
        }
        context.decode(&mut batch).map_err(|e| fail("computing a few tokens", &e))?;
        let logits = context.get_logits_ith(batch.n_tokens() - 1);
        if logits.iter().all(|logit| logit.is_finite()) {
            Ok(())
        } else {
            Err(ProofError::Failed("what it computes are no numbers".to_owned()))
        }
    };
    compute(0..PROMPT)?;
    compute(PROMPT..PROMPT + 1)
}
