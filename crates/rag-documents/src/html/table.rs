//! Tables into rows: cells that reach over rows and columns are put where they are shown.

/// Columns that one cell may reach over; more are noise.
const WIDEST: usize = 100;
/// Columns of a row.
const MOST_COLUMNS: usize = 1_000;
/// A cell that reaches over several rows is said again in each of them, so that a row can be understood by
/// itself, unless it is longer than this (bytes).
const LONGEST_REPEATED: usize = 200;

/// A table while it is read.
#[derive(Debug, Default)]
pub(crate) struct Table {
    cells: Vec<Cell>,
    /// Whether text goes into the last of the cells.
    open: bool,
    /// Cells from rows above that reach down, by column.
    above: Vec<Option<Reaching>>,
}

#[derive(Debug)]
struct Cell {
    text: String,
    columns: usize,
    rows: usize,
}

#[derive(Debug)]
struct Reaching {
    rows: usize,
    text: String,
}

impl Table {
    pub(crate) fn open_row(&mut self) {
        self.cells.clear();
        self.open = false;
    }

    /// A cell over so many columns and rows; 0 rows are all that follow.
    pub(crate) fn open_cell(&mut self, columns: usize, rows: usize) {
        let rows = if rows == 0 { usize::MAX } else { rows };
        self.cells.push(Cell { text: String::new(), columns: columns.clamp(1, WIDEST), rows });
        self.open = true;
    }

    pub(crate) fn close_cell(&mut self) {
        self.open = false;
    }

    /// Cells reach no further than the part of the table they are in.
    pub(crate) fn close_part(&mut self) {
        self.above.clear();
    }

    /// The cell that text goes into now.
    pub(crate) fn cell(&mut self) -> Option<&mut String> {
        if !self.open {
            return None;
        }
        self.cells.last_mut().map(|cell| &mut cell.text)
    }

    /// The row as a line; empty when none of its cells says anything.
    pub(crate) fn close_row(&mut self) -> String {
        self.open = false;
        let mut cells = std::mem::take(&mut self.cells).into_iter();
        let mut row: Vec<String> = Vec::new();
        loop {
            let column = row.len();
            if column >= MOST_COLUMNS {
                break;
            }
            if let Some(reaching) = self.above.get_mut(column).and_then(Option::as_mut) {
                row.push(reaching.text.clone());
                reaching.rows = reaching.rows.saturating_sub(1);
                if reaching.rows == 0
                    && let Some(place) = self.above.get_mut(column)
                {
                    *place = None;
                }
                continue;
            }
            let Some(cell) = cells.next() else {
                // What reaches down further to the right still stands in this row.
                if self.above.get(column..).is_some_and(|rest| rest.iter().any(Option::is_some)) {
                    row.push(String::new());
                    continue;
                }
                break;
            };
            self.place(column, &cell);
            row.push(cell.text);
            row.extend(std::iter::repeat_n(String::new(), cell.columns - 1));
        }
        // Words in what is past the last column are kept without one.
        row.extend(cells.map(|cell| cell.text));
        let said = row.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        row.truncate(said);
        row.join(" | ")
    }

    /// Notes a cell that reaches down, for the rows below.
    fn place(&mut self, column: usize, cell: &Cell) {
        if cell.rows <= 1 {
            return;
        }
        let end = (column + cell.columns).min(MOST_COLUMNS);
        if self.above.len() < end {
            self.above.resize_with(end, || None);
        }
        let text =
            if cell.text.len() <= LONGEST_REPEATED { cell.text.clone() } else { String::new() };
        for (at, place) in self.above.iter_mut().enumerate().take(end).skip(column) {
            let text = if at == column { text.clone() } else { String::new() };
            *place = Some(Reaching { rows: cell.rows - 1, text });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(table: &mut Table, cells: &[(&str, usize, usize)]) -> String {
        table.open_row();
        for (text, columns, rows) in cells {
            table.open_cell(*columns, *rows);
            if let Some(cell) = table.cell() {
                cell.push_str(text);
            }
            table.close_cell();
        }
        table.close_row()
    }

    #[test]
    fn cells_over_rows_are_said_again_and_over_columns_once() {
        let mut table = Table::default();
        assert_eq!(row(&mut table, &[("City", 1, 2), ("Price", 2, 1)]), "City | Price");
        assert_eq!(row(&mut table, &[("low", 1, 1), ("high", 1, 1)]), "City | low | high");
        assert_eq!(row(&mut table, &[("Rome", 1, 1), ("1", 1, 1)]), "Rome | 1");
        assert_eq!(row(&mut table, &[("a", 1, 1), ("b", 1, 0)]), "a | b");
        assert_eq!(row(&mut table, &[("c", 1, 1)]), "c | b");
        table.close_part();
        assert_eq!(row(&mut table, &[("d", 1, 1)]), "d");
    }

    #[test]
    fn absurd_spans_make_no_row_wide() {
        let mut table = Table::default();
        let cells = vec![("x", usize::MAX, usize::MAX); 2_000];
        assert!(row(&mut table, &cells).len() < 20_000);
        assert!(row(&mut table, &[("y", 1, 1)]).len() < 20_000);
    }
}
