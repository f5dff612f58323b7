//! Reading of an archive's small files, each version once.

use std::collections::{BTreeMap, BTreeSet};

use archive_store::{ErrorScope, ObjectStore, StorageError};
use barman_archive::barman::{BackupStatus, UnfinishedStatus, backup_directory};
use barman_archive::inventory::{
    BackupInventory, FileContent, FileReading, Inventory, SmallFile, SmallFiles, Sums,
    UnreadableReason,
};
use futures::{StreamExt, TryStreamExt, stream};
use tracing::warn;

use super::ScanContext;

/// Reader of an archive's small files, which remembers what it has read.
#[derive(Debug, Default)]
pub(super) struct SmallFileReader {
    /// Contents, by the version that was read.
    contents: SmallFiles,
    /// Keys of the files that the current scan has read. It does not try an unreadable one twice.
    tried: BTreeSet<String>,
    /// Finished backups without all their data after a second listing, by the key of their
    /// `backup.info`.
    confirmed: BTreeMap<String, ConfirmedBackup>,
}

/// Finished backup that had not all its data when it was listed a second time.
#[derive(Debug)]
struct ConfirmedBackup {
    info: SmallFile,
    stored: Sums,
}

/// Place of a backup in an inventory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BackupPlace {
    /// Directory of the server.
    pub(super) directory: String,
    /// Id of the backup.
    pub(super) id: String,
}

/// Backup as it was listed a second time.
struct RelistedBackup {
    place: BackupPlace,
    /// Content; `None` if the backup is gone.
    backup: Option<BackupInventory>,
}

/// File that was just read.
struct ReadFile {
    file: SmallFile,
    reading: FileReading,
}

impl SmallFileReader {
    /// Allows unreadable files to be tried again.
    pub(super) fn start_scan(&mut self) {
        self.tried.clear();
    }

    /// Contents of the files that were read so far.
    pub(super) const fn contents(&self) -> &SmallFiles {
        &self.contents
    }

    /// Reads what is new or changed, checks backups that seem to miss data, and forgets files that
    /// are gone.
    pub(super) async fn read_all<S: ObjectStore + 'static>(
        &mut self,
        context: &ScanContext<'_, S>,
        inventory: &mut Inventory,
    ) -> Result<(), StorageError> {
        self.read_new(context, inventory).await?;
        self.confirm_missing_data(context, inventory).await?;
        let listed: Vec<_> = inventory.small_files().cloned().collect();
        self.contents.retain(&listed);
        Ok(())
    }

    /// Reads what is new or changed.
    pub(super) async fn read_new<S: ObjectStore + 'static>(
        &mut self,
        context: &ScanContext<'_, S>,
        inventory: &Inventory,
    ) -> Result<(), StorageError> {
        let mut new = Vec::new();
        for file in inventory.small_files_of(|server| !context.expected.is_ignored(server)) {
            if self.is_to_be_read(file) {
                new.push(file.clone());
            }
        }
        self.tried
            .extend(new.iter().map(|file| file.object.key.clone()));
        self.read(context, new).await
    }

    fn is_to_be_read(&self, file: &SmallFile) -> bool {
        match self.contents.reading(file) {
            None => true,
            Some(reading) => !is_final(reading) && !self.tried.contains(&file.object.key),
        }
    }

    /// Lists finished backups again whose data were not listed.
    ///
    /// A backup may have ended after it was listed and before its `backup.info` was read. And
    /// retention deletes data before `backup.info`.
    async fn confirm_missing_data<S: ObjectStore + 'static>(
        &mut self,
        context: &ScanContext<'_, S>,
        inventory: &mut Inventory,
    ) -> Result<(), StorageError> {
        let unconfirmed = self.unconfirmed_backups(inventory);
        self.list_again(context, unconfirmed, inventory).await?;
        self.confirm(inventory);
        Ok(())
    }

    /// Finished backups without their data that were not listed again in their current state.
    fn unconfirmed_backups(&self, inventory: &Inventory) -> Vec<BackupPlace> {
        let mut places = Vec::new();
        for (directory, content) in &inventory.directories {
            for (id, backup) in &content.backups {
                if self.misses_data(backup) && !self.is_confirmed(backup) {
                    places.push(BackupPlace {
                        directory: directory.clone(),
                        id: id.clone(),
                    });
                }
            }
        }
        places
    }

    /// Returns whether a backup is finished and does not have all its data.
    fn misses_data(&self, backup: &BackupInventory) -> bool {
        let Some(file) = &backup.info else {
            return false;
        };
        let Some(info) = self.contents.backup_info(file) else {
            return false;
        };
        info.done().is_some() && !backup.has_all_data(info)
    }

    fn is_confirmed(&self, backup: &BackupInventory) -> bool {
        let Some(file) = &backup.info else {
            return true;
        };
        let Some(confirmed) = self.confirmed.get(&file.object.key) else {
            return false;
        };
        confirmed.info.is_same_version(file) && confirmed.stored == backup.usage.sums
    }

    fn confirm(&mut self, inventory: &Inventory) {
        let mut confirmed = BTreeMap::new();
        for directory in inventory.directories.values() {
            for backup in directory.backups.values() {
                let Some(info) = backup.info.clone() else {
                    continue;
                };
                if self.misses_data(backup) {
                    let stored = backup.usage.sums;
                    confirmed.insert(info.object.key.clone(), ConfirmedBackup { info, stored });
                }
            }
        }
        self.confirmed = confirmed;
    }

    /// Lists backups again, reads their changed files, and replaces them in the inventory.
    pub(super) async fn list_again<S: ObjectStore + 'static>(
        &mut self,
        context: &ScanContext<'_, S>,
        places: Vec<BackupPlace>,
        inventory: &mut Inventory,
    ) -> Result<(), StorageError> {
        let relisted: Vec<RelistedBackup> = stream::iter(places)
            .map(|place| list_backup(context, place))
            .buffer_unordered(context.concurrency())
            .try_collect()
            .await?;
        let mut changed = Vec::new();
        for backup in relisted
            .iter()
            .filter_map(|relisted| relisted.backup.as_ref())
        {
            let files = backup.small_files();
            changed.extend(
                files
                    .filter(|file| self.contents.reading(file).is_none())
                    .cloned(),
            );
        }
        self.read(context, changed).await?;
        for RelistedBackup { place, backup } in relisted {
            if let Some(directory) = inventory.directories.get_mut(&place.directory) {
                directory.replace_backup(&place.id, backup);
            }
        }
        Ok(())
    }

    async fn read<S: ObjectStore + 'static>(
        &mut self,
        context: &ScanContext<'_, S>,
        files: Vec<SmallFile>,
    ) -> Result<(), StorageError> {
        let mut readings = stream::iter(files)
            .map(|file| read_file(context.store.as_ref(), file))
            .buffer_unordered(context.concurrency());
        while let Some(ReadFile { file, reading }) = readings.try_next().await? {
            if !is_logged(self.contents.reading(&file), &reading) {
                log_reading(context.archive, &file, &reading);
            }
            self.contents.insert(file, reading);
        }
        Ok(())
    }
}

