//! Everything below one destination path.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use chrono::{DateTime, Utc};

use crate::barman::{NestedNames, Place, ServerKey};
use crate::postgres::LogName;

use super::logged_files::ROOMS;
use super::{
    BackupInventory, DirectoryInventory, ListedObject, LogInventory, LoggedFile, SmallFile, Stock,
};

/// What an archive contains: every object that was listed, whatever its key.
///
/// Nothing in here is a sum over all of it: parts can be put in the place of others.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// Objects in no directory.
    pub loose: Stock,
    /// The directories below the destination path, by name.
    pub directories: BTreeMap<String, DirectoryInventory>,
    /// Logs to which objects were added since files were last packed, the last ones last.
    recent_logs: Vec<(String, LogName)>,
    /// Memory that packed files take, in bytes.
    packed: usize,
    /// Room that packed files leave, to be used again: what stays of a log is small, and would lie
    /// between what its files leave and what the next one's ask for.
    spare: Vec<Vec<LoggedFile>>,
    /// Logs whose files are asked for: they are not forgotten.
    asked: BTreeSet<(String, LogName)>,
    /// Server names that contain a slash.
    names: NestedNames,
    room: Room,
}

/// How much there is room for.
#[derive(Clone, Copy, Debug)]
struct Room {
    /// Memory for the files of logs, in bytes: enough for more than two million segments.
    files: usize,
    /// Memory for them in an archive that has more, whose logs themselves take memory.
    files_of_many: usize,
    /// How many logs are taken for unfinished: listings run in parallel, and each is in one of them.
    logs_under_way: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { files: 16 << 20, files_of_many: 256 << 10, logs_under_way: 256 }
    }
}

impl Inventory {
    /// Creates an inventory that packs and forgets as a large one does.
    #[cfg(test)]
    pub(crate) fn with_room(files: usize, logs_under_way: usize) -> Self {
        Self { room: Room { files, files_of_many: files, logs_under_way }, ..Self::default() }
    }

    /// Creates the empty inventory of an archive that has servers with these names.
    #[must_use]
    pub fn with_names(names: NestedNames) -> Self {
        Self { names, ..Self::default() }
    }

    /// Keeps the files of these logs from being forgotten; each server may have a few such logs.
    #[must_use]
    pub fn keeping(self, asked: BTreeSet<(String, LogName)>) -> Self {
        Self { asked, ..self }
    }

    /// Has as much room for the files of logs as another one: an archive that was too large for them stays so.
    #[must_use]
    pub fn with_room_of(mut self, other: &Self) -> Self {
        self.room = other.room;
        self
    }

    /// Takes in one object, given its key behind the destination path and the slash after it.
    pub fn add(&mut self, relative_key: &str, object: &ListedObject) {
        match Place::among(relative_key, &self.names) {
            Place::Loose => self.loose.add_object(object),
            Place::Directory { directory, key } => {
                match self.directories.get_mut(directory) {
                    Some(known) => known.add(key, object),
                    None => {
                        self.directories.entry(directory.to_owned()).or_default().add(key, object);
                    }
                }
                if let ServerKey::Wal(wal) = key
                    && let Some(log) = wal.log
                {
                    self.note_log(directory, log);
                }
            }
        }
    }

    /// Every small file whose content there is to know.
    pub fn small_files(&self) -> impl Iterator<Item = &SmallFile> {
        self.small_files_of(|_| true)
    }

