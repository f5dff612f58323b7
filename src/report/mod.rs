//! Result of one scan as plain data: immutable, and replaced as a whole by the next one.
//!
//! Values that a file of unknown content could change are absent, never guessed. The types know
//! nothing of listings or files: [`crate::assess`] fills them, and [`crate::health`], [`crate::output`] and
//! [`crate::metrics`] show them.

mod archive;
mod backups;
mod certainty;
mod contents;
mod deletion;
mod oddity;
mod outcome;
mod reclaimable;
mod recovery;
mod refusals;
mod retention;
mod schedule;
mod server;
mod status;
mod storage;
mod uploads;
mod wal;

pub use archive::Report;
pub use backups::{BackupReport, BackupState, IncompleteReason};
pub use contents::{
    BUDGET_DAYS, BackupContents, ContentsReport, FaultyBackup, FaultySegment, ObjectCounts,
    RecoveryProof, VerifiedBackup,
};
pub use deletion::DeletionReport;
pub use oddity::Oddity;
pub use outcome::ScanOutcome;
pub use reclaimable::ReclaimReason;
pub use recovery::{RecoveryReport, RestoreReport};
pub use refusals::{Refusals, Refused, RefusedKind};
pub use retention::RetentionReport;
pub use schedule::{
    Contradiction, ObservedIntervals, SURE_FACTOR, ScheduleExpectation, ScheduleReport,
};
pub use server::{PostgresqlIdentity, ServerReport};
pub use status::{ArchiveStatus, ContentsBudget, ScanFailure, VerificationStatus};
pub use storage::{PrefixKind, PrefixSums};
pub use uploads::{UNFINISHED_FOR, UploadFinding, UploadSums};
pub use wal::{NewestSegment, Parent, TimelineWal, WalAnomaly, WalReport};
