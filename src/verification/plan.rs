//! Order in which the contents of a server are read.
//!
//! First what was found to be at fault and was read once; then the WAL that makes the newest backup
//! consistent, the edges of what is new, the WAL behind the newest backup, its data, everything
//! else, and what was read longest ago. Never at random: coverage follows from the budget alone.

use barman_archive::postgres::{Run, Runs, SegmentSize, TimelineId, WalDir};
use chrono::{DateTime, TimeDelta, Utc};

use super::{Job, PlannedJob, Priority};
use crate::assess::{BackupTarget, DirTarget, ServerTargets};
use crate::evidence::{
    BackupEvidence, ContentVerdict, Depth, FaultKind, Level, RETRY_AFTER, SegmentEvidence,
    SegmentPlace, ServerEvidence, WalFile, is_older, place_of,
};

/// Time after which something is read again that seems to be damaged.
const CONFIRM_AFTER: TimeDelta = TimeDelta::minutes(10);

/// Maximum number of segments of one job.
const MOST_SEGMENTS: u64 = 64;

/// Number of corrupt files of a server after which further suspicions are not confirmed at the level of
/// edges: nobody has asked for whole reads.
const MOST_AT_EDGES: usize = 16;

/// Input for the order of one server.
#[derive(Clone, Copy, Debug)]
pub struct Planner<'a> {
    /// Content of the server.
    pub targets: &'a ServerTargets,
    /// What is known of it.
    pub evidence: &'a ServerEvidence,
    /// Time after which evidence is renewed; `None` for never.
    pub reverify_after: Option<TimeDelta>,
    /// Largest number of bytes that can ever be read at once; `None` without a limit.
    pub most_bytes: Option<u64>,
    /// Current time.
    pub now: DateTime<Utc>,
}

