//! What is not there any more, or not to be seen: tracked changes, hidden text.

use crate::made::{Docx, item, list, num, p, para, r, styled};
use crate::{HEADINGS, check};

#[test]
fn tracked_changes_are_read_as_accepted() {
    let body = [
        para("", &format!("{}<w:ins>{}</w:ins><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>", r("kept "), r("new"))),
        para("", &format!("<w:moveFrom>{}</w:moveFrom>", r("moved"))),
        para("", &format!("<w:moveTo>{}</w:moveTo>", r("moved"))),
        para("<w:rPr><w:del/></w:rPr>", &r("第一段")),
        para("", &r("接着第二段")),
        para("<w:rPr><w:del/></w:rPr>", "<w:del><w:r><w:delText>x</w:delText></w:r></w:del>"),
        para("", r#"<w:r><w:rPr><w:rPrChange><w:rPr><w:vanish/></w:rPr></w:rPrChange></w:rPr><w:t>shown</w:t></w:r>"#),
    ]
    .concat();
    check(&body, "kept new\nmoved\n第一段接着第二段\nshown");
}

#[test]
fn a_deleted_paragraph_takes_no_number_and_a_heading_stays_one() {
    let numbering = list(1, &[("decimal", "%1.", "")]) + &num(1, 1, "");
    let deleted =
        r#"<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr><w:rPr><w:del/></w:rPr>"#;
    let body = [
        item(1, 0, "one"),
        para(deleted, "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"),
        item(1, 0, "two"),
        para(r#"<w:pStyle w:val="a1"/><w:rPr><w:del/></w:rPr>"#, &r("Heading")),
        para("", "<w:del><w:r><w:delText>gone too</w:delText></w:r></w:del>"),
        p("text"),
    ]
    .concat();
    let found = Docx::of(&body)
        .with("styles", "styles", HEADINGS)
        .with("numbering", "numbering", &numbering)
        .sections();
    let expected = [("", "1. one\n2. two"), ("Heading", "text")];
    assert_eq!(found, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
}

#[test]
fn a_large_first_letter_belongs_to_its_word() {
    let body = para(r#"<w:framePr w:dropCap="drop"/>"#, &r("O")) + &p("nce upon a time");
    check(&body, "Once upon a time");
}

#[test]
fn hidden_text_is_not_shown_wherever_it_is_hidden() {
    let run = |properties: &str, text: &str| {
        format!("<w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r>")
    };
    let styles = r#"<w:style w:type="character" w:styleId="h"><w:rPr><w:vanish/></w:rPr></w:style>
        <w:style w:type="paragraph" w:styleId="hp"><w:name w:val="Hidden"/><w:rPr><w:vanish/></w:rPr></w:style>"#;
    let body = [
        para("", &(run("<w:vanish/>", "no") + &run(r#"<w:rStyle w:val="h"/>"#, "no") + &run(r#"<w:rStyle w:val="h"/><w:vanish w:val="0"/>"#, "yes"))),
        styled("hp", "no"),
        para(r#"<w:pStyle w:val="hp"/>"#, &run(r#"<w:vanish w:val="false"/>"#, "shown")),
        para("", &format!(r#"<w:r><w:rPr><w:vanish/></w:rPr><w:pict><v:textbox><w:txbxContent>{}</w:txbxContent></v:textbox></w:pict></w:r>"#, p("no"))),
    ]
    .concat();
    let found = Docx::of(&body).with("styles", "styles", styles).text();
    assert_eq!(found, "yes\nshown");
}
