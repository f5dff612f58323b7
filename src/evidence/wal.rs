//! Evidence about the WAL of a server.

use std::collections::BTreeMap;

use barman_archive::inventory::DataState;
use barman_archive::postgres::{SegmentName, SegmentSize, WalDir};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    ContentVerdict, RETRY_AFTER, SegmentEvidence, SegmentFault, SegmentPlace, Version, WalFile,
    WalkedRuns, is_older,
};

/// State of a WAL directory, or of a backup, in a listing. While it does not change, the evidence about its files
/// holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirStamp {
    /// Number of objects.
    pub objects: u64,
    /// Bytes of all objects.
    pub bytes: u64,
    /// Latest arrival of a segment, or of a data object.
    pub arrived_at: Option<DateTime<Utc>>,
}

impl DirStamp {
    /// State of a backup's data.
    #[must_use]
    pub const fn of_backup(data: DataState) -> Self {
        Self {
            objects: data.sums.objects,
            bytes: data.sums.bytes,
            arrived_at: data.arrived_at,
        }
    }
}

/// Evidence about the files of one WAL directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirEvidence {
    /// State of the directory as of the listing that the evidence was compared with.
    pub stamp: DirStamp,
    /// Evidence, in the order of the files.
    files: Vec<SegmentEvidence>,
}

/// WAL file with a version, as a listing shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedFile {
    /// The file.
    pub file: WalFile,
    /// Its version.
    pub version: Version,
}

/// Evidence about the WAL of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalEvidence {
    /// Evidence by WAL directory.
    #[serde(with = "as_pairs")]
    dirs: BTreeMap<WalDir, DirEvidence>,
    /// Runs of segments that were walked over.
    pub runs: WalkedRuns,
    /// Faults of files that are not sound, and of segments that end early.
    #[serde(with = "as_pairs")]
    faults: BTreeMap<(WalDir, WalFile), SegmentFault>,
}

/// Maximum number of files of a server about which evidence is kept.
const MOST_FILES: usize = 2_000_000;

impl DirEvidence {
    /// Evidence, in the order of the files.
    #[must_use]
    pub fn files(&self) -> &[SegmentEvidence] {
        &self.files
    }

    /// Evidence about one file.
    #[must_use]
    pub fn of(&self, file: WalFile) -> Option<&SegmentEvidence> {
        let place = self.place(file).ok()?;
        self.files.get(place)
    }

    fn place(&self, file: WalFile) -> Result<usize, usize> {
        self.files.binary_search_by_key(&file, |known| known.file)
    }

    /// Notes evidence; returns false if there is deeper evidence about the same version.
    fn insert(&mut self, evidence: SegmentEvidence) -> bool {
        match self.place(evidence.file) {
            Ok(place) => {
                let Some(known) = self.files.get_mut(place) else {
                    return false;
                };
                let is_deeper =
                    known.depth > evidence.depth && known.verdict != ContentVerdict::Unreadable;
                if is_deeper && known.version == evidence.version {
                    return false;
                }
                *known = evidence;
            }
            Err(place) => self.files.insert(place, evidence),
        }
        true
    }
}

impl WalEvidence {
    /// Evidence about the files of a WAL directory.
    #[must_use]
    pub fn dir(&self, wal_dir: WalDir) -> Option<&DirEvidence> {
        self.dirs.get(&wal_dir)
    }

    /// Evidence by WAL directory.
    pub fn dirs(&self) -> impl Iterator<Item = (WalDir, &DirEvidence)> {
        self.dirs.iter().map(|(name, dir)| (*name, dir))
    }

    /// Evidence about one file.
    #[must_use]
    pub fn of(&self, wal_dir: WalDir, file: WalFile) -> Option<&SegmentEvidence> {
        self.dirs.get(&wal_dir)?.of(file)
    }

