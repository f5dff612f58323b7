//! What stands in a restore's way, in words.

use barman_archive::recovery::Obstacle;

use super::ObstacleEntry;

impl From<&Obstacle> for ObstacleEntry {
    fn from(obstacle: &Obstacle) -> Self {
        match obstacle {
            Obstacle::MissingSegment(segment) => {
                Self::MissingSegment { segment: segment.to_string() }
            }
            Obstacle::WrongSize(segment) => Self::WrongSize { segment: segment.to_string() },
            Obstacle::ForeignSegment(segment) => {
                Self::ForeignSegment { segment: segment.to_string() }
            }
            Obstacle::ColdSegment(segment) => Self::ColdSegment { segment: segment.to_string() },
            Obstacle::ColdData => Self::ColdData,
            Obstacle::MissingHistory(timeline) => Self::MissingHistory { timeline: timeline.0 },
            Obstacle::InvalidHistory(timeline) => Self::InvalidHistory { timeline: timeline.0 },
            Obstacle::UnknownHistory(timeline) => Self::UnknownHistory { timeline: timeline.0 },
            Obstacle::DeadBranch => Self::DeadBranch,
            Obstacle::ImpossibleSegments => Self::ImpossibleSegments,
            Obstacle::Parent { backup } => Self::Parent { parent: backup.clone() },
        }
    }
}

impl ObstacleEntry {
    /// The obstacle as a clause.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::MissingSegment { segment } => format!("segment {segment} is missing"),
            Self::WrongSize { segment } => {
                format!("segment {segment} has an impossible size")
            }
            Self::ForeignSegment { segment } => {
                format!("segment {segment} belongs to a cluster with another system identifier")
            }
            Self::ColdSegment { segment } => {
                format!("segment {segment} is in a storage class without immediate access")
            }
            Self::ColdData => "its data is in a storage class without immediate access".to_owned(),
            Self::MissingHistory { timeline } => {
                format!("the history file of timeline {timeline} is missing")
            }
            Self::InvalidHistory { timeline } => {
                format!("PostgreSQL cannot read the history file of timeline {timeline}")
            }
            Self::UnknownHistory { timeline } => {
                format!(
                    "the exporter does not know the content of the history file of timeline {timeline}"
                )
            }
            Self::DeadBranch => {
                "the target timeline left the backup's timeline before the backup ended".to_owned()
            }
            Self::ImpossibleSegments => {
                "its backup.info names segments that its cluster cannot have".to_owned()
            }
            Self::Parent { parent } => {
                format!("it is an incremental backup based on {parent}, which cannot be restored")
            }
        }
    }
}
