//! What is read of the tables of PDFs: their borders, and rows that have none.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use rag_documents::{Limits, read};

#[path = "made/pdf.rs"]
#[expect(dead_code, reason = "made for other tests, too")]
mod made;
use made::{border, pages, show};

/// The text of a page with these borders and words.
fn text(borders: &[String], words: &[String]) -> String {
    let content = [borders.concat(), words.concat()].concat();
    let document = read(pages(&[&content], ""), "a.pdf", &Limits::default()).unwrap();
    document.sections.iter().map(|s| s.text.as_str()).collect::<Vec<_>>().join("\n")
}

#[test]
fn cells_with_borders_are_read_whole_however_their_lines_are_broken() {
    // Two columns, three rows; the first cell reaches over the last two rows.
    let borders = [
        border(70, 720, 470, 720),
        border(70, 700, 470, 700),
        border(200, 670, 470, 670),
        border(70, 640, 470, 640),
        border(200, 720, 200, 640),
        border(470, 720, 470, 640),
    ];
    // It is open at its left side.
    let words = [
        show(72, 740, 10, "Above"),
        show(75, 706, 10, "Kind of leave"),
        show(205, 706, 10, "Days"),
        show(75, 688, 10, "Leave in"),
        show(75, 676, 10, "the summer"),
        show(205, 688, 10, "fifteen, and one"),
        show(205, 676, 10, "for each child"),
        show(205, 658, 10, "none in"),
        show(205, 646, 10, "the first year"),
        show(72, 620, 10, "Below"),
    ];
    assert_eq!(
        text(&borders, &words),
        "Above\nKind of leave | Days\nLeave in the summer | fifteen, and one for each child\n\
         Leave in the summer | none in the first year\nBelow"
    );
}

#[test]
fn rows_without_borders_between_them_are_rows() {
    // Borders around the head and the body, and between the columns. Cells of the body are centered in their rows.
    let borders = [
        border(70, 720, 470, 720),
        border(70, 700, 470, 700),
        border(70, 600, 470, 600),
        border(70, 720, 70, 600),
        border(220, 720, 220, 600),
        border(470, 720, 470, 600),
    ];
    let words = [
        show(75, 706, 10, "Place"),
        show(225, 706, 10, "Field"),
        show(75, 688, 10, "Berkeley"),
        show(225, 688, 10, "Psychology"),
        show(75, 660, 10, "Vermont"),
        show(225, 666, 10, "Experimental"),
        show(225, 654, 10, "psychology"),
        show(75, 632, 10, "Berkeley"),
        show(225, 638, 10, "Public health"),
        show(225, 626, 10, "and ethics"),
    ];
    assert_eq!(
        text(&borders, &words),
        "Place | Field\nBerkeley | Psychology\nVermont | Experimental psychology\nBerkeley | Public health and ethics"
    );
}

#[test]
fn rows_that_are_drawn_one_after_the_other_are_rows_even_if_one_is_full() {
    // Borders around the head and the body, and before the last column; the third row fills its cell.
    let borders = [
        border(70, 720, 470, 720),
        border(70, 700, 470, 700),
        border(70, 620, 470, 620),
        border(70, 720, 70, 620),
        border(220, 720, 220, 620),
        border(470, 720, 470, 620),
    ];
    let rows = [
        ("boldface", "bold"),
        ("a command with a name that fills", "italic"),
        ("sans serif", "sans"),
    ];
    let mut words = vec![show(75, 706, 10, "Command"), show(225, 706, 10, "Output")];
    for (at, (command, output)) in rows.into_iter().enumerate() {
        let y = 686 - 20 * at as u32;
        words.extend([show(75, y, 10, command), show(225, y, 10, output)]);
    }
    assert_eq!(
        text(&borders, &words),
        "Command | Output\nboldface | bold\na command with a name that fills | italic\nsans serif | sans"
    );
    // Drawn cell by cell the same lines are those of one row.
    let mut words = vec![show(75, 706, 10, "Command"), show(225, 706, 10, "Output")];
    for (at, (command, _)) in rows.into_iter().enumerate() {
        words.push(show(75, 686 - 20 * at as u32, 10, command));
    }
    for (at, (_, output)) in rows.into_iter().enumerate() {
        words.push(show(225, 686 - 20 * at as u32, 10, output));
    }
    assert_eq!(
        text(&borders, &words),
        "Command | Output\nboldface a command with a name that fills sans serif | bold italic sans"
    );
}

