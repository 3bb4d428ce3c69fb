//! What is read of PDFs that say what belongs together: the order, paragraphs, headings, items and cells of their tags.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use rag_documents::{Document, Limits, read};

#[path = "made/pdf.rs"]
#[expect(dead_code, reason = "made for other tests, too")]
mod made;
use made::{border, page, pdf_with, show, stream};

const FONT: &str =
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";

/// Words of a stretch that is marked with a number.
fn marked(number: u32, words: &str) -> String {
    format!("/Span << /MCID {number} >> BDC\n{words}EMC\n")
}

/// A page of this content whose elements are `tree`, the kids of the root; `{page}` stands for the page in it, and `objects` are
/// numbered from 6.
fn tagged_with(content: &str, tree: &str, catalog: &str, objects: &[&str]) -> Document {
    let content = stream("", content);
    let root = format!(
        "<< /Type /Catalog /Pages 2 0 R /StructTreeRoot << /Type /StructTreeRoot /RoleMap << /Absatz /P >> /K [{tree}] >> {catalog} >>"
    );
    let mut all = vec![
        root.as_str(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R \
         /Resources << /Font << /F 5 0 R >> /XObject << /X 6 0 R >> >> >>",
        content.as_str(),
        FONT,
    ];
    all.extend_from_slice(objects);
    read(pdf_with(&all, ""), "a.pdf", &Limits::default()).unwrap()
}

fn tagged(content: &[String], tree: &str) -> Document {
    tagged_with(&content.concat(), tree, "", &[])
}

/// An element of the page's tree.
fn element(kind: &str, kids: &str) -> String {
    format!("<< /S /{kind} /Pg 3 0 R /K [{kids}] >> ")
}

fn text(document: &Document) -> String {
    document.sections.iter().map(|s| s.text.as_str()).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_drawn_out_of_turn_is_read_in_its_turn() {
    // Browsers draw what scrolls, or is positioned, after all else.
    let content = [
        marked(0, &show(72, 100, 10, "Report an error of this page")),
        marked(1, &show(72, 700, 10, "The menu of this page")),
        marked(2, &show(72, 600, 10, "What it is about")),
    ];
    let in_turn = [element("P", "1"), element("Absatz", "2"), element("P", "0")].concat();
    let expected = "The menu of this page\nWhat it is about\nReport an error of this page";
    assert_eq!(text(&tagged(&content, &in_turn)), expected);
    // Without tags, the order of drawing is the one to read in.
    let untagged = "Report an error of this page\nThe menu of this page\nWhat it is about";
    let plain = read(page(&content.concat(), &[FONT]), "a.pdf", &Limits::default()).unwrap();
    assert_eq!(text(&plain), untagged);
    // It is not where a browser drew the page: that goes by layers, and each region is read after what stands over it.
    let stream = stream("", &content.concat());
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        &stream,
        FONT,
    ];
    let printed = pdf_with(&objects, "/Info << /Creator (Mozilla/5.0 \\(X11; Linux\\)) >>");
    assert_eq!(text(&read(printed, "a.pdf", &Limits::default()).unwrap()), expected);
    // Tags that their writer doubts are not followed.
    let doubted = tagged_with(&content.concat(), &in_turn, "/MarkInfo << /Suspects true >>", &[]);
    assert_eq!(text(&doubted), untagged);
}

#[test]
fn types_of_a_namespace_and_entries_are_read() {
    // As LaTeX tags: types of its own, which a namespace explains (PDF 2.0), and some of these by those of another.
    let space =
        |roles: &str| format!("<< /Type /Namespace /NS (urn:a) /RoleMapNS << {roles} >> >>");
    let spaces = [
        "<< >>".to_owned(),
        space("/text [/para 8 0 R] /title [/Title 9 0 R] /loop [/loop 7 0 R]"),
        space("/para [/P 9 0 R]"),
        space(""),
    ];
    let content = [
        marked(0, &show(72, 700, 10, "Leave")),
        marked(1, &show(72, 688, 10, "It is paid.")),
        marked(2, &show(72, 676, 10, "Nobody sells it.")),
        marked(3, &show(72, 664, 10, "1")),
        marked(4, &show(90, 664, 10, "Leave")),
        marked(5, &show(120, 664, 10, ". . . . . 7")),
        marked(6, &show(72, 652, 10, "Five days.")),
    ];
    let of = |kind: &str, kids: &str| element(&format!("{kind} /NS 7 0 R"), kids);
    // An entry's title is a paragraph in it, too.
    let entry = element(
        "TOCI",
        &[element("Lbl", "3"), element("P", "4"), element("Reference", "5")].concat(),
    );
    let tree = [of("title", "0"), of("text", "1"), of("text", "2"), entry, of("loop", "6")];
    let spaces: Vec<&str> = spaces.iter().map(String::as_str).collect();
    let document = tagged_with(&content.concat(), &tree.concat(), "", &spaces);
    assert_eq!(document.sections[0].heading.as_deref(), Some("Leave"));
    assert!(
        text(&document).ends_with("It is paid.\nNobody sells it.\n1 Leave . . . . . 7\nFive days."),
        "{}",
        text(&document)
    );
}

#[test]
fn paragraphs_end_where_their_tags_do() {
    // The lines of two short paragraphs could be those of one; the third goes on beside a picture and in the next column.
    let content = [
        marked(0, &show(72, 700, 10, "Ministry of Public Works")),
        marked(1, &show(72, 688, 10, "Department of Roads and")),
        marked(2, &show(72, 600, 10, "A paragraph whose lines are full up to here, and")),
        marked(2, &show(86, 580, 10, "one that is indented and ends with inter-")),
        marked(2, &show(320, 700, 10, "rupted words.")),
    ];
    let tree = [element("P", "0"), element("P", "1"), element("P", "2")].concat();
    assert_eq!(
        text(&tagged(&content, &tree)),
        "Ministry of Public Works\nDepartment of Roads and\n\
         A paragraph whose lines are full up to here, and one that is indented and ends with interrupted words."
    );
}

#[test]
fn headings_are_those_that_are_tagged() {
    let content = [
        marked(0, &show(72, 760, 20, "Handbook")),
        marked(1, &show(72, 700, 10, "1 Leave")),
        marked(2, &show(72, 680, 10, "Everybody has leave.")),
        marked(3, &show(72, 660, 10, "1.1 Annual")),
        marked(4, &show(72, 640, 16, "Fifteen")),
        marked(5, &show(72, 620, 10, "days of it are paid.")),
        marked(6, &show(72, 600, 10, "Five more are not.")),
        marked(7, &show(72, 580, 10, "None can be sold.")),
    ];
    let tree: String = ["P", "H1", "P", "H2", "P", "P", "P", "P"]
        .iter()
        .enumerate()
        .map(|(at, kind)| element(kind, &at.to_string()))
        .collect();
    let document = tagged(&content, &tree);
    let headings: Vec<Option<&str>> =
        document.sections.iter().map(|section| section.heading.as_deref()).collect();
    // The title is a paragraph to word processors, and no larger line below the first heading is one.
    assert_eq!(headings, [Some("Handbook > 1 Leave"), Some("Handbook > 1 Leave > 1.1 Annual")]);
}

#[test]
fn tables_without_borders_have_the_cells_that_are_tagged() {
    let content = [
        marked(0, &show(72, 700, 10, "Kind")),
        marked(1, &show(110, 700, 10, "Days")),
        marked(2, &show(72, 680, 10, "Leave")),
        marked(3, &show(110, 680, 10, "fifteen, and")),
        marked(3, &show(110, 668, 10, "one for each child")),
        marked(4, &show(72, 650, 10, "All of it is paid.")),
        marked(5, &show(110, 630, 10, "none")),
    ];
    let cell = |mark: u32, attributes: &str| {
        format!(
            "<< /S /TD /Pg 3 0 R /A [<< /O /Layout >> << /O /Table {attributes} >>] /K {mark} >> "
        )
    };
    let rows = [
        element("TR", &[cell(0, ""), cell(1, "")].concat()),
        element("TR", &[cell(2, ""), cell(3, "")].concat()),
        element("TR", &cell(4, "/ColSpan 2")),
        element("TR", &[element("TD", ""), cell(5, "")].concat()),
    ];
    let document = tagged(&content, &element("Table", &element("TBody", &rows.concat())));
    assert_eq!(
        text(&document),
        "Kind | Days\nLeave | fifteen, and one for each child\nAll of it is paid.\n | none"
    );
    // A table that holds headings sets out a page, and is none.
    let content = [
        marked(0, &show(72, 700, 10, "Menu")),
        marked(1, &show(110, 700, 10, "News")),
        marked(2, &show(110, 680, 10, "None.")),
    ];
    let page = [
        element("TD", &element("P", "0")),
        element("TD", &[element("H1", "1"), element("P", "2")].concat()),
    ];
    let document = tagged(&content, &element("Table", &element("TR", &page.concat())));
    assert_eq!(text(&document), "Menu\nNews\nNone.");
}

#[test]
fn a_table_that_its_tags_leave_out_is_still_one() {
    let borders = [
        border(70, 720, 270, 720),
        border(70, 690, 270, 690),
        border(70, 660, 270, 660),
        border(70, 720, 70, 660),
        border(120, 720, 120, 660),
        border(270, 720, 270, 660),
    ];
    let content = [
        borders.concat(),
        marked(0, &show(75, 706, 10, "Kind")),
        marked(1, &show(125, 706, 10, "Days")),
        marked(2, &show(75, 676, 10, "Leave")),
        marked(3, &show(125, 676, 10, "fifteen")),
    ];
    let tree: String = (0..4).map(|mark| element("P", &mark.to_string())).collect();
    assert_eq!(text(&tagged(&content, &tree)), "Kind | Days\nLeave | fifteen");
    // Paragraphs with tabs in them are its rows, too.
    let content = [
        marked(0, &[show(72, 706, 10, "Kind"), show(172, 706, 10, "Days")].concat()),
        marked(1, &[show(72, 694, 10, "Leave"), show(172, 694, 10, "fifteen")].concat()),
        marked(2, &[show(72, 682, 10, "Training"), show(172, 682, 10, "five")].concat()),
    ];
    let tree: String = (0..3).map(|mark| element("P", &mark.to_string())).collect();
    assert_eq!(text(&tagged(&content, &tree)), "Kind | Days\nLeave | fifteen\nTraining | five");
}

#[test]
fn items_begin_with_their_labels_and_links_stand_in_their_lines() {
    let content = [
        marked(0, &show(72, 700, 10, "a")),
        marked(1, &show(90, 700, 10, "First the mark of an item")),
        marked(2, &show(72, 688, 10, "b")),
        marked(3, &show(90, 688, 10, "then its paragraph")),
        marked(4, &show(72, 640, 10, "Write to ")),
        marked(5, &show(114, 640, 10, "help@example.com")),
        marked(6, &show(203, 640, 10, ", please.")),
    ];
    let item = |label: &str, body: &str| {
        element("LI", &[element("Lbl", label), element("LBody", &element("P", body))].concat())
    };
    let tree = [
        element("L", &[item("0", "1"), item("2", "3")].concat()),
        element("P", "4"),
        element("Div", &element("Link", "5")),
        element("P", "6"),
    ];
    assert_eq!(
        text(&tagged(&content, &tree.concat())),
        "a First the mark of an item\nb then its paragraph\nWrite to help@example.com, please."
    );
}

#[test]
fn groups_of_a_web_page_are_read_one_after_the_other() {
    // Browsers tag what is a group of its own, and what is in a line of text, as the same: nothing.
    let content = [
        marked(0, &show(72, 700, 10, "Method")),
        marked(1, &show(150, 706, 10, "What it does with")),
        marked(2, &show(150, 694, 10, "its arguments")),
        marked(3, &show(72, 640, 10, "See ")),
        marked(4, &show(95, 640, 10, "the list")),
        marked(5, &show(72, 628, 10, "of methods.")),
    ];
    let leaf = |mark: &str| element("NonStruct", mark);
    let tree = [
        element("NonStruct", &leaf("0")),
        element("NonStruct", &[leaf("1"), leaf("2")].concat()),
        element("P", &[leaf("3"), element("NonStruct", &leaf("4")), leaf("5")].concat()),
    ];
    assert_eq!(
        text(&tagged(&content, &tree.concat())),
        "Method\nWhat it does with its arguments\nSee the list of methods."
    );
}

#[test]
fn what_a_form_shows_has_tags_of_its_own() {
    let form = stream(
        "/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources << /Font << /F 5 0 R >> >>",
        &[marked(0, &show(72, 500, 10, "Third")), marked(1, &show(72, 700, 10, "First"))].concat(),
    );
    let content = [marked(0, &show(72, 600, 10, "Second")), "/X Do\n".to_owned()].concat();
    let of_form =
        |mark: u32| element("P", &format!("<< /Type /MCR /Pg 3 0 R /Stm 6 0 R /MCID {mark} >>"));
    let tree = [of_form(1), element("P", "0"), of_form(0)].concat();
    assert_eq!(text(&tagged_with(&content, &tree, "", &[&form])), "First\nSecond\nThird");
}

#[test]
fn a_page_that_is_hardly_tagged_and_a_tree_with_a_loop_are_read() {
    let content = [
        marked(0, &show(72, 600, 10, "Tagged")),
        show(72, 700, 10, "Much more of this page is not, and drawn later"),
    ];
    let document = tagged(&content, &element("P", "0"));
    assert_eq!(text(&document), "Tagged\nMuch more of this page is not, and drawn later");
    // Decoration has no tag: it is kept, where it stands.
    let content = [
        marked(0, &show(72, 600, 10, "Tagged, with a line that is long enough")),
        "/Artifact BMC\n".to_owned(),
        show(72, 700, 10, "DR"),
        "EMC\n".to_owned(),
    ];
    let document = tagged(&content, &element("P", "0"));
    assert_eq!(text(&document), "DR\nTagged, with a line that is long enough");
    let content = marked(0, &show(72, 600, 10, "Round and round"));
    let form = "<< /S /Sect /Pg 3 0 R /K [7 0 R 0 7 0 R] >>";
    let document = tagged_with(&content, "7 0 R", "", &["null", form]);
    assert_eq!(text(&document), "Round and round");
}

/// The headings of a fixture, with the words below each, without the marks of items.
fn sections(name: &str) -> Vec<(Option<String>, String)> {
    let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    let document = read(std::fs::read(&path).unwrap(), name, &Limits::default()).unwrap();
    let sections = document.sections.into_iter().map(|section| {
        let path = section.heading.clone().unwrap_or_default();
        let is_title = |line: &str| path.split(" > ").any(|title| title == line);
        let lines = section.text.lines().map(|line| line.trim_start_matches("- "));
        let lines: Vec<&str> = lines.filter(|line| !is_title(line)).collect();
        (section.heading, lines.join("\n"))
    });
    sections.collect()
}

#[test]
fn printed_documents_read_like_their_sources() {
    assert_eq!(sections("policy.pdf"), sections("policy.html"));
    // The footnote stands at the end of the page, not of the text.
    let phones = |name: &str| {
        let phones = |(heading, _): &(Option<String>, String)| {
            heading.as_deref().is_some_and(|heading| heading.ends_with("Phones"))
        };
        let (_, text) = sections(name).into_iter().find(phones).unwrap();
        text.lines().filter(|line| !line.contains("硬盘")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(phones("guide-writer.pdf"), phones("guide-writer.docx"));
}
