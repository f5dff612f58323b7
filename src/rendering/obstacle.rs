//! What stands in a restore's way, in words.

use crate::recovery::Obstacle;

use super::ObstacleEntry;

impl From<Obstacle> for ObstacleEntry {
    fn from(obstacle: Obstacle) -> Self {
        match obstacle {
            Obstacle::MissingSegment(segment) => {
                Self::MissingSegment { segment: segment.to_string() }
            }
            Obstacle::MissingHistory(timeline) => Self::MissingHistory { timeline: timeline.0 },
            Obstacle::DeadBranch => Self::DeadBranch,
            Obstacle::ImpossibleSegments => Self::ImpossibleSegments,
        }
    }
}

impl ObstacleEntry {
    /// The obstacle as a clause.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::MissingSegment { segment } => format!("segment {segment} is missing"),
            Self::MissingHistory { timeline } => {
                format!("the history file of timeline {timeline} is missing or unreadable")
            }
            Self::DeadBranch => {
                "the current timeline left its own before its end: its WAL is a dead branch"
                    .to_owned()
            }
            Self::ImpossibleSegments => {
                "its backup.info names segments that its cluster cannot have".to_owned()
            }
            Self::UnnamedSegments => "its backup.info does not say which WAL it needs".to_owned(),
        }
    }
}
