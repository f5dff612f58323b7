//! One directory below the destination path: a server's, or something else.

use std::collections::BTreeMap;

use crate::barman::ServerKey;

use super::{BackupInventory, ListedObject, Sums, WalInventory};

/// What one directory below the destination path contains.
#[derive(Clone, Debug, Default)]
pub struct DirectoryInventory {
    /// Everything below `base/`.
    pub base: Sums,
    /// Everything below `wals/`.
    pub wals: Sums,
    /// Everything else.
    pub other: Sums,
    /// Whether anything but empty keys that end in a slash lies below `base/` or `wals/`: what
    /// makes a directory a server's.
    pub is_server: bool,
    /// The directories below `base/`, by name.
    pub backups: BTreeMap<String, BackupInventory>,
    /// What lies below `wals/`.
    pub wal: WalInventory,
}

impl DirectoryInventory {
    /// Takes in one object.
    pub fn add(&mut self, key: ServerKey<'_>, object: &ListedObject) {
        let sums = match key {
            ServerKey::Backup { .. } | ServerKey::Base => &mut self.base,
            ServerKey::Wal(_) => &mut self.wals,
            ServerKey::Other => &mut self.other,
        };
        sums.add_object(object.size);
        match key {
            ServerKey::Backup { id, file } => {
                self.backups.entry(id.to_owned()).or_default().add(file, object);
            }
            ServerKey::Wal(wal) => self.wal.add(wal, object),
            ServerKey::Base => {}
            ServerKey::Other => return,
        }
        self.is_server |= !object.is_marker();
    }

    /// Puts what a later look at a backup found in the place of what was found before; `None` if it
    /// was gone. The directory's sums stay those of its own listing.
    pub fn replace_backup(&mut self, id: &str, backup: Option<BackupInventory>) {
        match backup {
            Some(backup) => drop(self.backups.insert(id.to_owned(), backup)),
            None => drop(self.backups.remove(id)),
        }
    }

    /// Everything in the directory.
    #[must_use]
    pub fn total(&self) -> Sums {
        self.base.plus(self.wals).plus(self.other)
    }
}
