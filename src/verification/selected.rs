//! Reading of selected contents, and what is known of them afterwards.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use archive_store::ObjectStore;
use barman_archive::postgres::{SegmentName, WalDir};
use chrono::{DateTime, Utc};
use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::ledger;
use super::server_job::JobEnd;
use super::verifier::{EndedJob, Verifier};
use super::{Job, SelectedContents, SelectedJob};
use crate::assess::{ArchiveTargets, BackupTarget, ServerTargets};
use crate::evidence::{ContentVerdict, Depth, Effect, SegmentEvidence, ServerEvidence, WalFile};
use crate::report::{
    FaultySegment, MOST_FAULTY, RecoveryProof, SelectedBackup, SelectedSegment, SelectedServer,
    SelectedWal, UnreadReason,
};

/// End of a selected job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectedEnd {
    /// Everything was read.
    Done,
    /// Something is larger than what was left of the budget.
    TooLarge,
    /// The store does not answer as it should. Nothing more is read of the server.
    Failed(String),
}

/// Ends of the jobs of one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SelectedResult {
    /// Backups that are larger than what was left of the budget.
    pub too_large: BTreeSet<String>,
    /// Reason why reads were given up.
    pub failure: Option<String>,
}

/// Circumstances of the reads of one server.
#[derive(Clone, Copy, Debug)]
pub struct SelectedRun<'a> {
    /// Start of the reads.
    pub began_at: DateTime<Utc>,
    /// True if nothing was to be read.
    pub is_dry: bool,
    /// True if the reads ended early.
    pub is_interrupted: bool,
    /// Ends of the jobs.
    pub result: &'a SelectedResult,
    /// Ends of the chains of WAL, by backup id.
    pub chains: &'a BTreeMap<String, RecoveryProof>,
}

impl SelectedResult {
    /// Notes the end of a job.
    pub fn note(&mut self, job: &SelectedJob, end: SelectedEnd) {
        match end {
            SelectedEnd::Done => {}
            SelectedEnd::TooLarge => {
                if let Job::Backup(id) | Job::BackupEdges(id) = &job.job {
                    self.too_large.insert(id.clone());
                }
            }
            SelectedEnd::Failed(why) => self.failure = Some(why),
        }
    }
}

impl<S: ObjectStore + 'static> Verifier<S> {
    /// Lists WAL directories of a server, and forgets evidence about what was replaced or is gone.
    ///
    /// # Errors
    /// Fails with the reason if one cannot be listed.
    pub async fn compare(
        &self,
        server: &str,
        targets: &ServerTargets,
        wal_dirs: Vec<WalDir>,
    ) -> Result<(), String> {
        let context = self.job(server, targets);
        for wal_dir in wal_dirs {
            if let Err(failure) = context.list_wal_dir(wal_dir).await {
                return Err(error_causes::with_causes(&failure));
            }
        }
        Ok(())
    }

    /// Carries out jobs, each of them once, and tells of each end. What was found is saved now and then;
    /// dropping the future loses only objects that are being read.
    pub async fn run_selected(
        &self,
        targets: &ArchiveTargets,
        jobs: Vec<SelectedJob>,
        mut ended: impl FnMut(&SelectedJob, SelectedEnd),
    ) {
        let mut waiting: BTreeMap<String, VecDeque<SelectedJob>> = BTreeMap::new();
        for job in jobs {
            waiting
                .entry(job.server.clone())
                .or_default()
                .push_back(job);
        }
        let mut busy: BTreeMap<String, SelectedJob> = BTreeMap::new();
        let mut running = FuturesUnordered::new();
        loop {
            while busy.len() < self.settings.parallel.max(1)
                && let Some(job) = next(&mut waiting, &busy)
            {
                running.push(self.carry_out(job.server.clone(), job.job.clone(), 0, targets));
                busy.insert(job.server.clone(), job);
            }
            let Some(EndedJob { server, result, .. }) = running.next().await else {
                return;
            };
            let end = match result {
                Ok(JobEnd::Done) => SelectedEnd::Done,
                Ok(JobEnd::Blocked(_)) => SelectedEnd::TooLarge,
                Err(failure) => {
                    waiting.remove(&server);
                    SelectedEnd::Failed(error_causes::with_causes(&failure))
                }
            };
            if let Some(job) = busy.remove(&server) {
                ended(&job, end);
            }
            if self.ledger.is_save_due((self.clock)()) {
                self.save().await;
            }
        }
    }

    /// Saves what was found.
    ///
    /// # Errors
    /// Fails with the reason if the file cannot be written.
    pub async fn save_found(&self) -> Result<(), String> {
        let saved = ledger::save(&self.ledger, (self.clock)()).await;
        saved.map_err(|error| error_causes::with_causes(&error))
    }
}

/// Takes the job that comes first among those of servers of which nothing is being read.
fn next(
    waiting: &mut BTreeMap<String, VecDeque<SelectedJob>>,
    busy: &BTreeMap<String, SelectedJob>,
) -> Option<SelectedJob> {
    let idle = waiting
        .iter_mut()
        .filter(|(server, jobs)| !busy.contains_key(*server) && !jobs.is_empty());
    let (_, jobs) = idle.min_by_key(|(_, jobs)| jobs.front().map(|job| job.priority))?;
    jobs.pop_front()
}

