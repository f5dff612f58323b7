//! What the report consists of when people read it, whatever it is written in.

use crate::rendering::Severity;
use crate::rendering::human::bytes;

/// How many rows a table has at most; the smaller ones are summed in a line below it.
const MOST_ROWS: usize = 50;

/// A part of the page. Texts may come from outside: who writes them takes care of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// What the page is about.
    Title(String),
    /// Begins an archive.
    Archive(String),
    /// Begins a part of an archive.
    Section(String),
    /// A sentence.
    Line(String),
    /// Something that is not as it should be.
    Finding(Severity, String),
    /// Rows in columns.
    TextTable(TextTable),
}

/// Rows in columns, each row with a cell for every column.
///
/// The last column is the one with names from outside, which may have any length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TextTable {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Cell>>,
}

/// The head of a column, and on which side its cells stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// Words.
    Left(&'static str),
    /// Numbers.
    Right(&'static str),
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// A text.
    Text(String),
    /// A status.
    Status(Severity),
}

/// A row with what it stands for, which are summed where there are too many.
pub(super) struct Row {
    pub(super) bytes: u64,
    pub(super) share: Option<f64>,
    /// The cells behind the size and, in tables with shares, the share.
    pub(super) cells: Vec<Cell>,
}

impl Column {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Left(name) | Self::Right(name) => name,
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A section with a table of sizes and shares, largest first, as far as it has rows.
pub(super) fn shares_table(title: &str, columns: &[Column], rows: Vec<Row>) -> Vec<Block> {
    let with_share = |row: Row| {
        let cells = [Cell::Text(percent(row.share))].into_iter().chain(row.cells).collect();
        Row { cells, ..row }
    };
    let columns = [&[Column::Right("Share")], columns].concat();
    sizes_table(title, &columns, rows.into_iter().map(with_share).collect())
}

/// A section with a table of sizes, largest first, as far as it has rows.
pub(super) fn sizes_table(title: &str, columns: &[Column], rows: Vec<Row>) -> Vec<Block> {
    let with_size = |row: Row| {
        let cells = [Cell::Text(bytes(row.bytes))].into_iter().chain(row.cells).collect();
        Row { cells, ..row }
    };
    let columns = [&[Column::Right("Size")], columns].concat();
    table(title, columns, rows.into_iter().map(with_size).collect(), "")
}

/// A section with a table, as far as it has rows. What is too much for it is summed up below; `what`
/// says what of, where that is no size.
pub(super) fn table(
    title: &str,
    columns: Vec<Column>,
    mut rows: Vec<Row>,
    what: &str,
) -> Vec<Block> {
    if rows.is_empty() {
        return Vec::new();
    }
    let more = rows.split_off(rows.len().min(MOST_ROWS));
    let rows = rows.into_iter().map(|row| row.cells).collect();
    let mut blocks =
        vec![Block::Section(title.to_owned()), Block::TextTable(TextTable { columns, rows })];
    if !more.is_empty() {
        let together = more.iter().fold(0, |sum: u64, row| sum.saturating_add(row.bytes));
        let share = more.iter().filter_map(|row| row.share).reduce(|sum, share| sum + share);
        let share = share.map_or_else(String::new, |share| format!(" ({})", percent(Some(share))));
        let line = format!("and {} more, together {}{what}{share}", more.len(), bytes(together));
        blocks.push(Block::Line(line));
    }
    blocks
}

/// A share in words.
fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{share:.1} %"))
}
