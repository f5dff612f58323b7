//! Archive layouts found in practice, and the reports on them.

mod chains;
mod clusters;
mod damage;
mod edges;
mod forgotten;
mod layout;
mod odd;
pub(in crate::assess) mod recovery;
mod refused;
mod schedule;
mod servers;
mod sums;
mod timelines;
mod waiting;

use std::sync::Arc;

use barman_archive::barman::BackupInfoText;
use barman_archive::inventory::{
    FileReading, Inventory, ListedObject, SmallFiles, UnfinishedUpload,
};
use barman_archive::postgres::TimelineId;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::{
    Assessment, ContentsExpectation, Expectations, RetentionPolicies, ScanFindings, assess,
};
use crate::evidence::{ArchiveEvidence, ServerEvidence};
use crate::report::{
    BackupState, ContentsReport, Report, ScheduleExpectation, ServerReport, UploadFinding,
    WalAnomaly,
};

const NOW: &str = "2026-11-15T12:00:00Z";

pub(in crate::assess) fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// An archive in the making: keys below the destination path.
#[derive(Clone)]
pub(in crate::assess) struct Archive {
    inventory: Inventory,
    files: SmallFiles,
    servers: Option<Vec<&'static str>>,
    ignored: Vec<&'static str>,
    policy: Option<&'static str>,
    minimum: Option<u32>,
    living_timeline: Option<u32>,
    schedule: Option<ScheduleExpectation>,
    uploads: Vec<UploadFinding>,
}

impl Archive {
    pub(in crate::assess) fn new() -> Self {
        Self {
            inventory: Inventory::default(),
            files: SmallFiles::default(),
            servers: None,
            ignored: Vec::new(),
            policy: None,
            minimum: None,
            living_timeline: None,
            schedule: None,
            uploads: Vec::new(),
        }
    }

