//! Reach of each backup of a damaged archive, as real recoveries show it.
//!
//! PostgreSQL replays every backup along every timeline that it may take, with Barman's tools, and
//! Barman deletes what a policy no longer needs. `--nocapture` shows the tables.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test ends where it goes wrong, and says what it has seen"
)]

mod archive;
mod needs;
mod retention;
mod rounds;
mod sums;
mod verdicts;

use std::fs;
use std::time::Instant;

use serde_json::{Value, json};
use test_support::run_exporter;

use crate::real_restore::archive::{Archive, Segments};
use crate::real_restore::retention::assert_retention;
use crate::real_restore::rounds::Ending::{At, InPartialOf, Refused};
use crate::real_restore::rounds::{LATEST, Row, Wish, round, timeline, without_partial};
use crate::real_restore::sums::{Listing, read_by};
use crate::real_restore::verdicts::{Reality, server_of};

/// Last timeline of the database.
const CURRENT: u32 = 3;

/// Retention policy.
const POLICY: &str = "REDUNDANCY 2";

#[test]
fn every_backup_is_recovered_as_far_as_its_verdict_says() {
    let begun = Instant::now();
    let archive = Archive::make();
    println!("made in {:.0?}", begun.elapsed());

    let segments = archive.segments();
    let rows = round(
        &archive,
        "damaged on timeline 1",
        all_restores(&archive, &segments),
    );
    assert_verdicts(&archive, &rows);
    assert_reads_across_timelines(&archive, &segments);
    assert_stray_history(&archive, &segments);
    assert_empty_segment(&archive, &segments);
    assert_crossings(&archive, &segments);
    assert_retention(&archive);
    println!("after {:.0?}", begun.elapsed());
}

/// All pairs of backups and timelines that are possible, and some that are not.
fn all_restores(archive: &Archive, segments: &Segments) -> Vec<Wish> {
    let whole = |timeline| At(segments.last_of(timeline).to_owned());
    let to_the_gap = || At(archive.before_gap().to_owned());
    vec![
        ("kept", timeline(1), to_the_gap()),
        ("kept", timeline(3), to_the_gap()),
        ("kept", LATEST, to_the_gap()),
        ("before-the-gap", timeline(1), to_the_gap()),
        ("before-the-gap", timeline(3), to_the_gap()),
        ("without-its-own-wal", timeline(1), Refused),
        ("without-its-own-wal", timeline(3), Refused),
        ("before-the-failover", timeline(1), InPartialOf(1)),
        ("before-the-failover", without_partial(1), whole(1)),
        ("before-the-failover", timeline(2), whole(2)),
        ("before-the-failover", timeline(3), whole(3)),
        ("after-the-failover", timeline(2), whole(2)),
        ("after-the-failover", timeline(3), whole(3)),
        ("dead-branch", timeline(2), whole(2)),
        ("dead-branch", timeline(3), Refused),
        ("dead-branch", LATEST, Refused),
        ("killed", timeline(3), Refused),
        ("third", timeline(3), whole(3)),
        ("newest", timeline(3), whole(3)),
        ("newest", LATEST, whole(3)),
    ]
}

/// Adds what a restored copy leaves that is started with the settings of its source: the history
/// file of a timeline that left timeline 2 where timeline 3 did.
fn assert_stray_history(archive: &Archive, segments: &Segments) {
    let stray = "00000004.history";
    archive.copy_wal("00000003.history", stray);
    let wishes = vec![
        (
            "after-the-failover",
            LATEST,
            At(segments.last_of(2).to_owned()),
        ),
        ("newest", LATEST, Refused),
        ("newest", timeline(3), At(segments.last_of(3).to_owned())),
    ];
    let rows = round(archive, "with a stray history file", wishes);
    assert_verdicts(archive, &rows);
    archive.lose_wal(stray);
}

/// Empties the newest segment: Barman hands it over as it is, and PostgreSQL gives up.
fn assert_empty_segment(archive: &Archive, segments: &Segments) {
    archive.with_empty_segment(segments.last_of(CURRENT), || {
        let wishes = vec![
            ("newest", timeline(CURRENT), Refused),
            ("before-the-failover", LATEST, Refused),
        ];
        let rows = round(archive, "with an empty segment", wishes);
        assert_verdicts(archive, &rows);
    });
}

