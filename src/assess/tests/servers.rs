//! Servers: expected, orphaned, left out, and the prefixes that are none.

use std::collections::BTreeMap;

use barman_archive::inventory::WalObjectKind;

use super::{Archive, info};
use crate::report::{PrefixKind, Report};

#[test]
fn an_expected_server_that_is_not_there_is_empty_not_absent() {
    let report = Archive::new().expecting(&["s"]).report();

    let server = &report.servers["s"];
    assert!(server.is_expected && server.backups.is_empty());
    assert_eq!(report.uploads.unwrap()["s"].count, 0);
}

/// Kind and bytes of each prefix of an archive.
fn by_prefix(report: &Report) -> BTreeMap<&str, (PrefixKind, u64)> {
    let prefixes = report.prefixes.iter();
    prefixes
        .map(|prefix| (prefix.prefix.as_str(), (prefix.kind, prefix.sums.bytes)))
        .collect()
}

#[test]
fn a_server_that_nobody_expects_is_an_orphan() {
    let report = Archive::new()
        .expecting(&["s"])
        .with("s/wals/0000000100000000/000000010000000000000001.gz", 10)
        .with("old/wals/0000000100000000/000000010000000000000001.gz", 20)
        .with("old/readme", 3)
        .with("junk/file", 4)
        .with("loose", 5)
        .report();

    let prefixes = by_prefix(&report);
    let expected = BTreeMap::from([
        ("s/base/", (PrefixKind::Base, 0)),
        ("s/wals/", (PrefixKind::Wals, 10)),
        ("old/", (PrefixKind::Orphan, 23)),
        ("junk/", (PrefixKind::Other, 4)),
        ("", (PrefixKind::Other, 5)),
    ]);
    assert_eq!(prefixes, expected);
    assert!(!report.servers["old"].is_expected);
    assert!(!report.servers.contains_key("junk"));
}

#[test]
fn a_server_that_is_left_out_is_neither_judged_nor_an_orphan() {
    let report = Archive::new()
        .expecting(&["s"])
        .ignoring(&["old-*"])
        .with("s/wals/0000000100000000/000000010000000000000001.gz", 10)
        .with(
            "old-1/wals/0000000100000000/000000010000000000000001.gz",
            20,
        )
        .with("old-1/readme", 3)
        .with("old-papers/file", 4)
        .with_upload("old-1/base/1/data.tar", 7)
        .report();

    let prefixes = by_prefix(&report);
    assert_eq!(prefixes["old-1/"], (PrefixKind::Other, 23));
    assert_eq!(
        prefixes["old-papers/"],
        (PrefixKind::Other, 4),
        "no server is left out"
    );
    assert_eq!(
        report
            .prefixes
            .iter()
            .map(|prefix| prefix.sums.bytes)
            .sum::<u64>(),
        37
    );
    assert_eq!(report.servers.keys().collect::<Vec<_>>(), ["s"]);
    assert_eq!(report.uploads.unwrap().keys().collect::<Vec<_>>(), ["s"]);
    assert_eq!(report.ignored.into_iter().collect::<Vec<_>>(), ["old-1"]);
}

#[test]
fn without_configured_servers_those_left_out_are_not_expected() {
    let report = Archive::new()
        .ignoring(&["s"])
        .with("s/wals/0000000100000000/000000010000000000000001.gz", 10)
        .report();

    assert!(report.servers.is_empty());
}

#[test]
fn a_server_is_of_the_cluster_and_version_of_its_newest_backup() {
    let of = |system: u64, day: &str, version: u32| {
        info(
            "DONE",
            &format!("11-{day} 02:00:00"),
            &format!("11-{day} 02:10:00"),
        )
        .with("systemid", system)
        .with("version", version)
    };
    let server = Archive::new()
        .with_backup_info("1", &of(7, "10", 150_018))
        .with("s/base/1/data.tar", 5)
        .with_backup_info("2", &of(8, "12", 170_002))
        .with("s/base/2/data.tar", 5)
        .server();

    let identity = server.postgresql().unwrap();
    assert_eq!(
        (identity.system_identifier, identity.version),
        ("8", Some("17.2"))
    );
}

#[test]
fn markers_alone_make_no_server() {
    let report = Archive::new()
        .with("s/", 0)
        .with("s/base/", 0)
        .with("s/wals/", 0)
        .report();

    assert!(report.servers.is_empty());
    assert_eq!(report.usage.sums.objects, 3);
}

proptest::proptest! {
    #[test]
    fn prefixes_add_up_to_everything_whatever_the_keys(
        keys in proptest::collection::btree_map(
            "(s|t|/|a b/)?(base/|wals/|x/|)(0000000100000000/|1/|)(backup.info|data.tar|00000001000000000000000[1-4](.gz|.partial|.gz.tmp)?|)/?",
            0_u64..1000, 0..40),
        some_are_expected: bool,
    ) {
        let archive = keys.iter().fold(Archive::new(), |archive, (key, size)| archive.with(key, *size));
        let archive = if some_are_expected { archive.expecting(&["s", "nowhere"]) } else { archive };

        let report = archive.report();

        let bytes: u64 = report.prefixes.iter().map(|prefix| prefix.sums.bytes).sum();
        let objects: u64 = report.prefixes.iter().map(|prefix| prefix.sums.objects).sum();
        proptest::prop_assert_eq!(bytes, keys.values().sum::<u64>());
        proptest::prop_assert_eq!(objects, keys.len() as u64);
        proptest::prop_assert_eq!(objects, report.usage.sums.objects);
        for server in report.servers.values() {
            let wal = server.wal.timelines.values().map(|timeline| timeline.stored.objects).sum::<u64>();
            let segments = server.wal.objects.get(&WalObjectKind::Segment);
            proptest::prop_assert_eq!(wal, segments.map_or(0, |sums| sums.objects));
        }
    }
}
