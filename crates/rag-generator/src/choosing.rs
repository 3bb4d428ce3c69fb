//! The next token: llama.cpp's samplers, the form an answer must have, and how likely a token was.

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token::data::LlamaTokenData;
use llama_cpp_2::token::data_array::LlamaTokenDataArray;
use llama_cpp_2::token::logit_bias::LlamaLogitBias;
use llama_cpp_2::vocab::LlamaVocab;
use rag_core::{Form, GenerateError, Likelihood, Sampling, TokenChoice};

/// Tokens that the penalties look back at, llama.cpp's own default.
const PENALTY_WINDOW: i32 = 64;

/// Chooses the tokens of one answer.
pub(crate) struct Choosing {
    sampler: LlamaSampler,
    /// Lets only tokens through that keep the form.
    grammar: Option<LlamaSampler>,
    likeliest: Option<usize>,
}

impl Choosing {
    /// # Errors
    /// When the form is not one llama.cpp can keep.
    pub(crate) fn new(
        model: &LlamaModel,
        sampling: &Sampling,
        form: Option<&Form>,
        likeliest: Option<usize>,
    ) -> Result<Self, GenerateError> {
        let grammar = form.map(|form| grammar(model, form)).transpose()?;
        Ok(Self { sampler: sampler(sampling, model.vocab().n_tokens()), grammar, likeliest })
    }

    /// Takes in tokens that were chosen before, elsewhere.
    ///
    /// # Errors
    /// When they have not the form.
    pub(crate) fn take_in(&mut self, tokens: &[LlamaToken]) -> Result<(), GenerateError> {
        for token in tokens {
            self.sampler.accept(*token);
            if let Some(grammar) = &mut self.grammar {
                grammar.try_accept(*token).map_err(|_| {
                    GenerateError::Form("what was said already does not have it".to_owned())
                })?;
            }
        }
        Ok(())
    }

    /// Chooses the next token from the logits at `index`, and says how likely it was where that is asked for.
    pub(crate) fn choose(
        &mut self,
        context: &LlamaContext<'_>,
        vocab: &LlamaVocab<'_>,
        index: i32,
    ) -> (LlamaToken, Option<TokenChoice>) {
        let token = match &mut self.grammar {
            None => self.sampler.sample(context, index),
            Some(grammar) => in_form(&mut self.sampler, grammar, context, index),
        };
        let choice =
            self.likeliest.map(|count| choice(context.get_logits_ith(index), vocab, token, count));
        (token, choice)
    }
}

/// Chooses without the form first: asking the grammar about one token is cheap, about all of them dear.
fn in_form(
    sampler: &mut LlamaSampler,
    grammar: &mut LlamaSampler,
    context: &LlamaContext<'_>,
    index: i32,
) -> LlamaToken {
    let mut candidates = context.token_data_array_ith(index);
    sampler.apply(&mut candidates);
    let free = candidates.selected_token().filter(|token| {
        let mut alone =
            LlamaTokenDataArray::new(vec![LlamaTokenData::new(*token, 1.0, 0.0)], false);
        grammar.apply(&mut alone);
        alone.data.first().is_some_and(|data| data.logit().is_finite())
    });
    let token = free.unwrap_or_else(|| {
        let mut candidates = context.token_data_array_ith(index);
        grammar.apply(&mut candidates);
        candidates.data.retain(|data| data.logit().is_finite());
        sampler.apply(&mut candidates);
        let first = || candidates.data.first().map(LlamaTokenData::id);
        candidates.selected_token().or_else(first).unwrap_or(LlamaToken(0))
    });
    sampler.accept(token);
    grammar.accept(token);
    token
}

