//! Result of a check.

use super::manifest::ManifestEvidence;
use super::pages::{FailingPage, PageCounts};
use super::{BackupDoubt, BackupFault, FailingFile};

/// What pages were checked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageEvidence {
    /// Header and checksum.
    Checksums,
    /// Header only: the cluster has no checksums.
    Headers,
    /// Too little to rely on.
    Unproven(UncheckedReason),
}

impl PageEvidence {
    /// Returns true if a failing header means something.
    pub(super) const fn counts_headers(self) -> bool {
        match self {
            Self::Checksums | Self::Headers => true,
            Self::Unproven(reason) => match reason {
                UncheckedReason::UnknownChecksums
                | UncheckedReason::ChecksumsDisagree
                | UncheckedReason::ChecksumsInProgress => true,
                UncheckedReason::PageSize(_)
                | UncheckedReason::PagesPerFile(_)
                | UncheckedReason::UnknownControlVersion(_) => false,
            },
        }
    }

    /// Returns true if a failing checksum means something.
    pub(super) const fn counts_checksums(self) -> bool {
        matches!(self, Self::Checksums)
    }
}

/// Reason why pages are not proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UncheckedReason {
    /// Neither `backup.info` nor the control file says whether there are checksums.
    UnknownChecksums,
    /// Checksums were turned on or off during the backup: `backup.info` is of its start, the control
    /// file of its end.
    ChecksumsDisagree,
    /// Checksums were being turned on or off (`PostgreSQL` 19).
    ChecksumsInProgress,
    /// Pages have another size than 8192 bytes; this one.
    PageSize(u32),
    /// Files of relations have another number of pages than 131,072; this one.
    PagesPerFile(u32),
    /// The control file has a version that is not known; this one.
    UnknownControlVersion(u32),
}

/// Numbers of what was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackupCounts {
    /// Members of all archives: files, directories, links.
    pub members: u64,
    /// Bytes of all members.
    pub bytes: u64,
    /// Pages of relations.
    pub pages: PageCounts,
    /// Files with the changed blocks of a relation, which have no page at its place. Only a manifest
    /// proves them.
    pub increments: u64,
    /// Files without any checksum of their own, such as `pg_xact/0000`. Only a manifest proves them.
    pub other_files: u64,
    /// Bytes of these files.
    pub other_bytes: u64,
    /// Failing small files of databases beyond the number that is kept.
    pub failing_files_not_kept: u64,
}

/// Result of the check of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedBackup {
    /// Damage.
    pub faults: Vec<BackupFault>,
    /// Reasons not to rely on the backup.
    pub doubts: Vec<BackupDoubt>,
    /// Numbers of what was looked at.
    pub counts: BackupCounts,
    /// What pages were checked by.
    pub pages: PageEvidence,
    /// What the manifest proves.
    pub manifest: ManifestEvidence,
    /// Pages that only the WAL of the backup can judge, 20,000 at most. Without it they are suspect.
    pub failing_pages: Vec<FailingPage>,
    /// Small files of databases that only the WAL of the backup can judge, 10,000 at most.
    pub failing_files: Vec<FailingFile>,
}

impl CheckedBackup {
    /// Returns true if there is something that only the WAL of the backup can judge.
    #[must_use]
    pub const fn needs_wal(&self) -> bool {
        !self.failing_pages.is_empty() || !self.failing_files.is_empty()
    }

    /// Number of failing pages and files that are not kept: nothing can judge these.
    #[must_use]
    pub const fn not_kept(&self) -> u64 {
        let pages = self.counts.pages.failing_not_kept;
        pages.saturating_add(self.counts.failing_files_not_kept)
    }

    /// Returns true if nothing is wrong, and nothing is left to be judged. What was not looked at is
    /// said by the other fields.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.faults.is_empty()
            && self.doubts.is_empty()
            && !self.needs_wal()
            && self.not_kept() == 0
    }
}