    /// Returns every small file whose content is to be read, from the directories that are wanted.
    pub fn small_files_of(
        &self,
        is_wanted: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = &SmallFile> {
        let wanted = self.directories.iter().filter(move |(name, _)| is_wanted(name));
        wanted.flat_map(|(_, directory)| {
            let of_backups = directory.backups.values().flat_map(BackupInventory::small_files);
            of_backups.chain(directory.wal.beside.histories.values())
        })
    }

    /// What all of it takes.
    #[must_use]
    pub fn total(&self) -> Stock {
        let mut total = self.loose.clone();
        let directories = self.directories.values();
        directories.flat_map(DirectoryInventory::stocks).for_each(|stock| total.add(stock));
        total
    }

    /// Ends a listing that began at this moment: to be called when everything is listed.
    pub fn settle(&mut self, listed_at: DateTime<Utc>) {
        self.pack_files(0);
        self.spare = Vec::new();
        let directories = self.directories.values_mut();
        directories.flat_map(|it| it.wal.logs.values_mut()).for_each(|log| log.settle(listed_at));
    }

    /// Forgets the files of logs, of those first that were listed first, as far as there is no room
    /// for them: logs may have been taken over from other listings.
    pub fn bound_files(&mut self) {
        let asked = &self.asked;
        let logs = self.directories.iter_mut().flat_map(|(directory, it)| {
            let logs = it.wal.logs.iter_mut();
            logs.filter(move |(name, _)| !asked.contains(&(directory.clone(), **name)))
        });
        let holding = logs.filter(|(_, log)| log.has_packed_files());
        let mut holding: Vec<_> =
            holding.map(|(_, log)| (log.listed_at, log.files_size(), log)).collect();
        holding.sort_by_key(|(listed_at, ..)| std::cmp::Reverse(*listed_at));
        let mut held = 0;
        for (_, size, log) in holding {
            held += size;
            if held > self.room.files {
                log.forget_files();
                self.packed = self.packed.saturating_sub(size);
            }
        }
    }

    /// The oldest moment at which any log was listed; `None` without any.
    #[must_use]
    pub fn oldest_listing(&self) -> Option<DateTime<Utc>> {
        let logs = self.directories.values().flat_map(|it| it.wal.logs.values());
        logs.filter_map(|log| log.listed_at).min()
    }

    fn note_log(&mut self, directory: &str, log: LogName) {
        let is_same = |(known, name): &(String, LogName)| *name == log && known == directory;
        if self.recent_logs.last().is_some_and(is_same) {
            return;
        }
        self.recent_logs.push((directory.to_owned(), log));
        self.make_room(directory, log);
        if self.recent_logs.len() > 2 * self.room.logs_under_way {
            self.pack_files(self.room.logs_under_way);
        }
    }

    /// Has a log that is begun keep its files where others were.
    fn make_room(&mut self, directory: &str, log: LogName) {
        if let Some(spare) = self.spare.pop() {
            let unused = match self.log_mut(directory, log) {
                Some(log) => log.move_files(spare),
                None => Some(spare),
            };
            self.spare.extend(unused);
        }
    }

    /// Packs the files of all logs but the last ones, which may not be finished. Where there is no
    /// room for them, they are forgotten.
    fn pack_files(&mut self, under_way: usize) {
        let finished = self.recent_logs.len().saturating_sub(under_way);
        let under_way = self.recent_logs.split_off(finished);
        let finished = mem::replace(&mut self.recent_logs, under_way);
        let still: BTreeSet<_> = self.recent_logs.iter().cloned().collect();
        let mut is_full = false;
        for (directory, name) in finished.into_iter().filter(|log| !still.contains(log)) {
            let is_asked = self.asked.contains(&(directory.clone(), name));
            let most = self.room.files.saturating_sub(self.packed);
            let most = if is_asked { usize::MAX } else { most };
            let Some(log) = self.log_mut(&directory, name) else { continue };
            let before = log.files_size();
            let packing = log.pack_files(most);
            let size = log.files_size();
            self.packed = (self.packed + size).saturating_sub(before);
            is_full |= packing.is_too_large;
            // A room as small as a new log's own would never be taken, and keep others from being.
            self.spare.extend(packing.room.filter(|room| ROOMS.contains(&room.capacity())));
        }
        if is_full && self.room.files > self.room.files_of_many {
            self.room.files = self.room.files_of_many;
            self.bound_files();
        }
    }

    fn log_mut(&mut self, directory: &str, log: LogName) -> Option<&mut LogInventory> {
        self.directories.get_mut(directory)?.wal.logs.get_mut(&log).map(AsMut::as_mut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(hour: u32) -> DateTime<Utc> {
        format!("2026-11-15T{hour:02}:00:00Z").parse().unwrap()
    }

    fn add_log(inventory: &mut Inventory, log: u32) {
        add_segments(inventory, log, 4);
    }

    fn add_segments(inventory: &mut Inventory, log: u32, segments: u32) {
        for segment in 0..segments {
            let key = format!("s/wals/00000001{log:08X}/00000001{log:08X}{segment:08X}");
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
    fn a_log_without_files_is_no_sign_of_a_full_room() {
        let mut inventory = Inventory::with_room(1 << 20, 1);
        inventory.room.files_of_many = 0;
        let object = ListedObject {
            key: "s/wals/0000000100000000/".to_owned(),
            size: 0,
            last_modified: hour(0),
            etag: None,
            storage_class: None,
        };
        inventory.add(&object.key, &object);
        for log in 1..9 {
            add_log(&mut inventory, log);
        }
        inventory.settle(hour(0));

        assert_eq!(remembered(&inventory), [[false].as_slice(), &[true; 8]].concat());
        let next = Inventory::default().with_room_of(&inventory);
        assert_eq!(next.room.files, 1 << 20);
    }

    fn size_of_a_log() -> usize {
        let mut inventory = Inventory::default();
        add_log(&mut inventory, 0);
        inventory.settle(hour(0));
        inventory.packed
    }

    #[test]
    fn more_logs_are_remembered_packed_than_there_are_under_way() {
        let mut inventory = Inventory::with_room(usize::MAX, 4);
        for log in 0..100 {
            add_log(&mut inventory, log);
        }
        let one_more = ListedObject {
            key: "s/wals/0000000100000000/000000010000000000000009".to_owned(),
            size: 1,
            last_modified: hour(0),
            etag: None,
            storage_class: None,
        };
        // A listing that runs in parallel comes back to a log.
        inventory.add(&one_more.key, &one_more);
        inventory.settle(hour(1));

        assert_eq!(remembered(&inventory), [true; 100]);
        let first = inventory.directories["s"].wal.logs.values().next().unwrap();
        assert_eq!(first.files().unwrap().count(), 5);
    }

    fn remembered(inventory: &Inventory) -> Vec<bool> {
        let logs = inventory.directories["s"].wal.logs.values();
        logs.map(|log| log.files().is_some()).collect()
    }

    #[test]
    fn rooms_of_small_logs_do_not_keep_those_of_others_from_being_used_again() {
        let mut inventory = Inventory::with_room(1000, 1);

        for log in 0..2000 {
            add_segments(&mut inventory, log, if log % 10 == 0 { 1 } else { 40 });
        }

        assert!(inventory.spare.len() < 40, "{}", inventory.spare.len());
    }

    #[test]
    fn files_that_are_asked_for_are_not_forgotten() {
        let asked = ("s".to_owned(), LogName::parse("0000000100000001").unwrap());
        let mut inventory =
            Inventory { asked: BTreeSet::from([asked]), ..Inventory::with_room(0, 1) };
        for log in 0..5 {
            add_log(&mut inventory, log);
        }
        inventory.settle(hour(1));

        assert_eq!(remembered(&inventory), [false, true, false, false, false]);

        inventory.bound_files();

        assert_eq!(remembered(&inventory), [false, true, false, false, false]);
    }

    #[test]
    fn files_of_logs_that_were_taken_over_are_forgotten_oldest_first_where_there_is_no_room() {
        let mut inventory = Inventory::with_room(2 * size_of_a_log(), 256);
        for log in 0..5 {
            add_log(&mut inventory, log);
            // As if each came from a listing of its own.
            inventory.settle(hour(log));
            inventory.packed = 0;
        }

        inventory.bound_files();

        assert_eq!(remembered(&inventory), [false, false, false, true, true]);
        assert_eq!(inventory.oldest_listing(), Some(hour(0)));
        assert_eq!(inventory.total().sums.objects, 20);
    }
}
