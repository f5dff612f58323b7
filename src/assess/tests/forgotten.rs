//! Large archives whose individual files were forgotten, compared with archives that forget
//! nothing.

use std::collections::BTreeSet;

use barman_archive::inventory::Inventory;
use barman_archive::postgres::{TimelineId, WalDir};
use proptest::prelude::*;

use super::{Archive, NOW, info, moment, object};
use crate::assess::Assessment;

/// Objects to be listed, with segments of 1 GiB: four of them fill a WAL directory.
#[derive(Clone, Debug, Default)]
struct Listing {
    /// Small files and their content.
    small: Vec<(String, String)>,
    /// Keys of the objects in WAL directories, with their sizes and arrival times.
    in_wal_dirs: Vec<(String, u64, &'static str)>,
    /// First segment of another cluster, if there is one.
    second_from: Option<u32>,
}

/// A backup of a timeline that starts in one segment and ends some segments later.
#[derive(Clone, Copy, Debug)]
struct Taken {
    timeline: u32,
    begin: u32,
    length: u32,
    is_standalone: bool,
}

/// Arrival time of objects, unless they are of the first of two clusters.
const RECENT: &str = "2026-11-15T03:00:00Z";

fn segment(timeline: u32, number: u32) -> String {
    format!("{timeline:08X}{:08X}{:08X}", number / 4, number % 4)
}

fn logged_key(timeline: u32, number: u32, ending: &str) -> String {
    format!(
        "s/wals/{timeline:08X}{:08X}/{}{ending}",
        number / 4,
        segment(timeline, number)
    )
}

impl Listing {
    fn add_segments(&mut self, timeline: u32, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            self.add_logged(timeline, number, ".gz", 100 + u64::from(number));
        }
    }

    fn add_logged(&mut self, timeline: u32, number: u32, ending: &str, size: u64) {
        let is_of_first = self.second_from.is_some_and(|second| number < second);
        let arrived_at = if is_of_first {
            "2026-10-20T00:00:00Z"
        } else {
            RECENT
        };
        self.in_wal_dirs
            .push((logged_key(timeline, number, ending), size, arrived_at));
    }

    fn add_backup(&mut self, day: usize, taken: Taken) {
        let end = taken.begin + taken.length;
        let (month, system) = match self.second_from {
            Some(second) if taken.begin < second => (10, 6),
            Some(_) | None => (11, 7),
        };
        let at = |minute| format!("{month}-{day:02} 02:{minute}:00");
        let text = info("DONE", &at("00"), &at("10"))
            .with("begin_wal", segment(taken.timeline, taken.begin))
            .with("end_wal", segment(taken.timeline, end))
            .with("end_xlog", format!("{:X}/{:X}", end / 4, position(end)))
            .with("systemid", system)
            .with("xlog_segment_size", 1 << 30);
        let directory = format!("s/base/2026{month}{day:02}T020000");
        self.small
            .push((format!("{directory}/backup.info"), text.to_string()));
        self.in_wal_dirs
            .push((format!("{directory}/data.tar"), 5, RECENT));
        if taken.is_standalone {
            self.small.push((
                format!("{directory}/annotations/keep"),
                "standalone".to_owned(),
            ));
        }
    }

    /// Makes timeline 2 start in this segment of timeline 1.
    fn fork(&mut self, number: u32) {
        let text = format!("1\t{:X}/{:X}\tfailover\n", number / 4, position(number));
        self.small
            .push(("s/wals/00000002.history".to_owned(), text));
    }

    /// Lists the archive into this inventory, in the order of the keys.
    fn archive(&self, inventory: Inventory) -> Archive {
        let archive = Archive {
            inventory,
            ..Archive::new()
        }
        .retaining("REDUNDANCY 1");
        let small = self.small.iter();
        let archive = small.fold(archive, |archive, (key, text)| archive.with_file(key, text));
        let mut in_wal_dirs = self.in_wal_dirs.clone();
        in_wal_dirs.sort_unstable();
        in_wal_dirs
            .into_iter()
            .fold(archive, |archive, (key, size, at)| {
                archive.with_at(&key, size, at)
            })
    }