async fn list_backup<S: ObjectStore + 'static>(
    context: &ScanContext<'_, S>,
    place: BackupPlace,
) -> Result<RelistedBackup, StorageError> {
    let prefix = backup_directory(&place.directory, &place.id);
    let mut listed = context.list_few(&prefix).await?;
    let directory = listed.directories.get_mut(&place.directory);
    let backup = directory.and_then(|directory| directory.backups.remove(&place.id));
    Ok(RelistedBackup { place, backup })
}

/// Returns whether reading the same version again would yield the same.
fn is_final(reading: &FileReading) -> bool {
    match reading {
        FileReading::Read(_) => true,
        // Access may be granted, or the object thawed, without a change that a listing shows.
        FileReading::Unreadable { reason, .. } => *reason != UnreadableReason::Access,
        FileReading::Gone => false,
    }
}

/// Returns whether an earlier reading of the same version put the same message into the log.
///
/// The wording is not compared: a store numbers its refusals.
fn is_logged(known: Option<&FileReading>, reading: &FileReading) -> bool {
    match (known, reading) {
        (
            Some(FileReading::Unreadable { reason: known, .. }),
            FileReading::Unreadable { reason, .. },
        ) => known == reason,
        (known, reading) => known == Some(reading),
    }
}

async fn read_file(store: &impl ObjectStore, file: SmallFile) -> Result<ReadFile, StorageError> {
    let max_bytes = SmallFile::MAX_BYTES;
    if file.object.size > max_bytes {
        let reading = file.kind.too_large();
        return Ok(ReadFile { file, reading });
    }
    let reading = match store.get_small(&file.object.key, max_bytes).await {
        Ok(content) => file.kind.read(&content),
        Err(error) => match error.scope() {
            ErrorScope::GoneObject => FileReading::Gone,
            ErrorScope::TooLargeObject => file.kind.too_large(),
            // No version is asked for, so the store refuses it for a reason of its own.
            ErrorScope::RefusedObject | ErrorScope::ReplacedObject => FileReading::Unreadable {
                reason: UnreadableReason::Access,
                message: error.with_causes(),
            },
            ErrorScope::Scan | ErrorScope::RefusedCall => return Err(error),
        },
    };
    Ok(ReadFile { file, reading })
}

fn log_reading(archive: &str, file: &SmallFile, reading: &FileReading) {
    let key = file.object.key.as_str();
    match reading {
        FileReading::Unreadable { reason, message } => {
            let reason = reason.as_label();
            let error = message;
            warn!(target: "scan", archive, key, reason, error, "A file of the archive is unreadable");
        }
        FileReading::Read(FileContent::BackupInfo(info)) => {
            if let BackupStatus::Unfinished(UnfinishedStatus::Unknown(status)) = &info.status() {
                warn!(
                    target: "scan",
                    archive, key, status, "A backup has a status that Barman does not know"
                );
            }
            if info.has_naive_times {
                warn!(
                    target: "scan",
                    archive, key, "A backup has times without a time zone, taken as UTC"
                );
            }
        }
        FileReading::Read(_) | FileReading::Gone => {}
    }
}
