//! Objects of an archive, by their index in the order of keys.

use serde::{Deserialize, Serialize};

use crate::text::{Letters, write_decimal, write_hex, write_moment};

/// Prefix of all keys.
pub const PREFIX: &str = "barman/";

/// Moment for which the shape is exact, in seconds of Unix time: noon on 2026-11-15.
pub const NOW: u64 = 1_794_744_000;

/// Number of segments in a WAL directory.
const LOG: u64 = 256;

/// Seconds from one segment to the next.
const PAUSE: u64 = 30;

/// Numbers of servers, backups and segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Number of servers, all of which are alike.
    pub servers: u64,
    /// Number of base backups of each server, of two objects each. Must be less than the number of
    /// segments.
    pub backups: u64,
    /// Number of timelines of each server; each but the first has a history file. Must not exceed
    /// the number of segments.
    pub timelines: u64,
    /// Number of segments of each server.
    pub segments: u64,
}

impl Shape {
    /// Number of objects of each server.
    #[must_use]
    pub fn objects(&self) -> u64 {
        2 * self.backups + self.timelines.saturating_sub(1) + self.segments
    }
}

/// Archive at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Archive {
    /// Numbers of servers, backups and segments.
    shape: Shape,
    /// Number of segments that each server had at the start; everything else follows from it.
    first_segments: u64,
}

/// Object of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    /// Number of its server.
    pub(crate) server: u64,
    /// Kind of object.
    pub(crate) kind: Kind,
}

/// Kind of object, with its number among those of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    BackupInfo(u64),
    BackupData(u64),
    History(u64),
    Segment(u64),
}

