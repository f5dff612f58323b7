//! Finished backups of a server, in the form that verdicts need.

use barman_archive::barman::KeepTarget;
use barman_archive::inventory::{DirectoryInventory, SomeObjects};
use barman_archive::recovery::{
    BackupChain, BackupSpan, BrokenChain, Candidate, ChainLink, RequiringBackup, WalRequirement,
};

use super::clusters::Cluster;
use super::contents::Contents;
use crate::report::{BackupReport, BackupState};

/// Backups of a server, with their listed objects.
#[derive(Clone, Copy)]
pub(super) struct Candidates<'a> {
    pub(super) directory: &'a DirectoryInventory,
    /// Backups in the order of their ids.
    pub(super) backups: &'a [BackupReport],
    /// Contents of the objects, if anything is known of them.
    pub(super) contents: Option<Contents<'a>>,
}

impl Candidates<'_> {
    /// Returns the finished backups of a cluster.
    pub(super) fn of(&self, cluster: &Cluster) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for backup in self.backups {
            if backup.state == BackupState::Done && cluster.backups.contains(&backup.id) {
                candidates.extend(self.candidate(backup));
            }
        }
        candidates
    }

    fn candidate(&self, backup: &BackupReport) -> Option<Candidate> {
        let RequiringBackup { span, requirement } = requiring_backup(backup)?;
        let ended_at = backup.done_at()?;
        let (has_cold_data, broken_parent) = match self.chain_objects(backup) {
            Ok(objects) => (objects.blocked > 0, None),
            Err(broken) => (false, Some(broken.backup)),
        };
        let id = backup.id.clone();
        Some(Candidate {
            id,
            span,
            requirement,
            ended_at,
            broken_parent,
            has_corrupt_data: self.is_corrupt(backup),
            has_cold_data,
        })
    }

    /// Returns whether data of a backup are known to be damaged.
    fn is_corrupt(&self, backup: &BackupReport) -> bool {
        self.contents
            .is_some_and(|contents| contents.is_corrupt(backup))
    }

    /// Objects of a backup and of those that it is based on.
    pub(super) fn chain_objects(&self, backup: &BackupReport) -> Result<SomeObjects, BrokenChain> {
        let parent = backup
            .info
            .as_ref()
            .and_then(|info| info.parent_id.as_deref());
        let chain = BackupChain::of(&backup.id, parent, |id| self.chain_link(id))?;
        let mut objects = SomeObjects::default();
        for id in chain.parents.into_iter().chain([backup.id.as_str()]) {
            objects.add(self.own_objects(id).unwrap_or_default());
        }
        Ok(objects)
    }

    /// Returns whether the data of a backup, and of those that it is based on, were read and found sound.
    pub(super) fn is_verified(&self, backup: &BackupReport) -> bool {
        let Some(contents) = self.contents else {
            return false;
        };
        let parent = backup
            .info
            .as_ref()
            .and_then(|info| info.parent_id.as_deref());
        let chain = BackupChain::of(&backup.id, parent, |id| self.chain_link(id));
        let is_sound = |id: &str| {
            self.backup(id)
                .is_some_and(|backup| contents.is_verified(backup))
        };
        chain.is_ok_and(|chain| chain.parents.into_iter().all(is_sound))
            && contents.is_verified(backup)
    }

    /// Returns whether the backup with an id is verified, as [`is_verified`](Self::is_verified) says.
    pub(super) fn has_verified(&self, id: &str) -> bool {
        self.backup(id)
            .is_some_and(|backup| self.is_verified(backup))
    }

    fn chain_link(&self, id: &str) -> Option<ChainLink<'_>> {
        let backup = self.backup(id)?;
        let inventory = self.directory.backups.get(id)?;
        match (&backup.info, backup.state) {
            (Some(info), _) if self.is_corrupt(backup) => Some(ChainLink::corrupt(info)),
            (Some(info), _) => Some(ChainLink::of(info, inventory.has_all_data(info))),
            (None, BackupState::Unreadable(_)) => Some(ChainLink::unreadable()),
            (None, _) => None,
        }
    }

    /// Finds a backup by binary search: they are in the order of their ids.
    fn backup(&self, id: &str) -> Option<&BackupReport> {
        let place = self
            .backups
            .binary_search_by(|backup| backup.id.as_str().cmp(id))
            .ok()?;
        self.backups.get(place)
    }

    fn own_objects(&self, id: &str) -> Option<SomeObjects> {
        let info = self.backup(id)?.info.as_ref()?;
        Some(self.directory.backups.get(id)?.own_objects(info))
    }
}

/// Returns the WAL that a backup needs and its purpose; `None` if Barman does not call it done.
pub(super) fn requiring_backup(backup: &BackupReport) -> Option<RequiringBackup> {
    let span = BackupSpan::of(backup.info.as_ref()?)?;
    let requirement = match backup.keep {
        Some(KeepTarget::Standalone) => WalRequirement::Consistency,
        Some(KeepTarget::Full) | None => WalRequirement::Recovery,
    };
    Some(RequiringBackup { span, requirement })
}
