//! Evidence about one WAL file. There can be millions, so it is small.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{ContentVerdict, Depth, Version};

/// WAL file within its WAL directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WalFile {
    /// Third part of the segment's name.
    pub low: u32,
    /// True for a partial segment.
    pub is_partial: bool,
}

impl WalFile {
    /// A whole segment.
    #[must_use]
    pub const fn whole(low: u32) -> Self {
        Self {
            low,
            is_partial: false,
        }
    }
}

/// Evidence about one WAL file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub struct SegmentEvidence {
    /// The file.
    pub file: WalFile,
    /// Depth to which it was read.
    pub depth: Depth,
    /// Verdict on its content.
    pub verdict: ContentVerdict,
    /// Version that was read.
    pub version: Version,
    /// Size of the object, in bytes.
    pub bytes: u32,
    /// Time of the read, in seconds since 1970.
    read_at: u32,
    /// Time of its last commit, in seconds since 1970; 0 without one.
    commit_at: u32,
}

/// Evidence as it is saved: a list of numbers, because there are many.
type Saved = (u32, u8, u64, u32, u32, u32);

impl SegmentEvidence {
    /// Creates evidence from a read of this moment.
    #[must_use]
    pub fn new(file: WalFile, depth: Depth, verdict: ContentVerdict, read: ReadObject) -> Self {
        Self {
            file,
            depth,
            verdict,
            version: read.version,
            bytes: u32::try_from(read.bytes).unwrap_or(u32::MAX),
            read_at: seconds(read.at),
            commit_at: 0,
        }
    }

    /// Adds the time of the last commit, if there is one.
    #[must_use]
    pub fn with_last_commit(self, at: Option<DateTime<Utc>>) -> Self {
        Self {
            commit_at: at.map_or(0, seconds),
            ..self
        }
    }

    /// Time of the read.
    #[must_use]
    pub fn read_at(&self) -> DateTime<Utc> {
        moment(self.read_at)
    }

    /// Time of the last commit in the segment, by the clock of the database, in whole seconds;
    /// `None` without a commit, or if the segment was not read as a whole.
    #[must_use]
    pub fn last_commit_at(&self) -> Option<DateTime<Utc>> {
        (self.commit_at > 0).then(|| moment(self.commit_at))
    }
}

/// Object that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadObject {
    /// Version that was read.
    pub version: Version,
    /// Size in bytes.
    pub bytes: u64,
    /// Time of the read.
    pub at: DateTime<Utc>,
}

fn seconds(at: DateTime<Utc>) -> u32 {
    u32::try_from(at.timestamp()).unwrap_or(if at.timestamp() < 0 { 0 } else { u32::MAX })
}

fn moment(seconds: u32) -> DateTime<Utc> {
    DateTime::from_timestamp(i64::from(seconds), 0).unwrap_or_default()
}

/// Bits of depth, verdict and kind in the second number of saved evidence.
const PARTIAL: u8 = 0x80;
const WHOLE: u8 = 0x40;

const VERDICTS: [ContentVerdict; 4] = [
    ContentVerdict::Sound,
    ContentVerdict::Suspect,
    ContentVerdict::Corrupt,
    ContentVerdict::Unreadable,
];

impl From<SegmentEvidence> for Saved {
    fn from(evidence: SegmentEvidence) -> Self {
        let verdict = VERDICTS
            .iter()
            .position(|verdict| *verdict == evidence.verdict);
        let mut bits = verdict
            .and_then(|place| u8::try_from(place).ok())
            .unwrap_or_default();
        if evidence.file.is_partial {
            bits |= PARTIAL;
        }
        if evidence.depth == Depth::Whole {
            bits |= WHOLE;
        }
        (
            evidence.file.low,
            bits,
            evidence.version.0,
            evidence.bytes,
            evidence.read_at,
            evidence.commit_at,
        )
    }
}

impl From<Saved> for SegmentEvidence {
    fn from((low, bits, version, bytes, read_at, commit_at): Saved) -> Self {
        let place = usize::from(bits & !(PARTIAL | WHOLE));
        Self {
            file: WalFile {
                low,
                is_partial: bits & PARTIAL != 0,
            },
            depth: if bits & WHOLE != 0 {
                Depth::Whole
            } else {
                Depth::Edges
            },
            // Anything else was not saved by this version of the format.
            verdict: VERDICTS
                .get(place)
                .copied()
                .unwrap_or(ContentVerdict::Unreadable),
            version: Version(version),
            bytes,
            read_at,
            commit_at,
        }
    }
}