/// llama.cpp's samplers in its own default order: bias, penalties, top-k, top-p, min-p, temperature, choice.
fn sampler(sampling: &Sampling, vocabulary: i32) -> LlamaSampler {
    let known = |token: &i32| (0..vocabulary).contains(token);
    let biases: Vec<LlamaLogitBias> = sampling
        .logit_bias
        .iter()
        .filter(|(token, _)| known(token))
        .map(|(token, bias)| LlamaLogitBias::new(LlamaToken(*token), *bias))
        .collect();
    let mut chain = Vec::with_capacity(7);
    if !biases.is_empty() {
        chain.push(LlamaSampler::logit_bias(vocabulary, &biases));
    }
    chain.push(LlamaSampler::penalties(
        vocabulary,
        PENALTY_WINDOW,
        sampling.repeat_penalty,
        sampling.frequency_penalty,
        sampling.presence_penalty,
    ));
    if sampling.temperature <= 0.0 {
        chain.push(LlamaSampler::greedy());
    } else {
        chain.extend([
            LlamaSampler::top_k(i32::try_from(sampling.top_k).unwrap_or(i32::MAX)),
            LlamaSampler::top_p(sampling.top_p, 1),
            LlamaSampler::min_p(sampling.min_p, 1),
            LlamaSampler::temp(sampling.temperature),
            LlamaSampler::dist(sampling.seed),
        ]);
    }
    LlamaSampler::chain_simple(chain)
}

fn grammar(model: &LlamaModel, form: &Form) -> Result<LlamaSampler, GenerateError> {
    let from_schema = |schema: &str| {
        llama_cpp_2::json_schema_to_grammar(schema).map_err(|_| {
            GenerateError::Form("llama.cpp cannot make a grammar of the JSON schema".to_owned())
        })
    };
    let text = match form {
        Form::Json => from_schema(r#"{"type":"object"}"#)?,
        Form::Schema(schema) => from_schema(schema)?,
        Form::Grammar(text) => text.clone(),
    };
    LlamaSampler::grammar(model, &text, "root")
        .map_err(|error| GenerateError::Form(format!("llama.cpp cannot read the grammar: {error}")))
}

/// How likely `token` was by these logits, and the `count` likeliest: log-softmax over the whole vocabulary.
fn choice(logits: &[f32], vocab: &LlamaVocab<'_>, token: LlamaToken, count: usize) -> TokenChoice {
    let log_sum = log_sum_exp(logits);
    let likelihood = |at: usize| Likelihood {
        bytes: vocab.token_to_piece(LlamaToken(i32::try_from(at).unwrap_or(-1)), true, None),
        logprob: logits.get(at).map_or(f32::NEG_INFINITY, |logit| logit - log_sum),
    };
    TokenChoice {
        chosen: likelihood(usize::try_from(token.0).unwrap_or(usize::MAX)),
        likeliest: largest(logits, count).into_iter().map(likelihood).collect(),
    }
}

/// ln Σ exp(x), kept from overflow by taking the largest out first.
fn log_sum_exp(logits: &[f32]) -> f32 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|logit| f64::from(logit - most).exp()).sum();
    most + sum.ln() as f32
}

/// The places of the `count` largest, largest first.
fn largest(logits: &[f32], count: usize) -> Vec<usize> {
    // Usual: only the chosen token's likelihood is asked for.
    if count == 0 {
        return Vec::new();
    }
    let mut places: Vec<usize> = (0..logits.len()).collect();
    let descending = |a: &usize, b: &usize| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b));
    if count < places.len() {
        places.select_nth_unstable_by(count, descending);
        places.truncate(count);
    }
    places.sort_unstable_by(descending);
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_add_up_to_one() {
        let logits = [1000.0, 999.0, 998.0, -1000.0];
        let log_sum = log_sum_exp(&logits);
        let sum: f32 = logits.iter().map(|logit| (logit - log_sum).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-4, "{sum}");
    }

    #[test]
    fn the_largest_come_first() {
        assert_eq!(largest(&[0.5, 3.0, -1.0, 3.0, 2.0], 3), [1, 3, 4]);
        assert_eq!(largest(&[0.5, 3.0], 5), [1, 0]);
        assert!(largest(&[0.5], 0).is_empty());
    }
}
