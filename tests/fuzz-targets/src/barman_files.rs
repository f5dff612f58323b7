//! Keys and small files of an archive.

use archive_contents::backup::BackupContext;
use barman_archive::barman::{
    BackupFile, BackupInfo, Compression, KeepTarget, NestedNames, ObjectLocation, ServerKey,
    WalKind,
};
use barman_archive::inventory::{
    FileContent, FileKind, FileReading, Inventory, ListedObject, StorageClass,
};
use barman_archive::postgres::{TimelineHistory, TimelineId, WalDir};
use chrono::{DateTime, Utc};

use crate::input::{Input, choice};

/// Longest text for people that a file can cause, in characters; escapes come on top.
const LONGEST_TEXT: usize = 5000;

/// `backup.info`.
pub fn backup_info(bytes: &[u8]) {
    match BackupInfo::parse(bytes) {
        Ok(info) => {
            let _ = BackupContext::of(&info);
            let _ = (info.status(), info.begin_wal(), info.end_wal());
            assert!(info.error.is_none_or(|error| error.len() <= LONGEST_TEXT));
        }
        Err(error) => assert!(error.to_string().len() <= LONGEST_TEXT),
    }
}

/// Fields of a finished backup.
const DONE: &str = "begin_time=2026-11-01 03:00:04+00:00\nbegin_wal=000000010000000000000004\n\
    end_time=2026-11-01 03:00:08+00:00\nend_wal=000000010000000000000004\nstatus=DONE\n";

/// Python literals, in the fields of a `backup.info` that have them.
pub fn python_literals(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let line: String = text.chars().filter(|letter| !letter.is_control()).collect();
    for field in [
        "backup_label",
        "tablespaces",
        "children_backup_ids",
        "snapshots_info",
    ] {
        let _ = BackupInfo::parse(format!("{DONE}{field}={line}\n").as_bytes());
    }
    // As Python's `repr` writes a text.
    let written: String = text.chars().map(escaped).collect();
    let info = BackupInfo::parse(format!("{DONE}backup_label='{written}'\n").as_bytes()).unwrap();
    assert_eq!(info.label_text.as_deref(), Some(text.as_ref()));
}

fn escaped(letter: char) -> String {
    match letter {
        '\\' => "\\\\".to_owned(),
        '\'' => "\\'".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        ' '..='~' => letter.to_string(),
        '\0'..='\u{ff}' => format!("\\x{:02x}", u32::from(letter)),
        '\u{100}'..='\u{ffff}' => format!("\\u{:04x}", u32::from(letter)),
        _ => format!("\\U{:08x}", u32::from(letter)),
    }
}

/// History file of a timeline.
///
/// Input: the timeline; the file.
pub fn history(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let timeline = TimelineId(input.u32());
    let Ok(history) = TimelineHistory::parse(timeline, input.rest()) else {
        return;
    };
    let ancestors = history.ancestors();
    assert!(ancestors.is_sorted_by(|one, next| one.timeline < next.timeline));
    assert!(
        ancestors
            .iter()
            .all(|ancestor| ancestor.timeline < timeline)
    );
    for ancestor in ancestors {
        assert_eq!(history.left(ancestor.timeline), Some(ancestor.switched_at));
    }
    let intervals = history.intervals();
    assert_eq!(intervals.len(), ancestors.len() + 1);
    assert_eq!(intervals[0].timeline, timeline);
    // As PostgreSQL writes it.
    let mut written = String::new();
    for ancestor in ancestors {
        written += &format!("{}\t{}\n", ancestor.timeline, ancestor.switched_at);
    }
    let again = TimelineHistory::parse(timeline, written.as_bytes()).unwrap();
    assert_eq!(again.intervals(), intervals);
}

