//! Walks over the WAL of a server, segment after segment.

use archive_contents::wal::{SegmentContext, SegmentEnd, WalChain, WalkedSegment};
use archive_store::{ObjectStore, StorageError};
use barman_archive::barman::wal_directory;
use barman_archive::postgres::{SegmentName, WalDir};
use chrono::{DateTime, Utc};

use super::directory::{ListedWalDir, WalObject};
use super::segments::{ReadSegment, read_segment};
use super::server_job::{JobEnd, JobFailure, ServerJob};
use crate::evidence::{
    ContentVerdict, Depth, Effect, FaultKind, ReadObject, SegmentEvidence, SegmentFault,
    SegmentPlace, WalFile, WalkedPlace, place_of,
};

/// Segment with the state at its end.
#[derive(Clone, Debug)]
struct Before {
    place: SegmentPlace,
    chain: WalChain,
}

/// File that is about to be read.
struct FileToRead<'a> {
    wal_dir: WalDir,
    file: WalFile,
    object: &'a WalObject,
}

/// What was found in a file, after one read or two.
struct Found {
    read: ReadSegment,
    verdict: ContentVerdict,
    fault: Option<SegmentFault>,
}

impl<S: ObjectStore + 'static> ServerJob<'_, S> {
    /// Walks over consecutive segments of one WAL directory.
    pub(super) async fn walk(&self, first: SegmentPlace, last: u64) -> Result<JobEnd, JobFailure> {
        let wal_dir = WalDir::from(self.name_of(first));
        let listed = self.list_wal_dir(wal_dir).await?;
        let own = listed.files.get(&WalFile::whole(self.name_of(first).low));
        let own_bytes = own.map_or(0, |object| object.version.size);
        let mut before = match self.before(first, own_bytes).await? {
            Ok(before) => before,
            Err(blocked) => return Ok(blocked),
        };
        for number in first.number..=last {
            let place = SegmentPlace {
                timeline: first.timeline,
                number,
            };
            let file = WalFile::whole(self.name_of(place).low);
            let Some(object) = listed.files.get(&file) else {
                before = None;
                continue;
            };
            let to_read = FileToRead {
                wal_dir,
                file,
                object,
            };
            if let Some(blocked) = self.grant(object.version.size).await? {
                return Ok(blocked);
            }
            before = self.walk_over(&to_read, place, before).await?;
        }
        Ok(JobEnd::Done)
    }

    /// Reads one WAL file as a whole, and again if anything is wrong with it.
    pub(super) async fn examine(
        &self,
        wal_dir: WalDir,
        file: WalFile,
    ) -> Result<JobEnd, JobFailure> {
        let listed = self.list_wal_dir(wal_dir).await?;
        let Some(object) = listed.files.get(&file) else {
            return Ok(JobEnd::Done);
        };
        let Some(place) = place_of(wal_dir.segment(file.low), self.targets.segment_size) else {
            return Ok(JobEnd::Done);
        };
        // Enough for both reads, otherwise nothing is gained.
        let twice = object.version.size.saturating_mul(2);
        let before = match self.before(place, twice).await? {
            Ok(before) => before,
            Err(blocked) => return Ok(blocked),
        };
        if let Some(blocked) = self.grant(twice).await? {
            return Ok(blocked);
        }
        self.ledger.give_back(object.version.size);
        let to_read = FileToRead {
            wal_dir,
            file,
            object,
        };
        self.walk_over(&to_read, place, before).await?;
        Ok(JobEnd::Done)
    }

    /// Lists a WAL directory, and forgets evidence about what was replaced or is gone.
    pub(super) async fn list_wal_dir(&self, wal_dir: WalDir) -> Result<ListedWalDir, JobFailure> {
        let directory = wal_directory(self.server, wal_dir);
        let listed = ListedWalDir::list(self.store.as_ref(), self.prefix, self.server, &directory)
            .await
            .map_err(JobFailure::Listing)?;
        let stamp = self
            .targets
            .dirs
            .get(&wal_dir)
            .map(|target| target.stamp)
            .unwrap_or_default();
        let size = self.targets.segment_size;
        let versions = listed.versions();
        self.update(|known| known.wal.compare(wal_dir, stamp, &versions, size));
        Ok(listed)
    }

