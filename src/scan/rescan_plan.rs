//! Which WAL directories of a server a rescan lists again.

use std::collections::{BTreeMap, BTreeSet};

use archive_listing::{KeyRange, end_of};
use barman_archive::inventory::WalDirInventory;
use barman_archive::postgres::WalDir;

/// Requests that a server costs whose unchanged WAL directories are skipped, but for those WAL directories that are listed again:
/// one for what comes before `wals/`, and one for the directories in there.
const REQUESTS_OF_A_SERVER: u64 = 2;

/// WAL directories at the end of each timeline that may be written to: segments are archived several at once,
/// so that one may come late to the WAL directory before the last.
const OPEN_LOGS: usize = 2;

/// The WAL directories of a server, as they were listed the last time.
pub(super) type KnownWalDirs = BTreeMap<WalDir, Box<WalDirInventory>>;

/// Plan for the requests that list the WAL of one server, whole or without its unchanged WAL directories.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan<'a> {
    /// The WAL directories, as they were listed the last time.
    known: &'a KnownWalDirs,
    /// Directories of WAL directories, the empty ones too.
    directories: u64,
    /// Objects of a full page.
    page: u64,
}

impl<'a> Plan<'a> {
    /// Creates the plan for a server; `directories` is how many WAL directories it had when they were
    /// last asked for.
    pub(super) fn new(known: &'a KnownWalDirs, directories: Option<usize>, page: usize) -> Self {
        let directories = directories.unwrap_or_default().max(known.len());
        Self { known, directories: count(directories), page: count(page).max(1) }
    }

    /// Returns whether skipping the unchanged WAL directories spares at least half of what listing all of them costs,
    /// as far as can be told before anything was asked.
    pub(super) fn is_worth_skipping(self, suspects: &Suspects) -> bool {
        self.spared(suspects) > 0
    }

    /// Returns the requests that skipping the unchanged WAL directories spares, if it spares at least half of
    /// what listing all of them costs; otherwise 0.
    fn spared(self, suspects: &Suspects) -> u64 {
        let (whole, skipping) = (self.whole(), REQUESTS_OF_A_SERVER + self.again(suspects));
        if whole > 2 * skipping { whole - skipping } else { 0 }
    }

    /// Returns whether finding the directories of the WAL directories and skipping the unchanged ones still takes fewer
    /// requests than listing all of them.
    pub(super) fn is_still_worth_skipping(self, suspects: &Suspects) -> bool {
        1 + self.again(suspects) < self.whole()
    }

    /// Requests that list all WAL directories.
    fn whole(self) -> u64 {
        self.objects(self.known.keys()) / self.page
    }

    /// Requests for the WAL directories that are listed again if none was added or deleted, and for every page of
    /// directories but the first.
    fn again(self, suspects: &Suspects) -> u64 {
        let all: BTreeSet<WalDir> = self.known.keys().copied().collect();
        let fresh = self.fresh_wal_dirs(&all, suspects);
        let all: Vec<&WalDir> = all.iter().collect();
        let groups = all.chunk_by(|one, next| fresh.contains(*one) == fresh.contains(*next));
        let groups =
            groups.filter(|group| group.first().is_some_and(|wal_dir| fresh.contains(*wal_dir)));
        let pages: u64 = groups.map(|group| self.pages(group.iter().copied())).sum();
        pages + self.directories / self.page
    }