#[test]
fn short_lines_of_a_cell_are_no_rows_where_rows_have_borders() {
    // The last row has no border below it.
    let mut borders: Vec<String> =
        [720, 700, 680, 660].map(|y| border(70, y, 470, y)).into_iter().collect();
    borders.push(border(220, 740, 220, 630));
    let words = [
        show(75, 726, 10, "apt update"),
        show(225, 726, 10, "read the lists"),
        show(75, 706, 10, "apt upgrade"),
        show(225, 706, 10, "bring all up to date"),
        show(75, 686, 10, "apt search"),
        show(225, 686, 10, "find a package"),
        show(75, 666, 10, "ssh host"),
        show(225, 666, 10, "log in"),
        show(75, 648, 10, "scp files"),
        show(75, 636, 10, "host:path"),
        show(225, 648, 10, "copy them to"),
        show(225, 636, 10, "another host"),
    ];
    assert_eq!(
        text(&borders, &words),
        "apt update | read the lists\napt upgrade | bring all up to date\napt search | find a package\n\
         ssh host | log in\nscp files host:path | copy them to another host"
    );
}

#[test]
fn a_frame_around_a_page_makes_no_table_of_it() {
    let borders = [
        "30 30 535 780 re S\n".to_owned(),
        border(30, 780, 565, 780),
        border(300, 780, 300, 810),
        border(30, 60, 565, 60),
        border(300, 30, 300, 60),
    ];
    let words: Vec<String> =
        (0..40).map(|n| show(50, 760 - 14 * n, 10, &format!("Line {n} ends here."))).collect();
    let text = text(&borders, &words);
    assert!(!text.contains(" | "), "{text}");
}

#[test]
fn a_box_that_lies_over_another_one_is_no_row_of_the_table_below() {
    // A box for a title that touches the table, and another one in its corner.
    let mut borders = vec!["70 700 300 60 re S\n".to_owned(), "70 730 200 30 re S\n".to_owned()];
    borders.extend([0, 20, 40, 60].map(|y| border(70, 700 - y, 370, 700 - y)));
    borders.extend([70, 170, 270, 370].map(|x| border(x, 700, x, 640)));
    let mut words = vec![show(80, 740, 10, "Corner"), show(280, 710, 10, "Title")];
    let cells = [("Size", "Short", "Long"), ("Word", "yes", ""), ("TeX", "yes", "yes")];
    for (at, (first, second, third)) in cells.into_iter().enumerate() {
        let y = 686 - 20 * at as u32;
        words.extend([show(80, y, 10, first), show(250, y, 10, second), show(272, y, 10, third)]);
    }
    assert_eq!(
        text(&borders, &words),
        "Corner\nTitle\nSize | Short | Long\nWord | yes\nTeX | yes | yes"
    );
}

#[test]
fn cells_of_two_lines_in_a_table_of_two_rows_are_cells() {
    let borders = [
        border(70, 720, 470, 720),
        border(70, 700, 470, 700),
        border(70, 670, 470, 670),
        border(200, 720, 200, 670),
    ];
    let words = [
        show(75, 706, 10, "apt update"),
        show(205, 706, 10, "Fetches the lists."),
        show(75, 688, 10, "apt search"),
        show(75, 676, 10, "word"),
        show(205, 688, 10, "Looks for a word in"),
        show(205, 676, 10, "packages."),
    ];
    assert_eq!(
        text(&borders, &words),
        "apt update | Fetches the lists.\napt search word | Looks for a word in packages."
    );
}