    fn name_of(&self, place: SegmentPlace) -> SegmentName {
        SegmentName::from_number(place.timeline, place.number, self.targets.segment_size)
    }

    pub(super) fn context(&self, name: SegmentName, is_partial: bool) -> SegmentContext {
        let identifiers = &self.targets.system_identifiers;
        let only = identifiers.first().filter(|_| identifiers.len() == 1);
        SegmentContext {
            name,
            size: self.targets.segment_size,
            system_identifier: only.copied(),
            history: self.targets.history(name.timeline),
            is_partial,
        }
    }

    /// Returns the segment before another one with the state at its end; reads it again if that state
    /// is not known any more, and if the budget then still has bytes for what follows.
    async fn before(
        &self,
        place: SegmentPlace,
        bytes_after: u64,
    ) -> Result<Result<Option<Before>, JobEnd>, JobFailure> {
        let Some(before) = self.targets.before(place) else {
            return Ok(Ok(None));
        };
        let (chain, is_walked) = self.look(|evidence| {
            let runs = &evidence.wal.runs;
            let chain = runs.chain_at(before).cloned();
            (chain, runs.containing(before).is_some())
        });
        if let Some(chain) = chain {
            return Ok(Ok(Some(Before {
                place: before,
                chain,
            })));
        }
        if !is_walked {
            return Ok(Ok(None));
        }
        let name = self.name_of(before);
        let listed = self.list_wal_dir(WalDir::from(name)).await?;
        let Some(object) = listed.files.get(&WalFile::whole(name.low)) else {
            return Ok(Ok(None));
        };
        let both = object.version.size.saturating_add(bytes_after);
        if let Some(blocked) = self.grant(both).await? {
            return Ok(Err(blocked));
        }
        self.ledger.give_back(bytes_after);
        let read = match self.read_once(name, false, object, None).await {
            Ok(read) => Some(read),
            Err(error) if self.fault_of_object(&error).is_some() => None,
            Err(error) => return Err(JobFailure::Store(error)),
        };
        let walked = read.and_then(|read| read.walked.filter(|_| read.fault.is_none()));
        Ok(Ok(walked.map(|walked| Before {
            place: before,
            chain: walked.chain,
        })))
    }

    /// Reads a segment from where the one before it ended, and notes what was found. Returns the
    /// state at its end.
    async fn walk_over(
        &self,
        to_read: &FileToRead<'_>,
        place: SegmentPlace,
        before: Option<Before>,
    ) -> Result<Option<Before>, JobFailure> {
        if !to_read.object.is_read_at_once {
            self.note_unreadable(to_read, FaultKind::Cold);
            return Ok(None);
        }
        let Some(found) = self.find(to_read, before.as_ref()).await? else {
            return Ok(None);
        };
        Ok(self.note(to_read, place, before, &found))
    }

