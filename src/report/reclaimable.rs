//! Reasons why nobody needs some of an archive's bytes.

use super::ServerReport;

/// Reason why nobody needs some of an archive's bytes, as `barman_cloud_reclaimable_bytes`
/// distinguishes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReclaimReason {
    /// WAL that no finished backup needs.
    ObsoleteWal,
    /// Backups that neither the retention policy nor any remaining backup needs.
    ObsoleteBackup,
    /// Backups that failed.
    FailedBackup,
    /// Backups that are neither complete nor running.
    IncompleteBackup,
    /// A server that nobody expects.
    Orphan,
    /// Multipart uploads that were started but not completed, except those of a running backup.
    IncompleteUpload,
}

impl ReclaimReason {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::ObsoleteWal,
        Self::ObsoleteBackup,
        Self::FailedBackup,
        Self::IncompleteBackup,
        Self::Orphan,
        Self::IncompleteUpload,
    ];

    /// The reason as the value of a label.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::ObsoleteWal => "obsolete_wal",
            Self::ObsoleteBackup => "obsolete_backup",
            Self::FailedBackup => "failed_backup",
            Self::IncompleteBackup => "incomplete_backup",
            Self::Orphan => "orphan",
            Self::IncompleteUpload => "incomplete_upload",
        }
    }

    /// Returns whether the reason can apply to a server: everything of a server that nobody expects
    /// is an orphan.
    #[must_use]
    pub const fn applies_to(self, server: &ServerReport) -> bool {
        match self {
            Self::IncompleteUpload => true,
            Self::Orphan => !server.is_expected,
            Self::ObsoleteWal
            | Self::ObsoleteBackup
            | Self::FailedBackup
            | Self::IncompleteBackup => server.is_expected,
        }
    }
}
