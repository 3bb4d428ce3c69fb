//! Notes in the margin: read before the paragraph that they stand beside, which stays whole.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use rag_documents::{Limits, read};

#[path = "made/pdf.rs"]
#[expect(dead_code, reason = "made for other tests, too")]
mod made;
use made::{pages, show};

fn text(content: &[String]) -> String {
    let document = read(pages(&[&content.concat()], ""), "a.pdf", &Limits::default()).unwrap();
    document.sections.iter().map(|s| s.text.as_str()).collect::<Vec<_>>().join("\n")
}

/// A paragraph whose first lines have notes drawn behind them, as TeX does.
fn noted(notes: [&[(u32, u32, &str)]; 2]) -> String {
    let lines = [
        "The environment works with pictures in the text, which are pro-",
        "vided by another package, and with tables of several pages and",
        "their captions. Nothing else has to be done for it.",
    ];
    let line = |at: usize| show(154, 700 - 12 * at as u32, 10, lines[at]);
    let note = |at: usize| notes[at].iter().map(|(x, y, words)| show(*x, *y, 9, words)).collect();
    text(&[line(0), note(0), line(1), note(1), line(2)])
}

const WHOLE: &str = "The environment works with pictures in the text, which are provided by another package, and with tables of \
     several pages and their captions. Nothing else has to be done for it.";

#[test]
fn a_paragraph_goes_on_behind_its_notes() {
    assert_eq!(noted([&[(100, 700, "picture")], &[]]), format!("picture\n{WHOLE}"));
    // One of two lines, and one beside a line in the middle of a sentence.
    let both = noted([&[(80, 700, "picture"), (80, 690, "(float)")], &[(100, 688, "table")]]);
    assert_eq!(both, format!("picture (float)\ntable\n{WHOLE}"));
}

#[test]
fn a_note_to_the_right_stands_beside_a_full_line() {
    let line = |y: u32, words: &str| show(154, y, 10, words);
    let full = [
        line(712, "Words of one width are all that this line has, so that it ends"),
        line(700, "Words of one width are all that this line has, so that it ends"),
        show(460, 700, 9, "see 2"),
        line(688, "with them."),
    ];
    let twice = "Words of one width are all that this line has, so that it ends";
    assert_eq!(text(&full), format!("see 2\n{twice} {twice} with them."));
    // Behind a gap in a line is more of it.
    let gap = [
        line(
            712,
            "This line is as long as lines are, up to the edge of what is written on it here",
        ),
        line(700, "Words of one width are all that this line has"),
        show(385, 700, 10, "'quoted words', and then"),
        line(688, "it goes on."),
    ];
    let read = text(&gap);
    let (has, quoted) = (read.find("line has"), read.find("'quoted words'"));
    assert!(has.is_some() && has < quoted, "{read}");
}

#[test]
fn columns_and_numbers_of_lines_are_no_notes() {
    let rows = ["north and all that is beyond it", "south and all that is beyond it", "east"];
    let table: Vec<String> = (0_u32..)
        .zip(rows)
        .flat_map(|(at, row)| {
            [show(72, 700 - 12 * at, 10, row), show(300, 700 - 12 * at, 10, "12.5")]
        })
        .collect();
    assert_eq!(
        text(&table),
        "north and all that is beyond it | 12.5\nsouth and all that is beyond it | 12.5\neast | 12.5"
    );
    let numbered = noted([&[(100, 700, "1")], &[(100, 688, "2")]]);
    assert!(!numbered.starts_with("1\n2\n"), "{numbered}");
}
