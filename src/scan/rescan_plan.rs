//! Which logs of a server a rescan lists again.

use std::collections::{BTreeMap, BTreeSet};

use crate::inventory::{Inventory, LogInventory, WalInventory};
use crate::postgres::LogName;

use super::key_range::{KeyRange, end_of};

/// Requests that a server costs whose unchanged logs are skipped, but for finding its directories.
const REQUESTS_OF_A_SERVER: u64 = 4;

/// Logs at the end of each timeline that may be written to: segments are archived several at once,
/// so that one may come late to the log before the last.
const OPEN_LOGS: usize = 2;

/// Whether skipping the unchanged logs of a server spares at least half of what listing it costs.
pub(super) fn is_worth_skipping(wal: &WalInventory, page: usize) -> bool {
    spared_requests(wal, u64::try_from(page).unwrap_or(u64::MAX).max(1)) > 0
}

/// Returns the requests that skipping the unchanged logs of a server spares, if it spares at least half of
/// what listing it costs; otherwise 0.
fn spared_requests(wal: &WalInventory, page: u64) -> u64 {
    let objects: u64 = wal.logs.values().map(|log| log.stock.sums.objects).sum();
    let directories = u64::try_from(wal.logs.len()).unwrap_or(u64::MAX).div_ceil(page);
    let (whole, skipping) = (objects / page, REQUESTS_OF_A_SERVER + directories);
    if whole > 2 * skipping { whole - skipping } else { 0 }
}

/// Returns whether a rescan takes fewer requests than listing everything: whether skipping the unchanged
/// logs of some servers spares more than it takes to find the directories of all.
pub(super) fn spares_requests(inventory: &Inventory, page: usize) -> bool {
    let page = u64::try_from(page).unwrap_or(u64::MAX).max(1);
    let directories = inventory.directories.values();
    let spared: u64 = directories.map(|directory| spared_requests(&directory.wal, page)).sum();
    let to_find = u64::try_from(inventory.directories.len()).unwrap_or(u64::MAX).div_ceil(page);
    spared > to_find.max(1)
}

/// Ranges that hold everything but the `wals/` of the servers that are skipped: these up to there, and
/// the directories between them together.
///
/// Directories are in order, and keys with their slash.
pub(super) fn ranges_but_wals(
    root: &str,
    directories: &[String],
    is_skipping: impl Fn(&String) -> bool,
) -> Vec<KeyRange> {
    let groups = directories.chunk_by(|one, next| !is_skipping(one) && !is_skipping(next));
    let mut before: Option<&String> = None;
    let mut ranges = Vec::new();
    for group in groups {
        let Some((first, last)) = group.first().zip(group.last()) else { continue };
        ranges.push(if is_skipping(first) {
            // The empty key that stands for `wals/` is in it.
            let until = Some(format!("{first}wals/"));
            KeyRange { prefix: first.clone(), after: None, until }
        } else {
            let after = before.map(|before| end_of(before));
            KeyRange { prefix: root.to_owned(), after, until: Some(end_of(last)) }
        });
        before = Some(last);
    }
    ranges
}

/// What gives reason to list logs of a server again.
#[derive(Clone, Debug, Default)]
pub(super) struct Suspects {
    /// Single logs: in which a backup began that is new, or has ended; whose turn it is.
    pub(super) logs: BTreeSet<LogName>,
    /// All up to this one: retention is or was at work.
    pub(super) up_to: Option<LogName>,
}

/// The logs to be listed again, of those whose directories are there.
///
/// New ones, those of each timeline that are or were open, and the ones at either end of a run of logs, where
/// retention begins and ends to delete.
pub(super) fn fresh_logs(
    listed: &BTreeSet<LogName>,
    known: &BTreeMap<LogName, Box<LogInventory>>,
    suspects: &Suspects,
) -> BTreeSet<LogName> {
    let mut fresh: BTreeSet<LogName> = listed
        .iter()
        .copied()
        .filter(|log| {
            let is_suspect = suspects.up_to.is_some_and(|up_to| *log <= up_to);
            !known.contains_key(log) || suspects.logs.contains(log) || is_suspect
        })
        .collect();
    let all: Vec<LogName> = listed.iter().copied().collect();
    for timeline in all.chunk_by(|one, next| one.timeline == next.timeline) {
        // Those that were open have been written to since, however many have come after them.
        let known = timeline.iter().rev().filter(|log| known.contains_key(log));
        fresh.extend(known.take(OPEN_LOGS));
        fresh.extend(timeline.iter().rev().take(OPEN_LOGS));
    }
    // Directories in which nothing is left may be listed all the same: runs are of those that held
    // something.
    let held: Vec<LogName> = all.into_iter().filter(|log| known.contains_key(log)).collect();
    let goes_on = |one: &LogName, next: &LogName| {
        one.timeline == next.timeline && one.log.checked_add(1) == Some(next.log)
    };
    for run in held.chunk_by(goes_on) {
        fresh.extend(run.first().into_iter().chain(run.last()));
    }
    fresh
}

/// The next logs on either side of ones that have lost something, as many as this.
pub(super) fn neighbours(
    listed: &BTreeSet<LogName>,
    lost: &BTreeSet<LogName>,
    count: usize,
) -> BTreeSet<LogName> {
    let around = lost.iter().flat_map(|log| {
        let below = listed.range(..*log).rev().take(count);
        below.chain(listed.range(*log..).skip(1).take(count))
    });
    around.copied().collect()
}

