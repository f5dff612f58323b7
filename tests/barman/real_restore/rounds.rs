//! Restores, in rounds between which the archive changes.

use std::fmt::{self, Display, Formatter};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use test_support::{RestoreTarget, Restored};

use crate::real_restore::archive::Archive;

/// Number of restores that run at the same time: more would only wait for each other.
const AT_ONCE: usize = 2;

/// Restore and its outcome.
#[derive(Debug)]
pub(crate) struct Row {
    /// Name of the backup in the archive.
    pub(crate) name: &'static str,
    pub(crate) backup_id: String,
    pub(crate) target: RestoreTarget,
    pub(crate) restored: Restored,
    pub(crate) took: Duration,
}

/// Expected end of a restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Server that came up after this last segment.
    At(String),
    /// Server that came up after the partial segment of a timeline.
    InPartialOf(u32),
    /// Server that did not come up, or that Barman could not restore.
    Refused,
}

/// Backup by its name, the target of its recovery, and the expected reach.
pub(crate) type Wish = (&'static str, RestoreTarget, Ending);

/// Timeline by its number.
pub(crate) const fn timeline(number: u32) -> RestoreTarget {
    RestoreTarget {
        timeline: Some(number),
        no_partial: false,
    }
}

/// Target on a timeline, reached with complete segments alone.
pub(crate) const fn without_partial(number: u32) -> RestoreTarget {
    RestoreTarget {
        timeline: Some(number),
        no_partial: true,
    }
}

/// Target that PostgreSQL chooses if no timeline is named.
pub(crate) const LATEST: RestoreTarget = RestoreTarget {
    timeline: None,
    no_partial: false,
};

/// Restores for real and returns the outcomes.
///
/// # Panics
/// Panics if one is not as wished.
pub(crate) fn round(archive: &Archive, title: &str, wishes: Vec<Wish>) -> Vec<Row> {
    let targets = wishes
        .iter()
        .map(|&(name, target, _)| (name, target))
        .collect();
    let rows = restore_all(archive, targets);
    print_table(title, &rows);
    let pairs = rows.iter().zip(wishes);
    let other = pairs.filter(|(row, (_, _, wish))| row.ending() != *wish);
    let other: Vec<_> = other
        .map(|(row, (_, _, wish))| format!("{row}: not {wish:?}"))
        .collect();
    assert!(other.is_empty(), "{title}:\n{}", other.join("\n"));
    rows
}

/// Restores, several at a time, and returns the outcomes in the order of the requests.
fn restore_all(archive: &Archive, wishes: Vec<(&'static str, RestoreTarget)>) -> Vec<Row> {
    let waiting = Mutex::new(wishes.into_iter().enumerate());
    let done = Mutex::new(Vec::new());
    let next = || waiting.lock().expect("nobody fails while choosing").next();
    let work = || {
        while let Some((index, (name, target))) = next() {
            let row = restore(archive, name, target);
            done.lock()
                .expect("nobody fails while noting")
                .push((index, row));
        }
    };
    thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
    let mut done = done
        .into_inner()
        .expect("a failed restore has ended the test");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, row)| row).collect()
}

fn restore(archive: &Archive, name: &'static str, target: RestoreTarget) -> Row {
    let begun = Instant::now();
    let backup_id = archive.id(name).to_owned();
    let restored = archive.stack.restore(&backup_id, target);
    Row {
        name,
        backup_id,
        target,
        restored,
        took: begun.elapsed(),
    }
}

/// Table for people.
fn print_table(title: &str, rows: &[Row]) {
    println!("\n{title}");
    println!(
        "{:<20} {:<12} {:<5} {:<33} {:<10} on",
        "backup", "target", "up", "last", "LSN"
    );
    for row in rows {
        println!("{row}");
    }
}

impl Row {
    fn ending(&self) -> Ending {
        match &self.restored.last_segment {
            None => Ending::Refused,
            Some(last) if self.restored.last_is_partial => Ending::InPartialOf(timeline_of(last)),
            Some(last) => Ending::At(last.clone()),
        }
    }
}

/// Timeline in the name of a segment.
pub(crate) fn timeline_of(segment: &str) -> u32 {
    let timeline = segment
        .get(..8)
        .and_then(|number| u32::from_str_radix(number, 16).ok());
    timeline.unwrap_or_else(|| panic!("no segment: `{segment}`"))
}

impl Display for Row {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let target = self
            .target
            .timeline
            .map_or("latest".to_owned(), |number| number.to_string());
        let target = if self.target.no_partial {
            target + " complete"
        } else {
            target
        };
        let restored = &self.restored;
        let last = restored.last_segment.as_deref().unwrap_or("-");
        let last = if restored.last_is_partial {
            format!("{last}.partial")
        } else {
            last.into()
        };
        let lsn = restored.replayed_to_lsn.as_deref().unwrap_or("-");
        let timeline = restored
            .timeline
            .map_or("-".to_owned(), |number| number.to_string());
        let (name, up, took) = (self.name, restored.came_up, self.took.as_secs_f32());
        write!(
            formatter,
            "{name:<20} {target:<12} {up:<5} {last:<33} {lsn:<10} {timeline}"
        )?;
        write!(
            formatter,
            "  {took:.1} s  {}",
            restored.complaint().unwrap_or_default()
        )
    }
}
