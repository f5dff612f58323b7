//! What a report says to people and to their scripts: findings with a severity, as JSON, as text.

mod assemble;
mod backup;
mod health;
mod human;
mod json;
mod obstacle;
mod severity;
mod text;
mod upkeep;

pub use backup::{BackupEntry, FollowEntry, ObstacleEntry, ReachEntry};
pub use json::{
    ArchiveEntry, CheckDocument, DeletionEntry, ErrorEntry, GapEntry, IntervalsEntry, Moment,
    RecoveryEntry, RestoreEntry, RetentionEntry, ServerEntry, TimelineEntry, UploadsEntry,
    WalEntry,
};
pub use severity::{Evidence, Finding, Severity};
pub use text::text;
