//! The index through its public surface: build, open, search, and files that are not what they say.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use rag_core::{Hit, Index, PassageSet};
use rag_index::{Expected, IndexBuilder, Scalar, UsearchIndex, cosine};

const DIMENSIONS: usize = 32;

/// Vectors that look random and are the same on every run (xorshift).
fn vectors(count: usize) -> Vec<Vec<f32>> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..count)
        .map(|_| {
            let v: Vec<f32> = (0..DIMENSIONS).map(|_| next()).collect();
            let norm = v.iter().map(|x| x * x).sum::<f32>().sqrt();
            v.into_iter().map(|x| x / norm).collect()
        })
        .collect()
}

fn build(folder: &Path, scalar: Scalar, vectors: &[Vec<f32>]) -> PathBuf {
    let path = folder.join("index.usearch");
    let mut builder = IndexBuilder::new(DIMENSIONS, scalar, vectors.len()).unwrap();
    for vector in vectors {
        builder.add(vector).unwrap();
    }
    builder.save(&path).unwrap();
    let numbers: Vec<u8> =
        vectors.iter().flatten().flat_map(|number| number.to_le_bytes()).collect();
    std::fs::write(vectors_of(&path), numbers).unwrap();
    path
}

/// The file of the vectors beside the graph.
fn vectors_of(path: &Path) -> PathBuf {
    path.with_file_name("vectors.f32")
}

fn expected(scalar: Scalar, passages: usize) -> Expected {
    Expected { dimensions: DIMENSIONS, scalar, passages }
}

#[test]
fn the_nearest_passage_to_its_own_vector_is_itself_in_every_scalar() {
    let folder = tempfile::tempdir().unwrap();
    let vectors = vectors(300);
    for scalar in [Scalar::F32, Scalar::F16, Scalar::I8] {
        let path = build(folder.path(), scalar, &vectors);
        let index =
            UsearchIndex::open(&path, &vectors_of(&path), expected(scalar, 300), 2).unwrap();
        for (position, vector) in vectors.iter().enumerate() {
            let hits = index.search(vector, 1).unwrap();
            assert_eq!(hits[0].passage, position, "{scalar}");
            assert_eq!(hits[0].score, 1.0, "{scalar}");
            let hits = index.search_graph(vector, 1).unwrap();
            assert_eq!((hits[0].passage, hits[0].score), (position, 1.0), "{scalar}");
        }
    }
}

#[test]
fn scores_are_cosines_best_first() {
    let folder = tempfile::tempdir().unwrap();
    let vectors = vectors(50);
    let path = build(folder.path(), Scalar::F32, &vectors);
    let index =
        UsearchIndex::open(&path, &vectors_of(&path), expected(Scalar::F32, 50), 1).unwrap();
    let hits = index.search(&vectors[7], 10).unwrap();
    assert_eq!(hits.len(), 10);
    assert!(hits.windows(2).all(|w| w[0].score >= w[1].score));
    for hit in hits {
        let cosine: f32 = vectors[7].iter().zip(&vectors[hit.passage]).map(|(a, b)| a * b).sum();
        assert!((cosine - hit.score).abs() < 1e-5);
    }
}

#[test]
fn equal_scores_are_ordered_by_position_even_at_the_cut() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = vectors(40);
    for position in [3, 9, 21, 33, 39] {
        all[position] = all[0].clone();
    }
    let path = build(folder.path(), Scalar::F32, &all);
    let index =
        UsearchIndex::open(&path, &vectors_of(&path), expected(Scalar::F32, 40), 1).unwrap();
    let found: Vec<usize> =
        index.search(&all[0], 3).unwrap().into_iter().map(|h| h.passage).collect();
    assert_eq!(found, [0, 3, 9]);
}

#[test]
fn asking_for_more_than_there_is_gives_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let vectors = vectors(3);
    let path = build(folder.path(), Scalar::F32, &vectors);
    let index = UsearchIndex::open(&path, &vectors_of(&path), expected(Scalar::F32, 3), 1).unwrap();
    assert_eq!(index.search(&vectors[0], 50).unwrap().len(), 3);
    assert!(index.search(&vectors[0], 0).unwrap().is_empty());
}

