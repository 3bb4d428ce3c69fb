//! Pages set by hand, and the text they give.

use super::super::content::{Drawn, Letter};
use super::super::hyphens;
use super::*;

/// Sets `text` from `x` at height `y`, `size` points high, half as wide (Chinese: as wide).
fn set(drawn: &mut Drawn, x: f32, y: f32, size: f32, mono: bool, text: &str) {
    let mut x = x;
    for c in text.chars() {
        let width = if is_wide(c) { size } else { 0.5 * size };
        if c != ' ' {
            let start = drawn.text.len() as u32;
            drawn.text.push(c);
            drawn.letters.push(Letter {
                start,
                end: drawn.text.len() as u32,
                x,
                y,
                width,
                size,
                direction: (1.0, 0.0),
                bold: false,
                mono,
                artifact: false,
                block: None,
            });
        }
        x += width;
    }
}

/// Checks the text of pieces of 10 points.
fn check(pieces: &[(f32, f32, &str)], expected: &str) {
    let sized: Vec<_> = pieces.iter().map(|(x, y, text)| (*x, *y, 10.0, *text)).collect();
    check_sized(&sized, expected);
}

fn check_sized(pieces: &[(f32, f32, f32, &str)], expected: &str) {
    let mut drawn = Drawn::default();
    for (x, y, size, text) in pieces {
        set(&mut drawn, *x, *y, *size, false, text);
    }
    assert_eq!(text_of(&drawn), expected);
}

fn text_of(drawn: &Drawn) -> String {
    let mut text = paragraphs(&lines(drawn, &Structure::default()).iter().collect::<Vec<_>>());
    hyphens::settle(&mut [&mut text], hyphens::Hyphenation::Usual);
    text
}

#[test]
fn full_lines_are_joined_and_short_ones_end_a_paragraph() {
    check(
        &[(0., 100., "the quick brown fox"), (0., 88., "over it."), (0., 76., "Next.")],
        "the quick brown fox over it.\nNext.",
    );
    check(
        &[(0., 100., "员工每年享有十五天"), (0., 88., "带薪年假。"), (0., 60., "病假")],
        "员工每年享有十五天带薪年假。\n病假",
    );
}

#[test]
fn a_gap_is_a_space_between_words_but_not_between_ideographs() {
    check(&[(0., 0., "word"), (23., 0., "gap")], "word gap");
    check(&[(0., 0., "年"), (13., 0., "假")], "年假");
}

#[test]
fn what_another_font_has_stands_in_the_holes_of_the_line() {
    let line = [(0., 0., "参见"), (25., 0., "构建"), (50., 0., "）。")];
    let marks = [(20., 0., "“"), (45., 0., "”")];
    for order in [[line.as_slice(), &marks].concat(), [marks.as_slice(), &line].concat()] {
        check(&order, "参见“构建”）。");
    }
}

#[test]
fn list_items_stay_apart() {
    check(&[(0., 100., "• one long enough"), (0., 88., "• two")], "• one long enough\n• two");
}

#[test]
fn a_word_broken_at_the_end_of_a_line_is_whole_again() {
    check(&[(0., 100., "an impor-"), (0., 88., "tant word")], "an important word");
    check(&[(0., 100., "an e-mail-"), (0., 88., "address of")], "an e-mail-address of");
    check(&[(0., 100., "a (part-)solu-"), (0., 88., "tion of")], "a (part-)solution of");
    check(
        &[(0., 100., "a PDF-"), (0., 88., "file of type-"), (0., 76., "script")],
        "a PDF-file of typescript",
    );
    check(
        &[(0., 100., "read-"), (0., 88., "only, not read-only"), (0., 60., "read-only")],
        "read-only, not read-only\nread-only",
    );
    check(&[(0., 100., "the (100)-"), (0., 88., "oriented")], "the (100)-oriented");
    check(&[(0., 100., "by GaInP/"), (0., 88., "GaAs cells")], "by GaInP/GaAs cells");
    check(&[(0., 100., "word - or -"), (0., 88., "another one")], "word - or - another one");
}

#[test]
fn a_word_over_lines_without_end_is_joined_in_a_time_of_its_length() {
    let lines: Vec<_> = (0..40_000_u16).map(|at| (0., -12. * f32::from(at), "abcdef-")).collect();
    check(&lines, &format!("{}-", "abcdef".repeat(lines.len())));
}

#[test]
fn references_are_entries_of_a_list() {
    check(
        &[(0., 100., "[9] A. One, Journal 13"), (16., 88., "(2005)."), (0., 76., "[10] B. Two")],
        "[9] A. One, Journal 13 (2005).\n[10] B. Two",
    );
}