    /// Asserts that with these WAL directories listed again, everything is known that a whole listing
    /// shows.
    #[track_caller]
    fn assert_known_once_listed_again(
        &self,
        wal_dirs: &BTreeSet<(String, WalDir)>,
        mut archive: Archive,
    ) {
        self.list_again(wal_dirs, &mut archive);
        assert_eq!(
            archive.report(),
            self.archive(Inventory::default()).report()
        );
    }

    /// Lists WAL directories again, as a scan does.
    fn list_again(&self, wal_dirs: &BTreeSet<(String, WalDir)>, archive: &mut Archive) {
        for (server, wal_dir) in wal_dirs {
            let mut fresh = Inventory::default();
            let below = format!("{server}/wals/{wal_dir}/");
            let mut found: Vec<_> = self
                .in_wal_dirs
                .iter()
                .filter(|(key, ..)| key.starts_with(&below))
                .collect();
            found.sort_unstable();
            for (key, size, at) in found {
                fresh.add(key, &object(key, *size, at));
            }
            fresh.settle(moment(NOW));
            let found = fresh
                .directories
                .get_mut(server)
                .and_then(|directory| directory.wal.dirs.remove(wal_dir));
            let known = archive.inventory.directories.get_mut(server).unwrap();
            known.wal.replace_wal_dir(*wal_dir, found);
        }
    }

    /// Assesses an inventory that has forgotten almost everything.
    fn forgetful(&self) -> (Archive, Assessment) {
        let archive = self.archive(Inventory::with_memory_limits(0, 1));
        let assessment = archive.assess();
        (archive, assessment)
    }
}

/// Lower half of the LSN at which a backup ends or a timeline is left in this segment.
fn position(number: u32) -> u64 {
    (u64::from(number % 4) << 30) + 0x100
}

fn to_list(assessment: &Assessment) -> Vec<String> {
    let wal_dirs = &assessment.wal_dirs_to_list;
    wal_dirs
        .iter()
        .map(|(server, wal_dir)| format!("{server}/{wal_dir}"))
        .collect()
}

#[test]
fn only_wal_dirs_where_something_starts_or_ends_are_relisted() {
    let mut listing = Listing::default();
    listing.add_segments(1, 0..40);
    let backup = |begin| Taken {
        timeline: 1,
        begin,
        length: 0,
        is_standalone: false,
    };
    listing.add_backup(10, backup(9));
    listing.add_backup(12, backup(22));

    let (archive, assessment) = listing.forgetful();

    // Obsolete WAL ends in WAL directory 2; a restore starts in 5, and what Barman deletes ends
    // there.
    assert_eq!(
        to_list(&assessment),
        ["s/0000000100000002", "s/0000000100000005"]
    );
    let server = &assessment.report.servers["s"];
    assert_eq!(server.recovery.obsolete_segments(), Some(9));
    assert_eq!(server.recovery.obsolete_stored, None);
    assert_eq!(server.recovery.restore, None);
    assert_eq!(server.retention.as_ref().unwrap().deletion, None);
    assert!(
        !server
            .reclaimable
            .contains_key(&crate::report::ReclaimReason::ObsoleteWal)
    );
    listing.assert_known_once_listed_again(&assessment.wal_dirs_to_list, archive);
}

#[test]
fn a_wal_dir_that_starts_with_needed_wal_is_not_relisted() {
    let mut listing = Listing::default();
    listing.add_segments(1, 0..40);
    listing.add_backup(
        10,
        Taken {
            timeline: 1,
            begin: 20,
            length: 1,
            is_standalone: false,
        },
    );

    let (_, assessment) = listing.forgetful();

    assert_eq!(to_list(&assessment), [""; 0]);
    assert_eq!(
        assessment.report,
        listing.archive(Inventory::default()).report()
    );
}

