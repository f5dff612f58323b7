//! Verdicts on a recorded archive, against what there is to know about it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends where it goes wrong"
)]

use std::fs;
use std::path::{Path, PathBuf};

use barman_archive::inventory::{Inventory, ListedObject, SmallFiles};
use barman_archive::postgres::{SegmentName, SegmentSize, TimelineId};
use barman_archive::recovery::{Replay, Target, Verdict};
use barman_cloud_exporter::assess::{Expectations, ScanFindings, assess};
use barman_cloud_exporter::report::{Report, ServerReport};
use chrono::{DateTime, Utc};
use serde_json::Value;

const DESTINATION: &str = "barman/backup/";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/real-archive")
        .join(name)
}

fn json(name: &str) -> Value {
    let text = fs::read_to_string(fixture(name)).expect("the fixture can be read");
    serde_json::from_str(&text).expect("the fixture is JSON")
}

fn moment(value: &Value) -> DateTime<Utc> {
    value.as_str().expect("a time").parse().expect("RFC 3339")
}

fn report() -> Report {
    let mut inventory = Inventory::default();
    let listing = fs::read_to_string(fixture("listing.jsonl")).expect("the fixture can be read");
    for line in listing.lines() {
        let row: Value = serde_json::from_str(line).expect("a row is JSON");
        let key = row["key"].as_str().expect("a key");
        let object = ListedObject {
            key: key.to_owned(),
            size: row["size"].as_u64().expect("a size"),
            last_modified: moment(&row["last_modified"]),
            etag: None,
            storage_class: None,
        };
        inventory.add(
            key.strip_prefix(DESTINATION)
                .expect("below the destination"),
            &object,
        );
    }
    let mut files = SmallFiles::default();
    for file in inventory.small_files() {
        let content = fs::read(fixture("objects").join(&file.object.key)).expect("was recorded");
        files.insert(file.clone(), file.kind.read(&content));
    }
    let now = moment(&json("meta.json")["now"]);
    let findings = ScanFindings {
        inventory: &inventory,
        files: &files,
        listed_at: now,
        audited_at: now,
        uploads: None,
        uploads_of_backups: &[].into(),
        is_whole: true,
        evidence: None,
    };
    let expected = Expectations::default();
    assess(&findings, &expected, now).report
}

/// Recorded servers, with the report on each.
fn servers() -> Vec<(Value, ServerReport)> {
    let mut report = report();
    let expected = json("expected.json");
    let servers = expected["servers"].as_array().expect("servers");
    let found = servers.iter().map(|server| {
        let name = server["server"].as_str().expect("a name");
        (
            server.clone(),
            report.servers.remove(name).expect("the server is found"),
        )
    });
    found.collect()
}

fn name(segment: Option<SegmentName>) -> Value {
    segment.map_or(Value::Null, |segment| segment.to_string().into())
}

fn follow(timeline: TimelineId, replay: Replay) -> Value {
    serde_json::json!({
        "timeline": timeline.0,
        "last_wal": name(replay.last),
        "first_missing": name(replay.first_missing),
        "then_partial": name(replay.then_partial),
    })
}

#[test]
fn every_backup_gets_as_far_as_recorded_on_every_timeline() {
    for (expected, server) in servers() {
        for backup in expected["backups"].as_array().expect("backups") {
            let id = backup["id"].as_str().expect("an id");
            let verdict = server.recovery.verdict.backups.get(id);
            let restorable = verdict.is_some_and(|judged| {
                matches!(
                    judged.verdict,
                    Verdict::Recoverable | Verdict::Consistent(_)
                )
            });
            assert_eq!(backup["restorable"], restorable, "{id}");
            let Some(verdict) = verdict else { continue };

            let mut recorded = backup["follow"].clone();
            for target in recorded.as_array_mut().expect("a list") {
                let target = target.as_object_mut().expect("an object");
                for key in ["has_wal", "complete", "last_wal_modified"] {
                    target.remove(key);
                }
            }
            let numbered = verdict.follow.iter().filter(|followed| {
                matches!(followed.target, Target::Timeline(_)) && followed.works()
            });
            let found: Value = numbered
                .filter_map(|followed| Some(follow(followed.timeline, followed.replay?)))
                .collect();
            assert_eq!(found, recorded, "{id}");
            let latest = &backup["follow_latest"];
            assert_eq!(name(verdict.reach), latest["last_wal"], "{id}");
            assert_eq!(
                verdict.verdict == Verdict::Recoverable,
                latest["complete"],
                "{id}"
            );
            assert_eq!(
                backup["default_target_timeline"], verdict.default_target.0,
                "{id}"
            );
            assert_eq!(
                backup["default_target_ok"], verdict.default_target_works,
                "{id}"
            );
        }
    }
}

#[test]
fn gaps_and_what_nobody_needs_are_as_recorded() {
    for (expected, server) in servers() {
        let size = SegmentSize::new(expected["wal_segment_size"].as_u64().expect("a size"));
        let size = size.expect("a segment's size");
        let mut needed = Vec::new();
        for timeline in expected["timelines"].as_array().expect("timelines") {
            let gaps = timeline["gaps"].as_array().expect("gaps").iter();
            let needed_gaps = gaps.filter(|gap| gap["needed"] == true);
            needed.extend(needed_gaps.map(|gap| (gap["first"].clone(), gap["last"].clone())));
        }
        let gaps = server
            .recovery
            .verdict
            .gaps
            .iter()
            .flat_map(|(timeline, runs)| {
                let segment =
                    |number| name(Some(SegmentName::from_number(*timeline, number, size)));
                runs.iter()
                    .map(move |run| (segment(run.first), segment(run.last)))
                    .collect::<Vec<_>>()
            });
        assert_eq!(gaps.collect::<Vec<_>>(), needed);
        assert_eq!(
            expected["missing_needed"],
            server.recovery.gaps().expect("every backup is readable").1
        );
        let obsolete = server
            .recovery
            .obsolete_segments()
            .expect("there are finished backups");
        assert_eq!(expected["not_needed"]["segments"], obsolete);
    }
}

#[test]
fn the_recovery_window_ends_where_it_was_recorded() {
    for (expected, server) in servers() {
        let last = &expected["last_recoverable"];
        let newest = server.recovery.newest_at.expect("there is WAL");
        let timeline = server
            .recovery
            .verdict
            .current_timeline
            .expect("there is a backup");
        assert_eq!(last["timeline"], timeline.0);
        if last["first_missing"].is_null() {
            assert_eq!(newest, moment(&last["last_wal_modified"]));
        }
    }
}
