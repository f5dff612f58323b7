//! Jobs that read what was selected of a server.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::postgres::{Run, Runs, SegmentName, TimelineId, WalDir};
use barman_archive::recovery::SegmentSets;

use super::plan::last_of_walk;
use super::selection::{BackupChoice, SelectedContents, SelectedJob, Selection, WalChoice};
use super::stream::PIECE_BYTES;
use super::{Job, Priority, WantedEdges};
use crate::assess::{BackupTarget, EDGE_BYTES, ServerTargets};
use crate::evidence::{
    BackupEvidence, ContentVerdict, Depth, FaultKind, Level, SegmentEvidence, SegmentPlace,
    ServerEvidence, WalFile, place_of,
};
use crate::report::ReadSums;

/// Selection in the making.
pub(super) struct Selector<'a> {
    server: &'a str,
    selection: &'a Selection,
    targets: &'a ServerTargets,
    evidence: &'a ServerEvidence,
    selected: SelectedContents,
}

impl<'a> Selector<'a> {
    /// Selects contents of a server.
    pub(super) fn select(
        server: &'a str,
        selection: &'a Selection,
        targets: &'a ServerTargets,
        evidence: &'a ServerEvidence,
    ) -> SelectedContents {
        let mut selector = Self {
            server,
            selection,
            targets,
            evidence,
            selected: SelectedContents::default(),
        };
        selector.select_all();
        selector.selected
    }

    fn select_all(&mut self) {
        let backups = self.chosen_backups();
        let mut to_read = SegmentSets::new();
        self.choose_wal(&mut to_read);
        for backup in &backups {
            self.choose_own_wal(backup, &mut to_read);
        }
        if self.selection.wal_is_open() {
            self.choose_partials();
        }
        self.selected.to_read = to_read.clone();
        let begin = self.targets.newest_backup().and_then(|newest| newest.begin);
        let newest = self.targets.newest_backup().map(|newest| &newest.id);
        // The WAL behind the newest backup comes before that of older ones.
        if let Some(newest) = backups.iter().find(|backup| Some(&backup.id) == newest) {
            self.read_own_wal(newest, Priority::OwnWal, &mut to_read);
        }
        if let Some(begin) = begin {
            for timeline in timelines(&to_read) {
                if timeline >= begin.timeline {
                    self.read_wal(
                        timeline,
                        begin.number,
                        u64::MAX,
                        Priority::NewWal,
                        &mut to_read,
                    );
                }
            }
        }
        self.read_partials();
        for backup in &backups {
            let priority = if Some(&backup.id) == newest {
                Priority::NewestBackup
            } else {
                Priority::Others
            };
            self.read_own_wal(backup, priority, &mut to_read);
            self.read_backup(backup, priority);
        }
        for timeline in timelines(&to_read) {
            self.read_wal(timeline, 0, u64::MAX, Priority::Others, &mut to_read);
        }
        self.selected.backups = backups.iter().map(|backup| backup.id.clone()).collect();
    }