#[test]
fn a_short_last_line_on_the_right_ends_what_reaches_across() {
    let mut pieces = vec![
        (0., 160., "An abstract that reaches across both columns, in a"),
        (0., 148., "few lines, the last of which ends it on the right:"),
        (155., 136., "(c) 2015 All rights"),
    ];
    let left =
        ["the left column has lines", "that fill it from left to", "right, as prose is set."];
    let right =
        ["and the right column also", "has as many of them, here", "to be read afterwards."];
    for (at, (left, right)) in left.iter().zip(right).enumerate() {
        let y = 90. - 12. * at as f32;
        pieces.push((0., y, left));
        pieces.push((160., y, right));
    }
    check(
        &pieces,
        "An abstract that reaches across both columns, in a few lines, the last of which ends it on the right:\n\
         (c) 2015 All rights\n\
         the left column has lines that fill it from left to right, as prose is set.\n\
         and the right column also has as many of them, here to be read afterwards.",
    );
}

#[test]
fn two_columns_are_read_one_after_the_other_however_they_are_drawn() {
    let left =
        ["the left column has lines", "that fill it from left to", "right, as prose usually is."];
    let right =
        ["and the right column also", "has as many of them, which", "are to be read afterwards."];
    let mut pieces = vec![(40., 130., "A title that reaches across both of the columns")];
    for (at, (left, right)) in left.iter().zip(right).enumerate() {
        let y = 100. - 12. * at as f32;
        pieces.push((0., y, left));
        pieces.push((160., y, right));
    }
    check(
        &pieces,
        "A title that reaches across both of the columns\n\
         the left column has lines that fill it from left to right, as prose usually is.\n\
         and the right column also has as many of them, which are to be read afterwards.",
    );
}

#[test]
fn the_cells_of_a_table_are_kept_apart_row_by_row() {
    check(
        &[
            (0., 100., "Years"),
            (100., 100., "Days"),
            (0., 88., "0 to 9"),
            (100., 88., "15"),
            (0., 76., "10 and more"),
            (100., 76., "20"),
        ],
        "Years | Days\n0 to 9 | 15\n10 and more | 20",
    );
}

#[test]
fn a_cell_of_two_lines_stays_in_its_row() {
    check(
        &[
            (0., 100., "Term"),
            (100., 100., "Meaning"),
            (0., 80., "slot"),
            (100., 80., "where a release"),
            (100., 69., "is served"),
            (0., 50., "live"),
            (100., 50., "seen by clients"),
        ],
        "Term | Meaning\nslot | where a release is served\nlive | seen by clients",
    );
    // From right to left, as the eye sees it.
    check(
        &[
            (0., 100., "Term"),
            (100., 100., "Meaning"),
            (0., 80., "slot"),
            (100., 80., "הפ הסרגש םוקמ"),
            (100., 69., "תרשמ"),
            (0., 50., "live"),
            (100., 50., "יח"),
        ],
        "Term | Meaning\nslot | מקום שגרסה פה משרת\nlive | חי",
    );
}

#[test]
fn letters_drawn_twice_are_read_once() {
    check(&[(0., 0., "bold"), (0.3, 0., "bold")], "bold");
}

#[test]
fn spaced_out_letters_are_one_word() {
    let pieces: Vec<(f32, f32, &str)> = ["W", "A", "R", "N", "I", "N", "G"]
        .iter()
        .enumerate()
        .map(|(at, c)| (at as f32 * 7.0, 0., *c))
        .collect();
    check(&pieces, "WARNING");
}

#[test]
fn blocks_beside_each_other_are_read_as_they_are_drawn() {
    let authors = [
        ["Ada Lovelace", "London", "ada@example.org"],
        ["Alan Turing", "Wilmslow", "alan.m.turing@example.org"],
    ];
    let mut pieces = vec![(40., 140., "A title that reaches across both of the authors")];
    for (column, lines) in authors.iter().enumerate() {
        for (line, text) in lines.iter().enumerate() {
            pieces.push((column as f32 * 160., 110. - 12. * line as f32, *text));
        }
    }
    let expected = "A title that reaches across both of the authors\n\
                    Ada Lovelace\nLondon\nada@example.org\n\
                    Alan Turing\nWilmslow alan.m.turing@example.org";
    check(&pieces, expected);
}

#[test]
fn what_is_drawn_into_other_lines_is_read_where_it_stands() {
    // All lines of one font, and then all of the other.
    check(
        &[
            (0., 100., "First."),
            (0., 76., "Third."),
            (0., 52., "Fifth."),
            (0., 88., "Second."),
            (0., 64., "Fourth."),
        ],
        "First. Second. Third. Fourth. Fifth.",
    );
}

