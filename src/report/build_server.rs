//! Builds the report on one server from everything that was read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use barman_archive::barman::{BackupStatus, KeepTarget};
use barman_archive::inventory::{
    BackupInventory, DirectoryInventory, FileContent, FileReading, UnreadableReason, Usage,
};
use barman_archive::postgres::{SegmentSize, WalDir};
use barman_archive::recovery::Histories;
use chrono::{DateTime, TimeDelta, Utc};

use super::build::{Expectations, ScanFindings};
use super::newest_wal::{newest_cluster_since, newest_segment};
use super::reclaimable::reclaimable;
use super::recovery::RecoveryReport;
use super::recovery_source::RecoverySource;
use super::retention::RetentionReport;
use super::schedule::ScheduleReport;
use super::served_wal::histories;
use super::timelines::timelines;
use super::wal_anomalies::{odd_names, segment_sizes, strays, wal_anomalies};
use super::{BackupReport, BackupState, Refusals, ServerReport, WalReport};

/// Judges one server.
pub(super) struct ServerJudge<'a> {
    pub(super) name: &'a str,
    pub(super) findings: &'a ScanFindings<'a>,
    pub(super) expected: &'a Expectations,
    pub(super) now: DateTime<Utc>,
}

impl ServerJudge<'_> {
    /// Returns the report, and the WAL directories whose files must be listed again to compute
    /// values that are missing in it.
    pub(super) fn report(
        &self,
        directory: &DirectoryInventory,
        is_expected: bool,
    ) -> (ServerReport, BTreeSet<WalDir>) {
        let backups: Vec<_> = directory
            .backups
            .iter()
            .filter(|(_, backup)| backup.has_objects)
            .filter_map(|(id, backup)| self.backup(id, backup))
            .collect();
        let mut usage = Usage::default();
        directory.usages().for_each(|part| usage.add(part));
        let mut report = ServerReport {
            is_expected,
            is_found: directory.is_server(),
            usage,
            base: directory.base(),
            keeps_are_known: directory.backups.values().all(|backup| self.keep_is_known(backup)),
            refusals: Refusals::new(directory, self.findings.files),
            backups,
            wal: WalReport::default(),
            recovery: RecoveryReport::default(),
            minimum_redundancy: self
                .expected
                .retention
                .minimum_of(self.name)
                .filter(|_| is_expected),
            retention: None,
            schedule: None,
            reclaimable: BTreeMap::new(),
        };
        let mut lacking = BTreeSet::new();
        let histories = Arc::new(histories(&directory.wal, self.findings.files));
        report.recovery = self.recovery(directory, &histories, &report, &mut lacking);
        report.refusals.restrict(&mut report.recovery);
        report.wal = self.wal(directory, &histories, &report);
        let policy = self.expected.retention.of(self.name).filter(|_| is_expected);
        report.retention = policy
            .map(|policy| RetentionReport::new(policy, directory, &report, self.now, &mut lacking));
        let schedule = self.expected.schedules.get(self.name).filter(|_| is_expected);
        report.schedule = schedule.map(|expected| ScheduleReport::new(expected, &report, self.now));
        report.reclaimable = reclaimable(&report, self.abandoned_upload_bytes(&report));
        (report, lacking)
    }

    /// Reports on one backup; `None` if it was deleted while the scan ran.
    fn backup(&self, id: &str, inventory: &BackupInventory) -> Option<BackupReport> {
        let reading = inventory.info.as_ref().and_then(|file| self.findings.files.reading(file));
        if matches!(reading, Some(FileReading::Gone)) {
            return None;
        }
        let written_at = inventory.info.as_ref().map(|file| file.object.last_modified);
        let info = match reading {
            Some(FileReading::Read(FileContent::BackupInfo(info))) => Some(info.as_ref()),
            Some(_) | None => None,
        };
        let began_at = info.and_then(|info| info.began_at).or(written_at);
        let state = match (info, reading) {
            (Some(info), _) => {
                // A start in the future comes from a wrong clock or time zone; the file cannot be
                // older than the backup's start.
                let since = began_at.into_iter().chain(written_at).min();
                let age = since.map_or(TimeDelta::MAX, |since| self.now - since);
                BackupState::of(info, inventory, age, self.expected.max_running_time)
            }
            (None, Some(FileReading::Unreadable { reason, .. })) => {
                BackupState::Unreadable(*reason)
            }
            (None, Some(_)) => BackupState::Unreadable(UnreadableReason::Syntax),
            (None, None) => BackupState::Incomplete,
        };
        let done = info.filter(|info| info.status == BackupStatus::Done);
        let missing_data = done.map(|info| inventory.missing_data(info)).unwrap_or_default();
        Some(BackupReport {
            id: id.to_owned(),
            state,
            info: info.cloned(),
            missing_data,
            unreadable: match reading {
                Some(FileReading::Unreadable { message, .. }) => Some(message.clone()),
                Some(FileReading::Read(_) | FileReading::Gone) | None => None,
            },
            stored: inventory.usage.sums,
            keep: self.keep(inventory),
            began_at,
            upload_bytes: self.upload_bytes(id),
        })
    }

    /// Target of a backup's keep annotation. An annotation without a `backup.info` keeps no backup.
    fn keep(&self, inventory: &BackupInventory) -> Option<KeepTarget> {
        inventory.info.as_ref()?;
        match self.findings.files.reading(inventory.keep.as_ref()?)? {
            FileReading::Read(FileContent::Keep(target)) => *target,
            FileReading::Read(_) | FileReading::Unreadable { .. } | FileReading::Gone => None,
        }
    }

    fn keep_is_known(&self, inventory: &BackupInventory) -> bool {
        let reading = inventory.keep.as_ref().and_then(|file| self.findings.files.reading(file));
        !matches!(reading, Some(FileReading::Unreadable { .. }))
    }

    fn upload_bytes(&self, id: &str) -> Option<u64> {
        let prefix = format!("{}/base/{id}/", self.name);
        if let Some(bytes) = self.findings.uploads_of_backups.get(&prefix) {
            return *bytes;
        }
        let own =
            self.findings.uploads?.iter().filter(|reading| reading.upload.key.starts_with(&prefix));
        own.map(|reading| reading.bytes)
            .try_fold(0, |sum: u64, bytes| Some(sum.saturating_add(bytes?)))
    }

    /// Bytes stored by uploads that no running backup continues.
    fn abandoned_upload_bytes(&self, report: &ServerReport) -> Option<u64> {
        let prefix = format!("{}/", self.name);
        let own =
            self.findings.uploads?.iter().filter(|reading| reading.upload.key.starts_with(&prefix));
        let of_backups = |state: BackupState| -> Vec<String> {
            let backups = report.backups.iter().filter(|backup| backup.state == state);
            backups.map(|backup| format!("{prefix}base/{}/", backup.id)).collect()
        };
        let running = of_backups(BackupState::Running);
        // Any of these may be running.
        let refused = of_backups(BackupState::Unreadable(UnreadableReason::Access));
        let is_in =
            |key: &str, backups: &[String]| backups.iter().any(|prefix| key.starts_with(prefix));
        let abandoned = own.filter(|reading| !is_in(&reading.upload.key, &running));
        abandoned
            .map(|reading| reading.bytes.filter(|_| !is_in(&reading.upload.key, &refused)))
            .try_fold(0, |sum: u64, bytes| Some(sum.saturating_add(bytes?)))
    }

    fn recovery(
        &self,
        directory: &DirectoryInventory,
        histories: &Arc<Histories>,
        report: &ServerReport,
        lacking: &mut BTreeSet<WalDir>,
    ) -> RecoveryReport {
        let (wal, files) = (&directory.wal, self.findings.files);
        let newest = report.newest_done();
        let size = newest.and_then(|backup| backup.info.as_ref());
        let size = size.map(|info| info.segment_size);
        let size = size.or_else(|| segment_sizes(wal, report).first().copied());
        let stray = strays(wal, report, files).unwrap_or_default();
        let grace = self.expected.gap_grace_period;
        let listed_at = self.findings.listed_at;
        let settled_at = listed_at.checked_sub_signed(grace).unwrap_or(DateTime::<Utc>::MIN_UTC);
        let backups = &report.backups;
        let source = RecoverySource {
            directory,
            histories,
            backups,
            stray,
            settled_at,
            newest: newest.map(|backup| backup.id.as_str()),
            living_timeline: self.expected.living_timelines.get(self.name).copied(),
        };
        source.report(size.unwrap_or(SegmentSize::DEFAULT), lacking)
    }

    fn wal(
        &self,
        directory: &DirectoryInventory,
        histories: &Histories,
        report: &ServerReport,
    ) -> WalReport {
        let wal = &directory.wal;
        WalReport {
            timelines: timelines(wal, histories),
            objects: wal.kinds(),
            newest: newest_segment(wal, &report.recovery, newest_cluster_since(report)),
            intervals: wal.intervals(report.recovery.segment_size),
            anomalies: wal_anomalies(wal, report, self.findings.files),
            odd: odd_names(wal, report),
        }
    }
}
