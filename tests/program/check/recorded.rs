//! JSON about the recorded archive, compared with everything that is known about it.

use serde_json::{Value, json};
use test_support::{EmbeddedArchive, recorded, recorded_archive};

use crate::check::{ARCHIVE, check};
use crate::result::parsed;

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("no `{field}` in {value}"))
}

/// JSON about the archive at the moment at which it was recorded.
async fn checked(archive: &EmbeddedArchive, policy: Option<&str>) -> Value {
    let mut settings = archive.settings(ARCHIVE);
    if let Some(policy) = policy {
        settings["retentionPolicy"] = json!(policy);
    }
    let now = recorded("meta.json");
    let arguments = ["--output", "json", "--at", text(&now, "now")];
    let ended = check(archive, vec![settings], &arguments).await;
    assert_eq!(
        ended.code,
        Some(2),
        "a recorded server has a gap: {ended:?}"
    );
    parsed(&ended)
}

/// Pairs of the recorded and the printed value of each server, for values that are not in the JSON
/// under the same name.
fn pairs<'a>(expected: &'a Value, found: &'a Value) -> Vec<(&'a Value, &'a Value)> {
    let found = list(&found["archives"][0], "servers");
    let with_found = |server: &'a Value| {
        let same = found.iter().find(|entry| entry["name"] == server["server"]);
        (
            server,
            same.unwrap_or_else(|| panic!("{} is not found", server["server"])),
        )
    };
    list(expected, "servers").iter().map(with_found).collect()
}

/// Returns these fields of an object.
fn fields(value: &Value, names: &[&str]) -> Value {
    names
        .iter()
        .map(|name| ((*name).to_owned(), value[*name].clone()))
        .collect()
}

#[tokio::test]
async fn every_backup_is_as_recorded() {
    let expected = recorded("expected.json");
    let archive = recorded_archive().await;

    let found = checked(&archive, None).await;

    for (server, found) in pairs(&expected, &found) {
        assert_eq!(list(server, "backups").len(), list(found, "backups").len());
        for (recorded, found) in list(server, "backups").iter().zip(list(found, "backups")) {
            assert_backup(recorded, found);
        }
    }
}

fn assert_backup(recorded: &Value, found: &Value) {
    let same = ["id", "restorable", "keep", "stored_bytes"];
    assert_eq!(fields(found, &same), fields(recorded, &same));
    assert_eq!(found["began_at"], recorded["begin_time"]);
    assert_eq!(found["ended_at"], recorded["end_time"]);
    assert_eq!(found["cluster_size_bytes"], recorded["cluster_size"]);
    if recorded["status"] != "DONE" {
        return;
    }
    let follow = [
        "timeline",
        "last_wal",
        "first_missing",
        "then_partial",
        "complete",
    ];
    let followed = |entry: &&Value| {
        let number = entry["timeline"].to_string();
        entry["target"] == number && entry["works"] == true
    };
    let numbered: Vec<Value> = list(found, "follow")
        .iter()
        .filter(followed)
        .map(|entry| fields(entry, &follow))
        .collect();
    let expected: Vec<Value> = list(recorded, "follow")
        .iter()
        .map(|entry| fields(entry, &follow))
        .collect();
    assert_eq!(numbered, expected, "{}", found["id"]);
    let latest = &recorded["follow_latest"];
    assert_eq!(found["reach"]["segment"], latest["last_wal"]);
    assert_eq!(
        found["verdict"] == "recoverable",
        latest["complete"] == true
    );
    assert_eq!(
        found["default_target_timeline"],
        recorded["default_target_timeline"]
    );
    assert_eq!(found["default_target_works"], recorded["default_target_ok"]);
}

#[tokio::test]
async fn wal_and_its_gaps_are_as_recorded() {
    let expected = recorded("expected.json");
    let archive = recorded_archive().await;

    let found = checked(&archive, None).await;

    let shown = |timeline: &Value| {
        let mut shown = fields(
            timeline,
            &["timeline", "segments", "bytes", "first", "last"],
        );
        let of_parent = |field: &str| timeline["parent"].get(field).cloned().unwrap_or_default();
        shown["parent"] = of_parent("timeline");
        shown["switched_at"] = of_parent("switch_lsn");
        shown
    };
    for (server, found) in pairs(&expected, &found) {
        let timelines = list(server, "timelines");
        let sums: Vec<_> = timelines.iter().map(shown).collect();
        assert_eq!(list(&found["wal"], "timelines"), sums);
        let needed = timelines.iter().flat_map(|timeline| {
            let needed = list(timeline, "gaps")
                .iter()
                .filter(|gap| gap["needed"] == true);
            needed.map(|gap| {
                let mut gap = fields(gap, &["first", "last", "count"]);
                gap["timeline"] = timeline["timeline"].clone();
                gap
            })
        });
        assert_eq!(list(&found["recovery"], "gaps"), needed.collect::<Vec<_>>());
        assert_eq!(
            found["recovery"]["obsolete_segments"],
            server["not_needed"]["segments"]
        );
        assert_eq!(
            found["recovery"]["obsolete_bytes"],
            server["not_needed"]["bytes"]
        );
        assert_eq!(
            found["reclaimable_bytes"]["obsolete_wal"],
            server["not_needed"]["bytes"]
        );
        assert_eq!(found["stored_bytes"], server["total"]["bytes"]);
        assert_eq!(
            found["recovery"]["current_timeline"],
            server["last_recoverable"]["timeline"]
        );
        let uploads = (&found["uploads"]["count"], &found["uploads"]["bytes"]);
        let recorded = json!(list(server, "uploads").len());
        assert_eq!(uploads, (&recorded, &server["upload_bytes"]));
    }
}

#[tokio::test]
async fn every_retention_policy_gives_the_recorded_statuses() {
    let expected = recorded("expected.json");
    let archive = recorded_archive().await;
    let policies = list(&expected["servers"][0], "retention");
    assert!(!policies.is_empty());
    for policy in policies.iter().map(|entry| text(entry, "policy")) {
        let found = checked(&archive, Some(policy)).await;

        for (server, found) in pairs(&expected, &found) {
            let mut recorded = list(server, "retention").iter();
            let recorded = recorded
                .find(|entry| entry["policy"] == policy)
                .expect("each has all");
            let statuses = &found["retention"]["statuses"];
            assert_eq!(statuses, &recorded["report"], "{policy}");
            assert_eq!(
                found["retention"]["obsolete"], recorded["deleted"]["backups"],
                "{policy}"
            );
            let deleted = &recorded["deleted"];
            let deletion = &found["retention"]["deletion"];
            let same = ["backups", "objects", "bytes"];
            assert_eq!(fields(deletion, &same), fields(deleted, &same), "{policy}");
            assert_eq!(
                deletion["wal_objects"],
                json!(list(deleted, "wals").len()),
                "{policy}"
            );
        }
    }
}
