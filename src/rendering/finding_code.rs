//! Codes of findings: a closed set.

use std::fmt;

use serde::{Serialize, Serializer};

/// Code of a finding, for scripts: a word that does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingCode {
    /// A scan failed.
    ScanFailed,
    /// No server's directory is there.
    NoServers,
    /// Only the configured servers' backups and WAL may be listed.
    ListedInPart,
    /// An expected server has no finished backup.
    NoBackup,
    /// No target restores a backup.
    NotRestorable,
    /// The newest backup cannot be replayed to the newest WAL.
    ReplayEndsEarly,
    /// A restore has to wait for cold storage.
    RestoreBlocked,
    /// No backup reaches the newest WAL.
    NewestWalUnreached,
    /// The newest backup waits for its own WAL.
    WaitingForWal,
    /// The default target timeline does not reach the newest WAL.
    DefaultTargetFails,
    /// Segments are missing that a backup has to be replayed through.
    Gap,
    /// A history file is missing or invalid.
    HistoryMissing,
    /// The recovery window cannot be restored as the policy promises.
    RecoveryWindowShort,
    /// The newest backup ended before the recovery window.
    BackupTooOld,
    /// A backup is late by its schedule.
    BackupOverdue,
    /// A backup has been under way for far longer than usual.
    BackupStuck,
    /// A backup failed, and none is done since.
    BackupFailed,
    /// A backup is neither whole nor under way.
    BackupIncomplete,
    /// A `backup.info` cannot be read.
    BackupUnreadable,
    /// A history file or keep annotation is refused.
    FileUnreadable,
    /// The databases are far smaller than usual.
    BackupShrank,
    /// There are fewer backups than a policy or minimum asks for.
    TooFewBackups,
    /// A schedule probably means something else.
    ScheduleMisread,
    /// Backups do not come as the schedule has it.
    ScheduleContradicted,
    /// Retention does not delete what is obsolete.
    RetentionOverdue,
    /// Retention deletes nothing, as a `backup.info` makes no sense.
    RetentionBlocked,
    /// Retention ends with an error.
    RetentionFails,
    /// WAL that no backup needs piles up.
    ObsoleteWal,
    /// Another cluster wrote a timeline.
    StrayTimeline,
    /// The backups are of several clusters.
    SharedDirectory,
    /// Objects below `wals/` that are no WAL files.
    ForeignWal,
    /// WAL files where nothing finds them.
    MisplacedWal,
    /// Segments of a size that they cannot have.
    WrongSize,
    /// Segments that are stored twice.
    DuplicateWal,
    /// Segments that were uploaded once more.
    OverwrittenWal,
    /// A server that nobody expects.
    OrphanedServer,
    /// Multipart uploads that nobody finished.
    UnfinishedUploads,
    /// A certificate of a chain has ended.
    CertificateExpired,
    /// A certificate is valid only later.
    CertificateNotYetValid,
    /// A certificate does not verify.
    CertificateInvalid,
    /// A certificate ends soon.
    CertificateEnding,
    /// A certificate cannot be read.
    CertificateUnreadable,
}

impl FindingCode {
    /// Every code, in the order of the documentation.
    pub const ALL: [Self; 42] = [
        Self::ScanFailed,
        Self::NoServers,
        Self::ListedInPart,
        Self::NoBackup,
        Self::NotRestorable,
        Self::ReplayEndsEarly,
        Self::RestoreBlocked,
        Self::NewestWalUnreached,
        Self::WaitingForWal,
        Self::DefaultTargetFails,
        Self::Gap,
        Self::HistoryMissing,
        Self::RecoveryWindowShort,
        Self::BackupTooOld,
        Self::BackupOverdue,
        Self::BackupStuck,
        Self::BackupFailed,
        Self::BackupIncomplete,
        Self::BackupUnreadable,
        Self::FileUnreadable,
        Self::BackupShrank,
        Self::TooFewBackups,
        Self::ScheduleMisread,
        Self::ScheduleContradicted,
        Self::RetentionOverdue,
        Self::RetentionBlocked,
        Self::RetentionFails,
        Self::ObsoleteWal,
        Self::StrayTimeline,
        Self::SharedDirectory,
        Self::ForeignWal,
        Self::MisplacedWal,
        Self::WrongSize,
        Self::DuplicateWal,
        Self::OverwrittenWal,
        Self::OrphanedServer,
        Self::UnfinishedUploads,
        Self::CertificateExpired,
        Self::CertificateNotYetValid,
        Self::CertificateInvalid,
        Self::CertificateEnding,
        Self::CertificateUnreadable,
    ];

    /// The code as a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ScanFailed => "scan_failed",
            Self::NoServers => "no_servers",
            Self::ListedInPart => "listed_in_part",
            Self::NoBackup => "no_backup",
            Self::NotRestorable => "not_restorable",
            Self::ReplayEndsEarly => "replay_ends_early",
            Self::RestoreBlocked => "restore_blocked",
            Self::NewestWalUnreached => "newest_wal_unreached",
            Self::WaitingForWal => "waiting_for_wal",
            Self::DefaultTargetFails => "default_target_fails",
            Self::Gap => "gap",
            Self::HistoryMissing => "history_missing",
            Self::RecoveryWindowShort => "recovery_window_short",
            Self::BackupTooOld => "backup_too_old",
            Self::BackupOverdue => "backup_overdue",
            Self::BackupStuck => "backup_stuck",
            Self::BackupFailed => "backup_failed",
            Self::BackupIncomplete => "backup_incomplete",
            Self::BackupUnreadable => "backup_unreadable",
            Self::FileUnreadable => "file_unreadable",
            Self::BackupShrank => "backup_shrank",
            Self::TooFewBackups => "too_few_backups",
            Self::ScheduleMisread => "schedule_misread",
            Self::ScheduleContradicted => "schedule_contradicted",
            Self::RetentionOverdue => "retention_overdue",
            Self::RetentionBlocked => "retention_blocked",
            Self::RetentionFails => "retention_fails",
            Self::ObsoleteWal => "obsolete_wal",
            Self::StrayTimeline => "stray_timeline",
            Self::SharedDirectory => "shared_directory",
            Self::ForeignWal => "foreign_wal",
            Self::MisplacedWal => "misplaced_wal",
            Self::WrongSize => "wrong_size",
            Self::DuplicateWal => "duplicate_wal",
            Self::OverwrittenWal => "overwritten_wal",
            Self::OrphanedServer => "orphaned_server",
            Self::UnfinishedUploads => "unfinished_uploads",
            Self::CertificateExpired => "certificate_expired",
            Self::CertificateNotYetValid => "certificate_not_yet_valid",
            Self::CertificateInvalid => "certificate_invalid",
            Self::CertificateEnding => "certificate_ending",
            Self::CertificateUnreadable => "certificate_unreadable",
        }
    }
}

impl fmt::Display for FindingCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for FindingCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
