//! Clusters that can have written a segment, by its name and its arrival time.

use barman_archive::postgres::{SegmentSize, TimelineId};
use chrono::{DateTime, TimeDelta, Utc};

use super::Cluster;

/// Beginning of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Beginning {
    /// Creation of the cluster, or start of its first backup.
    pub(super) at: DateTime<Utc>,
    pub(super) first_backup_at: DateTime<Utc>,
    pub(super) first_end: Option<FirstEnd>,
    pub(super) segment_size: Option<SegmentSize>,
}

/// End of a cluster's first backup, among those of a primary that name a last segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FirstEnd {
    pub(super) began_at: DateTime<Utc>,
    /// Last segment that the backup names.
    pub(super) segment: NumberedSegment,
}

/// Segment, in the order of the timelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NumberedSegment {
    pub(super) timeline: TimelineId,
    pub(super) number: u64,
}

/// Cluster that wrote a segment, from the point of view of one cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writer {
    /// This one.
    This,
    /// Another one.
    Other,
    /// This one or the one before or after it.
    Either,
}

/// Largest difference between the clocks of a database and of a store where a moment of one decides
/// about a moment of the other.
pub(super) const SMALL_SKEW: TimeDelta = TimeDelta::minutes(1);

impl Beginning {
    /// Returns whether the cluster cannot have written a segment: the segment lies beyond the end of
    /// a backup, but arrived before that backup began.
    ///
    /// `pg_upgrade` needs the new cluster to exist while the old one still runs and archives.
    fn rules_out(&self, segment: NumberedSegment, arrived_at: DateTime<Utc>) -> bool {
        self.first_end
            .is_some_and(|end| end.began_at - arrived_at > SMALL_SKEW && segment > end.segment)
    }
}

impl Cluster {
    /// Returns the cluster that wrote a segment, which arrived at a moment.
    pub(super) fn writer_of(
        &self,
        timeline: TimelineId,
        number: u64,
        arrived_at: DateTime<Utc>,
    ) -> Writer {
        let segment = NumberedSegment { timeline, number };
        if self.is_before(segment, arrived_at) || self.is_after(arrived_at) {
            return Writer::Other;
        }
        if self.may_be_of_later(segment, arrived_at) || self.may_be_of_earlier(segment, arrived_at)
        {
            return Writer::Either;
        }
        Writer::This
    }

    /// Returns whether a segment arrived before the cluster can have written it.
    fn is_before(&self, segment: NumberedSegment, arrived_at: DateTime<Utc>) -> bool {
        if self.after.is_some_and(|after| arrived_at <= after) {
            return true;
        }
        let own = if self.has_earlier {
            self.beginning()
        } else {
            None
        };
        own.is_some_and(|own| own.rules_out(segment, arrived_at))
    }

    /// Returns whether a moment lies after the first backup of a later cluster.
    fn is_after(&self, arrived_at: DateTime<Utc>) -> bool {
        self.later
            .iter()
            .any(|later| arrived_at >= later.first_backup_at)
    }

    /// Returns whether a later cluster can have written a segment, too.
    fn may_be_of_later(&self, segment: NumberedSegment, arrived_at: DateTime<Utc>) -> bool {
        for later in &self.later {
            let has_one_size = later.segment_size == self.segment_size;
            let is_ruled_out = has_one_size && later.rules_out(segment, arrived_at);
            if arrived_at >= later.at && !is_ruled_out {
                return true;
            }
        }
        false
    }

    /// Returns whether an earlier cluster can have written a segment, too: between the last backup of
    /// the one and the first backup of the other, WAL is of either.
    fn may_be_of_earlier(&self, segment: NumberedSegment, arrived_at: DateTime<Utc>) -> bool {
        if self.after.is_none() || self.created_at.is_some() {
            return false;
        }
        let is_early = self
            .first_backup_at
            .is_some_and(|at| at - arrived_at > SMALL_SKEW);
        let is_beyond = match self.first_end.map(|end| end.segment) {
            Some(end) => segment.timeline != end.timeline || segment.number > end.number,
            None => !self.last_ends.contains_key(&segment.timeline),
        };
        is_early && is_beyond
    }

    /// Returns true if the cluster is the writer of every segment that arrived between these moments,
    /// whatever its name; otherwise each segment must be asked for.
    pub(super) fn is_writer_between(&self, earliest: DateTime<Utc>, latest: DateTime<Utc>) -> bool {
        let has_begun = |at: DateTime<Utc>| at - earliest <= SMALL_SKEW;
        let first_end_at = self.first_end.map(|end| end.began_at);
        self.after.is_none_or(|after| earliest > after)
            && (!self.has_earlier
                || self
                    .first_backup_at
                    .into_iter()
                    .chain(first_end_at)
                    .all(has_begun))
            && self
                .later
                .iter()
                .all(|later| latest < later.at.min(later.first_backup_at))
    }
}
