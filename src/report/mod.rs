//! Result of one scan: immutable, and replaced as a whole by the next one.

mod archive;
mod backups;
mod build;
mod build_server;
mod candidates;
mod clusters;
mod deletion;
mod newest_wal;
mod oddities;
mod outcome;
mod pending;
mod reclaimable;
mod recovery;
mod recovery_source;
mod refusals;
mod retention;
mod schedule;
mod segments;
mod served_wal;
mod server;
mod status;
mod storage;
mod timelines;
mod uploads;
mod wal_anomalies;

#[cfg(test)]
mod scenarios;

pub use archive::Report;
pub use backups::{BackupReport, BackupState, IncompleteReason};
pub use build::{Assessment, Expectations, RetentionPolicies, ScanFindings, build};
pub use deletion::DeletionReport;
pub use newest_wal::NewestSegment;
pub use oddities::Oddity;
pub use outcome::ScanOutcome;
pub use reclaimable::ReclaimReason;
pub use recovery::{RecoveryReport, RestoreReport};
pub use refusals::{Refusals, Refused, RefusedKind};
pub use retention::RetentionReport;
pub use schedule::{Contradiction, ObservedIntervals, ScheduleExpectation, ScheduleReport};
pub use server::{PostgresqlIdentity, ServerReport, WalAnomaly, WalReport};
pub use status::{ArchiveStatus, ScanFailure};
pub use storage::{PrefixKind, PrefixSums};
pub use timelines::{Parent, TimelineWal};
pub use uploads::{UNFINISHED_FOR, UploadFinding, UploadSums};
