//! Inventory of one directory below the destination path, which may belong to a server.

use std::collections::BTreeMap;

use super::{BackupInventory, ListedObject, Sums, Usage, WalInventory};
use crate::barman::ServerKey;

/// Content of one directory below the destination path.
#[derive(Clone, Debug, Default)]
pub struct DirectoryInventory {
    /// Backups: the directories below `base/`, by name.
    pub backups: BTreeMap<String, BackupInventory>,
    /// Objects below `base/` that are not in a backup's directory.
    pub outside_backups: Usage,
    /// Objects below `wals/`.
    pub wal: WalInventory,
    /// Usage of all other objects.
    pub other: Usage,
    /// True if `base/` contains anything besides empty keys that end in a slash.
    has_base: bool,
}

impl DirectoryInventory {
    /// Adds one object.
    pub fn add(&mut self, key: ServerKey<'_>, object: &ListedObject) {
        match key {
            ServerKey::Backup { id, file } => {
                self.has_base |= !object.is_marker();
                match self.backups.get_mut(id) {
                    Some(backup) => backup.add(file, object),
                    None => self
                        .backups
                        .entry(id.to_owned())
                        .or_default()
                        .add(file, object),
                }
            }
            ServerKey::Base => {
                self.has_base |= !object.is_marker();
                self.outside_backups.add_object(object);
            }
            ServerKey::Wal(wal) => self.wal.add(wal, object),
            ServerKey::Other => self.other.add_object(object),
        }
    }

    /// Replaces the inventory of a backup by a later one; `None` removes a backup that was gone.
    pub fn replace_backup(&mut self, id: &str, backup: Option<BackupInventory>) {
        match backup {
            Some(backup) => drop(self.backups.insert(id.to_owned(), backup)),
            None => drop(self.backups.remove(id)),
        }
    }

    /// Returns whether the directory belongs to a server: `base/` or `wals/` contains anything
    /// besides empty keys that end in a slash.
    #[must_use]
    pub fn is_server(&self) -> bool {
        self.has_base || self.wal.has_objects()
    }

    /// Sums of all objects below `base/`.
    #[must_use]
    pub fn base(&self) -> Sums {
        sum(self.base_usages())
    }

    /// Sums of all objects below `wals/`.
    #[must_use]
    pub fn wals(&self) -> Sums {
        sum(self.wal.usages())
    }

    /// Sums of all objects in the directory.
    #[must_use]
    pub fn total(&self) -> Sums {
        sum(self.usages())
    }

    /// Usage of each part of the directory.
    pub fn usages(&self) -> impl Iterator<Item = &Usage> {
        self.base_usages()
            .chain(self.wal.usages())
            .chain([&self.other])
    }

    fn base_usages(&self) -> impl Iterator<Item = &Usage> {
        let backups = self.backups.values().map(|backup| &backup.usage);
        backups.chain([&self.outside_backups])
    }
}

fn sum<'a>(usages: impl Iterator<Item = &'a Usage>) -> Sums {
    let mut sum = Sums::default();
    for usage in usages {
        sum.add(usage.sums);
    }
    sum
}
