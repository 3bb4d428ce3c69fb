//! What stands beside the text: notes, boxes, pictures, charts, and what is left out.

use crate::made;
use crate::made::{Docx, p, para, part, r, styled, table};
use crate::{HEADINGS, check};

#[test]
fn notes_stand_at_the_end_of_the_section_that_refers_to_them() {
    let reference = |kind: &str, id: u8, more: &str| {
        format!(r#"<w:r><w:{kind}Reference {more} w:id="{id}"/></w:r>"#)
    };
    let note =
        |kind: &str, id: u8, inner: &str| format!(r#"<w:{kind} w:id="{id}">{inner}</w:{kind}>"#);
    let cell = para("", &(r("cell") + &reference("footnote", 2, "")));
    let own = para("", &(reference("footnote", 3, r#"w:customMarkFollows="1""#) + &r("*")));
    let body = [
        styled("a1", "One"),
        para(
            "",
            &(r("text")
                + &reference("footnote", 1, "")
                + &r(" more")
                + &reference("endnote", 1, "")),
        ),
        table(&[&[&cell, &p("y")]]),
        styled("a1", "Two"),
        own,
        para("", &(r("none") + &reference("footnote", 77, ""))),
    ]
    .concat();
    let footnotes = [
        r#"<w:footnote w:type="separator" w:id="-1"><w:p><w:r><w:separator/></w:r></w:p></w:footnote>"#.to_owned(),
        note("footnote", 1, &(p("first") + &table(&[&[&p("a"), &p("b")]]))),
        note("footnote", 2, &para("", r#"<w:r><w:footnoteRef/></w:r><w:r><w:t>second</w:t></w:r>"#)),
        note("footnote", 3, &p("* own mark")),
    ]
    .concat();
    let found = Docx::of(&body)
        .with("styles", "styles", HEADINGS)
        .with("footnotes", "footnotes", &footnotes)
        .with("endnotes", "endnotes", &note("endnote", 1, &p("at the end")))
        .sections();
    let expected = [
        ("One", "text[1] more[2]\ncell[3] | y\n[1] first a | b\n[2] at the end\n[3] second"),
        ("Two", "*\nnone\n* own mark"),
    ];
    assert_eq!(found, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
}

#[test]
fn a_text_box_follows_its_paragraph_and_counts_once() {
    let content =
        format!("<w:txbxContent>{}{}</w:txbxContent>", p("box"), styled("a1", "no heading"));
    let new = format!(
        "<w:drawing><wp:anchor><a:graphic><a:graphicData><wps:wsp><wps:txbx>{content}</wps:txbx></wps:wsp></a:graphicData></a:graphic></wp:anchor></w:drawing>"
    );
    let old = format!("<w:pict><v:shape><v:textbox>{content}</v:textbox></v:shape></w:pict>");
    let both = format!(
        r#"<w:r><mc:AlternateContent><mc:Choice Requires="wps">{new}</mc:Choice><mc:Fallback>{old}</mc:Fallback></mc:AlternateContent></w:r>"#
    );
    let only_old = format!(
        r#"<w:r><mc:AlternateContent><mc:Choice Requires="x"/><mc:Fallback>{old}</mc:Fallback></mc:AlternateContent></w:r>"#
    );
    for boxed in [both, only_old, format!("<w:r>{old}</w:r>")] {
        let body = para("", &(r("be") + &boxed + &r("fore"))) + &p("after");
        let found = Docx::of(&body).with("styles", "styles", HEADINGS).text();
        assert_eq!(found, "before\nbox\nno heading\nafter");
    }
    check(
        &para("", r#"<w:r><w:pict><v:shape><v:textpath string="草稿"/></v:shape></w:pict></w:r>"#),
        "草稿",
    );
}

#[test]
fn pictures_are_described_or_counted() {
    let picture = |words: &str| {
        format!(
            r#"<w:r><w:drawing><wp:inline><wp:docPr id="1" name="Picture 1" descr="{words}"/><a:graphic><a:graphicData><pic:pic/></a:graphicData></a:graphic></wp:inline></w:drawing></w:r>"#
        )
    };
    let old = r#"<w:r><w:pict><v:shape><v:imagedata r:id="rId5"/></v:shape></w:pict></w:r>"#;
    let document =
        Docx::of(&para("", &(r("text") + &picture("A red badge") + &picture("image1.png") + old)))
            .read();
    assert_eq!(made::text(&document), "text\nA red badge");
    assert!(
        document.warnings.contains(&"2 images have no text".to_owned()),
        "{:?}",
        document.warnings
    );
}

#[test]
fn what_is_left_out_is_counted() {
    let object = |program: &str| {
        format!(
            r#"<w:r><w:object><v:shape><v:imagedata r:id="x"/></v:shape><o:OLEObject ProgID="{program}"/></w:object></w:r>"#
        )
    };
    let body = [
        p("text"),
        para("", &(object("Excel.Sheet.12") + &object("Equation.3") + &object("Equation.DSMT4"))),
        r#"<w:altChunk r:id="rId7"/>"#.to_owned(),
        para("", r#"<w:subDoc r:id="rId8"/>"#),
        para("", r#"<w:r><w:object><w:control r:id="rId9"/></w:object></w:r>"#),
        para(
            "",
            r#"<w:r><w:drawing><wp:inline><c:chart r:id="rId99"/></wp:inline></w:drawing></w:r>"#,
        ),
    ]
    .concat();
    let document = Docx::of(&body).with("styles", "styles", "").read();
    assert_eq!(made::text(&document), "text");
    assert_eq!(
        document.warnings,
        [
            "1 embedded object is left out",
            "2 equations are embedded objects and left out",
            "1 inserted document is left out",
            "1 subdocument is left out",
            "1 form control is left out",
            "1 chart cannot be read",
        ]
    );
}

#[test]
fn charts_and_diagrams_give_their_words() {
    let drawing =
        |inner: &str| format!("<w:r><w:drawing><wp:inline>{inner}</wp:inline></w:drawing></w:r>");
    let body = para(
        "",
        &(drawing(r#"<c:chart r:id="rId1"/>"#) + &drawing(r#"<dgm:relIds r:dm="rId2"/>"#)),
    );
    let chart = r#"<c:chartSpace xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">
        <c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Sales</a:t></a:r></a:p></c:rich></c:tx></c:title><c:ser>
        <c:cat><c:strRef><c:strCache><c:pt idx="0"><c:v>North</c:v></c:pt></c:strCache></c:strRef></c:cat>
        <c:val><c:numRef><c:numCache><c:pt idx="0"><c:v>12</c:v></c:pt></c:numCache></c:numRef></c:val></c:ser></c:chart></c:chartSpace>"#;
    let diagram = r#"<dgm:dataModel xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">
        <dgm:ptLst><dgm:pt modelId="1"><dgm:t><a:p><a:r><a:t>申请</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:ptLst></dgm:dataModel>"#;
    let document = Docx::of(&body)
        .with("styles", "styles", "")
        .raw(
            "word/_rels/document.xml.rels",
            &made::relations(&[
                ("rId1", "chart", "charts/chart1.xml"),
                ("rId2", "diagramData", "/word/diagrams/data1.xml"),
            ]),
        )
        .raw("word/charts/chart1.xml", chart)
        .raw("word/diagrams/data1.xml", diagram)
        .read();
    assert_eq!(made::text(&document), "Sales\nNorth | 12\n- 申请");
    assert_eq!(document.warnings, [""; 0]);
}

#[test]
fn a_broken_part_beside_the_text_costs_a_warning() {
    let document = Docx::of(&p("text"))
        .raw("word/styles.xml", "<w:styles><w:style></w:styles>")
        .raw("word/footnotes.xml", "none")
        .raw("word/numbering.xml", &part("numbering", ""))
        .read();
    assert_eq!(made::text(&document), "text");
    assert_eq!(document.warnings.len(), 2, "{:?}", document.warnings);
    assert!(document.warnings[0].starts_with("its styles cannot be read (word/styles.xml: "));
    assert!(document.warnings[1].starts_with("its footnotes cannot be read (word/footnotes.xml "));
}
