//! Whole archives: what a scan lists and reads, judged and shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use barman_archive::inventory::{Inventory, ListedObject, SmallFile, SmallFiles};
use barman_archive::postgres::{SegmentName, SegmentSize, TimelineId, WalDir};
use barman_cloud_exporter::assess::{
    ContentsExpectation, Expectations, RetentionPolicies, ScanFindings, ServerTargets, assess,
};
use barman_cloud_exporter::evidence::{ArchiveEvidence, Level, ServerEvidence};
use barman_cloud_exporter::metrics::{ArchiveView, BuildInfo, Page, Statistics};
use barman_cloud_exporter::output::{
    CheckDocument, ReportDocument, check_text, report_markdown, report_text,
};
use barman_cloud_exporter::pages::{Overview, landing_page};
use barman_cloud_exporter::report::{ArchiveStatus, Report, ScanOutcome, ScheduleExpectation};
use barman_cloud_exporter::verification::{
    BackupChoice, Planner, Selection, WalChoice, follow_ups,
};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::input::choice;

/// Maximum number of segments that one line of an input stands for.
const MOST_SEGMENTS: u64 = 300;

/// Maximum number of objects in an archive of a test.
const MOST_OBJECTS: usize = 3000;

/// Expectations of an operator, by lines of text that may all be wrong.
#[derive(Default)]
struct Settings {
    retention: RetentionPolicies,
    schedules: BTreeMap<String, ScheduleExpectation>,
    living_timelines: BTreeMap<String, TimelineId>,
    level: Level,
}

/// Name of the server that settings are about.
const SERVER: &str = "s";

impl Settings {
    /// Lines: retention policy, schedule, minimum redundancy, timeline, level of verification.
    fn read(text: &str) -> Self {
        let mut lines = text.lines();
        let mut next = || lines.next().unwrap_or_default();
        let default = next().parse().ok();
        let schedule = next().parse().ok().map(|schedule| ScheduleExpectation {
            schedule: Arc::new(schedule),
            zone: Tz::Europe__Berlin,
            grace_period: None,
        });
        let default_minimum = next().parse().ok();
        let timeline = next().parse().ok().map(TimelineId);
        let level = next().parse().map(|number| choice(&Level::ALL, number));
        Self {
            retention: RetentionPolicies {
                default,
                default_minimum,
                ..RetentionPolicies::default()
            },
            schedules: schedule
                .map(|schedule| (SERVER.to_owned(), schedule))
                .into_iter()
                .collect(),
            living_timelines: timeline
                .map(|timeline| (SERVER.to_owned(), timeline))
                .into_iter()
                .collect(),
            level: level.unwrap_or_default(),
        }
    }

    fn expectations(self) -> Expectations {
        Expectations {
            retention: self.retention,
            schedules: self.schedules,
            living_timelines: self.living_timelines,
            contents: ContentsExpectation {
                level: self.level,
                levels: BTreeMap::new(),
                most_bytes: Some(1 << 40),
                ..ContentsExpectation::default()
            },
            ..Expectations::default()
        }
    }
}

/// Archive in the making.
#[derive(Default)]
struct Archive {
    inventory: Inventory,
    contents: BTreeMap<String, Vec<u8>>,
    evidence: Option<ArchiveEvidence>,
    objects: usize,
}

impl Archive {
    /// Adds what a part of the input stands for: a key, a line with numbers (size, age in seconds,
    /// number of segments), and the content.
    fn add(&mut self, part: &[u8]) {
        let (key, rest) = split_line(part);
        let (numbers, content) = split_line(rest);
        let key = String::from_utf8_lossy(key);
        if key == "evidence" {
            self.evidence = serde_json::from_slice(content).ok();
            return;
        }
        let numbers = String::from_utf8_lossy(numbers);
        let mut numbers = numbers.split(' ').map(|number| number.parse::<u64>().ok());
        let mut next = || numbers.next().flatten();
        let size = next().unwrap_or(content.len() as u64);
        let age = next().unwrap_or_default() % (1 << 33);
        let segments = next().unwrap_or(1).clamp(1, MOST_SEGMENTS);
        let arrived_at = now() - TimeDelta::seconds(i64::try_from(age).unwrap());
        for (key, number) in consecutive(&key, segments).iter().zip(0..) {
            let arrived_at = arrived_at + TimeDelta::seconds(number);
            self.add_object(key, size, arrived_at);
            self.contents.insert(key.clone(), content.to_vec());
        }
    }

    fn add_object(&mut self, key: &str, size: u64, last_modified: DateTime<Utc>) {
        self.objects += 1;
        if self.objects > MOST_OBJECTS {
            return;
        }
        let object = ListedObject {
            key: key.to_owned(),
            size,
            last_modified,
            etag: Some(format!("{size:x}")),
            storage_class: None,
        };
        self.inventory.add(key, &object);
    }

