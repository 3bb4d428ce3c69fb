"""Makes a faster variant of an embedding: products with fixed weights are computed in one-byte integers.

usage: quantize.py MODEL OUTPUT

MODEL is an embedding folder (embedding.json, an ONNX file, the tokenizer's files). OUTPUT becomes one,
named after it with "-int8"; MODEL stays as it is. The same input gives the same bytes.

Weights get a scale for each column and 7 bits: with 8, processors without VNNI add two products in 16
bits, overflow, and answer otherwise than those with it. Activations are quantized for each text as it
comes (ONNX Runtime's dynamic quantization), so no sample of texts is needed. The calibration is that of
MODEL until it is measured anew (kbctl calibrate).
"""

import json
import logging
import pathlib
import shutil
import sys

import onnx
from google.protobuf.message import DecodeError
from onnxruntime.quantization import QuantType, quantize_dynamic

SUFFIX = "-int8"
# What holds a model's weights, alone or fused with what is around it.
PRODUCTS = ["MatMul", "Gemm", "Attention"]
TOKENIZER_FILES = ["config.json", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"]


def quantize(source, target):
    """Writes the quantized graph of `source` to `target`; returns how many products are in integers."""
    model = onnx.load(source)
    if in_integers(model):
        sys.exit(f"error: {source} is quantized already\nhint: name the model it was made from")
    # Given as a path, a file with shapes would be written beside it.
    quantize_dynamic(
        model, target, op_types_to_quantize=PRODUCTS, per_channel=True, reduce_range=True,
        weight_type=QuantType.QInt8, extra_options={"MatMulConstBOnly": True})
    model = onnx.load(target)
    # With the shapes that the quantizer notes, ONNX Runtime fuses sums and normalizations into an
    # operator that is eight times slower than the two.
    del model.graph.value_info[:]
    onnx.save(model, target)
    return in_integers(model)


def in_integers(model):
    return sum(node.op_type in ("MatMulInteger", "QAttention") for node in model.graph.node)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    model, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    if output.resolve() == model.resolve():
        sys.exit(f"error: {output} is the model itself\nhint: name another folder")
    # The quantizer advises to fuse operators first, which ONNX Runtime does when it loads the model.
    logging.disable(logging.WARNING)
    try:
        description = json.loads((model / "embedding.json").read_text(encoding="utf-8"))
        file = description["file"]
        output.mkdir(parents=True, exist_ok=True)
        products = quantize(model / file, output / file)
    except OSError as error:
        sys.exit(f"error: {error.filename}: {error.strerror}\nhint: MODEL is a folder with embedding.json")
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        sys.exit(f"error: {model / 'embedding.json'}: {error}\nhint: it names the ONNX file in \"file\"")
    except DecodeError:
        sys.exit(f"error: {model / file} is not an ONNX file\nhint: was it fetched whole?")
    if products == 0:
        (output / file).unlink()
        sys.exit(f"error: {model / file} has no products with fixed four-byte weights\n"
                 "hint: one that is in two-byte numbers or quantized in another way stays as it is")
    for name in TOKENIZER_FILES:
        if (model / name).is_file():
            shutil.copyfile(model / name, output / name)
    description["name"] += SUFFIX
    (output / "embedding.json").write_text(
        json.dumps(description, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(f"{output}: {products} products in integers", file=sys.stderr)


main()
