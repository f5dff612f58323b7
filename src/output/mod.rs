//! Words and documents about reports and findings: JSON, text, Markdown.
//!
//! A document is a plain structure whose fields are the fields of the JSON; text and Markdown are
//! written from it. Each finding becomes a sentence in one place, [`sentence`]. Values of closed
//! sets stay typed up to serialization, see [`Label`].

mod check;
mod explanation;
mod finding;
mod label;
mod moment;
mod progress;
mod sentences;
mod storage;
mod terminal;
mod words;

pub use check::{
    ArchiveEntry, BackupContentsEntry, BackupEntry, BackupVerdictLabel, CertificateEntry,
    CheckDocument, ContentsEntry, DeletionEntry, ErrorEntry, FaultySegmentEntry, FollowEntry,
    GapEntry, IntervalsEntry, ObjectCountsEntry, ObstacleEntry, PagesEntry, PostgresqlEntry,
    ProofEntry, ReachEntry, RecoveryEntry, RefusedEntry, RestoreEntry, RetentionEntry,
    ScheduleEntry, ServerEntry, TimelineEntry, UploadsEntry, WalEntry, check_text,
};
pub use explanation::explanation;
pub use finding::{EvidenceEntry, FindingEntry};
pub use label::{AsLabel, Label};
pub use moment::Moment;
pub use progress::{ScanProgress, progress_line};
pub use sentences::{NO_SERVERS, sentence};
pub use storage::{
    ArchiveReport, ClassEntry, DayEntry, GrowthEntry, KindEntry, PrefixEntry, ReasonEntry,
    ReclaimableEntry, ReportDocument, ServerStorage, StorageEntry, WeekEntry, report_markdown,
    report_text,
};
pub use words::{distance, moment_in_words};