/// Small file of any kind, as a scan reads it.
///
/// Input: kind of the file, compression; the file.
pub fn small_files(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let kind = input.byte();
    let compression = crate::codec::compression(input.byte());
    let kind = choice(
        &[
            FileKind::History(TimelineId(9), compression),
            FileKind::Keep,
            FileKind::BackupInfo,
        ],
        kind,
    );
    let content = input.rest();
    match kind.read(content) {
        FileReading::Read(FileContent::Keep(target)) => {
            assert_eq!(kind, FileKind::Keep);
            assert_eq!(target.is_none(), content.is_empty());
            assert_eq!(
                target == Some(KeepTarget::Standalone),
                content == b"standalone"
            );
        }
        FileReading::Read(FileContent::History(history)) => {
            assert_eq!(history.timeline(), TimelineId(9));
        }
        FileReading::Read(FileContent::BackupInfo(_)) => assert_eq!(kind, FileKind::BackupInfo),
        FileReading::Unreadable { message, .. } => assert!(message.len() <= LONGEST_TEXT),
        FileReading::Gone => panic!("a file that was read is there"),
    }
}

/// Keys of an archive, one to a line; those before an empty line are names of servers.
pub fn keys(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (names, keys) = text.split_once("\n\n").unwrap_or(("", &text));
    let names: Vec<String> = names.lines().map(str::to_owned).collect();
    let names = NestedNames::among(&names);
    let mut inventory = Inventory::with_names(names.clone());
    let mut sums = (0, 0);
    for (key, size) in keys.lines().zip(1..) {
        let location = ObjectLocation::among(key, &names);
        assert_is_part_of(key, location);
        inventory.add(key, &object(key, size));
        sums = (sums.0 + 1, sums.1 + size);
    }
    inventory.settle(moment());
    let total = inventory.total().sums;
    assert_eq!((total.objects, total.bytes), sums);
    let of_directories = inventory
        .directories
        .values()
        .map(|directory| directory.total().objects);
    assert_eq!(
        of_directories.sum::<u64>() + inventory.loose.sums.objects,
        sums.0
    );
    for file in inventory.small_files() {
        assert!(keys.lines().any(|key| key == file.object.key));
    }
}

fn assert_is_part_of(key: &str, location: ObjectLocation<'_>) {
    let ObjectLocation::Directory {
        directory,
        key: part,
    } = location
    else {
        return;
    };
    assert!(key.starts_with(directory) && key[directory.len()..].starts_with('/'));
    match part {
        ServerKey::Backup { id, file } => {
            let start = format!("{directory}/base/{id}/");
            assert!(key.starts_with(&start));
            let name = &key[start.len()..];
            match file {
                BackupFile::Info => assert_eq!(name, "backup.info"),
                BackupFile::Keep => assert_eq!(name, "annotations/keep"),
                BackupFile::Data(data) => {
                    let ending = data.compression.map_or("", Compression::ending);
                    assert!(name.ends_with(&format!(".tar{ending}")));
                }
                BackupFile::Other => {}
            }
        }
        ServerKey::Base => assert!(key.starts_with(&format!("{directory}/base/"))),
        ServerKey::Wal(wal) => {
            let stem = Compression::split(key).0;
            let (_, wals) = stem.split_once("/wals/").unwrap_or_default();
            let canonical = match wal.kind {
                WalKind::Segment(name) => format!("{}/{name}", WalDir::from(name)),
                WalKind::Partial(name) => format!("{}/{name}.partial", WalDir::from(name)),
                WalKind::Label(name, offset) => {
                    format!("{}/{name}.{offset:08X}.backup", WalDir::from(name))
                }
                WalKind::History(timeline) => format!("{:08X}.history", timeline.0),
                WalKind::Foreign => return,
            };
            if !directory.contains("/wals") {
                assert_eq!(wal.in_place, wals == canonical);
            }
        }
        ServerKey::Other => {}
    }
}

fn object(key: &str, size: u64) -> ListedObject {
    ListedObject {
        key: key.to_owned(),
        size,
        last_modified: moment(),
        etag: None,
        storage_class: Some(StorageClass::of("STANDARD")),
    }
}

fn moment() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}
