//! OpenAI's chat request, and the JSON of citations and usage.

use std::collections::BTreeMap;

use rag_core::{
    Citation, Form, Generated, Likelihood, Message, Passage, Role, Sampling, TokenChoice,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::object::Object;

/// `POST /v1/chat/completions`. Fields that would change the answer and are not supported are
/// refused; fields that only advise (`user`, `metadata`, `store`) are accepted and not used.
#[derive(Debug, Deserialize)]
pub(crate) struct ChatRequest {
    /// Not looked at: a worker has one model.
    #[serde(rename = "model")]
    _model: Option<String>,
    messages: Vec<Object<WireMessage>>,
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<Object<StreamOptions>>,
    max_tokens: Option<usize>,
    max_completion_tokens: Option<usize>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u32>,
    min_p: Option<f64>,
    repeat_penalty: Option<f64>,
    frequency_penalty: Option<f64>,
    presence_penalty: Option<f64>,
    seed: Option<i64>,
    stop: Option<Stop>,
    n: Option<u32>,
    logprobs: Option<bool>,
    top_logprobs: Option<usize>,
    logit_bias: Option<BTreeMap<String, f64>>,
    tools: Option<Vec<Value>>,
    response_format: Option<ResponseFormat>,
    grammar: Option<String>,
    /// The last message is the beginning of the answer, which goes on from there (as in vLLM and Transformers).
    #[serde(default)]
    continue_final_message: bool,
    /// For the front door: which conversation it is.
    #[serde(rename = "metadata")]
    _metadata: Option<Map<String, Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResponseFormat {
    Text,
    JsonObject,
    JsonSchema { json_schema: Object<NamedSchema> },
}

#[derive(Debug, Deserialize)]
struct NamedSchema {
    /// Its name is the client's.
    #[serde(rename = "name")]
    _name: Option<String>,
    schema: Value,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireMessage {
    role: WireRole,
    content: Option<Content>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WireRole {
    System,
    Developer,
    User,
    Assistant,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "`content` must be a text or a list of text parts")]
enum Content {
    Text(String),
    Parts(Vec<Object<Part>>),
}

#[derive(Debug, Deserialize)]
struct Part {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "`stop` must be a text or a list of up to 4 texts")]
enum Stop {
    One(String),
    Many(Vec<String>),
}

/// OpenAI's limit on stop texts.
const MOST_STOPS: usize = 4;
/// OpenAI's limit on likely tokens.
const MOST_LIKELIEST: usize = 20;
/// OpenAI takes up to 128; each is an answer of its own to the engine.
const MOST_CHOICES: u32 = 8;
/// A grammar of more is hardly written by hand, and costs time at every token.
const LONGEST_FORM: usize = 64 << 10;

impl ChatRequest {
    /// Whether the answer is to come as it is made.
    pub(crate) fn wants_stream(&self) -> bool {
        self.stream.unwrap_or(false)
    }

    /// Whether the stream is to end with a usage event.
    pub(crate) fn wants_usage(&self) -> bool {
        self.stream_options.as_ref().is_some_and(|options| options.include_usage)
    }

    /// The most tokens of the answer, when the request says.
    pub(crate) fn max_tokens(&self) -> Result<Option<usize>, ApiError> {
        match self.max_completion_tokens.or(self.max_tokens) {
            Some(0) => {
                Err(ApiError::invalid("max_tokens must be at least 1").with_param("max_tokens"))
            }
            wanted => Ok(wanted),
        }
    }

    /// Refuses what would silently give another answer than the one asked for.
    pub(crate) fn check_supported(&self) -> Result<(), ApiError> {
        let refuse = |param: &'static str, why: &str| {
            Err(ApiError::invalid(format!("{param}: {why}")).with_param(param))
        };
        if self.tools.as_ref().is_some_and(|tools| !tools.is_empty()) {
            return refuse("tools", "the worker answers from documents and calls no tools");
        }
        Ok(())
    }

    /// How many answers are asked for.
    pub(crate) fn choices(&self) -> Result<u32, ApiError> {
        let n = self.n.unwrap_or(1);
        if (1..=MOST_CHOICES).contains(&n) {
            return Ok(n);
        }
        let message = format!("n is {n}, and must be between 1 and {MOST_CHOICES}");
        Err(ApiError::invalid(message).with_param("n"))
    }

    /// Whether it is to be said how likely tokens are, and of how many others.
    pub(crate) fn likelihoods(&self) -> Result<Option<usize>, ApiError> {
        let refuse = |message: String| Err(ApiError::invalid(message).with_param("top_logprobs"));
        match (self.logprobs.unwrap_or(false), self.top_logprobs) {
            (_, Some(most)) if most > MOST_LIKELIEST => {
                refuse(format!("top_logprobs is {most}, and at most {MOST_LIKELIEST} are given"))
            }
            (false, Some(_)) => refuse("top_logprobs needs logprobs: true".to_owned()),
            (false, None) => Ok(None),
            (true, most) => Ok(Some(most.unwrap_or(0))),
        }
    }

    /// The form the answer must have.
    pub(crate) fn form(&self) -> Result<Option<Form>, ApiError> {
        let format = match &self.response_format {
            None | Some(ResponseFormat::Text) => None,
            Some(ResponseFormat::JsonObject) => Some(Form::Json),
            Some(ResponseFormat::JsonSchema { json_schema }) => {
                Some(Form::Schema(json_schema.schema.to_string()))
            }
        };
        let form = match (format, &self.grammar) {
            (Some(_), Some(_)) => {
                let message = "an answer has one form: response_format or grammar";
                return Err(ApiError::invalid(message).with_param("grammar"));
            }
            (format, None) => format,
            (None, Some(grammar)) => Some(Form::Grammar(grammar.clone())),
        };
        match &form {
            Some(Form::Schema(text) | Form::Grammar(text)) if text.len() > LONGEST_FORM => {
                let length = text.len();
                let message = format!("the form has {length} bytes, and {LONGEST_FORM} are taken");
                Err(ApiError::invalid(message).with_param("response_format"))
            }
            _ => Ok(form),
        }
    }

    fn logit_bias(&self) -> Result<Vec<(i32, f32)>, ApiError> {
        let read = |(token, bias): (&String, &f64)| {
            let wrong = |why: &str| {
                ApiError::invalid(format!("logit_bias: `{token}` {why}")).with_param("logit_bias")
            };
            let number = token.parse().map_err(|_| wrong("is not the number of a token"))?;
            if !(-100.0..=100.0).contains(bias) {
                return Err(wrong("has a bias that is not between -100 and 100"));
            }
            Ok((number, *bias as f32))
        };
        self.logit_bias.iter().flatten().map(read).collect()
    }

    /// The conversation, and what was said of the answer already.
    pub(crate) fn conversation(&self) -> Result<(Vec<Message>, String), ApiError> {
        let mut messages =
            self.messages.iter().map(|message| message.read()).collect::<Result<Vec<_>, _>>()?;
        if !self.continue_final_message {
            return Ok((messages, String::new()));
        }
        let refuse = |why: &str| {
            let message = format!("continue_final_message: {why}");
            Err(ApiError::invalid(message).with_param("continue_final_message"))
        };
        if self.choices()? > 1 || self.likelihoods()?.is_some() {
            return refuse("only one answer, without logprobs, can be continued");
        }
        match messages.pop() {
            Some(last) if last.role == Role::Assistant => Ok((messages, last.content)),
            Some(_) | None => refuse("the last message must be the assistant's"),
        }
    }

    /// Whether another worker could go on with the answer in the middle.
    pub(crate) fn may_continue(&self) -> bool {
        matches!((self.choices(), self.likelihoods()), (Ok(1), Ok(None)))
    }

    /// How tokens are chosen. A request without a seed gets `seed`.
    pub(crate) fn sampling(&self, seed: u32) -> Result<Sampling, ApiError> {
        let usual = Sampling::default();
        let value = |param, value: Option<f64>, usual, least, most| {
            value.map_or(Ok(usual), |value| between(param, value, least, most))
        };
        Ok(Sampling {
            temperature: value("temperature", self.temperature, usual.temperature, 0.0, 2.0)?,
            top_p: value("top_p", self.top_p, usual.top_p, 0.0, 1.0)?,
            top_k: self.top_k.unwrap_or(usual.top_k),
            min_p: value("min_p", self.min_p, usual.min_p, 0.0, 1.0)?,
            repeat_penalty: value(
                "repeat_penalty",
                self.repeat_penalty,
                usual.repeat_penalty,
                0.1,
                10.0,
            )?,
            frequency_penalty: value("frequency_penalty", self.frequency_penalty, 0.0, -2.0, 2.0)?,
            presence_penalty: value("presence_penalty", self.presence_penalty, 0.0, -2.0, 2.0)?,
            logit_bias: self.logit_bias()?,
            // Any integer is a seed to OpenAI; the engine's has 32 bits.
            seed: self.seed.map_or(seed, |seed| (seed & i64::from(u32::MAX)) as u32),
        })
    }

    /// The stop texts.
    pub(crate) fn stop(&self) -> Result<Vec<String>, ApiError> {
        let stops = match &self.stop {
            None => vec![],
            Some(Stop::One(text)) => vec![text.clone()],
            Some(Stop::Many(texts)) => texts.clone(),
        };
        if stops.len() > MOST_STOPS {
            let message =
                format!("{} stop texts are given, and {MOST_STOPS} are taken", stops.len());
            return Err(ApiError::invalid(message).with_param("stop"));
        }
        Ok(stops)
    }
}

/// A number within its bounds, which are compared before anything is rounded.
pub(super) fn between(
    param: &'static str,
    value: f64,
    least: f64,
    most: f64,
) -> Result<f32, ApiError> {
    if (least..=most).contains(&value) {
        return Ok(value as f32);
    }
    let message = format!("{param} is {value}, and must be between {least} and {most}");
    Err(ApiError::invalid(message).with_param(param))
}

impl WireMessage {
    pub(super) fn read(&self) -> Result<Message, ApiError> {
        let role = match self.role {
            WireRole::System | WireRole::Developer => Role::System,
            WireRole::User => Role::User,
            WireRole::Assistant => Role::Assistant,
        };
        let content = match &self.content {
            None => String::new(),
            Some(Content::Text(text)) => text.clone(),
            Some(Content::Parts(parts)) => {
                let mut texts = Vec::with_capacity(parts.len());
                for part in parts {
                    match (part.kind.as_str(), &part.text) {
                        ("text", Some(text)) => texts.push(text.as_str()),
                        (kind, _) => {
                            let message =
                                format!("content of type `{kind}` is not read: only text is");
                            return Err(ApiError::invalid(message).with_param("messages"));
                        }
                    }
                }
                texts.join("\n")
            }
        };
        Ok(Message::new(role, content))
    }
}

/// The `citations` of an answer; `label` says what is printed on a passage's page where that is not its number.
pub(crate) fn citations<'a>(
    citations: &[Citation],
    label: impl Fn(&Passage) -> Option<&'a str>,
) -> Value {
    citations
        .iter()
        .map(|citation| {
            let passage = &citation.retrieved.passage;
            let mut told = json!({
                "n": citation.n,
                "file": passage.file,
                "page": passage.page,
                "heading": passage.heading,
                "score": citation.retrieved.score,
                "text": passage.text,
            });
            if let Some(label) = label(passage) {
                told["page_label"] = json!(label);
            }
            told
        })
        .collect()
}

