//! Why an embedding or a reranker could not be opened.

use std::path::PathBuf;

use crate::description::{RERANKER_FILE, example};

/// Opening failed; the message names the file and the cause, `hint` what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The model's folder is not there.
    #[error("{}: no such folder", folder.display())]
    NoFolder {
        /// Where it was looked for.
        folder: PathBuf,
        /// The description file that was to be in it.
        description: &'static str,
    },
    /// A file of the folder is missing or cannot be read.
    #[error("{}: {cause}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// The description file does not say what it must.
    #[error("{}: {cause}", file.display())]
    Description {
        /// The description file.
        file: PathBuf,
        /// What is wrong, one clause.
        cause: String,
    },
    /// ONNX Runtime is not there, or would not start.
    #[error("ONNX Runtime: {cause}")]
    Runtime {
        /// What was tried.
        cause: String,
    },
    /// The model or its tokenizer would not load, or gives something else than it declares.
    #[error("{}: {cause}", file.display())]
    Model {
        /// The model or tokenizer file.
        file: PathBuf,
        /// What is wrong, one clause.
        cause: String,
    },
}

impl OpenError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NoFolder { description, .. } if *description == RERANKER_FILE => {
                "name another folder; docs/OPERATIONS.md says where a reranker comes from".to_owned()
            }
            Self::NoFolder { .. } => {
                "fetch the models with scripts/fetch-models, or name another folder".to_owned()
            }
            Self::Runtime { .. } => {
                "run scripts/fetch-models, or set ORT_DYLIB_PATH to libonnxruntime.so (1.24 or later)"
                    .to_owned()
            }
            Self::Unreadable { file, .. }
            | Self::Description { file, .. }
            | Self::Model { file, .. } => match example(file) {
                Some(example) => format!("a description file looks like this: {example}"),
                None => "fetch the model again (scripts/fetch-models fetches the embeddings), or correct its \
                         description file"
                    .to_owned(),
            },
        }
    }
}
