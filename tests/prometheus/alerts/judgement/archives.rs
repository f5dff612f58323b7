//! Servers for the judgement: each is a healthy one with changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use barman_archive::barman::BackupInfoText;
use barman_archive::inventory::{
    FileReading, Inventory, ListedObject, SmallFiles, StorageClass, UnfinishedUpload,
    UnreadableReason,
};
use barman_archive::postgres::SegmentName;
use barman_cloud_exporter::assess::{Expectations, RetentionPolicies, ScanFindings, assess};
use barman_cloud_exporter::evidence::Level;
use barman_cloud_exporter::report::{
    ContentsReport, RecoveryProof, Report, ScheduleExpectation, UploadFinding,
};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

/// Time of every report.
pub(super) fn now() -> DateTime<Utc> {
    "2026-11-15T12:00:00Z".parse().unwrap()
}

/// Time of a healthy server's first backup. From then on, WAL arrives every `WAL_INTERVAL`.
fn first_backup_at() -> DateTime<Utc> {
    "2026-11-10T02:00:00Z".parse().unwrap()
}

const WAL_INTERVAL: TimeDelta = TimeDelta::hours(4);
const FIRST_SEGMENT: u32 = 4;
pub(super) const LAST_SEGMENT: u32 = 35;
const SEGMENTS_PER_DAY: u32 = 6;

/// Object of a server.
#[derive(Clone)]
pub(super) struct Object {
    pub(super) bytes: u64,
    pub(super) at: DateTime<Utc>,
    pub(super) class: Option<&'static str>,
    pub(super) content: Option<String>,
    pub(super) is_refused: bool,
}

/// Server: its objects by key, and the operator's settings for it.
#[derive(Clone, Default)]
pub(super) struct ServerObjects {
    pub(super) objects: BTreeMap<String, Object>,
    pub(super) uploads: Vec<(String, DateTime<Utc>)>,
    pub(super) policy: Option<&'static str>,
    pub(super) schedule: Option<&'static str>,
    pub(super) minimum: Option<u32>,
    pub(super) is_orphan: bool,
    /// What is known of its contents; `None` if they are not verified.
    pub(super) contents: Option<ContentsReport>,
}

/// Bytes of contents that may be read in a day.
pub(super) const DAILY_BYTES: u64 = 1000;

/// Name of a segment.
pub(super) fn segment(timeline: u32, number: u32) -> String {
    format!("{timeline:08X}00000000{number:08X}")
}

/// Arrival time of a healthy server's segment.
pub(super) fn arrival(number: u32) -> DateTime<Utc> {
    let after = i32::try_from(number + 1 - FIRST_SEGMENT).unwrap();
    first_backup_at() + WAL_INTERVAL * after
}

/// Key of a segment.
pub(super) fn wal_key(timeline: u32, number: u32) -> String {
    format!(
        "wals/{timeline:08X}00000000/{}.gz",
        segment(timeline, number)
    )
}

/// Key of a file of a healthy backup, by the number of its day; the first one is 0.
pub(super) fn backup_key(day: u32, file: &str) -> String {
    format!("base/202611{:02}T020000/{file}", 10 + day)
}

/// Text of a `backup.info` of a backup that took ten minutes.
pub(super) fn info(
    status: &str,
    began_at: DateTime<Utc>,
    segment_name: &str,
    more: &str,
) -> String {
    let low = &segment_name[22..];
    let text = BackupInfoText::new(status)
        .begun(began_at, segment_name)
        .ended(began_at + TimeDelta::minutes(10), segment_name)
        .with("end_xlog", format!("0/{low}000100"))
        .with("begin_xlog", format!("0/{low}000028"))
        .with("cluster_size", 1_000_000)
        .with("systemid", 7)
        .with("timeline", 1)
        .with("version", 150_018)
        .with("xlog_segment_size", 16_777_216);
    format!("{text}{more}")
}

impl ServerObjects {
    /// Server in good health: five daily backups, and WAL every four hours.
    pub(super) fn healthy() -> Self {
        let mut server = Self::default();
        for day in 0..5 {
            let began_at = first_backup_at() + TimeDelta::days(day.into());
            let number = FIRST_SEGMENT + SEGMENTS_PER_DAY * day;
            server.put_backup(
                day,
                &info("DONE", began_at, &segment(1, number), ""),
                began_at,
            );
        }
        for number in FIRST_SEGMENT..=LAST_SEGMENT {
            server.put(&wal_key(1, number), 1000, arrival(number));
        }
        server
    }

    /// Returns what is known of its contents: at first, that they have been verified for long and
    /// that everything is proven.
    pub(super) fn contents(&mut self) -> &mut ContentsReport {
        self.contents.get_or_insert_with(|| {
            let mut contents = ContentsReport {
                level: Level::Full,
                since: now() - TimeDelta::days(20),
                most_bytes: Some(DAILY_BYTES * 7),
                proof: Some(RecoveryProof {
                    segment: SegmentName::parse(&segment(1, LAST_SEGMENT)).unwrap(),
                    arrived_at: Some(arrival(LAST_SEGMENT)),
                    next_arrived_at: None,
                    committed_at: None,
                }),
                ..ContentsReport::default()
            };
            contents.wal.whole = u64::from(LAST_SEGMENT);
            contents.base.whole = 5;
            contents
        })
    }