#[test]
fn a_wal_dir_with_segments_of_two_clusters_is_relisted() {
    let mut listing = Listing {
        second_from: Some(18),
        ..Listing::default()
    };
    listing.add_segments(1, 0..40);
    listing.add_backup(
        10,
        Taken {
            timeline: 1,
            begin: 12,
            length: 0,
            is_standalone: false,
        },
    );
    listing.add_backup(
        11,
        Taken {
            timeline: 1,
            begin: 20,
            length: 0,
            is_standalone: false,
        },
    );

    let (mut archive, assessment) = listing.forgetful();

    assert!(
        to_list(&assessment).contains(&"s/0000000100000004".to_owned()),
        "{:?}",
        to_list(&assessment)
    );
    listing.list_again(&assessment.wal_dirs_to_list, &mut archive);
    listing.list_again(&archive.assess().wal_dirs_to_list, &mut archive);
    let report = archive.report();
    assert_eq!(report, listing.archive(Inventory::default()).report());
    let reach = report.servers["s"].recovery.verdict.backups["20261010T020000"].reach;
    assert_eq!(reach.map(|name| name.to_string()), Some(segment(1, 17)));
}

#[test]
fn a_wal_dir_that_was_deleted_meanwhile_is_gone() {
    let mut listing = Listing::default();
    listing.add_segments(1, 0..40);
    listing.add_backup(
        10,
        Taken {
            timeline: 1,
            begin: 9,
            length: 1,
            is_standalone: false,
        },
    );
    let (archive, assessment) = listing.forgetful();
    let lost = WalDir {
        timeline: TimelineId(1),
        high: 2,
    };
    assert!(
        assessment
            .wal_dirs_to_list
            .iter()
            .eq([&("s".to_owned(), lost)])
    );

    listing
        .in_wal_dirs
        .retain(|(key, ..)| !key.contains(&format!("/{lost}/")));
    listing.assert_known_once_listed_again(&assessment.wal_dirs_to_list, archive);
}

#[test]
fn an_inventory_forgets_nothing_before_there_are_many_files() {
    let mut listing = Listing::default();
    listing.add_segments(1, 0..2000);
    listing.add_backup(
        10,
        Taken {
            timeline: 1,
            begin: 9,
            length: 1,
            is_standalone: false,
        },
    );

    assert_eq!(
        to_list(&listing.archive(Inventory::default()).assess()),
        [""; 0]
    );
}

fn taken() -> impl Strategy<Value = Taken> {
    (1_u32..3, 0_u32..30, 0_u32..5, prop::bool::weighted(0.3)).prop_map(
        |(timeline, begin, length, is_standalone)| Taken {
            timeline,
            begin,
            length,
            is_standalone,
        },
    )
}

fn listing() -> impl Strategy<Value = Listing> {
    let holes = || prop::collection::btree_set(0_u32..34, 0..3);
    let backups = prop::collection::vec(taken(), 1..5);
    let endings = prop_oneof![
        Just(""),
        Just(".partial.gz"),
        Just(".partial"),
        Just(".00000028.backup.gz"),
        Just(".txt"),
        Just(".bz2"),
    ];
    let others = prop::collection::vec((1_u32..3, 0_u32..34, endings), 0..8);
    let forked = prop::option::weighted(0.9, 0_u32..30);
    let second_from = prop::option::weighted(0.3, 5_u32..30);
    (
        holes(),
        holes(),
        (0_u32..34, 0_u32..34, second_from),
        backups,
        others,
        forked,
    )
        .prop_map(
            |(holes, more_holes, (last, from, second_from), backups, others, forked)| {
                let mut listing = Listing {
                    second_from,
                    ..Listing::default()
                };
                listing.add_segments(1, (0..=last).filter(|number| !holes.contains(number)));
                listing.add_segments(2, (from..34).filter(|number| !more_holes.contains(number)));
                for (index, backup) in backups.into_iter().enumerate() {
                    listing.add_backup(index + 1, backup);
                }
                for (index, (timeline, number, ending)) in others.into_iter().enumerate() {
                    let key = logged_key(timeline, number, ending);
                    if !listing.in_wal_dirs.iter().any(|(other, ..)| *other == key) {
                        listing.add_logged(timeline, number, ending, 1000 << index);
                    }
                }
                if let Some(number) = forked {
                    listing.fork(number);
                }
                listing
            },
        )
}

proptest! {
    #[test]
    fn with_those_wal_dirs_listed_again_nothing_is_forgotten(listing in listing()) {
        let (mut archive, assessment) = listing.forgetful();

        listing.list_again(&assessment.wal_dirs_to_list, &mut archive);
        listing.list_again(&archive.assess().wal_dirs_to_list, &mut archive);

        prop_assert_eq!(archive.report(), listing.archive(Inventory::default()).report());
    }
}
