//! The report on one server.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::barman::KeepTarget;
use barman_archive::inventory::{Sums, Usage};
use barman_archive::recovery::{BackupVerdict, Verdict};
use chrono::{DateTime, Utc};

use super::{
    BackupReport, BackupState, ContentsReport, ReclaimReason, RecoveryReport, Refusals,
    RefusedKind, RetentionReport, ScheduleReport, WalReport,
};

/// Result of one scan for one server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerReport {
    /// True if the server should exist.
    pub is_expected: bool,
    /// True if a directory with content of a server exists.
    pub is_found: bool,
    /// All objects in its directory.
    pub usage: Usage,
    /// All objects below its `base/`.
    pub base: Sums,
    /// Backups of the server, by id.
    pub backups: Vec<BackupReport>,
    /// True if every keep annotation could be read.
    pub keeps_are_known: bool,
    /// Small files that the store does not give out.
    pub refusals: Refusals,
    /// WAL of the server.
    pub wal: WalReport,
    /// Recoverability: which backups can be restored, and to when.
    pub recovery: RecoveryReport,
    /// Minimum number of backups that Barman is configured to leave; `None` if not configured.
    pub minimum_redundancy: Option<u32>,
    /// Effect of the retention policy on its backups; `None` without a policy.
    pub retention: Option<RetentionReport>,
    /// Backups of the server compared with their schedule; `None` without a schedule.
    pub schedule: Option<ScheduleReport>,
    /// Contents of its objects, as far as they were read; `None` if they are not verified.
    pub contents: Option<ContentsReport>,
    /// Bytes that nobody needs, by reason, as far as known.
    pub reclaimable: BTreeMap<ReclaimReason, u64>,
}

/// Cluster that a backup was taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostgresqlIdentity<'a> {
    /// System identifier of the cluster.
    pub system_identifier: &'a str,
    /// PostgreSQL version, such as `15.18`; `None` if not stated.
    pub version: Option<&'a str>,
}

impl ServerReport {
    /// Finished backups with the time of their end, oldest first.
    #[must_use]
    pub fn done(&self) -> Vec<(DateTime<Utc>, &BackupReport)> {
        let mut done = Vec::new();
        for backup in &self.backups {
            if let Some(ended_at) = backup.done_at() {
                done.push((ended_at, backup));
            }
        }
        // Ids are local times, so their order can differ from that of the ends.
        done.sort_by_key(|(ended_at, _)| *ended_at);
        done
    }

    /// Finished backup that ended last; `None` without one.
    #[must_use]
    pub fn newest_done(&self) -> Option<&BackupReport> {
        self.backups
            .iter()
            .max_by_key(|backup| backup.done_at())
            .filter(|b| b.done_at().is_some())
    }

    /// Moment since which the newest finished backup has been waiting for its own WAL; `None` if it
    /// has it.
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

    /// Verdict on the newest finished backup.
    #[must_use]
    pub fn newest_verdict(&self) -> Option<&BackupVerdict> {
        self.recovery.verdict.backups.get(&self.newest_done()?.id)
    }

    /// Returns whether the newest finished backup can be restored and replayed to the newest WAL;
    /// false without one. `None` if a file that cannot be read may say otherwise.
    #[must_use]
    pub fn newest_is_recoverable(&self) -> Option<bool> {
        let Some(newest) = self.newest_verdict() else {
            return self.recovery.all_are_known.then_some(false);
        };
        let is_recoverable = newest.thawed == Verdict::Recoverable;
        let is_certain = self.newest_is_known() && self.is_certain(newest);
        (is_recoverable || is_certain).then_some(is_recoverable)
    }

    /// Earliest moment from which every later one can be restored; `None` without a backup that can
    /// be restored to the newest WAL.
    #[must_use]
    pub fn recovery_window_start(&self) -> Option<DateTime<Utc>> {
        // The backups come in the order of their ends.
        for (ended_at, backup) in self.done() {
            let Some(verdict) = self.recovery.verdict.backups.get(&backup.id) else {
                continue;
            };
            let is_of_newest_cluster = self.recovery.of_newest_cluster.contains(&backup.id);
            if verdict.thawed == Verdict::Recoverable && is_of_newest_cluster {
                return Some(ended_at);
            }
        }
        None
    }

    /// Latest moment that can be restored; `None` whenever the window has no start.
    #[must_use]
    pub fn recovery_window_end(&self) -> Option<DateTime<Utc>> {
        self.recovery_window_start()?;
        self.recovery.newest_at
    }

