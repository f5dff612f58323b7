//! What an archive holds that can be verified, as of a scan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use barman_archive::barman::BackupInfo;
use barman_archive::inventory::{DataState, DirectoryInventory, WalDirInventory};
use barman_archive::postgres::{Run, Runs, SegmentSize, TimelineHistory, TimelineId, WalDir};
use barman_archive::recovery::{BackupSpan, Histories, SegmentSets};
use chrono::{DateTime, Utc};

use crate::evidence::{DirStamp, Level, SegmentPlace, WalFile};
use crate::report::{BackupReport, BackupState, ServerReport};

/// Content of an archive that can be verified.
#[derive(Clone, Debug, Default)]
pub struct ArchiveTargets {
    /// Content by server.
    pub servers: BTreeMap<String, ServerTargets>,
}

/// Content of one server that can be verified.
#[derive(Clone, Debug)]
pub struct ServerTargets {
    /// Level of verification.
    pub level: Level,
    /// Size of the segments.
    pub segment_size: SegmentSize,
    /// Identifiers of the clusters that its backups are of.
    pub system_identifiers: BTreeSet<u64>,
    /// History files.
    pub histories: Arc<Histories>,
    /// WAL directories with files that are needed.
    pub dirs: BTreeMap<WalDir, DirTarget>,
    /// Segments that some backup needs and that can be read at once, by number.
    pub segments: SegmentSets,
    /// Finished backups with their data, in the order of their ends.
    pub backups: Vec<BackupTarget>,
}

/// WAL directory that can be verified.
#[derive(Clone, Debug, Default)]
pub struct DirTarget {
    /// State of the directory in the scan.
    pub stamp: DirStamp,
    /// Segments to verify, by the third part of their names.
    pub segments: Runs,
    /// Partial segments, by the third part of their names.
    pub partials: BTreeSet<u32>,
    /// Segments that some backup needs and that cannot be read at once, by the third part of their
    /// names.
    pub cold: Runs,
    /// Bytes of its segments.
    pub bytes: u64,
}

/// Finished backup that can be verified.
#[derive(Clone, Debug)]
pub struct BackupTarget {
    /// Id of the backup.
    pub id: String,
    /// Content of its `backup.info`.
    pub info: Arc<BackupInfo>,
    /// End of the backup.
    pub ended_at: DateTime<Utc>,
    /// State of its data objects in the scan.
    pub data: DataState,
    /// Bytes of its data objects.
    pub data_bytes: u64,
    /// Number of its data objects.
    pub data_objects: u64,
    /// True if nothing of it is in a storage class that cannot be read at once.
    pub is_read_at_once: bool,
    /// First segment that makes the backup consistent; `None` if its `backup.info` names a segment
    /// that cannot exist.
    pub begin: Option<SegmentPlace>,
    /// Timeline on which the backup ended.
    pub end_timeline: TimelineId,
    /// Number of the last segment that makes it consistent.
    pub last_needed: u64,
}

impl BackupTarget {
    /// State of the backup in the scan, with which evidence is compared.
    #[must_use]
    pub const fn stamp(&self) -> DirStamp {
        DirStamp::of_backup(self.data)
    }
}

impl DirTarget {
    /// Returns whether a file is to be verified.
    #[must_use]
    pub fn wants(&self, file: WalFile) -> bool {
        if file.is_partial {
            self.partials.contains(&file.low)
        } else {
            self.segments.contains(u64::from(file.low))
        }
    }
}

