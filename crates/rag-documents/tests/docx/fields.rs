//! Fields, links, forms, and tables of contents.

use crate::check;
use crate::made;
use crate::made::{Docx, field, p, para, r, styled};

#[test]
fn fields_give_their_results_and_hyperlinks_their_text() {
    let mark = |kind: &str| format!(r#"<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>"#);
    let inner = field(" MERGEFIELD n ", &r("hidden"));
    let nested = format!(
        "{}<w:r><w:instrText> IF </w:instrText></w:r>{inner}<w:r><w:instrText> = 1 </w:instrText></w:r>{}{}{}",
        mark("begin"),
        mark("separate"),
        r("result"),
        mark("end")
    );
    let body = [
        para("", &(r("see ") + &field(r#" HYPERLINK "x" "#, &r("here")) + &r(" now"))),
        para("", &nested),
        para("", &format!(r#"<w:fldSimple w:instr="DATE">{}</w:fldSimple>"#, r("2026"))),
        para("", &format!(r#"<w:hyperlink r:id="rId9">{}</w:hyperlink>"#, r("link"))),
        para(
            "",
            &format!(
                r#"{}<w:r><w:instrText>EQ \o\ac(○,2)</w:instrText></w:r>{}"#,
                mark("begin"),
                mark("end")
            ),
        ),
    ]
    .concat();
    check(&body, "see here now\nresult\n2026\nlink\n②");
}

#[test]
fn form_fields_show_what_was_chosen() {
    let form = |data: &str| {
        format!(
            r#"<w:r><w:fldChar w:fldCharType="begin"><w:ffData>{data}</w:ffData></w:fldChar></w:r><w:r><w:instrText>FORM</w:instrText></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>"#
        )
    };
    let boxes = form("<w:checkBox><w:default w:val=\"0\"/><w:checked/></w:checkBox>")
        + &form("<w:checkBox><w:default w:val=\"0\"/></w:checkBox>");
    let choice = form(
        r#"<w:ddList><w:result w:val="1"/><w:listEntry w:val="no"/><w:listEntry w:val="yes"/></w:ddList>"#,
    );
    check(&para("", &(boxes + &choice)), "☒☐yes");
}

#[test]
fn a_table_of_contents_is_left_out_whole() {
    let mark = |kind: &str| format!(r#"<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>"#);
    let begin = format!(
        "{}{}<w:r><w:instrText> TOC \\o </w:instrText></w:r>{}",
        r("before"),
        mark("begin"),
        mark("separate")
    );
    let entry = field(" PAGEREF x ", &r("3"));
    let complex = [
        para("", &(begin + &r("Chapter") + &entry)),
        para("", &r("Chapter two")),
        para("", &(mark("end") + &r("after"))),
    ]
    .concat();
    check(&complex, "before\nafter");
    let gallery = r#"<w:sdtPr><w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj></w:sdtPr>"#;
    check(
        &format!(
            "<w:sdt>{gallery}<w:sdtContent>{}</w:sdtContent></w:sdt>{}",
            p("Contents"),
            p("text")
        ),
        "text",
    );
    check(&format!("<w:sdt><w:sdtPr/><w:sdtContent>{}</w:sdtContent></w:sdt>", p("kept")), "kept");
    // Entries that are no field any more, and what somebody wrote in their style.
    let style = r#"<w:style w:styleId="t1"><w:name w:val="toc 1"/></w:style>
        <w:style w:styleId="th"><w:name w:val="TOC Heading"/></w:style>"#;
    let body = [
        styled("th", "Handbook"),
        styled("t1", "Chapter 1"),
        styled("t1", "Preface ..... iv"),
        styled("t1", "Who to ask"),
        p("text"),
    ];
    let found = Docx::of(&body.concat()).with("styles", "styles", style).text();
    assert_eq!(found, "Handbook\nWho to ask\ntext");
}

#[test]
fn a_field_that_never_ends_hides_nothing() {
    let begin = r#"<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> TOC </w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r>"#;
    let document = Docx::of(&(para("", &(begin.to_owned() + &r("one"))) + &p("two"))).read();
    assert_eq!(made::text(&document), "one\ntwo");
    assert!(document.warnings.iter().any(|w| w.contains("a field of it never ends")));
}
