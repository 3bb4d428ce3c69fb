//! Writes the inputs that fuzzing begins with: a folder for each target, below the folder it is given.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../tests/made/pdf.rs"]
#[allow(dead_code)]
mod made;

/// Larger files are mutated too slowly.
const LARGEST: u64 = 64 * 1024;

fn main() -> std::io::Result<()> {
    let Some(folder) = std::env::args().nth(1).map(PathBuf::from) else {
        eprintln!("usage: seeds FOLDER");
        std::process::exit(64);
    };
    for target in ["pdf", "docx", "text", "split"] {
        fs::create_dir_all(folder.join(target))?;
    }
    pdfs(&folder.join("pdf"))?;
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for samples in [here.join("../tests/fixtures"), here.join("../../../docs/sample/documents")] {
        for entry in fs::read_dir(samples)? {
            let entry = entry?;
            let path = entry.path();
            let kind = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
            if matches!(kind, "pdf" | "docx") && entry.metadata()?.len() <= LARGEST {
                fs::copy(&path, folder.join(kind).join(entry.file_name()))?;
            }
        }
    }
    for (name, seed) in DOCX {
        fs::write(folder.join("docx").join(name), seed)?;
    }
    for (choice, seed) in (0_u8..).zip(TEXT) {
        fs::write(
            folder.join("text").join(format!("seed{choice}")),
            [&[choice], seed.as_bytes()].concat(),
        )?;
    }
    for (number, seed) in TEXT.iter().enumerate() {
        let settings = [200, 20, number as u8, 1, 0, 4, 255, 0, 1, 1];
        fs::write(
            folder.join("split").join(format!("seed{number}")),
            [&settings, seed.as_bytes()].concat(),
        )?;
    }
    Ok(())
}

fn pdfs(folder: &Path) -> std::io::Result<()> {
    let helvetica =
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";
    let composite = "<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /GBK-EUC-H /DescendantFonts [6 0 R] /ToUnicode 7 0 R >>";
    let cid = "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /X /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >> /W [1 [500 600] 10 20 700] /DW 1000 >>";
    let map = made::stream(
        "",
        "1 begincodespacerange <0000> <FFFF> endcodespacerange 1 beginbfchar <0001> <5E74> endbfchar 1 beginbfrange <0010> <0012> <4E00> endbfrange",
    );
    let differences = "<< /Type /Font /Subtype /TrueType /BaseFont /X /FirstChar 65 /LastChar 67 /Widths [500 600 700] /Encoding << /BaseEncoding /MacRomanEncoding /Differences [65 /uni4E2D /f_i /Aacute] >> >>";
    let table = "0 0 m 100 0 l 100 50 l S 10 10 80 20 re S BT /F 10 Tf 1 0 0 1 72 700 Tm [(a) -200 (b)] TJ 100 0 Td (c) Tj T* (d) ' ET q 1 0 0 1 5 5 cm Q";
    let marked = "/Span << /ActualText (x) >> BDC BT /F 9 Tf 72 600 Td (y) Tj ET EMC /Artifact << /Type /Pagination >> BDC BT /F 9 Tf 72 800 Td (head) Tj ET EMC BI /W 1 /H 1 ID x EI";
    let seeds = [
        made::page("BT /F 12 Tf 72 700 Td (one) Tj 0 -14 Td (two words) Tj ET", &[helvetica]),
        made::page("BT /F 12 Tf 72 700 Td <D6D0CEC400010010> Tj ET", &[composite, cid, &map]),
        made::page("BT /F 12 Tf 72 700 Td (ABC) Tj ET", &[differences]),
        made::page(table, &[helvetica]),
        made::page(marked, &[helvetica]),
        made::pages(
            &["BT /F 18 Tf 72 700 Td (Title) Tj ET", "BT /F 9 Tf 72 700 Td (text) Tj ET"],
            "/PageLabels << /Nums [0 << /S /r >>] >> /Outlines << /First 4 0 R >>",
        ),
        made::pdf_with(
            &[
                "<< /Type /Catalog /Pages 2 0 R >>",
                "<< /Type /Pages /Kids [2 0 R 3 0 R] >>",
                "<< /Type /Page /Contents 4 0 R /Annots [<< /Subtype /FreeText /Rect [0 0 9 9] /AP << /N 4 0 R >> >>] >>",
                &made::stream(
                    "/Filter /ASCIIHexDecode /Subtype /Form /BBox [0 0 9 9]",
                    "42542045543E",
                ),
            ],
            "",
        ),
    ];
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("made{number}.pdf")), seed)?;
    }
    Ok(())
}