#[test]
fn an_empty_index_finds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = build(folder.path(), Scalar::F32, &[]);
    let index = UsearchIndex::open(&path, &vectors_of(&path), expected(Scalar::F32, 0), 1).unwrap();
    assert!(index.is_empty());
    assert!(index.search(&vectors(1)[0], 5).unwrap().is_empty());
}

#[test]
fn more_searchers_than_slots_wait_and_none_fails() {
    let folder = tempfile::tempdir().unwrap();
    let vectors = vectors(400);
    let path = build(folder.path(), Scalar::F32, &vectors);
    let index =
        UsearchIndex::open(&path, &vectors_of(&path), expected(Scalar::F32, 400), 2).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (index, vectors) = (&index, &vectors);
            scope.spawn(move || {
                for i in 0..100 {
                    let position = (thread * 37 + i) % 400;
                    assert_eq!(index.search(&vectors[position], 1).unwrap()[0].passage, position);
                    assert!(!index.search_graph(&vectors[position], 3).unwrap().is_empty());
                }
            });
        }
    });
}

#[test]
fn the_graph_finds_what_comparing_everything_finds() {
    let folder = tempfile::tempdir().unwrap();
    let vectors = vectors(2000);
    for scalar in [Scalar::F32, Scalar::F16, Scalar::I8] {
        let path = build(folder.path(), scalar, &vectors);
        let index =
            UsearchIndex::open(&path, &vectors_of(&path), expected(scalar, 2000), 1).unwrap();
        let mut found = 0;
        for vector in vectors.iter().step_by(20) {
            let exact = index.search_exact(vector, 10).unwrap();
            let graph = index.search_graph(vector, 10).unwrap();
            // What is found has the score of its vector, whatever the graph stores.
            found += exact.iter().filter(|hit| graph.contains(hit)).count();
        }
        assert!(found >= 900, "{scalar}: recall@10 is {found} of 1000");
    }
}

#[test]
fn the_walk_finds_what_usearch_itself_finds() {
    let folder = tempfile::tempdir().unwrap();
    let vectors = vectors(3000);
    let among = PassageSet::from_ranges([0..500, 1200..2900]);
    for scalar in [Scalar::F32, Scalar::F16, Scalar::I8] {
        let path = build(folder.path(), scalar, &vectors);
        let mut ours =
            UsearchIndex::open(&path, &vectors_of(&path), expected(scalar, 3000), 1).unwrap();
        let theirs = usearch::Index::restore(path.to_str().unwrap()).unwrap();
        let best = |question: &[f32], found: usearch::ffi::Matches| {
            let of = |key: u64| (key as usize, cosine(question, &vectors[key as usize]));
            let mut best: Vec<(usize, f32)> = found.keys.into_iter().map(of).collect();
            best.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            best.truncate(5);
            best
        };
        let told = |hits: Vec<Hit>| hits.iter().map(|h| (h.passage, h.score)).collect::<Vec<_>>();
        for candidates in [1, 16, 100] {
            ours.set_expansion(candidates);
            theirs.change_expansion_search(candidates);
            for question in vectors.iter().step_by(29) {
                let question: Vec<f32> = question.iter().rev().copied().collect();
                let found = best(&question, theirs.search(&question, 10).unwrap());
                assert_eq!(told(ours.search_graph(&question, 5).unwrap()), found, "{scalar}");
                let within =
                    theirs.filtered_search(&question, 10, |key| among.contains(key as usize));
                let found = best(&question, within.unwrap());
                assert_eq!(
                    told(ours.search_graph_among(&question, 5, &among).unwrap()),
                    found,
                    "{scalar}"
                );
            }
        }
    }
}

