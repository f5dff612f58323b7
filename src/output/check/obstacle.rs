//! Obstacles to a restore in JSON.

use barman_archive::recovery::Obstacle;
use serde::Serialize;

/// Obstacle that keeps a restore from getting further.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ObstacleEntry {
    /// A segment that is missing.
    MissingSegment {
        /// Name of the segment.
        segment: String,
    },
    /// A segment of an impossible size: a restore that reaches it fails.
    WrongSize {
        /// Name of the segment.
        segment: String,
    },
    /// A segment of another cluster, with another system identifier.
    ForeignSegment {
        /// Name of the segment.
        segment: String,
    },
    /// A segment whose content ends replay, without an error.
    CorruptSegment {
        /// Name of the segment.
        segment: String,
        /// Position at which replay ends, such as `0/5000A28`.
        ends_at: String,
    },
    /// Data that is damaged.
    CorruptData,
    /// A segment in a storage class that cannot be read immediately.
    ColdSegment {
        /// Name of the segment.
        segment: String,
    },
    /// Data in a storage class that cannot be read immediately.
    ColdData,
    /// A history file that is missing.
    MissingHistory {
        /// Number of its timeline.
        timeline: u32,
    },
    /// A history file that `PostgreSQL` cannot read.
    InvalidHistory {
        /// Number of its timeline.
        timeline: u32,
    },
    /// A history file that the exporter could not read.
    UnknownHistory {
        /// Number of its timeline.
        timeline: u32,
    },
    /// A target timeline that left the backup's timeline before the end of the backup.
    DeadBranch,
    /// An unusable backup that this incremental one builds on.
    Parent {
        /// Id of that backup.
        parent: String,
    },
    /// Segments in `backup.info` that its cluster cannot have.
    ImpossibleSegments,
}

impl From<&Obstacle> for ObstacleEntry {
    fn from(obstacle: &Obstacle) -> Self {
        match obstacle {
            Obstacle::MissingSegment(segment) => Self::MissingSegment {
                segment: segment.to_string(),
            },
            Obstacle::WrongSize(segment) => Self::WrongSize {
                segment: segment.to_string(),
            },
            Obstacle::ForeignSegment(segment) => Self::ForeignSegment {
                segment: segment.to_string(),
            },
            Obstacle::CorruptSegment { segment, ends_at } => Self::CorruptSegment {
                segment: segment.to_string(),
                ends_at: ends_at.to_string(),
            },
            Obstacle::CorruptData => Self::CorruptData,
            Obstacle::ColdSegment(segment) => Self::ColdSegment {
                segment: segment.to_string(),
            },
            Obstacle::ColdData => Self::ColdData,
            Obstacle::MissingHistory(timeline) => Self::MissingHistory {
                timeline: timeline.0,
            },
            Obstacle::InvalidHistory(timeline) => Self::InvalidHistory {
                timeline: timeline.0,
            },
            Obstacle::UnknownHistory(timeline) => Self::UnknownHistory {
                timeline: timeline.0,
            },
            Obstacle::DeadBranch => Self::DeadBranch,
            Obstacle::ImpossibleSegments => Self::ImpossibleSegments,
            Obstacle::Parent { backup } => Self::Parent {
                parent: backup.clone(),
            },
        }
    }
}
