#!/usr/bin/env python3
"""Vectors as embeddings of text are, and the HNSW graphs of faiss and hnswlib over them.

peer.py make FOLDER COUNT                       makes vectors and questions, and finds the right answers
peer.py SYSTEM build FOLDER THREADS             makes the graph
peer.py SYSTEM search FOLDER THREADS EXPANSION...  asks all questions, for each number of candidates looked at
peer.py SYSTEM open FOLDER EXPANSION            asks one question, and stays until standard input ends

SYSTEM is faiss, faiss-mmap or hnswlib. FOLDER holds vectors.f32 and questions.f32 (little-endian, row by row) and
answers.u32 (the TOP_K best of each question, best first). All but `make` print lines of JSON, as ours do
(crates/rag-index/examples/vectors.rs).
"""

import json
import os
import pathlib
import sys
import time

import numpy

DIMENSIONS = 384
QUESTIONS = 1000
TOP_K = 10
# As crates/rag-index builds its graphs (CONNECTIVITY, EXPANSION_ADD).
CONNECTIVITY = 16
EXPANSION_ADD = 128
# How long one measurement goes on asking.
SECONDS = 1.0

SEED = 20_261_123
# A text is about something (a center), and says something of its own about it; both have far fewer dimensions than
# an embedding has numbers.
LATENT = 32
CENTERS = 10_000
OWN = 0.5
NOISE = 0.1
BLOCK = 50_000


def drawn(random, centers, spread, count):
    """`count` vectors of unit length: a center and what is its own, mapped to DIMENSIONS numbers, and a little noise."""
    latent = centers[random.integers(len(centers), size=count)]
    latent = latent + OWN * random.standard_normal((count, LATENT), dtype="float32")
    vectors = latent @ spread + NOISE * random.standard_normal((count, DIMENSIONS), dtype="float32")
    return vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)


def make(folder, count):
    count = int(count)
    random = numpy.random.default_rng(SEED)
    centers = random.standard_normal((CENTERS, LATENT), dtype="float32")
    spread = random.standard_normal((LATENT, DIMENSIONS), dtype="float32") / numpy.float32(LATENT**0.5)
    questions = drawn(random, centers, spread, QUESTIONS)
    best = numpy.full((QUESTIONS, TOP_K), -numpy.inf, dtype="float32")
    answers = numpy.zeros((QUESTIONS, TOP_K), dtype="uint32")
    folder = pathlib.Path(folder)
    with open(folder / "vectors.f32", "wb") as out:
        for begin in range(0, count, BLOCK):
            block = drawn(random, centers, spread, min(BLOCK, count - begin))
            block.tofile(out)
            # The best of this block compete with the best so far.
            scores = questions @ block.T
            near = numpy.argpartition(-scores, min(TOP_K, scores.shape[1]) - 1, axis=1)[:, :TOP_K]
            scores = numpy.hstack([best, numpy.take_along_axis(scores, near, axis=1)])
            places = numpy.hstack([answers, (near + begin).astype("uint32")])
            order = numpy.argsort(-scores, axis=1, kind="stable")[:, :TOP_K]
            best = numpy.take_along_axis(scores, order, axis=1)
            answers = numpy.take_along_axis(places, order, axis=1)
    questions.tofile(folder / "questions.f32")
    answers.tofile(folder / "answers.u32")


def read(folder, name):
    return numpy.fromfile(folder / name, dtype="<f4").reshape(-1, DIMENSIONS)


def resident():
    """Bytes this process has resident."""
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Faiss:
    FLAGS = "IO_FLAG_NONE"

    def __init__(self):
        import faiss

        self.library = faiss

    def build(self, vectors, threads, file):
        self.library.omp_set_num_threads(threads)
        index = self.library.IndexHNSWFlat(DIMENSIONS, CONNECTIVITY, self.library.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = EXPANSION_ADD
        index.add(vectors)
        self.library.write_index(index, file)

    def open(self, file, threads):
        self.library.omp_set_num_threads(threads)
        self.index = self.library.read_index(file, getattr(self.library, self.FLAGS, 0))

    def search(self, questions, expansion):
        self.index.hnsw.efSearch = expansion
        return self.index.search(questions, TOP_K)[1]


class FaissMapped(Faiss):
    FLAGS = "IO_FLAG_MMAP_IFC"


class Hnswlib:
    def __init__(self):
        import hnswlib

        self.index = hnswlib.Index(space="ip", dim=DIMENSIONS)

    def build(self, vectors, threads, file):
        self.index.init_index(len(vectors), M=CONNECTIVITY, ef_construction=EXPANSION_ADD)
        self.index.add_items(vectors, num_threads=threads)
        self.index.save_index(file)

    def open(self, file, threads):
        self.threads = threads
        self.index.load_index(file)

    def search(self, questions, expansion):
        self.index.set_ef(expansion)
        return self.index.knn_query(questions, k=TOP_K, num_threads=self.threads)[0]


def build(system, file, folder, threads):
    vectors = read(folder, "vectors.f32")
    begun = time.perf_counter()
    system.build(vectors, threads, file)
    print(json.dumps({"seconds": time.perf_counter() - begun, "threads": threads}))


def search(system, file, folder, threads, *ladder):
    questions = read(folder, "questions.f32")
    system.open(file, threads)
    for expansion in ladder:
        # The first time brings what is needed into memory.
        found = system.search(questions, expansion)
        times, begun = 0, time.perf_counter()
        while times == 0 or time.perf_counter() - begun < SECONDS:
            found = system.search(questions, expansion)
            times += 1
        per_second = times * len(questions) / (time.perf_counter() - begun)
        print(json.dumps({"per_second": per_second, "resident": resident(), "found": found.tolist()}), flush=True)


def open_(system, file, folder, expansion):
    questions = numpy.fromfile(folder / "questions.f32", dtype="<f4", count=DIMENSIONS)
    system.open(file, 1)
    found = system.search(questions.reshape(1, -1), expansion)
    print(json.dumps({"found": found.tolist()}), flush=True)
    sys.stdin.read()


def main():
    if sys.argv[1] == "make":
        return make(*sys.argv[2:])
    name, verb, folder, *numbers = sys.argv[1:]
    folder = pathlib.Path(folder)
    system = {"faiss": Faiss, "faiss-mmap": FaissMapped, "hnswlib": Hnswlib}[name]()
    file = str(folder / f"{name.removesuffix('-mmap')}.index")
    verb = {"build": build, "search": search, "open": open_}[verb]
    verb(system, file, folder, *map(int, numbers))


main()
