//! Choice of the WAL directories of one server that a rescan lists.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::inventory::WalDirInventory;
use barman_archive::postgres::WalDir;

use super::relist_reasons::RelistReasons;

/// Requests for a server whose unchanged WAL directories are skipped, besides those for the WAL
/// directories that are listed: one for what comes before `wals/`, and one for the names in there.
const REQUESTS_PER_SERVER: u64 = 2;

/// Number of WAL directories at the end of each timeline that may be written to.
///
/// Several segments are archived at once, so one may arrive late in the last but one.
const OPEN_WAL_DIRS: usize = 2;

/// WAL directories of a server, as they were listed the last time.
pub(super) type KnownWalDirs = BTreeMap<WalDir, Box<WalDirInventory>>;

/// Plan for listing the WAL of one server, whole or without its unchanged WAL directories.
#[derive(Clone, Copy, Debug)]
pub(super) struct WalPlan<'a> {
    /// WAL directories, as they were listed the last time.
    known: &'a KnownWalDirs,
    /// Number of directories in `wals/`, including empty ones.
    directories: u64,
    /// Reasons to list WAL directories again.
    reasons: &'a RelistReasons,
    /// Number of objects on a full page.
    page: u64,
}

impl<'a> WalPlan<'a> {
    /// Creates the plan for a server. `directories` is the number of directories in its `wals/` when
    /// these were last listed.
    pub(super) fn new(
        known: &'a KnownWalDirs,
        directories: Option<usize>,
        reasons: &'a RelistReasons,
        page: usize,
    ) -> Self {
        let directories = count(directories.unwrap_or_default().max(known.len()));
        Self {
            known,
            directories,
            reasons,
            page: count(page).max(1),
        }
    }

    /// Returns whether skipping seems to save at least half of the requests for the whole WAL.
    pub(super) fn is_worth_skipping(self) -> bool {
        self.saved_requests() > 0
    }

    /// Returns the number of requests that skipping saves if it saves at least half of those for the
    /// whole WAL; otherwise 0.
    fn saved_requests(self) -> u64 {
        let whole = self.requests_for_all();
        let skipping = REQUESTS_PER_SERVER + self.requests_when_skipping();
        if whole > 2 * skipping {
            whole - skipping
        } else {
            0
        }
    }

    /// Returns whether skipping still takes fewer requests than listing the whole WAL, once
    /// everything before `wals/` is listed.
    pub(super) fn is_still_worth_skipping(self) -> bool {
        1 + self.requests_when_skipping() < self.requests_for_all()
    }

    /// Returns the number of requests that list all WAL directories.
    fn requests_for_all(self) -> u64 {
        self.objects(self.known.keys()) / self.page
    }

    /// Returns the number of requests for the WAL directories that are listed again if none was
    /// added or deleted, and for every page of directories but the first.
    fn requests_when_skipping(self) -> u64 {
        let present: BTreeSet<WalDir> = self.known.keys().copied().collect();
        let chosen = self.wal_dirs_to_list(&present);
        let mut requests = self.directories / self.page;
        for group in Group::divide(&present, &chosen) {
            if group.is_chosen {
                requests += self.pages(group.wal_dirs.iter());
            }
        }
        requests
    }

    /// Returns the number of requests that list neighbouring WAL directories.
    fn pages<'l>(self, wal_dirs: impl Iterator<Item = &'l WalDir>) -> u64 {
        self.objects(wal_dirs).div_ceil(self.page).max(1)
    }

    /// Returns the number of objects in WAL directories that are known; others count as empty.
    fn objects<'l>(self, wal_dirs: impl Iterator<Item = &'l WalDir>) -> u64 {
        let mut objects = 0;
        for wal_dir in wal_dirs {
            objects += self
                .known
                .get(wal_dir)
                .map_or(0, |known| known.usage.sums.objects);
        }
        objects
    }

    /// Returns those of the present WAL directories that are listed again.
    ///
    /// These are the ones that [can have changed](can_have_changed), and unchanged ones between two
    /// of them where one request lists all, which would otherwise take two.
    pub(super) fn wal_dirs_to_list(self, present: &BTreeSet<WalDir>) -> BTreeSet<WalDir> {
        let mut chosen = can_have_changed(present, self.known, self.reasons);
        let groups = Group::divide(present, &chosen);
        for neighbours in groups.windows(3) {
            let [before, gap, next] = neighbours else {
                continue;
            };
            if gap.is_chosen {
                continue;
            }
            let apart = self.pages(before.wal_dirs.iter()) + self.pages(next.wal_dirs.iter());
            let all = before
                .wal_dirs
                .iter()
                .chain(&gap.wal_dirs)
                .chain(&next.wal_dirs);
            if self.pages(all) < apart {
                chosen.extend(gap.wal_dirs.iter().copied());
            }
        }
        chosen
    }
}

