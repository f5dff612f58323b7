//! The texts that tell of a backup: `backup.info` and labels.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::cluster::Traits;
use super::wal::{SEGMENT_BYTES, Segment};

/// Where a backup begins in its first segment: behind the header of the segment.
const BEGIN_OFFSET: u64 = 0x28;

/// Where a backup that nothing was written during ends in its last segment.
const END_OFFSET: u64 = 0x158;

const DATA: &str = "/var/lib/postgresql/data/pgdata";

/// A moment and a place in the WAL.
#[derive(Clone, Copy)]
pub(crate) struct Position {
    pub(crate) at: DateTime<Utc>,
    pub(crate) segment: Segment,
}

/// What `backup.info` says, key by key. Barman sorts the keys, as this map does.
type Keys = BTreeMap<&'static str, String>;

/// `backup.info` of a backup that has begun.
pub(crate) fn started(traits: &Traits, cluster_bytes: u64, begin: Position) -> String {
    text(&keys(traits, cluster_bytes, begin))
}

/// `backup.info` of a backup that failed while its data was copied.
pub(crate) fn failed(traits: &Traits, cluster_bytes: u64, begin: Position) -> String {
    let mut keys = keys(traits, cluster_bytes, begin);
    let error = "failure uploading data (Connection lost, reconnection not allowed)";
    keys.extend([("error", error.to_owned()), ("status", "FAILED".to_owned())]);
    text(&keys)
}

/// `backup.info` of a finished backup.
pub(crate) fn done(traits: &Traits, cluster_bytes: u64, begin: Position, end: Position) -> String {
    let mut keys = keys(traits, cluster_bytes, begin);
    let label = backup_label(begin).replace('\n', "\\n");
    keys.extend([
        ("backup_label", format!("'{label}'")),
        ("backup_name", format!("backup-{}", begin.at.format("%Y%m%d%H%M%S"))),
        ("copy_stats", copy_stats(traits, begin, end)),
        ("end_offset", END_OFFSET.to_string()),
        ("end_time", time(end.at)),
        ("end_wal", end.segment.name()),
        ("end_xlog", end.segment.lsn(END_OFFSET)),
        ("status", "DONE".to_owned()),
    ]);
    text(&keys)
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

fn text(keys: &Keys) -> String {
    let lines: Vec<String> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("{}\n", lines.join("\n"))
}

fn keys(traits: &Traits, cluster_bytes: u64, begin: Position) -> Keys {
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
    let mut keys: Keys = unknown.map(|key| (key, "None".to_owned())).into();
    keys.extend([
        ("begin_offset", BEGIN_OFFSET.to_string()),
        ("begin_time", time(begin.at)),
        ("begin_wal", begin.segment.name()),
        ("begin_xlog", begin.segment.lsn(BEGIN_OFFSET)),
        ("cluster_size", cluster_bytes.to_string()),
        ("config_file", format!("{DATA}/postgresql.conf")),
        ("data_checksums", "on".to_owned()),
        ("hba_file", format!("{DATA}/pg_hba.conf")),
        ("ident_file", format!("{DATA}/pg_ident.conf")),
        ("pgdata", DATA.to_owned()),
        ("server_name", "cloud".to_owned()),
        ("status", "STARTED".to_owned()),
        ("summarize_wal", "off".to_owned()),
        ("systemid", traits.system_identifier.to_string()),
        ("tablespaces", tablespaces(traits)),
        ("timeline", begin.segment.timeline.to_string()),
        ("version", "170006".to_owned()),
        ("xlog_segment_size", SEGMENT_BYTES.to_string()),
    ]);
    keys
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
        let tablespace = traits.tablespace.map(|oid| format!("'{oid}': {:.6}, ", share / 10.0));
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
