//! WAL and history files of a server, as `barman-cloud-wal-restore` serves them.
//!
//! `docs/specification.md`, 5.

use std::collections::BTreeMap;

use super::{ArchivedWal, Histories, HistoryFile, SegmentSets};
use crate::inventory::{
    FileContent, FileReading, PartialSegment, SmallFile, SmallFiles, UnreadableReason, WalInventory,
};
use crate::postgres::{Run, Runs, SegmentSize, TimelineId, WalDir};

/// Returns the history files of a server.
#[must_use]
pub fn served_histories(wal: &WalInventory, files: &SmallFiles) -> Histories {
    let mut histories = BTreeMap::new();
    for (timeline, file) in &wal.outside_wal_dirs.histories {
        histories.insert(*timeline, history_file(files, file));
    }
    Histories::new(histories)
}

/// State of a history file, as a restore finds it.
fn history_file(files: &SmallFiles, file: &SmallFile) -> HistoryFile {
    match files.reading(file) {
        Some(FileReading::Read(FileContent::History(history))) => {
            HistoryFile::Readable(history.clone())
        }
        Some(FileReading::Unreadable {
            reason: UnreadableReason::Compression,
            ..
        }) => HistoryFile::NotDecompressible,
        Some(FileReading::Unreadable {
            reason: UnreadableReason::Syntax,
            ..
        }) => HistoryFile::Invalid,
        Some(FileReading::Read(_) | FileReading::Unreadable { .. } | FileReading::Gone) | None => {
            HistoryFile::Unknown
        }
    }
}

/// Returns the archived segments of a server, by their number on their timeline.
#[must_use]
pub fn served_wal(wal: &WalInventory, size: SegmentSize) -> ArchivedWal {
    let mut archived = ArchivedWal {
        size,
        ..ArchivedWal::default()
    };
    for (name, content) in &wal.dirs {
        let unusable = content.unusable_segments(size);
        let usable = content.segments.without(&unusable);
        let irregularities = content.irregularities();
        let wrong_size = unusable.without(&irregularities.not_decompressible);
        insert(&mut archived.segments, *name, &usable, size);
        insert(&mut archived.wrong_size, *name, &wrong_size, size);
        insert(&mut archived.cold, *name, &irregularities.cold, size);
    }
    for (name, partial) in wal.partials() {
        if partial.is_not_decompressible {
            continue;
        }
        if let Some(number) = name.number(size) {
            add_partial(&mut archived, name.timeline, number, partial);
        }
    }
    archived
}

/// Inserts the segments of a WAL directory. Names beyond its last segment are anomalies: nothing ever
/// requests them.
fn insert(sets: &mut SegmentSets, name: WalDir, runs: &Runs, size: SegmentSize) {
    let per_wal_dir = u64::from(size.segments_per_wal_dir());
    let first = u64::from(name.high) * per_wal_dir;
    for run in runs.within(0, per_wal_dir - 1).iter() {
        let run = Run {
            first: first + run.first,
            last: first + run.last,
        };
        sets.entry(name.timeline).or_default().insert_run(run);
    }
}

/// Adds a partial segment, in place of the whole one if a restore takes it instead.
fn add_partial(wal: &mut ArchivedWal, timeline: TimelineId, number: u64, partial: PartialSegment) {
    let run = Run {
        first: number,
        last: number,
    };
    let is_whole = [&wal.segments, &wal.wrong_size].iter().any(|sets| {
        sets.get(&timeline)
            .is_some_and(|segments| segments.contains(number))
    });
    if is_whole && !partial.is_preferred {
        return;
    }
    for sets in [&mut wal.segments, &mut wal.wrong_size, &mut wal.cold] {
        if let Some(segments) = sets.get_mut(&timeline) {
            segments.remove_run(run);
        }
    }
    if !partial.is_read_at_once {
        wal.cold.entry(timeline).or_default().insert_run(run);
    }
    let is_plain = partial.compression.is_none();
    if partial.bytes == 0 || is_plain && partial.bytes != u64::from(wal.size.bytes()) {
        wal.wrong_size.entry(timeline).or_default().insert_run(run);
    } else {
        wal.partials.insert((timeline, number));
    }
}
