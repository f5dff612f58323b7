//! What a report says to people and to their scripts: findings with a severity, sums and growth, as
//! JSON, as text, as Markdown.

mod assemble;
mod backup;
mod certificate;
mod explanation;
mod finding_code;
mod health;
mod human;
mod incomplete;
mod json;
mod obstacle;
mod progress;
mod refusals;
mod schedule;
mod severity;
mod shape;
mod storage_findings;
mod stored;
mod summary;
mod terminal;
mod text;
mod thresholds;

pub use backup::{BackupEntry, FollowEntry, ObstacleEntry, ReachEntry};
pub use certificate::CertificateEntry;
pub use explanation::explanation;
pub use finding_code::FindingCode;
pub use json::{
    ArchiveEntry, CheckDocument, DeletionEntry, ErrorEntry, GapEntry, IntervalsEntry, Moment,
    PostgresqlEntry, RecoveryEntry, RefusedEntry, RestoreEntry, RetentionEntry, ServerEntry,
    TimelineEntry, UploadsEntry, WalEntry,
};
pub use progress::{ScanProgress, progress_line};
pub use schedule::ScheduleEntry;
pub use severity::{Evidence, Finding, Severity};
pub use stored::{
    ArchiveReport, ClassEntry, DayEntry, GrowthEntry, KindEntry, PrefixEntry, ReasonEntry,
    ReclaimableEntry, ReportDocument, ServerStorage, StorageEntry, WeekEntry, report_markdown,
    report_text,
};
pub use summary::{RestoreVerdict, ServerSummary, server_glances};
pub use text::text;
pub use thresholds::{Threshold, thresholds};