/// Consecutive WAL directories that are all chosen, or all not.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// WAL directories in order; at least one.
    pub(super) wal_dirs: Vec<WalDir>,
    /// True if they are chosen.
    pub(super) is_chosen: bool,
}

impl Group {
    /// Divides all WAL directories of a server into groups, which are chosen in turn.
    pub(super) fn divide(present: &BTreeSet<WalDir>, chosen: &BTreeSet<WalDir>) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for wal_dir in present {
            let is_chosen = chosen.contains(wal_dir);
            match groups.last_mut() {
                Some(group) if group.is_chosen == is_chosen => group.wal_dirs.push(*wal_dir),
                Some(_) | None => groups.push(Self {
                    wal_dirs: vec![*wal_dir],
                    is_chosen,
                }),
            }
        }
        groups
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Returns whether a rescan takes fewer requests than listing everything: skipping must save more
/// than finding the directories of the servers takes.
pub(super) fn saves_requests<'a>(
    plans: impl ExactSizeIterator<Item = WalPlan<'a>>,
    page: usize,
) -> bool {
    let to_find_servers = plans.len().div_ceil(page.max(1)).max(1);
    let saved: u64 = plans.map(WalPlan::saved_requests).sum();
    saved > count(to_find_servers)
}

/// Returns the present WAL directories that can have changed: new ones, those with a reason, those
/// of each timeline that are or were open, and the ends of each run, where retention begins and
/// ends to delete.
fn can_have_changed(
    present: &BTreeSet<WalDir>,
    known: &KnownWalDirs,
    reasons: &RelistReasons,
) -> BTreeSet<WalDir> {
    let mut changed = BTreeSet::new();
    // Empty directories may be listed, too: runs consist of those that held something.
    let mut held = Vec::new();
    for wal_dir in present {
        if known.contains_key(wal_dir) {
            held.push(*wal_dir);
        }
        if !known.contains_key(wal_dir) || reasons.apply_to(*wal_dir) {
            changed.insert(*wal_dir);
        }
    }
    changed.extend(open_wal_dirs(present, known));
    for run in held.chunk_by(|wal_dir, next| is_next(*wal_dir, *next)) {
        changed.extend(run.first());
        changed.extend(run.last());
    }
    changed
}

/// Returns the WAL directories of each timeline that are open now, and those that were open when
/// they were known: these have been written to since, whatever came after them.
fn open_wal_dirs(present: &BTreeSet<WalDir>, known: &KnownWalDirs) -> BTreeSet<WalDir> {
    let all: Vec<WalDir> = present.iter().copied().collect();
    let mut open = BTreeSet::new();
    for timeline in all.chunk_by(|wal_dir, next| wal_dir.timeline == next.timeline) {
        let newest_first = timeline.iter().rev();
        let known = newest_first
            .clone()
            .filter(|wal_dir| known.contains_key(wal_dir));
        open.extend(known.take(OPEN_WAL_DIRS));
        open.extend(newest_first.take(OPEN_WAL_DIRS));
    }
    open
}

/// Returns whether a WAL directory comes directly after another.
fn is_next(wal_dir: WalDir, next: WalDir) -> bool {
    wal_dir.timeline == next.timeline && wal_dir.high.checked_add(1) == Some(next.high)
}

/// Returns the nearest WAL directories on either side of ones that have lost something.
pub(super) fn neighbours(
    present: &BTreeSet<WalDir>,
    lost: &BTreeSet<WalDir>,
    count: usize,
) -> BTreeSet<WalDir> {
    let mut found = BTreeSet::new();
    for wal_dir in lost {
        found.extend(present.range(..*wal_dir).rev().take(count));
        found.extend(present.range(*wal_dir..).skip(1).take(count));
    }
    found
}

/// Returns whether a WAL directory has lost something since it was known. `now` is `None` if it is
/// gone, which counts as lost.
pub(super) fn has_lost(known: &WalDirInventory, now: Option<&WalDirInventory>) -> bool {
    let Some(now) = now else { return true };
    for run in known.segments.iter() {
        if now.segments.first_missing(run.first, run.last).is_some() {
            return true;
        }
    }
    now.usage.sums.objects < known.usage.sums.objects
}