    /// Requests that list neighbouring WAL directories.
    fn pages<'l>(self, wal_dirs: impl Iterator<Item = &'l WalDir>) -> u64 {
        self.objects(wal_dirs).div_ceil(self.page).max(1)
    }

    /// Objects of WAL directories that are known; others have none.
    fn objects<'l>(self, wal_dirs: impl Iterator<Item = &'l WalDir>) -> u64 {
        wal_dirs
            .filter_map(|wal_dir| self.known.get(wal_dir))
            .map(|wal_dir| wal_dir.usage.sums.objects)
            .sum()
    }

    /// Returns the WAL directories to be listed again, of those whose directories are there.
    ///
    /// New ones, those of each timeline that are or were open, and the ones at either end of a run of WAL directories,
    /// where retention begins and ends to delete; and unchanged ones between two of them where one request goes
    /// through all, which else takes two.
    pub(super) fn fresh_wal_dirs(
        self,
        listed: &BTreeSet<WalDir>,
        suspects: &Suspects,
    ) -> BTreeSet<WalDir> {
        let fresh = fresh_wal_dirs(listed, self.known, suspects);
        let all: Vec<WalDir> = listed.iter().copied().collect();
        let mut groups = all.chunk_by(|one, next| fresh.contains(one) == fresh.contains(next));
        let mut joined = fresh.clone();
        let Some(mut before) = groups.find(|group| is_in(&fresh, group)) else { return joined };
        while let Some((gap, next)) = groups.next().zip(groups.next()) {
            let apart = self.pages(before.iter()) + self.pages(next.iter());
            let together = self.pages(before.iter().chain(gap).chain(next));
            if together < apart {
                joined.extend(gap);
            }
            before = next;
        }
        joined
    }
}

