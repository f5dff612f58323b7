//! Verdicts on pages, compared with a naive model.

use barman_archive::postgres::{SegmentSize, TimelineId};
use proptest::prelude::*;

use super::*;
use crate::backup::pages::PageCounts;
use crate::backup::{BackupCounts, ManifestEvidence, PageEvidence};

const RELATIONS: u32 = 3;

/// Thing that a record does.
#[derive(Clone, Debug)]
enum Event {
    Use {
        relation: u32,
        block: u32,
        is_rewritten: bool,
        is_read: Option<bool>,
    },
    Unreadable,
    Change(FileChange),
}

fn relation(number: u32) -> RelationFiles {
    RelationFiles {
        tablespace: 1663,
        database: 5 + number % 2,
        number,
    }
}

fn page(number: u32, block: u32) -> FailingPage {
    FailingPage {
        relation: relation(number),
        fork: 0,
        block,
        failure: PageFailure::Checksum,
        changed_at: Lsn(8),
    }
}

fn context(is_of_standby: bool) -> BackupContext {
    BackupContext {
        system_identifier: None,
        segment_size: SegmentSize::DEFAULT,
        timeline: TimelineId::FIRST,
        begin: Some(Lsn(100)),
        end: Some(Lsn(200)),
        label: None,
        has_data_checksums: None,
        major: None,
        is_of_standby,
        is_incremental: false,
    }
}

fn checked(pages: Vec<FailingPage>, files: Vec<FailingFile>) -> CheckedBackup {
    CheckedBackup {
        faults: Vec::new(),
        doubts: Vec::new(),
        counts: BackupCounts {
            pages: PageCounts::default(),
            ..BackupCounts::default()
        },
        pages: PageEvidence::Checksums,
        manifest: ManifestEvidence::Absent,
        failing_pages: pages,
        failing_files: files,
    }
}

/// Judges pages and files by events from the start of the backup on.
fn judged(checked: &CheckedBackup, is_of_standby: bool, events: &[Event]) -> JudgedBackup {
    let mut judge = BackupJudge::new(checked, &context(is_of_standby)).unwrap();
    judge.has_start = Some(true);
    for event in events {
        match event {
            Event::Use {
                relation: number,
                block,
                is_rewritten,
                is_read,
            } => {
                let reference = BlockReference {
                    relation: relation(*number),
                    fork: 0,
                    block: *block,
                    is_rewritten: *is_rewritten,
                };
                judge.use_block(reference, *is_read);
            }
            Event::Unreadable => judge.hide_unused(),
            Event::Change(change) => judge.change_files(change),
        }
    }
    judge.finish(WalCoverage::Whole)
}

/// Returns whether a change removes a page.
fn removes(change: &FileChange, page: &FailingPage) -> bool {
    match change {
        FileChange::Removed(relations) => relations.contains(&page.relation),
        FileChange::Truncated {
            relation,
            blocks: Some(left),
        } => *relation == page.relation && page.block >= *left,
        FileChange::DatabaseRemoved {
            tablespaces,
            database,
        } => *database == page.relation.database && tablespaces.contains(&1663),
        FileChange::Created(_)
        | FileChange::Truncated { blocks: None, .. }
        | FileChange::DatabaseCopied(_)
        | FileChange::DatabaseCreated { .. }
        | FileChange::RelationMap { .. }
        | FileChange::FullPageWrites
        | FileChange::Unknown => false,
    }
}

