//! PDFs made by hand for the tests.

/// A PDF of these objects, numbered from 1; the first one is the catalog, and `more` goes into the trailer.
pub(crate) fn pdf_with(objects: &[&str], more: &str) -> Vec<u8> {
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    for (number, object) in (1..).zip(objects) {
        offsets.push(out.len());
        out.extend(format!("{number} 0 obj\n{object}\nendobj\n").bytes());
    }
    let xref = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    for offset in offsets {
        out.extend(format!("{offset:010} 00000 n \n").bytes());
    }
    let size = objects.len() + 1;
    out.extend(
        format!("trailer\n<< /Size {size} /Root 1 0 R {more} >>\nstartxref\n{xref}\n%%EOF\n")
            .bytes(),
    );
    out
}

pub(crate) fn stream(dictionary: &str, content: &str) -> String {
    format!("<< {dictionary} /Length {} >>\nstream\n{content}\nendstream", content.len())
}

/// One page that shows `content` with the font `/F`, which is the first of `fonts`: objects 5, 6, …
pub(crate) fn page(content: &str, fonts: &[&str]) -> Vec<u8> {
    let content = stream("", content);
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        content.as_str(),
    ];
    objects.extend_from_slice(fonts);
    pdf_with(&objects, "")
}

/// Pages of these contents in Helvetica, which is `/F`; `catalog` goes into the catalog. The first page is
/// object 4, the next 6, and so on.
pub(crate) fn pages(contents: &[&str], catalog: &str) -> Vec<u8> {
    let first = 4;
    let kids: Vec<String> =
        (0..contents.len()).map(|at| format!("{} 0 R", first + 2 * at)).collect();
    let mut objects = vec![
        format!("<< /Type /Catalog /Pages 2 0 R {catalog} >>"),
        format!(
            "<< /Type /Pages /Kids [{}] /Count {} /MediaBox [0 0 595 842] /Resources << /Font << /F 3 0 R >> >> >>",
            kids.join(" "),
            contents.len()
        ),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
            .to_owned(),
    ];
    for (at, content) in contents.iter().enumerate() {
        let number = first + 2 * at + 1;
        objects.push(format!("<< /Type /Page /Parent 2 0 R /Contents {number} 0 R >>"));
        objects.push(stream("", content));
    }
    pdf_with(&objects.iter().map(String::as_str).collect::<Vec<_>>(), "")
}

/// Words of this size at a place, in Helvetica.
pub(crate) fn show(x: u32, y: u32, size: u32, words: &str) -> String {
    format!("BT /F {size} Tf {x} {y} Td ({words}) Tj ET\n")
}

/// A line at these places, as the border of a cell.
pub(crate) fn border(x0: u32, y0: u32, x1: u32, y1: u32) -> String {
    format!("{x0} {y0} m {x1} {y1} l S\n")
}