    /// Last commit in the newest WAL, by the clock of the database; `None` whenever the window has no
    /// end, and if that WAL was not read as a whole.
    #[must_use]
    pub fn recovery_window_last_commit_at(&self) -> Option<DateTime<Utc>> {
        let end = self.recovery_window_end()?;
        let newest_at = self.wal.newest?.arrived_at;
        let committed_at = self.contents.as_ref()?.newest_commit_at?;
        (newest_at == end).then_some(committed_at)
    }

    /// Running backup that started last.
    #[must_use]
    pub fn newest_running(&self) -> Option<&BackupReport> {
        self.newest_begun(BackupState::Running)
    }

    /// Failed backup that started last.
    #[must_use]
    pub fn newest_failed(&self) -> Option<&BackupReport> {
        self.newest_begun(BackupState::Failed)
    }

    fn newest_begun(&self, state: BackupState) -> Option<&BackupReport> {
        let in_state = self.backups.iter().filter(|backup| backup.state == state);
        in_state.max_by_key(|backup| backup.began_at)
    }

    /// Number of backups kept for this target; `None` if an annotation could not be read.
    #[must_use]
    pub fn kept(&self, target: KeepTarget) -> Option<usize> {
        let kept = self
            .backups
            .iter()
            .filter(|backup| backup.keep == Some(target))
            .count();
        self.keeps_are_known.then_some(kept)
    }

    /// Number of backups with a time that does not state its time zone; `None` if none of the
    /// readable backups has one and others cannot be read.
    #[must_use]
    pub fn without_time_zone(&self) -> Option<usize> {
        let infos = self
            .backups
            .iter()
            .filter_map(|backup| backup.info.as_ref());
        self.known_count(infos.filter(|info| info.has_naive_times).count())
    }

    /// Returns a count of backups that is based on their `backup.info`; `None` if it is 0 and a
    /// `backup.info` is refused.
    #[must_use]
    pub fn known_count(&self, count: usize) -> Option<usize> {
        (count > 0 || !self.refusals.has(RefusedKind::BackupInfo)).then_some(count)
    }

    /// Number of backups that can be restored and replayed to the newest WAL; `None` if none of the
    /// readable backups can and others cannot be read.
    #[must_use]
    pub fn recoverable(&self) -> Option<usize> {
        let count = self.recovery.recoverable();
        (count > 0 || self.recovery.all_are_known).then_some(count)
    }

    /// Number of timelines with WAL or backups that do not have a readable history file; `None` if
    /// none is known to be missing and one is refused.
    #[must_use]
    pub fn histories_missing(&self) -> Option<usize> {
        let count = self.recovery.histories_missing.len();
        (count > 0 || !self.refusals.has(RefusedKind::History)).then_some(count)
    }

    /// Cluster and version that the newest finished backup was taken of, as stated in its
    /// `backup.info`.
    #[must_use]
    pub fn postgresql(&self) -> Option<PostgresqlIdentity<'_>> {
        let info = self.newest_known_done()?.info.as_ref()?;
        Some(PostgresqlIdentity {
            system_identifier: info.system_identifier.as_deref()?,
            version: info.postgresql_version.as_deref(),
        })
    }

    /// Number of finished backups that should exist: the larger of the policy's minimum and the
    /// minimum that Barman is configured to leave; `None` if neither is configured.
    #[must_use]
    pub fn required_backups(&self) -> Option<u32> {
        let by_policy = self
            .retention
            .as_ref()
            .map(|retention| retention.policy.least_backups());
        by_policy.max(self.minimum_redundancy)
    }

    /// System identifiers of the clusters that its backups were taken of. More than one means that
    /// several databases share the server.
    #[must_use]
    pub fn system_identifiers(&self) -> BTreeSet<&str> {
        let mut identifiers = BTreeSet::new();
        for backup in &self.backups {
            let Some(info) = &backup.info else { continue };
            identifiers.extend(info.system_identifier.as_deref());
        }
        identifiers
    }

    /// Size of the newest finished backup divided by the median size of the earlier ones.
    ///
    /// An empty database that replaced the right one passes every freshness check. `None` without
    /// sizes, if the median of the earlier sizes is zero, and if a newer backup cannot be read.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a ratio needs no 53 bits")]
    pub fn size_change_ratio(&self) -> Option<f64> {
        self.newest_known_done()?;
        let done = self.done();
        let ((_, newest), before) = done.split_last()?;
        let mut sizes: Vec<u64> = before
            .iter()
            .filter_map(|(_, backup)| backup.cluster_size_bytes())
            .collect();
        sizes.sort_unstable();
        let upper = *sizes.get(sizes.len() / 2)?;
        let lower = *sizes.get((sizes.len() - 1) / 2)?;
        let median = f64::midpoint(lower as f64, upper as f64);
        let newest = newest.cluster_size_bytes()? as f64;
        (median > 0.0).then_some(newest / median)
    }
}