    /// Reads a file, and again if anything is wrong with it; `None` if it cannot be read.
    async fn find(
        &self,
        to_read: &FileToRead<'_>,
        before: Option<&Before>,
    ) -> Result<Option<Found>, JobFailure> {
        let FileToRead {
            wal_dir,
            file,
            object,
        } = *to_read;
        let name = wal_dir.segment(file.low);
        let chain = || before.map(|before| before.chain.clone());
        let first = match self.read_once(name, file.is_partial, object, chain()).await {
            Ok(read) => read,
            Err(fault) => return self.note_failure(to_read, fault),
        };
        let first = self.without_known_border(first);
        let early_end = first.walked.as_ref().and_then(early_end);
        let goes_on = !file.is_partial && self.goes_on(name);
        let fault = match (first.fault, early_end) {
            (Some(fault), _) => fault,
            (None, Some(fault)) if goes_on => fault,
            (None, fault) => {
                return Ok(Some(Found {
                    fault,
                    verdict: ContentVerdict::Sound,
                    read: first,
                }));
            }
        };
        if fault.kind.is_unreadable() {
            return Ok(Some(Found {
                read: first,
                verdict: ContentVerdict::Unreadable,
                fault: Some(fault),
            }));
        }
        if self.grant(object.version.size).await?.is_some() {
            return Ok(Some(Found {
                read: first,
                verdict: ContentVerdict::Suspect,
                fault: Some(fault),
            }));
        }
        let second = match self.read_once(name, file.is_partial, object, chain()).await {
            Ok(read) => read,
            Err(failure) => return self.note_failure(to_read, failure),
        };
        Ok(Some(compared(
            &first,
            self.without_known_border(second),
            fault,
        )))
    }

    /// Returns whether the segment after one is there.
    fn goes_on(&self, name: SegmentName) -> bool {
        let place = place_of(name, self.targets.segment_size);
        place.is_some_and(|place| self.targets.has(place.next()))
    }

    /// Notes why a file cannot be read, if the failure is of the object.
    fn note_failure(
        &self,
        to_read: &FileToRead<'_>,
        error: StorageError,
    ) -> Result<Option<Found>, JobFailure> {
        match self.fault_of_object(&error) {
            Some(kind) => {
                self.note_unreadable(to_read, kind);
                Ok(None)
            }
            None => Err(JobFailure::Store(error)),
        }
    }

    /// Reads a file once.
    async fn read_once(
        &self,
        name: SegmentName,
        is_partial: bool,
        object: &WalObject,
        chain: Option<WalChain>,
    ) -> Result<ReadSegment, StorageError> {
        let context = self.context(name, is_partial);
        let read = read_segment(self, object, context, chain).await?;
        Ok(self.with_own_cluster(read))
    }

    /// Returns whether no backup is of the cluster with an identifier; false if that of no backup is known.
    pub(super) fn is_foreign_cluster(&self, system_identifier: u64) -> bool {
        let identifiers = &self.targets.system_identifiers;
        !identifiers.is_empty() && !identifiers.contains(&system_identifier)
    }

    /// Takes WAL of a cluster that no backup is of for foreign.
    fn with_own_cluster(&self, mut read: ReadSegment) -> ReadSegment {
        let found = read.walked.as_ref().map(|walked| walked.system_identifier);
        let is_foreign = found.is_some_and(|found| self.is_foreign_cluster(found));
        if is_foreign && read.fault.is_none() {
            read.fault = Some(SegmentFault::new(FaultKind::Foreign, read.ends_before()));
            read.walked = None;
        }
        read
    }

    /// Takes the border between the WAL of two clusters that both have backups for none: one was
    /// created in place of the other.
    fn without_known_border(&self, mut read: ReadSegment) -> ReadSegment {
        let is_border = read
            .fault
            .is_some_and(|fault| fault.kind == FaultKind::Foreign);
        let known = read.walked.as_ref().is_some_and(|walked| {
            let identifiers = &self.targets.system_identifiers;
            identifiers.contains(&walked.system_identifier)
        });
        if is_border && known {
            read.starts_anew = read.fault.take().and_then(|fault| match fault.effect {
                Effect::EndsReplay { sound_from, .. } => sound_from,
                Effect::WrongSize | Effect::EndsAt(_) | Effect::Unknown => None,
            });
        }
        read
    }

    fn note_unreadable(&self, to_read: &FileToRead<'_>, kind: FaultKind) {
        let fault = SegmentFault::new(kind, Effect::Unknown);
        let evidence = self.evidence_of(to_read, ContentVerdict::Unreadable);
        self.update(|known| known.wal.insert(to_read.wal_dir, evidence, Some(fault)));
    }

