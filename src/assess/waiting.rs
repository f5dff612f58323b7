//! Contents that wait to be read for the first time, and the time by which that should have happened.
//!
//! `docs/specification.md`, 22.9.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::postgres::WalDir;
use chrono::{DateTime, TimeDelta, Utc};

use super::ContentsExpectation;
use super::contents::Contents;
use super::targets::{BackupTarget, DirTarget, ServerTargets};
use crate::evidence::{
    BackupEvidence, ContentVerdict, Depth, Level, SegmentEvidence, ServerEvidence, WalFile,
};
use crate::report::{BUDGET_DAYS, ServerReport};

/// Time for which something may wait before the budget and the hours are asked: a job that fails is tried
/// again within half an hour, and the data of a backup may wait a day for its WAL.
const PATIENCE: TimeDelta = TimeDelta::days(1);

/// What waits of a server.
pub(super) struct Waiting<'a> {
    pub(super) targets: &'a ServerTargets,
    pub(super) contents: Contents<'a>,
    pub(super) most_bytes: Option<u64>,
}

impl Waiting<'_> {
    /// Arrival of what waits, of those that arrived first; `None` if nothing waits, or it is not known
    /// since when.
    ///
    /// What is cold, cannot be judged or is larger than the budget ever is does not wait.
    pub(super) fn arrived_at(&self) -> Option<DateTime<Utc>> {
        let dirs = self.targets.dirs.iter();
        let of_wal = dirs.filter_map(|(wal_dir, target)| self.of_dir(*wal_dir, target));
        let backups = self.targets.backups.iter();
        let of_backups = backups.filter_map(|backup| {
            let arrived_at = backup.data.arrived_at.unwrap_or(backup.ended_at);
            self.waits(backup)
                .then_some(arrived_at.max(backup.ended_at))
        });
        of_wal.chain(of_backups).min()
    }

    /// Arrival of the first file of a WAL directory that waits. Those behind it came later, as a rule.
    fn of_dir(&self, wal_dir: WalDir, target: &DirTarget) -> Option<DateTime<Utc>> {
        let average = target.bytes / target.segments.count().max(1);
        if !self.is_affordable(average) {
            return None;
        }
        let inventory = self.contents.directory.wal.dirs.get(&wal_dir)?;
        let (_, latest_at) = inventory.arrivals?;
        let settled = self.settled(wal_dir);
        let lows = target.segments.iter().flat_map(|run| run.first..=run.last);
        let mut lows = lows.filter_map(|low| u32::try_from(low).ok());
        if let Some(low) = lows.find(|low| !settled.contains(&WalFile::whole(*low))) {
            return Some(inventory.arrived_at(low).unwrap_or(latest_at));
        }
        let mut partials = target.partials.iter();
        let waits = partials.any(|low| {
            !settled.contains(&WalFile {
                low: *low,
                is_partial: true,
            })
        });
        waits.then_some(latest_at)
    }

    /// Files of a WAL directory that do not wait.
    fn settled(&self, wal_dir: WalDir) -> BTreeSet<WalFile> {
        let known = self.contents.files(wal_dir);
        let settled = known.filter(|known| self.is_settled(known));
        settled.map(|known| known.file).collect()
    }

    fn is_settled(&self, known: &SegmentEvidence) -> bool {
        let is_faulty = known.verdict != ContentVerdict::Sound;
        self.targets.level < Level::Wal
            || known.depth == Depth::Whole
            || known.verdict == ContentVerdict::Unreadable
            || (known.file.is_partial && is_faulty)
    }

    fn waits(&self, backup: &BackupTarget) -> bool {
        let evidence = self.contents.evidence;
        let known = evidence.backup(&backup.id, backup.stamp());
        if self.targets.level < Level::Full {
            return backup.is_read_at_once && known.is_none();
        }
        let is_settled = |known: &BackupEvidence| {
            known.depth == Depth::Whole || known.verdict == ContentVerdict::Unreadable
        };
        backup.is_read_at_once
            && self.is_affordable(self.targets.read_bytes(backup))
            && !known.is_some_and(is_settled)
    }

    fn is_affordable(&self, bytes: u64) -> bool {
        self.most_bytes.is_none_or(|most| bytes <= most)
    }
}

/// Time of the newest evidence about a server that is a judgement.
pub(super) fn last_read_at(evidence: &ServerEvidence) -> Option<DateTime<Utc>> {
    let files = evidence.wal.dirs().flat_map(|(_, dir)| dir.files());
    let of_wal = files
        .filter(|known| known.verdict != ContentVerdict::Unreadable)
        .map(SegmentEvidence::read_at);
    let of_backups = evidence
        .backups
        .values()
        .filter(|known| known.verdict != ContentVerdict::Unreadable)
        .map(|known| known.read_at);
    of_wal.chain(of_backups).max()
}