#[cfg(test)]
mod tests {
    use barman_archive::postgres::TimelineId;

    use super::*;

    fn wal_dir(timeline: u32, high: u32) -> WalDir {
        WalDir {
            timeline: TimelineId(timeline),
            high,
        }
    }

    fn wal_dirs(names: &[(u32, u32)]) -> BTreeSet<WalDir> {
        names
            .iter()
            .map(|(timeline, number)| wal_dir(*timeline, *number))
            .collect()
    }

    fn known(names: &BTreeSet<WalDir>) -> KnownWalDirs {
        names.iter().map(|name| (*name, Box::default())).collect()
    }

    #[test]
    fn new_open_and_outermost_wal_dirs_are_listed_again() {
        let present: BTreeSet<_> = (0..9).map(|number| wal_dir(1, number)).collect();

        let chosen = can_have_changed(&present, &known(&present), &RelistReasons::default());
        assert_eq!(chosen, wal_dirs(&[(1, 0), (1, 7), (1, 8)]));
        let fewer = present
            .iter()
            .copied()
            .filter(|wal_dir| wal_dir.high != 4)
            .collect();
        let chosen = can_have_changed(&present, &known(&fewer), &RelistReasons::default());
        assert_eq!(
            chosen,
            wal_dirs(&[(1, 0), (1, 3), (1, 4), (1, 5), (1, 7), (1, 8)])
        );
    }

    #[test]
    fn holes_have_edges() {
        let present: BTreeSet<_> = [0, 1, 2, 6, 7, 8, 9]
            .into_iter()
            .map(|number| wal_dir(1, number))
            .collect();

        let chosen = can_have_changed(&present, &known(&present), &RelistReasons::default());

        assert_eq!(chosen, wal_dirs(&[(1, 0), (1, 2), (1, 6), (1, 8), (1, 9)]));
    }

    #[test]
    fn wal_dirs_with_a_reason_are_listed_again() {
        let present: BTreeSet<_> = (0..9).map(|number| wal_dir(2, number)).collect();
        let reasons = RelistReasons {
            wal_dirs: wal_dirs(&[(2, 5)]),
            up_to: Some(wal_dir(2, 2)),
        };

        let chosen = can_have_changed(&present, &known(&present), &reasons);

        assert_eq!(
            chosen,
            wal_dirs(&[(2, 0), (2, 1), (2, 2), (2, 5), (2, 7), (2, 8)])
        );
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
        let present: BTreeSet<_> = (0..20).map(|number| wal_dir(1, number)).collect();
        let chosen = |objects, reasons: &[u32]| {
            let wal_dirs = reasons.iter().map(|number| wal_dir(1, *number)).collect();
            let known = known_with_objects(&present, objects);
            let reasons = RelistReasons {
                wal_dirs,
                ..RelistReasons::default()
            };
            let chosen = WalPlan::new(&known, None, &reasons, 1000).wal_dirs_to_list(&present);
            chosen.into_iter().map(|name| name.high).collect::<Vec<_>>()
        };

        assert_eq!(chosen(250, &[]), [0, 18, 19]);
        assert_eq!(chosen(250, &[3]), [0, 1, 2, 3, 18, 19]);
        // Two requests go through five WAL directories as well as through the first and the last alone.
        assert_eq!(chosen(250, &[4]), [0, 4, 18, 19]);
        assert_eq!(chosen(50, &[]), (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn what_retention_deletes_counts_among_the_requests() {
        let all: BTreeSet<_> = (0..100).map(|number| wal_dir(1, number)).collect();
        let known = known_with_objects(&all, 256);
        let up_to = |number| RelistReasons {
            up_to: Some(wal_dir(1, number)),
            ..RelistReasons::default()
        };

        let worth = [
            &RelistReasons::default(),
            &up_to(20),
            &up_to(50),
            &up_to(90),
        ]
        .map(|reasons| {
            let plan = WalPlan::new(&known, None, reasons, 1000);
            (plan.is_worth_skipping(), plan.is_still_worth_skipping())
        });

        assert_eq!(
            worth,
            [(true, true), (true, true), (false, true), (false, false)]
        );
        let reasons = RelistReasons::default();
        let with_empty_ones = WalPlan::new(&known, Some(30_000), &reasons, 1000);
        assert!(!with_empty_ones.is_worth_skipping());
    }
}
