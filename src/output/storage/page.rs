//! Blocks of the report for people, whatever format they are written in.

use crate::health::Severity;
use crate::output::words::bytes;

/// Maximum number of rows of a table; the smaller ones are summed up in a line below it.
const MOST_ROWS: usize = 50;

/// Part of the page. Texts may come from elsewhere: each format escapes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// Title of the page.
    Title(String),
    /// Heading of an archive.
    Archive(String),
    /// Heading within an archive.
    Section(String),
    /// A sentence.
    Line(String),
    /// A finding.
    Finding(Severity, String),
    /// Rows in columns.
    TextTable(TextTable),
}

/// Rows in columns, each row with a cell for every column.
///
/// The last column holds names from elsewhere, which may have any length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TextTable {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Cell>>,
}

/// Title of a column, and the side on which its cells are aligned.
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

/// Row with its size, which is summed up if there are too many rows.
pub(super) struct Row {
    pub(super) bytes: u64,
    pub(super) share: Option<f64>,
    /// Cells after the size and, in tables with shares, the share.
    pub(super) cells: Vec<Cell>,
}

impl Column {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Left(name) | Self::Right(name) => name,
        }
    }
}

impl Cell {
    /// Cell with a text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

impl Row {
    fn prepend(&mut self, text: String) {
        self.cells.insert(0, Cell::Text(text));
    }
}

/// Section with a table of sizes and shares, largest first; nothing without rows.
pub(super) fn shares_table(title: &str, columns: &[Column], mut rows: Vec<Row>) -> Vec<Block> {
    for row in &mut rows {
        row.prepend(percent(row.share));
    }
    let columns = [&[Column::Right("Share")], columns].concat();
    sizes_table(title, &columns, rows)
}

/// Section with a table of sizes, largest first; nothing without rows.
pub(super) fn sizes_table(title: &str, columns: &[Column], mut rows: Vec<Row>) -> Vec<Block> {
    for row in &mut rows {
        row.prepend(bytes(row.bytes));
    }
    let columns = [&[Column::Right("Size")], columns].concat();
    table(title, columns, rows, "")
}

/// Section with a table; nothing without rows. Rows beyond the maximum are summed up in a line below
/// the table, in which `suffix` follows the sum.
pub(super) fn table(
    title: &str,
    columns: Vec<Column>,
    mut rows: Vec<Row>,
    suffix: &str,
) -> Vec<Block> {
    if rows.is_empty() {
        return Vec::new();
    }
    let more = rows.split_off(rows.len().min(MOST_ROWS));
    let rows = rows.into_iter().map(|row| row.cells).collect();
    let mut blocks = vec![
        Block::Section(title.to_owned()),
        Block::TextTable(TextTable { columns, rows }),
    ];
    if !more.is_empty() {
        blocks.push(Block::Line(rest(&more, suffix)));
    }
    blocks
}

fn rest(rows: &[Row], suffix: &str) -> String {
    let mut sum: u64 = 0;
    let mut share: Option<f64> = None;
    for row in rows {
        sum = sum.saturating_add(row.bytes);
        if let Some(more) = row.share {
            share = Some(share.unwrap_or_default() + more);
        }
    }
    let share = share
        .map(|share| format!(" ({})", percent(Some(share))))
        .unwrap_or_default();
    format!(
        "and {} more, in total {}{suffix}{share}",
        rows.len(),
        bytes(sum)
    )
}

/// Shows a share; `-` if unknown.
fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{share:.1} %"))
}
