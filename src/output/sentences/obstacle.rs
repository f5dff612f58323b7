//! Obstacles to a restore in words.

use barman_archive::recovery::Obstacle;

use crate::output::ObstacleEntry;

/// Describes an obstacle, as a clause.
pub(super) fn obstacle_in_words(obstacle: &Obstacle) -> String {
    ObstacleEntry::from(obstacle).in_words()
}

impl ObstacleEntry {
    /// Describes the obstacle, as a clause.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::MissingSegment { segment } => format!("segment {segment} is missing"),
            Self::WrongSize { segment } => format!("segment {segment} has an impossible size"),
            Self::ForeignSegment { segment } => {
                format!("segment {segment} belongs to a cluster with another system identifier")
            }
            Self::CorruptSegment { segment, ends_at } => {
                format!("segment {segment} is corrupt: replay ends at {ends_at}, without an error")
            }
            Self::CorruptData => "its data is corrupt".to_owned(),
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
                format!("the content of the history file of timeline {timeline} is unknown")
            }
            Self::DeadBranch => {
                "the target timeline branched off the backup's timeline before the backup \
                 ended"
                    .to_owned()
            }
            Self::ImpossibleSegments => {
                "its backup.info names WAL segments that cannot exist in its cluster".to_owned()
            }
            Self::Parent { parent } => {
                format!("it is an incremental backup based on {parent}, which cannot be restored")
            }
        }
    }
}
