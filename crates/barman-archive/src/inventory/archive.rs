//! Inventory of one destination path.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use chrono::{DateTime, Utc};

use super::wal_dir_files::REUSED_CAPACITIES;
use super::{
    BackupInventory, DirectoryInventory, ListedObject, SmallFile, Usage, WalDirFile,
    WalDirInventory,
};
use crate::barman::{NestedNames, ObjectLocation, ServerKey};
use crate::postgres::WalDir;

/// Content of an archive: every object that was listed, whatever its key.
///
/// Does not store any total, so parts can be replaced by later ones.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// Objects outside any directory.
    pub loose: Usage,
    /// Directories below the destination path, by name.
    pub directories: BTreeMap<String, DirectoryInventory>,
    /// WAL directories that have received objects since files were last packed, the latest ones
    /// last.
    recent_wal_dirs: Vec<(String, WalDir)>,
    /// Memory of all packed files, in bytes.
    packed_bytes: usize,
    /// Buffers that packed files have left, for reuse: the rest of a WAL directory is small, and
    /// would be allocated between the buffer of its files and that of the next ones.
    free_buffers: Vec<Vec<WalDirFile>>,
    /// WAL directories whose files were requested: these are not forgotten.
    requested: BTreeSet<(String, WalDir)>,
    /// Server names that contain a slash.
    names: NestedNames,
    limits: MemoryLimits,
}

/// Limits of the memory that the files of WAL directories may use.
#[derive(Clone, Copy, Debug)]
struct MemoryLimits {
    /// Memory for the files of WAL directories, in bytes: enough for more than two million segments.
    files: usize,
    /// Memory for them in an archive with more segments, whose WAL directories need memory
    /// themselves, in bytes.
    files_of_many: usize,
    /// Number of WAL directories that may be unfinished: listings run in parallel, and each of them
    /// is in one.
    wal_dirs_under_way: usize,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self {
            files: 16 << 20,
            files_of_many: 256 << 10,
            wal_dirs_under_way: 256,
        }
    }
}

impl Inventory {
    /// Creates an empty inventory with these limits: `files` bytes of packed files, and the number
    /// of WAL directories that are not packed yet.
    #[cfg(any(test, feature = "test-archives"))]
    #[must_use]
    pub fn with_memory_limits(files: usize, wal_dirs_under_way: usize) -> Self {
        Self {
            limits: MemoryLimits {
                files,
                files_of_many: files,
                wal_dirs_under_way,
            },
            ..Self::default()
        }
    }

    /// Creates the empty inventory of an archive that has servers with these names.
    #[must_use]
    pub fn with_names(names: NestedNames) -> Self {
        Self {
            names,
            ..Self::default()
        }
    }

    /// Prevents the files of these WAL directories from being forgotten; each server may have a few
    /// such WAL directories.
    #[must_use]
    pub fn keeping(self, requested: BTreeSet<(String, WalDir)>) -> Self {
        Self { requested, ..self }
    }

    /// Uses the memory limits of another inventory: an archive that was too large for the normal
    /// limit stays so.
    #[must_use]
    pub fn with_memory_limits_of(mut self, other: &Self) -> Self {
        self.limits = other.limits;
        self
    }

    /// Adds an object, given its key after the destination path and the slash.
    pub fn add(&mut self, relative_key: &str, object: &ListedObject) {
        match ObjectLocation::among(relative_key, &self.names) {
            ObjectLocation::Loose => self.loose.add_object(object),
            ObjectLocation::Directory { directory, key } => {
                match self.directories.get_mut(directory) {
                    Some(known) => known.add(key, object),
                    None => {
                        self.directories
                            .entry(directory.to_owned())
                            .or_default()
                            .add(key, object);
                    }
                }
                if let ServerKey::Wal(wal) = key
                    && let Some(wal_dir) = wal.wal_dir
                {
                    self.note_wal_dir(directory, wal_dir);
                }
            }
        }
    }

    /// Returns every small file whose content is to be read.
    pub fn small_files(&self) -> impl Iterator<Item = &SmallFile> {
        self.small_files_of(|_| true)
    }

