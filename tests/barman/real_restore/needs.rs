//! Segments that backups need, decided one by one and by name.

use crate::real_restore::archive::Archive;
use crate::real_restore::rounds::timeline_of;

/// WAL of the archive that some backups need.
///
/// By the words of Barman and of the last history file; nothing in here is the exporter's.
pub(crate) struct Needs<'a> {
    backups: Vec<Backup<'a>>,
    /// Timelines before the last one, in order, with the position at which each was left.
    left_at: Vec<(u32, u64)>,
    segment_size: u64,
}

struct Backup<'a> {
    /// First segment of the backup.
    begin: &'a str,
    /// Segment with which it becomes consistent.
    end: &'a str,
    /// Position at which it becomes consistent.
    end_position: u64,
    is_standalone: bool,
}

impl<'a> Needs<'a> {
    /// Returns the WAL that these backups need: everything that they can be replayed through, but
    /// for standalone backups only the part that makes them consistent.
    pub(crate) fn of(archive: &'a Archive, backups: &[&str], standalone: &[&str]) -> Self {
        let backup = |name: &&str| Backup {
            begin: archive.text(name, "begin_wal"),
            end: archive.text(name, "end_wal"),
            end_position: position(archive.text(name, "end_xlog")),
            is_standalone: standalone.contains(name),
        };
        Self {
            backups: backups.iter().map(backup).collect(),
            left_at: archive.history().lines().filter_map(left_at).collect(),
            segment_size: u64::from(archive.stack.settings().segment_size_mb) << 20,
        }
    }

    /// Returns whether one of the backups needs a segment.
    pub(crate) fn contain(&self, segment: &str) -> bool {
        self.backups
            .iter()
            .any(|backup| self.is_needed_by(backup, segment))
    }

    fn is_needed_by(&self, backup: &Backup<'_>, segment: &str) -> bool {
        let (own, other) = (timeline_of(backup.begin), timeline_of(segment));
        if backup.is_standalone {
            return (backup.begin..=backup.end).contains(&segment);
        }
        if own == other {
            return segment >= backup.begin;
        }
        let mut left = self
            .left_at
            .iter()
            .filter(|(timeline, _)| (own..other).contains(timeline));
        let (first, last) = (left.clone().next(), left.next_back());
        // Where the timeline began that the segment is on, for a backup that had ended before the
        // first switch.
        let is_open = first.is_some_and(|(_, at)| *at >= backup.end_position);
        is_open && last.is_some_and(|(_, at)| segment[8..] >= *self.number(*at))
    }

    /// Part of a segment's name after the timeline, for the segment that contains a position.
    fn number(&self, position: u64) -> String {
        let (wal_dir, within) = (position >> 32, position & u64::from(u32::MAX));
        format!("{wal_dir:08X}{:08X}", within / self.segment_size)
    }
}

/// Line of a history file: a timeline, the position at which it was left, and the reason.
fn left_at(line: &str) -> Option<(u32, u64)> {
    let mut words = line.split_whitespace();
    Some((words.next()?.parse().ok()?, position(words.next()?)))
}

/// Converts an LSN into a number.
fn position(lsn: &str) -> u64 {
    let number = |half: &str| u64::from_str_radix(half, 16).ok();
    let halves = lsn
        .split_once('/')
        .and_then(|(high, low)| number(high).zip(number(low)));
    halves.map_or_else(
        || panic!("no LSN: `{lsn}`"),
        |(high, low)| (high << 32) + low,
    )
}
