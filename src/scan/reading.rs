//! Reading the small files of an archive, each version of each once.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use tracing::warn;

use crate::barman::BackupStatus;
use crate::inventory::{FileContent, Files, Finding, Inventory, SmallFile, UnreadableReason};
use crate::storage::{ObjectStore, Reach, StorageError};

/// Reads what is new or changed, and forgets what is gone.
pub(super) async fn read_files(
    store: &impl ObjectStore,
    archive: &str,
    inventory: &Inventory,
    files: &mut Files,
    concurrency: usize,
) -> Result<(), StorageError> {
    let listed: Vec<SmallFile> = inventory.small_files().cloned().collect();
    let (known, new): (Vec<_>, Vec<_>) =
        listed.iter().cloned().partition(|file| files.finding(file).is_some_and(is_final));
    read(store, archive, new, files, concurrency).await?;
    // Retention deletes the data of a backup before its backup.info. What is about to be called
    // incomplete may just have been deleted while it was listed.
    let doubtful = doubtful_backups(inventory, files);
    let again = known.into_iter().filter(|file| doubtful.contains(&file.object.key)).collect();
    read(store, archive, again, files, concurrency).await?;
    files.retain(&listed);
    Ok(())
}

/// Whether reading the same version again would yield the same.
fn is_final(finding: &Finding) -> bool {
    match finding {
        Finding::Read(_) => true,
        // Access may be given, or the object thawed, without a change that a listing shows.
        Finding::Unreadable { reason, .. } => *reason != UnreadableReason::Access,
        Finding::Gone => false,
    }
}

/// Keys of the `backup.info` of finished backups without all their data.
fn doubtful_backups(inventory: &Inventory, files: &Files) -> BTreeSet<String> {
    let backups = inventory.directories.values().flat_map(|directory| directory.backups.values());
    backups
        .filter_map(|backup| {
            let file = backup.info.as_ref()?;
            let info = files.backup_info(file)?;
            let is_doubtful = info.status == BackupStatus::Done && !backup.has_all_data(info);
            is_doubtful.then(|| file.object.key.clone())
        })
        .collect()
}

async fn read(
    store: &impl ObjectStore,
    archive: &str,
    wanted: Vec<SmallFile>,
    files: &mut Files,
    concurrency: usize,
) -> Result<(), StorageError> {
    let mut readings = stream::iter(wanted)
        .map(async |file: SmallFile| {
            let finding = read_one(store, &file).await?;
            Ok::<_, StorageError>((file, finding))
        })
        .buffer_unordered(concurrency);
    while let Some((file, finding)) = readings.try_next().await? {
        if !is_repeated(files.finding(&file), &finding) {
            log_finding(archive, &file, &finding);
        }
        files.insert(file, finding);
    }
    Ok(())
}

/// Whether the log has said the same of this version of the file already.
///
/// Words do not count: a store numbers its refusals.
fn is_repeated(known: Option<&Finding>, finding: &Finding) -> bool {
    match (known, finding) {
        (
            Some(Finding::Unreadable { reason: known, .. }),
            Finding::Unreadable { reason: found, .. },
        ) => known == found,
        (known, finding) => known == Some(finding),
    }
}

async fn read_one(store: &impl ObjectStore, file: &SmallFile) -> Result<Finding, StorageError> {
    let max_bytes = file.kind.max_bytes();
    let too_large = || Finding::syntax(format!("more than {max_bytes} bytes"));
    if file.object.size > max_bytes {
        return Ok(too_large());
    }
    match store.get_small(&file.object.key, max_bytes).await {
        Ok(content) => Ok(file.kind.read(&content)),
        Err(error) => match error.reach() {
            Reach::GoneObject => Ok(Finding::Gone),
            Reach::TooLargeObject => Ok(too_large()),
            Reach::RefusedObject => Ok(Finding::Unreadable {
                reason: UnreadableReason::Access,
                message: error.with_causes(),
            }),
            Reach::Scan | Reach::RefusedCall => Err(error),
        },
    }
}

fn log_finding(archive: &str, file: &SmallFile, finding: &Finding) {
    let key = file.object.key.as_str();
    match finding {
        Finding::Unreadable { reason, message } => {
            let reason = reason.as_label();
            warn!(archive, key, reason, error = message, "A file of the archive is unreadable");
        }
        Finding::Read(FileContent::BackupInfo(info)) => {
            if let BackupStatus::Unknown(status) = &info.status {
                warn!(archive, key, status, "A backup has a status that Barman does not know");
            }
            if info.has_naive_times {
                warn!(archive, key, "A backup has times without a time zone, taken as UTC");
            }
        }
        Finding::Read(_) | Finding::Gone => {}
    }
}
