//! Archives of any size, made up and listed.

use barman_archive::barman::BackupInfoText;
use barman_archive::inventory::{Inventory, ListedObject, SmallFiles, StorageClass};
use barman_archive::postgres::{SegmentName, SegmentSize, TimelineId, WalDir};
use barman_cloud_exporter::assess::{
    Assessment, Expectations, RetentionPolicies, ScanFindings, assess,
};
use chrono::{DateTime, TimeDelta, Utc};

const NOW: &str = "2026-11-15T12:00:00Z";
const SIZE: SegmentSize = SegmentSize::DEFAULT;

/// Number of things of each kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Segments that were written, a minute for each: the last one has just arrived.
    pub(crate) segments: u64,
    /// Finished backups, with as many segments between any two.
    pub(crate) backups: u64,
    /// Timelines, one after the other, of the same length.
    pub(crate) timelines: u64,
    /// Segments that are missing, with others between any two.
    pub(crate) gaps: u64,
}

/// An archive that is listed and read, and judged when asked to.
pub(crate) struct Judged {
    shape: Shape,
    inventory: Inventory,
    files: SmallFiles,
    expected: Expectations,
    now: DateTime<Utc>,
}

impl Judged {
    /// Lists an archive as a scan does, with the WAL directories once more that judging asks for.
    pub(crate) fn new(shape: Shape) -> Self {
        let retention = "RECOVERY WINDOW OF 30 DAYS".parse().ok();
        let mut archive = Self {
            shape,
            inventory: Inventory::default(),
            files: SmallFiles::default(),
            expected: Expectations {
                retention: RetentionPolicies {
                    default: retention,
                    ..RetentionPolicies::default()
                },
                ..Expectations::default()
            },
            now: NOW
                .parse()
                .expect("the moment is written as RFC 3339 has it"),
        };
        archive.add_backups();
        archive.add_histories();
        archive.inventory = archive.listed(archive.inventory.clone(), 0..shape.segments);
        for (_, wal_dir) in archive.judge().wal_dirs_to_list {
            archive.list_again(wal_dir);
        }
        let Assessment {
            report,
            wal_dirs_to_list,
            targets: _,
        } = archive.judge();
        let server = report.servers.get("main").expect("it was listed");
        assert!(wal_dirs_to_list.is_empty(), "everything is known then");
        assert!(
            server.recovery.restore.is_some(),
            "the newest backup is recoverable"
        );
        archive
    }

    /// Judges the archive: the step that is measured.
    pub(crate) fn judge(&self) -> Assessment {
        let findings = ScanFindings {
            inventory: &self.inventory,
            files: &self.files,
            listed_at: self.now,
            audited_at: self.now,
            uploads: Some(&[]),
            uploads_of_backups: &[].into(),
            is_whole: true,
            evidence: None,
        };
        assess(&findings, &self.expected, self.now)
    }

    /// Returns the number of WAL directories.
    pub(crate) fn wal_dirs(&self) -> usize {
        self.inventory
            .directories
            .values()
            .map(|server| server.wal.dirs.len())
            .sum()
    }

    /// Returns the number of runs of segments, counted within each WAL directory.
    pub(crate) fn runs(&self) -> usize {
        let wal_dirs = self
            .inventory
            .directories
            .values()
            .flat_map(|server| server.wal.dirs.values());
        wal_dirs
            .map(|wal_dir| wal_dir.segments.iter().count())
            .sum()
    }

    /// An inventory with these segments too, as far as they are not missing.
    fn listed(&self, mut inventory: Inventory, numbers: impl Iterator<Item = u64>) -> Inventory {
        for number in numbers.filter(|number| !self.is_gap(*number)) {
            let name = self.name(number);
            let key = format!("main/wals/{}/{name}.gz", WalDir::from(name));
            inventory.add(
                &key,
                &object(&key, 4_000_000 + number % 1000, self.arrived_at(number)),
            );
        }
        inventory.settle(self.now);
        inventory
    }

