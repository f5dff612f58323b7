//! The report on one server.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::barman::KeepTarget;
use crate::inventory::{Intervals, SomeNames, Stock, Sums, WalObjectKind};
use crate::postgres::TimelineId;
use crate::recovery::{BackupVerdict, Verdict};

use super::{
    BackupReport, BackupState, NewestSegment, ReclaimReason, RecoveryReport, Refusals, RefusedKind,
    RetentionReport, ScheduleReport, TimelineWal,
};

/// What one scan found of one server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerReport {
    /// Whether the server is one that should be there.
    pub is_expected: bool,
    /// Whether it has a directory with anything of a server's in it.
    pub is_found: bool,
    /// Everything in its directory.
    pub stock: Stock,
    /// Everything below its `base/`.
    pub base: Sums,
    /// Its backups, by id.
    pub backups: Vec<BackupReport>,
    /// Whether every keep annotation could be read.
    pub keeps_are_known: bool,
    /// Files that the store does not give out.
    pub refusals: Refusals,
    /// Its WAL.
    pub wal: WalReport,
    /// What can be restored, and to when.
    pub recovery: RecoveryReport,
    /// How many backups Barman is told to leave at the least; `None` where that is not configured.
    pub minimum_redundancy: Option<u32>,
    /// What its retention policy makes of its backups; `None` without one.
    pub retention: Option<RetentionReport>,
    /// How its backups keep to their schedule; `None` without one.
    pub schedule: Option<ScheduleReport>,
    /// Bytes that nobody needs, by reason, as far as that is known.
    pub reclaimable: BTreeMap<ReclaimReason, u64>,
}

/// What one scan found of a server's WAL.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WalReport {
    /// Whole segments, by timeline.
    pub timelines: BTreeMap<TimelineId, TimelineWal>,
    /// Everything below `wals/`, by what it is; a kind without objects may be missing.
    pub objects: BTreeMap<WalObjectKind, Sums>,
    /// The newest segment by its position; `None` without any.
    pub newest: Option<NewestSegment>,
    /// Time from one arrival to the next.
    pub intervals: Intervals,
    /// What is odd, by kind; a kind that could not be judged is missing.
    pub anomalies: BTreeMap<WalAnomaly, u64>,
    /// Names of a few of what is odd: segments, or keys from the bucket's root. A kind without any, and
    /// that of timelines, is missing.
    pub odd: BTreeMap<WalAnomaly, SomeNames>,
}

/// What is odd about WAL, as `barman_cloud_wal_anomalies` counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WalAnomaly {
    /// A segment of a size that it cannot have, or beyond the last one of its log.
    Size,
    /// An object beyond the first of its segment.
    Duplicate,
    /// A WAL file where nothing looks for it.
    Misplaced,
    /// A segment that was uploaded once more.
    Overwritten,
    /// An object that is no WAL file.
    Foreign,
    /// A timeline that a restored copy may have written.
    StrayTimeline,
}

impl WalAnomaly {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::Size,
        Self::Duplicate,
        Self::Misplaced,
        Self::Overwritten,
        Self::Foreign,
        Self::StrayTimeline,
    ];

    /// The kind as the value of a label.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Duplicate => "duplicate",
            Self::Misplaced => "misplaced",
            Self::Overwritten => "overwritten",
            Self::Foreign => "foreign",
            Self::StrayTimeline => "stray_timeline",
        }
    }
}

/// The cluster that a backup was taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostgresqlIdentity<'a> {
    /// Its system identifier.
    pub system_identifier: &'a str,
    /// Its version, such as `15.18`; `None` where that is not said.
    pub version: Option<&'a str>,
}

impl ServerReport {
    /// The finished backups with the time of their end, oldest first.
    #[must_use]
    pub fn done(&self) -> Vec<(DateTime<Utc>, &BackupReport)> {
        let mut done: Vec<_> =
            self.backups.iter().filter_map(|backup| Some((backup.done_at()?, backup))).collect();
        // Ids are local times and need not be in the order of the times.
        done.sort_by_key(|(ended_at, _)| *ended_at);
        done
    }

    /// The finished backup that ended last.
    #[must_use]
    pub fn newest_done(&self) -> Option<&BackupReport> {
        self.backups.iter().max_by_key(|backup| backup.done_at()).filter(|b| b.done_at().is_some())
    }

    /// Since when the newest finished backup has waited for its own WAL; `None` if it has it.
    #[must_use]
    pub fn waiting_since(&self) -> Option<DateTime<Utc>> {
        let newest = self.newest_known_done()?;
        match self.recovery.verdict.backups.get(&newest.id)?.verdict {
            Verdict::Waiting(_) if !self.refusals.has(RefusedKind::History) => newest.done_at(),
            Verdict::Recoverable
            | Verdict::Consistent(_)
            | Verdict::Blocked(_)
            | Verdict::Waiting(_)
            | Verdict::Broken(_) => None,
        }
    }

    /// The verdict on the newest finished backup.
    #[must_use]
    pub fn newest_verdict(&self) -> Option<&BackupVerdict> {
        self.recovery.verdict.backups.get(&self.newest_done()?.id)
    }

