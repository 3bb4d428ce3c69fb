//! The PDF half: the text of real PDFs, and of made ones whose text is known.

use std::path::Path;

use switchyard_tests::harness::report::Report;

use crate::measure::{COLUMNS, measure};

const READERS: [&str; 5] = ["switchyard", "pdftotext", "pypdfium2", "pypdf", "pymupdf"];

/// Measures the documents in `cache`; what those in `made` and `printed` say is in `made-truth` and `printed-truth`.
pub(crate) fn report(cache: &Path) -> Report {
    let truth = |folder: &'static str| {
        move |file: &Path| {
            let text = Path::new(file.file_name()?).with_extension("txt");
            std::fs::read_to_string(cache.join(folder).join(text)).ok()
        }
    };
    let mut rows = measure("made", &READERS, cache, truth("made-truth"));
    rows.extend(measure("printed", &READERS, cache, truth("printed-truth")));
    rows.extend(measure("manuals", &READERS, cache, |_| None));
    rows.extend(measure("papers", &READERS, cache, |_| None));
    rows.extend(measure("languages", &READERS, cache, |_| None));
    rows.extend(measure("samples", &READERS, cache, |_| None));
    Report {
        name: "extract",
        work: "Each reader reads each file, one process a reader, one thread. Right is the text that a file was made from, or what the program shows that \
               printed it, and for the others what at least two of the five readers say: characters (letters), words of two letters or more (with running headers), and sequences of five characters (recall, precision) after Unicode NFKC, without \
               white space, hyphens and running headers; order is the share of pieces in both texts that stand in the same \
               order, for the others by page and beside the other reader that has most text; means over the files \
               that hold text"
            .to_owned(),
        columns: [COLUMNS.as_slice(), &["pages/s"]].concat(),
        rows,
    }
}
