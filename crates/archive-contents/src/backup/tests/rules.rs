//! One rule each, on a sound backup that is changed in one place.

use barman_archive::postgres::TimelineId;

use super::made::{Members, page, with_control_sum};
use super::*;
use crate::control::ControlFault;

fn good() -> Members {
    Members::of(&archive("good"))
}

fn check(members: &Members) -> CheckedBackup {
    checked(context("good"), &members.archive(), 10_000)
}

fn faults(members: &Members) -> Vec<BackupFault> {
    check(members).faults
}

#[test]
fn an_archive_that_the_tests_make_is_sound() {
    let checked = check(&good());

    assert!(checked.is_sound(), "{checked:?}");
    assert_eq!(checked.counts.pages.read, 45);
}

#[test]
fn a_label_that_differs_in_one_byte_is_a_fault() {
    let changed = good().change("backup_label", |content| content[7] ^= 1);
    let longer = good().change("backup_label", |content| content.push(b'\n'));
    let empty = good().change("backup_label", Vec::clear);

    for members in [changed, longer, empty] {
        assert_eq!(faults(&members), [BackupFault::Label]);
    }
    // The data directory may have an old one, which is overwritten at a restore.
    assert_eq!(faults(&good().with_first("backup_label", b"old")), []);
}

#[test]
fn members_that_every_backup_has_are_missed() {
    for (path, member) in [
        ("backup_label", RequiredMember::Label),
        ("global/pg_control", RequiredMember::Control),
        ("PG_VERSION", RequiredMember::Version),
        ("global/pg_filenode.map", RequiredMember::SharedMap),
    ] {
        let found = faults(&good().without(path));
        assert_eq!(found, [BackupFault::Missing(member)], "{path}");
    }
    let without_label = BackupContext {
        label: None,
        ..context("good")
    };
    let archive = good().without("backup_label").archive();
    assert_eq!(checked(without_label, &archive, 10_000).faults, []);
}

#[test]
fn an_archive_that_is_cut_misses_nothing_else() {
    let archive = good().archive();

    let found = checked(context("good"), &archive[..5000], 10_000).faults;

    let [BackupFault::Archive { fault, .. }] = found[..] else {
        panic!("{found:?}");
    };
    assert_eq!(fault, PartFault::CutMember);
}

#[test]
fn parts_are_read_one_after_the_other() {
    let members = good();
    let (first, last) = members.0.split_at(20);
    let mut check = BackupCheck::new(context("good"));
    for (part, members) in [(0, first), (1, last)] {
        check.begin_part(DataItem::Data, part);
        check.feed(&Members(members.to_vec()).archive());
        check.end_part();
    }

    assert!(check.finish().is_sound());
}

/// Change of a file.
type Change = fn(&mut Vec<u8>);

#[test]
fn the_control_file_is_compared_with_backup_info() {
    let end = context("good").end.unwrap();
    let expected = context("good").system_identifier.unwrap();
    let checksum: Change = |content| content[100] ^= 1;
    let truncated: Change = |content| content.truncate(4096);
    let other_system: Change = |content| content[..8].copy_from_slice(&7_u64.to_le_bytes());
    let later: Change = |content| content[36] = 1;
    let other_timeline: Change = |content| content[48] = 2;
    let other_segments: Change =
        |content| content[228..232].copy_from_slice(&(16_u32 << 20).to_le_bytes());
    for (change, has_sum, fault) in [
        (
            checksum,
            false,
            BackupFault::Control(ControlFault::Checksum),
        ),
        (
            truncated,
            false,
            BackupFault::Control(ControlFault::Truncated(4096)),
        ),
        (
            other_system,
            true,
            BackupFault::SystemIdentifier { found: 7, expected },
        ),
        (
            other_timeline,
            true,
            BackupFault::Timeline {
                found: TimelineId(2),
                expected: TimelineId(1),
            },
        ),
        (
            other_segments,
            true,
            BackupFault::SegmentSize {
                found: 16 << 20,
                expected: 1 << 20,
            },
        ),
    ] {
        let members = good().change("global/pg_control", |content| {
            change(content);
            if has_sum {
                with_control_sum(content);
            }
        });
        assert_eq!(faults(&members), [fault]);
    }
    let members = good().change("global/pg_control", |content| {
        later(content);
        with_control_sum(content);
    });
    let found = faults(&members);
    assert!(
        matches!(found[..], [BackupFault::Checkpoint { end: found, .. }] if found == end),
        "{found:?}"
    );
}

