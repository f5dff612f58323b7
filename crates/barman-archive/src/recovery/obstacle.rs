//! Obstacles that keep a restore from coming up, or replay from going on.

use super::TargetError;
use crate::postgres::{Lsn, SegmentName, TimelineId};

/// Obstacle that keeps a restore from coming up, or replay from going on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// A segment that is missing.
    MissingSegment(SegmentName),
    /// A segment of an impossible size: a restore that reaches it does not come up.
    WrongSize(SegmentName),
    /// A segment that another cluster wrote.
    ForeignSegment(SegmentName),
    /// A segment whose content ends replay, without an error.
    CorruptSegment {
        /// Name of the segment.
        segment: SegmentName,
        /// Position at which replay ends.
        ends_at: Lsn,
    },
    /// Data of the backup that is damaged.
    CorruptData,
    /// A segment in a storage class that cannot be read at once.
    ColdSegment(SegmentName),
    /// Data of the backup, or of one that it builds on, in a storage class that cannot be read at
    /// once.
    ColdData,
    /// A timeline without a history file.
    MissingHistory(TimelineId),
    /// A history file that `PostgreSQL` refuses.
    InvalidHistory(TimelineId),
    /// A history file whose content is not known here.
    UnknownHistory(TimelineId),
    /// A timeline that left the backup's history before the backup, or was never on it.
    DeadBranch,
    /// Segment names in `backup.info` that its cluster cannot have.
    ImpossibleSegments,
    /// An unusable backup that an incremental one builds on.
    Parent {
        /// Id of that backup.
        backup: String,
    },
}

impl From<TargetError> for Obstacle {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::MissingHistory(timeline) => Self::MissingHistory(timeline),
            TargetError::InvalidHistory(timeline) => Self::InvalidHistory(timeline),
            TargetError::UnknownHistory(timeline) => Self::UnknownHistory(timeline),
        }
    }
}
