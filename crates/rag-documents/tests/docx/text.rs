//! What stands in a line: runs, equations, symbols, hyphens.

use crate::check;
use crate::made;
use crate::made::{Docx, p, para, r};

#[test]
fn equations_stand_in_their_sentence() {
    let math = "<m:oMath><m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath>";
    check(&para("", &(r("mean ") + math + &r(", as usual"))), "mean (a+b)/2, as usual");
    check(&para("", &format!("<m:oMathPara>{math}{math}</m:oMathPara>")), "(a+b)/2\n(a+b)/2");
}

#[test]
fn hyphens_breaks_symbols_and_phonetic_guides() {
    let ruby = format!(
        "<w:r><w:ruby><w:rubyPr/><w:rt>{}</w:rt><w:rubyBase>{}</w:rubyBase></w:ruby></w:r>",
        r("hàn"),
        r("汉")
    );
    let body = para(
        r#"<w:tabs><w:tab w:val="left" w:pos="5"/></w:tabs>"#,
        &format!(
            r#"{}<w:r><w:softHyphen/></w:r>{}<w:r><w:noBreakHyphen/><w:t>x</w:t><w:tab/><w:t>y</w:t><w:br/><w:t>z</w:t></w:r>{ruby}{}"#,
            r("soft"),
            r("ly\u{AD} "),
            r("字")
        ),
    );
    check(&body, "softly -x\ty\nz汉字");
    let body = para(
        "",
        r#"<w:r><w:sym w:font="Symbol" w:char="F061"/><w:sym w:font="Wingdings" w:char="F0FE"/></w:r><w:r><w:rPr><w:rFonts w:ascii="Wingdings"/></w:rPr><w:t>&#xF0FC;</w:t></w:r><w:r><w:sym w:font="Own Font" w:char="F041"/></w:r>"#,
    );
    let document = Docx::of(&body).read();
    assert_eq!(made::text(&document), "α☑✓\u{FFFD}");
    assert!(document.warnings.contains(&"1 symbol has no known meaning".to_owned()));
}

#[test]
fn chinese_runs_are_joined_without_spaces() {
    let body = para(
        "",
        &format!("{}{}<w:r><w:t>\n    合同\n  </w:t></w:r>{}", r("劳动"), r(""), r("期限")),
    );
    check(&body, "劳动合同期限");
}

#[test]
fn text_in_elements_not_known_here_is_read() {
    check(
        &para(
            "",
            &format!(
                "<w:smartTag>{}</w:smartTag><w:bdo><w:dir>{}</w:dir></w:bdo>",
                r("smart "),
                r("tag")
            ),
        ),
        "smart tag",
    );
    check(
        &format!(
            "<w:customXml>{}</w:customXml><w:ofTomorrow>{}</w:ofTomorrow>",
            p("one"),
            p("two")
        ),
        "one\ntwo",
    );
}

#[test]
fn comments_headers_and_footers_are_not_text() {
    let body = para("", &(r("text") + r#"<w:r><w:commentReference w:id="1"/></w:r>"#))
        + r#"<w:sectPr><w:headerReference w:id="rId1"/></w:sectPr>"#;
    let document = Docx::of(&body)
        .with("comments", "comments", &format!("<w:comment>{}</w:comment>", p("comment")))
        .with("header1", "hdr", &p("header"))
        .with("styles", "styles", "")
        .read();
    assert_eq!(made::text(&document), "text");
    assert_eq!(document.warnings, [""; 0]);
}
