//! Headings and lists, with their numbers.

use crate::HEADINGS;
use crate::made::{Docx, item, list, num, p, para, r, styled};

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
