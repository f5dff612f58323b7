//! Evidence about faults in contents, and about what is proven of them.

use std::collections::BTreeSet;

use barman_archive::postgres::SegmentName;
use chrono::{DateTime, Utc};

use crate::evidence::DataFault;
use crate::report::FaultySegment;

/// Segments with faults in their content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultySegments {
    /// Number of the segments.
    pub count: u64,
    /// A few of them, with their faults.
    pub segments: Vec<FaultySegment>,
}

/// Backup with faults in its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultyData {
    /// Id of the backup.
    pub backup: String,
    /// Faults.
    pub faults: BTreeSet<DataFault>,
    /// Time of the last read.
    pub read_at: DateTime<Utc>,
}

/// End of what is proven to be recoverable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProvenEnd {
    /// Last segment of the proof.
    pub segment: SegmentName,
    /// Arrival of that segment.
    pub arrived_at: DateTime<Utc>,
}

/// Reason why it is not decided whether data is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Only the first and last bytes were read, and the whole is going to be.
    Edges,
    /// Only the first and last bytes are ever read on this level of verification.
    OnlyEdges,
    /// It was read as a whole, once, and is going to be read again.
    ReadOnce,
    /// It was read, and the archive does not contain what would decide it.
    Undecidable,
}