impl Archive {
    /// Creates an archive in its first state.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            first_segments: shape.segments,
        }
    }

    /// Returns a shape in which every server has archived `more` further segments.
    #[must_use]
    pub fn later(self, more: u64) -> Self {
        let segments = self.shape.segments + more;
        Self {
            shape: Shape {
                segments,
                ..self.shape
            },
            ..self
        }
    }

    /// Number of objects.
    #[must_use]
    pub fn objects(&self) -> u64 {
        self.shape.servers * self.shape.objects()
    }

    /// Object at an index in the order of keys.
    pub(crate) fn object(&self, place: u64) -> Object {
        let (server, place) = (place / self.shape.objects(), place % self.shape.objects());
        let backup = place / 2;
        let kind = match place.checked_sub(2 * self.shape.backups) {
            None if place.is_multiple_of(2) => Kind::BackupInfo(backup),
            None => Kind::BackupData(backup),
            Some(place) => self.wal(place),
        };
        Object { server, kind }
    }

    /// Object at an index in `wals/`. A history file comes before the WAL directories of its
    /// timeline.
    fn wal(&self, place: u64) -> Kind {
        let each = self.timeline_segments();
        let Some(beyond) = place.checked_sub(each) else {
            return Kind::Segment(place);
        };
        let timeline = (1 + beyond / (each + 1)).min(self.shape.timelines - 1);
        if timeline == 0 {
            return Kind::Segment(place);
        }
        match (beyond - (timeline - 1) * (each + 1)).checked_sub(1) {
            None => Kind::History(timeline),
            Some(place) => Kind::Segment(timeline * each + place),
        }
    }

    /// Number of segments of each timeline except the last, which has the rest: whole WAL
    /// directories, if there are enough.
    pub(crate) fn timeline_segments(&self) -> u64 {
        match self.first_segments.div_ceil(LOG) / self.shape.timelines {
            0 => self.first_segments / self.shape.timelines,
            wal_dirs => wal_dirs * LOG,
        }
    }

    /// Timeline, WAL directory and last part of a segment's name. The first WAL directory is not the cluster's first.
    pub(crate) fn segment_name(&self, segment: u64) -> [u64; 3] {
        let timeline = (segment / self.timeline_segments()).min(self.shape.timelines - 1);
        [timeline + 1, segment / LOG + 1, segment % LOG]
    }

    /// Segment in which a backup starts and ends.
    pub(crate) fn segment_of(&self, backup: u64) -> u64 {
        (backup + 1) * self.first_segments / (self.shape.backups + 1)
    }

    /// Arrival time of a segment, in seconds of Unix time.
    pub(crate) fn arrived_at(&self, segment: u64) -> u64 {
        NOW + PAUSE * segment - PAUSE * self.first_segments
    }

    /// Arrival time of an object, in seconds of Unix time.
    pub(crate) fn modified_at(&self, object: Object) -> u64 {
        match object.kind {
            Kind::BackupInfo(backup) | Kind::BackupData(backup) => {
                self.arrived_at(self.segment_of(backup))
            }
            Kind::History(timeline) => self.arrived_at(timeline * self.timeline_segments()),
            Kind::Segment(segment) => self.arrived_at(segment),
        }
    }

    /// Size of an object, in bytes.
    pub(crate) fn size(&self, object: Object) -> u64 {
        match object.kind {
            Kind::BackupInfo(_) | Kind::History(_) => {
                self.content(object).unwrap_or_default().len() as u64
            }
            Kind::BackupData(backup) => 40_000_000_000 + backup,
            Kind::Segment(segment) => 4_000_000 + segment * 7919 % 1_000_000,
        }
    }

    /// Appends the key of an object.
    pub(crate) fn write_key(&self, object: Object, key: &mut Vec<u8>) {
        key.extend_from_slice(PREFIX.as_bytes());
        key.extend_from_slice(b"server-");
        write_decimal(key, object.server, 4);
        match object.kind {
            Kind::BackupInfo(backup) | Kind::BackupData(backup) => {
                key.extend_from_slice(b"/base/");
                let at = self.arrived_at(self.segment_of(backup));
                write_moment(key, at, ["", "", "T", "", ""]);
                let is_info = matches!(object.kind, Kind::BackupInfo(_));
                key.extend_from_slice(if is_info {
                    b"/backup.info"
                } else {
                    b"/data.tar.gz"
                });
            }
            Kind::History(timeline) => {
                key.extend_from_slice(b"/wals/");
                write_hex(key, timeline + 1, 8, Letters::Upper);
                key.extend_from_slice(b".history");
            }
            Kind::Segment(segment) => {
                let [timeline, wal_dir, last] = self.segment_name(segment);
                key.extend_from_slice(b"/wals/");
                let directory = timeline << 32 | wal_dir;
                write_hex(key, directory, 16, Letters::Upper);
                key.push(b'/');
                write_hex(key, directory, 16, Letters::Upper);
                write_hex(key, last, 8, Letters::Upper);
                key.extend_from_slice(b".gz");
            }
        }
    }

    /// First index from `from` on whose key does not meet a condition, which all keys before it
    /// meet and none after it.
    pub(crate) fn first_not(&self, from: u64, mut fulfils: impl FnMut(&[u8]) -> bool) -> u64 {
        let (mut low, mut high) = (from, self.objects());
        let mut key = Vec::with_capacity(100);
        while low < high {
            let middle = low.midpoint(high);
            key.clear();
            self.write_key(self.object(middle), &mut key);
            if fulfils(&key) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Object with a key; `None` if there is none.
    pub(crate) fn find(&self, key: &str) -> Option<Object> {
        let place = self.first_not(0, |other| other < key.as_bytes());
        let object = (place < self.objects()).then(|| self.object(place))?;
        let mut found = Vec::new();
        self.write_key(object, &mut found);
        (found == key.as_bytes()).then_some(object)
    }

    /// Returns every key, in order.
    #[cfg(test)]
    pub(crate) fn keys(&self) -> Vec<String> {
        let key = |place| {
            let mut key = Vec::new();
            self.write_key(self.object(place), &mut key);
            String::from_utf8(key).unwrap()
        };
        (0..self.objects()).map(key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timelines_may_be_shorter_than_a_wal_dir() {
        let archive = Archive::new(Shape {
            servers: 1,
            backups: 3,
            timelines: 3,
            segments: 200,
        });
        let keys = archive.keys();

        assert!(keys.is_sorted_by(|previous, next| previous < next));
        assert_eq!(keys.len(), 6 + 2 + 200);
        assert_eq!(keys[6 + 66], "barman/server-0000/wals/00000002.history");
        let last = "barman/server-0000/wals/0000000300000001/0000000300000001000000C7.gz";
        assert_eq!(keys[keys.len() - 1], last);
    }

    #[test]
    fn keys_are_in_order_and_as_many_as_the_shape_says() {
        let shape = Shape {
            servers: 2,
            backups: 3,
            timelines: 3,
            segments: 1100,
        };
        let archive = Archive::new(shape).later(1);
        let keys = archive.keys();

        assert!(keys.is_sorted_by(|previous, next| previous < next));
        assert_eq!(keys.len(), 2 * (6 + 2 + 1101));
        assert_eq!(
            keys[0],
            "barman/server-0000/base/20261115T050730/backup.info"
        );
        assert_eq!(
            keys[6],
            "barman/server-0000/wals/0000000100000001/000000010000000100000000.gz"
        );
        assert_eq!(keys[6 + 256], "barman/server-0000/wals/00000002.history");
        let last = "barman/server-0001/wals/0000000300000005/00000003000000050000004C.gz";
        assert_eq!(keys[keys.len() - 1], last);
        assert!(keys.iter().all(|key| archive.find(key).is_some()));
        assert_eq!(archive.find("barman/server-0000/wals/"), None);
    }
}
