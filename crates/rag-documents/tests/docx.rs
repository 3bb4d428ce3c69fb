//! What DOCX files say: headings, lists, tables, notes, boxes, fields, equations, changes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "made/docx.rs"]
mod made;
use made::{Docx, field, item, list, num, p, para, part, r, styled, table};

const HEADINGS: &str = r#"<w:style w:type="paragraph" w:styleId="a1"><w:name w:val="标题 1"/></w:style>
    <w:style w:type="paragraph" w:styleId="a2"><w:name w:val="标题 2"/></w:style>
    <w:style w:type="paragraph" w:styleId="own"><w:name w:val="Clause"/><w:basedOn w:val="a2"/></w:style>"#;

fn check(body: &str, expected: &str) {
    assert_eq!(Docx::of(body).text(), expected);
}

#[test]
fn headings_in_localized_styles_and_empty_chapters() {
    let body = [
        styled("a1", "制度"),
        styled("own", "年假"),
        p("十五天 &amp; 更多"),
        styled("a1", "附录"),
        para(r#"<w:outlineLvl w:val="1"/>"#, &r("表格")),
        p("无"),
    ]
    .concat();
    let found = Docx::of(&body).with("styles", "styles", HEADINGS).sections();
    let expected = [("制度 > 年假", "十五天 & 更多"), ("附录 > 表格", "无")];
    assert_eq!(found, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
}

#[test]
fn a_paragraph_too_long_for_a_heading_is_text() {
    let long = "很长".repeat(200);
    let body = [styled("a1", "制度"), styled("a2", &long)].concat();
    let found = Docx::of(&body).with("styles", "styles", HEADINGS).sections();
    assert_eq!(found, [("制度".to_owned(), long)]);
}

#[test]
fn headings_have_the_numbers_that_their_style_or_paragraph_gives() {
    let styles = format!(
        r#"{HEADINGS}<w:style w:styleId="n1"><w:name w:val="heading 1"/><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>
        <w:style w:styleId="n2"><w:name w:val="heading 2"/><w:basedOn w:val="n1"/></w:style>"#
    );
    let levels = list(
        1,
        &[
            ("chineseCountingThousand", "第%1章", r#"<w:pStyle w:val="n1"/>"#),
            ("decimal", "%1.%2", r#"<w:pStyle w:val="n2"/><w:isLgl/>"#),
        ],
    );
    let body = [
        styled("n1", "总则"),
        styled("n2", "目的"),
        p("一"),
        styled("n2", "范围"),
        p("二"),
        styled("n1", "附则"),
        styled("n2", "施行"),
        p("三"),
    ]
    .concat();
    let found = Docx::of(&body)
        .with("styles", "styles", &styles)
        .with("numbering", "numbering", &(levels + &num(1, 1, "")))
        .sections();
    let paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        paths,
        ["第一章 总则 > 1.1 目的", "第一章 总则 > 1.2 范围", "第二章 附则 > 2.1 施行"]
    );
}

fn numbered(body: &str, numbering: &str) -> String {
    Docx::of(body).with("numbering", "numbering", numbering).text()
}

#[test]
fn lists_nest_and_their_numbers_restart_under_each_item() {
    let numbering =
        list(1, &[("decimal", "%1.", ""), ("lowerLetter", "%2)", ""), ("bullet", "\u{F0B7}", "")])
            + &num(1, 1, "");
    let body = [
        item(1, 0, "one"),
        item(1, 1, "a"),
        item(1, 1, "b"),
        item(1, 2, "dot"),
        item(1, 0, "two"),
        item(1, 1, "a again"),
    ]
    .concat();
    assert_eq!(
        numbered(&body, &numbering),
        "1. one\n  a) a\n  b) b\n    - dot\n2. two\n  a) a again"
    );
}

#[test]
fn a_list_goes_on_until_one_of_its_pattern_begins_anew() {
    let start = r#"<w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride>"#;
    let numbering =
        list(1, &[("decimal", "%1.", "")]) + &num(1, 1, "") + &num(2, 1, "") + &num(3, 1, start);
    let body = [
        item(1, 0, "x"),
        item(2, 0, "goes on"),
        item(3, 0, "anew"),
        item(3, 0, "next"),
        para("", ""),
        item(0, 0, "no list"),
        item(9, 0, "no such list"),
    ]
    .concat();
    assert_eq!(
        numbered(&body, &numbering),
        "1. x\n2. goes on\n5. anew\n6. next\nno list\nno such list"
    );
}

#[test]
fn an_override_changes_how_a_level_looks_and_restarts_can_be_off() {
    let level = r#"<w:lvlOverride w:ilvl="1"><w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="upperRoman"/><w:lvlText w:val="(%2)"/><w:lvlRestart w:val="0"/></w:lvl></w:lvlOverride>"#;
    let numbering =
        list(1, &[("decimal", "%1.", ""), ("decimal", "%1.%2", "")]) + &num(1, 1, level);
    let body = [item(1, 0, "x"), item(1, 1, "y"), item(1, 0, "z"), item(1, 1, "w")].concat();
    assert_eq!(numbered(&body, &numbering), "1. x\n  (I) y\n2. z\n  (II) w");
}

#[test]
fn an_empty_item_counts_and_a_level_left_out_counts_as_begun() {
    let numbering =
        list(1, &[("decimal", "%1.", ""), ("decimal", "%1.%2", ""), ("decimal", "%1.%2.%3", "")])
            + &num(1, 1, "");
    let body =
        [item(1, 0, "x"), item(1, 0, ""), item(1, 2, "deep"), item(1, 1, "y"), item(1, 0, "z")]
            .concat();
    assert_eq!(numbered(&body, &numbering), "1. x\n2.1.1 deep\n2.2 y\n3. z");
}

#[test]
fn a_list_may_take_its_levels_from_the_list_of_a_style() {
    let styles = r#"<w:style w:type="numbering" w:styleId="ls"><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>"#;
    let numbering = list(1, &[("ideographTraditional", "%1、", "")])
        + r#"<w:abstractNum w:abstractNumId="2"><w:numStyleLink w:val="ls"/></w:abstractNum>"#
        + &num(1, 1, "")
        + &num(2, 2, "");
    let body = [item(2, 0, "其一"), item(2, 0, "其二")].concat();
    let found = Docx::of(&body)
        .with("styles", "styles", styles)
        .with("numbering", "numbering", &numbering)
        .text();
    assert_eq!(found, "甲、其一\n乙、其二");
}

#[test]
fn absurd_numbers_stay_short() {
    let numbering = r#"<w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0"><w:start w:val="9223372036854775807"/><w:numFmt w:val="lowerRoman"/><w:lvlText w:val="%1%1%1%1%%x"/></w:lvl></w:abstractNum>"#.to_owned() + &num(1, 1, "");
    let text = numbered(&[item(1, 0, "x"), item(1, 0, "y")].concat(), &numbering);
    assert!(text.len() < 300 && text.ends_with("% y") || text.ends_with("%%x y"), "{text}");
}

#[test]
fn a_row_is_a_line_and_wide_cells_keep_their_columns() {
    let wide = |columns: u32, text: &str| {
        format!(r#"<w:tcPr><w:gridSpan w:val="{columns}"/></w:tcPr>{}"#, p(text))
    };
    let merged =
        |kind: &str, text: &str| format!(r#"<w:tcPr><w:vMerge{kind}/></w:tcPr>{}"#, p(text));
    let below = merged("", "");
    let first = merged(r#" w:val="restart""#, "部门");
    let both = wide(2, "合计");
    let (a, b, two) = (p("姓名"), p("天数"), p("张三") + &p("李四"));
    let rows: [&[&str]; 4] =
        [&[&first, &a, &b], &[&below, &two, &b], &[&both, &b], &[&a, &below, &below]];
    check(&table(&rows), "部门 | 姓名 | 天数\n | 张三 李四 | 天数\n合计 |  | 天数\n姓名");
    let absurd = wide(4_000_000_000, "x");
    let text = Docx::of(&table(&[&[&absurd, &a]])).text();
    assert!(text.len() < 250 && text.ends_with("姓名"), "{text}");
}

#[test]
fn a_row_that_begins_further_right_and_one_that_was_deleted() {
    let row = |properties: &str, text: &str| {
        format!(
            "<w:tr><w:trPr>{properties}</w:trPr><w:tc>{}</w:tc><w:tc>{}</w:tc></w:tr>",
            p(text),
            p("y")
        )
    };
    let rows = row(r#"<w:tblHeader/>"#, "head")
        + &row(r#"<w:del w:id="1"/>"#, "gone")
        + &row(r#"<w:gridBefore w:val="1"/>"#, "x");
    check(&format!("<w:tbl>{rows}</w:tbl>"), "head | y\n | x | y");
}

#[test]
fn tables_that_lay_out_a_page_give_what_stands_in_them() {
    let inner = table(&[&[&p("in1"), &p("in2")], &[&p("in3"), &p("in4")]]);
    let (left, right) = (p("left"), inner + &p("after"));
    check(&table(&[&[&left, &right]]), "left\nin1 | in2\nin3 | in4\nafter");
    let single = p("one") + &p("two");
    check(&table(&[&[&single]]), "one\ntwo");
}

#[test]
fn rows_in_content_controls_and_in_tracked_insertions_are_rows() {
    let row = |text: &str| {
        format!(
            "<w:tr><w:tc>{}</w:tc><w:sdt><w:sdtContent><w:tc>{}</w:tc></w:sdtContent></w:sdt></w:tr>",
            p(text),
            p("y")
        )
    };
    let body = format!(
        "<w:tbl><w:sdt><w:sdtPr/><w:sdtContent>{}</w:sdtContent></w:sdt>{}</w:tbl>",
        row("a"),
        row("b")
    );
    check(&body, "a | y\nb | y");
}

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
    let style = r#"<w:style w:styleId="t1"><w:name w:val="toc 1"/></w:style>"#;
    let found =
        Docx::of(&(styled("t1", "Chapter 1") + &p("text"))).with("styles", "styles", style).text();
    assert_eq!(found, "text");
}

#[test]
fn a_field_that_never_ends_hides_nothing() {
    let begin = r#"<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> TOC </w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r>"#;
    let document = Docx::of(&(para("", &(begin.to_owned() + &r("one"))) + &p("two"))).read();
    assert_eq!(made::text(&document), "one\ntwo");
    assert!(document.warnings.iter().any(|w| w.contains("a field of it never ends")));
}

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

#[test]
fn chinese_runs_are_joined_without_spaces() {
    let body = para(
        "",
        &format!("{}{}<w:r><w:t>\n    合同\n  </w:t></w:r>{}", r("劳动"), r(""), r("期限")),
    );
    check(&body, "劳动合同期限");
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

/// The text of a fixture, each section under its path.
fn fixture(name: &str) -> (String, Vec<String>) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    let document = rag_documents::read_file(&path, &rag_documents::Limits::default()).unwrap();
    let shown =
        |s: &rag_core::Section| format!("[{}]\n{}\n", s.heading.as_deref().unwrap_or(""), s.text);
    (document.sections.iter().map(shown).collect(), document.warnings)
}

#[test]
fn a_document_written_by_pandoc_is_read_as_it_looks() {
    let expected = "\
[]
设备指南
[1 设备]
Laptops are replaced after four years.[1] The mean load is (a+b)/2 and x_i^2+√y.
1. 申请
  a. 填写表格
  b. 部门批准
2. 领取
  - 带上工牌
[1] 硬盘须加密，见 指南。
[1 设备 > 1.1 Phones]
Role | Phone | 流量
Field service | Rugged phone | 60 GB
办公室 | 无 | –
A lost phone is reported at once.
[2 附录]
∑_(i=1)^n x_i=(a, b; c, d)
";
    assert_eq!(fixture("guide.docx"), (expected.to_owned(), Vec::new()));
}

#[test]
fn a_document_written_by_libreoffice_is_read_as_it_looks() {
    // Its equations are pictures here, as the program for equations was not installed.
    let expected = "\
[]
设备指南
[设备]
Laptops are replaced after four years.[1] The mean load is  and .
1. 申请
  a. 填写表格
  b. 部门批准
2. 领取
  - 带上工牌
[1] 硬盘须加密，见 指南。
[设备 > Phones]
Role | Phone | 流量
Field service | Rugged phone | 60 GB
办公室 | 无 | –
A lost phone is reported at once.
[附录]
附录
";
    let (found, warnings) = fixture("guide-writer.docx");
    assert_eq!((found.as_str(), warnings), (expected, vec!["3 images have no text".to_owned()]));
}
