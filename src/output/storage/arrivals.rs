//! Writes the document as a page of blocks: bytes that arrived lately.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};

use super::page::{Block, Cell, Column, Row, sizes_table, table};
use super::{ArchiveReport, DayEntry, GrowthEntry, StorageEntry};
use crate::output::words::bytes;

/// Length of the longest bar.
const BAR: u64 = 24;

/// Characters for the size of one day among others, from least to most.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Character for a day on which nothing arrived.
const NOTHING: char = '·';

/// Describes the bytes that arrived in an archive, by server and by week; nothing if it is empty.
pub(super) fn arrivals(
    archive: &ArchiveReport,
    storage: &StorageEntry,
    now: DateTime<Utc>,
) -> Vec<Block> {
    if storage.objects == 0 {
        return Vec::new();
    }
    let mut blocks = by_server(archive, storage);
    let today = bytes(storage.growth.today_bytes);
    blocks.push(Block::Line(format!(
        "Only objects that still exist are counted, not those that retention has deleted since; in a \
         copied bucket, objects have the time of the copy. Days are whole days in UTC: today, with \
         {today} so far, is not included. Averages are of the last 30 days, or of the days since the \
         oldest object arrived."
    )));
    blocks.extend(by_week(&storage.growth, now));
    blocks
}

fn by_server(archive: &ArchiveReport, storage: &StorageEntry) -> Vec<Block> {
    let mut servers: Vec<_> = archive.servers.iter().collect();
    servers.sort_by_key(|server| Reverse(server.growth.last_30_days_bytes));
    let mut rows = vec![growth_row(&storage.growth, "(the whole archive)")];
    for server in servers {
        rows.push(growth_row(&server.growth, &server.health.name));
    }
    let columns = vec![
        Column::Right("Yesterday"),
        Column::Right("7 days"),
        Column::Right("30 days"),
        Column::Right("Per day"),
        Column::Right("Per week"),
        Column::Left("30 days, day by day"),
        Column::Left("Server"),
    ];
    table("Arrived lately", columns, rows, " in 30 days")
}

fn growth_row(growth: &GrowthEntry, name: &str) -> Row {
    let cells = vec![
        Cell::text(bytes(growth.last_day_bytes)),
        Cell::text(bytes(growth.last_7_days_bytes)),
        Cell::text(bytes(growth.last_30_days_bytes)),
        average(growth.bytes_per_day),
        average(growth.bytes_per_week),
        Cell::text(line_of(&growth.days)),
        Cell::text(name),
    ];
    Row {
        bytes: growth.last_30_days_bytes,
        share: None,
        cells,
    }
}

fn average(average: Option<u64>) -> Cell {
    match average {
        Some(average) => Cell::text(bytes(average)),
        None => Cell::text("-"),
    }
}

/// Lists the weeks from the first one in which anything arrived, and the current one.
fn by_week(growth: &GrowthEntry, now: DateTime<Utc>) -> Vec<Block> {
    let weeks = growth.weeks.iter().skip_while(|week| week.bytes == 0);
    let most = growth
        .weeks
        .iter()
        .map(|week| week.bytes)
        .max()
        .unwrap_or_default();
    let mut rows = Vec::new();
    for week in weeks {
        let cells = vec![Cell::text(&week.week), Cell::text(bar(week.bytes, most))];
        rows.push(Row {
            bytes: week.bytes,
            share: None,
            cells,
        });
    }
    let current_week = now.format("%G-W%V").to_string();
    let cells = vec![Cell::text(current_week), Cell::text("so far")];
    rows.push(Row {
        bytes: growth.this_week_bytes,
        share: None,
        cells,
    });
    let columns = [Column::Left("Week"), Column::Left("")];
    sizes_table("Arrived by week", &columns, rows)
}

/// Draws a bar as long as the share of `bytes` in `most`.
fn bar(bytes: u64, most: u64) -> String {
    (0..scaled(bytes, most, BAR)).map(|_| '█').collect()
}

/// Draws a character for each day, the higher the more arrived.
fn line_of(days: &[DayEntry]) -> String {
    let most = days.iter().map(|day| day.bytes).max().unwrap_or_default();
    days.iter().map(|day| level(day.bytes, most)).collect()
}

fn level(bytes: u64, most: u64) -> char {
    let steps = scaled(bytes, most, LEVELS.len() as u64);
    let Some(index) = steps.checked_sub(1) else {
        return NOTHING;
    };
    let level = usize::try_from(index)
        .ok()
        .and_then(|index| LEVELS.get(index));
    level.copied().unwrap_or(NOTHING)
}

/// Scales `bytes` from `0..=most` to `0..=steps`, rounded up: anything but zero is at least one step.
fn scaled(bytes: u64, most: u64, steps: u64) -> u64 {
    let scaled = (u128::from(bytes) * u128::from(steps)).div_ceil(u128::from(most.max(1)));
    u64::try_from(scaled).unwrap_or(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_told_from_nothing() {
        let day = |bytes| DayEntry {
            day: String::new(),
            bytes,
        };

        assert_eq!(line_of(&[0, 1, 500, 1000].map(day)), "·▁▄█");
        assert_eq!(line_of(&[0, 0].map(day)), "··");
        assert_eq!(line_of(&[u64::MAX].map(day)), "█");
        assert_eq!(
            (
                bar(1, 1000).chars().count(),
                bar(1000, 1000).chars().count()
            ),
            (1, 24)
        );
        assert_eq!(bar(0, 0), "");
    }
}
