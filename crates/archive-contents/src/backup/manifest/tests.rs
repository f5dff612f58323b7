//! Manifests as `pg_basebackup` and Barman write them.

use std::fmt::Write;

use barman_archive::postgres::{SegmentSize, TimelineId};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;

const LABEL: &str = "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n";

fn context() -> BackupContext {
    BackupContext {
        system_identifier: None,
        segment_size: SegmentSize::DEFAULT,
        timeline: TimelineId::FIRST,
        begin: Some("0/2000028".parse().unwrap()),
        end: None,
        label: Some(LABEL.to_owned()),
        has_data_checksums: None,
        major: None,
        is_of_standby: false,
        is_incremental: true,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn line(path: &str, content: &[u8]) -> String {
    let sum = crc32c::crc32c(content).to_le_bytes();
    format!(
        r#"{{ "Path": "{path}", "Size": {}, "Last-Modified": "2026-11-28 04:31:55 GMT", "Checksum-Algorithm": "CRC32C", "Checksum": "{}" }}"#,
        content.len(),
        hex(&sum)
    )
}

const WAL: &str = r#"{ "Timeline": 1, "Start-LSN": "0/2000028", "End-LSN": "0/2000100" }"#;

/// Manifest of the backup with this label.
fn manifest_with(label: &str, lines: &[String]) -> String {
    let label = line("backup_label", label.as_bytes());
    let files = [&[label], lines].concat().join(",\n");
    let text = format!(
        "{{ \"PostgreSQL-Backup-Manifest-Version\": 2,\n\"System-Identifier\": 7,\n\"Files\": [\n{files}\n],\n\"WAL-Ranges\": [\n{WAL}\n],\n"
    );
    let sum = hex(&Sha256::digest(text.as_bytes()));
    format!("{text}\"Manifest-Checksum\": \"{sum}\"}}\n")
}

fn manifest(lines: &[String]) -> String {
    manifest_with(LABEL, lines)
}

const FILES: [(&str, &[u8]); 4] = [
    ("backup_label", LABEL.as_bytes()),
    ("PG_VERSION", b"17\n"),
    ("base/5/INCREMENTAL.1259", b"blocks"),
    ("pg_xact/0000", b"states"),
];

fn lines() -> Vec<String> {
    FILES[1..]
        .iter()
        .map(|(path, content)| line(path, content))
        .collect()
}

/// Compares files with a manifest that comes after so many of them.
fn compared(
    manifest: &str,
    files: &[(&str, &[u8])],
    before: usize,
    piece: usize,
) -> ManifestEvidence {
    let context = context();
    let mut check = ManifestCheck::default();
    let (first, last) = files.split_at(before);
    let read = |check: &mut ManifestCheck, files: &[(&str, &[u8])]| {
        for (path, content) in files {
            check.begin(path);
            content.chunks(piece).for_each(|piece| check.content(piece));
            check.end();
        }
    };
    read(&mut check, first);
    check.begin("backup_manifest");
    check.begin_manifest();
    for piece in manifest.as_bytes().chunks(piece) {
        check.manifest(piece, &context);
    }
    check.end();
    read(&mut check, last);
    check.finish(true)
}

fn of(same: u64, different: u64, missing: u64, not_listed: u64) -> ManifestEvidence {
    ManifestEvidence::Compared(ComparedFiles {
        same,
        different,
        missing,
        not_listed,
        ..ComparedFiles::default()
    })
}

#[test]
fn files_are_compared_before_and_after_the_manifest() {
    let manifest = manifest(&lines());

    for before in 0..=4 {
        assert_eq!(compared(&manifest, &FILES, before, 4), of(4, 0, 0, 0));
    }
}

#[test]
fn a_file_that_differs_or_is_missing_is_found() {
    let manifest = manifest(&lines());
    let different = (FILES[2].0, b"Blocks".as_slice());
    let files = [FILES[0], FILES[1], different, ("extra", b"")];

    for before in 0..=4 {
        assert_eq!(compared(&manifest, &files, before, 4), of(2, 1, 1, 1));
    }
}

#[test]
fn what_barman_leaves_out_is_not_missing() {
    let mut lines = lines();
    lines.push(line("log/postgresql.log", b"line"));
    lines.push(line("postgresql.auto.conf", b"# changed since"));
    let files = [&FILES[..], &[("postgresql.auto.conf", b"")]].concat();

    assert_eq!(compared(&manifest(&lines), &files, 1, 100), of(4, 0, 0, 0));
}

#[test]
fn the_manifest_of_another_backup_proves_nothing() {
    // The first backup of a new standby starts where the standby itself started.
    let other = LABEL.replace("file", "File");
    let manifest = manifest_with(&other, &lines());

    let found = compared(&manifest, &FILES[..1], 0, 100);

    assert_eq!(found, ManifestEvidence::OfAnother);
}

#[test]
fn a_manifest_that_lists_the_label_is_the_own_one() {
    // Barman's own manifests name no WAL, and put fields in the order of the alphabet.
    let sum = hex(&Sha256::digest(LABEL.as_bytes()));
    let label = format!(
        r#"{{"Checksum": "{sum}", "Checksum-Algorithm": "SHA256", "Last-Modified": "2026-11-28 04:31:55 GMT", "Path": "backup_label", "Size": {}}}"#,
        LABEL.len()
    );
    let text = format!("{{\"PostgreSQL-Backup-Manifest-Version\": 1,\n\"Files\": [\n{label}],\n");
    let sum = hex(&Sha256::digest(text.as_bytes()));
    let manifest = format!("{text}\"Manifest-Checksum\": \"{sum}\"}}\n");
    let files = [("backup_label", LABEL.as_bytes())];

    assert_eq!(compared(&manifest, &files, 0, 100), of(1, 0, 0, 0));
    // Only CRC32C is known of a file that came before.
    let ManifestEvidence::Compared(found) = compared(&manifest, &files, 1, 100) else {
        panic!();
    };
    assert_eq!((found.same, found.size_only), (0, 1));
}

#[test]
fn a_newer_manifest_is_not_damage() {
    let newer = manifest(&lines()).replace("Version\": 2", "Version\": 3");

    let found = compared(&newer, &FILES, 0, 100);

    assert_eq!(found, ManifestEvidence::UnknownVersion);
}

#[test]
fn a_path_may_be_encoded() {
    let encoded = line("x", b"").replace(r#""Path": "x""#, r#""Encoded-Path": "6361e9""#);
    let files = [("ca\u{FFFD}", b"".as_slice())];

    let found = compared(&manifest(&[encoded]), &files, 0, 100);

    assert_eq!(found, of(1, 0, 1, 0));
}

#[test]
fn a_line_that_is_too_long_is_skipped_as_a_whole() {
    let end = line("backup_label", LABEL.as_bytes());
    let version = "{ \"PostgreSQL-Backup-Manifest-Version\": 1,";
    let manifest = format!("{version}\n{}{end}\n", " ".repeat(70_000));

    for piece in [1000, usize::MAX] {
        let found = compared(&manifest, &FILES[..1], 0, piece);

        assert_eq!(found, ManifestEvidence::OfAnother, "{piece}");
    }
}

proptest! {
    #[test]
    fn the_result_does_not_depend_on_the_pieces(piece in 1_usize..900, before in 0_usize..=4) {
        let manifest = manifest(&lines());
        prop_assert_eq!(compared(&manifest, &FILES, before, piece), of(4, 0, 0, 0));
    }

    #[test]
    fn any_changed_character_of_a_manifest_is_found(place: prop::sample::Index, with in 32_u8..127) {
        let manifest = manifest(&lines());
        let mut bytes = manifest.clone().into_bytes();
        let at = place.index(bytes.len());
        bytes[at] = with;
        let changed = String::from_utf8(bytes).unwrap();
        prop_assume!(!changed.eq_ignore_ascii_case(&manifest));
        prop_assert_ne!(compared(&changed, &FILES, 0, 100), of(4, 0, 0, 0));
    }

    #[test]
    fn no_bytes_make_it_panic(noise: String, at: prop::sample::Index) {
        let mut text = manifest(&lines());
        text.insert_str(at.index(text.len()), &noise);
        let _ = compared(&text, &FILES, 1, 7);
    }
}
