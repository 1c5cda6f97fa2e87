//! Tables: columns as wide as they need, texts that wrap, heads that come again on every page.

use pdf_writer::types::StructRole;
use resvg::usvg::Tree;

use super::flow::{Flow, Piece, Run, SIDE, Setting, height, lines};
use super::picture::{Frame, draw};
use super::tags::{TagId, Tags};

/// Size of letters, and the least where a table is too wide.
const SIZE: f32 = 7.0;
const SIZE_MIN: f32 = 4.5;
/// Between columns, and above and below a row.
const GAP: f32 = 9.0;
const PAD: f32 = 1.6;
/// Least width of a column of words.
const WORDS_MIN: f32 = 62.0;
/// Width and height of a small drawing in a row.
const SPARK: (f32, f32) = (70.0, 13.0);

/// How the cells of a column stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// Numbers: right.
    Number,
    /// Words: left, and in lines where they are long.
    Words,
    /// A small drawing.
    Spark,
}

/// What stands in a row.
pub(super) enum Cell {
    Text(Vec<Run>),
    Spark(Option<Box<Tree>>),
}

/// A table.
pub(super) struct Grid {
    pub caption: String,
    pub columns: Vec<(Column, String)>,
    pub rows: Vec<Vec<Cell>>,
}

/// A table as it stands on this page.
struct Plan {
    size: f32,
    /// Left end and width of each column.
    columns: Vec<(f32, f32)>,
}

/// The cells of a row in lines.
type Wrapped = Vec<Vec<Vec<Piece>>>;

impl Flow<'_> {
    /// Draws a table, over as many pages as it takes.
    pub fn table(&mut self, grid: &Grid) {
        if grid.rows.is_empty() {
            return;
        }
        let plan = self.plan(grid);
        self.need(80.0);
        self.note(&grid.caption);
        let table = self.book.tags.add(Tags::ROOT, StructRole::Table);
        let ink = self.palette.muted;
        let head: Vec<Cell> = grid.columns.iter().map(|(_, name)| Cell::Text(vec![Run::new(name, ink)])).collect();
        self.row(grid, &plan, &head, table, StructRole::TH);
        for row in &grid.rows {
            let wrapped = self.wrapped(grid, &plan, row);
            if self.need(row_height(&wrapped, row, plan.size)) {
                self.row(grid, &plan, &head, table, StructRole::TH);
            }
            self.row(grid, &plan, row, table, StructRole::TD);
        }
        self.skip(6.0);
    }

    /// The widths: numbers get what they need, words share the rest.
    fn plan(&self, grid: &Grid) -> Plan {
        let mut size = SIZE;
        loop {
            let wide =
                |runs: &[Run]| runs.iter().map(|run| self.book.face(run.cut).width(&run.text) * size).sum::<f32>();
            let needs: Vec<f32> = (0..grid.columns.len())
                .map(|c| {
                    let (_, name) = &grid.columns[c];
                    // A head may stand in lines, a word of it not.
                    let face = self.book.face(super::face::Cut::Regular);
                    let head = name.split(' ').map(|word| face.width(word) * size).fold(0.0, f32::max);
                    let cells = grid.rows.iter().filter_map(|row| match row.get(c)? {
                        Cell::Text(runs) => Some(wide(runs)),
                        Cell::Spark(_) => Some(SPARK.0),
                    });
                    cells.fold(head, f32::max)
                })
                .collect();
            let room = self.width() - GAP * (needs.len().saturating_sub(1)) as f32;
            let is_words = |c: usize| grid.columns[c].0 == Column::Words;
            let fixed: f32 = (0..needs.len()).filter(|c| !is_words(*c)).map(|c| needs[c]).sum();
            let words: f32 = (0..needs.len()).filter(|c| is_words(*c)).map(|c| needs[c]).sum();
            let least: f32 = (0..needs.len()).filter(|c| is_words(*c)).map(|c| needs[c].min(WORDS_MIN)).sum();
            if fixed + least > room && size > SIZE_MIN {
                size -= 0.25;
                continue;
            }
            // Too wide: the longest words give way first. Too narrow: every column gets a share.
            let limit = word_limit(&needs, &is_words, room - fixed);
            let spare = (room - fixed - words).max(0.0) / needs.len().max(1) as f32;
            let mut x = SIDE;
            let columns = (0..needs.len())
                .map(|c| {
                    let width = if is_words(c) { needs[c].min(limit) } else { needs[c] } + spare;
                    let place = (x, width);
                    x += width + GAP;
                    place
                })
                .collect();
            return Plan { size, columns };
        }
    }

    fn wrapped(&self, grid: &Grid, plan: &Plan, row: &[Cell]) -> Wrapped {
        // Half a page leaves room for the head, and more is no cell: what is left out of one is marked, and the page of the browser has it.
        let most = ((self.page() / 2.0 / height(1, plan.size)) as usize).max(1);
        let one = |(c, cell): (usize, &Cell)| match cell {
            Cell::Text(runs) if c < grid.columns.len() => {
                let mut lines = lines(&self.book, runs, plan.size, plan.columns[c].1 + 0.1);
                if lines.len() > most {
                    lines.truncate(most - 1);
                    lines.push(vec![Piece { run: 0, text: "…".to_owned(), x: 0.0, width: plan.size }]);
                }
                lines
            }
            Cell::Text(_) | Cell::Spark(_) => Vec::new(),
        };
        row.iter().enumerate().map(one).collect()
    }

    /// A row, which is on one page.
    fn row(&mut self, grid: &Grid, plan: &Plan, row: &[Cell], table: TagId, role: StructRole) {
        let wrapped = self.wrapped(grid, plan, row);
        let tall = row_height(&wrapped, row, plan.size);
        let top = self.y - PAD;
        let tag = self.book.tags.add(table, StructRole::TR);
        let is_head = role == StructRole::TH;
        for (c, cell) in row.iter().enumerate().take(plan.columns.len()) {
            let (x, width) = plan.columns[c];
            // The first column names the row.
            let role = if c == 0 { StructRole::TH } else { role };
            let parent = self.book.tags.add(tag, role);
            match cell {
                Cell::Text(runs) => {
                    for (i, line) in wrapped[c].iter().enumerate() {
                        let wide: f32 = line.last().map_or(0.0, |piece| piece.x + piece.width);
                        let x = if grid.columns[c].0 == Column::Number && c > 0 { x + width - wide } else { x };
                        let setting = Setting { x, width, size: plan.size, role, parent };
                        // The lines of a head stand on its lower end.
                        let lines = height(wrapped[c].len(), plan.size);
                        let lift = if is_head { tall - 2.0 * PAD - lines } else { 0.0 };
                        self.line(line, runs, parent, setting, top - lift - height(i, plan.size));
                    }
                }
                Cell::Spark(Some(tree)) => {
                    let frame = Frame { x, top, scale: SPARK.1 / tree.size().height() };
                    self.book.untold(|book| draw(book, tree, frame));
                }
                Cell::Spark(None) => {}
            }
        }
        self.y -= tall;
        self.rule(SIDE, self.width(), self.palette.grid);
    }
}