#[test]
fn a_damaged_graph_is_refused_or_searched_but_never_more_than_that() {
    let folder = tempfile::tempdir().unwrap();
    let vectors = vectors(400);
    let path = build(folder.path(), Scalar::F32, &vectors);
    let whole = std::fs::read(&path).unwrap();
    let graph = 8 + 400 * DIMENSIONS * 4;
    let nodes = graph + 64 + 40 + 400 * 2;
    let (mut refused, mut failed, mut found) = (0, 0, 0);
    let mut state = 7_u64;
    for round in 0..600 {
        let mut damaged = whole.clone();
        for _ in 0..1 + round % 20 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let random = (state >> 33) as usize;
            // Sizes and levels, where little does much, are hit now and then, the vectors never.
            let (begin, end) = match random % 64 {
                0 => (graph, nodes),
                _ => (nodes, whole.len()),
            };
            damaged[begin + (random / 64) % (end - begin)] = (state >> 24) as u8;
        }
        std::fs::write(&path, &damaged).unwrap();
        match UsearchIndex::open(&path, &vectors_of(&path), expected(Scalar::F32, 400), 1) {
            Err(_) => refused += 1,
            Ok(index) => match index.search_graph(&vectors[round % 400], 10) {
                Err(error) => {
                    assert!(error.to_string().contains("index.usearch"), "{error}");
                    failed += 1;
                }
                Ok(hits) => {
                    assert!(hits.iter().all(|hit| hit.passage < 400));
                    found += 1;
                }
            },
        }
    }
    assert!(refused > 50 && failed > 20 && found > 50, "{refused} {failed} {found}");
}

#[test]
fn the_same_vectors_give_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let vectors = vectors(200);
    let first = std::fs::read(build(folder.path(), Scalar::F32, &vectors)).unwrap();
    let second = std::fs::read(build(folder.path(), Scalar::F32, &vectors)).unwrap();
    assert!(first == second);
}

#[test]
fn a_file_that_is_not_what_the_manifest_says_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = build(folder.path(), Scalar::F32, &vectors(100));
    let whole = std::fs::read(&path).unwrap();
    let refused = |what: Expected| {
        let error = UsearchIndex::open(&path, &vectors_of(&path), what, 1)
            .err()
            .expect("must be refused")
            .to_string();
        assert!(error.contains("index.usearch"), "{error}");
        error
    };
    assert!(refused(expected(Scalar::F32, 99)).contains("passages is 100"));
    assert!(refused(expected(Scalar::F16, 100)).contains("scalar"));
    let wide = Expected { dimensions: 64, ..expected(Scalar::F32, 1) };
    assert!(refused(wide).contains("dimensions is 32"));
    for keep in [0, 10, 64, 100 * DIMENSIONS * 4] {
        std::fs::write(&path, &whole[..keep]).unwrap();
        assert!(refused(expected(Scalar::F32, 100)).contains("cut short"));
    }
    for lost in [1, 100, 1000, whole.len() / 2] {
        std::fs::write(&path, &whole[..whole.len() - lost]).unwrap();
        refused(expected(Scalar::F32, 100));
    }
    std::fs::write(&path, &whole).unwrap();
    let numbers = std::fs::read(vectors_of(&path)).unwrap();
    std::fs::write(vectors_of(&path), &numbers[..numbers.len() - 1]).unwrap();
    let error = UsearchIndex::open(&path, &vectors_of(&path), expected(Scalar::F32, 100), 1).err();
    let error = error.expect("must be refused").to_string();
    assert!(error.contains("vectors.f32") && error.contains("99 vectors"), "{error}");
    // The head says 99, and the graph has 100 nodes.
    let mut head = whole.clone();
    let present = 8 + 100 * DIMENSIONS * 4 + 17;
    head[present..present + 8].copy_from_slice(&99_u64.to_le_bytes());
    std::fs::write(&path, head).unwrap();
    assert!(refused(expected(Scalar::F32, 99)).contains("100 nodes"));
    std::fs::write(vectors_of(&path), &numbers).unwrap();
    std::fs::write(&path, vec![0xA5; whole.len()]).unwrap();
    refused(expected(Scalar::F32, 100));
    std::fs::remove_file(&path).unwrap();
    refused(expected(Scalar::F32, 100));
}

#[test]
fn a_vector_of_another_width_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = build(folder.path(), Scalar::F32, &vectors(5));
    let index = UsearchIndex::open(&path, &vectors_of(&path), expected(Scalar::F32, 5), 1).unwrap();
    assert!(index.search(&[1.0, 0.0], 1).unwrap_err().to_string().contains("2 dimensions"));
    assert!(index.search(&[f32::NAN; DIMENSIONS], 1).is_err());
}
