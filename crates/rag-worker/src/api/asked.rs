//! What is asked, in whichever shape it came: every answer begins with one of these.

use rag_core::{Form, Message, Sampling};
use uuid::Uuid;

use super::error::ApiError;
use super::wire::ChatRequest;
use crate::answering::Selection;

/// A request for an answer, checked.
#[derive(Debug)]
pub(super) struct Asked {
    /// The answer's name.
    pub(super) name: Uuid,
    pub(super) conversation: Vec<Message>,
    /// What was said of the answer already.
    pub(super) said: String,
    pub(super) sampling: Sampling,
    pub(super) stop: Vec<String>,
    pub(super) form: Option<Form>,
    /// Whether it is to be said how likely tokens are, and of how many others.
    pub(super) likelihoods: Option<usize>,
    pub(super) choices: u32,
    /// The most tokens; as the settings say when the request does not.
    pub(super) max_tokens: Option<usize>,
    /// Which passages may be used; as the settings say when the request does not.
    pub(super) selection: Option<Selection>,
}

impl Asked {
    /// A plain question: one answer of any form.
    pub(super) fn plain(conversation: Vec<Message>) -> Self {
        let name = Uuid::new_v4();
        Self {
            name,
            conversation,
            said: String::new(),
            sampling: Sampling { seed: seed(name), ..Sampling::default() },
            stop: Vec::new(),
            form: None,
            likelihoods: None,
            choices: 1,
            max_tokens: None,
            selection: None,
        }
    }

    /// What OpenAI's clients ask.
    pub(super) fn of(request: &ChatRequest) -> Result<Self, ApiError> {
        request.check_supported()?;
        let (conversation, said) = request.conversation()?;
        let plain = Self::plain(conversation);
        Ok(Self {
            said,
            sampling: request.sampling(plain.sampling.seed)?,
            stop: request.stop()?,
            form: request.form()?,
            likelihoods: request.likelihoods()?,
            choices: request.choices()?,
            max_tokens: request.max_tokens()?,
            ..plain
        })
    }
}

/// Without a seed every answer is another one, as OpenAI's are.
fn seed(name: Uuid) -> u32 {
    name.as_u128() as u32
}