fn row_height(wrapped: &Wrapped, row: &[Cell], size: f32) -> f32 {
    let most = wrapped.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let spark = row.iter().any(|cell| matches!(cell, Cell::Spark(Some(_))));
    height(most, size).max(if spark { SPARK.1 } else { 0.0 }) + 2.0 * PAD
}

/// The widest that a column of words may be so that all of them fit.
fn word_limit(needs: &[f32], is_words: &dyn Fn(usize) -> bool, room: f32) -> f32 {
    let mut wanted: Vec<f32> = (0..needs.len()).filter(|c| is_words(*c)).map(|c| needs[c]).collect();
    wanted.sort_by(f32::total_cmp);
    let mut left = room;
    for (i, need) in wanted.iter().enumerate() {
        let share = left / (wanted.len() - i) as f32;
        if *need > share {
            return share.max(20.0);
        }
        left -= need;
    }
    f32::INFINITY
}

#[cfg(test)]
mod tests {
    use super::super::book::Book;
    use super::super::palette::Palette;
    use super::*;
    use crate::report::look::Look;

    #[test]
    fn no_row_is_higher_than_a_page_and_what_is_left_out_is_marked() {
        let look = Look::default();
        let mut flow = Flow::new(Book::new((595.28, 841.89)).unwrap(), Palette::of(&look));
        let ink = flow.palette.ink;
        let cell = |text: &str| Cell::Text(vec![Run::new(text, ink)]);
        let rows = vec![vec![cell(&"long ".repeat(20_000)), cell("1")], vec![cell("short"), cell("2")]];
        let columns = vec![(Column::Words, "Node".to_owned()), (Column::Number, "Value".to_owned())];
        let grid = Grid { caption: String::new(), columns, rows };
        let plan = flow.plan(&grid);
        let wrapped = flow.wrapped(&grid, &plan, &grid.rows[0]);
        assert!(row_height(&wrapped, &grid.rows[0], plan.size) < flow.page() - 100.0);
        assert_eq!(wrapped[0].last().map(|line| line[0].text.as_str()), Some("…"));
        flow.table(&grid);
        assert!(flow.y > 0.0 && flow.book.sheets.len() <= 2);
    }
}