    fn evidence_of(&self, to_read: &FileToRead<'_>, verdict: ContentVerdict) -> SegmentEvidence {
        let read = ReadObject {
            version: to_read.object.hash,
            bytes: to_read.object.version.size,
            at: self.now(),
        };
        SegmentEvidence::new(to_read.file, Depth::Whole, verdict, read)
    }

    /// Notes what was found in a file, and returns the state at its end.
    fn note(
        &self,
        to_read: &FileToRead<'_>,
        place: SegmentPlace,
        before: Option<Before>,
        found: &Found,
    ) -> Option<Before> {
        let commits = found.read.walked.as_ref().and_then(|walked| walked.commits);
        let last_commit_at = commits.map(|commits| commits.last);
        let evidence = self
            .evidence_of(to_read, found.verdict)
            .with_last_commit(last_commit_at);
        let walked = walked_place(place, before, found, last_commit_at);
        let is_whole = !to_read.file.is_partial;
        self.update(|known| {
            known.wal.insert(to_read.wal_dir, evidence, found.fault);
            match &walked {
                Some(walked) if is_whole => {
                    if walked.sound_from.is_some() {
                        known.wal.runs.remove(place);
                    }
                    known.wal.runs.add(walked.clone());
                }
                None if is_whole => known.wal.runs.remove(place),
                Some(_) | None => {}
            }
        });
        let walked = walked.filter(|_| is_whole)?;
        Some(Before {
            place,
            chain: walked.chain,
        })
    }
}

/// Returns the place of a segment in a run; `None` if nothing can go on from it.
fn walked_place(
    place: SegmentPlace,
    before: Option<Before>,
    found: &Found,
    last_commit_at: Option<DateTime<Utc>>,
) -> Option<WalkedPlace> {
    let walked = found.read.walked.as_ref()?;
    let behind_damage = match found.fault.map(|fault| fault.effect) {
        Some(Effect::EndsReplay { sound_from, .. }) => Some(sound_from?),
        Some(Effect::WrongSize) => return None,
        Some(Effect::EndsAt(_) | Effect::Unknown) | None => None,
    };
    let sound_from = behind_damage.or(found.read.starts_anew);
    let follows = before.filter(|_| sound_from.is_none());
    Some(WalkedPlace {
        place,
        follows: follows.map(|before| before.place),
        sound_from,
        is_anchored: walked.chain.is_anchored(),
        chain: walked.chain.clone(),
        last_commit_at,
    })
}

/// Returns the verdict of two reads of which the first one found a fault.
fn compared(first: &ReadSegment, second: ReadSegment, fault: SegmentFault) -> Found {
    if first.digest != second.digest {
        return Found {
            read: ReadSegment {
                walked: None,
                ..second
            },
            verdict: ContentVerdict::Suspect,
            fault: Some(SegmentFault::new(FaultKind::Inconsistent, Effect::Unknown)),
        };
    }
    let verdict = if first.is_harmless {
        ContentVerdict::Suspect
    } else {
        ContentVerdict::Corrupt
    };
    // Replay does not come to the segment that is there after this one.
    let effect = match fault.effect {
        Effect::EndsAt(ends_at) => Effect::EndsReplay {
            ends_at,
            sound_from: None,
        },
        effect @ (Effect::EndsReplay { .. } | Effect::WrongSize | Effect::Unknown) => effect,
    };
    Found {
        read: second,
        verdict,
        fault: Some(SegmentFault {
            effect,
            is_confirmed: true,
            ..fault
        }),
    }
}

/// Returns the end of WAL in a segment that was not switched.
fn early_end(walked: &WalkedSegment) -> Option<SegmentFault> {
    match walked.end {
        SegmentEnd::Ends(at) => Some(SegmentFault::new(FaultKind::EndsEarly, Effect::EndsAt(at))),
        SegmentEnd::Full | SegmentEnd::Switched(_) => None,
    }
}