    fn list_again(&mut self, wal_dir: WalDir) {
        let first = wal_dir
            .segment(0)
            .number(SIZE)
            .expect("each WAL directory has a first segment");
        let numbers = first..first + u64::from(SIZE.segments_per_wal_dir());
        let numbers = numbers.filter(|number| self.name(*number).timeline == wal_dir.timeline);
        let mut fresh = self.listed(Inventory::default(), numbers);
        let found = fresh
            .directories
            .get_mut("main")
            .and_then(|server| server.wal.dirs.remove(&wal_dir));
        let known = self
            .inventory
            .directories
            .get_mut("main")
            .expect("it was listed");
        known.wal.replace_wal_dir(wal_dir, found);
    }

    fn add_backups(&mut self) {
        let Shape {
            segments, backups, ..
        } = self.shape;
        for number in (0..backups).map(|index| index * segments / backups) {
            let name = self.name(number);
            let ended_at = self.arrived_at(number);
            let directory = format!("main/base/{}", ended_at.format("%Y%m%dT%H%M%S"));
            let text = BackupInfoText::new("DONE")
                .begun(ended_at - TimeDelta::minutes(1), name)
                .ended(ended_at, name)
                .with("cluster_size", 1000)
                .with("end_xlog", position(number))
                .with("systemid", 7)
                .with("timeline", name.timeline)
                .with("xlog_segment_size", SIZE.bytes())
                .to_string();
            let data = format!("{directory}/data.tar.gz");
            self.inventory.add(&data, &object(&data, 1 << 30, ended_at));
            self.add_file(&format!("{directory}/backup.info"), &text, ended_at);
        }
    }

    fn add_histories(&mut self) {
        let mut text = String::new();
        for parent in 1..self.shape.timelines {
            let number = self.first_of(parent + 1);
            text.extend([&parent.to_string(), "\t", &position(number), "\tfailover\n"]);
            let key = format!("main/wals/{:08X}.history", parent + 1);
            self.add_file(&key, &text, self.arrived_at(number));
        }
    }

    fn add_file(&mut self, key: &str, text: &str, at: DateTime<Utc>) {
        self.inventory.add(key, &object(key, text.len() as u64, at));
        let file = self
            .inventory
            .small_files()
            .find(|file| file.object.key == key);
        let file = file.expect("it was just added").clone();
        self.files
            .insert(file.clone(), file.kind.read(text.as_bytes()));
    }

    fn name(&self, number: u64) -> SegmentName {
        let timeline = number * self.shape.timelines / self.shape.segments + 1;
        SegmentName::from_number(
            TimelineId(u32::try_from(timeline).unwrap_or(1)),
            number,
            SIZE,
        )
    }

    /// Number of the first segment of a timeline.
    fn first_of(&self, timeline: u64) -> u64 {
        ((timeline - 1) * self.shape.segments).div_ceil(self.shape.timelines)
    }

    /// None is behind the newest backup, and none where one begins.
    fn is_gap(&self, number: u64) -> bool {
        let Shape {
            segments,
            backups,
            gaps,
            ..
        } = self.shape;
        let is_before_newest = number < segments - segments / backups;
        let apart = segments.checked_div(gaps);
        is_before_newest && apart.is_some_and(|apart| number % apart == apart / 2)
    }

    fn arrived_at(&self, number: u64) -> DateTime<Utc> {
        let minutes = i64::try_from(self.shape.segments.saturating_sub(number)).unwrap_or(0);
        self.now - TimeDelta::minutes(minutes)
    }
}

/// A position in a segment, near its beginning.
fn position(number: u64) -> String {
    format!("{:X}/{:X}", number >> 8, ((number & 0xFF) << 24) + 0x100)
}

fn object(key: &str, size: u64, at: DateTime<Utc>) -> ListedObject {
    ListedObject {
        key: key.to_owned(),
        size,
        last_modified: at,
        etag: None,
        storage_class: Some(StorageClass::of("STANDARD")),
    }
}
