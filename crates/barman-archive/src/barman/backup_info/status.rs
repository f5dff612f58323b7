//! Status of a backup, in Barman's words.

use std::fmt;

/// Status of an unfinished backup, in Barman's words (`BackupInfo.STATUS_ALL`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnfinishedStatus {
    /// `EMPTY`: not started. Also the meaning of a `backup.info` without content.
    Empty,
    /// `STARTED`: running, or killed.
    Started,
    /// `FAILED`
    Failed,
    /// `WAITING_FOR_WALS`: copied by a Barman server, its WAL not yet.
    WaitingForWals,
    /// `SYNCING`: being copied between Barman servers.
    Syncing,
    /// Word that Barman does not use today.
    Unknown(String),
}

/// Status of a backup, in Barman's words (`BackupInfo.STATUS_ALL`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupStatus {
    /// `DONE`
    Done,
    /// Any other status.
    Unfinished(UnfinishedStatus),
}

impl fmt::Display for BackupStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Done => "DONE",
            Self::Unfinished(UnfinishedStatus::Empty) => "EMPTY",
            Self::Unfinished(UnfinishedStatus::Started) => "STARTED",
            Self::Unfinished(UnfinishedStatus::Failed) => "FAILED",
            Self::Unfinished(UnfinishedStatus::WaitingForWals) => "WAITING_FOR_WALS",
            Self::Unfinished(UnfinishedStatus::Syncing) => "SYNCING",
            Self::Unfinished(UnfinishedStatus::Unknown(word)) => word,
        })
    }
}

impl From<UnfinishedStatus> for BackupStatus {
    fn from(status: UnfinishedStatus) -> Self {
        Self::Unfinished(status)
    }
}

impl From<Option<&str>> for BackupStatus {
    fn from(word: Option<&str>) -> Self {
        let unfinished = match word {
            Some("DONE") => return Self::Done,
            None | Some("EMPTY") => UnfinishedStatus::Empty,
            Some("STARTED") => UnfinishedStatus::Started,
            Some("FAILED") => UnfinishedStatus::Failed,
            Some("WAITING_FOR_WALS") => UnfinishedStatus::WaitingForWals,
            Some("SYNCING") => UnfinishedStatus::Syncing,
            Some(word) => UnfinishedStatus::Unknown(word.to_owned()),
        };
        Self::Unfinished(unfinished)
    }
}

impl BackupStatus {
    /// Returns whether the data of the backup are copied to the end, even if its WAL is not
    /// (`BackupInfo.STATUS_COPY_DONE`).
    #[must_use]
    pub const fn is_copied(&self) -> bool {
        match self {
            Self::Done | Self::Unfinished(UnfinishedStatus::WaitingForWals) => true,
            Self::Unfinished(
                UnfinishedStatus::Empty
                | UnfinishedStatus::Started
                | UnfinishedStatus::Failed
                | UnfinishedStatus::Syncing
                | UnfinishedStatus::Unknown(_),
            ) => false,
        }
    }
}