impl ServerTargets {
    /// Collects what a scan found of a server.
    pub(super) fn of(
        level: Level,
        report: &ServerReport,
        directory: &DirectoryInventory,
        histories: Arc<Histories>,
    ) -> Self {
        let segment_size = report.recovery.segment_size;
        let mut targets = Self {
            level,
            segment_size,
            system_identifiers: report
                .system_identifiers()
                .into_iter()
                .filter_map(|identifier| identifier.parse().ok())
                .collect(),
            histories,
            dirs: BTreeMap::new(),
            segments: SegmentSets::new(),
            backups: Vec::new(),
        };
        for (name, wal_dir) in &directory.wal.dirs {
            targets.add_dir(*name, wal_dir, report);
        }
        for (ended_at, backup) in report.done() {
            targets
                .backups
                .extend(backup_target(backup, ended_at, directory));
        }
        targets
    }

    fn add_dir(&mut self, name: WalDir, wal_dir: &WalDirInventory, report: &ServerReport) {
        let per_wal_dir = u64::from(self.segment_size.segments_per_wal_dir());
        let first = u64::from(name.high) * per_wal_dir;
        let irregularities = wal_dir.irregularities();
        // Those of a size that another cluster has may be sound; the others are read, and found to be
        // corrupt.
        let of_other_cluster = wal_dir
            .unusable_segments(self.segment_size)
            .without(&wal_dir.impossible_segments());
        let mut needed = wal_dir
            .segments
            .within(0, per_wal_dir - 1)
            .without(&of_other_cluster);
        if let Some(obsolete) = &report.recovery.obsolete
            && let Some(obsolete) = obsolete.get(&name.timeline)
        {
            for run in obsolete.within(first, first + per_wal_dir - 1).iter() {
                needed.remove_run(Run {
                    first: run.first - first,
                    last: run.last - first,
                });
            }
        }
        let partials: BTreeSet<u32> = irregularities
            .partials
            .iter()
            .filter(|(_, partial)| partial.is_read_at_once)
            .map(|(low, _)| *low)
            .collect();
        if needed.is_empty() && partials.is_empty() {
            return;
        }
        let segments = needed.without(&irregularities.cold);
        let all = self.segments.entry(name.timeline).or_default();
        for run in segments.iter() {
            all.insert_run(Run {
                first: run.first + first,
                last: run.last + first,
            });
        }
        let runs: Vec<Run> = segments.iter().collect();
        let stored = wal_dir.segments_in(&runs);
        let target = DirTarget {
            stamp: stamp_of(wal_dir),
            bytes: stored.map_or(wal_dir.usage.sums.bytes, |stored| stored.sums.bytes),
            cold: needed.without(&segments),
            segments,
            partials,
        };
        self.dirs.insert(name, target);
    }

    /// Finished backup that ended last.
    #[must_use]
    pub fn newest_backup(&self) -> Option<&BackupTarget> {
        self.backups.last()
    }

    /// History of a timeline; `None` if it is not known.
    #[must_use]
    pub fn history(&self, timeline: TimelineId) -> Option<TimelineHistory> {
        self.histories.ancestors(timeline)?;
        self.histories.lineage(timeline)
    }

    /// Segment whose end a segment continues, if that is there: the one before it on its timeline, or
    /// on the timeline that its own begins from.
    #[must_use]
    pub fn before(&self, place: SegmentPlace) -> Option<SegmentPlace> {
        let number = place.number.checked_sub(1)?;
        let before = SegmentPlace {
            timeline: self.owner(place.timeline, number)?,
            number,
        };
        self.has(before).then_some(before)
    }

    /// Timeline whose segment a restore to a timeline reads for a number: the newest one that has begun
    /// by then (`XLogFileReadAnyTLI` in `xlogrecovery.c`).
    #[must_use]
    pub fn owner(&self, target: TimelineId, number: u64) -> Option<TimelineId> {
        let Some(history) = self.history(target) else {
            return Some(target);
        };
        let owner = history.intervals().into_iter().find(|interval| {
            let begins_at = interval.begins_at;
            begins_at.is_none_or(|begins_at| self.segment_size.segment_of(begins_at) <= number)
        });
        owner.map(|interval| interval.timeline)
    }

