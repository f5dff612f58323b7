//! Reasons why Barman's retention does not do its work.

use std::collections::BTreeSet;

use super::CatalogBackup;
use super::catalog::by_id;
use crate::barman::KeepTarget;

/// Reason why Barman's retention does not do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RetentionBlock {
    /// Unreadable `backup.info`: nothing is deleted at all.
    UnreadableBackup,
    /// Oldest backup that is kept in full: backups are deleted, but no WAL.
    KeptBackup,
}

impl RetentionBlock {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::UnreadableBackup, Self::KeptBackup];

    /// Returns the reason as the value of a label.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::UnreadableBackup => "unreadable_backup",
            Self::KeptBackup => "kept_backup",
        }
    }
}

/// Returns the reasons why Barman's retention does not do its work on a server, whatever the
/// policy.
///
/// `unreadable` is true if any `backup.info` of the server cannot be read: `main` of
/// `cloud_backup_delete.py` then refuses before it looks at the policy. An oldest backup that is
/// kept in full counts even if standalone backups come before it: those do not stop the deletion of
/// WAL (`BackupManager.should_remove_wals`).
#[must_use]
pub fn retention_blocks(unreadable: bool, catalog: &[CatalogBackup]) -> BTreeSet<RetentionBlock> {
    let mut blocks = BTreeSet::new();
    if unreadable {
        blocks.insert(RetentionBlock::UnreadableBackup);
    }
    if keep_of_oldest(catalog) == Some(KeepTarget::Full) {
        blocks.insert(RetentionBlock::KeptBackup);
    }
    blocks
}

/// Returns the keep target of the oldest copied backup that is not kept as standalone; `None` if it
/// has none, or if there is no such backup.
fn keep_of_oldest(catalog: &[CatalogBackup]) -> Option<KeepTarget> {
    for backup in by_id(catalog).into_values() {
        let is_standalone = backup.keep == Some(KeepTarget::Standalone);
        if backup.is_copied() && !is_standalone {
            return backup.keep;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::tests::Sketch;
    use super::*;
    use crate::barman::UnfinishedStatus;

    fn kept(id: &str, keep: KeepTarget) -> CatalogBackup {
        Sketch {
            keep: Some(keep),
            ..Sketch::done(id)
        }
        .backup()
    }

    fn blocks(unreadable: bool, catalog: &[CatalogBackup]) -> Vec<&'static str> {
        retention_blocks(unreadable, catalog)
            .into_iter()
            .map(RetentionBlock::as_label)
            .collect()
    }

    #[test]
    fn an_unreadable_backup_blocks() {
        assert_eq!(blocks(true, &[]), ["unreadable_backup"]);
        assert_eq!(blocks(false, &[Sketch::done("a").backup()]), [""; 0]);
    }

    #[test]
    fn the_oldest_backup_blocks_if_it_is_kept_in_full() {
        let newer = Sketch::done("m").backup();

        assert_eq!(
            blocks(false, &[newer.clone(), kept("a", KeepTarget::Full)]),
            ["kept_backup"]
        );
        assert_eq!(
            blocks(false, &[newer.clone(), kept("z", KeepTarget::Full)]),
            [""; 0]
        );
        assert_eq!(
            blocks(false, &[newer, kept("a", KeepTarget::Standalone)]),
            [""; 0]
        );
    }

    #[test]
    fn earlier_unfinished_or_standalone_backups_do_not_matter() {
        let failed = Sketch {
            status: UnfinishedStatus::Failed.into(),
            ..Sketch::done("a")
        }
        .backup();
        let standalone = kept("b", KeepTarget::Standalone);
        let full = kept("c", KeepTarget::Full);

        assert_eq!(
            blocks(true, &[failed, standalone, full]),
            ["unreadable_backup", "kept_backup"]
        );
    }
}
