//! One directory below `base/`.

use std::collections::{BTreeMap, BTreeSet};

use super::{FileKind, ListedObject, SmallFile, SomeNames, SomeObjects, Sums, Usage};
use chrono::{DateTime, Utc};

use crate::barman::{BackupFile, BackupInfo, Compression, DataItem};
use crate::postgres::Runs;

/// Content of one directory below `base/`.
#[derive(Clone, Debug, Default)]
pub struct BackupInventory {
    /// Usage of all its objects, markers included.
    pub usage: Usage,
    /// True if the directory contains a backup or remains of one. A keep annotation alone and empty
    /// keys that end in a slash, as consoles create them, do not count.
    pub has_objects: bool,
    /// Its `backup.info`; `None` if there is none.
    pub info: Option<SmallFile>,
    /// Its keep annotation; `None` if there is none.
    pub keep: Option<SmallFile>,
    /// Objects of the data directory and of each tablespace.
    data: BTreeMap<DataItem, DataInventory>,
}

/// Objects of the data directory or of one tablespace.
#[derive(Clone, Debug, Default)]
struct DataInventory {
    /// Numbers of the parts. Empty objects do not count: even the tar file of an empty directory
    /// has content.
    parts: Runs,
    stored: SomeObjects,
    /// Latest arrival of an object; `None` without any.
    arrived_at: Option<DateTime<Utc>>,
}

/// State of a backup's data objects in a listing: it changes when one of them is written again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataState {
    /// Number and size of the data objects.
    pub sums: Sums,
    /// Latest arrival of one of them; `None` without any.
    pub arrived_at: Option<DateTime<Utc>>,
}

impl BackupInventory {
    /// Adds one of the directory's objects.
    pub fn add(&mut self, file: BackupFile, object: &ListedObject) {
        let small_file = |kind| {
            Some(SmallFile {
                object: object.clone(),
                kind,
            })
        };
        self.usage.add_object(object);
        self.has_objects |= !object.is_marker() && file != BackupFile::Keep;
        match file {
            BackupFile::Info => self.info = small_file(FileKind::BackupInfo),
            BackupFile::Keep => self.keep = small_file(FileKind::Keep),
            BackupFile::Data(data) => {
                let item = self.data.entry(data.item).or_default();
                item.stored.add_object(object);
                item.arrived_at = item.arrived_at.max(Some(object.last_modified));
                if object.size > 0 {
                    item.parts.insert(u64::from(data.part));
                }
            }
            BackupFile::Other => {}
        }
    }

    /// Returns its files whose content is to be read.
    pub fn small_files(&self) -> impl Iterator<Item = &SmallFile> {
        self.info.iter().chain(&self.keep)
    }

    /// Returns whether the objects of the data directory and of every tablespace are present.
    ///
    /// Barman takes one object of each for enough (`CloudBackupCatalog.get_backup_files`) and does
    /// not notice when a part between two others is gone; half the files would then be, so here it
    /// does count. A snapshot backup has no data objects and needs none.
    #[must_use]
    pub fn has_all_data(&self, info: &BackupInfo) -> bool {
        info.is_snapshot || items(info).all(|item| self.has_all_parts(item))
    }

    fn has_all_parts(&self, item: DataItem) -> bool {
        match self.data.get(&item) {
            Some(data) => data.parts.begins_at_zero_and_has_no_hole(),
            None => false,
        }
    }

    /// Names of the missing objects of the data directory and of tablespaces, without compression
    /// endings: the first missing part of each item.
    ///
    /// Empty for snapshots and for backups that miss nothing.
    #[must_use]
    pub fn missing_data(&self, info: &BackupInfo) -> SomeNames {
        let mut missing = SomeNames::default();
        if info.is_snapshot {
            return missing;
        }
        for item in items(info) {
            if let Some(part) = self.first_missing_part(item) {
                missing.add(&stem(item, part));
            }
        }
        missing
    }

    /// Number of the first missing part of an item; `None` if none is missing up to the last one.
    fn first_missing_part(&self, item: DataItem) -> Option<u64> {
        let Some(data) = self.data.get(&item) else {
            return Some(0);
        };
        match data.parts.last() {
            Some(last) => data.parts.first_missing(0, last),
            None => Some(0),
        }
    }

