//! Small files of a server whose content is unknown.
//!
//! `docs/specification.md`, 20.2.

use std::collections::BTreeMap;

use barman_archive::inventory::{
    DirectoryInventory, FileReading, SmallFile, SmallFiles, UnreadableReason,
};
use barman_archive::postgres::TimelineId;
use barman_archive::recovery::{BackupVerdict, Obstacle, Verdict};
use chrono::{DateTime, Utc};

use super::{BackupReport, BackupState, RecoveryReport, ServerReport};

/// Small files of a server that the store refuses to return, or that are too large to be read: their
/// content is unknown.
///
/// Causes are a missing permission, an encryption key, a cold storage class, or a limit of the
/// provider. None of them says anything about the backups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// Refused files by kind; kinds without any are missing.
    pub kinds: BTreeMap<RefusedKind, Refused>,
    /// Timelines whose history file is refused.
    histories: Vec<TimelineId>,
}

/// Kind of a refused file, as `barman_cloud_files_refused` counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusedKind {
    /// The `backup.info` of a backup.
    BackupInfo,
    /// The history file of a timeline.
    History,
    /// The keep annotation of a backup.
    Keep,
}

/// Refused files of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Number of files.
    pub count: u64,
    /// Arrival time of the newest of them.
    pub newest_at: DateTime<Utc>,
    /// Key of the newest of them, from the bucket's root.
    pub newest_key: String,
    /// Reason that the store gives for the newest of them, with its error code.
    pub message: String,
}

impl RefusedKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::BackupInfo, Self::History, Self::Keep];

    /// The kind as the value of a label.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::BackupInfo => "backup_info",
            Self::History => "history",
            Self::Keep => "keep",
        }
    }
}

impl Refusals {
    /// Finds the refused files of a server.
    pub(super) fn new(directory: &DirectoryInventory, files: &SmallFiles) -> Self {
        let mut refusals = Self::default();
        for backup in directory.backups.values() {
            refusals.note(RefusedKind::BackupInfo, backup.info.as_ref(), files);
            refusals.note(RefusedKind::Keep, backup.keep.as_ref(), files);
        }
        for (timeline, file) in &directory.wal.beside.histories {
            if refusals.note(RefusedKind::History, Some(file), files) {
                refusals.histories.push(*timeline);
            }
        }
        refusals
    }

    /// Counts a file if it is refused, and returns whether it is.
    fn note(&mut self, kind: RefusedKind, file: Option<&SmallFile>, files: &SmallFiles) -> bool {
        let Some(file) = file else { return false };
        let Some(FileReading::Unreadable {
            reason: UnreadableReason::Access | UnreadableReason::Size,
            message,
        }) = files.reading(file)
        else {
            return false;
        };
        let newest = Refused {
            count: self.count(kind) + 1,
            newest_at: file.object.last_modified,
            newest_key: file.object.key.clone(),
            message: message.clone(),
        };
        let refused = self.kinds.entry(kind).or_insert_with(|| newest.clone());
        refused.count = newest.count;
        if refused.newest_at < newest.newest_at {
            *refused = newest;
        }
        true
    }

    /// Number of the refused files of a kind.
    #[must_use]
    pub fn count(&self, kind: RefusedKind) -> u64 {
        self.kinds.get(&kind).map_or(0, |refused| refused.count)
    }

    /// Returns whether any file of a kind is refused.
    #[must_use]
    pub fn has(&self, kind: RefusedKind) -> bool {
        self.kinds.contains_key(&kind)
    }

    /// Arrival time of the newest refused `backup.info`; `None` without any.
    ///
    /// The backup started and ended before that time: Barman writes the file last.
    #[must_use]
    pub fn newest_backup_at(&self) -> Option<DateTime<Utc>> {
        Some(self.kinds.get(&RefusedKind::BackupInfo)?.newest_at)
    }

    /// Retracts the findings that a refused file would have to confirm: gaps, obsolete WAL, missing
    /// history files.
    ///
    /// The segments that a backup needs depend on the ancestry of the timelines, and on the target
    /// of its keep annotation.
    pub(super) fn restrict(&self, recovery: &mut RecoveryReport) {
        recovery.histories_missing.retain(|timeline| !self.histories.contains(timeline));
        if !self.has(RefusedKind::History) && !self.has(RefusedKind::Keep) {
            return;
        }
        recovery.all_are_known = false;
        recovery.verdict.gaps.clear();
        recovery.verdict.unreached_timeline = None;
        recovery.obsolete = None;
        recovery.obsolete_stored = None;
    }
}

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
        self.refusals.newest_backup_at().is_some_and(|refused| at.is_none_or(|at| refused > at))
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
        let verdicts = &self.recovery.verdict.backups;
        let is_broken = |backup: &BackupReport| match verdicts.get(&backup.id) {
            None => true,
            Some(verdict) => {
                matches!(verdict.verdict, Verdict::Broken(_)) && self.is_certain(verdict)
            }
        };
        let count = self.done().iter().filter(|(_, backup)| is_broken(backup)).count();
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
        let is_highest = self.refusals.histories.iter().all(|refused| *refused <= current);
        is_highest.then_some(current)
    }

    /// Returns whether a restore of the newest finished backup with `PostgreSQL`'s default target
    /// timeline reaches the newest WAL; `None` if unknown.
    #[must_use]
    pub fn newest_is_recoverable_by_default(&self) -> Option<bool> {
        let is_recoverable = self.newest_is_recoverable()?;
        let works = self.newest_verdict().is_none_or(|verdict| verdict.default_target_works);
        let has_history = self.refusals.has(RefusedKind::History);
        let is_certain = works || !has_history && self.newest_is_known();
        (!is_recoverable || is_certain).then_some(is_recoverable && works)
    }
}
