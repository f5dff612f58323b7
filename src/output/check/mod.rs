//! Result of a check: the document of its JSON, and the text that is written from it.
//!
//! `assemble` fills the document from report and findings; `text` writes what the document says and
//! looks at nothing else, so that scripts and people are told the same. Fields are only ever added.

mod assemble;
mod backup;
mod certificate;
mod contents;
mod document;
mod obstacle;
mod schedule;
mod text;

pub use backup::{BackupEntry, BackupVerdictLabel, FollowEntry, ReachEntry};
pub use certificate::CertificateEntry;
pub use contents::{
    BackupContentsEntry, ContentsEntry, FaultySegmentEntry, ObjectCountsEntry, PagesEntry,
    ProofEntry,
};
pub use document::{
    ArchiveEntry, CheckDocument, DeletionEntry, ErrorEntry, GapEntry, IntervalsEntry,
    PostgresqlEntry, RecoveryEntry, RefusedEntry, RestoreEntry, RetentionEntry, ServerEntry,
    TimelineEntry, UploadsEntry, WalEntry,
};
pub use obstacle::ObstacleEntry;
pub use schedule::ScheduleEntry;
pub use text::check_text;