/// Sets the time by which more should have been read of each server. The budget is that of the archive, so
/// what waits of one server may wait for the others.
pub(super) fn set_due(
    servers: &mut BTreeMap<String, ServerReport>,
    expected: &ContentsExpectation,
) {
    let contents = servers
        .values()
        .filter_map(|server| server.contents.as_ref());
    let backlog_bytes = contents.fold(0, |sum: u64, contents| {
        sum.saturating_add(contents.backlog_bytes)
    });
    let budget_time = time_of(backlog_bytes, expected.most_bytes);
    for server in servers.values_mut() {
        let Some(contents) = &mut server.contents else {
            continue;
        };
        contents.due_at = contents.waits_since.and_then(|since| {
            let allowed_at = since
                .checked_add_signed(PATIENCE)?
                .checked_add_signed(budget_time?)?;
            expected.hours.next_from(allowed_at)
        });
    }
}

/// Time that the budget takes for this many bytes, if it is spent; `None` if it never is enough.
fn time_of(bytes: u64, most_bytes: Option<u64>) -> Option<TimeDelta> {
    let Some(most_bytes) = most_bytes else {
        return Some(TimeDelta::zero());
    };
    let week = BUDGET_DAYS * 24 * 60 * 60;
    let seconds = u128::from(bytes) * u128::from(week);
    let seconds = seconds.checked_div(u128::from(most_bytes))?;
    TimeDelta::try_seconds(i64::try_from(seconds).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::AllowedHours;
    use crate::report::ContentsReport;

    fn day(number: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(number)
    }

    /// Server of which something has waited since day 10.
    fn waiting(backlog_bytes: u64) -> ServerReport {
        ServerReport {
            contents: Some(ContentsReport {
                backlog_bytes,
                waits_since: Some(day(10)),
                ..ContentsReport::default()
            }),
            ..ServerReport::default()
        }
    }

    /// Time by which more should have been read of the first of these servers.
    fn due_at(servers: &[ServerReport], expected: &ContentsExpectation) -> Option<DateTime<Utc>> {
        let servers = servers.iter().zip(0..);
        let mut servers: BTreeMap<_, _> = servers
            .map(|(server, number)| (number.to_string(), server.clone()))
            .collect();
        set_due(&mut servers, expected);
        servers["0"].contents.as_ref().unwrap().due_at
    }

    fn of_budget(most_bytes: u64) -> ContentsExpectation {
        ContentsExpectation {
            most_bytes: Some(most_bytes),
            ..ContentsExpectation::default()
        }
    }

    #[test]
    fn without_a_budget_a_read_is_due_after_a_day() {
        let unlimited = ContentsExpectation::default();

        assert_eq!(due_at(&[waiting(u64::MAX)], &unlimited), Some(day(11)));
        let mut idle = waiting(0);
        idle.contents.as_mut().unwrap().waits_since = None;
        assert_eq!(due_at(&[idle], &unlimited), None);
    }

    #[test]
    fn the_backlog_of_the_archive_takes_its_time() {
        let server = waiting(300);

        let alone = due_at(std::slice::from_ref(&server), &of_budget(700));
        let with_others = due_at(&[server, waiting(200), waiting(100)], &of_budget(700));

        assert_eq!(alone, Some(day(14)));
        assert_eq!(with_others, Some(day(17)));
    }

    #[test]
    fn a_read_is_due_within_the_hours() {
        let on_day_20 = ContentsExpectation {
            hours: AllowedHours::of(|from| (from <= day(20)).then_some(day(20))),
            ..ContentsExpectation::default()
        };
        let never = ContentsExpectation {
            hours: AllowedHours::of(|_| None),
            ..ContentsExpectation::default()
        };

        assert_eq!(due_at(&[waiting(0)], &on_day_20), Some(day(20)));
        assert_eq!(due_at(&[waiting(0)], &never), None);
    }

    #[test]
    fn no_backlog_takes_longer_than_times_can_say() {
        assert_eq!(due_at(&[waiting(u64::MAX)], &of_budget(1)), None);
        assert_eq!(due_at(&[waiting(5)], &of_budget(0)), None);
        assert_eq!(time_of(u64::MAX, Some(u64::MAX)), Some(TimeDelta::days(7)));
    }
}