/// Whether a log has lost something since it was known.
pub(super) fn has_lost(known: &LogInventory, fresh: Option<&LogInventory>) -> bool {
    let Some(fresh) = fresh else { return true };
    let kept = known
        .segments
        .iter()
        .all(|run| fresh.segments.first_missing(run.first, run.last).is_none());
    !kept || fresh.stock.sums.objects < known.stock.sums.objects
}

/// Ranges that hold these logs of a server and, of the others, none.
///
/// `server` is the server's directory as a key, with its slash.
pub(super) fn ranges(
    server: &str,
    listed: &BTreeSet<LogName>,
    fresh: &BTreeSet<LogName>,
) -> Vec<KeyRange> {
    let wals = format!("{server}wals/");
    let end = |log: &LogName| end_of(&format!("{wals}{log}/"));
    let all: Vec<&LogName> = listed.iter().collect();
    let groups = all.chunk_by(|one, next| fresh.contains(*one) == fresh.contains(*next));
    let mut before: Option<&LogName> = None;
    let mut ranges = Vec::new();
    for group in groups {
        if group.first().is_some_and(|log| fresh.contains(*log)) {
            ranges.push(KeyRange {
                prefix: wals.clone(),
                after: before.map(end),
                until: group.last().map(|log| end(log)),
            });
        }
        before = group.last().copied();
    }
    ranges
}

/// The same ranges, the last of which goes on to the end of the server's directory: the last logs are
/// listed again anyway.
pub(super) fn to_the_end(server: &str, mut ranges: Vec<KeyRange>) -> Vec<KeyRange> {
    match ranges.last_mut() {
        Some(last) => {
            let after = last.after.take();
            // A range that begins with the first log begins where `wals/` does.
            let after = after.unwrap_or_else(|| format!("{server}wals/"));
            *last = KeyRange { prefix: server.to_owned(), after: Some(after), until: None };
        }
        None => ranges.push(KeyRange {
            prefix: server.to_owned(),
            after: Some(format!("{server}wals/")),
            until: None,
        }),
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::TimelineId;

    fn log(timeline: u32, log: u32) -> LogName {
        LogName { timeline: TimelineId(timeline), log }
    }

    fn logs(names: &[(u32, u32)]) -> BTreeSet<LogName> {
        names.iter().map(|(timeline, number)| log(*timeline, *number)).collect()
    }

    fn known(names: &BTreeSet<LogName>) -> BTreeMap<LogName, Box<LogInventory>> {
        names.iter().map(|name| (*name, Box::default())).collect()
    }

    #[test]
    fn new_open_and_outermost_logs_are_listed_again() {
        let listed: BTreeSet<_> = (0..9).map(|number| log(1, number)).collect();

        let fresh = fresh_logs(&listed, &known(&listed), &Suspects::default());
        assert_eq!(fresh, logs(&[(1, 0), (1, 7), (1, 8)]));
        let fewer = listed.iter().copied().filter(|one| one.log != 4).collect();
        let fresh = fresh_logs(&listed, &known(&fewer), &Suspects::default());
        assert_eq!(fresh, logs(&[(1, 0), (1, 3), (1, 4), (1, 5), (1, 7), (1, 8)]));
    }

    #[test]
    fn holes_have_edges() {
        let listed: BTreeSet<_> =
            [0, 1, 2, 6, 7, 8, 9].into_iter().map(|number| log(1, number)).collect();

        let fresh = fresh_logs(&listed, &known(&listed), &Suspects::default());

        assert_eq!(fresh, logs(&[(1, 0), (1, 2), (1, 6), (1, 8), (1, 9)]));
    }

    #[test]
    fn suspects_are_listed_again() {
        let listed: BTreeSet<_> = (0..9).map(|number| log(2, number)).collect();
        let suspects = Suspects { logs: logs(&[(2, 5)]), up_to: Some(log(2, 2)) };

        let fresh = fresh_logs(&listed, &known(&listed), &suspects);

        assert_eq!(fresh, logs(&[(2, 0), (2, 1), (2, 2), (2, 5), (2, 7), (2, 8)]));
    }

    #[test]
    fn servers_that_are_not_skipped_are_listed_together() {
        let directories = ["p/a/", "p/b/", "p/c/", "p/d/"].map(str::to_owned);

        let ranges = ranges_but_wals("p/", &directories, |one| one == "p/c/");

        let shown: Vec<_> =
            ranges.into_iter().map(|one| (one.prefix, one.after, one.until)).collect();
        let text = |text: &str| Some(text.to_owned());
        let expected = [
            ("p/".to_owned(), None, Some(end_of("p/b/"))),
            ("p/c/".to_owned(), None, text("p/c/wals/")),
            ("p/".to_owned(), Some(end_of("p/c/")), Some(end_of("p/d/"))),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn ranges_begin_where_the_log_before_ends() {
        let listed = logs(&[(1, 0), (1, 1), (1, 2), (1, 3)]);

        let some = ranges("s/", &listed, &logs(&[(1, 0), (1, 3)]));
        let shown: Vec<_> = some.iter().map(|one| (one.after.clone(), one.until.clone())).collect();

        let end = |number| Some(end_of(&format!("s/wals/{}/", log(1, number))));
        assert_eq!(shown, [(None, end(0)), (end(2), end(3))]);
        let last = to_the_end("s/", some).pop().unwrap();
        assert_eq!((last.prefix.as_str(), last.after, last.until), ("s/", end(2), None));
    }
}