impl SelectedContents {
    /// Returns what is known of the selected contents of a server.
    #[must_use]
    pub fn known(
        &self,
        targets: &ServerTargets,
        evidence: &ServerEvidence,
        run: &SelectedRun<'_>,
    ) -> SelectedServer {
        let mut known = SelectedServer {
            level: targets.level,
            planned: self.planned(),
            backups: Vec::new(),
            wal: SelectedWal {
                absent: self.absent,
                ..SelectedWal::default()
            },
            faulty: Vec::new(),
            failure: run.result.failure.clone(),
        };
        for id in &self.backups {
            if let Some(backup) = targets.backups.iter().find(|backup| backup.id == *id) {
                let selected = known_backup(backup, targets, evidence, run);
                known.backups.push(selected);
            }
        }
        for (timeline, segments) in &self.segments {
            for number in segments.iter().flat_map(|run| run.first..=run.last) {
                let name = SegmentName::from_number(*timeline, number, targets.segment_size);
                let file = WalFile::whole(name.low);
                let wal_dir = WalDir::from(name);
                let is_to_be_read = self.reads(wal_dir, file, targets.segment_size);
                add_file(&mut known, wal_dir, file, is_to_be_read, evidence, run);
            }
        }
        for (wal_dir, low) in &self.partials {
            let file = WalFile {
                low: *low,
                is_partial: true,
            };
            let is_to_be_read = self.reads(*wal_dir, file, targets.segment_size);
            add_file(&mut known, *wal_dir, file, is_to_be_read, evidence, run);
        }
        known
    }
}

fn known_backup(
    backup: &BackupTarget,
    targets: &ServerTargets,
    evidence: &ServerEvidence,
    run: &SelectedRun<'_>,
) -> SelectedBackup {
    let known = evidence.backup(&backup.id, backup.stamp());
    let wanted = targets.level.depth_of_backups();
    let is_read = known.is_some_and(|known| known.depth >= wanted);
    let unread = if is_read {
        None
    } else if !backup.is_read_at_once {
        Some(UnreadReason::Cold)
    } else if run.is_dry {
        Some(UnreadReason::DryRun)
    } else if run.result.too_large.contains(&backup.id) {
        Some(UnreadReason::Budget)
    } else if run.is_interrupted || run.result.failure.is_some() {
        Some(UnreadReason::Ended)
    } else {
        Some(UnreadReason::Gone)
    };
    SelectedBackup {
        id: backup.id.clone(),
        data_bytes: backup.data_bytes,
        data_objects: backup.data_objects,
        is_read_now: known.is_some_and(|known| known.read_at >= run.began_at),
        evidence: known.cloned(),
        unread,
        chain: run.chains.get(&backup.id).copied(),
    }
}

/// Counts a WAL file by what is known of it, and names it if that is not good.
fn add_file(
    server: &mut SelectedServer,
    wal_dir: WalDir,
    file: WalFile,
    is_to_be_read: bool,
    evidence: &ServerEvidence,
    run: &SelectedRun<'_>,
) {
    server.wal.selected += 1;
    let Some(known) = evidence.wal.of(wal_dir, file) else {
        server.wal.unread += 1;
        return;
    };
    let is_deep = known.depth >= server.level.depth_of_wal();
    if known.verdict == ContentVerdict::Sound && !is_deep {
        server.wal.unread += 1;
        return;
    }
    // Seconds are all that is remembered of WAL files.
    let is_recent = known.read_at().timestamp() >= run.began_at.timestamp();
    if is_recent && is_to_be_read {
        server.wal.read_now += 1;
    } else {
        server.wal.read_before += 1;
    }
    match known.verdict {
        ContentVerdict::Sound => {
            server.wal.sound += 1;
            return;
        }
        ContentVerdict::Suspect => server.wal.suspect += 1,
        ContentVerdict::Corrupt => server.wal.corrupt += 1,
        ContentVerdict::Unreadable => server.wal.unreadable += 1,
    }
    name_segment(server, wal_dir, known, evidence);
}

fn name_segment(
    server: &mut SelectedServer,
    wal_dir: WalDir,
    known: &SegmentEvidence,
    evidence: &ServerEvidence,
) {
    let Some(fault) = evidence.wal.fault(wal_dir, known.file) else {
        return;
    };
    if server.faulty.len() >= MOST_FAULTY {
        return;
    }
    let ends_at = match fault.effect {
        Effect::EndsReplay { ends_at, .. } | Effect::EndsAt(ends_at) => Some(ends_at),
        Effect::WrongSize | Effect::Unknown => None,
    };
    server.faulty.push(SelectedSegment {
        verdict: known.verdict,
        faulty: FaultySegment {
            segment: wal_dir.segment(known.file.low),
            kind: fault.kind,
            ends_at,
        },
        is_partial: known.file.is_partial,
        is_whole: known.depth == Depth::Whole,
        read_at: known.read_at(),
    });
}
