//! The report on the WAL of one server.

use std::collections::BTreeMap;

use barman_archive::inventory::{Intervals, SomeNames, Sums, WalObjectKind};
use barman_archive::postgres::{Ancestor, Lsn, SegmentName, TimelineId};
use chrono::{DateTime, Utc};

/// Result of one scan for a server's WAL.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WalReport {
    /// Whole segments, by timeline.
    pub timelines: BTreeMap<TimelineId, TimelineWal>,
    /// All objects below `wals/`, by kind; a kind without objects may be missing.
    pub objects: BTreeMap<WalObjectKind, Sums>,
    /// Newest segment by position; `None` without any.
    pub newest: Option<NewestSegment>,
    /// Time from one arrival to the next.
    pub intervals: Intervals,
    /// Number of anomalies by kind; a kind that could not be judged is missing.
    pub anomalies: BTreeMap<WalAnomaly, u64>,
    /// Names of a few anomalies: segments, or keys from the bucket's root. A kind without any is
    /// missing, and so is that of stray timelines.
    pub odd: BTreeMap<WalAnomaly, SomeNames>,
}

/// Newest segment of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewestSegment {
    /// Name of the segment.
    pub name: SegmentName,
    /// Arrival time of the segment.
    pub arrived_at: DateTime<Utc>,
}

/// Whole segments of one timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimelineWal {
    /// Number of segments; one that is present under two endings counts once.
    pub segments: u64,
    /// Objects of the segments.
    pub stored: Sums,
    /// First segment by name.
    pub first: Option<SegmentName>,
    /// Last segment by name.
    pub last: Option<SegmentName>,
    /// Timeline that this one branched from, and the switch point; `None` for the first timeline,
    /// and if no readable history file states it.
    pub parent: Option<Parent>,
}

/// Timeline that another one branched from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Number of the timeline.
    pub timeline: TimelineId,
    /// Position at which the other timeline branched off.
    pub switched_at: Lsn,
}

impl From<&Ancestor> for Parent {
    fn from(ancestor: &Ancestor) -> Self {
        Self {
            timeline: ancestor.timeline,
            switched_at: ancestor.switched_at,
        }
    }
}

/// Kind of WAL anomaly, as `barman_cloud_wal_anomalies` counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WalAnomaly {
    /// A segment of an impossible size, or beyond the last one of its WAL directory.
    Size,
    /// An object beyond the first of its segment.
    Duplicate,
    /// A WAL file in a place where nothing looks for it.
    Misplaced,
    /// A segment that was uploaded again.
    Overwritten,
    /// An object that is not a WAL file.
    Foreign,
    /// A timeline that a restored copy may have written.
    StrayTimeline,
}

impl WalAnomaly {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::Size,
        Self::Duplicate,
        Self::Misplaced,
        Self::Overwritten,
        Self::Foreign,
        Self::StrayTimeline,
    ];

    /// The kind as the value of a label.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Duplicate => "duplicate",
            Self::Misplaced => "misplaced",
            Self::Overwritten => "overwritten",
            Self::Foreign => "foreign",
            Self::StrayTimeline => "stray_timeline",
        }
    }
}
