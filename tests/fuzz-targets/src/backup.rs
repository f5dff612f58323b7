//! Base backups.

use archive_contents::backup::{
    BackupCheck, BackupContext, BackupFault, BackupJudge, CheckedBackup, DatabaseFile,
    ManifestEvidence, Verdict, WalCoverage,
};
use barman_archive::barman::DataItem;
use barman_archive::postgres::{Lsn, SegmentSize, TimelineId};
use sha2::{Digest, Sha256};

use crate::cluster_files::with_control_sum;
use crate::input::{Input, Pieces, choice};
use crate::tar::{TarWriter, repair};

/// Label of the backups that the fixtures hold.
const LABEL: &str = "START WAL LOCATION: 0/2400028 (file 000000010000000000000024)\n\
    CHECKPOINT LOCATION: 0/2400060\n\
    BACKUP METHOD: streamed\n\
    BACKUP FROM: primary\n\
    START TIME: 2026-11-28 04:31:55 UTC\n\
    LABEL: Barman backup cloud 20261128T043154\n\
    START TIMELINE: 1\n";

/// Part of a backup.
struct Part<'a> {
    item: DataItem,
    archive: &'a [u8],
}

fn context(flags: u8) -> BackupContext {
    BackupContext {
        system_identifier: (flags & 1 != 0).then_some(7_713_070_199_573_654_535),
        segment_size: SegmentSize::new(1 << 20).unwrap(),
        timeline: TimelineId::FIRST,
        begin: Some(Lsn(0x240_0028)),
        end: (flags & 2 == 0).then_some(Lsn(0x243_7B70)),
        label: (flags & 4 == 0).then(|| LABEL.to_owned()),
        has_data_checksums: choice(&[Some(true), Some(false), None], flags >> 6),
        major: (flags & 8 == 0).then_some(15),
        is_of_standby: flags & 16 != 0,
        is_incremental: flags & 32 != 0,
    }
}

