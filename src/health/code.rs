//! Codes of findings: a closed set.

use std::fmt;

/// Defines the codes: each with its meaning and its label, in the order of the documentation.
macro_rules! codes {
    ($($(#[$meaning:meta])* $code:ident = $word:literal,)*) => {
        /// Code of a finding, for scripts: its label never changes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FindingCode {
            $($(#[$meaning])* $code,)*
        }

        impl FindingCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// The code as a word.
            #[must_use]
            pub const fn as_label(self) -> &'static str {
                match self {
                    $(Self::$code => $word,)*
                }
            }
        }
    };
}

codes! {
    /// A scan failed.
    ScanFailed = "scan_failed",
    /// No server directory exists.
    NoServers = "no_servers",
    /// Only the configured servers' backups and WAL may be listed.
    ListedInPart = "listed_in_part",
    /// An expected server has no finished backup.
    NoBackup = "no_backup",
    /// No target restores a backup.
    NotRestorable = "not_restorable",
    /// The newest backup cannot be replayed to the newest WAL.
    ReplayEndsEarly = "replay_ends_early",
    /// A restore has to wait for cold storage.
    RestoreBlocked = "restore_blocked",
    /// No backup reaches the newest WAL.
    NewestWalUnreached = "newest_wal_unreached",
    /// The newest backup waits for its own WAL.
    WaitingForWal = "waiting_for_wal",
    /// The default target timeline does not reach the newest WAL.
    DefaultTargetFails = "default_target_fails",
    /// Segments are missing that the replay of a backup needs.
    Gap = "gap",
    /// A history file is missing or invalid.
    HistoryMissing = "history_missing",
    /// The recovery window cannot be restored as the policy promises.
    RecoveryWindowShort = "recovery_window_short",
    /// The newest backup ended before the recovery window.
    BackupTooOld = "backup_too_old",
    /// A backup is overdue by its schedule.
    BackupOverdue = "backup_overdue",
    /// A backup has been running for much longer than usual.
    BackupStuck = "backup_stuck",
    /// A backup failed, and none has completed since.
    BackupFailed = "backup_failed",
    /// A backup is neither complete nor running.
    BackupIncomplete = "backup_incomplete",
    /// A `backup.info` cannot be read.
    BackupUnreadable = "backup_unreadable",
    /// A history file or keep annotation is refused.
    FileUnreadable = "file_unreadable",
    /// The databases are far smaller than usual.
    BackupShrank = "backup_shrank",
    /// There are fewer backups than a policy or minimum asks for.
    TooFewBackups = "too_few_backups",
    /// A schedule probably means something else.
    ScheduleMisread = "schedule_misread",
    /// Backups do not follow the schedule.
    ScheduleContradicted = "schedule_contradicted",
    /// Retention does not delete what is obsolete.
    RetentionOverdue = "retention_overdue",
    /// Retention deletes nothing because a `backup.info` makes no sense.
    RetentionBlocked = "retention_blocked",
    /// Retention ends with an error.
    RetentionFails = "retention_fails",
    /// WAL that no backup needs piles up.
    ObsoleteWal = "obsolete_wal",
    /// A timeline looks as if a restored copy had written it.
    StrayTimeline = "stray_timeline",
    /// The backups are of several clusters.
    SharedDirectory = "shared_directory",
    /// Objects below `wals/` that are not WAL files.
    ForeignWal = "foreign_wal",
    /// WAL files in places where no restore looks for them.
    MisplacedWal = "misplaced_wal",
    /// Segments of an impossible size.
    WrongSize = "wrong_size",
    /// Segments that are stored twice.
    DuplicateWal = "duplicate_wal",
    /// Segments that were uploaded again.
    OverwrittenWal = "overwritten_wal",
    /// Segments whose content ends replay.
    CorruptWal = "corrupt_wal",
    /// A backup with corrupt data.
    CorruptBackup = "corrupt_backup",
    /// Segments that seem to be damaged.
    SuspectWal = "suspect_wal",
    /// A backup with data that seems to be damaged.
    SuspectBackup = "suspect_backup",
    /// Objects whose content cannot be judged.
    UnreadableContents = "unreadable_contents",
    /// Nothing proves that recent WAL can be recovered.
    RecoveryUnproven = "recovery_unproven",
    /// Nothing is read although something can be.
    VerificationStalled = "verification_stalled",
    /// More is to be read than the budget ever has.
    VerificationBehind = "verification_behind",
    /// Backups are larger than the budget ever is.
    VerificationUnaffordable = "verification_unaffordable",
    /// An unexpected server.
    OrphanedServer = "orphaned_server",
    /// Multipart uploads that were never completed.
    UnfinishedUploads = "unfinished_uploads",
    /// A certificate of a chain has expired.
    CertificateExpired = "certificate_expired",
    /// A certificate is not valid yet.
    CertificateNotYetValid = "certificate_not_yet_valid",
    /// A certificate does not verify.
    CertificateInvalid = "certificate_invalid",
    /// A certificate expires soon.
    CertificateEnding = "certificate_ending",
    /// A certificate cannot be read.
    CertificateUnreadable = "certificate_unreadable",
}

impl fmt::Display for FindingCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_label())
    }
}