#[test]
fn a_newer_control_file_leaves_pages_unproven() {
    let members = good()
        .change("global/pg_control", |content| {
            content[8..12].copy_from_slice(&2000_u32.to_le_bytes());
            // Another field than those of the version that it really is of.
            content[60] ^= 1;
        })
        .change("base/5/16406", |content| content[5000] ^= 1);

    let checked = check(&members);

    assert!(checked.is_sound());
    let reason = UncheckedReason::UnknownControlVersion(2000);
    assert_eq!(checked.pages, PageEvidence::Unproven(reason));
}

#[test]
fn checksums_that_were_turned_off_prove_nothing() {
    let members = good()
        .change("global/pg_control", |content| {
            content[252] = 0;
            with_control_sum(content);
        })
        .change("base/5/16406", |content| content[5000] ^= 1);

    let checked = check(&members);

    assert!(checked.is_sound());
    let reason = UncheckedReason::ChecksumsDisagree;
    assert_eq!(checked.pages, PageEvidence::Unproven(reason));
}

#[test]
fn without_checksums_headers_are_checked() {
    let context = BackupContext {
        has_data_checksums: None,
        ..context("good")
    };
    let members = good()
        .change("global/pg_control", |content| {
            content[252] = 0;
            with_control_sum(content);
        })
        .change("base/5/16406", |content| {
            content[5000] ^= 1;
            content[8192 + 10] = 0xFF;
        });

    let checked = checked(context, &members.archive(), 10_000);

    assert_eq!(checked.pages, PageEvidence::Headers);
    let [page] = checked.failing_pages[..] else {
        panic!("{checked:?}");
    };
    assert_eq!((page.block, page.failure), (1, PageFailure::Header));
}

#[test]
fn a_standby_has_to_say_that_it_is_one() {
    let standby = BackupContext {
        is_of_standby: true,
        ..context("good")
    };
    let of_standby = |minimum: u64| {
        good().change("global/pg_control", |content| {
            content[16] = 5;
            content[136..144].copy_from_slice(&minimum.to_le_bytes());
            with_control_sum(content);
        })
    };
    let end = standby.end.unwrap();
    let check = |members: &Members| checked(standby.clone(), &members.archive(), 10_000);

    assert_eq!(check(&good()).faults, [BackupFault::NotOfStandby]);
    assert!(check(&of_standby(end.0)).is_sound());
    let later = check(&of_standby(end.0 + 8));
    assert_eq!(later.faults, []);
    assert!(matches!(
        later.doubts[..],
        [BackupDoubt::RecoveryPoint { .. }]
    ));
}

#[test]
fn another_major_version_is_a_fault() {
    let members = good().change("PG_VERSION", |content| content[1] = b'4');

    assert_eq!(
        faults(&members),
        [BackupFault::MajorVersion { expected: 15 }]
    );
}

#[test]
fn small_files_of_databases_are_left_for_wal() {
    let context = context("good");
    let members = good()
        .change("base/4/pg_filenode.map", |content| content[20] ^= 1)
        .change("base/1/PG_VERSION", Vec::clear);

    let checked = check(&members);

    let files: Vec<_> = checked
        .failing_files
        .iter()
        .map(|failing| (failing.directory.database, failing.file))
        .collect();
    let expected = [(4, DatabaseFile::RelationMap), (1, DatabaseFile::Version)];
    assert_eq!(files, expected);
    assert!(checked.faults.is_empty() && !checked.is_sound());
    let judged = judged(&checked, &context);
    assert_eq!(judged.count(Verdict::Corrupt), 2);
}