    /// Reads the small files.
    fn files(&self) -> SmallFiles {
        let mut files = SmallFiles::default();
        let listed: Vec<SmallFile> = self.inventory.small_files().cloned().collect();
        for file in listed {
            if let Some(content) = self.contents.get(&file.object.key) {
                let reading = file.kind.read(content);
                files.insert(file, reading);
            }
        }
        files
    }
}

fn split_line(text: &[u8]) -> (&[u8], &[u8]) {
    match text.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&text[..end], &text[end + 1..]),
        None => (text, &[]),
    }
}

/// Returns the keys of consecutive segments, of which the first one is given; the key itself if it is
/// not that of a segment.
fn consecutive(key: &str, segments: u64) -> Vec<String> {
    let size = SegmentSize::DEFAULT;
    let first = key.rsplit_once('/').and_then(|(directories, file)| {
        let name = SegmentName::parse(file.get(..24)?)?;
        let (server, _) = directories.split_once("/wals")?;
        Some((server, name, name.number(size)?, file.get(24..)?))
    });
    let Some((server, name, number, ending)) = first.filter(|_| segments > 1) else {
        return vec![key.to_owned()];
    };
    (number..number.saturating_add(segments))
        .map(|number| {
            let name = SegmentName::from_number(name.timeline, number, size);
            format!("{server}/wals/{}/{name}{ending}", WalDir::from(name))
        })
        .collect()
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

/// Archive that is listed, read, judged and shown.
///
/// Input: settings; after a zero byte each, objects.
pub fn archive(bytes: &[u8]) {
    let mut parts = bytes.split(|byte| *byte == 0);
    let settings = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let expected = Settings::read(&settings).expectations();
    let mut archive = Archive::default();
    for part in parts {
        archive.add(part);
    }
    let files = archive.files();
    archive.inventory.settle(now());
    let evidence = archive.evidence.unwrap_or_default();
    let findings = ScanFindings {
        inventory: &archive.inventory,
        files: &files,
        listed_at: now(),
        audited_at: now(),
        uploads: Some(&[]),
        uploads_of_backups: &BTreeMap::new(),
        is_whole: true,
        evidence: Some(&evidence),
    };
    let assessment = assess(&findings, &expected, now());
    assert_eq!(assessment.report.usage, archive.inventory.total());
    for (server, targets) in &assessment.targets.servers {
        plan(server, targets, evidence.server(server));
    }
    show(assessment.report);
}

/// Plans what would be read of a server, by a schedule and by each choice.
fn plan(server: &str, targets: &ServerTargets, evidence: Option<&ServerEvidence>) {
    let nothing = ServerEvidence::default();
    let evidence = evidence.unwrap_or(&nothing);
    let planner = Planner {
        targets,
        evidence,
        reverify_after: Some(TimeDelta::days(30)),
        most_bytes: Some(1 << 40),
        now: now(),
    };
    let _ = planner.next();
    let range = "000000010000000000000004..00000003FFFFFFFF000000FF".parse();
    for wal in [WalChoice::New, WalChoice::All, range.unwrap()] {
        for backups in [BackupChoice::Newest, BackupChoice::All] {
            let selection = Selection { backups, wal };
            let _ = selection.outdated(targets, evidence);
            let selected = selection.of_server(server, targets, evidence);
            let _ = (selected.planned(), selection.is_missed_by(&selected));
            let _ = follow_ups(server, &selected, targets, evidence);
        }
    }
}

/// Shows a report in every form there is.
fn show(report: Report) {
    let status = ArchiveStatus {
        name: "archive".to_owned(),
        destination: "s3://bucket".to_owned(),
        endpoint: String::new(),
        report: Some(Arc::new(report)),
        last_success_at: Some(now()),
        last_attempt_at: Some(now()),
        last_outcome: Some(ScanOutcome::Success),
        last_failure: None,
        next_scan_at: Some(now()),
        verification: None,
    };
    let archives = [status];
    let checked = CheckDocument::new(&archives, &[], now());
    let text = check_text(&checked, false);
    assert!(!text.contains(|letter: char| letter.is_control() && letter != '\n'));
    checked.to_json().unwrap();
    let document = ReportDocument::new(&archives, now());
    let _ = (report_text(&document, false), report_markdown(&document));
    document.to_json().unwrap();
    let _ = landing_page(&Overview {
        version: "0",
        revision: "0",
        now: now(),
        archives: &archives,
        certificates: &[],
    });
    let [status] = archives;
    let page = Page {
        now: now(),
        archives: vec![ArchiveView {
            status,
            statistics: Arc::new(Statistics::default()),
        }],
        certificates: Vec::new(),
        build: BuildInfo {
            version: "0",
            revision: "0",
            rustc: "0",
        },
        process: None,
    };
    page.classic().unwrap();
}
