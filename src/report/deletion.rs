//! Objects that Barman would delete now.

use barman_archive::inventory::Sums;

/// Objects that `barman-cloud-backup-delete` would delete now under a retention policy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeletionReport {
    /// Ids of the backups, in the order in which they are deleted.
    pub backups: Vec<String>,
    /// All deleted objects.
    pub all: Sums,
    /// Deleted WAL files, and any other objects in WAL directories that are deleted as a whole.
    pub wal: Sums,
}
