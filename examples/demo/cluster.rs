//! A PostgreSQL cluster as its archive shows it: it archives WAL and fails over.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;

use chrono::{DateTime, Utc};
use embedded_s3::Store;
use fastrand::Rng;

use super::backups::Backup;
use super::directory::Directory;
use super::wal::{Compression, SEGMENT_BYTES, Segment};

/// Properties in which clusters differ.
pub(crate) struct Traits {
    /// Name of its directory.
    pub(crate) server: &'static str,
    pub(crate) system_identifier: u64,
    pub(crate) wal_compression: Compression,
    /// Size of a segment in the bucket when compressed, in bytes.
    pub(crate) segment_bytes: Range<u64>,
    /// Ending of the data objects.
    pub(crate) data_ending: &'static str,
    /// Size of the databases.
    pub(crate) cluster_bytes: u64,
    /// Size of a backup in the bucket, in percent of `cluster_bytes`.
    pub(crate) stored_percent: u64,
    /// Oid of its only tablespace; `None` without one.
    pub(crate) tablespace: Option<u32>,
}

/// A cluster with what it has in the archive.
pub(crate) struct Cluster {
    pub(crate) traits: Traits,
    pub(crate) directory: Directory,
    /// The segment that is being written.
    pub(crate) current: Segment,
    /// The segments that are in the archive.
    pub(crate) archived: BTreeSet<Segment>,
    /// The finished backups by id, as far as they are in the archive and readable.
    pub(crate) done: BTreeMap<String, Backup>,
    pub(crate) random: Rng,
    history: String,
}

impl Cluster {
    /// A cluster that has written so many segments before it began to archive.
    pub(crate) fn new(store: &Store, traits: Traits, written: u64) -> Self {
        Self {
            directory: Directory::new(store, traits.server),
            current: Segment {
                timeline: 1,
                number: written,
            },
            archived: BTreeSet::new(),
            done: BTreeMap::new(),
            random: Rng::with_seed(traits.system_identifier),
            history: String::new(),
            traits,
        }
    }

    /// Archives the segment that was being written, and goes on to the next.
    pub(crate) fn archive_segment(&mut self, at: DateTime<Utc>) -> Archived {
        let segment = self.current;
        let compression = self.traits.wal_compression;
        let bytes = match compression {
            Compression::None => SEGMENT_BYTES,
            Compression::Gzip | Compression::Snappy => {
                self.random.u64(self.traits.segment_bytes.clone())
            }
        };
        self.directory
            .put_zeros(&segment.key(compression.ending()), bytes, at);
        self.archived.insert(segment);
        self.current.number += 1;
        Archived { segment, bytes }
    }

    /// Writes so many segments that never arrive.
    pub(crate) fn lose_segments(&mut self, count: u64) {
        self.current.number += count;
    }

    /// Leaves what an upload by a tool that copies and renames leaves when it breaks off.
    pub(crate) fn leave_temporary_file(&mut self, at: DateTime<Utc>) {
        let bytes = self.random.u64(self.traits.segment_bytes.clone());
        self.directory
            .put_zeros(&self.current.key(".gz.tmp"), bytes, at);
    }

    /// Promotes a standby: the segment that was being written stays a partial one.
    pub(crate) fn fail_over(&mut self, at: DateTime<Utc>) -> io::Result<()> {
        let compression = self.traits.wal_compression;
        let (left, ending) = (self.current, compression.ending());
        let bytes = self.random.u64(self.traits.segment_bytes.clone());
        self.directory
            .put_zeros(&left.key(&format!(".partial{ending}")), bytes, at);
        let separator = if self.history.is_empty() { "" } else { "\n" };
        let switch = left.lsn(self.random.u64(0x10..SEGMENT_BYTES / 8) * 8);
        let timeline = left.timeline;
        let line = format!("{separator}{timeline}\t{switch}\tno recovery target specified\n");
        self.history.push_str(&line);
        self.current.timeline += 1;
        let key = format!("wals/{:08X}.history{ending}", self.current.timeline);
        self.directory
            .put(&key, compression.compress(&self.history)?, at);
        Ok(())
    }

    /// Returns the number of segments of a timeline in the archive.
    pub(crate) fn segments_on(&self, timeline: u32) -> usize {
        self.archived
            .iter()
            .filter(|segment| segment.timeline == timeline)
            .count()
    }
}

/// A segment as it arrived.
pub(crate) struct Archived {
    pub(crate) segment: Segment,
    pub(crate) bytes: u64,
}
