//! Contents that wait to be read.

use barman_archive::postgres::{TimelineId, WalDir};
use chrono::{DateTime, TimeDelta, Utc};

use super::recovery::{backup, seg, wal};
use super::{Archive, moment};
use crate::assess::ContentsExpectation;
use crate::evidence::{
    ContentVerdict, Depth, Effect, FaultKind, Level, ReadObject, SegmentEvidence, SegmentFault,
    ServerEvidence, Version, WalFile,
};
use crate::report::ContentsReport;

const WAL_DIR: WalDir = WalDir {
    timeline: TimelineId(1),
    high: 0,
};

/// Backup of day 10, and segments 4 to 6, which arrived on day 15 at 3 o'clock.
fn archive() -> Archive {
    let begun = backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4));
    wal(begun, 1, [4, 5, 6])
}

fn at(hour: i64) -> DateTime<Utc> {
    moment("2026-11-15T00:00:00Z") + TimeDelta::hours(hour)
}

/// Evidence of a server that has been verified since day 1.
fn evidence() -> ServerEvidence {
    ServerEvidence {
        level: Some((Level::Full, moment("2026-11-01T00:00:00Z"))),
        ..ServerEvidence::default()
    }
}

/// Notes a read of a segment at an hour of day 15.
fn note(
    evidence: &mut ServerEvidence,
    low: u32,
    depth: Depth,
    fault: Option<FaultKind>,
    hour: i64,
) {
    let read = ReadObject {
        version: Version(1),
        bytes: 9,
        at: at(hour),
    };
    let verdict = match fault {
        Some(kind) if kind.is_unreadable() => ContentVerdict::Unreadable,
        Some(_) => ContentVerdict::Suspect,
        None => ContentVerdict::Sound,
    };
    let known = SegmentEvidence::new(WalFile::whole(low), depth, verdict, read);
    let fault = fault.map(|kind| SegmentFault::new(kind, Effect::Unknown));
    evidence.wal.insert(WAL_DIR, known, fault);
}

fn report(evidence: ServerEvidence, level: Level) -> ContentsReport {
    let expected = ContentsExpectation {
        level,
        ..ContentsExpectation::default()
    };
    archive().contents(evidence, expected)
}

#[test]
fn what_was_never_read_waits_since_it_arrived() {
    let contents = report(evidence(), Level::Wal);

    assert_eq!(contents.last_read_at, None);
    assert_eq!(contents.waits_since, Some(at(3)));
    assert_eq!(contents.due_at, Some(at(27)));
}

#[test]
fn what_waits_waits_since_the_last_read() {
    let mut known = evidence();
    note(&mut known, 4, Depth::Whole, None, 5);
    note(&mut known, 5, Depth::Whole, None, 6);

    let contents = report(known, Level::Wal);

    assert_eq!(contents.last_read_at, Some(at(6)));
    assert_eq!(contents.waits_since, Some(at(6)));
}

#[test]
fn edges_are_all_that_the_lowest_level_waits_for() {
    let mut known = evidence();
    for low in 4..=6 {
        note(&mut known, low, Depth::Edges, None, 5);
    }

    assert!(report(known.clone(), Level::Wal).waits_since.is_some());
    // The data of the backup wait.
    let contents = report(known, Level::Edges);
    assert_eq!(contents.waits_since, Some(at(5)));
    let unread = report(evidence(), Level::Edges);
    assert_eq!(unread.waits_since, Some(at(3)));
}

#[test]
fn what_cannot_be_judged_neither_waits_nor_counts_as_read() {
    let mut known = evidence();
    for low in 4..=6 {
        note(&mut known, low, Depth::Edges, Some(FaultKind::Refused), 5);
    }
    let expected = ContentsExpectation {
        level: Level::Full,
        // Too few for the data.
        most_bytes: Some(4),
        ..ContentsExpectation::default()
    };

    let contents = archive().contents(known, expected);

    assert_eq!(contents.wal.unreadable, 3);
    assert_eq!(contents.last_read_at, None);
    assert_eq!(contents.waits_since, None);
    assert_eq!(contents.due_at, None);
}

#[test]
fn what_is_larger_than_the_budget_does_not_wait() {
    let of_budget = |most_bytes| {
        let expected = ContentsExpectation {
            level: Level::Full,
            most_bytes: Some(most_bytes),
            ..ContentsExpectation::default()
        };
        archive().contents(evidence(), expected).waits_since
    };

    assert_eq!(of_budget(8), None);
    assert!(of_budget(9).is_some());
}

#[test]
fn a_server_waits_no_longer_than_it_is_verified() {
    let known = ServerEvidence {
        level: Some((Level::Wal, at(8))),
        ..ServerEvidence::default()
    };

    assert_eq!(report(known, Level::Wal).waits_since, Some(at(8)));
}
