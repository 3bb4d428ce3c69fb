//! A reranker small enough to write down: its logit is how many words the question and the passage share.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::onnx::{Dimension, Element, floats, integers, model, node, node_with, value};

/// The first tokens; every later one is a word.
const SPECIAL: [&str; 4] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"];

/// What a cross-encoder is to be like.
pub struct CrossEncoder<'a> {
    /// The texts whose words it knows; others count for nothing.
    pub knows: &'a [&'a str],
    /// The count is multiplied with each of these, `[1.0]` in one that is right.
    pub factors: &'a [f32],
    pub max_tokens: usize,
    /// Slope and offset, when its description says them.
    pub calibration: Option<(f64, f64)>,
}

impl CrossEncoder<'_> {
    /// Writes the model's folder.
    pub fn write(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        let write =
            |name: &str, content: &[u8]| std::fs::write(folder.join(name), content).unwrap();
        let mut description = json!({
            "name": "words-in-common", "version": "1.0", "file": "model.onnx",
            "max_tokens": self.max_tokens, "license": "Apache-2.0",
        });
        if let Some((slope, offset)) = self.calibration {
            description["calibration"] = json!({ "slope": slope, "offset": offset });
        }
        write("reranker.json", description.to_string().as_bytes());
        write("model.onnx", &words_in_common(self.factors));
        write("tokenizer.json", tokenizer(self.knows).to_string().as_bytes());
        write("config.json", b"{}");
        write("special_tokens_map.json", b"{}");
        let config = json!({ "model_max_length": self.max_tokens, "pad_token": "[PAD]" });
        write("tokenizer_config.json", config.to_string().as_bytes());
    }
}

/// Compares every token of the question with every token of the passage and counts the pairs that are the
/// same word. The logits are `[pairs, factors]`.
fn words_in_common(factors: &[f32]) -> Vec<u8> {
    let to_bool = ("to", Element::Bool as u64);
    let nodes = [
        // [pairs, tokens]: which tokens are words, and of which of the two texts.
        node("Greater", &["input_ids", "last_special"], "not_special"),
        node_with("Cast", &["attention_mask"], "not_padding", to_bool),
        node("And", &["not_special", "not_padding"], "word"),
        node_with("Cast", &["token_type_ids"], "of_passage", to_bool),
        node("Not", &["of_passage"], "of_question"),
        node("And", &["word", "of_question"], "asked"),
        node("And", &["word", "of_passage"], "said"),
        // [pairs, tokens, tokens]: the question's downwards, the passage's across.
        node("Unsqueeze", &["input_ids", "axis_2"], "ids_down"),
        node("Unsqueeze", &["input_ids", "axis_1"], "ids_across"),
        node("Equal", &["ids_down", "ids_across"], "same"),
        node("Unsqueeze", &["asked", "axis_2"], "asked_down"),
        node("Unsqueeze", &["said", "axis_1"], "said_across"),
        node("And", &["asked_down", "said_across"], "asked_and_said"),
        node("And", &["same", "asked_and_said"], "shared"),
        // [pairs, factors].
        node_with("Cast", &["shared"], "ones", ("to", Element::Float as u64)),
        node_with("ReduceSum", &["ones", "both_axes"], "count", ("keepdims", 0)),
        node("Unsqueeze", &["count", "axis_1"], "counts"),
        node("Mul", &["counts", "factors"], "logits"),
    ];
    let constants = [
        integers("last_special", &[SPECIAL.len() as i64 - 1]),
        integers("axis_1", &[1]),
        integers("axis_2", &[2]),
        integers("both_axes", &[1, 2]),
        floats("factors", factors),
    ];
    let input = |name: &str| {
        value(name, Element::Int64, &[Dimension::Called("pairs"), Dimension::Called("tokens")])
    };
    let inputs = ["input_ids", "attention_mask", "token_type_ids"].map(input);
    let shape = [Dimension::Called("pairs"), Dimension::Known(factors.len() as u64)];
    model(&nodes, &constants, &inputs, &value("logits", Element::Float, &shape))
}

/// `tokenizer.json`: words in lower case between BERT's special tokens, the second text's of type 1.
fn tokenizer(knows: &[&str]) -> Value {
    let words: BTreeSet<String> = knows.iter().flat_map(|text| words(text)).collect();
    let tokens = SPECIAL.iter().map(|token| (*token).to_owned()).chain(words);
    let vocabulary: Map<String, Value> =
        tokens.zip(0..).map(|(token, id): (String, u64)| (token, json!(id))).collect();
    let special = |id: usize| json!({ "id": SPECIAL[id], "ids": [id], "tokens": [SPECIAL[id]] });
    let added = |(id, token): (usize, &&str)| {
        json!({
            "id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        })
    };
    let token = |id: &str, text: u64| json!({ "SpecialToken": { "id": id, "type_id": text } });
    let sequence = |id: &str, text: u64| json!({ "Sequence": { "id": id, "type_id": text } });
    let single = json!([token("[CLS]", 0), sequence("A", 0), token("[SEP]", 0)]);
    let pair = json!([
        token("[CLS]", 0),
        sequence("A", 0),
        token("[SEP]", 0),
        sequence("B", 1),
        token("[SEP]", 1)
    ]);
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": SPECIAL.iter().enumerate().map(added).collect::<Vec<_>>(),
        "normalizer": { "type": "Lowercase" },
        "pre_tokenizer": { "type": "Whitespace" },
        "post_processor": {
            "type": "TemplateProcessing", "single": single, "pair": pair,
            "special_tokens": { "[CLS]": special(2), "[SEP]": special(3) },
        },
        "decoder": null,
        "model": { "type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]" },
    })
}

/// The words of a text as the tokenizer cuts them, without what stands between.
pub fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// How many pairs of equal words there are: what the model is to say, counted in another way.
pub fn shared(question: &[String], passage: &[String]) -> usize {
    question.iter().map(|asked| passage.iter().filter(|said| *said == asked).count()).sum()
}
