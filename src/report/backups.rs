//! The report on one backup.

use chrono::{DateTime, TimeDelta, Utc};

use crate::barman::{BackupInfo, BackupStatus, KeepTarget};
use crate::inventory::{BackupInventory, SomeNames, Sums, UnreadableReason};

/// What one scan found of one backup: a directory below `base/` with something in it.
#[derive(Clone, Debug, PartialEq)]
pub struct BackupReport {
    /// Name of its directory.
    pub id: String,
    /// What it is worth.
    pub state: BackupState,
    /// What its `backup.info` says; `None` when that is missing or unreadable.
    pub info: Option<BackupInfo>,
    /// Why its `backup.info` cannot be read, in words; `None` if it can, or if there is none.
    pub unreadable: Option<String>,
    /// Data objects that a finished backup lacks: a few, without their compression endings.
    pub missing_data: SomeNames,
    /// Its objects in the bucket.
    pub stored: Sums,
    /// What it carries a keep annotation for; `None` without one.
    pub keep: Option<KeepTarget>,
    /// When it began; where `backup.info` does not say, when that was written.
    pub began_at: Option<DateTime<Utc>>,
    /// What its unfinished uploads have stored so far; `None` where that is not known.
    pub upload_bytes: Option<u64>,
}

/// What a backup is worth, as `barman_cloud_backups` counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BackupState {
    /// Finished, with all its data.
    Done,
    /// Failed, as Barman says.
    Failed,
    /// Under way.
    Running,
    /// Without its data or its `backup.info`, or neither finished nor under way: begun too long
    /// ago, never begun, or with a status that Barman does not know.
    Incomplete,
    /// With a `backup.info` that cannot be read.
    Unreadable(UnreadableReason),
}

impl BackupState {
    /// Every state as the value of a label, in the order of the documentation.
    pub const ALL_LABELS: [&str; 5] = ["done", "failed", "running", "incomplete", "unreadable"];

    /// The state as the value of a label.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Running => "running",
            Self::Incomplete => "incomplete",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// Judges a backup by its `backup.info`, its objects and its age.
    ///
    /// Nothing but age tells a backup under way from one whose process was killed: both are left
    /// as `STARTED`.
    #[must_use]
    pub fn of(
        info: &BackupInfo,
        inventory: &BackupInventory,
        age: TimeDelta,
        max_running_time: TimeDelta,
    ) -> Self {
        match info.status {
            BackupStatus::Done if inventory.has_all_data(info) => Self::Done,
            BackupStatus::Failed => Self::Failed,
            BackupStatus::Started | BackupStatus::WaitingForWals | BackupStatus::Syncing
                if age <= max_running_time =>
            {
                Self::Running
            }
            BackupStatus::Done
            | BackupStatus::Empty
            | BackupStatus::Started
            | BackupStatus::WaitingForWals
            | BackupStatus::Syncing
            | BackupStatus::Unknown(_) => Self::Incomplete,
        }
    }
}

/// Why a backup is neither whole nor under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncompleteReason {
    /// It has no `backup.info`.
    MissingInfo,
    /// Barman calls it done, and not all of its data are there.
    MissingData,
    /// Its `backup.info` says that it was not begun.
    NeverBegun,
    /// It began too long ago to be under way, and never ended.
    NeverEnded,
    /// Its `backup.info` has a status that Barman does not know.
    UnknownStatus,
}

impl IncompleteReason {
    /// The reason as a word for scripts.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::MissingInfo => "missing_info",
            Self::MissingData => "missing_data",
            Self::NeverBegun => "never_begun",
            Self::NeverEnded => "never_ended",
            Self::UnknownStatus => "unknown_status",
        }
    }
}

impl BackupReport {
    /// Why it is incomplete; `None` in any other state.
    #[must_use]
    pub fn incomplete_reason(&self) -> Option<IncompleteReason> {
        if self.state != BackupState::Incomplete {
            return None;
        }
        let Some(info) = &self.info else { return Some(IncompleteReason::MissingInfo) };
        match info.status {
            BackupStatus::Done => Some(IncompleteReason::MissingData),
            BackupStatus::Empty => Some(IncompleteReason::NeverBegun),
            BackupStatus::Started | BackupStatus::WaitingForWals | BackupStatus::Syncing => {
                Some(IncompleteReason::NeverEnded)
            }
            BackupStatus::Unknown(_) => Some(IncompleteReason::UnknownStatus),
            BackupStatus::Failed => None,
        }
    }

    /// When a finished backup ended; `None` for any other.
    #[must_use]
    pub fn done_at(&self) -> Option<DateTime<Utc>> {
        match self.state {
            BackupState::Done => self.info.as_ref()?.ended_at,
            BackupState::Failed
            | BackupState::Running
            | BackupState::Incomplete
            | BackupState::Unreadable(_) => None,
        }
    }

    /// Size of the databases as `backup.info` states it, in bytes.
    #[must_use]
    pub fn cluster_size_bytes(&self) -> Option<u64> {
        self.info.as_ref()?.cluster_size_bytes
    }

    /// Time from begin to end as `backup.info` states them; `None` while either is missing, or
    /// where the end is before the begin.
    #[must_use]
    pub fn duration(&self) -> Option<TimeDelta> {
        let info = self.info.as_ref()?;
        Some(info.ended_at? - info.began_at?).filter(|duration| *duration >= TimeDelta::zero())
    }
}
