//! Backups that may have unfinished uploads.

use barman_archive::barman::backup_directory;
use barman_archive::inventory::{BackupInventory, Inventory, SmallFiles};

/// Backup whose data are not known to be copied to the end, with the keys that uploads to it can have.
#[derive(Debug)]
pub(super) struct UploadCandidate {
    /// Directory of the backup relative to the archive's prefix, with a slash at the end.
    pub(super) directory: String,
    /// Id of the backup.
    id: String,
    /// Names in the directory that uploads can have.
    names: Vec<String>,
}

impl UploadCandidate {
    /// Returns the keys that uploads to the backup can have.
    pub(super) fn upload_keys(&self, prefix: &str) -> Vec<String> {
        let directory = &self.directory;
        self.names
            .iter()
            .map(|name| format!("{prefix}{directory}{name}"))
            .collect()
    }
}

/// Returns the backups that are not known to be done, newest first by their ids.
pub(super) fn unfinished_backups(
    inventory: &Inventory,
    files: &SmallFiles,
) -> Vec<UploadCandidate> {
    let mut unfinished = Vec::new();
    for (directory, content) in &inventory.directories {
        for (id, backup) in &content.backups {
            if backup.has_objects && !is_copied(backup, files) {
                let info = backup
                    .info
                    .as_ref()
                    .and_then(|file| files.backup_info(file));
                unfinished.push(UploadCandidate {
                    directory: backup_directory(directory, id),
                    id: id.clone(),
                    names: backup.upload_names(info),
                });
            }
        }
    }
    unfinished.sort_by(|backup, other| other.id.cmp(&backup.id));
    unfinished
}

fn is_copied(backup: &BackupInventory, files: &SmallFiles) -> bool {
    let Some(file) = &backup.info else {
        return false;
    };
    let Some(info) = files.backup_info(file) else {
        return false;
    };
    info.status().is_copied()
}
