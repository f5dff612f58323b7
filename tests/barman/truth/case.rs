//! State of an archive with everything that is known about it: enough to judge it again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use crate::truth::archive::{COMPRESSED, file_name};
use crate::truth::wal::{Lsn, SEGMENT_SIZE, Segment, history_timeline};

/// Archive that does not change, and restores from it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    /// Number of damages that were done to the archive before.
    pub(crate) damages: usize,
    /// Events of the database and of the archive, one line each.
    pub(crate) story: Vec<String>,
    /// Time of the judgement, in seconds since 1970.
    pub(crate) now: i64,
    pub(crate) objects: Vec<StoredObject>,
    pub(crate) backups: Vec<TakenBackup>,
    pub(crate) restores: Vec<Restore>,
}

/// Object of the archive.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct StoredObject {
    /// Key, without the directory of the server.
    pub(crate) key: String,
    pub(crate) size: u64,
    /// Last modification, in microseconds since 1970.
    pub(crate) modified: i64,
    /// Content of the files that are read, each byte as a character; `None` for data and WAL.
    pub(crate) content: Option<String>,
    /// System identifier in the first page of a segment, whole or partial.
    pub(crate) system: Option<u64>,
}

/// Backup that is complete except for its WAL.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TakenBackup {
    pub(crate) id: String,
    pub(crate) system: u64,
    /// Segment in which recovery starts.
    pub(crate) first: Segment,
    /// Segment in which the data become consistent.
    pub(crate) last: Segment,
}

/// Value of `recovery_target_timeline`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Target {
    Timeline(u32),
    Current,
    Latest,
}

/// Restore and its outcome.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Restore {
    pub(crate) backup: String,
    pub(crate) target: Target,
    /// True if the server accepted writes at the end.
    pub(crate) came_up: bool,
    /// True if the data were consistent at some point: the backup can be restored at least up to
    /// there.
    pub(crate) was_consistent: bool,
    /// Error with which the server ended; `None` if it came up.
    pub(crate) complaint: Option<String>,
    /// Timeline that it recovered to; `None` unless the server came up.
    pub(crate) timeline: Option<u32>,
    /// Start of the last record that was replayed.
    pub(crate) redo_done: Option<Lsn>,
    /// Requests to the archive, in order.
    pub(crate) requests: Vec<Request>,
}

/// File that PostgreSQL requested from the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) name: String,
    /// Name of the object that was returned; `None` if there was none.
    pub(crate) object: Option<String>,
}

impl Case {
    /// WAL files in the listing.
    pub(crate) fn wal(&self) -> Wal<'_> {
        let mut wal = Wal::default();
        for object in &self.objects {
            let Some(key) = object.key.strip_prefix("wals/") else {
                continue;
            };
            let name = file_name(key);
            if let Some(segment) = Segment::parse(name) {
                // Of two objects, Barman returns the first in the order of keys.
                wal.segments.entry(segment).or_insert(object);
            }
            if let Some(segment) = Segment::parse_partial(name) {
                wal.partials.entry(segment).or_insert(object);
            }
            wal.timelines.extend(timeline_of(name));
        }
        wal
    }

    /// Timelines that occur in the archive.
    pub(crate) fn timelines(&self) -> BTreeSet<u32> {
        let mut timelines = self.wal().timelines;
        timelines.extend(self.backups.iter().map(|backup| backup.first.timeline));
        timelines
    }

    /// Timelines that occur in the archive, one that does not, `current` and `latest`.
    pub(crate) fn targets(&self) -> Vec<Target> {
        let mut timelines = self.timelines();
        let beyond = timelines.last().map_or(1, |timeline| timeline + 1);
        timelines.insert(beyond);
        let numbers = timelines.into_iter().map(Target::Timeline);
        numbers.chain([Target::Current, Target::Latest]).collect()
    }
}

/// Timeline in the name of a WAL file of any kind.
fn timeline_of(name: &str) -> Option<u32> {
    let segment = name.get(..24).and_then(Segment::parse);
    segment
        .map(|segment| segment.timeline)
        .or_else(|| history_timeline(name))
}

/// WAL files of an archive.
#[derive(Default)]
pub(crate) struct Wal<'a> {
    /// Complete segments, by their names alone.
    segments: BTreeMap<Segment, &'a StoredObject>,
    /// Partial segments, by the names of the whole ones.
    partials: BTreeMap<Segment, &'a StoredObject>,
    timelines: BTreeSet<u32>,
}

impl Wal<'_> {
    /// Returns whether a complete segment of the right size exists.
    pub(crate) fn has(&self, segment: Segment) -> bool {
        self.segments.get(&segment).is_some_and(|object| {
            let is_compressed = object.key.ends_with(COMPRESSED);
            object.size == SEGMENT_SIZE || (is_compressed && object.size > 0)
        })
    }

    /// Returns whether an object of a wrong size follows a segment on its timeline.
    pub(crate) fn has_wrong_size_behind(&self, end: Segment) -> bool {
        let mut behind = self
            .segments
            .keys()
            .filter(|segment| segment.timeline == end.timeline);
        behind.any(|segment| *segment > end && !self.has(*segment))
    }

    /// Last complete segment that a system has written on a timeline.
    pub(crate) fn newest(&self, timeline: u32, system: u64) -> Option<Segment> {
        let is_one = |segment: &&Segment| {
            segment.timeline == timeline && self.has(**segment) && self.is_of(**segment, system)
        };
        self.segments.keys().rfind(is_one).copied()
    }

    /// Present segments in a range of a timeline, except those of an impossible size.
    pub(crate) fn present(&self, first: Segment, last: Segment) -> Vec<Segment> {
        if first > last {
            return Vec::new();
        }
        let range = self
            .segments
            .range(first..=last)
            .map(|(segment, _)| *segment);
        range.filter(|segment| self.has(*segment)).collect()
    }

    /// Returns whether a system has written a complete segment.
    pub(crate) fn is_of(&self, segment: Segment, system: u64) -> bool {
        self.segments
            .get(&segment)
            .is_some_and(|object| object.system == Some(system))
    }

    /// Returns whether another system has written a partial segment.
    pub(crate) fn is_partial_of_other(&self, segment: Segment, system: u64) -> bool {
        let partial = self.partials.get(&segment).and_then(|object| object.system);
        partial.is_some_and(|writer| writer != system)
    }
}

impl StoredObject {
    /// Content in bytes; `None` if it is never read.
    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        let text = self.content.as_ref()?;
        Some(
            text.chars()
                .filter_map(|character| u8::try_from(character).ok())
                .collect(),
        )
    }
}

impl Request {
    /// Returns whether the request was answered with the complete segment or the history file.
    pub(crate) fn is_answered(&self) -> bool {
        self.object
            .as_deref()
            .is_some_and(|object| file_name(object) == self.name)
    }
}

impl Restore {
    /// First request for a segment of this number: PostgreSQL requests the one on the path first.
    pub(crate) fn first_asked(&self, number: u64) -> Option<(Segment, &Request)> {
        self.asked(number).next()
    }

    /// Requests for segments of this number, in order.
    pub(crate) fn asked(&self, number: u64) -> impl Iterator<Item = (Segment, &Request)> {
        let requests = self.requests.iter().filter_map(|request| {
            let segment = Segment::parse(&request.name)?;
            Some((segment, request))
        });
        requests.filter(move |(segment, _)| segment.number == number)
    }
}

impl Display for Target {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeline(number) => write!(formatter, "{number}"),
            Self::Current => formatter.write_str("current"),
            Self::Latest => formatter.write_str("latest"),
        }
    }
}
