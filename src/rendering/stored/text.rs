//! The report in plain words and columns.

use super::ReportDocument;
use super::contents::page;
use super::page::{Block, Cell, Column, TextTable};
use crate::rendering::terminal::{plain, status};

/// The report as text for people, with colours (ANSI) where they are wanted.
///
/// Columns are aligned by counting characters; those that are two columns wide only stand in the
/// last one.
#[must_use]
pub fn report_text(document: &ReportDocument, colours: bool) -> String {
    let lines: Vec<_> = page(document).iter().flat_map(|block| lines(block, colours)).collect();
    lines.join("\n")
}

fn lines(block: &Block, colours: bool) -> Vec<String> {
    match block {
        Block::Title(text) => vec![plain(text)],
        Block::Archive(text) => vec![String::new(), plain(text)],
        Block::Section(text) => vec![String::new(), format!("  {}", plain(text))],
        Block::Line(text) => wrapped(&plain(text)),
        Block::Finding(severity, text) => {
            vec![format!("    {}: {}", status(*severity, colours), plain(text))]
        }
        Block::TextTable(table) => rows(table, colours),
    }
}

/// A sentence in lines that fit a terminal.
fn wrapped(text: &str) -> Vec<String> {
    const WIDTH: usize = 96;
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

fn rows(table: &TextTable, colours: bool) -> Vec<String> {
    let heads: Vec<_> = table.columns.iter().map(|column| Cell::from(column.name())).collect();
    let all: Vec<_> = [&heads].into_iter().chain(&table.rows).collect();
    let shown = |cell: &Cell| match cell {
        Cell::Text(text) => (plain(text), plain(text).chars().count()),
        Cell::Status(severity) => (status(*severity, colours), severity.as_str().len()),
    };
    let width =
        |index: usize| all.iter().filter_map(|row| row.get(index)).map(|cell| shown(cell).1).max();
    let widths: Vec<_> = (0..heads.len()).map(|index| width(index).unwrap_or_default()).collect();
    let line = |row: &&Vec<Cell>| {
        let cells = row.iter().zip(&table.columns).zip(&widths).map(|((cell, column), width)| {
            let (text, taken) = shown(cell);
            let space = " ".repeat(width.saturating_sub(taken));
            match column {
                Column::Left(_) => format!("{text}{space}"),
                Column::Right(_) => format!("{space}{text}"),
            }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        format!("    {}", line.trim_end())
    };
    all.iter().map(line).collect()
}
