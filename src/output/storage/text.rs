//! Text of the report, in columns.

use super::ReportDocument;
use super::contents::page;
use super::page::{Block, Cell, Column, TextTable};
use crate::output::terminal::{plain, status};

/// Maximum length of a line of a sentence.
const WIDTH: usize = 96;

/// Writes the report as text, with colours (ANSI) if wanted.
///
/// Columns are aligned by counting characters: double-width characters occur only in the last one.
#[must_use]
pub fn report_text(document: &ReportDocument, colours: bool) -> String {
    let mut text = Vec::new();
    for block in page(document) {
        text.extend(lines(&block, colours));
    }
    text.join("\n")
}

fn lines(block: &Block, colours: bool) -> Vec<String> {
    match block {
        Block::Title(text) => vec![plain(text)],
        Block::Archive(text) => vec![String::new(), plain(text)],
        Block::Section(text) => vec![String::new(), format!("  {}", plain(text))],
        Block::Line(text) => wrapped(&plain(text)),
        Block::Finding(severity, text) => {
            vec![format!(
                "    {}: {}",
                status(*severity, colours),
                plain(text)
            )]
        }
        Block::TextTable(table) => table_lines(table, colours),
    }
}

/// Breaks a sentence into lines that fit a terminal.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(format!("    {word}")),
        }
    }
    lines
}

/// Cell as shown, with the number of characters that it takes on a terminal.
struct ShownCell {
    text: String,
    width: usize,
}

impl ShownCell {
    fn new(cell: &Cell, colours: bool) -> Self {
        match cell {
            Cell::Text(text) => {
                let text = plain(text);
                Self {
                    width: text.chars().count(),
                    text,
                }
            }
            Cell::Status(severity) => {
                // Colours take no width.
                let width = severity.as_label().len();
                Self {
                    width,
                    text: status(*severity, colours),
                }
            }
        }
    }
}

fn table_lines(table: &TextTable, colours: bool) -> Vec<String> {
    let titles: Vec<_> = table
        .columns
        .iter()
        .map(|column| Cell::text(column.name()))
        .collect();
    let mut rows = Vec::new();
    for row in std::iter::once(&titles).chain(&table.rows) {
        let cells: Vec<_> = row
            .iter()
            .map(|cell| ShownCell::new(cell, colours))
            .collect();
        rows.push(cells);
    }
    let widths = widths(&rows, table.columns.len());
    rows.iter()
        .map(|row| table_line(row, &table.columns, &widths))
        .collect()
}

/// Width of the widest cell of each column.
fn widths(rows: &[Vec<ShownCell>], columns: usize) -> Vec<usize> {
    let mut widths = vec![0; columns];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width.max(*width);
        }
    }
    widths
}

fn table_line(row: &[ShownCell], columns: &[Column], widths: &[usize]) -> String {
    let mut cells = Vec::new();
    for ((cell, column), width) in row.iter().zip(columns).zip(widths) {
        let space = " ".repeat(width.saturating_sub(cell.width));
        cells.push(match column {
            Column::Left(_) => format!("{}{space}", cell.text),
            Column::Right(_) => format!("{space}{}", cell.text),
        });
    }
    format!("    {}", cells.join("  ").trim_end())
}
