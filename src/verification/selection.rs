//! Selection of what the command `verify` reads.
//!
//! A pure function of what a scan found and of the evidence so far, as the planner is, but without an
//! order of days: everything that was asked for becomes jobs at once.

use std::collections::BTreeSet;
use std::str::FromStr;

use barman_archive::postgres::{SegmentName, SegmentSize, WalDir};
use barman_archive::recovery::SegmentSets;

use super::selector::Selector;
use super::{Job, Priority};
use crate::assess::{DirTarget, ServerTargets};
use crate::evidence::{ContentVerdict, Depth, SegmentPlace, ServerEvidence, WalFile};
use crate::report::ReadSums;

/// Backups to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupChoice {
    /// Finished backup that ended last, unless it was read before.
    Newest,
    /// All finished backups, also those that were read before.
    All,
    /// Backup with this id, also if it was read before.
    Id(String),
}

/// WAL to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalChoice {
    /// WAL from the start of the newest backup on that was not read before.
    New,
    /// All WAL that some backup needs, also what was read before.
    All,
    /// Segments with names from one to another, also those that were read before.
    Range {
        /// First name.
        first: SegmentName,
        /// Last name.
        last: SegmentName,
    },
}

/// Text that is not a choice of WAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected `new`, `all`, or the names of the first and the last segment with two dots between them, \
     such as `000000010000000000000017..00000001000000000000002A`"
)]
pub struct InvalidWalChoice;

impl FromStr for BackupChoice {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "newest" => Self::Newest,
            "all" => Self::All,
            id => Self::Id(id.to_owned()),
        })
    }
}

impl FromStr for WalChoice {
    type Err = InvalidWalChoice;

    fn from_str(text: &str) -> Result<Self, InvalidWalChoice> {
        match text {
            "new" => return Ok(Self::New),
            "all" => return Ok(Self::All),
            _ => {}
        }
        let (first, last) = text.split_once("..").ok_or(InvalidWalChoice)?;
        let name = |text| SegmentName::parse(text).ok_or(InvalidWalChoice);
        let (first, last) = (name(first)?, name(last)?);
        if first > last {
            return Err(InvalidWalChoice);
        }
        Ok(Self::Range { first, last })
    }
}

/// Selection of contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Backups to read.
    pub backups: BackupChoice,
    /// WAL to read, besides that which makes the backups consistent.
    pub wal: WalChoice,
}

/// Job of a server, with what it probably reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectedJob {
    /// Name of the server.
    pub server: String,
    /// Rank of the job: lower ones come first.
    pub priority: Priority,
    /// The job.
    pub job: Job,
    /// Estimate of its reads, each object once.
    pub planned: ReadSums,
}

/// Contents of one server that were selected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SelectedContents {
    /// Ids of the backups, the newest first.
    pub backups: Vec<String>,
    /// Segments, whether they are to be read or were read before.
    pub segments: SegmentSets,
    /// Partial segments, by WAL directory and the third part of their names.
    pub partials: BTreeSet<(WalDir, u32)>,
    /// Those of the segments that are to be read.
    pub to_read: SegmentSets,
    /// Those of the partial segments that are to be read.
    pub partials_to_read: BTreeSet<(WalDir, u32)>,
    /// Segments of a range that are there; 0 without a range.
    pub in_range: u64,
    /// Segments of a range that are not there, or that no backup needs.
    pub absent: u64,
    /// Reads, in their order.
    pub jobs: Vec<SelectedJob>,
}

impl SelectedContents {
    /// Estimate of all reads.
    #[must_use]
    pub fn planned(&self) -> ReadSums {
        let mut sums = ReadSums::default();
        for job in &self.jobs {
            sums.add(job.planned);
        }
        sums
    }
}

impl Selection {
    /// Selects contents of a server.
    #[must_use]
    pub fn of_server(
        &self,
        server: &str,
        targets: &ServerTargets,
        evidence: &ServerEvidence,
    ) -> SelectedContents {
        Selector::select(server, self, targets, evidence)
    }