    /// Returns every small file whose content is to be read, from the directories that are wanted.
    pub fn small_files_of(
        &self,
        is_wanted: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = &SmallFile> {
        let wanted = self
            .directories
            .iter()
            .filter(move |(name, _)| is_wanted(name));
        wanted.flat_map(|(_, directory)| {
            let of_backups = directory
                .backups
                .values()
                .flat_map(BackupInventory::small_files);
            of_backups.chain(directory.wal.outside_wal_dirs.histories.values())
        })
    }

    /// Sum of all objects.
    #[must_use]
    pub fn total(&self) -> Usage {
        let mut total = self.loose.clone();
        for directory in self.directories.values() {
            for usage in directory.usages() {
                total.add(usage);
            }
        }
        total
    }

    /// Ends a listing that started at this moment. Called when everything is listed.
    pub fn settle(&mut self, listed_at: DateTime<Utc>) {
        self.pack_files(0);
        self.free_buffers = Vec::new();
        for directory in self.directories.values_mut() {
            for wal_dir in directory.wal.dirs.values_mut() {
                wal_dir.settle(listed_at);
            }
        }
    }

    /// Forgets files of WAL directories, oldest listing first, until the rest fits into the memory
    /// limit. Necessary after WAL directories have been taken over from other listings.
    pub fn bound_files(&mut self) {
        let mut packed = Vec::new();
        for (server, directory) in &mut self.directories {
            for (name, wal_dir) in &mut directory.wal.dirs {
                let may_forget = wal_dir.has_packed_files()
                    && !self.requested.contains(&(server.clone(), *name));
                if may_forget {
                    packed.push(wal_dir);
                }
            }
        }
        packed.sort_by_key(|wal_dir| Reverse(wal_dir.listed_at));
        let mut total_size = 0;
        for wal_dir in packed {
            let size = wal_dir.files_size();
            total_size += size;
            if total_size > self.limits.files {
                wal_dir.forget_files();
                self.packed_bytes = self.packed_bytes.saturating_sub(size);
            }
        }
    }

    /// Start of the oldest listing of any WAL directory; `None` without any.
    #[must_use]
    pub fn oldest_listing(&self) -> Option<DateTime<Utc>> {
        let wal_dirs = self
            .directories
            .values()
            .flat_map(|directory| directory.wal.dirs.values());
        wal_dirs.filter_map(|wal_dir| wal_dir.listed_at).min()
    }

    fn note_wal_dir(&mut self, directory: &str, wal_dir: WalDir) {
        if let Some((last_directory, last_name)) = self.recent_wal_dirs.last()
            && *last_name == wal_dir
            && last_directory == directory
        {
            return;
        }
        self.recent_wal_dirs.push((directory.to_owned(), wal_dir));
        self.reuse_buffer(directory, wal_dir);
        if self.recent_wal_dirs.len() > 2 * self.limits.wal_dirs_under_way {
            self.pack_files(self.limits.wal_dirs_under_way);
        }
    }

    /// Gives a new WAL directory a buffer that an earlier one has left.
    fn reuse_buffer(&mut self, directory: &str, wal_dir: WalDir) {
        let Some(buffer) = self.free_buffers.pop() else {
            return;
        };
        let unused = match self.wal_dir_mut(directory, wal_dir) {
            Some(wal_dir) => wal_dir.move_files(buffer),
            None => Some(buffer),
        };
        self.free_buffers.extend(unused);
    }

    /// Packs the files of all WAL directories except the last ones, which may be unfinished. Files
    /// that exceed the memory limit are forgotten.
    fn pack_files(&mut self, unfinished: usize) {
        let finished_count = self.recent_wal_dirs.len().saturating_sub(unfinished);
        let unfinished = self.recent_wal_dirs.split_off(finished_count);
        let finished = mem::replace(&mut self.recent_wal_dirs, unfinished);
        let unfinished: BTreeSet<_> = self.recent_wal_dirs.iter().cloned().collect();
        let mut is_full = false;
        for wal_dir in finished {
            if unfinished.contains(&wal_dir) {
                continue;
            }
            let is_requested = self.requested.contains(&wal_dir);
            let free_bytes = self.limits.files.saturating_sub(self.packed_bytes);
            let max_bytes = if is_requested { usize::MAX } else { free_bytes };
            let (directory, name) = wal_dir;
            let Some(wal_dir) = self.wal_dir_mut(&directory, name) else {
                continue;
            };
            let size_before = wal_dir.files_size();
            let packing = wal_dir.pack_files(max_bytes);
            let size = wal_dir.files_size();
            self.packed_bytes = (self.packed_bytes + size).saturating_sub(size_before);
            is_full |= packing.is_too_large;
            // A buffer as small as a new WAL directory's own would never be used, and keep others
            // from being used.
            if let Some(buffer) = packing.buffer
                && REUSED_CAPACITIES.contains(&buffer.capacity())
            {
                self.free_buffers.push(buffer);
            }
        }
        if is_full && self.limits.files > self.limits.files_of_many {
            self.limits.files = self.limits.files_of_many;
            self.bound_files();
        }
    }

    fn wal_dir_mut(&mut self, directory: &str, wal_dir: WalDir) -> Option<&mut WalDirInventory> {
        self.directories
            .get_mut(directory)?
            .wal
            .dirs
            .get_mut(&wal_dir)
            .map(AsMut::as_mut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(hour: u32) -> DateTime<Utc> {
        format!("2026-11-15T{hour:02}:00:00Z").parse().unwrap()
    }

    fn add_wal_dir(inventory: &mut Inventory, high: u32) {
        add_segments(inventory, high, 4);
    }

    fn add_segments(inventory: &mut Inventory, high: u32, segments: u32) {
        for segment in 0..segments {
            let key = format!("s/wals/00000001{high:08X}/00000001{high:08X}{segment:08X}");
            let object = ListedObject {
                key: key.clone(),
                size: 1,
                last_modified: hour(0),
                etag: None,
                storage_class: None,
            };
            inventory.add(&key, &object);
        }
    }

    #[test]
    fn a_wal_dir_without_files_is_no_sign_of_a_full_memory() {
        let mut inventory = Inventory::with_memory_limits(1 << 20, 1);
        inventory.limits.files_of_many = 0;
        let object = ListedObject {
            key: "s/wals/0000000100000000/".to_owned(),
            size: 0,
            last_modified: hour(0),
            etag: None,
            storage_class: None,
        };
        inventory.add(&object.key, &object);
        for wal_dir in 1..9 {
            add_wal_dir(&mut inventory, wal_dir);
        }
        inventory.settle(hour(0));

        assert_eq!(
            remembered(&inventory),
            [[false].as_slice(), &[true; 8]].concat()
        );
        let next = Inventory::default().with_memory_limits_of(&inventory);
        assert_eq!(next.limits.files, 1 << 20);
    }

    fn size_of_a_wal_dir() -> usize {
        let mut inventory = Inventory::default();
        add_wal_dir(&mut inventory, 0);
        inventory.settle(hour(0));
        inventory.packed_bytes
    }

    #[test]
    fn finished_wal_dirs_are_remembered_packed() {
        let mut inventory = Inventory::with_memory_limits(usize::MAX, 4);
        for wal_dir in 0..100 {
            add_wal_dir(&mut inventory, wal_dir);
        }
        let one_more = ListedObject {
            key: "s/wals/0000000100000000/000000010000000000000009".to_owned(),
            size: 1,
            last_modified: hour(0),
            etag: None,
            storage_class: None,
        };
        // A listing that runs in parallel comes back to a WAL directory.
        inventory.add(&one_more.key, &one_more);
        inventory.settle(hour(1));

        assert_eq!(remembered(&inventory), [true; 100]);
        let first = inventory.directories["s"].wal.dirs.values().next().unwrap();
        assert_eq!(first.files().unwrap().count(), 5);
    }

    fn remembered(inventory: &Inventory) -> Vec<bool> {
        let wal_dirs = inventory.directories["s"].wal.dirs.values();
        wal_dirs.map(|wal_dir| wal_dir.files().is_some()).collect()
    }

    #[test]
    fn small_buffers_do_not_keep_larger_ones_from_being_reused() {
        let mut inventory = Inventory::with_memory_limits(1000, 1);

        for wal_dir in 0..2000 {
            add_segments(
                &mut inventory,
                wal_dir,
                if wal_dir % 10 == 0 { 1 } else { 40 },
            );
        }

        assert!(
            inventory.free_buffers.len() < 40,
            "{}",
            inventory.free_buffers.len()
        );
    }

    #[test]
    fn requested_files_are_not_forgotten() {
        let requested = ("s".to_owned(), WalDir::parse("0000000100000001").unwrap());
        let mut inventory = Inventory {
            requested: BTreeSet::from([requested]),
            ..Inventory::with_memory_limits(0, 1)
        };
        for wal_dir in 0..5 {
            add_wal_dir(&mut inventory, wal_dir);
        }
        inventory.settle(hour(1));

        assert_eq!(remembered(&inventory), [false, true, false, false, false]);

        inventory.bound_files();

        assert_eq!(remembered(&inventory), [false, true, false, false, false]);
    }

    #[test]
    fn files_of_the_oldest_listing_are_forgotten_first() {
        let mut inventory = Inventory::with_memory_limits(2 * size_of_a_wal_dir(), 256);
        for wal_dir in 0..5 {
            add_wal_dir(&mut inventory, wal_dir);
            // As if each came from a listing of its own.
            inventory.settle(hour(wal_dir));
            inventory.packed_bytes = 0;
        }

        inventory.bound_files();

        assert_eq!(remembered(&inventory), [false, false, false, true, true]);
        assert_eq!(inventory.oldest_listing(), Some(hour(0)));
        assert_eq!(inventory.total().sums.objects, 20);
    }
}