    /// Whether the newest finished backup can be restored and replayed to the newest WAL; not without
    /// one. `None` where a file that cannot be read may say otherwise.
    #[must_use]
    pub fn newest_is_recoverable(&self) -> Option<bool> {
        let Some(newest) = self.newest_verdict() else {
            return self.recovery.all_are_known.then_some(false);
        };
        let is_recoverable = newest.thawed == Verdict::Recoverable;
        let is_certain = self.newest_is_known() && self.is_certain(newest);
        (is_recoverable || is_certain).then_some(is_recoverable)
    }

    /// The earliest moment from which every later one can be restored; `None` without a backup that
    /// can be restored to the newest WAL.
    #[must_use]
    pub fn recovery_window_start(&self) -> Option<DateTime<Utc>> {
        let of_newest = &self.recovery.of_newest_cluster;
        let recoverable = self.done().into_iter().filter(|(_, backup)| {
            let verdict = self.recovery.verdict.backups.get(&backup.id);
            let is_recoverable = verdict.is_some_and(|one| one.thawed == Verdict::Recoverable);
            is_recoverable && of_newest.contains(&backup.id)
        });
        recoverable.map(|(ended_at, _)| ended_at).min()
    }

    /// The latest moment that can be restored; `None` as for the start.
    #[must_use]
    pub fn recovery_window_end(&self) -> Option<DateTime<Utc>> {
        self.recovery_window_start()?;
        self.recovery.newest_at
    }

    /// The backup under way that began last.
    #[must_use]
    pub fn newest_running(&self) -> Option<&BackupReport> {
        self.newest_begun(BackupState::Running)
    }

    /// The failed backup that began last.
    #[must_use]
    pub fn newest_failed(&self) -> Option<&BackupReport> {
        self.newest_begun(BackupState::Failed)
    }

    fn newest_begun(&self, state: BackupState) -> Option<&BackupReport> {
        let in_state = self.backups.iter().filter(|backup| backup.state == state);
        in_state.max_by_key(|backup| backup.began_at)
    }

    /// How many backups are kept for this target; `None` where an annotation could not be read.
    #[must_use]
    pub fn kept(&self, target: KeepTarget) -> Option<usize> {
        let kept = self.backups.iter().filter(|backup| backup.keep == Some(target)).count();
        self.keeps_are_known.then_some(kept)
    }

    /// How many backups have a time that does not say in which time zone it is; `None` where none of
    /// those that can be read has, and others cannot.
    #[must_use]
    pub fn without_time_zone(&self) -> Option<usize> {
        let infos = self.backups.iter().filter_map(|backup| backup.info.as_ref());
        self.known_count(infos.filter(|info| info.has_naive_times).count())
    }

    /// A count of backups by what their `backup.info` says: 0 is none where one of them is refused.
    #[must_use]
    pub fn known_count(&self, count: usize) -> Option<usize> {
        (count > 0 || !self.refusals.has(RefusedKind::BackupInfo)).then_some(count)
    }

    /// How many backups can be restored and replayed to the newest WAL; `None` where none of those
    /// that can be read is, and others cannot.
    #[must_use]
    pub fn recoverable(&self) -> Option<usize> {
        let count = self.recovery.recoverable();
        (count > 0 || self.recovery.all_are_known).then_some(count)
    }

    /// How many timelines with WAL or backups have no readable history file; `None` where none is
    /// known to be missing, and one is refused.
    #[must_use]
    pub fn histories_missing(&self) -> Option<usize> {
        let count = self.recovery.histories_missing.len();
        (count > 0 || !self.refusals.has(RefusedKind::History)).then_some(count)
    }

    /// The cluster and version that the newest finished backup was taken of, as its `backup.info` says.
    #[must_use]
    pub fn postgresql(&self) -> Option<PostgresqlIdentity<'_>> {
        let info = self.newest_known_done()?.info.as_ref()?;
        Some(PostgresqlIdentity {
            system_identifier: info.system_identifier.as_deref()?,
            version: info.postgresql_version.as_deref(),
        })
    }

    /// How many finished backups there should be: as many as the policy wants at the least, and as
    /// Barman is told to leave; `None` where neither is configured.
    #[must_use]
    pub fn required_backups(&self) -> Option<u32> {
        let by_policy = self.retention.as_ref().map(|one| one.policy.least_backups());
        by_policy.max(self.minimum_redundancy)
    }

    /// The clusters that its backups were taken of. More than one: two databases share it.
    #[must_use]
    pub fn system_identifiers(&self) -> BTreeSet<&str> {
        let infos = self.backups.iter().filter_map(|backup| backup.info.as_ref());
        infos.filter_map(|info| info.system_identifier.as_deref()).collect()
    }

    /// Size of the newest finished backup over the median size of the ones before it.
    ///
    /// An empty database that took the place of the right one passes every test of freshness.
    /// `None` without sizes, with an earlier size of nothing, and where a newer backup cannot be read.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a ratio needs no 53 bits")]
    pub fn size_change_ratio(&self) -> Option<f64> {
        self.newest_known_done()?;
        let done = self.done();
        let ((_, newest), before) = done.split_last()?;
        let mut sizes: Vec<u64> =
            before.iter().filter_map(|(_, backup)| backup.cluster_size_bytes()).collect();
        sizes.sort_unstable();
        let upper = *sizes.get(sizes.len() / 2)?;
        let lower = *sizes.get((sizes.len() - 1) / 2)?;
        let median = f64::midpoint(lower as f64, upper as f64);
        let newest = newest.cluster_size_bytes()? as f64;
        (median > 0.0).then_some(newest / median)
    }
}