    /// Returns the WAL directories of a selection whose evidence has to be compared with a listing
    /// before: they have changed since it was gathered.
    #[must_use]
    pub fn outdated(&self, targets: &ServerTargets, evidence: &ServerEvidence) -> Vec<WalDir> {
        let is_outdated = |wal_dir: &WalDir, target: &DirTarget| {
            let known = evidence.wal.dir(*wal_dir);
            known.is_some_and(|known| known.stamp != target.stamp)
        };
        let dirs = targets.dirs.iter();
        dirs.filter(|(wal_dir, target)| is_outdated(wal_dir, target))
            .map(|(wal_dir, _)| *wal_dir)
            .collect()
    }
}

/// Returns the jobs that follow from what was read: those that read again, as a whole, what seems to be
/// damaged after a look at its edges, and those that join runs of WAL that were read in another order
/// than they were written.
#[must_use]
pub fn follow_ups(
    server: &str,
    selected: &SelectedContents,
    targets: &ServerTargets,
    evidence: &ServerEvidence,
) -> Vec<SelectedJob> {
    let mut jobs = Vec::new();
    for (wal_dir, file, fault) in evidence.wal.faults() {
        let known = evidence.wal.of(wal_dir, file);
        let is_doubtful = known.is_some_and(|known| {
            known.verdict == ContentVerdict::Suspect && known.depth == Depth::Edges
        });
        if is_doubtful && !fault.is_confirmed && selected.has(wal_dir, file, targets.segment_size) {
            jobs.push(SelectedJob {
                server: server.to_owned(),
                priority: Priority::Confirmation,
                job: Job::Examine { wal_dir, file },
                planned: ReadSums::default(),
            });
        }
    }
    for first in unjoined(targets, evidence) {
        let is_selected = selected.segments.get(&first.timeline);
        if is_selected.is_some_and(|segments| segments.contains(first.number)) {
            jobs.push(SelectedJob {
                server: server.to_owned(),
                priority: Priority::Others,
                job: Job::Walk {
                    first,
                    last: first.number,
                },
                planned: ReadSums::default(),
            });
        }
    }
    jobs
}

/// Returns the segments that were walked over, but not from the end of the one before, although that was
/// walked over too.
fn unjoined(
    targets: &ServerTargets,
    evidence: &ServerEvidence,
) -> impl Iterator<Item = SegmentPlace> {
    let runs = &evidence.wal.runs;
    let open = runs
        .iter()
        .filter(|run| run.follows.is_none() && run.sound_from.is_none());
    open.map(|run| run.first).filter(|first| {
        let before = targets.before(*first);
        before.is_some_and(|before| runs.containing(before).is_some())
    })
}

impl SelectedContents {
    /// Returns whether a WAL file is selected.
    #[must_use]
    pub fn has(&self, wal_dir: WalDir, file: WalFile, size: SegmentSize) -> bool {
        if file.is_partial {
            self.partials.contains(&(wal_dir, file.low))
        } else {
            holds(&self.segments, wal_dir.segment(file.low), size)
        }
    }

    /// Returns whether a WAL file is to be read.
    pub(super) fn reads(&self, wal_dir: WalDir, file: WalFile, size: SegmentSize) -> bool {
        if file.is_partial {
            self.partials_to_read.contains(&(wal_dir, file.low))
        } else {
            holds(&self.to_read, wal_dir.segment(file.low), size)
        }
    }
}

impl Selection {
    /// Returns whether something was named that a server does not have.
    #[must_use]
    pub const fn is_missed_by(&self, selected: &SelectedContents) -> bool {
        let is_other_backup =
            matches!(self.backups, BackupChoice::Id(_)) && selected.backups.is_empty();
        let is_other_range = matches!(self.wal, WalChoice::Range { .. }) && selected.in_range == 0;
        is_other_backup || is_other_range
    }

    /// Returns whether partial segments are selected.
    pub(super) const fn wal_is_open(&self) -> bool {
        match self.wal {
            WalChoice::New | WalChoice::All => true,
            WalChoice::Range { .. } => false,
        }
    }
}

fn holds(segments: &SegmentSets, name: SegmentName, size: SegmentSize) -> bool {
    let number = name.number(size);
    let of_timeline = segments.get(&name.timeline).zip(number);
    of_timeline.is_some_and(|(segments, number)| segments.contains(number))
}