fn checked(context: &BackupContext, parts: &[Part<'_>], seed: Option<u8>) -> CheckedBackup {
    let mut check = BackupCheck::new(context.clone());
    for (part, number) in parts.iter().zip(0..) {
        check.begin_part(part.item, number);
        match seed {
            Some(seed) => Pieces::of(part.archive, seed).for_each(|piece| check.feed(piece)),
            None => check.feed(part.archive),
        }
        let _ = check.part_fault();
    }
    check.finish()
}

/// Checks a backup, once in one piece and once in many.
fn check(context: &BackupContext, parts: &[Part<'_>], seed: u8) -> CheckedBackup {
    let checked_whole = checked(context, parts, None);
    let in_pieces = checked(context, parts, Some(seed));
    assert_eq!(in_pieces, checked_whole);
    assert_is_bounded(context, parts, &checked_whole);
    checked_whole
}

fn assert_is_bounded(context: &BackupContext, parts: &[Part<'_>], checked: &CheckedBackup) {
    let bytes: usize = parts.iter().map(|part| part.archive.len()).sum();
    let pages = checked.counts.pages;
    assert!(pages.read * 8192 <= bytes as u64);
    assert!(checked.counts.members * 512 <= bytes as u64);
    assert_eq!(pages.failing, checked.failing_pages.len() as u64);
    let failing = pages.failing + pages.failing_maps + pages.failing_unlogged;
    assert!(pages.zero + failing + pages.failing_not_kept <= pages.read);
    assert!(checked.is_sound() || !is_nothing_wrong(checked));
    if let Some(judge) = BackupJudge::new(checked, context) {
        let judged = judge.finish(WalCoverage::Whole);
        // Without any record, nothing is proven.
        let number = judged.pages.len() + judged.files.len();
        assert_eq!(judged.count(Verdict::Unproven), number);
    }
}

fn is_nothing_wrong(checked: &CheckedBackup) -> bool {
    checked.faults.is_empty()
        && checked.doubts.is_empty()
        && !checked.needs_wal()
        && checked.not_kept() == 0
}

/// Archives of a backup.
///
/// Input: description, true to make sums right, seed of the pieces, length of the first part in blocks;
/// the parts, the second one of a tablespace.
pub fn backup(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let context = context(input.byte());
    let is_repaired = input.byte() & 1 == 1;
    let seed = input.byte();
    let first = usize::from(input.u16()) * 512;
    let mut rest = input.rest().to_vec();
    let first = if first == 0 {
        rest.len()
    } else {
        first.min(rest.len())
    };
    let (data, tablespace) = rest.split_at_mut(first);
    if is_repaired {
        repair(data);
        repair(tablespace);
    }
    let mut parts = vec![Part {
        item: DataItem::Data,
        archive: data,
    }];
    if !tablespace.is_empty() {
        parts.push(Part {
            item: DataItem::Tablespace(16_500),
            archive: tablespace,
        });
    }
    check(&context, &parts, seed);
}

/// Paths of members that mean something.
const PATHS: [&str; 20] = [
    "PG_VERSION",
    "backup_label",
    "global/pg_control",
    "global/pg_filenode.map",
    "backup_manifest",
    "base/5/16406",
    "base/5/16406_init",
    "base/5/16406_vm",
    "base/5/16406_fsm",
    "base/5/16406.1",
    "base/5/PG_VERSION",
    "base/5/pg_filenode.map",
    "base/5/INCREMENTAL.16406",
    "pg_xact/0000",
    "global/1262",
    "pg_wal/archive_status",
    "pg_tblspc/1",
    "postgresql.auto.conf",
    "base/5/16413",
    "base/1/1255",
];

/// Maximum number of members that a test makes.
const MOST_MEMBERS: u64 = 64;

/// Backup of members with any content.
///
/// Input: description, seed of the pieces; for each member its path, length and content. Checksums of
/// control files and manifests are made right.
pub fn backup_members(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let context = context(input.byte());
    let seed = input.byte();
    let mut tar = TarWriter::default();
    let mut members = 0;
    while !input.is_empty() && members < MOST_MEMBERS {
        let path = choice(&PATHS, input.byte());
        let length = usize::from(input.u16() % 0x5000);
        let mut content = input.bytes(length).to_vec();
        match path {
            "global/pg_control" => {
                content.resize(8192, 0);
                with_control_sum(&mut content);
            }
            "backup_manifest" => content = with_manifest_sum(&content),
            _ => {}
        }
        tar.add(path, &content);
        members += 1;
    }
    let archive = tar.finish();
    let parts = [Part {
        item: DataItem::Data,
        archive: &archive,
    }];

    let checked = check(&context, &parts, seed);

    assert_eq!(checked.counts.members, members);
    let is_of_archive = |fault: &BackupFault| matches!(fault, BackupFault::Archive { .. });
    assert!(!checked.faults.iter().any(is_of_archive));
}

/// Ends a manifest with its checksum.
fn with_manifest_sum(content: &[u8]) -> Vec<u8> {
    let lines = content.split_inclusive(|byte| *byte == b'\n');
    let lines = lines.take_while(|line| !line.starts_with(b"\"Manifest-Checksum\""));
    let mut content: Vec<u8> = lines.flatten().copied().collect();
    if !content.ends_with(b"\n") {
        content.push(b'\n');
    }
    let sum: String = Sha256::digest(&content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    content.extend(format!("\"Manifest-Checksum\": \"{sum}\"}}\n").bytes());
    content
}

/// Manifest of a backup of three files.
///
/// Input: true to make the checksum right, true to put it before the files, seed of the pieces; the
/// manifest.
pub fn manifest(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let is_repaired = input.byte() & 1 == 1;
    let is_first = input.byte() & 1 == 1;
    let seed = input.byte();
    let mut manifest = input.rest().to_vec();
    if is_repaired {
        manifest = with_manifest_sum(&manifest);
    }
    let mut tar = TarWriter::default();
    if is_first {
        tar.add("backup_manifest", &manifest);
    }
    tar.add("PG_VERSION", b"15\n");
    tar.add("pg_xact/0000", &[0x55; 100]);
    tar.add("backup_label", LABEL.as_bytes());
    if !is_first {
        tar.add("backup_manifest", &manifest);
    }
    let archive = tar.finish();
    let parts = [Part {
        item: DataItem::Data,
        archive: &archive,
    }];

    let checked = check(&context(0), &parts, seed);

    if let ManifestEvidence::Compared(files) = checked.manifest {
        let found = files.same + files.size_only + files.different + files.not_listed;
        assert!(found <= 4 + manifest.len() as u64 / 20);
        assert_eq!(files.not_kept, 0);
        assert!(files.missing <= manifest.len() as u64 / 20);
    }
    assert_ne!(checked.manifest, ManifestEvidence::Absent);
}

/// Relation map of a database.
///
/// Input: true to make the checksum right, major version; the map.
pub fn relation_map(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let is_repaired = input.byte() & 1 == 1;
    let major = choice(&[Some(15), Some(16), None], input.byte());
    let mut map = input.rest().to_vec();
    let (length, sum_at, most) = match major {
        Some(..16) => (512, 504, 62),
        None if map.len() == 512 => (512, 504, 62),
        Some(_) | None => (524, 520, 64),
    };
    if is_repaired && map.len() >= sum_at + 4 {
        let sum = crc32c::crc32c(&map[..sum_at]);
        map[sum_at..sum_at + 4].copy_from_slice(&sum.to_le_bytes());
    }
    let number = |at: usize| u32::from_le_bytes(map[at..at + 4].try_into().unwrap());
    let is_sound = map.len() == length
        && number(0) == 0x0059_2717
        && number(4) <= most
        && number(sum_at) == crc32c::crc32c(&map[..sum_at]);
    let context = BackupContext {
        major,
        ..context(0)
    };
    let mut tar = TarWriter::default();
    tar.add("base/5/pg_filenode.map", &map);
    let archive = tar.finish();
    let parts = [Part {
        item: DataItem::Data,
        archive: &archive,
    }];

    let checked = check(&context, &parts, 7);

    let fails = |file| {
        checked
            .failing_files
            .iter()
            .any(|failing| failing.file == file)
    };
    assert_eq!(fails(DatabaseFile::RelationMap), !is_sound);
}
