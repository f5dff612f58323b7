//! From the document to the page: what arrived lately.

use chrono::{DateTime, Utc};

use super::page::{Block, Column, Row, sizes_table, table};
use super::{ArchiveReport, DayEntry, GrowthEntry, ServerStorage, StorageEntry, WeekEntry};
use crate::rendering::human::bytes;

/// Length of the longest bar.
const BAR: u64 = 24;

/// How high a day can stand among others, from least to most.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A day on which nothing arrived.
const NOTHING: char = '·';

/// What arrived in an archive, by server and by week; nothing where it is empty.
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
        "Only what is still there is counted, not what retention has deleted since; a copied bucket \
         has the times of the copy. Days are whole ones, of UTC: today, with {today} so far, is in \
         none. Averages are of the last 30 days, or of those since the oldest object arrived."
    )));
    blocks.extend(by_week(&storage.growth, now));
    blocks
}

fn by_server(archive: &ArchiveReport, storage: &StorageEntry) -> Vec<Block> {
    let row = |growth: &GrowthEntry, name: &str| {
        let average = |bytes_per: Option<u64>| bytes_per.map_or_else(|| "-".to_owned(), bytes);
        Row {
            bytes: growth.last_30_days_bytes,
            share: None,
            cells: vec![
                bytes(growth.last_day_bytes).into(),
                bytes(growth.last_7_days_bytes).into(),
                bytes(growth.last_30_days_bytes).into(),
                average(growth.bytes_per_day).into(),
                average(growth.bytes_per_week).into(),
                line_of(&growth.days).into(),
                name.into(),
            ],
        }
    };
    let mut servers: Vec<&ServerStorage> = archive.servers.iter().collect();
    servers.sort_by_key(|server| std::cmp::Reverse(server.growth.last_30_days_bytes));
    let whole = row(&storage.growth, "(the whole archive)");
    let of_servers = servers.into_iter().map(|server| row(&server.growth, &server.health.name));
    let columns = vec![
        Column::Right("Yesterday"),
        Column::Right("7 days"),
        Column::Right("30 days"),
        Column::Right("Per day"),
        Column::Right("Per week"),
        Column::Left("30 days, day by day"),
        Column::Left("Server"),
    ];
    table("Arrived lately", columns, [whole].into_iter().chain(of_servers).collect(), " in 30 days")
}

/// The weeks from the first on in which anything arrived, and the current one.
fn by_week(growth: &GrowthEntry, now: DateTime<Utc>) -> Vec<Block> {
    let weeks = growth.weeks.iter().skip_while(|week| week.bytes == 0);
    let most = growth.weeks.iter().map(|week| week.bytes).max().unwrap_or_default();
    let row = |week: &WeekEntry| Row {
        bytes: week.bytes,
        share: None,
        cells: vec![week.week.as_str().into(), bar(week.bytes, most).into()],
    };
    let current = Row {
        bytes: growth.this_week_bytes,
        share: None,
        cells: vec![now.format("%G-W%V").to_string().into(), "so far".into()],
    };
    let rows = weeks.map(row).chain([current]).collect();
    let columns = [Column::Left("Week"), Column::Left("")];
    sizes_table("Arrived by week", &columns, rows)
}

/// A bar whose length tells how much it is of the most.
fn bar(bytes: u64, most: u64) -> String {
    (0..scaled(bytes, most, BAR)).map(|_| '█').collect()
}

/// A character for each day, the higher the more arrived.
fn line_of(days: &[DayEntry]) -> String {
    let most = days.iter().map(|day| day.bytes).max().unwrap_or_default();
    let level = |day: &DayEntry| {
        let steps = scaled(day.bytes, most, LEVELS.len() as u64);
        let level = steps.checked_sub(1).and_then(|level| usize::try_from(level).ok());
        level.and_then(|level| LEVELS.get(level)).copied().unwrap_or(NOTHING)
    };
    days.iter().map(level).collect()
}

/// How many of so many steps it takes; the first one for very little, none for nothing.
fn scaled(bytes: u64, most: u64, steps: u64) -> u64 {
    let scaled = (u128::from(bytes) * u128::from(steps)).div_ceil(u128::from(most.max(1)));
    u64::try_from(scaled).unwrap_or(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_told_from_nothing() {
        let day = |bytes| DayEntry { day: String::new(), bytes };

        assert_eq!(line_of(&[0, 1, 500, 1000].map(day)), "·▁▄█");
        assert_eq!(line_of(&[0, 0].map(day)), "··");
        assert_eq!(line_of(&[u64::MAX].map(day)), "█");
        assert_eq!((bar(1, 1000).chars().count(), bar(1000, 1000).chars().count()), (1, 24));
        assert_eq!(bar(0, 0), "");
    }
}