    pub(super) fn put(&mut self, key: &str, bytes: u64, at: DateTime<Utc>) {
        let object = Object {
            bytes,
            at,
            class: None,
            content: None,
            is_refused: false,
        };
        self.objects.insert(key.to_owned(), object);
    }

    pub(super) fn put_file(&mut self, key: &str, content: &str, at: DateTime<Utc>) {
        self.put(key, content.len() as u64, at);
        if let Some(object) = self.objects.get_mut(key) {
            object.content = Some(content.to_owned());
        }
    }

    pub(super) fn put_backup(&mut self, day: u32, info: &str, began_at: DateTime<Utc>) {
        let ended_at = began_at + TimeDelta::minutes(11);
        self.put_file(&backup_key(day, "backup.info"), info, ended_at);
        self.put(&backup_key(day, "data.tar"), 5000, ended_at);
    }

    pub(super) fn remove(&mut self, part: &str) {
        self.objects.retain(|key, _| !key.contains(part));
    }

    /// Changes every object whose key has this part.
    pub(super) fn change(&mut self, part: &str, change: impl Fn(&mut Object)) {
        let concerned = self
            .objects
            .iter_mut()
            .filter(|(key, _)| key.contains(part));
        concerned.for_each(|(_, object)| change(object));
    }

    /// Changes the text of every `backup.info` whose key has this part.
    pub(super) fn edit(&mut self, part: &str, from: &str, to: &str) {
        let concerned = self
            .objects
            .iter_mut()
            .filter(|(key, _)| key.contains(part) && key.ends_with("backup.info"));
        for (_, object) in concerned {
            object.content = object
                .content
                .take()
                .map(|content| content.replace(from, to));
        }
    }
}

/// Returns the report on an archive of these servers.
pub(super) fn report(servers: &BTreeMap<String, ServerObjects>) -> Report {
    let mut inventory = Inventory::default();
    for (name, server) in servers {
        for (key, object) in &server.objects {
            let key = format!("{name}/{key}");
            inventory.add(&key, &listed(&key, object));
        }
    }
    inventory.settle(now());
    let mut files = SmallFiles::default();
    for file in inventory.small_files() {
        let (server, key) = file.object.key.split_once('/').unwrap();
        files.insert(
            file.clone(),
            finding(&servers[server].objects[key], |text| {
                file.kind.read(text.as_bytes())
            }),
        );
    }
    let uploads: Vec<_> = servers
        .iter()
        .flat_map(|(name, server)| uploads(name, server))
        .collect();
    let findings = ScanFindings {
        inventory: &inventory,
        files: &files,
        listed_at: now(),
        audited_at: now(),
        uploads: Some(&uploads),
        uploads_of_backups: &BTreeMap::new(),
        is_whole: true,
        evidence: None,
    };
    let mut report = assess(&findings, &expectations(servers), now()).report;
    for (name, server) in &mut report.servers {
        server.contents.clone_from(&servers[name].contents);
    }
    report
}

fn listed(key: &str, object: &Object) -> ListedObject {
    ListedObject {
        key: key.to_owned(),
        size: object.bytes,
        last_modified: object.at,
        etag: None,
        storage_class: object.class.map(StorageClass::of),
    }
}

fn finding(object: &Object, read: impl Fn(&str) -> FileReading) -> FileReading {
    if object.is_refused {
        let message = "status 403, AccessDenied: no kms:Decrypt".to_owned();
        return FileReading::Unreadable {
            reason: UnreadableReason::Access,
            message,
        };
    }
    read(object.content.as_deref().unwrap_or_default())
}

fn uploads(name: &str, server: &ServerObjects) -> Vec<UploadFinding> {
    let upload = |(key, at): &(String, DateTime<Utc>)| UploadFinding {
        upload: UnfinishedUpload {
            key: format!("{name}/{key}"),
            upload_id: "u".to_owned(),
            initiated_at: Some(*at),
        },
        bytes: Some(7),
    };
    server.uploads.iter().map(upload).collect()
}

fn expectations(servers: &BTreeMap<String, ServerObjects>) -> Expectations {
    let expected = servers.iter().filter(|(_, server)| !server.is_orphan);
    let policy = |(name, server): (&String, &ServerObjects)| {
        Some((name.clone(), server.policy?.parse().unwrap()))
    };
    let minimum = |(name, server): (&String, &ServerObjects)| Some((name.clone(), server.minimum?));
    let schedule = |(name, server): (&String, &ServerObjects)| {
        let schedule = Arc::new(server.schedule?.parse().unwrap());
        let expected = ScheduleExpectation {
            schedule,
            zone: Tz::UTC,
            grace_period: None,
        };
        Some((name.clone(), expected))
    };
    Expectations {
        servers: Some(expected.map(|(name, _)| name.clone()).collect()),
        retention: RetentionPolicies {
            by_server: servers.iter().filter_map(policy).collect(),
            minimum_by_server: servers.iter().filter_map(minimum).collect(),
            ..RetentionPolicies::default()
        },
        schedules: servers.iter().filter_map(schedule).collect(),
        ..Expectations::default()
    }
}
