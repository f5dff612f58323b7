//! Keys of every kind, and of none.

use proptest::prelude::*;

use super::*;

fn server_key(key: &str) -> ServerKey<'_> {
    match ObjectLocation::of(key) {
        ObjectLocation::Directory { key, .. } => key,
        ObjectLocation::Loose => panic!("`{key}` is loose"),
    }
}

fn wal(key: &str) -> WalObject {
    WalObject::of(key)
}

fn segment(text: &str) -> SegmentName {
    SegmentName::parse(text).unwrap()
}

const NAME: &str = "0000000100000000000000AB";

#[test]
fn keys_outside_the_servers_are_loose() {
    for key in ["", "notes.txt", "/server/base/x"] {
        assert_eq!(ObjectLocation::of(key), ObjectLocation::Loose, "{key}");
    }
}

#[test]
fn a_known_server_with_a_slash_in_its_name_is_found() {
    let names = ["a", "a/b", "a/b/c"].map(str::to_owned);
    let nested = NestedNames::among(&names);
    let directory = |key| match ObjectLocation::among(key, &nested) {
        ObjectLocation::Directory { directory, key } => (directory, key != ServerKey::Other),
        ObjectLocation::Loose => panic!("`{key}` is loose"),
    };

    assert_eq!(directory("a/base/x/backup.info"), ("a", true));
    assert_eq!(directory("a/b/base/x/backup.info"), ("a/b", true));
    assert_eq!(directory("a/b/c/base/x/backup.info"), ("a/b/c", true));
    assert_eq!(directory("a/bb/base/x/backup.info"), ("a", false));
    assert_eq!(ObjectLocation::among("a", &nested), ObjectLocation::Loose);
    let unknown = ObjectLocation::Directory {
        directory: "a",
        key: ServerKey::Other,
    };
    assert_eq!(ObjectLocation::of("a/b/base/x/backup.info"), unknown);
}

#[test]
fn a_backup_is_any_directory_in_base() {
    let file = |key| {
        let ServerKey::Backup { id, file } = server_key(key) else {
            panic!("{key}")
        };
        (id, file)
    };

    assert_eq!(
        file("a b/base/20261104T030001/backup.info"),
        ("20261104T030001", BackupFile::Info)
    );
    assert_eq!(
        file("s/base/latest/backup.info"),
        ("latest", BackupFile::Info)
    );
    assert_eq!(file("s/base/x/annotations/keep"), ("x", BackupFile::Keep));
    assert_eq!(file("s/base/x/annotations/other"), ("x", BackupFile::Other));
    assert_eq!(file("s/base/x/"), ("x", BackupFile::Other));
    assert_eq!(server_key("s/base/stray"), ServerKey::Base);
    assert_eq!(server_key("s/base//backup.info"), ServerKey::Base);
    assert_eq!(server_key("s/base"), ServerKey::Other);
    assert_eq!(server_key("s/"), ServerKey::Other);
    assert_eq!(server_key("s/other/base/x"), ServerKey::Other);
}

#[test]
fn data_objects_are_parts_of_data_or_of_a_tablespace() {
    let data = |name| match BackupFile::of(name) {
        BackupFile::Data(data) => Some((data.item, data.part, data.compression)),
        BackupFile::Info | BackupFile::Keep | BackupFile::Other => None,
    };

    assert_eq!(data("data.tar"), Some((DataItem::Data, 0, None)));
    assert_eq!(
        data("data_0003.tar.gz"),
        Some((DataItem::Data, 3, Some(Compression::Gzip)))
    );
    let tablespace = DataItem::Tablespace(16411);
    assert_eq!(
        data("16411.tar.zst"),
        Some((tablespace, 0, Some(Compression::Zstandard)))
    );
    for name in [
        "data",
        "data.tar.xz",
        "data_1.tar",
        "data_00001.tar",
        "+1.tar",
        ".tar",
        "data.tar.gz.tmp",
    ] {
        assert_eq!(data(name), None, "{name}");
    }
}