    fn chosen_backups(&self) -> Vec<&'a BackupTarget> {
        let backups = self.targets.backups.iter().rev();
        match &self.selection.backups {
            BackupChoice::Newest => backups.take(1).collect(),
            BackupChoice::All => backups.collect(),
            BackupChoice::Id(id) => backups.filter(|backup| backup.id == *id).collect(),
        }
    }

    /// Selects WAL, and adds to `to_read` what of it is to be read.
    fn choose_wal(&mut self, to_read: &mut SegmentSets) {
        match self.selection.wal {
            WalChoice::New => {
                let Some(begin) = self.targets.newest_backup().and_then(|newest| newest.begin)
                else {
                    return;
                };
                for (timeline, segments) in &self.targets.segments {
                    if *timeline >= begin.timeline {
                        let segments = segments.within(begin.number, u64::MAX);
                        self.choose_unread(*timeline, &segments, to_read);
                    }
                }
            }
            WalChoice::All => {
                for (timeline, segments) in &self.targets.segments {
                    self.choose_again(*timeline, segments, to_read);
                }
            }
            WalChoice::Range { first, last } => {
                for (timeline, segments) in &self.targets.segments {
                    if let Some((from, to)) = self.within(first, last, *timeline) {
                        self.choose_again(*timeline, &segments.within(from, to), to_read);
                    }
                }
                let chosen = self.selected.segments.values();
                self.selected.in_range = chosen.map(Runs::count).sum();
                if first.timeline == last.timeline
                    && let Some((from, to)) = self.within(first, last, first.timeline)
                {
                    let present = self.selected.segments.get(&first.timeline);
                    let present = present.map_or(0, Runs::count);
                    let named = to.saturating_sub(from).saturating_add(1);
                    self.selected.absent = named.saturating_sub(present);
                }
            }
        }
    }

    /// Numbers of the segments of a timeline whose names lie between two others.
    fn within(
        &self,
        first: SegmentName,
        last: SegmentName,
        timeline: TimelineId,
    ) -> Option<(u64, u64)> {
        if !(first.timeline..=last.timeline).contains(&timeline) {
            return None;
        }
        let per_wal_dir = u64::from(self.targets.segment_size.segments_per_wal_dir());
        let number = |name: SegmentName, most| {
            u64::from(name.high) * per_wal_dir + u64::from(name.low).min(most)
        };
        let from = if timeline == first.timeline {
            number(first, per_wal_dir)
        } else {
            0
        };
        let to = if timeline == last.timeline {
            number(last, per_wal_dir - 1)
        } else {
            u64::MAX
        };
        (from <= to).then_some((from, to))
    }

    fn choose_own_wal(&mut self, backup: &BackupTarget, to_read: &mut SegmentSets) {
        for (timeline, own) in self.targets.own_wal(backup) {
            self.choose_unread(timeline, &own, to_read);
        }
    }

    fn choose_again(&mut self, timeline: TimelineId, segments: &Runs, to_read: &mut SegmentSets) {
        self.selected
            .segments
            .entry(timeline)
            .or_default()
            .insert_all(segments);
        let segments = if self.targets.level >= Level::Wal {
            segments.clone()
        } else {
            // A look at the edges adds nothing to a whole read.
            segments.without(&self.read_as_a_whole(timeline))
        };
        to_read.entry(timeline).or_default().insert_all(&segments);
    }

    fn choose_unread(&mut self, timeline: TimelineId, segments: &Runs, to_read: &mut SegmentSets) {
        self.selected
            .segments
            .entry(timeline)
            .or_default()
            .insert_all(segments);
        let unread = segments.without(&self.known(timeline));
        let of_timeline = to_read.entry(timeline).or_default();
        of_timeline.insert_all(&unread);
        if self.targets.level >= Level::Wal {
            let unjoined = self.unjoined(timeline, segments, of_timeline);
            of_timeline.insert_all(&unjoined);
        }
    }

    /// Segments of a timeline of which enough is known.
    fn known(&self, timeline: TimelineId) -> Runs {
        let mut known = Runs::default();
        if self.targets.level >= Level::Wal {
            for run in self.evidence.wal.runs.iter() {
                if run.first.timeline == timeline {
                    known.insert_run(Run {
                        first: run.first.number,
                        last: run.last,
                    });
                }
            }
        }
        for (place, evidence) in self.files_of(timeline) {
            let is_whole = evidence.depth == Depth::Whole;
            let is_enough = is_whole || self.targets.level < Level::Wal;
            match evidence.verdict {
                ContentVerdict::Corrupt if is_enough => drop(known.insert(place.number)),
                ContentVerdict::Sound if is_enough && self.targets.level < Level::Wal => {
                    known.insert(place.number);
                }
                ContentVerdict::Sound if !self.ends_too_early(place, evidence) => {}
                ContentVerdict::Sound
                | ContentVerdict::Corrupt
                | ContentVerdict::Suspect
                | ContentVerdict::Unreadable => known.remove_run(Run {
                    first: place.number,
                    last: place.number,
                }),
            }
        }
        known
    }

    /// Returns whether WAL ends within a segment although the next one is there by now.
    fn ends_too_early(&self, place: SegmentPlace, evidence: &SegmentEvidence) -> bool {
        let size = self.targets.segment_size;
        let name = SegmentName::from_number(place.timeline, place.number, size);
        let fault = self.evidence.wal.fault(WalDir::from(name), evidence.file);
        fault.is_some_and(|fault| fault.kind == FaultKind::EndsEarly)
            && self.targets.has(place.next())
    }

    fn read_as_a_whole(&self, timeline: TimelineId) -> Runs {
        let files = self.files_of(timeline);
        let whole = files.filter(|(_, evidence)| evidence.depth == Depth::Whole);
        whole.map(|(place, _)| place.number).collect()
    }

    /// Evidence about the whole segments of a timeline.
    fn files_of(
        &self,
        timeline: TimelineId,
    ) -> impl Iterator<Item = (SegmentPlace, &'a SegmentEvidence)> {
        let size = self.targets.segment_size;
        let dirs = self.evidence.wal.dirs();
        let dirs = dirs.filter(move |(wal_dir, _)| wal_dir.timeline == timeline);
        dirs.flat_map(move |(wal_dir, known)| {
            let whole = known.files().iter().filter(|known| !known.file.is_partial);
            whole.filter_map(move |known| {
                let place = place_of(wal_dir.segment(known.file.low), size)?;
                Some((place, known))
            })
        })
    }

    /// Segments that were walked over, but not from the end of the one before, although that is known
    /// or is to be read.
    fn unjoined(&self, timeline: TimelineId, segments: &Runs, to_read: &Runs) -> Runs {
        let runs = &self.evidence.wal.runs;
        let mut unjoined = Runs::default();
        for run in runs.iter().filter(|run| run.first.timeline == timeline) {
            let is_open = run.follows.is_none() && run.sound_from.is_none();
            if !is_open || !segments.contains(run.first.number) {
                continue;
            }
            let Some(before) = self.targets.before(run.first) else {
                continue;
            };
            let is_to_be_read = before.timeline == timeline && to_read.contains(before.number);
            if is_to_be_read || runs.containing(before).is_some() {
                unjoined.insert(run.first.number);
            }
        }
        unjoined
    }

    fn choose_partials(&mut self) {
        for (wal_dir, target) in &self.targets.dirs {
            for low in &target.partials {
                self.selected.partials.insert((*wal_dir, *low));
            }
        }
    }

    fn read_own_wal(
        &mut self,
        backup: &BackupTarget,
        priority: Priority,
        to_read: &mut SegmentSets,
    ) {
        for (timeline, own) in self.targets.own_wal(backup) {
            if let (Some(first), Some(last)) = (own.first(), own.last()) {
                self.read_wal(timeline, first, last, priority, to_read);
            }
        }
    }

    /// Makes jobs of the segments of a timeline in `from..=to`, and removes them from `to_read`.
    fn read_wal(
        &mut self,
        timeline: TimelineId,
        from: u64,
        to: u64,
        priority: Priority,
        to_read: &mut SegmentSets,
    ) {
        let Some(left) = to_read.get_mut(&timeline) else {
            return;
        };
        let segments = left.within(from, to);
        *left = left.without(&segments);
        let size = self.targets.segment_size;
        for run in segments.iter() {
            let mut rest = Some(run);
            while let Some(run) = rest {
                let last = last_of_walk(run, size);
                let part = Run {
                    first: run.first,
                    last,
                };
                self.read_run(part, timeline, priority);
                rest = (last < run.last).then(|| Run {
                    first: last.saturating_add(1),
                    last: run.last,
                });
            }
        }
    }

    /// Makes a job of consecutive segments of one WAL directory.
    fn read_run(&mut self, run: Run, timeline: TimelineId, priority: Priority) {
        let size = self.targets.segment_size;
        let name = SegmentName::from_number(timeline, run.first, size);
        let wal_dir = WalDir::from(name);
        let count = run.last.saturating_sub(run.first).saturating_add(1);
        let average = self.average_bytes(wal_dir);
        if self.targets.level >= Level::Wal {
            let first = SegmentPlace {
                timeline,
                number: run.first,
            };
            let job = Job::Walk {
                first,
                last: run.last,
            };
            self.push(priority, job, whole_sums(count, average));
        } else {
            let low = u64::from(name.low);
            let edges = WantedEdges {
                segments: Runs::from_run(Run {
                    first: low,
                    last: low.saturating_add(count).saturating_sub(1),
                }),
                partials: BTreeSet::new(),
            };
            let job = Job::EdgesAgain { wal_dir, edges };
            self.push(priority, job, edge_sums(count, average));
        }
    }

    fn average_bytes(&self, wal_dir: WalDir) -> u64 {
        let target = self.targets.dirs.get(&wal_dir);
        target.map_or(0, |target| target.bytes / target.segments.count().max(1))
    }

    fn read_partials(&mut self) {
        let explicit = self.selection.wal == WalChoice::All;
        let mut edges: BTreeMap<WalDir, BTreeSet<u32>> = BTreeMap::new();
        for (wal_dir, low) in self.selected.partials.clone() {
            let file = WalFile {
                low,
                is_partial: true,
            };
            let known = self.evidence.wal.of(wal_dir, file);
            let wanted = self.targets.level.depth_of_wal();
            let is_known = known.is_some_and(|known| {
                known.depth >= wanted
                    && matches!(
                        known.verdict,
                        ContentVerdict::Sound | ContentVerdict::Corrupt
                    )
            });
            if is_known && !explicit {
                continue;
            }
            self.selected.partials_to_read.insert((wal_dir, low));
            let average = self.average_bytes(wal_dir);
            if wanted == Depth::Whole {
                let job = Job::Examine { wal_dir, file };
                self.push(Priority::NewWal, job, whole_sums(1, average));
            } else {
                edges.entry(wal_dir).or_default().insert(low);
            }
        }
        for (wal_dir, partials) in edges {
            let sums = edge_sums(partials.len() as u64, self.average_bytes(wal_dir));
            let edges = WantedEdges {
                segments: Runs::default(),
                partials,
            };
            self.push(Priority::NewWal, Job::EdgesAgain { wal_dir, edges }, sums);
        }
    }

    fn read_backup(&mut self, backup: &BackupTarget, priority: Priority) {
        let known = self.evidence.backups.get(&backup.id);
        let known = known.filter(|known| known.stamp == backup.stamp());
        let wanted = self.targets.level.depth_of_backups();
        let is_explicit = self.selection.backups != BackupChoice::Newest;
        let adds_nothing = known.is_some_and(|known| known.depth > wanted);
        let is_known = known.is_some_and(|known| known.depth >= wanted && is_final(known));
        if !backup.is_read_at_once || adds_nothing || (is_known && !is_explicit) {
            return;
        }
        if wanted == Depth::Whole {
            let mut sums = whole_sums(backup.data_objects, average(backup));
            // The store is asked for the checksum of each object.
            sums.requests = sums.requests.saturating_add(backup.data_objects);
            sums.bytes = backup.data_bytes;
            self.push(priority, Job::Backup(backup.id.clone()), sums);
        } else {
            let sums = edge_sums(backup.data_objects, average(backup));
            self.push(priority, Job::BackupEdges(backup.id.clone()), sums);
        }
    }

    fn push(&mut self, priority: Priority, job: Job, planned: ReadSums) {
        self.selected.jobs.push(SelectedJob {
            server: self.server.to_owned(),
            priority,
            job,
            planned,
        });
    }
}

