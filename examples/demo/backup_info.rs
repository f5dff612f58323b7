//! The texts that tell of a backup: `backup.info` and labels.

use barman_archive::barman::BackupInfoText;
use chrono::{DateTime, Utc};

use super::cluster::Traits;
use super::wal::{SEGMENT_BYTES, Segment};

/// Offset at which a backup starts in its first segment: behind the header of the segment.
const BEGIN_OFFSET: u64 = 0x28;

/// Offset at which a backup ends in its last segment if nothing was written meanwhile.
const END_OFFSET: u64 = 0x158;

const DATA: &str = "/var/lib/postgresql/data/pgdata";

/// A moment and a place in the WAL.
#[derive(Clone, Copy)]
pub(crate) struct Position {
    pub(crate) at: DateTime<Utc>,
    pub(crate) segment: Segment,
}

/// `backup.info` of a backup that has begun.
pub(crate) fn started(traits: &Traits, cluster_bytes: u64, begin: Position) -> String {
    started_text(traits, cluster_bytes, begin).to_string()
}

/// `backup.info` of a backup that failed while its data was copied.
pub(crate) fn failed(traits: &Traits, cluster_bytes: u64, begin: Position) -> String {
    let error = "failure uploading data (Connection lost, reconnection not allowed)";
    let text = started_text(traits, cluster_bytes, begin);
    text.with("error", error)
        .with("status", "FAILED")
        .to_string()
}

/// `backup.info` of a finished backup.
pub(crate) fn done(traits: &Traits, cluster_bytes: u64, begin: Position, end: Position) -> String {
    let label = backup_label(begin).replace('\n', "\\n");
    started_text(traits, cluster_bytes, begin)
        .with("backup_label", format!("'{label}'"))
        .with(
            "backup_name",
            format!("backup-{}", begin.at.format("%Y%m%d%H%M%S")),
        )
        .with("copy_stats", copy_stats(traits, begin, end))
        .with("end_offset", END_OFFSET)
        .with("end_time", time(end.at))
        .with("end_wal", end.segment.name())
        .with("end_xlog", end.segment.lsn(END_OFFSET))
        .with("status", "DONE")
        .to_string()
}

/// Name of the label that the archive gets when a backup ends, without compression.
pub(crate) fn label_ending() -> String {
    format!(".{BEGIN_OFFSET:08X}.backup")
}

/// Content of that label.
pub(crate) fn archived_label(begin: Position, end: Position) -> String {
    let (stop, name) = (end.segment.lsn(END_OFFSET), end.segment.name());
    let stop_location = format!("STOP WAL LOCATION: {stop} (file {name})\nCHECKPOINT");
    let stop_time = end.at.format("%Y-%m-%d %H:%M:%S UTC");
    let timeline = end.segment.timeline;
    let label = backup_label(begin).replacen("CHECKPOINT", &stop_location, 1);
    format!("{label}STOP TIME: {stop_time}\nSTOP TIMELINE: {timeline}\n")
}

/// The id of a backup that begins then.
pub(crate) fn id(begun_at: DateTime<Utc>) -> String {
    begun_at.format("%Y%m%dT%H%M%S").to_string()
}

fn started_text(traits: &Traits, cluster_bytes: u64, begin: Position) -> BackupInfoText {
    let unknown = [
        "backup_label",
        "children_backup_ids",
        "compression",
        "copy_stats",
        "deduplicated_size",
        "encryption",
        "end_offset",
        "end_time",
        "end_wal",
        "end_xlog",
        "error",
        "included_files",
        "mode",
        "parent_backup_id",
        "size",
    ];
    BackupInfoText::new("STARTED")
        .with_none(&unknown)
        .with("begin_offset", BEGIN_OFFSET)
        .with("begin_time", time(begin.at))
        .with("begin_wal", begin.segment.name())
        .with("begin_xlog", begin.segment.lsn(BEGIN_OFFSET))
        .with("cluster_size", cluster_bytes)
        .with("config_file", format!("{DATA}/postgresql.conf"))
        .with("data_checksums", "on")
        .with("hba_file", format!("{DATA}/pg_hba.conf"))
        .with("ident_file", format!("{DATA}/pg_ident.conf"))
        .with("pgdata", DATA)
        .with("server_name", "cloud")
        .with("summarize_wal", "off")
        .with("systemid", traits.system_identifier)
        .with("tablespaces", tablespaces(traits))
        .with("timeline", begin.segment.timeline)
        .with("version", 170_006)
        .with("xlog_segment_size", SEGMENT_BYTES)
}

fn tablespaces(traits: &Traits) -> String {
    let literal = |oid| format!("[('fast', {oid}, '/var/lib/postgresql/tablespaces/fast/data')]");
    traits.tablespace.map_or("None".to_owned(), literal)
}

fn backup_label(begin: Position) -> String {
    let (segment, timeline) = (begin.segment, begin.segment.timeline);
    let (lsn, name, checkpoint) = (segment.lsn(BEGIN_OFFSET), segment.name(), segment.lsn(0x80));
    let (at, id) = (begin.at.format("%Y-%m-%d %H:%M:%S UTC"), id(begin.at));
    format!(
        "START WAL LOCATION: {lsn} (file {name})\nCHECKPOINT LOCATION: {checkpoint}\n\
         BACKUP METHOD: streamed\nBACKUP FROM: primary\nSTART TIME: {at}\n\
         LABEL: Barman backup cloud {id}\nSTART TIMELINE: {timeline}\n"
    )
}

fn copy_stats(traits: &Traits, begin: Position, end: Position) -> String {
    let seconds = (end.at - begin.at).as_seconds_f64();
    let items = |share: f64| {
        let tablespace = traits
            .tablespace
            .map(|oid| format!("'{oid}': {:.6}, ", share / 10.0));
        format!("{{{}'data': {share:.6}}}", tablespace.unwrap_or_default())
    };
    format!(
        "{{'total_time': {seconds:.6}, 'number_of_workers': 2, 'analysis_time': 0, \
         'analysis_time_per_item': {}, 'copy_time_per_item': {}, \
         'serialized_copy_time_per_item': {}, 'copy_time': {:.6}, \
         'serialized_copy_time': {:.6}}}",
        items(0.0),
        items(seconds * 0.9),
        items(seconds * 0.8),
        seconds * 0.9,
        seconds * 0.8,
    )
}

/// A time as Python writes it, in a session whose time zone is UTC.
fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S%.6f+00:00").to_string()
}
