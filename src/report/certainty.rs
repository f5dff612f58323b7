//! Values of a server's report that hold although some of its files cannot be read.

use barman_archive::inventory::UnreadableReason;
use barman_archive::postgres::TimelineId;
use barman_archive::recovery::{BackupVerdict, Obstacle, Verdict};
use chrono::{DateTime, Utc};

use super::{BackupReport, BackupState, RefusedKind, ServerReport};
use crate::evidence::Level;

impl ServerReport {
    /// Returns whether the newest finished backup that could be read is the newest one that exists:
    /// no refused `backup.info` was written after its end.
    #[must_use]
    pub fn newest_is_known(&self) -> bool {
        let newest = self.newest_done().and_then(BackupReport::done_at);
        !self.refused_since(newest)
    }

    /// Returns whether a `backup.info` is refused whose backup may have ended, or started, after
    /// this moment; without a moment, whether any `backup.info` is refused.
    #[must_use]
    pub fn refused_since(&self, at: Option<DateTime<Utc>>) -> bool {
        self.refusals
            .newest_backup_at()
            .is_some_and(|refused| at.is_none_or(|at| refused > at))
    }

    /// Returns whether a `backup.info` is invalid, so that Barman cannot read it either.
    #[must_use]
    pub fn has_unreadable(&self) -> bool {
        self.backups.iter().any(|backup| match backup.state {
            BackupState::Unreadable(reason) => reason != UnreadableReason::Access,
            BackupState::Done
            | BackupState::Failed
            | BackupState::Running
            | BackupState::Incomplete => false,
        })
    }

    /// Finished backup that ended last; `None` without one, and if an unreadable backup may have
    /// ended later.
    #[must_use]
    pub fn newest_known_done(&self) -> Option<&BackupReport> {
        self.newest_done().filter(|_| self.newest_is_known())
    }

    /// Number of finished backups that no target restores; `None` if this applies to none of the
    /// readable backups and others cannot be read, or if a refused history file decides.
    #[must_use]
    pub fn broken(&self) -> Option<usize> {
        let mut count = 0;
        for verdict in self.recovery.verdict.backups.values() {
            if matches!(verdict.verdict, Verdict::Broken(_)) && self.is_certain(verdict) {
                count += 1;
            }
        }
        (count > 0 || self.recovery.all_are_known).then_some(count)
    }

    /// Number of finished backups that have to wait for cold storage; `None` if none of the
    /// readable backups has to wait and others cannot be read.
    #[must_use]
    pub fn blocked(&self) -> Option<usize> {
        let count = self.recovery.blocked();
        (count > 0 || self.recovery.all_are_known).then_some(count)
    }

    /// Returns whether the newest WAL is on a timeline that no backup reaches; `None` if a file
    /// that cannot be read may say otherwise.
    #[must_use]
    pub fn newest_wal_is_unreached(&self) -> Option<bool> {
        let is_unreached = self.recovery.verdict.unreached_timeline.is_some();
        let is_known = self.refusals.kinds.is_empty();
        is_known.then_some(is_unreached)
    }

    /// Returns whether Barman's retention ends with an error; `None` without a policy, and if a
    /// refused file may say otherwise.
    #[must_use]
    pub fn retention_fails(&self) -> Option<bool> {
        let fails = self.retention.as_ref()?.failure.is_some();
        (fails || self.refusals.kinds.is_empty()).then_some(fails)
    }

    /// End of the oldest finished backup; `None` without one, and if an unreadable backup may be
    /// older.
    #[must_use]
    pub fn oldest_known_done_at(&self) -> Option<DateTime<Utc>> {
        let oldest = self.done().first().map(|(ended_at, _)| *ended_at);
        oldest.filter(|_| !self.refused_since(None))
    }

    /// Time since which something waits that is not proven to be recoverable: the arrival of the first
    /// WAL behind the proof, or that of the proof's last segment if the other is not known any more;
    /// without a proof, the end of the oldest finished backup. `None` if nothing waits or it is not
    /// known, and below the level `full`, which alone proves something.
    #[must_use]
    pub fn unproven_since(&self) -> Option<DateTime<Utc>> {
        let contents = self.contents.as_ref()?;
        if contents.level < Level::Full {
            return None;
        }
        let Some(proof) = contents.proof else {
            return self.oldest_known_done_at();
        };
        let arrived_at = proof.arrived_at?;
        let newest_at = self.wal.newest?.arrived_at;
        let waits_since = proof.next_arrived_at.unwrap_or(arrived_at);
        (newest_at > arrived_at).then_some(waits_since)
    }

    /// Returns whether a verdict holds regardless of the content of the refused files. The best
    /// verdict always does.
    #[must_use]
    pub fn is_certain(&self, verdict: &BackupVerdict) -> bool {
        match verdict.thawed {
            Verdict::Recoverable => true,
            Verdict::Consistent(Obstacle::UnknownHistory(_))
            | Verdict::Broken(Obstacle::UnknownHistory(_)) => false,
            Verdict::Consistent(_)
            | Verdict::Blocked(_)
            | Verdict::Waiting(_)
            | Verdict::Broken(_) => !self.refusals.has(RefusedKind::History),
        }
    }

    /// Highest timeline that the newest restorable backup reaches; `None` without one, and if the
    /// history file of a higher timeline is refused.
    #[must_use]
    pub fn current_timeline(&self) -> Option<TimelineId> {
        let current = self.recovery.verdict.current_timeline?;
        let is_highest = self
            .refusals
            .histories
            .iter()
            .all(|refused| *refused <= current);
        is_highest.then_some(current)
    }

    /// Returns whether a restore of the newest finished backup with `PostgreSQL`'s default target
    /// timeline reaches the newest WAL; `None` if unknown.
    #[must_use]
    pub fn newest_is_recoverable_by_default(&self) -> Option<bool> {
        let is_recoverable = self.newest_is_recoverable()?;
        let works = self
            .newest_verdict()
            .is_none_or(|verdict| verdict.default_target_works);
        let has_history = self.refusals.has(RefusedKind::History);
        let is_certain = works || !has_history && self.newest_is_known();
        (!is_recoverable || is_certain).then_some(is_recoverable && works)
    }
}
