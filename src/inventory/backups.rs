//! One directory below `base/`.

use std::collections::BTreeMap;

use crate::barman::{BackupFile, BackupInfo, DataItem};
use crate::postgres::Runs;

use super::{FileKind, ListedObject, SmallFile, Sums};

/// What one directory below `base/` contains.
#[derive(Clone, Debug, Default)]
pub struct BackupInventory {
    /// All its objects, markers included.
    pub stored: Sums,
    /// Whether there is anything that makes it a backup, or what is left of one: neither a keep
    /// annotation alone nor empty keys that end in a slash, as consoles make them.
    pub has_objects: bool,
    /// Its `backup.info`; `None` if there is none.
    pub info: Option<SmallFile>,
    /// Its keep annotation; `None` if there is none.
    pub keep: Option<SmallFile>,
    /// The parts that are there of the data directory and of each tablespace.
    data: BTreeMap<DataItem, Runs>,
}

impl BackupInventory {
    /// Takes in one of the directory's objects.
    pub fn add(&mut self, file: BackupFile, object: &ListedObject) {
        let small_file = |kind| Some(SmallFile { object: object.clone(), kind });
        self.stored.add_object(object.size);
        self.has_objects |= !object.is_marker() && file != BackupFile::Keep;
        match file {
            BackupFile::Info => self.info = small_file(FileKind::BackupInfo),
            BackupFile::Keep => self.keep = small_file(FileKind::Keep),
            // Not even the tar of an empty directory is empty.
            BackupFile::Data(_) if object.size == 0 => {}
            BackupFile::Data(data) => {
                self.data.entry(data.item).or_default().insert(u64::from(data.part));
            }
            BackupFile::Other => {}
        }
    }

    /// The files in it whose content there is to know.
    pub fn small_files(&self) -> impl Iterator<Item = &SmallFile> {
        self.info.iter().chain(&self.keep)
    }

    /// Whether the objects of the data directory and of every tablespace are there.
    ///
    /// Barman takes one object of each for enough (`CloudBackupCatalog.get_backup_files`) and does
    /// not notice when a part between two others is gone; half the files would then be, so here it
    /// does count. A snapshot backup has no data objects and needs none.
    #[must_use]
    pub fn has_all_data(&self, info: &BackupInfo) -> bool {
        let tablespaces = info.tablespace_oids.iter().copied().map(DataItem::Tablespace);
        let mut items = std::iter::once(DataItem::Data).chain(tablespaces);
        let is_whole =
            |item: DataItem| self.data.get(&item).is_some_and(Runs::begins_at_zero_and_has_no_hole);
        info.is_snapshot || items.all(is_whole)
    }
}
