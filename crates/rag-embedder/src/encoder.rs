//! An ONNX graph that turns the tokens of a text into its vector.
//!
//! ONNX Runtime is asked directly here: fastembed loads a model from memory only, and a tokenizer with each copy, which for a
//! vocabulary of 250,000 words takes several times the memory. The vectors are the same to the bit (tests/models.rs).

use std::path::Path;

use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, PrepackedWeights};
use ort::value::Tensor;
use rag_core::Pooling;
use tokenizers::Encoding;

/// The output that holds the vectors, where a graph has several; the first that is there.
const OUTPUTS: [&str; 3] = ["text_embeds", "last_hidden_state", "sentence_embedding"];
/// Keeps a vector of zeros from being divided by zero.
const EPSILON: f32 = 1e-12;

/// One copy of the graph, which runs one text at a time on one thread.
pub(crate) struct Encoder {
    session: Session,
    output: String,
    needs_token_types: bool,
    pooling: Pooling,
}

impl Encoder {
    /// Loads the graph in `file`; weights that are rearranged for this processor are shared through `weights`.
    ///
    /// # Errors
    /// What ONNX Runtime says, or that the graph has no output that could be a vector.
    pub(crate) fn load(
        environment: &Environment,
        file: &Path,
        pooling: Pooling,
        weights: &PrepackedWeights,
    ) -> Result<Self, String> {
        fn said(error: impl std::fmt::Display) -> String {
            error.to_string()
        }
        let session = Session::builder(environment)
            .map_err(said)?
            .with_optimization_level(GraphOptimizationLevel::Level3)
            .map_err(said)?
            .with_intra_threads(1)
            .map_err(said)?
            .with_prepacked_weights(weights)
            .map_err(said)?
            .commit_from_file(file)
            .map_err(said)?;
        let names: Vec<&str> = session.outputs().iter().map(|output| output.name()).collect();
        let output = match names[..] {
            [only] => Some(only),
            _ => OUTPUTS.into_iter().find(|wanted| names.contains(wanted)),
        };
        let Some(output) = output.map(str::to_owned) else {
            return Err(format!("none of its outputs ({}) is a vector", names.join(", ")));
        };
        let needs_token_types =
            session.inputs().iter().any(|input| input.name() == "token_type_ids");
        Ok(Self { session, output, needs_token_types, pooling })
    }

    /// The vector of a text, of length 1.
    ///
    /// # Errors
    /// What ONNX Runtime says, or that the output has another shape than a vector, or one for each token.
    pub(crate) fn vector(&mut self, text: &Encoding) -> Result<Vec<f32>, String> {
        let tokens = text.len();
        let tensor = |values: &[u32]| {
            let values: Vec<i64> = values.iter().map(|&value| value.into()).collect();
            Tensor::from_array(([1, tokens], values)).map_err(|error| error.to_string())
        };
        let mut inputs = ort::inputs![
            "input_ids" => tensor(text.get_ids())?,
            "attention_mask" => tensor(text.get_attention_mask())?,
        ];
        if self.needs_token_types {
            inputs.push(("token_type_ids".into(), tensor(text.get_type_ids())?.into()));
        }
        let outputs = self.session.run(inputs).map_err(|error| error.to_string())?;
        let output = outputs.get(&self.output).ok_or("the vector is missing from its outputs")?;
        let (shape, values) = output.try_extract_tensor::<f32>().map_err(|e| e.to_string())?;
        let pooled = match shape[..] {
            [1, _] => values.to_vec(),
            [1, rows, columns] if rows > 0 && columns > 0 => {
                pool(self.pooling, values, columns as usize)
            }
            _ => return Err(format!("its output `{}` has the shape {shape}", self.output)),
        };
        Ok(normalized(&pooled))
    }
}

/// One vector of those of the tokens, `columns` numbers each.
fn pool(pooling: Pooling, values: &[f32], columns: usize) -> Vec<f32> {
    let mut rows = values.chunks_exact(columns);
    match pooling {
        Pooling::Cls => rows.next().unwrap_or_default().to_vec(),
        Pooling::Mean => {
            let count = rows.len() as f32;
            let mut sum = vec![0.0; columns];
            for row in rows {
                sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
            sum.into_iter().map(|sum| sum / count).collect()
        }
    }
}

fn normalized(vector: &[f32]) -> Vec<f32> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt() + EPSILON;
    vector.iter().map(|value| value / length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_token_or_the_mean_of_all() {
        let tokens = [1.0, 2.0, 3.0, 6.0];
        assert_eq!(pool(Pooling::Cls, &tokens, 2), [1.0, 2.0]);
        assert_eq!(pool(Pooling::Mean, &tokens, 2), [2.0, 4.0]);
    }

    #[test]
    fn a_vector_has_the_length_one_unless_it_is_zero() {
        assert_eq!(normalized(&[3.0, 4.0]), [0.6, 0.8]);
        assert_eq!(normalized(&[0.0, 0.0]), [0.0, 0.0]);
    }
}