#[test]
fn a_page_after_the_end_is_left_for_wal() {
    let end = context("good").end.unwrap();
    let context = BackupContext {
        has_data_checksums: Some(false),
        ..context("good")
    };
    let members = good()
        .change("global/pg_control", |content| {
            content[252] = 0;
            with_control_sum(content);
        })
        .with("base/5/20000", &page(end.0))
        .with("base/5/20001", &page(end.0 + 1));
    let checked = checked(context.clone(), &members.archive(), 10_000);

    let [failing] = checked.failing_pages[..] else {
        panic!("{checked:?}");
    };
    assert_eq!(failing.failure, PageFailure::AfterEnd);
    assert_eq!(failing.relation.number, 20_001);
    assert_eq!(judged(&checked, &context).count(Verdict::Corrupt), 1);
    let standby = BackupContext {
        is_of_standby: true,
        ..context
    };
    assert_eq!(judged(&checked, &standby).count(Verdict::Unproven), 1);
}

#[test]
fn maps_and_unlogged_relations_are_passed_over() {
    let flip = |content: &mut Vec<u8>| content[3000] ^= 1;
    let members = good()
        .change("base/5/16413_fsm", flip)
        .change("base/5/16406_vm", flip)
        .change("base/5/16410", flip);

    let checked = check(&members);

    assert!(checked.is_sound());
    let pages = checked.counts.pages;
    assert_eq!((pages.failing_maps, pages.failing_unlogged), (2, 1));
}

#[test]
fn an_initial_fork_is_no_unlogged_data() {
    let mut garbage = page(8);
    garbage[5000] = 1;
    let members = good()
        .with("base/5/20000_init", &garbage)
        .with("base/5/20000", &garbage);

    let checked = check(&members);

    let [failing] = checked.failing_pages[..] else {
        panic!("{checked:?}");
    };
    assert_eq!((failing.relation.number, failing.fork), (20_000, 3));
}

#[test]
fn the_end_of_a_file_may_be_shorter_than_a_page() {
    let members = good().change("base/5/16406", |content| content.extend([1; 4096]));

    let checked = check(&members);

    assert!(checked.is_sound());
    assert_eq!(checked.counts.pages.cut, 1);
}

#[test]
fn blocks_are_numbered_over_all_files_of_a_relation() {
    let members = good();
    let (_, content) = members
        .0
        .iter()
        .find(|(path, _)| path == "base/5/16406")
        .unwrap();
    let second = members
        .0
        .iter()
        .find(|(path, _)| path == "base/5/16409")
        .unwrap();
    let both = good()
        .with("base/5/16406.1", content)
        .with("base/5/16409.2", &second.1);

    let checked = check(&both);

    // The pages belong to the first files.
    let blocks: Vec<_> = checked
        .failing_pages
        .iter()
        .map(|page| page.block)
        .collect();
    assert!(
        blocks.contains(&131_072) && blocks.contains(&(2 * 131_072)),
        "{blocks:?}"
    );
}

#[test]
fn failing_pages_are_bounded() {
    let mut page = page(8);
    page[5000] = 1;
    let members = good().with("base/5/20000", &page.repeat(10_005));

    let checked = check(&members);

    assert_eq!(checked.failing_pages.len(), 10_000);
    assert_eq!(checked.not_kept(), 5);
    assert_eq!(checked.counts.pages.failing, 10_000);
}

#[test]
fn tablespaces_hold_directories_of_databases() {
    let mut check = BackupCheck::new(context("good"));
    check.begin_part(DataItem::Tablespace(16_500), 0);
    let mut garbage = page(8);
    garbage[5000] = 1;
    let tablespace = Members::default()
        .with("PG_15_202209061/5/16501", &garbage)
        .with("PG_VERSION", b"9");
    check.feed(&tablespace.archive());
    check.begin_part(DataItem::Data, 0);
    check.feed(&archive("good"));

    let checked = check.finish();

    assert_eq!(checked.faults, []);
    let [failing] = checked.failing_pages[..] else {
        panic!("{checked:?}");
    };
    assert_eq!(failing.relation.tablespace, 16_500);
}

#[test]
fn an_increment_has_no_pages() {
    let incremental = BackupContext {
        is_incremental: true,
        ..context("good")
    };
    let members = good().with("base/5/INCREMENTAL.20000", &[7; 9000]);

    let checked = checked(incremental, &members.archive(), 10_000);

    assert_eq!(checked.counts.increments, 1);
    assert_eq!(checked.doubts, [BackupDoubt::NoManifest]);
}
