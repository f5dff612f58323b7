//! Segments: what is known of one before a walk, and after it.

use barman_archive::postgres::{Lsn, SegmentName, SegmentSize, TimelineHistory, TimelineId};
use chrono::{DateTime, Utc};

use super::WalFormat;
use super::record::OpenRecord;

/// Segment that is walked over, as its key and the archive describe it.
#[derive(Clone, Debug)]
pub struct SegmentContext {
    /// Name of the segment.
    pub name: SegmentName,
    /// Size of segments of the cluster.
    pub size: SegmentSize,
    /// Identifier of the cluster; `None` if it is not known.
    pub system_identifier: Option<u64>,
    /// History of the segment's timeline; `None` if it is not known. Pages then may be of any
    /// timeline up to the segment's own.
    pub history: Option<TimelineHistory>,
    /// True for a `.partial` file: it may end anywhere, with what a recycled file held behind.
    pub is_partial: bool,
}

/// End of the WAL in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentEnd {
    /// The segment is full: the next one goes on.
    Full,
    /// The segment was switched after a record that ends here; the rest is empty.
    Switched(Lsn),
    /// WAL ends here, without a switch, and the rest is empty: allowed in a partial segment, and in
    /// the last one before another timeline.
    Ends(Lsn),
}

/// Times of the first and the last commit in a segment, by the clock of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitTimes {
    /// Earliest time of a commit.
    pub first: DateTime<Utc>,
    /// Latest time of a commit.
    pub last: DateTime<Utc>,
}

/// State of a walk at the border of two segments.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct WalChain {
    /// Start of the next segment.
    pub(super) next: Lsn,
    /// Start of the last whole record; `None` if there was none.
    pub(super) previous: Option<Lsn>,
    /// What the next segment begins with.
    pub(super) open: ChainEnd,
    pub(super) format: WalFormat,
    pub(super) page_size: u32,
    pub(super) system_identifier: u64,
    /// Timeline of the last page.
    pub(super) timeline: TimelineId,
}

impl WalChain {
    /// Start of the segment that goes on.
    #[must_use]
    pub const fn next(&self) -> Lsn {
        self.next
    }

    /// Returns whether the walk found where a record begins: then nothing is unknown of the records
    /// that follow.
    #[must_use]
    pub const fn is_anchored(&self) -> bool {
        self.previous.is_some() && !matches!(self.open, ChainEnd::Unknown(_))
    }

    /// Identifier of the cluster that wrote the WAL.
    #[must_use]
    pub const fn system_identifier(&self) -> u64 {
        self.system_identifier
    }
}

/// What a segment has to begin with after another one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum ChainEnd {
    /// A record.
    Record,
    /// The rest of a record that began before the walk; so many bytes.
    Unknown(u32),
    /// The rest of a record.
    Rest(OpenRecord),
}

/// Result of a walk over a segment without a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalkedSegment {
    /// Number of records that end in the segment.
    pub records: u64,
    /// Bytes of these records.
    pub record_bytes: u64,
    /// Format of the WAL.
    pub format: WalFormat,
    /// Identifier of the cluster.
    pub system_identifier: u64,
    /// End of the WAL in the segment.
    pub end: SegmentEnd,
    /// True if something is left behind a switch. `PostgreSQL` does not read it.
    pub has_rest_after_switch: bool,
    /// Times of commits; `None` without a commit.
    pub commits: Option<CommitTimes>,
    /// State with which the next segment has to go on.
    pub chain: WalChain,
}
