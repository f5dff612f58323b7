//! Effects of `barman-cloud-backup-delete` on a server's backups under a retention policy.
//!
//! Nothing here is a judgement of ours: the rules are those of Barman's `retention_policies.py` and
//! `cloud_backup_delete.py` (read in 3.20.1), quirks included, because the question is what Barman
//! will do, not what it should do.
//!
//! [`retention_statuses`] returns the status that the policy gives each backup, [`obsolete_since`] the time
//! since which a backup has been obsolete, [`deletion()`] what is deleted with the obsolete
//! backups, and [`retention_blocks`] what keeps Barman from deleting.
//!
//! `docs/specification.md`, 12.

mod block;
mod catalog;
mod deletion;
mod policy;
mod since;
mod statuses;

mod tree;
mod wal;

#[cfg(test)]
mod tests;

pub use block::{RetentionBlock, retention_blocks};
pub use catalog::{CatalogBackup, RetentionError, RetentionStatus};
pub use deletion::{Deletion, deletion};
pub use policy::{InvalidRetentionPolicy, RetentionPolicy};
pub use since::obsolete_since;
pub use statuses::retention_statuses;
pub use tree::unsupported;
pub use wal::{WalDeletion, WalRule};