/// Returns whether a group of WAL directories, which are all in a set or all not, is in it.
fn is_in(fresh: &BTreeSet<WalDir>, group: &[WalDir]) -> bool {
    group.first().is_some_and(|wal_dir| fresh.contains(wal_dir))
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Returns whether a rescan takes fewer requests than listing everything: whether skipping the unchanged
/// WAL directories of some servers, of whose plans these are all, spares more than it takes to find the directories of
/// the servers.
pub(super) fn spares_requests<'a>(
    plans: impl ExactSizeIterator<Item = (Plan<'a>, &'a Suspects)>,
    page: usize,
) -> bool {
    let to_find = plans.len().div_ceil(page.max(1)).max(1);
    plans.map(|(plan, suspects)| plan.spared(suspects)).sum::<u64>() > count(to_find)
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

/// What gives reason to list WAL directories of a server again.
#[derive(Clone, Debug, Default)]
pub(super) struct Suspects {
    /// Single WAL directories: in which a backup began that is new, or has ended; whose turn it is.
    pub(super) wal_dirs: BTreeSet<WalDir>,
    /// All up to this one: retention is or was at work.
    pub(super) up_to: Option<WalDir>,
}

fn fresh_wal_dirs(
    listed: &BTreeSet<WalDir>,
    known: &KnownWalDirs,
    suspects: &Suspects,
) -> BTreeSet<WalDir> {
    let mut fresh: BTreeSet<WalDir> = listed
        .iter()
        .copied()
        .filter(|wal_dir| {
            let is_suspect = suspects.up_to.is_some_and(|up_to| *wal_dir <= up_to);
            !known.contains_key(wal_dir) || suspects.wal_dirs.contains(wal_dir) || is_suspect
        })
        .collect();
    let all: Vec<WalDir> = listed.iter().copied().collect();
    for timeline in all.chunk_by(|one, next| one.timeline == next.timeline) {
        // Those that were open have been written to since, however many have come after them.
        let known = timeline.iter().rev().filter(|wal_dir| known.contains_key(wal_dir));
        fresh.extend(known.take(OPEN_LOGS));
        fresh.extend(timeline.iter().rev().take(OPEN_LOGS));
    }
    // Directories in which nothing is left may be listed all the same: runs are of those that held
    // something.
    let held: Vec<WalDir> = all.into_iter().filter(|wal_dir| known.contains_key(wal_dir)).collect();
    let goes_on = |one: &WalDir, next: &WalDir| {
        one.timeline == next.timeline && one.high.checked_add(1) == Some(next.high)
    };
    for run in held.chunk_by(goes_on) {
        fresh.extend(run.first().into_iter().chain(run.last()));
    }
    fresh
}

/// The next WAL directories on either side of ones that have lost something, as many as this.
pub(super) fn neighbours(
    listed: &BTreeSet<WalDir>,
    lost: &BTreeSet<WalDir>,
    count: usize,
) -> BTreeSet<WalDir> {
    let around = lost.iter().flat_map(|wal_dir| {
        let below = listed.range(..*wal_dir).rev().take(count);
        below.chain(listed.range(*wal_dir..).skip(1).take(count))
    });
    around.copied().collect()
}

/// Whether a WAL directory has lost something since it was known.
pub(super) fn has_lost(known: &WalDirInventory, fresh: Option<&WalDirInventory>) -> bool {
    let Some(fresh) = fresh else { return true };
    let kept = known
        .segments
        .iter()
        .all(|run| fresh.segments.first_missing(run.first, run.last).is_none());
    !kept || fresh.usage.sums.objects < known.usage.sums.objects
}

/// Ranges that hold these WAL directories of a server and, of the others, none.
///
/// `server` is the server's directory as a key, with its slash.
pub(super) fn ranges(
    server: &str,
    listed: &BTreeSet<WalDir>,
    fresh: &BTreeSet<WalDir>,
) -> Vec<KeyRange> {
    let wals = format!("{server}wals/");
    let end = |wal_dir: &WalDir| end_of(&format!("{wals}{wal_dir}/"));
    let all: Vec<&WalDir> = listed.iter().collect();
    let groups = all.chunk_by(|one, next| fresh.contains(*one) == fresh.contains(*next));
    let mut before: Option<&WalDir> = None;
    let mut ranges = Vec::new();
    for group in groups {
        if group.first().is_some_and(|wal_dir| fresh.contains(*wal_dir)) {
            ranges.push(KeyRange {
                prefix: wals.clone(),
                after: before.map(end),
                until: group.last().map(|wal_dir| end(wal_dir)),
            });
        }
        before = group.last().copied();
    }
    ranges
}

/// The same ranges, the last of which goes on to the end of the server's directory: the last WAL directories are
/// listed again anyway.
pub(super) fn to_the_end(server: &str, mut ranges: Vec<KeyRange>) -> Vec<KeyRange> {
    match ranges.last_mut() {
        Some(last) => {
            let after = last.after.take();
            // A range that begins with the first WAL directory begins where `wals/` does.
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
    use barman_archive::postgres::TimelineId;

    use super::*;

    fn wal_dir(timeline: u32, high: u32) -> WalDir {
        WalDir { timeline: TimelineId(timeline), high }
    }

    fn wal_dirs(names: &[(u32, u32)]) -> BTreeSet<WalDir> {
        names.iter().map(|(timeline, number)| wal_dir(*timeline, *number)).collect()
    }

    fn known(names: &BTreeSet<WalDir>) -> KnownWalDirs {
        names.iter().map(|name| (*name, Box::default())).collect()
    }

    #[test]
    fn new_open_and_outermost_logs_are_listed_again() {
        let listed: BTreeSet<_> = (0..9).map(|number| wal_dir(1, number)).collect();

        let fresh = fresh_wal_dirs(&listed, &known(&listed), &Suspects::default());
        assert_eq!(fresh, wal_dirs(&[(1, 0), (1, 7), (1, 8)]));
        let fewer = listed.iter().copied().filter(|wal_dir| wal_dir.high != 4).collect();
        let fresh = fresh_wal_dirs(&listed, &known(&fewer), &Suspects::default());
        assert_eq!(fresh, wal_dirs(&[(1, 0), (1, 3), (1, 4), (1, 5), (1, 7), (1, 8)]));
    }

    #[test]
    fn holes_have_edges() {
        let listed: BTreeSet<_> =
            [0, 1, 2, 6, 7, 8, 9].into_iter().map(|number| wal_dir(1, number)).collect();

        let fresh = fresh_wal_dirs(&listed, &known(&listed), &Suspects::default());

        assert_eq!(fresh, wal_dirs(&[(1, 0), (1, 2), (1, 6), (1, 8), (1, 9)]));
    }

    #[test]
    fn suspects_are_listed_again() {
        let listed: BTreeSet<_> = (0..9).map(|number| wal_dir(2, number)).collect();
        let suspects = Suspects { wal_dirs: wal_dirs(&[(2, 5)]), up_to: Some(wal_dir(2, 2)) };

        let fresh = fresh_wal_dirs(&listed, &known(&listed), &suspects);

        assert_eq!(fresh, wal_dirs(&[(2, 0), (2, 1), (2, 2), (2, 5), (2, 7), (2, 8)]));
    }

    /// WAL directories of so many objects each.
    fn known_with_objects(names: &BTreeSet<WalDir>, objects: u64) -> KnownWalDirs {
        let mut wal_dirs = known(names);
        for wal_dir in wal_dirs.values_mut() {
            wal_dir.usage.sums.objects = objects;
        }
        wal_dirs
    }

    #[test]
    fn short_gaps_are_listed_with_what_lies_around_them() {
        let listed: BTreeSet<_> = (0..20).map(|number| wal_dir(1, number)).collect();
        let fresh = |objects, suspects: &[u32]| {
            let wal_dirs = suspects.iter().map(|number| wal_dir(1, *number)).collect();
            let known = known_with_objects(&listed, objects);
            let suspects = Suspects { wal_dirs, ..Suspects::default() };
            let fresh = Plan::new(&known, None, 1000).fresh_wal_dirs(&listed, &suspects);
            fresh.into_iter().map(|name| name.high).collect::<Vec<_>>()
        };

        assert_eq!(fresh(250, &[]), [0, 18, 19]);
        assert_eq!(fresh(250, &[3]), [0, 1, 2, 3, 18, 19]);
        // Two requests go through five WAL directories as well as through the first and the last alone.
        assert_eq!(fresh(250, &[4]), [0, 4, 18, 19]);
        assert_eq!(fresh(50, &[]), (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn what_retention_deletes_counts_among_the_requests() {
        let all: BTreeSet<_> = (0..100).map(|number| wal_dir(1, number)).collect();
        let known = known_with_objects(&all, 256);
        let plan = Plan::new(&known, None, 1000);
        let up_to = |number| Suspects { up_to: Some(wal_dir(1, number)), ..Suspects::default() };

        let worth = [&Suspects::default(), &up_to(20), &up_to(50), &up_to(90)].map(|suspects| {
            (plan.is_worth_skipping(suspects), plan.is_still_worth_skipping(suspects))
        });

        assert_eq!(worth, [(true, true), (true, true), (false, true), (false, false)]);
        let with_empty_ones = Plan::new(&known, Some(30_000), 1000);
        assert!(!with_empty_ones.is_worth_skipping(&Suspects::default()));
    }

    #[test]
    fn servers_that_are_not_skipped_are_listed_together() {
        let directories = ["p/a/", "p/b/", "p/c/", "p/d/"].map(str::to_owned);

        let ranges = ranges_but_wals("p/", &directories, |directory| directory == "p/c/");

        let shown: Vec<_> =
            ranges.into_iter().map(|range| (range.prefix, range.after, range.until)).collect();
        let text = |text: &str| Some(text.to_owned());
        let expected = [
            ("p/".to_owned(), None, Some(end_of("p/b/"))),
            ("p/c/".to_owned(), None, text("p/c/wals/")),
            ("p/".to_owned(), Some(end_of("p/c/")), Some(end_of("p/d/"))),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn ranges_begin_where_the_wal_dir_before_ends() {
        let listed = wal_dirs(&[(1, 0), (1, 1), (1, 2), (1, 3)]);

        let some = ranges("s/", &listed, &wal_dirs(&[(1, 0), (1, 3)]));
        let shown: Vec<_> =
            some.iter().map(|range| (range.after.clone(), range.until.clone())).collect();

        let end = |number| Some(end_of(&format!("s/wals/{}/", wal_dir(1, number))));
        assert_eq!(shown, [(None, end(0)), (end(2), end(3))]);
        let last = to_the_end("s/", some).pop().unwrap();
        assert_eq!((last.prefix.as_str(), last.after, last.until), ("s/", end(2), None));
    }
}