/// Verdict on one page, by looking at the events one after the other.
fn naive(page: &FailingPage, is_of_standby: bool, events: &[Event]) -> Verdict {
    let mut first = None;
    let mut may_be_changed = false;
    for event in events {
        match event {
            Event::Use {
                relation: number,
                block,
                is_rewritten,
                is_read,
            } => {
                let is_of_page = relation(*number) == page.relation && *block == page.block;
                let is_passed_over = !is_rewritten && *is_read == Some(false);
                if is_of_page && !is_passed_over && first.is_none() {
                    first = Some((*is_rewritten, is_read.is_none()));
                }
            }
            Event::Unreadable => {
                first.get_or_insert((false, true));
            }
            Event::Change(change) if removes(change, page) => {
                // What a record has read before may have been refused, or not.
                may_be_changed |= first.is_some();
                first.get_or_insert((true, false));
            }
            Event::Change(FileChange::Created(created)) => {
                may_be_changed |= *created == page.relation;
            }
            Event::Change(FileChange::DatabaseCopied(database)) => {
                may_be_changed |= *database == page.relation.database;
            }
            Event::Change(FileChange::FullPageWrites) => may_be_changed |= is_of_standby,
            Event::Change(FileChange::Unknown) => may_be_changed = true,
            Event::Change(
                FileChange::Removed(_)
                | FileChange::Truncated { .. }
                | FileChange::DatabaseCreated { .. }
                | FileChange::DatabaseRemoved { .. }
                | FileChange::RelationMap { .. },
            ) => {}
        }
    }
    match first {
        Some((true, _)) => Verdict::Healed,
        Some((false, true)) => Verdict::Unproven,
        Some((false, false)) | None if may_be_changed => Verdict::Unproven,
        Some((false, false)) | None => Verdict::Corrupt,
    }
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let uses = (
        0..RELATIONS,
        0_u32..3,
        any::<bool>(),
        prop::option::of(any::<bool>()),
    );
    let uses = uses.prop_map(|(relation, block, is_rewritten, is_read)| Event::Use {
        relation,
        block,
        is_rewritten,
        is_read,
    });
    let relations = prop::collection::vec((0..RELATIONS).prop_map(relation), 0..3);
    let change = prop_oneof![
        relations.prop_map(FileChange::Removed),
        (0..RELATIONS).prop_map(|number| FileChange::Created(relation(number))),
        ((0..RELATIONS), prop::option::of(0_u32..4)).prop_map(|(number, blocks)| {
            FileChange::Truncated {
                relation: relation(number),
                blocks,
            }
        }),
        (4_u32..8).prop_map(FileChange::DatabaseCopied),
        ((4_u32..8), prop::collection::vec(1662_u32..1665, 0..3)).prop_map(
            |(database, tablespaces)| FileChange::DatabaseRemoved {
                tablespaces,
                database,
            }
        ),
        Just(FileChange::FullPageWrites),
        Just(FileChange::Unknown),
        Just(FileChange::RelationMap {
            tablespace: 1663,
            database: 5
        }),
    ];
    let event = prop_oneof![
        12 => uses,
        1 => Just(Event::Unreadable),
        2 => change.prop_map(Event::Change),
    ];
    prop::collection::vec(event, 0..12)
}

proptest! {
    #[test]
    fn verdicts_are_those_of_a_naive_model(events in events(), is_of_standby: bool) {
        let pages: Vec<_> = (0..RELATIONS)
            .flat_map(|number| [page(number, 0), page(number, 2)])
            .collect();

        let judged = judged(&checked(pages, Vec::new()), is_of_standby, &events);

        for found in judged.pages {
            prop_assert_eq!(found.verdict, naive(&found.page, is_of_standby, &events), "{:?}", found.page);
        }
    }
}

#[test]
fn small_files_that_wal_writes_or_removes_are_healed() {
    let failing = |database, file| FailingFile {
        directory: DatabaseDirectory {
            tablespace: 1663,
            database,
        },
        file,
    };
    let files = vec![
        failing(5, DatabaseFile::RelationMap),
        failing(5, DatabaseFile::Version),
        failing(6, DatabaseFile::RelationMap),
        failing(7, DatabaseFile::RelationMap),
        failing(8, DatabaseFile::Version),
        failing(9, DatabaseFile::Version),
    ];
    let events = [
        Event::Change(FileChange::RelationMap {
            tablespace: 1663,
            database: 5,
        }),
        Event::Change(FileChange::DatabaseCopied(6)),
        Event::Change(FileChange::DatabaseRemoved {
            tablespaces: vec![7, 1663],
            database: 8,
        }),
        Event::Change(FileChange::DatabaseCreated {
            tablespace: 1663,
            database: 9,
        }),
    ];

    let judged = judged(&checked(Vec::new(), files), false, &events);

    let verdicts: Vec<_> = judged.files.iter().map(|judged| judged.verdict).collect();
    let expected = [
        Verdict::Healed,
        Verdict::Corrupt,
        Verdict::Unproven,
        Verdict::Corrupt,
        Verdict::Healed,
        Verdict::Healed,
    ];
    assert_eq!(verdicts, expected);
}

#[test]
fn without_positions_there_is_no_judge() {
    let without_end = BackupContext {
        end: None,
        ..context(false)
    };

    assert!(BackupJudge::new(&checked(Vec::new(), Vec::new()), &without_end).is_none());
}
