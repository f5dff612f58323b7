//! Reading the small files of an archive, each version of each once.

use std::collections::{BTreeMap, BTreeSet};

use archive_store::{ErrorScope, ObjectStore, StorageError};
use barman_archive::barman::{BackupStatus, UnfinishedStatus};
use barman_archive::inventory::{
    BackupInventory, FileContent, FileReading, Inventory, SmallFile, SmallFiles, Sums,
    UnreadableReason,
};
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use tracing::warn;

use super::Pass;
use super::range::list_range;

/// What the small files of an archive say, and what it took to be sure of it.
#[derive(Debug, Default)]
pub(super) struct FilesRead {
    /// What the files say, by the version that was read.
    pub(super) files: SmallFiles,
    /// Keys of the files that the pass under way has read: what cannot be read is not tried twice.
    tried: BTreeSet<String>,
    /// Finished backups that were listed a second time and still had not all their data, as they
    /// were then: key of `backup.info`, its version, the backup's objects.
    confirmed: BTreeMap<String, (SmallFile, Sums)>,
}

/// One backup in an inventory: the directories that lead to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BackupPlace {
    pub(super) directory: String,
    pub(super) id: String,
}

impl<S: ObjectStore + 'static> Pass<'_, S> {
    /// Reads what is new or changed, and forgets what is gone.
    pub(super) async fn read_files(
        &self,
        inventory: &mut Inventory,
        known: &mut FilesRead,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        self.read_new_files(inventory, known).await?;
        self.confirm_missing_data(inventory, known, now).await?;
        let listed: Vec<_> = inventory.small_files().cloned().collect();
        known.files.retain(&listed);
        Ok(())
    }

    /// Reads what is new or changed.
    pub(super) async fn read_new_files(
        &self,
        inventory: &Inventory,
        known: &mut FilesRead,
    ) -> Result<(), StorageError> {
        let files = &mut known.files;
        let new: Vec<_> = inventory
            .small_files_of(|server| !self.expected.is_ignored(server))
            .filter(|file| !files.reading(file).is_some_and(is_final))
            .filter(|file| files.reading(file).is_none() || !known.tried.contains(&file.object.key))
            .cloned()
            .collect();
        known.tried.extend(new.iter().map(|file| file.object.key.clone()));
        self.read(new, files).await
    }

    /// Looks again at finished backups whose data were not listed.
    ///
    /// A backup may have ended after it was listed and before its `backup.info` was read. And
    /// retention, which deletes data first, may have been at work.
    async fn confirm_missing_data(
        &self,
        inventory: &mut Inventory,
        known: &mut FilesRead,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let doubtful = known.doubtful(inventory);
        self.look_again(doubtful, inventory, &mut known.files, now).await?;
        known.confirm(inventory);
        Ok(())
    }

    /// Lists backups a second time, and takes what is found now for what they are.
    pub(super) async fn look_again(
        &self,
        places: Vec<BackupPlace>,
        inventory: &mut Inventory,
        files: &mut SmallFiles,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let again: Vec<(BackupPlace, Option<BackupInventory>)> = stream::iter(places)
            .map(async |place: BackupPlace| {
                let backup = self.list_backup(&place, now).await?;
                Ok::<_, StorageError>((place, backup))
            })
            .buffer_unordered(self.limits.concurrency.max(1))
            .try_collect()
            .await?;
        let small_files =
            again.iter().flat_map(|(_, backup)| backup).flat_map(BackupInventory::small_files);
        let changed = small_files.filter(|file| files.reading(file).is_none());
        self.read(changed.cloned().collect(), files).await?;
        for (place, backup) in again {
            if let Some(directory) = inventory.directories.get_mut(&place.directory) {
                directory.replace_backup(&place.id, backup);
            }
        }
        Ok(())
    }

    /// `None` for a backup that is gone.
    async fn list_backup(
        &self,
        place: &BackupPlace,
        now: DateTime<Utc>,
    ) -> Result<Option<BackupInventory>, StorageError> {
        let below = format!("{}/base/{}/", place.directory, place.id);
        let names = self.expected.nested_names();
        let mut fresh = list_range(self.store.as_ref(), self.prefix, &below, names, now).await?;
        let directory = fresh.directories.get_mut(&place.directory);
        Ok(directory.and_then(|directory| directory.backups.remove(&place.id)))
    }

