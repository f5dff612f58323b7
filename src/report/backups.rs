//! The report on one backup.

use barman_archive::barman::{BackupInfo, BackupProgress, KeepTarget, UnfinishedStatus};
use barman_archive::inventory::{DataState, SomeNames, Sums, UnreadableReason};
use chrono::{DateTime, TimeDelta, Utc};

/// Result of one scan for one backup: a directory below `base/` that is not empty.
#[derive(Clone, Debug, PartialEq)]
pub struct BackupReport {
    /// Name of the backup's directory.
    pub id: String,
    /// State of the backup.
    pub state: BackupState,
    /// Content of its `backup.info`; `None` if that is missing or unreadable.
    pub info: Option<BackupInfo>,
    /// Reason why its `backup.info` cannot be read, in words; `None` if it can be read or is
    /// missing.
    pub unreadable: Option<String>,
    /// Data objects that a finished backup lacks: a few, without their compression endings.
    pub missing_data: SomeNames,
    /// Objects of the backup in the bucket.
    pub stored: Sums,
    /// State of its data objects.
    pub data: DataState,
    /// Target of its keep annotation; `None` without one.
    pub keep: Option<KeepTarget>,
    /// Start of the backup; if `backup.info` does not state it, the time at which that file was
    /// written.
    pub began_at: Option<DateTime<Utc>>,
    /// Bytes stored so far by its unfinished uploads; `None` if unknown.
    pub upload_bytes: Option<u64>,
}

/// State of a backup, as `barman_cloud_backups` counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BackupState {
    /// Finished, with all its data.
    Done,
    /// Failed, according to Barman.
    Failed,
    /// Running.
    Running,
    /// Without its data or its `backup.info`, or neither finished nor running: started too long
    /// ago, never started, or with a status that Barman does not know.
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
}

/// Reason why a backup is neither complete nor running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncompleteReason {
    /// A missing `backup.info`.
    MissingInfo,
    /// Missing data of a backup that Barman calls done.
    MissingData,
    /// A `backup.info` saying that the backup was never started.
    NeverBegun,
    /// A backup that started too long ago to be still running, and never ended.
    NeverEnded,
    /// A status in `backup.info` that Barman does not know.
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
    /// Returns the reason why the backup is incomplete; `None` in any other state.
    #[must_use]
    pub fn incomplete_reason(&self) -> Option<IncompleteReason> {
        if self.state != BackupState::Incomplete {
            return None;
        }
        let Some(info) = &self.info else {
            return Some(IncompleteReason::MissingInfo);
        };
        let unfinished = match &info.progress {
            BackupProgress::Done(_) => return Some(IncompleteReason::MissingData),
            BackupProgress::Unfinished(unfinished) => unfinished,
        };
        match unfinished.status {
            UnfinishedStatus::Empty => Some(IncompleteReason::NeverBegun),
            UnfinishedStatus::Started
            | UnfinishedStatus::WaitingForWals
            | UnfinishedStatus::Syncing => Some(IncompleteReason::NeverEnded),
            UnfinishedStatus::Unknown(_) => Some(IncompleteReason::UnknownStatus),
            UnfinishedStatus::Failed => None,
        }
    }

    /// End of a finished backup; `None` for any other.
    #[must_use]
    pub fn done_at(&self) -> Option<DateTime<Utc>> {
        match self.state {
            BackupState::Done => Some(self.info.as_ref()?.done()?.ended_at),
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

    /// Time from start to end as stated in `backup.info`; `None` if either is missing, or if the
    /// end is before the start.
    #[must_use]
    pub fn duration(&self) -> Option<TimeDelta> {
        let info = self.info.as_ref()?;
        let duration = info.ended_at()? - info.began_at()?;
        (duration >= TimeDelta::zero()).then_some(duration)
    }
}