    /// Returns the WAL that makes a backup consistent, by timeline: a standby can have followed its primary
    /// from one to the next meanwhile.
    #[must_use]
    pub fn own_wal(&self, backup: &BackupTarget) -> SegmentSets {
        let mut own = SegmentSets::new();
        let Some(begin) = backup.begin else {
            return own;
        };
        for (timeline, segments) in self
            .segments
            .range(begin.timeline..=backup.end_timeline.max(begin.timeline))
        {
            let of_timeline = segments.within(begin.number, backup.last_needed);
            let owned = if begin.timeline == backup.end_timeline {
                of_timeline
            } else {
                let numbers = of_timeline.iter().flat_map(|run| run.first..=run.last);
                let is_owner =
                    |number: &u64| self.owner(backup.end_timeline, *number) == Some(*timeline);
                numbers.filter(is_owner).collect()
            };
            if !owned.is_empty() {
                own.insert(*timeline, owned);
            }
        }
        own
    }

    /// Returns the bytes of the WAL that makes a backup consistent, about: from the average size in each
    /// WAL directory.
    #[must_use]
    pub fn own_wal_bytes(&self, backup: &BackupTarget) -> u64 {
        let Some(begin) = backup.begin else {
            return 0;
        };
        let per_wal_dir = u64::from(self.segment_size.segments_per_wal_dir());
        let mut bytes: u64 = 0;
        for (name, dir) in &self.dirs {
            let first = u64::from(name.high) * per_wal_dir;
            let from = begin.number.max(first) - first;
            let Some(to) = backup.last_needed.checked_sub(first) else {
                continue;
            };
            let own = dir.segments.within(from, to.min(per_wal_dir - 1)).count();
            let average = dir.bytes.div_ceil(dir.segments.count().max(1));
            bytes = bytes.saturating_add(average.saturating_mul(own));
        }
        bytes
    }

    /// Returns the bytes that a read of a backup's data may take: those of the data, and of the WAL that may
    /// have to judge pages.
    #[must_use]
    pub fn read_bytes(&self, backup: &BackupTarget) -> u64 {
        backup.data_bytes.saturating_add(self.own_wal_bytes(backup))
    }

    /// Returns whether a segment is there.
    #[must_use]
    pub fn has(&self, place: SegmentPlace) -> bool {
        self.segments
            .get(&place.timeline)
            .is_some_and(|segments| segments.contains(place.number))
    }
}

/// State of a WAL directory in an inventory.
pub(super) fn stamp_of(wal_dir: &WalDirInventory) -> DirStamp {
    DirStamp {
        objects: wal_dir.usage.sums.objects,
        bytes: wal_dir.usage.sums.bytes,
        arrived_at: wal_dir.arrivals.map(|(_, latest)| latest),
    }
}

fn backup_target(
    backup: &BackupReport,
    ended_at: DateTime<Utc>,
    directory: &DirectoryInventory,
) -> Option<BackupTarget> {
    let info = backup.info.as_ref()?;
    if backup.state != BackupState::Done || info.is_snapshot {
        return None;
    }
    let done = info.done()?;
    let size = info.segment_size;
    let inventory = directory.backups.get(&backup.id)?;
    let own = inventory.own_objects(info);
    let info_bytes = inventory.info.as_ref().map_or(0, |file| file.object.size);
    let begin = done.begin_wal.number(size).map(|number| SegmentPlace {
        timeline: done.begin_wal.timeline,
        number,
    });
    let span = BackupSpan::of(info)?;
    Some(BackupTarget {
        id: backup.id.clone(),
        info: Arc::new(info.clone()),
        ended_at,
        data: backup.data,
        data_bytes: own.sums.bytes.saturating_sub(info_bytes),
        data_objects: own.sums.objects.saturating_sub(1),
        is_read_at_once: own.blocked == 0,
        begin,
        end_timeline: span.end.timeline,
        last_needed: span.last_needed(size).unwrap_or_default(),
    })
}
