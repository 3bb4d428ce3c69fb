#!/usr/bin/env python3
"""Retrieval as most people build it first: LangChain's loaders, its recursive splitter with 600 characters and an
overlap of 80, an embedding through fastembed, and a flat FAISS index.

peer.py build DOCUMENTS MODEL FOLDER THREADS   makes the index
peer.py ask FOLDER MODEL QUESTIONS             prints what it finds, a line of JSON for each question
peer.py embed MODEL PASSAGES THREADS           embeds a file with a JSON string a line: prints the seconds and the vectors

MODEL is a folder with embedding.json, as Switchyard has it: the same ONNX file, pooling and prefixes are used.
"""

import json
import logging
import pathlib
import sys
import time

import faiss
import numpy
from fastembed import TextEmbedding
from fastembed.common.model_description import ModelSource, PoolingType

TOP_K = 10


def embedding(folder, threads):
    folder = pathlib.Path(folder)
    described = json.loads((folder / "embedding.json").read_text())
    pooling = {"mean": PoolingType.MEAN, "cls": PoolingType.CLS}[described["pooling"]]
    TextEmbedding.add_custom_model(
        model="local/model",
        pooling=pooling,
        normalization=True,
        sources=ModelSource(hf="local/model"),
        dim=described["dimensions"],
        model_file=described["file"],
    )
    model = TextEmbedding(model_name="local/model", specific_model_path=str(folder), threads=threads)
    return described, model


def build(documents, model, folder, threads):
    from langchain_community.document_loaders import Docx2txtLoader, PyPDFLoader
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    described, model = embedding(model, int(threads))
    loaders = {".pdf": PyPDFLoader, ".docx": Docx2txtLoader}
    documents = pathlib.Path(documents)
    pages = []
    for file in sorted(documents.rglob("*")):
        loader = loaders.get(file.suffix.lower())
        if loader is not None:
            pages += loader(str(file)).load()
    splitter = RecursiveCharacterTextSplitter(chunk_size=600, chunk_overlap=80)
    chunks = splitter.split_documents(pages)
    texts = [described["passage_prefix"] + chunk.page_content for chunk in chunks]
    vectors = numpy.stack(list(model.embed(texts, batch_size=32))).astype("float32")
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    faiss.write_index(index, str(folder / "index.faiss"))
    with open(folder / "chunks.jsonl", "w", encoding="utf-8") as out:
        for chunk in chunks:
            file = str(pathlib.Path(chunk.metadata["source"]).relative_to(documents))
            page = chunk.metadata.get("page")
            page = None if page is None else page + 1
            out.write(json.dumps({"file": file, "page": page, "text": chunk.page_content}) + "\n")
    print(json.dumps({"passages": len(chunks)}))


def ask(folder, model, questions):
    described, model = embedding(model, 1)
    folder = pathlib.Path(folder)
    index = faiss.read_index(str(folder / "index.faiss"))
    chunks = [json.loads(line) for line in open(folder / "chunks.jsonl", encoding="utf-8")]
    for line in open(questions, encoding="utf-8"):
        if not line.strip():
            continue
        question = json.loads(line)
        vector = next(iter(model.embed([described["query_prefix"] + question["question"]])))
        _, found = index.search(numpy.asarray([vector], dtype="float32"), TOP_K)
        passages = [chunks[at] for at in found[0] if at >= 0]
        print(json.dumps({"id": question["id"], "passages": passages}))


def embed(model, passages, threads):
    described, model = embedding(model, int(threads))
    lines = pathlib.Path(passages).read_text(encoding="utf-8").split("\n")
    texts = [described["passage_prefix"] + json.loads(line) for line in lines]
    # What is loaded at first use is loaded now.
    list(model.embed(texts[:2]))
    begun = time.perf_counter()
    # As fast as it gets: 32 at once were a quarter slower, one at a time a little.
    vectors = list(model.embed(texts, batch_size=4))
    seconds = time.perf_counter() - begun
    print(json.dumps({"seconds": seconds, "vectors": [vector.tolist() for vector in vectors]}))


def main():
    logging.disable(logging.CRITICAL)
    {"build": build, "ask": ask, "embed": embed}[sys.argv[1]](*sys.argv[2:])


main()