/// Removes the objects that a path across timelines needs, one by one, and restores after each.
fn assert_crossings(archive: &Archive, segments: &Segments) {
    archive.lose_wal(segments.first_of(2));
    let wishes = vec![
        ("before-the-failover", timeline(2), InPartialOf(1)),
        ("before-the-failover", timeline(3), InPartialOf(1)),
        (
            "before-the-failover",
            without_partial(3),
            At(segments.last_of(1).to_owned()),
        ),
    ];
    let rows = round(archive, "without the first segment of timeline 2", wishes);
    assert_verdicts(archive, &rows);

    archive.lose_wal(segments.first_of(3));
    // The parent's copy is taken, and replayed beyond the switch: into what was given up.
    let dead = format!("00000002{}", &segments.first_of(3)[8..]);
    let wishes = vec![
        ("after-the-failover", timeline(3), At(dead)),
        ("third", timeline(3), At(segments.last_of(3).to_owned())),
    ];
    let rows = round(
        archive,
        "without the first segment of timeline 3 either",
        wishes,
    );
    assert_verdicts(archive, &rows);

    archive.lose_wal("00000002.history");
    let wishes = vec![
        ("before-the-failover", LATEST, InPartialOf(1)),
        ("before-the-failover", timeline(2), Refused),
        ("before-the-failover", timeline(3), InPartialOf(1)),
    ];
    let rows = round(archive, "without the history of timeline 2 either", wishes);
    assert_verdicts(archive, &rows);
}

/// Removes the backups after the failover, so that one before it is the newest: what a restore
/// across timelines reads.
fn assert_reads_across_timelines(archive: &Archive, segments: &Segments) {
    let hidden = ["after-the-failover", "dead-branch", "third", "newest"];
    for name in hidden {
        archive.hide(name);
    }
    let whole = || At(segments.last_of(CURRENT).to_owned());
    let wishes = vec![
        ("before-the-failover", timeline(CURRENT), whole()),
        ("before-the-failover", LATEST, whole()),
    ];
    let rows = round(archive, "with no backup after the failover", wishes);
    assert_verdicts(archive, &rows);
    for name in hidden {
        archive.show(name);
    }
}

/// Compares what the exporter says about the archive as it is now with real restores of it.
fn assert_verdicts(archive: &Archive, rows: &[Row]) {
    let verdicts = exporter_verdicts(archive, POLICY);
    let segments = archive.segments();
    let reality = Reality {
        rows,
        segments: &segments,
        current_timeline: CURRENT,
    };
    let server = &archive.stack.settings().server;
    let differences = reality.differences(&verdicts, server);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_reads(
        archive,
        rows,
        &server_of(&verdicts, server)["recovery"]["restore"],
    );
}

/// Compares the forecast of the objects that a restore to the newest WAL reads with these restores.
fn assert_reads(archive: &Archive, rows: &[Row], said: &Value) {
    let listing = Listing::of(archive);
    let is_to_newest = |row: &&Row| row.restored.timeline == Some(CURRENT);
    for row in rows
        .iter()
        .filter(is_to_newest)
        .filter(|row| said["backup"] == row.backup_id)
    {
        println!("to be read: {said}");
        let asked = &row.restored.requests;
        assert_eq!(
            *said,
            read_by(row, CURRENT, archive, &listing),
            "{row} has asked for {asked:#?}"
        );
    }
}

/// Output of `check --output json` about the archive in its present state.
fn exporter_verdicts(archive: &Archive, policy: &str) -> Value {
    let (id, secret) = archive.stack.credentials();
    let configuration = json!({
        // Nothing is under way any more: what is missing is missing for good.
        "backups": { "gapGracePeriod": "0s" },
        "archives": [{
            "name": "restored",
            "destinationPath": archive.stack.destination(),
            "endpointURL": archive.stack.endpoint(),
            "region": "us-east-1",
            "credentials": { "accessKeyIdFile": id, "secretAccessKeyFile": secret },
            "retentionPolicy": policy,
        }],
    });
    let directory = tempfile::tempdir().expect("temporary directories can be made");
    let file = directory.path().join("config.yaml");
    fs::write(&file, configuration.to_string()).expect("a fresh directory can be written");
    let file = file
        .to_str()
        .expect("temporary directories have plain names");
    let ended = run_exporter(&["check", "--output", "json", "--config.file", file], &[]);
    assert!(
        matches!(ended.code, Some(0..=2)),
        "the archive is judged: {ended:?}"
    );
    serde_json::from_str(&ended.output).expect("the result is JSON")
}