/// Returns whether evidence about a backup needs no second read.
fn is_final(known: &BackupEvidence) -> bool {
    match known.verdict {
        ContentVerdict::Sound | ContentVerdict::Corrupt => true,
        ContentVerdict::Suspect => known.depth == Depth::Whole && !known.is_unconfirmed,
        ContentVerdict::Unreadable => false,
    }
}

const fn average(backup: &BackupTarget) -> u64 {
    match backup.data_bytes.checked_div(backup.data_objects) {
        Some(average) => average,
        None => 0,
    }
}

/// Estimate of reading objects of this average size as a whole, after one listing.
fn whole_sums(objects: u64, average_bytes: u64) -> ReadSums {
    let pieces = average_bytes.div_ceil(PIECE_BYTES).max(1);
    ReadSums {
        objects,
        requests: objects.saturating_mul(pieces).saturating_add(1),
        bytes: objects.saturating_mul(average_bytes),
    }
}

/// Estimate of reading the edges of objects of this average size, after one listing.
fn edge_sums(objects: u64, average_bytes: u64) -> ReadSums {
    ReadSums {
        objects,
        requests: objects.saturating_mul(2).saturating_add(1),
        bytes: objects.saturating_mul(average_bytes.min(EDGE_BYTES)),
    }
}

fn timelines(segments: &SegmentSets) -> Vec<TimelineId> {
    segments.keys().copied().collect()
}