#[test]
fn the_four_kinds_of_wal_objects_may_be_compressed() {
    let name = segment(NAME);
    let kinds = [
        (format!("0000000100000000/{NAME}"), WalKind::Segment(name)),
        (
            format!("0000000100000000/{NAME}.partial"),
            WalKind::Partial(name),
        ),
        (
            format!("0000000100000000/{NAME}.00000028.backup"),
            WalKind::Label(name, 0x28),
        ),
        (
            "0000000A.history".to_owned(),
            WalKind::History(TimelineId(10)),
        ),
    ];

    for (key, kind) in kinds {
        let wal_dir = key.contains('/').then(|| WalDir::from(name));
        let plain = WalObject {
            kind,
            compression: None,
            wal_dir,
            in_place: true,
        };
        assert_eq!(wal(&key), plain);
        for compression in Compression::ALL {
            let compressed = wal(&format!("{key}{}", compression.ending()));
            assert_eq!(
                compressed,
                WalObject {
                    compression: Some(compression),
                    ..plain
                }
            );
        }
    }
}

#[test]
fn a_good_name_elsewhere_or_in_lower_case_is_out_of_place() {
    for key in [
        NAME,
        "0000000100000001/0000000100000000000000AB",
        "0000000100000000/0000000100000000000000ab",
        "x/0000000100000000/0000000100000000000000AB",
        "0000000100000000/0000000A.history",
        "0000000a.history",
        "0000000200000000/0000000100000000000000AB.00000028.backup",
    ] {
        let object = wal(key);
        assert!(object.kind != WalKind::Foreign && !object.in_place, "{key}");
    }
}

#[test]
fn whatever_lies_below_a_wal_dir_is_in_that_wal_dir() {
    let wal_dir = WalDir {
        timeline: TimelineId(1),
        high: 2,
    };

    for key in [
        "0000000100000002/x",
        "0000000100000002/",
        "0000000100000002/a/b",
    ] {
        assert_eq!(wal(key).wal_dir, Some(wal_dir), "{key}");
    }
    for key in [
        "x",
        "000000010000000a/x",
        "x/0000000100000002/y",
        "0000000100000002",
    ] {
        assert_eq!(wal(key).wal_dir, None, "{key}");
    }
}

#[test]
fn other_names_are_foreign() {
    for key in [
        "0000000100000000/0000000100000000000000AB.gz.tmp",
        "0000000100000000/0000000100000000000000AB.gz.part",
        "0000000100000000/00000001000000000000004G.gz",
        "0000000100000000/00000001000000000000004.gz",
        "0000000100000000/0000000100000000000000AB.28.backup",
        "0000000100000000/",
        "readme",
        ".history",
    ] {
        assert_eq!(wal(key).kind, WalKind::Foreign, "{key}");
    }
}

proptest! {
    #[test]
    fn what_wal_archive_writes_is_told_in_place(timeline: u32, high: u32, number: u32, offset: u32) {
        let name = SegmentName { timeline: TimelineId(timeline), high, low: number };
        let kinds = [
            WalKind::Segment(name), WalKind::Partial(name), WalKind::Label(name, offset),
            WalKind::History(TimelineId(timeline)),
        ];
        for kind in kinds {
            let read = WalObject::of(&kind.canonical_key().unwrap());
            let wal_dir = (kind != WalKind::History(TimelineId(timeline))).then(|| WalDir::from(name));
            prop_assert_eq!(read, WalObject { kind, compression: None, wal_dir, in_place: true });
        }
    }

    #[test]
    fn no_key_makes_it_panic(key in "(s/)?(base|wals)?/?[0-9A-Fa-f./_€datr]{0,40}(\\.gz|/)?") {
        let _ = ObjectLocation::of(&key);
    }

    #[test]
    fn no_text_makes_it_panic(key: String) {
        let _ = ObjectLocation::of(&key);
    }
}