    /// Returns whether there is evidence about a file that lasts: it is no failed read that may
    /// succeed by now.
    #[must_use]
    pub fn has_lasting_evidence(&self, wal_dir: WalDir, file: WalFile, now: DateTime<Utc>) -> bool {
        self.of(wal_dir, file).is_some_and(|known| {
            let is_tried_again = known.verdict == ContentVerdict::Unreadable
                && is_older(known.read_at(), RETRY_AFTER, now)
                && self
                    .fault(wal_dir, file)
                    .is_none_or(|fault| fault.kind.may_pass());
            !is_tried_again
        })
    }

    /// Fault of a file, if it has one.
    #[must_use]
    pub fn fault(&self, wal_dir: WalDir, file: WalFile) -> Option<SegmentFault> {
        self.faults.get(&(wal_dir, file)).copied()
    }

    /// Faults of all files.
    pub fn faults(&self) -> impl Iterator<Item = (WalDir, WalFile, SegmentFault)> {
        self.faults
            .iter()
            .map(|((wal_dir, file), fault)| (*wal_dir, *file, *fault))
    }

    /// Number of files about which there is evidence.
    #[must_use]
    pub fn files(&self) -> usize {
        self.dirs.values().map(|dir| dir.files.len()).sum()
    }

    /// Returns whether evidence about further files can be kept.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.files() < MOST_FILES
    }

    /// Notes what a read of a file showed, unless a deeper read of the same version showed more.
    pub fn insert(
        &mut self,
        wal_dir: WalDir,
        evidence: SegmentEvidence,
        fault: Option<SegmentFault>,
    ) {
        let file = evidence.file;
        if !self.dirs.entry(wal_dir).or_default().insert(evidence) {
            return;
        }
        match fault {
            Some(fault) => drop(self.faults.insert((wal_dir, file), fault)),
            None => drop(self.faults.remove(&(wal_dir, file))),
        }
    }

    /// Compares the evidence about a WAL directory with a listing of it, and forgets what does not
    /// hold any more.
    pub fn compare(
        &mut self,
        wal_dir: WalDir,
        stamp: DirStamp,
        listed: &[ListedFile],
        size: SegmentSize,
    ) {
        let dir = self.dirs.entry(wal_dir).or_default();
        dir.stamp = stamp;
        let versions: BTreeMap<WalFile, Version> = listed
            .iter()
            .map(|listed| (listed.file, listed.version))
            .collect();
        let mut outdated = Vec::new();
        dir.files.retain(|known| {
            let holds = versions.get(&known.file) == Some(&known.version);
            if !holds {
                outdated.push(known.file);
            }
            holds
        });
        for file in outdated {
            self.faults.remove(&(wal_dir, file));
            if let Some(place) = place_of(wal_dir.segment(file.low), size)
                && !file.is_partial
            {
                self.runs.remove(place);
            }
        }
    }

    /// Forgets the WAL directories that do not exist any more.
    pub fn retain_dirs(&mut self, exists: impl Fn(WalDir) -> bool, size: SegmentSize) {
        let mut gone = Vec::new();
        self.dirs.retain(|name, dir| {
            let is_kept = exists(*name);
            if !is_kept {
                gone.extend(dir.files.iter().map(|known| name.segment(known.file.low)));
            }
            is_kept
        });
        self.faults.retain(|(name, _), _| exists(*name));
        for place in gone.into_iter().filter_map(|name| place_of(name, size)) {
            self.runs.remove(place);
        }
    }
}

/// Returns the place of a segment; `None` if no segment of this size has such a name.
#[must_use]
pub fn place_of(name: SegmentName, size: SegmentSize) -> Option<SegmentPlace> {
    Some(SegmentPlace {
        timeline: name.timeline,
        number: name.number(size)?,
    })
}

/// Maps with keys that are not texts, as lists of pairs.
mod as_pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        let pairs = Vec::<(K, V)>::deserialize(deserializer)?;
        Ok(pairs.into_iter().collect())
    }
}