impl Planner<'_> {
    /// Returns the next job; `None` if nothing is to be read.
    #[must_use]
    pub fn next(&self) -> Option<PlannedJob> {
        let planned = |priority, job| PlannedJob {
            priority,
            evidence_from: None,
            job,
        };
        if let Some(job) = self.confirmation() {
            return Some(planned(Priority::Confirmation, job));
        }
        if let Some(job) = self.own_wal_of_newest() {
            return Some(planned(Priority::OwnWal, job));
        }
        if let Some(job) = self.edges() {
            return Some(planned(Priority::Edges, job));
        }
        if let Some(job) = self.new_wal() {
            return Some(planned(Priority::NewWal, job));
        }
        if let Some(job) = self.newest_backup() {
            return Some(planned(Priority::NewestBackup, job));
        }
        if let Some(job) = self.others() {
            return Some(planned(Priority::Others, job));
        }
        self.again()
    }

    /// Returns whether a level is asked for.
    pub(super) fn wants(&self, level: Level) -> bool {
        self.targets.level >= level
    }

    /// Returns whether the evidence about a WAL directory was compared with its present state.
    fn is_current(&self, wal_dir: WalDir, target: &DirTarget) -> bool {
        let known = self.evidence.wal.dir(wal_dir);
        known.is_some_and(|known| known.stamp == target.stamp)
    }

    /// Returns the evidence about a backup, if it is about its present data.
    pub(super) fn of_backup(&self, backup: &BackupTarget) -> Option<&BackupEvidence> {
        self.evidence.backup(&backup.id, backup.stamp())
    }

    fn confirmation(&self) -> Option<Job> {
        if let Some(job) = self.unconfirmed_wal() {
            return Some(job);
        }
        if !self.wants(Level::Full) {
            return None;
        }
        let mut unconfirmed = self.targets.backups.iter().rev().filter(|backup| {
            self.of_backup(backup).is_some_and(|evidence| {
                evidence.is_unconfirmed
                    && self.is_due(evidence.read_at, wait_to_confirm(evidence))
                    && self.is_affordable(self.bytes_of(backup).saturating_mul(2))
            })
        });
        unconfirmed
            .next()
            .map(|backup| Job::Backup(backup.id.clone()))
    }

    fn unconfirmed_wal(&self) -> Option<Job> {
        for (wal_dir, file, fault) in self.evidence.wal.faults() {
            let Some(known) = self.evidence.wal.of(wal_dir, file) else {
                continue;
            };
            // The last segment of a timeline may end early; this one is not the last one any more.
            let ends_early = fault.kind == FaultKind::EndsEarly
                && known.verdict == ContentVerdict::Sound
                && self.goes_on(wal_dir, file);
            let is_unconfirmed =
                (known.verdict == ContentVerdict::Suspect || ends_early) && !fault.is_confirmed;
            let wait = if fault.kind == FaultKind::Inconsistent {
                RETRY_AFTER
            } else if known.depth == Depth::Edges || ends_early {
                TimeDelta::zero()
            } else {
                CONFIRM_AFTER
            };
            let twice = u64::from(known.bytes).saturating_mul(2);
            if is_unconfirmed
                && (self.wants(Level::Wal) || self.may_confirm_at_edges(known))
                && self.is_affordable(twice)
                && self.is_there(wal_dir, file)
                && self.is_due(known.read_at(), wait)
            {
                return Some(Job::Examine { wal_dir, file });
            }
        }
        None
    }

    /// Returns whether a suspicion may be confirmed by whole reads although only edges are asked for: of
    /// files that have about the size of a segment, and of a few of them.
    fn may_confirm_at_edges(&self, known: &SegmentEvidence) -> bool {
        let most = u64::from(self.targets.segment_size.bytes()).saturating_mul(2);
        let confirmed = self
            .evidence
            .wal
            .faults()
            .filter(|(.., fault)| fault.is_confirmed);
        u64::from(known.bytes) <= most && confirmed.take(MOST_AT_EDGES).count() < MOST_AT_EDGES
    }

    /// Returns whether the segment after a whole one is there.
    fn goes_on(&self, wal_dir: WalDir, file: WalFile) -> bool {
        let place = place_of(wal_dir.segment(file.low), self.targets.segment_size);
        !file.is_partial && place.is_some_and(|place| self.targets.has(place.next()))
    }

    fn is_there(&self, wal_dir: WalDir, file: WalFile) -> bool {
        let target = self.targets.dirs.get(&wal_dir);
        target.is_some_and(|target| target.wants(file))
    }

    pub(super) fn is_due(&self, read_at: DateTime<Utc>, after: TimeDelta) -> bool {
        is_older(read_at, after, self.now)
    }

    /// Bytes that a read of a backup's data may take.
    pub(super) fn bytes_of(&self, backup: &BackupTarget) -> u64 {
        self.targets.read_bytes(backup)
    }

    pub(super) fn is_affordable(&self, bytes: u64) -> bool {
        self.most_bytes.is_none_or(|most| bytes <= most)
    }

    fn own_wal_of_newest(&self) -> Option<Job> {
        self.own_wal(self.targets.newest_backup()?)
    }

    /// Returns the first segments that make a backup consistent and were not walked over.
    fn own_wal(&self, backup: &BackupTarget) -> Option<Job> {
        if !self.wants(Level::Wal) {
            return None;
        }
        let own = self.targets.own_wal(backup);
        own.iter().find_map(|(timeline, segments)| {
            let (first, last) = (segments.first()?, segments.last()?);
            self.walk_within(*timeline, first, last)
        })
    }

    /// Returns the first edges that were not read.
    fn edges(&self) -> Option<Job> {
        // The newest WAL directories first: what is new is most likely there.
        for (wal_dir, target) in self.targets.dirs.iter().rev() {
            if !self.is_current(*wal_dir, target) || self.misses_edges(*wal_dir, target) {
                return Some(Job::WalEdges(*wal_dir));
            }
        }
        let unread = |backup: &&BackupTarget| {
            let known = self.of_backup(backup);
            backup.is_read_at_once && known.is_none_or(|known| self.is_tried_again(known))
        };
        let backup = self.targets.backups.iter().rev().find(unread)?;
        Some(Job::BackupEdges(backup.id.clone()))
    }

    fn misses_edges(&self, wal_dir: WalDir, target: &DirTarget) -> bool {
        if !self.evidence.wal.has_room() {
            return false;
        }
        let Some(known) = self.evidence.wal.dir(wal_dir) else {
            return true;
        };
        let known_of = |file: WalFile| {
            let wal = &self.evidence.wal;
            wal.has_lasting_evidence(wal_dir, file, self.now)
        };
        let mut partials = target.partials.iter();
        let has_all_partials = partials.all(|low| {
            known_of(WalFile {
                low: *low,
                is_partial: true,
            })
        });
        let files = known.files().iter().filter(|known| !known.file.is_partial);
        let mut missing = target.segments.clone();
        for evidence in files.filter(|known| known_of(known.file)) {
            let number = u64::from(evidence.file.low);
            missing.remove_run(Run {
                first: number,
                last: number,
            });
        }
        !has_all_partials || !missing.is_empty()
    }

    /// Returns the first segments behind the start of the newest backup that were not walked over.
    fn new_wal(&self) -> Option<Job> {
        if !self.wants(Level::Wal) {
            return None;
        }
        if let Some(job) = self.partial() {
            return Some(job);
        }
        let begin = self.targets.newest_backup()?.begin?;
        for timeline in self.targets.segments.keys() {
            if *timeline >= begin.timeline
                && let Some(job) = self.walk_within(*timeline, begin.number, u64::MAX)
            {
                return Some(job);
            }
        }
        None
    }

    /// Returns the first partial segment that was not read as a whole.
    fn partial(&self) -> Option<Job> {
        for (wal_dir, target) in self.targets.dirs.iter().rev() {
            for low in &target.partials {
                let file = WalFile {
                    low: *low,
                    is_partial: true,
                };
                let known = self.evidence.wal.of(*wal_dir, file);
                let is_read = known.is_some_and(|known| {
                    known.depth == Depth::Whole
                        || match known.verdict {
                            ContentVerdict::Sound => false,
                            ContentVerdict::Suspect | ContentVerdict::Corrupt => true,
                            // What its edges do not show, the whole of it may.
                            ContentVerdict::Unreadable => {
                                let fault = self.evidence.wal.fault(*wal_dir, file);
                                fault.is_none_or(|fault| fault.kind.may_pass())
                            }
                        }
                }) && self
                    .evidence
                    .wal
                    .has_lasting_evidence(*wal_dir, file, self.now);
                if !is_read && self.evidence.wal.has_room() {
                    return Some(Job::Examine {
                        wal_dir: *wal_dir,
                        file,
                    });
                }
            }
        }
        None
    }

    /// Returns whether what could not be read of a backup is tried again now.
    fn is_tried_again(&self, evidence: &BackupEvidence) -> bool {
        evidence.verdict == ContentVerdict::Unreadable
            && evidence.may_pass()
            && self.is_due(evidence.read_at, RETRY_AFTER)
    }

    /// Returns whether the WAL that makes a backup consistent is there, or not expected any more. Without
    /// it, failing pages cannot be judged, and the archiver may be late.
    fn has_own_wal(&self, backup: &BackupTarget) -> bool {
        let last = SegmentPlace {
            timeline: backup.end_timeline,
            number: backup.last_needed,
        };
        self.targets.has(last) || self.is_due(backup.ended_at, RETRY_AFTER)
    }

    fn newest_backup(&self) -> Option<Job> {
        self.data_of(self.targets.newest_backup()?)
    }

    /// Returns the job to read a backup's data, unless they were read.
    fn data_of(&self, backup: &BackupTarget) -> Option<Job> {
        if !self.wants(Level::Full)
            || !backup.is_read_at_once
            || !self.is_affordable(self.bytes_of(backup))
            || !self.has_own_wal(backup)
        {
            return None;
        }
        let is_read = match self.of_backup(backup) {
            // What the edges do not show, a whole read may.
            Some(evidence) if evidence.verdict == ContentVerdict::Unreadable => {
                let is_tried = evidence.depth == Depth::Whole || evidence.may_pass();
                is_tried && !self.is_tried_again(evidence)
            }
            Some(evidence) => evidence.depth == Depth::Whole,
            None => false,
        };
        (!is_read).then(|| Job::Backup(backup.id.clone()))
    }

    fn others(&self) -> Option<Job> {
        for backup in self.targets.backups.iter().rev() {
            if let Some(job) = self.own_wal(backup) {
                return Some(job);
            }
            if let Some(job) = self.data_of(backup) {
                return Some(job);
            }
        }
        if !self.wants(Level::Wal) {
            return None;
        }
        let mut timelines = self.targets.segments.keys().rev();
        timelines.find_map(|timeline| self.walk_within(*timeline, 0, u64::MAX))
    }

    /// Returns the job that walks on from a segment, within its WAL directory.
    pub(super) fn walk_from(&self, first: SegmentPlace) -> Job {
        let segments = self.targets.segments.get(&first.timeline);
        let missing = segments.and_then(|segments| segments.first_missing(first.number, u64::MAX));
        let end = missing
            .unwrap_or(u64::MAX)
            .saturating_sub(1)
            .max(first.number);
        self.walk(
            Run {
                first: first.number,
                last: end,
            },
            first.timeline,
        )
    }

    /// Returns the first segments of a timeline in `from..=to` that were not walked over, or not from
    /// the end of the one before.
    fn walk_within(&self, timeline: TimelineId, from: u64, to: u64) -> Option<Job> {
        let segments = self.targets.segments.get(&timeline)?.within(from, to);
        let unwalked = segments.without(&self.judged(timeline));
        let unjoined = self.first_unjoined(timeline, from, to);
        let run = match (unwalked.iter().next(), unjoined) {
            (Some(run), Some(number)) if number < run.first => Run {
                first: number,
                last: number,
            },
            (Some(run), _) => run,
            (None, Some(number)) => Run {
                first: number,
                last: number,
            },
            (None, None) => return None,
        };
        Some(self.walk(run, timeline))
    }

    fn walk(&self, run: Run, timeline: TimelineId) -> Job {
        Job::Walk {
            first: SegmentPlace {
                timeline,
                number: run.first,
            },
            last: last_of_walk(run, self.targets.segment_size),
        }
    }

    /// Returns the segments of a timeline that were walked over, or that cannot be.
    fn judged(&self, timeline: TimelineId) -> Runs {
        let mut judged = Runs::default();
        for run in self.evidence.wal.runs.iter() {
            if run.first.timeline == timeline {
                judged.insert_run(Run {
                    first: run.first.number,
                    last: run.last,
                });
            }
        }
        for (wal_dir, file, fault) in self.evidence.wal.faults() {
            let Some(known) = self.evidence.wal.of(wal_dir, file) else {
                continue;
            };
            let is_final = match known.verdict {
                ContentVerdict::Sound => false,
                ContentVerdict::Suspect | ContentVerdict::Corrupt => known.depth == Depth::Whole,
                ContentVerdict::Unreadable => {
                    let wal = &self.evidence.wal;
                    // What the edges do not show, a whole read may.
                    let is_tried = known.depth == Depth::Whole || fault.kind.may_pass();
                    is_tried && wal.has_lasting_evidence(wal_dir, file, self.now)
                }
            };
            let place = place_of(wal_dir.segment(file.low), self.targets.segment_size);
            if is_final
                && !file.is_partial
                && let Some(place) = place.filter(|place| place.timeline == timeline)
            {
                judged.insert(place.number);
            }
        }
        judged
    }

    /// Returns the first segment of a run that was not walked over from the end of the one before,
    /// although that was walked over.
    fn first_unjoined(&self, timeline: TimelineId, from: u64, to: u64) -> Option<u64> {
        let runs = &self.evidence.wal.runs;
        for run in runs.iter().filter(|run| run.first.timeline == timeline) {
            let is_in = (from..=to).contains(&run.first.number);
            let is_open = run.follows.is_none() && run.sound_from.is_none();
            if !is_in || !is_open {
                continue;
            }
            let before = self.targets.before(run.first);
            if before.is_some_and(|before| runs.containing(before).is_some()) {
                return Some(run.first.number);
            }
        }
        None
    }
}

/// Returns the time after which damage of a backup is looked for again.
fn wait_to_confirm(evidence: &BackupEvidence) -> TimeDelta {
    let differs = evidence.faults.contains(FaultKind::Inconsistent.as_label());
    if differs { RETRY_AFTER } else { CONFIRM_AFTER }
}

/// Returns the number of the last segment of a run that one job walks over, from its first one on:
/// within one WAL directory, and not too many.
pub(super) fn last_of_walk(run: Run, size: SegmentSize) -> u64 {
    let per_wal_dir = u64::from(size.segments_per_wal_dir());
    let begin_of_dir = run.first - run.first % per_wal_dir;
    let end_of_dir = begin_of_dir.saturating_add(per_wal_dir - 1);
    let most = run.first.saturating_add(MOST_SEGMENTS - 1);
    run.last.min(end_of_dir).min(most)
}