#[test]
fn a_formula_is_read_as_it_is_drawn() {
    check(
        &[(0., 100., "so that h ="), (62., 107., "a+b"), (65., 93., "2c"), (85., 100., "holds.")],
        "so that h = a+b 2c holds.",
    );
}

#[test]
fn a_cell_that_is_drawn_whole_is_read_whole() {
    // Cell by cell: the second line of the first cell comes before the second cell.
    check(
        &[
            (0., 120., "Experiment"),
            (120., 120., "Speed"),
            (0., 106., "The first test we"),
            (10., 94., "ran this morning"),
            (120., 106., "124.3"),
            (0., 82., "Our last test"),
            (120., 82., "72.3"),
        ],
        "Experiment | Speed\nThe first test we ran this morning | 124.3\nOur last test | 72.3",
    );
}

#[test]
fn a_label_in_the_middle_of_its_rows_does_not_make_them_one() {
    check(
        &[
            (0., 112., "Kind"),
            (100., 112., "File"),
            (230., 112., "Meaning of it"),
            (100., 98., "a.cls"),
            (230., 98., "the class"),
            (0., 86., "Style"),
            (100., 86., "b.bst"),
            (230., 86., "entries"),
            (100., 74., "c.bbx"),
            (230., 74., "labels"),
            (0., 60., "Text"),
            (100., 60., "a-long-name.tex"),
            (230., 60., "the main file"),
        ],
        "Kind | File | Meaning of it\n | a.cls | the class\nStyle | b.bst | entries\n | c.bbx | labels\n\
         Text | a-long-name.tex | the main file",
    );
}

#[test]
fn accents_over_letters_are_letters() {
    check(&[(0., 0., "\u{b4}"), (0., 0., "Enonc"), (25., 0., "\u{b4}"), (25., 0., "e")], "Énoncé");
    // The accent of a capital is higher.
    check(&[(0., 0., "1."), (21., 2.6, "\u{b4}"), (20., 0., "Etude")], "1. Étude");
    // Beside a letter it is none.
    check(&[(0., 0., "x"), (5., 0., "`"), (10., 0., "code")], "x`code");
    // One that combines follows its letter, and the next letter stands where it does.
    check(&[(0., 0., "chô"), (15., 0., "\u{303}"), (15.1, 0., "i")], "chỗi");
}

#[test]
fn limits_are_read_where_they_are_drawn() {
    check_sized(
        &[
            (0., 100., 10., "It is"),
            (30., 111., 6., "n"),
            (30., 100., 10., "∑"),
            (28., 89., 6., "k=1"),
            (38., 100., 10., "k, as is known."),
            (0., 70., 10., "Next."),
        ],
        "It is n∑ k=1k, as is known.\nNext.",
    );
}

#[test]
fn a_matrix_is_read_row_by_row_within_its_line() {
    check(
        &[
            (0., 100., "Let A ="),
            (40., 118., "⎛"),
            (40., 100., "⎝"),
            (50., 112., "a b"),
            (50., 94., "c d"),
            (70., 118., "⎞"),
            (70., 100., "⎠"),
            (80., 100., "be one."),
        ],
        "Let A = ⎛⎝ a b c d ⎞⎠ be one.",
    );
}

#[test]
fn a_drop_cap_begins_its_first_line() {
    check_sized(
        &[
            (0., 76., 42., "T"),
            (23., 100., 10., "his text begins with a"),
            (23., 88., 10., "letter that is as high"),
            (23., 76., 10., "as three of its lines,"),
            (0., 64., 10., "and goes on below of it."),
        ],
        "This text begins with a letter that is as high as three of its lines, and goes on below of it.",
    );
}

#[test]
fn remarks_stand_beside_the_program_text_that_they_are_about() {
    let code =
        ["\\title{Assignment of today}", "\\author{Ada, with a friend}", "\\date{the same day}"];
    let remarks =
        ["% What is read at the top", "% Who has written all of it", "% The day it is due back"];
    let mut drawn = Drawn::default();
    for (at, (code, remark)) in code.iter().zip(remarks).enumerate() {
        let y = 100. - 12. * at as f32;
        set(&mut drawn, 0., y, 10., true, code);
        set(&mut drawn, 180., y, 10., false, remark);
    }
    let text = text_of(&drawn);
    let lines: Vec<Vec<&str>> =
        text.lines().map(|line| line.split_whitespace().collect()).collect();
    for ((line, code), remark) in lines.iter().zip(code).zip(remarks) {
        assert_eq!(line.join(" ").replace(" | ", " "), format!("{code} {remark}"));
    }
    assert_eq!(lines.len(), code.len());
}

