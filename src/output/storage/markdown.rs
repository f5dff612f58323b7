//! Markdown of the report, with tables as on GitHub (GitHub Flavored Markdown Spec, "Tables").

use super::ReportDocument;
use super::contents::page;
use super::page::{Block, Cell, Column, TextTable};
use crate::output::terminal::plain;

/// Writes the report as Markdown.
#[must_use]
pub fn report_markdown(document: &ReportDocument) -> String {
    let blocks: Vec<_> = page(document).iter().map(block_text).collect();
    blocks.join("\n\n")
}

fn block_text(block: &Block) -> String {
    match block {
        Block::Title(text) => format!("# {}", escaped(text)),
        Block::Archive(text) => format!("## {}", escaped(text)),
        Block::Section(text) => format!("### {}", escaped(text)),
        Block::Line(text) => escaped(text),
        Block::Finding(severity, text) => {
            format!(
                "**{}:** {}",
                severity.as_label().to_uppercase(),
                escaped(text)
            )
        }
        Block::TextTable(table) => table_text(table),
    }
}

fn table_text(table: &TextTable) -> String {
    let titles: Vec<_> = table
        .columns
        .iter()
        .map(|column| escaped(column.name()))
        .collect();
    let alignments: Vec<_> = table.columns.iter().map(alignment).collect();
    let mut lines = vec![line(&titles), line(&alignments)];
    for row in &table.rows {
        let cells: Vec<_> = row.iter().map(cell_text).collect();
        lines.push(line(&cells));
    }
    lines.join("\n")
}

fn line(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}

fn alignment(column: &Column) -> String {
    match column {
        Column::Left(_) => "---".to_owned(),
        Column::Right(_) => "---:".to_owned(),
    }
}

fn cell_text(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => escaped(text),
        Cell::Status(severity) => severity.as_label().to_uppercase(),
    }
}

/// Escapes a text so that Markdown shows it as it is: no markup, no HTML, no end of a cell, no link
/// made of an address (`CommonMark` Spec, "Backslash escapes" and "Entity and numeric character
/// references").
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    let text = plain(text);
    for (index, character) in text.char_indices() {
        let before = text.get(..index).unwrap_or_default();
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '$' | '@' => {
                escaped.extend(['\\', character]);
            }
            ':' | '.' if begins_address(before, character) => escaped.extend(['\\', character]),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Returns whether the text before a colon or a dot makes the text after it an address (GitHub Flavored Markdown
/// Spec, "Autolinks (extension)").
fn begins_address(before: &str, sign: char) -> bool {
    let ends: &[&str] = if sign == ':' {
        &["http", "https", "ftp"]
    } else {
        &["www"]
    };
    ends.iter().any(|end| {
        let start = before.len().checked_sub(end.len());
        let last = start.and_then(|start| before.get(start..));
        last.is_some_and(|last| last.eq_ignore_ascii_case(end))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_from_outside_is_shown_and_does_nothing() {
        let hostile = "a|b`c`<script>&amp;\n# [x](http://y) *z* _w_ \\| www.v.u";

        let expected = "a\\|b\\`c\\`&lt;script&gt;&amp;amp;\u{fffd}\\# \\[x\\](http\\://y) \\*z\\* \
                        \\_w\\_ \\\\\\| www\\.v.u";
        assert_eq!(escaped(hostile), expected);
    }

    #[test]
    fn a_plain_name_stays_readable() {
        let names = "s3://backups/production, 2026-11-15 12:00:00 UTC: 1.5 GiB (93.0 %)";

        assert_eq!(escaped(names), names);
    }

    proptest! {
        #[test]
        fn no_text_ends_a_cell_or_a_line(text in "(\\PC|[|\\\\\n\r`<])*") {
            let escaped = escaped(&text);

            prop_assert!(!escaped.contains(['\n', '\r', '<', '>']));
            let mut is_escaped = false;
            for character in escaped.chars() {
                prop_assert!(is_escaped || !['|', '`'].contains(&character), "{escaped}");
                is_escaped = !is_escaped && character == '\\';
            }
        }
    }
}
