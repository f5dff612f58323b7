//! Report on one backup, from its listed objects and its small files.

use barman_archive::barman::{BackupInfo, BackupProgress, KeepTarget, UnfinishedStatus};
use barman_archive::inventory::{
    BackupInventory, FileContent, FileReading, SmallFile, SmallFiles, UnreadableReason,
};
use chrono::{DateTime, TimeDelta, Utc};

use super::server::ServerAssessor;
use super::uploads::backup_upload_bytes;
use crate::report::{BackupReport, BackupState};

impl ServerAssessor<'_> {
    /// Reports on the backups of the server, in the order of their ids.
    pub(super) fn backups(&self) -> Vec<BackupReport> {
        let mut reports = Vec::new();
        for (id, backup) in &self.directory.backups {
            if backup.has_objects {
                reports.extend(self.backup(id, backup));
            }
        }
        reports
    }

    /// Reports on one backup; `None` if it was deleted while the scan ran.
    fn backup(&self, id: &str, inventory: &BackupInventory) -> Option<BackupReport> {
        let files = self.findings.files;
        let reading = inventory.info.as_ref().and_then(|file| files.reading(file));
        if matches!(reading, Some(FileReading::Gone)) {
            return None;
        }
        let info = match reading {
            Some(FileReading::Read(FileContent::BackupInfo(info))) => Some(info.as_ref()),
            Some(_) | None => None,
        };
        let unreadable = match reading {
            Some(FileReading::Unreadable { message, .. }) => Some(message.clone()),
            Some(FileReading::Read(_) | FileReading::Gone) | None => None,
        };
        let written_at = inventory
            .info
            .as_ref()
            .map(|file| file.object.last_modified);
        let began_at = info.and_then(BackupInfo::began_at).or(written_at);
        let state = match info {
            // A start in the future comes from a wrong clock or time zone; the file cannot be older
            // than the backup's start.
            Some(info) => {
                let since = began_at.into_iter().chain(written_at).min();
                self.state(info, inventory, since)
            }
            None => state_without_info(reading),
        };
        let done = info.filter(|info| info.done().is_some());
        let missing_data = done
            .map(|info| inventory.missing_data(info))
            .unwrap_or_default();
        Some(BackupReport {
            id: id.to_owned(),
            state,
            info: info.cloned(),
            missing_data,
            unreadable,
            stored: inventory.usage.sums,
            data: inventory.data_state(),
            keep: keep_target(inventory, files),
            began_at,
            upload_bytes: backup_upload_bytes(self.findings, self.name, id),
        })
    }

    /// Judges a backup by its `backup.info`, its objects and its age.
    ///
    /// Only its age distinguishes a running backup from one whose process was killed: both are left
    /// as `STARTED`.
    fn state(
        &self,
        info: &BackupInfo,
        inventory: &BackupInventory,
        since: Option<DateTime<Utc>>,
    ) -> BackupState {
        let unfinished = match &info.progress {
            BackupProgress::Done(_) if inventory.has_all_data(info) => return BackupState::Done,
            BackupProgress::Done(_) => return BackupState::Incomplete,
            BackupProgress::Unfinished(unfinished) => unfinished,
        };
        let age = since.map_or(TimeDelta::MAX, |since| self.now - since);
        let may_run = age <= self.expected.max_running_time;
        match unfinished.status {
            UnfinishedStatus::Failed => BackupState::Failed,
            UnfinishedStatus::Started
            | UnfinishedStatus::WaitingForWals
            | UnfinishedStatus::Syncing
                if may_run =>
            {
                BackupState::Running
            }
            UnfinishedStatus::Empty
            | UnfinishedStatus::Started
            | UnfinishedStatus::WaitingForWals
            | UnfinishedStatus::Syncing
            | UnfinishedStatus::Unknown(_) => BackupState::Incomplete,
        }
    }

    /// Returns whether the keep annotation of every backup could be read.
    pub(super) fn keeps_are_known(&self) -> bool {
        let mut annotations = self
            .directory
            .backups
            .values()
            .filter_map(|backup| backup.keep.as_ref());
        annotations.all(|file| !is_unreadable(file, self.findings.files))
    }
}

/// State of a backup whose `backup.info` has no readable content.
fn state_without_info(reading: Option<&FileReading>) -> BackupState {
    match reading {
        Some(FileReading::Unreadable { reason, .. }) => BackupState::Unreadable(*reason),
        Some(_) => BackupState::Unreadable(UnreadableReason::Syntax),
        None => BackupState::Incomplete,
    }
}

/// Target of a backup's keep annotation. An annotation without a `backup.info` keeps no backup.
fn keep_target(inventory: &BackupInventory, files: &SmallFiles) -> Option<KeepTarget> {
    inventory.info.as_ref()?;
    match files.reading(inventory.keep.as_ref()?)? {
        FileReading::Read(FileContent::Keep(target)) => *target,
        FileReading::Read(_) | FileReading::Unreadable { .. } | FileReading::Gone => None,
    }
}

fn is_unreadable(file: &SmallFile, files: &SmallFiles) -> bool {
    matches!(files.reading(file), Some(FileReading::Unreadable { .. }))
}