/// The `usage` of the answers to one request: they have the prompt in common.
pub(crate) fn usage(choices: &[Generated]) -> Value {
    let prompt = choices.first().map_or(0, |choice| choice.prompt_tokens);
    let reused = choices.first().map_or(0, |choice| choice.reused_tokens);
    let completion: usize = choices.iter().map(|choice| choice.completion_tokens).sum();
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": { "cached_tokens": reused },
    })
}

/// The `logprobs` of a choice, or of a part of it.
pub(crate) fn logprobs(tokens: &[TokenChoice]) -> Value {
    let told = |likelihood: &Likelihood| {
        json!({
            "token": String::from_utf8_lossy(&likelihood.bytes),
            "logprob": likelihood.logprob,
            "bytes": likelihood.bytes,
        })
    };
    let content: Vec<Value> = tokens
        .iter()
        .map(|token| {
            let mut entry = told(&token.chosen);
            entry["top_logprobs"] = token.likeliest.iter().map(told).collect();
            entry
        })
        .collect();
    json!({ "content": content, "refusal": null })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: Value) -> ChatRequest {
        serde_json::from_value(body).unwrap()
    }

    fn asking(extra: Value) -> ChatRequest {
        let mut body = json!({ "model": "any", "messages": [{ "role": "user", "content": "Hi" }] });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        request(body)
    }

    #[test]
    fn content_may_be_text_parts() {
        let parts = json!([{ "type": "text", "text": "one" }, { "type": "text", "text": "two" }]);
        let read = request(json!({ "messages": [{ "role": "user", "content": parts }] }));
        assert_eq!(read.conversation().unwrap().0[0].content, "one\ntwo");
        let image = json!([{ "type": "image_url", "image_url": { "url": "data:" } }]);
        let read = request(json!({ "messages": [{ "role": "user", "content": image }] }));
        assert!(read.conversation().is_err());
    }

    #[test]
    fn what_would_change_the_answer_silently_is_refused() {
        let extra = json!({ "tools": [{ "type": "function" }] });
        assert!(asking(extra).check_supported().is_err());
        let harmless =
            json!({ "n": 1, "tools": [], "user": "me", "response_format": { "type": "text" } });
        assert!(asking(harmless).check_supported().is_ok());
    }

    #[test]
    fn the_form_is_text_json_a_schema_or_a_grammar() {
        let form = |extra: Value| asking(extra).form();
        assert_eq!(form(json!({})).unwrap(), None);
        assert_eq!(form(json!({ "response_format": { "type": "text" } })).unwrap(), None);
        let object = json!({ "response_format": { "type": "json_object" } });
        assert_eq!(form(object.clone()).unwrap(), Some(Form::Json));
        let schema = json!({ "name": "x", "schema": { "type": "integer" } });
        let schema = json!({ "response_format": { "type": "json_schema", "json_schema": schema } });
        let read = Form::Schema(r#"{"type":"integer"}"#.to_owned());
        assert_eq!(form(schema).unwrap(), Some(read));
        let mut both = object;
        both["grammar"] = json!("root ::= \"a\"");
        assert!(form(both).is_err());
        assert!(form(json!({ "grammar": "x".repeat(LONGEST_FORM + 1) })).is_err());
    }

    #[test]
    fn an_answer_may_be_begun() {
        let messages =
            json!([{ "role": "user", "content": "Hi" }, { "role": "assistant", "content": "He" }]);
        let begun = |extra: Value| {
            let mut body = json!({ "messages": messages, "continue_final_message": true });
            body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            request(body).conversation()
        };
        let (conversation, said) = begun(json!({})).unwrap();
        assert_eq!((conversation.len(), said.as_str()), (1, "He"));
        assert!(begun(json!({ "n": 2 })).is_err());
        assert!(begun(json!({ "logprobs": true })).is_err());
        assert!(asking(json!({ "continue_final_message": true })).conversation().is_err());
    }

    #[test]
    fn choices_and_likelihoods_are_bounded() {
        assert_eq!(asking(json!({})).choices().unwrap(), 1);
        assert_eq!(asking(json!({ "n": 8 })).choices().unwrap(), 8);
        assert!(asking(json!({ "n": 0 })).choices().is_err());
        assert!(asking(json!({ "n": 9 })).choices().is_err());
        let likelihoods = |extra: Value| asking(extra).likelihoods();
        assert_eq!(likelihoods(json!({})).unwrap(), None);
        assert_eq!(likelihoods(json!({ "logprobs": true })).unwrap(), Some(0));
        let both = json!({ "logprobs": true, "top_logprobs": 20 });
        assert_eq!(likelihoods(both).unwrap(), Some(20));
        assert!(likelihoods(json!({ "logprobs": true, "top_logprobs": 21 })).is_err());
        assert!(likelihoods(json!({ "top_logprobs": 1 })).is_err());
    }

    #[test]
    fn a_bias_is_of_a_token_and_within_bounds() {
        let bias = |extra: Value| asking(json!({ "logit_bias": extra })).sampling(0);
        assert_eq!(bias(json!({ "7": -100 })).unwrap().logit_bias, [(7, -100.0)]);
        assert!(bias(json!({ "seven": 1 })).is_err());
        assert!(bias(json!({ "7": 101 })).is_err());
    }

    #[test]
    fn sampling_out_of_range_is_refused_and_absent_values_have_defaults() {
        assert!(asking(json!({ "temperature": 3 })).sampling(0).is_err());
        assert!(asking(json!({ "top_p": -0.1 })).sampling(0).is_err());
        let sampling = asking(json!({ "seed": -1 })).sampling(7).unwrap();
        assert_eq!(
            (sampling.seed, sampling.temperature),
            (u32::MAX, Sampling::default().temperature)
        );
        assert_eq!(asking(json!({})).sampling(7).unwrap().seed, 7);
    }

    #[test]
    fn stop_texts_and_token_limits_are_checked() {
        assert_eq!(asking(json!({ "stop": "END" })).stop().unwrap(), ["END"]);
        assert!(asking(json!({ "stop": ["1", "2", "3", "4", "5"] })).stop().is_err());
        assert!(asking(json!({ "max_tokens": 0 })).max_tokens().is_err());
        let both = asking(json!({ "max_tokens": 5, "max_completion_tokens": 9 }));
        assert_eq!(both.max_tokens().unwrap(), Some(9));
    }
}
