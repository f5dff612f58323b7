//! What timelines lead to, and what retention would delete.

mod retention;
mod stray;

pub use retention::{
    CatalogBackup, Deletion, InvalidRetentionPolicy, RetentionBlock, RetentionError,
    RetentionPolicy, RetentionStatus, WalDeletion, WalRule, deletion, obsolete_since, report,
    retention_blocks,
};
pub use stray::{TimelinesSeen, stray_timelines};
