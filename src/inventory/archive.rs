//! Everything below one destination path.

use std::collections::BTreeMap;

use crate::barman::Place;

use super::{BackupInventory, DirectoryInventory, ListedObject, SmallFile, Sums};

/// What an archive contains: every object that was listed, whatever its key.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// All objects.
    pub total: Sums,
    /// Objects in no directory.
    pub loose: Sums,
    /// The directories below the destination path, by name.
    pub directories: BTreeMap<String, DirectoryInventory>,
    /// Bytes by storage class, as the store names it.
    pub storage_classes: BTreeMap<String, u64>,
}

/// The class that a store means when it names none (Amazon S3 API Reference, "`Object`").
const DEFAULT_STORAGE_CLASS: &str = "STANDARD";

/// What storage classes beyond a sensible number of them are summed under.
const FURTHER_STORAGE_CLASSES: &str = "(others)";
const MOST_STORAGE_CLASSES: usize = 32;

impl Inventory {
    /// Takes in one object, given its key behind the destination path and the slash after it.
    pub fn add(&mut self, relative_key: &str, object: &ListedObject) {
        self.total.add_object(object.size);
        self.add_storage_class(object);
        match Place::of(relative_key) {
            Place::Loose => self.loose.add_object(object.size),
            Place::Directory { directory, key } => {
                self.directories.entry(directory.to_owned()).or_default().add(key, object);
            }
        }
    }

    fn add_storage_class(&mut self, object: &ListedObject) {
        let class = object.storage_class.as_deref().unwrap_or(DEFAULT_STORAGE_CLASS);
        if let Some(bytes) = self.storage_classes.get_mut(class) {
            *bytes = bytes.saturating_add(object.size);
            return;
        }
        let is_full = self.storage_classes.len() >= MOST_STORAGE_CLASSES;
        let class = if is_full { FURTHER_STORAGE_CLASSES } else { class };
        let bytes = self.storage_classes.entry(class.to_owned()).or_default();
        *bytes = bytes.saturating_add(object.size);
    }

    /// Every small file whose content there is to know.
    pub fn small_files(&self) -> impl Iterator<Item = &SmallFile> {
        self.directories.values().flat_map(|directory| {
            let of_backups = directory.backups.values().flat_map(BackupInventory::small_files);
            of_backups.chain(directory.wal.histories.values())
        })
    }
}