#[test]
fn text_that_is_printed_over_other_text_is_read_by_itself() {
    let under = [
        "A page has its own text,",
        "which goes on like this,",
        "line after line, in one",
        "go and to its very end,",
        "where it is over.",
    ];
    let over = [
        "What is printed over it",
        "is another text, with a",
        "sense of its own, which",
        "is to be read after the",
        "first one is read.",
    ];
    let lay = |lines: [&'static str; 5], y: f32| -> Vec<(f32, f32, &'static str)> {
        lines.into_iter().enumerate().map(|(at, text)| (0., y - 12. * at as f32, text)).collect()
    };
    check(
        &[lay(under, 100.), lay(over, 96.)].concat(),
        "A page has its own text, which goes on like this, line after line, in one go and to its very end, where it is over.\n\
         What is printed over it is another text, with a sense of its own, which is to be read after the first one is read.",
    );
}

#[test]
fn a_line_that_reaches_into_the_next_column_leaves_them_two() {
    let mut pieces: Vec<(f32, f32, &str)> = Vec::new();
    let left = "a line of the left column";
    for at in 0..12 {
        let text = if at == 5 { "a line that is too long for it and" } else { left };
        pieces.push((0., 300. - 12. * at as f32, text));
    }
    for at in 0..12 {
        pieces.push((150., 300. - 12. * at as f32, "one line of the right one"));
    }
    let text = {
        let mut drawn = Drawn::default();
        for (x, y, text) in &pieces {
            set(&mut drawn, *x, *y, 10., false, text);
        }
        text_of(&drawn)
    };
    let (before, after) = text.split_once("one line of the right one").unwrap();
    assert_eq!(before.matches("left column").count(), 11, "{text}");
    assert!(before.contains("too long for it and"), "{text}");
    assert!(!after.contains("left column"), "{text}");
}

#[test]
fn a_label_of_two_lines_is_a_cell_beside_a_narrow_gap() {
    check(
        &[
            (0., 100., "strict boolean"),
            (45., 88., "false"),
            (78., 100., "Use exactly the format"),
            (78., 88., "that is asked for."),
        ],
        "strict boolean false | Use exactly the format that is asked for.",
    );
}

#[test]
fn marks_stand_behind_their_letters_in_either_order_of_drawing() {
    let places: [(f32, f32, &str); 3] = [(20., 0., "د"), (15., 0., "ج"), (10., 0., "ر")];
    let marks: [(f32, f32, &str); 3] =
        [(20.5, 0., "\u{64E}"), (14., 0., "\u{650}"), (10.5, 0., "\u{64F}")];
    let as_read: Vec<_> =
        places.iter().zip(&marks).flat_map(|(letter, mark)| [*letter, *mark]).collect();
    let from_left: Vec<_> = as_read.iter().rev().copied().collect();
    for order in [as_read, from_left] {
        check(&order, "د\u{64E}ج\u{650}ر\u{64F}");
    }
}

#[test]
fn the_numbers_of_an_axis_are_read_as_they_are_drawn() {
    check(&[(0., 0., "0"), (0., 14., "1"), (0., 28., "2"), (0., 42., "3")], "0\n1\n2\n3");
}

#[test]
fn the_parts_of_a_bracket_are_none_of_the_rows_beside_them() {
    let bracket = |x: f32, [first, middle, last]: [&'static str; 3]| {
        let middles = (0..9).map(move |at| (x, 115. - 3. * at as f32, middle));
        [(x, 118., first)].into_iter().chain(middles).chain([(x, 81., last)])
    };
    let rows = [(24., 122., "a b"), (24., 108., "c d"), (24., 94., "e f"), (24., 80., "g h")];
    let drawn: Vec<_> = [(0., 101., "A =")]
        .into_iter()
        .chain(bracket(17., ["⎛", "⎜", "⎝"]))
        .chain(rows)
        .chain(bracket(40., ["⎞", "⎟", "⎠"]))
        .collect();
    check(&drawn, "A = ⎛⎜⎜ ⎜⎜⎜ ⎜⎜⎜ ⎜ ⎝ a b c d e f g h⎞⎟⎟ ⎟⎟⎟ ⎟⎟⎟ ⎟ ⎠");
}

#[test]
fn a_letter_with_marks_without_end_is_read_in_time() {
    let mut drawn = Drawn::default();
    set(&mut drawn, 20., 0., 10., false, "د");
    for _ in 0..200_000 {
        set(&mut drawn, 20.5, 0., 10., false, "\u{64E}");
    }
    let begun = std::time::Instant::now();
    assert!(text_of(&drawn).starts_with('د'));
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
}