    async fn read(
        &self,
        wanted: Vec<SmallFile>,
        files: &mut SmallFiles,
    ) -> Result<(), StorageError> {
        let mut readings = stream::iter(wanted)
            .map(async |file: SmallFile| {
                let reading = read_one(self.store.as_ref(), &file).await?;
                Ok::<_, StorageError>((file, reading))
            })
            .buffer_unordered(self.limits.concurrency.max(1));
        while let Some((file, reading)) = readings.try_next().await? {
            if !is_repeated(files.reading(&file), &reading) {
                log_reading(self.archive, &file, &reading);
            }
            files.insert(file, reading);
        }
        Ok(())
    }
}

impl FilesRead {
    /// Begins a pass.
    pub(super) fn begin(&mut self) {
        self.tried.clear();
    }

    /// Finished backups without their data that were not looked at again as they are now.
    fn doubtful(&self, inventory: &Inventory) -> Vec<BackupPlace> {
        without_data(inventory, &self.files)
            .filter(|(_, backup)| self.needs_confirmation(backup))
            .map(|(place, _)| place)
            .collect()
    }

    fn confirm(&mut self, inventory: &Inventory) {
        let confirmed = without_data(inventory, &self.files).filter_map(|(_, backup)| {
            let file = backup.info.clone()?;
            Some((file.object.key.clone(), (file, backup.usage.sums)))
        });
        self.confirmed = confirmed.collect();
    }

    fn needs_confirmation(&self, backup: &BackupInventory) -> bool {
        let Some(file) = &backup.info else { return false };
        let confirmed = self.confirmed.get(&file.object.key);
        !confirmed.is_some_and(|(then, stored)| {
            then.is_same_version(file) && *stored == backup.usage.sums
        })
    }
}

/// Finished backups without all their data.
fn without_data<'a>(
    inventory: &'a Inventory,
    files: &'a SmallFiles,
) -> impl Iterator<Item = (BackupPlace, &'a BackupInventory)> {
    let directories = inventory.directories.iter();
    let backups = directories.flat_map(|(directory, content)| {
        content.backups.iter().map(move |(id, backup)| {
            (BackupPlace { directory: directory.clone(), id: id.clone() }, backup)
        })
    });
    backups.filter(|(_, backup)| {
        let info = backup.info.as_ref().and_then(|file| files.backup_info(file));
        info.is_some_and(|info| info.done().is_some() && !backup.has_all_data(info))
    })
}

/// Whether reading the same version again would yield the same.
fn is_final(reading: &FileReading) -> bool {
    match reading {
        FileReading::Read(_) => true,
        // Access may be given, or the object thawed, without a change that a listing shows.
        FileReading::Unreadable { reason, .. } => *reason != UnreadableReason::Access,
        FileReading::Gone => false,
    }
}

/// Whether the log has said the same of this version of the file already.
///
/// Words do not count: a store numbers its refusals.
fn is_repeated(known: Option<&FileReading>, reading: &FileReading) -> bool {
    match (known, reading) {
        (
            Some(FileReading::Unreadable { reason: known, .. }),
            FileReading::Unreadable { reason: found, .. },
        ) => known == found,
        (known, reading) => known == Some(reading),
    }
}

async fn read_one(store: &impl ObjectStore, file: &SmallFile) -> Result<FileReading, StorageError> {
    let max_bytes = SmallFile::MAX_BYTES;
    if file.object.size > max_bytes {
        return Ok(file.kind.too_large());
    }
    match store.get_small(&file.object.key, max_bytes).await {
        Ok(content) => Ok(file.kind.read(&content)),
        Err(error) => match error.reach() {
            ErrorScope::GoneObject => Ok(FileReading::Gone),
            ErrorScope::TooLargeObject => Ok(file.kind.too_large()),
            ErrorScope::RefusedObject => Ok(FileReading::Unreadable {
                reason: UnreadableReason::Access,
                message: error.with_causes(),
            }),
            ErrorScope::Scan | ErrorScope::RefusedCall => Err(error),
        },
    }
}

fn log_reading(archive: &str, file: &SmallFile, reading: &FileReading) {
    let key = file.object.key.as_str();
    match reading {
        FileReading::Unreadable { reason, message } => {
            let reason = reason.as_label();
            warn!(archive, key, reason, error = message, "A file of the archive is unreadable");
        }
        FileReading::Read(FileContent::BackupInfo(info)) => {
            if let BackupStatus::Unfinished(UnfinishedStatus::Unknown(status)) = &info.status() {
                warn!(archive, key, status, "A backup has a status that Barman does not know");
            }
            if info.has_naive_times {
                warn!(archive, key, "A backup has times without a time zone, taken as UTC");
            }
        }
        FileReading::Read(_) | FileReading::Gone => {}
    }
}