    fn expecting(mut self, servers: &[&'static str]) -> Self {
        self.servers = Some(servers.to_vec());
        self
    }

    /// Ignores the servers that match these patterns.
    fn ignoring(mut self, patterns: &[&'static str]) -> Self {
        self.ignored = patterns.to_vec();
        self
    }

    /// Sets a minimum redundancy for every server.
    fn leaving(mut self, minimum: u32) -> Self {
        self.minimum = Some(minimum);
        self
    }

    /// Sets the timeline that the server `s` is on according to the operator.
    fn living_on(mut self, timeline: u32) -> Self {
        self.living_timeline = Some(timeline);
        self
    }

    /// Sets a retention policy for every server.
    fn retaining(mut self, policy: &'static str) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Sets a schedule in UTC, and a grace period in minutes, for the server `s`.
    fn scheduled(mut self, schedule: &str, grace_minutes: Option<i64>) -> Self {
        self.schedule = Some(ScheduleExpectation {
            schedule: Arc::new(schedule.parse().unwrap()),
            zone: Tz::UTC,
            grace_period: grace_minutes.map(TimeDelta::minutes),
        });
        self
    }

    fn with_object(mut self, object: &ListedObject) -> Self {
        self.inventory.add(&object.key, object);
        self
    }

    pub(in crate::assess) fn with_at(self, key: &str, size: u64, at: &str) -> Self {
        self.with_object(&object(key, size, at))
    }

    pub(in crate::assess) fn with(self, key: &str, size: u64) -> Self {
        self.with_at(key, size, "2026-11-15T03:00:00Z")
    }

    /// Adds a small file and the result of reading it.
    pub(in crate::assess) fn with_file(self, key: &str, content: &str) -> Self {
        self.with_file_at(key, content, "2026-11-15T03:00:00Z")
    }

    /// Adds a small file that arrived at this moment, and the result of reading it.
    fn with_file_at(mut self, key: &str, content: &str, at: &str) -> Self {
        self = self.with_at(key, content.len() as u64, at);
        // If a timeline has several history files, a scan reads one of them.
        let listed = self
            .inventory
            .small_files()
            .find(|file| file.object.key == key)
            .cloned();
        if let Some(file) = listed {
            let reading = file.kind.read(content.as_bytes());
            self.files.insert(file, reading);
        }
        self
    }

    /// Adds the `backup.info` of a backup of the server `s`.
    pub(in crate::assess) fn with_backup_info(self, id: &str, info: &BackupInfoText) -> Self {
        self.with_file(&format!("s/base/{id}/backup.info"), &info.to_string())
    }

    fn with_reading(mut self, key: &str, reading: FileReading) -> Self {
        self = self.with(key, 10);
        let file = self.small_file(key);
        self.files.insert(file, reading);
        self
    }

    /// Adds an unfinished upload that has stored this many bytes.
    fn with_upload(mut self, key: &str, bytes: u64) -> Self {
        let upload = UnfinishedUpload {
            key: key.to_owned(),
            upload_id: self.uploads.len().to_string(),
            initiated_at: None,
        };
        self.uploads.push(UploadFinding {
            upload,
            bytes: Some(bytes),
        });
        self
    }

    fn small_file(&self, key: &str) -> barman_archive::inventory::SmallFile {
        self.inventory
            .small_files()
            .find(|file| file.object.key == key)
            .unwrap()
            .clone()
    }

    fn report(&self) -> Report {
        self.assess().report
    }

    fn assess(&self) -> Assessment {
        self.assess_with(None, ContentsExpectation::default())
    }

    /// Report on the contents of the server `s`, with this evidence about it.
    fn contents(&self, evidence: ServerEvidence, expected: ContentsExpectation) -> ContentsReport {
        let mut archive = ArchiveEvidence::default();
        archive.servers.insert("s".to_owned(), Arc::new(evidence));
        let assessment = self.assess_with(Some(&archive), expected);
        let contents = &assessment.report.servers["s"].contents;
        contents.clone().expect("contents are verified")
    }

    fn assess_with(
        &self,
        evidence: Option<&ArchiveEvidence>,
        contents: ContentsExpectation,
    ) -> Assessment {
        let mut inventory = self.inventory.clone();
        inventory.settle(moment(NOW));
        let findings = ScanFindings {
            inventory: &inventory,
            files: &self.files,
            listed_at: moment(NOW),
            audited_at: moment(NOW),
            uploads: Some(&self.uploads),
            uploads_of_backups: &[].into(),
            is_whole: true,
            evidence,
        };
        let servers = self.servers.as_ref();
        let expected = Expectations {
            servers: servers.map(|names| names.iter().map(ToString::to_string).collect()),
            ignored: self
                .ignored
                .iter()
                .map(|text| text.parse().unwrap())
                .collect(),
            retention: RetentionPolicies {
                default: self.policy.map(|policy| policy.parse().unwrap()),
                default_minimum: self.minimum,
                ..RetentionPolicies::default()
            },
            living_timelines: self
                .living_timeline
                .iter()
                .map(|timeline| ("s".to_owned(), TimelineId(*timeline)))
                .collect(),
            schedules: self
                .schedule
                .iter()
                .map(|schedule| ("s".to_owned(), schedule.clone()))
                .collect(),
            contents,
            ..Expectations::default()
        };
        assess(&findings, &expected, moment(NOW))
    }

    pub(in crate::assess) fn server(&self) -> ServerReport {
        let servers = self.report().servers;
        servers.get("s").expect("the server is there").clone()
    }
}

fn object(key: &str, size: u64, at: &str) -> ListedObject {
    ListedObject {
        key: key.to_owned(),
        size,
        last_modified: moment(at),
        etag: None,
        storage_class: None,
    }
}

/// A `backup.info` with the fields that matter, and these start and end times.
pub(in crate::assess) fn info(status: &str, begin: &str, end: &str) -> BackupInfoText {
    let segment = "000000010000000000000004";
    BackupInfoText::new(status)
        .with("begin_time", format!("2026-{begin}+00:00"))
        .with("begin_wal", segment)
        .with("cluster_size", 1000)
        .with("end_time", format!("2026-{end}+00:00"))
        .with("end_wal", segment)
        .with("end_xlog", "0/4000100")
        .with("systemid", 7)
        .with("timeline", 1)
        .with("xlog_segment_size", 16_777_216)
}

fn done() -> BackupInfoText {
    info("DONE", "11-15 02:00:00", "11-15 02:10:00")
}

fn states(server: &ServerReport) -> Vec<(&str, BackupState)> {
    server
        .backups
        .iter()
        .map(|backup| (backup.id.as_str(), backup.state))
        .collect()
}

fn anomaly(server: &ServerReport, kind: WalAnomaly) -> u64 {
    server.wal.anomalies[&kind]
}