/// Parts of a DOCX with zero bytes between: the text, styles, numbering, footnotes, comments, relations.
const DOCX: [(&str, &str); 3] = [
    (
        "paragraphs",
        r#"<w:document xmlns:w="w"><w:body><w:p><w:pPr><w:pStyle w:val="1"/><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>Head</w:t></w:r></w:p><w:p><w:r><w:t xml:space="preserve">text </w:t><w:tab/><w:br/><w:footnoteReference w:id="2"/></w:r></w:p></w:body></w:document>"#,
    ),
    (
        "tables",
        r#"<w:document xmlns:w="w"><w:body><w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="2"/><w:vMerge w:val="restart"/></w:tcPr><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc></w:tr><w:tr><w:tc><w:tbl><w:tr><w:tc><w:p/></w:tc></w:tr></w:tbl></w:tc></w:tr></w:tbl><w:sectPr/></w:body></w:document>"#,
    ),
    (
        "parts",
        concat!(
            r#"<w:document xmlns:w="w"><w:body><w:p><w:pPr><w:pStyle w:val="H"/></w:pPr><w:r><w:t>x</w:t></w:r><w:hyperlink r:id="r1"><w:r><w:t>l</w:t></w:r></w:hyperlink><w:ins><w:r><w:t>i</w:t></w:r></w:ins><w:del><w:r><w:delText>d</w:delText></w:r></w:del><w:sdt><w:sdtContent><w:r><w:t>s</w:t></w:r></w:sdtContent></w:sdt><m:oMath><m:r><m:t>y</m:t></m:r></m:oMath><w:r><w:fldChar w:fldCharType="begin"/><w:instrText>PAGE</w:instrText><w:fldChar w:fldCharType="end"/></w:r></w:p></w:body></w:document>"#,
            "\0",
            r#"<w:styles><w:style w:styleId="H"><w:name w:val="heading 1"/><w:basedOn w:val="H"/></w:style></w:styles>"#,
            "\0",
            r#"<w:numbering><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl></w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>"#,
            "\0",
            r#"<w:footnotes><w:footnote w:id="2"><w:p><w:r><w:t>note</w:t></w:r></w:p></w:footnote></w:footnotes>"#,
            "\0",
            r#"<w:comments><w:comment w:id="1"><w:p><w:r><w:t>c</w:t></w:r></w:p></w:comment></w:comments>"#
        ),
    ),
];

/// Markdown, HTML, plain text, comma-separated values, in the order in which the target chooses.
const TEXT: [&str; 4] = [
    "---\ntitle: T\n---\n# A\n\ntext[^1] *em* `code` [link](u) ![i](u)\n\n## B\n\n- one\n  1. two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```sh\nls\n```\n> quote\n<!-- no -->\n<table><tr><td>x</table>\n\n[^1]: note\n",
    "<!doctype html><meta charset=utf-8><title>T</title><h1>A</h1><p>text<br>more <b>bold</b>&amp;<ul><li>one<ol><li>two</ol></ul><table><tr><th rowspan=2>a<td colspan=2>b<tr><td>c</table><pre>\n x\n</pre><script>no</script><template>no</template><div hidden>no</div>",
    "Title\n=====\n\nOne paragraph\nof two lines.\n\u{c}第二页。\n中文行\n连在一起。\n",
    "name,office\n\"Li, Na\",\"Room \"\"7\"\"\nfloor 2\"\n张伟,上海\n",
];
