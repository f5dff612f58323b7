//! WAL and history files of a server, as `barman-cloud-wal-restore` serves them.
//!
//! `docs/specification.md`, 5.

use barman_archive::inventory::{
    FileContent, FileReading, PartialSegment, SmallFile, SmallFiles, UnreadableReason, WalInventory,
};
use barman_archive::postgres::{Run, Runs, SegmentSize, TimelineId};
use barman_archive::recovery::{ArchivedWal, Histories, HistoryFile, SegmentSets};

/// The history files of a server.
pub(super) fn histories(wal: &WalInventory, files: &SmallFiles) -> Histories {
    let histories = wal.beside.histories.iter();
    Histories::new(histories.map(|(id, file)| (*id, history_file(files, file))).collect())
}

/// State of a history file, as a restore finds it.
fn history_file(files: &SmallFiles, file: &SmallFile) -> HistoryFile {
    match files.reading(file) {
        Some(FileReading::Read(FileContent::History(history))) => {
            HistoryFile::Readable(history.clone())
        }
        Some(FileReading::Unreadable { reason: UnreadableReason::Compression, .. }) => {
            HistoryFile::NotDecompressible
        }
        Some(FileReading::Unreadable { reason: UnreadableReason::Syntax, .. }) => {
            HistoryFile::Invalid
        }
        Some(FileReading::Read(_) | FileReading::Unreadable { .. } | FileReading::Gone) | None => {
            HistoryFile::Unknown
        }
    }
}

/// Archived segments by their number on their timeline.
pub(super) fn archived_wal(wal: &WalInventory, size: SegmentSize) -> ArchivedWal {
    let mut archived = ArchivedWal { size, ..ArchivedWal::default() };
    let per_wal_dir = u64::from(size.segments_per_wal_dir());
    for (name, content) in &wal.dirs {
        let first = u64::from(name.high) * per_wal_dir;
        let insert = |sets: &mut SegmentSets, runs: &Runs| {
            // Names beyond the last segment of the WAL directory are anomalies: nothing ever
            // requests them.
            for run in runs.within(0, per_wal_dir - 1).iter() {
                let run = Run { first: first + run.first, last: first + run.last };
                sets.entry(name.timeline).or_default().insert_run(run);
            }
        };
        let unusable = content.unusable_segments(size);
        let usable = content.segments.without(&unusable);
        let wrong_size = unusable.without(&content.irregularities().not_decompressible);
        insert(&mut archived.segments, &usable);
        insert(&mut archived.wrong_size, &wrong_size);
        insert(&mut archived.cold, &content.irregularities().cold);
    }
    for (name, partial) in wal.partials() {
        let Some(number) = name.number(size).filter(|_| !partial.is_not_decompressible) else {
            continue;
        };
        add_partial(&mut archived, name.timeline, number, partial);
    }
    archived
}

/// Adds a partial segment, in place of the whole one if a restore takes it instead.
fn add_partial(wal: &mut ArchivedWal, timeline: TimelineId, number: u64, partial: PartialSegment) {
    let run = Run { first: number, last: number };
    let is_whole = [&wal.segments, &wal.wrong_size]
        .iter()
        .any(|sets| sets.get(&timeline).is_some_and(|segments| segments.contains(number)));
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
