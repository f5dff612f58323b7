//! Result of a check: the document of its JSON, and the text that is written from it.

mod assemble;
mod backup;
mod certificate;
mod document;
mod obstacle;
mod schedule;
mod text;

pub use backup::{BackupEntry, BackupVerdictLabel, FollowEntry, ReachEntry};
pub use certificate::CertificateEntry;
pub use document::{
    ArchiveEntry, CheckDocument, DeletionEntry, ErrorEntry, GapEntry, IntervalsEntry,
    PostgresqlEntry, RecoveryEntry, RefusedEntry, RestoreEntry, RetentionEntry, ServerEntry,
    TimelineEntry, UploadsEntry, WalEntry,
};
pub use obstacle::ObstacleEntry;
pub use schedule::ScheduleEntry;
pub use text::check_text;
