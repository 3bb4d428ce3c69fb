//! Documents, an embedding made of arithmetic, and builds with both.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rag_core::{
    Calibration, EmbedError, Embedder, EmbeddingIdentity, Pooling, SplitSettings, Splitter,
};
use rag_knowledge::build::{BuildError, BuildRequest, Built, build};
use rag_knowledge::documents::Limits;
use rag_knowledge::index::Scalar;
use time::macros::datetime;

#[path = "../../../rag-documents/tests/made/pdf.rs"]
mod pdf;

/// Counts letters: the same text always gives the same vector. It also counts the texts.
pub(crate) struct Letters(pub(crate) EmbeddingIdentity, AtomicUsize);

impl Letters {
    pub(crate) fn new() -> Self {
        let identity = EmbeddingIdentity {
            name: "letters".to_owned(),
            version: "1".to_owned(),
            dimensions: 8,
            pooling: Pooling::Mean,
            query_prefix: String::new(),
            passage_prefix: String::new(),
            max_tokens: 512,
            model_sha256: "0".repeat(64),
            tokenizer_sha256: "1".repeat(64),
        };
        Self(identity, AtomicUsize::new(0))
    }

    pub(crate) fn embedded(&self) -> usize {
        self.1.load(Ordering::SeqCst)
    }
}

impl Embedder for Letters {
    fn identity(&self) -> &EmbeddingIdentity {
        &self.0
    }

    fn embed_passages(&self, passages: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.1.fetch_add(passages.len(), Ordering::SeqCst);
        passages.iter().map(|p| self.embed_query(p)).collect()
    }

    fn embed_query(&self, question: &str) -> Result<Vec<f32>, EmbedError> {
        let mut v = vec![0.1_f32; 8];
        for c in question.chars() {
            v[c as usize % 8] += 1.0;
        }
        let norm = v.iter().map(|x| x * x).sum::<f32>().sqrt();
        Ok(v.into_iter().map(|x| x / norm).collect())
    }

    fn count_tokens(&self, text: &str) -> Result<usize, EmbedError> {
        Ok(text.chars().count())
    }

    fn calibration(&self) -> Calibration {
        Calibration::from_threshold(0.5)
    }
}

pub(crate) fn documents(folder: &Path) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rag-documents/tests/fixtures");
    let to = folder.join("documents");
    std::fs::create_dir_all(to.join("sub")).unwrap();
    for (from, name) in
        [("policy.docx", "policy.docx"), ("note.docx", "sub/note.docx"), ("note.pdf", "note.pdf")]
    {
        std::fs::copy(fixtures.join(from), to.join(name)).unwrap();
    }
    std::fs::write(to.join("broken.pdf"), b"%PDF-1.4 nothing").unwrap();
    std::fs::write(to.join("empty.docx"), b"").unwrap();
    std::fs::write(to.join(".hidden"), b"x").unwrap();
    to
}

pub(crate) fn request(folder: &Path, tag: &str) -> BuildRequest {
    BuildRequest {
        documents: folder.join("documents"),
        root: folder.join("root"),
        tag: Some(tag.to_owned()),
        from: None,
        splitter: SplitSettings::new(Splitter::new(60, 10).unwrap()),
        scalar: Scalar::F32,
        threads: 2,
        strict: false,
        reader: None,
        recognizer: None,
        limits: Limits::default(),
    }
}

pub(crate) fn run(request: &BuildRequest) -> Result<Built, BuildError> {
    let now = datetime!(2026-11-23 01:02:03 UTC);
    build(request, &Letters::new(), now, &(), &AtomicBool::new(false))
}

/// A folder of PDFs, each with pages of numbered sentences.
pub(crate) fn many_documents(folder: &Path, documents: usize) {
    let to = folder.join("documents");
    std::fs::create_dir_all(&to).unwrap();
    for number in 0..documents {
        write_pdf(&to.join(format!("{number:02}.pdf")), &format!("Document {number}"), 12);
    }
}

pub(crate) fn write_pdf(path: &Path, name: &str, lines: usize) {
    let line = |at: usize| {
        format!(
            "BT /F 11 Tf 50 {} Td ({name} says in line {at} that it has {lines} lines.) Tj ET",
            800 - at * 14
        )
    };
    let content: Vec<String> = (0..lines).map(line).collect();
    let font = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";
    std::fs::write(path, pdf::page(&content.join("\n"), &[font])).unwrap();
}

pub(crate) fn write_pages(path: &Path, contents: &[&str]) {
    std::fs::write(path, pdf::pages(contents, "")).unwrap();
}

/// Pages of which the first two are labeled i and ii, and the rest from 1 on.
pub(crate) fn write_labeled_pages(path: &Path, contents: &[&str]) {
    let labels = "/PageLabels << /Nums [0 << /S /r >> 2 << /S /D >>] >>";
    std::fs::write(path, pdf::pages(contents, labels)).unwrap();
}