    /// Sums of the objects that Barman knows: `backup.info`, the data directory, every tablespace.
    /// A restore reads exactly these, and a deletion removes exactly these.
    #[must_use]
    pub fn own_objects(&self, info: &BackupInfo) -> SomeObjects {
        let mut own = SomeObjects::default();
        if let Some(file) = &self.info {
            own.add_object(&file.object);
        }
        for item in items(info) {
            if let Some(data) = self.data.get(&item) {
                own.add(data.stored);
            }
        }
        own
    }

    /// State of its data objects.
    #[must_use]
    pub fn data_state(&self) -> DataState {
        let mut state = DataState::default();
        for data in self.data.values() {
            state.sums.add(data.stored.sums);
            state.arrived_at = state.arrived_at.max(data.arrived_at);
        }
        state
    }

    /// Names in the backup's directory that an upload to it can have: for each item, the missing
    /// parts up to the one after the last, with every compression ending.
    ///
    /// Barman uploads the parts of an item one after the other (`CloudUploadController`).
    #[must_use]
    pub fn upload_names(&self, info: Option<&BackupInfo>) -> Vec<String> {
        let mut all: BTreeSet<DataItem> = self.data.keys().copied().collect();
        all.insert(DataItem::Data);
        if let Some(info) = info {
            all.extend(items(info));
        }
        let mut names = Vec::new();
        for item in all {
            names.extend(self.upload_names_of(item));
        }
        names
    }

    fn upload_names_of(&self, item: DataItem) -> Vec<String> {
        let Some(data) = self.data.get(&item) else {
            return with_endings(&stem(item, 0));
        };
        let next = match data.parts.last() {
            Some(last) => last.saturating_add(1),
            None => 0,
        };
        let missing = (0..=next).filter(|part| !data.parts.contains(*part));
        let mut names = Vec::new();
        for part in missing.take(MAX_MISSING_PARTS) {
            names.extend(with_endings(&stem(item, part)));
        }
        names
    }
}

/// Maximum number of missing parts of one item that are taken for uploads in progress.
const MAX_MISSING_PARTS: usize = 3;

/// Name of a part of an item, without its compression ending.
fn stem(item: DataItem, part: u64) -> String {
    let name = match item {
        DataItem::Data => "data".to_owned(),
        DataItem::Tablespace(oid) => oid.to_string(),
    };
    if part == 0 {
        format!("{name}.tar")
    } else {
        format!("{name}_{part:04}.tar")
    }
}

/// Returns a name with each compression ending that `barman-cloud-backup` may give it.
fn with_endings(stem: &str) -> Vec<String> {
    let mut names = vec![stem.to_owned()];
    for compression in Compression::ALL {
        if compression != Compression::Xz {
            names.push(format!("{stem}{}", compression.ending()));
        }
    }
    names
}

/// Items that a backup consists of: the data directory and each tablespace.
fn items(info: &BackupInfo) -> impl Iterator<Item = DataItem> {
    let tablespaces = info
        .tablespace_oids
        .iter()
        .copied()
        .map(DataItem::Tablespace);
    std::iter::once(DataItem::Data).chain(tablespaces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::barman::DataObject;

    #[test]
    fn an_upload_goes_on_with_the_parts_that_are_missing() {
        let object = ListedObject {
            key: "data.tar".to_owned(),
            size: 1,
            last_modified: DateTime::UNIX_EPOCH,
            etag: None,
            storage_class: None,
        };
        let mut backup = BackupInventory::default();
        let empty = backup.upload_names(None);
        for part in [0, 2] {
            let data = DataObject {
                item: DataItem::Data,
                part,
                compression: None,
            };
            backup.add(BackupFile::Data(data), &object);
        }
        let tablespace = DataObject {
            item: DataItem::Tablespace(16411),
            part: 0,
            compression: None,
        };
        backup.add(BackupFile::Data(tablespace), &object);

        let begun = backup.upload_names(None);

        assert_eq!(
            empty,
            ["", ".gz", ".bz2", ".snappy", ".zst", ".lz4"].map(|end| format!("data.tar{end}"))
        );
        let stems = ["data_0001.tar", "data_0003.tar", "16411_0001.tar"];
        assert_eq!(begun, stems.map(with_endings).concat());
    }
}
