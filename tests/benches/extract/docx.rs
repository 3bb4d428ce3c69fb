//! The DOCX half: the text of whole documents.

use std::path::Path;

use switchyard_tests::harness::report::Report;

use crate::measure::{COLUMNS, measure};

const READERS: [&str; 5] = ["switchyard", "docx2txt", "mammoth", "python-docx", "docx2python"];

/// Measures the documents in `cache`; where `docx-truth` has a text of the same name, that is right.
pub(crate) fn report(cache: &Path) -> Report {
    let truth = |file: &Path| {
        // The name begins with the program that made it: pandoc-manual.en.docx.
        let (_, name) = file.file_stem()?.to_str()?.split_once('-')?;
        std::fs::read_to_string(cache.join("docx-truth").join(format!("{name}.txt"))).ok()
    };
    let folders = ["docx-manuals", "docx-samples"];
    Report {
        name: "extract-docx",
        work: "Each reader reads each file, one process a reader, one thread. Right is the text that a manual was made from, and for \
               samples what at least two of the five readers say: characters (letters), words of two letters or more, and sequences of five characters (recall, precision) after Unicode NFKC, without white space, \
               hyphens and the bars of tables; order is the share of pieces in both texts that stand in the same order; means over \
               the files that hold text"
            .to_owned(),
        columns: [COLUMNS.as_slice(), &["documents/s"]].concat(),
        rows: folders.iter().flat_map(|folder| measure(folder, &READERS, cache, truth)).collect(),
    }
}