#[test]
fn forms_whose_rows_have_cells_of_their_own_are_read_row_by_row() {
    // A title over all, five cells, a title over all, and two rows of two cells whose border is under none of those above.
    let rows = [720, 700, 660, 640, 610, 580];
    let mut borders: Vec<String> = rows.iter().map(|y| border(70, *y, 570, *y)).collect();
    borders.extend([border(70, 720, 70, 580), border(570, 720, 570, 580)]);
    borders.extend([170, 270, 370, 470].map(|x| border(x, 700, x, 660)));
    borders.push(border(320, 640, 320, 580));
    let days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"];
    let mut words = vec![show(290, 706, 10, "Week 7")];
    for (at, day) in (0..).zip(days) {
        words.push(show(74 + 100 * at, 688, 10, day));
        words.push(show(74 + 100 * at, 676, 10, &format!("Team {}", at + 1)));
    }
    words.extend([
        show(290, 646, 10, "Rooms"),
        show(74, 628, 10, "Workshop, open to"),
        show(74, 616, 10, "everybody"),
        show(324, 628, 10, "Ask the porter"),
        show(74, 598, 10, "Library"),
        show(324, 598, 10, "Ask at the desk, or"),
        show(324, 586, 10, "by telephone"),
    ]);
    assert_eq!(
        text(&borders, &words),
        "Week 7\nMonday Team 1 | Tuesday Team 2 | Wednesday Team 3 | Thursday Team 4 | Friday Team 5\nRooms\n\
         Workshop, open to everybody | Ask the porter\nLibrary | Ask at the desk, or by telephone"
    );
}

#[test]
fn list_items_far_from_their_marks_are_no_table() {
    let items = |marks: [&str; 3]| {
        [
            show(72, 700, 10, marks[0]),
            show(100, 700, 10, "The stand is open every day"),
            show(72, 686, 10, marks[1]),
            show(100, 686, 10, "Engines are shown in the hall"),
            show(72, 672, 10, marks[2]),
            show(100, 672, 10, "Lunch"),
        ]
    };
    for marks in [["-", "-", "-"], ["1.", "2.", "3."], ["a.", "b.", "c."], ["o", "o", "o"]] {
        let [a, b, c] = marks;
        assert_eq!(
            text(&[], &items(marks)),
            format!(
                "{a} The stand is open every day\n{b} Engines are shown in the hall\n{c} Lunch"
            )
        );
    }
    assert!(text(&[], &items(["10", "11", "12"])).contains("10 | The stand"));
}

#[test]
fn a_word_that_is_broken_in_the_last_cell_of_a_row_is_whole() {
    let rows = [
        ("width", "of the picture, as a share of the line"),
        ("scale", "allows scaling to the width of a page, and keeps as-"),
        ("", "pect ratio intact, if it is known"),
        ("angle", "of the picture to its base line"),
        ("", "other words of the same cell"),
    ];
    let words: Vec<String> = (0_u32..)
        .zip(rows)
        .flat_map(|(at, (name, meaning))| {
            let y = 700 - 12 * at;
            [show(72, y, 10, name), show(200, y, 10, meaning)]
        })
        .collect();
    assert_eq!(
        text(&[], &words),
        "width | of the picture, as a share of the line\n\
         scale | allows scaling to the width of a page, and keeps aspect ratio intact, if it is known\n\
         angle | of the picture to its base line\n | other words of the same cell"
    );
}

#[test]
fn a_small_table_below_other_lines_is_one() {
    // Each of these stands by itself, as in a form; the second one reaches over the columns of the table.
    let lines = (0..12).map(|at| {
        let words = if at == 1 {
            "Street: St James's Square, on the north side, London"
        } else {
            "Name: Ada"
        };
        show(72, 760 - 12 * at, 10, words)
    });
    let rows = [["Item", "", "Sum"], ["engine", "G", "1.000,00"], ["cards", "R", "500,00"]];
    let cells = (0_u32..).zip(rows).flat_map(|(row, cells)| {
        let place = move |(at, cell)| show([72, 180, 240][at], 600 - 18 * row, 10, cell);
        cells.into_iter().enumerate().filter(|(_, cell)| !cell.is_empty()).map(place)
    });
    let words: Vec<String> = lines.chain(cells).collect();
    let read = text(&[], &words);
    assert!(read.ends_with("Item |  | Sum\nengine | G | 1.000,00\ncards | R | 500,00"), "{read}");
}
