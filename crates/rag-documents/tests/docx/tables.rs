//! Tables, their merged cells, and those that lay out a page.

use crate::check;
use crate::made::{Docx, p, table};

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
