//! Report on the recorded archive, compared with everything that is known about it.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use serde_json::{Value, json};
use test_support::{EmbeddedArchive, Ended, recorded, recorded_archive, recorded_objects};

use crate::report::list;
use crate::result::parsed;

/// Server that is configured; the other one is unexpected.
const SERVER: &str = "kilobase-postgres-backup";

/// Report at the moment at which the archive was recorded.
async fn reported(archive: &EmbeddedArchive, output: &str) -> Ended {
    let mut settings = archive.settings("kilobase");
    settings["servers"] = json!([{ "serverName": SERVER, "retentionPolicy": "7d" }]);
    let now = recorded("meta.json")["now"]
        .as_str()
        .map(str::to_owned)
        .expect("it has one");
    archive
        .run(
            "report",
            vec![settings],
            &["--output", output, "--at", &now],
        )
        .await
}

async fn json_of_it() -> Value {
    let ended = reported(&recorded_archive().await, "json").await;
    assert_eq!(
        (ended.code, ended.errors.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );
    parsed(&ended)
}

fn number(value: &Value, pointer: &str) -> u64 {
    let number = value.pointer(pointer).and_then(Value::as_u64);
    number.unwrap_or_else(|| panic!("no {pointer} in {value}"))
}

fn named<'a>(all: &'a [Value], field: &str, name: &str) -> &'a Value {
    let found = all.iter().find(|entry| entry[field] == name);
    found.unwrap_or_else(|| panic!("no {name} in {all:?}"))
}

#[tokio::test]
async fn sums_are_as_recorded() {
    let expected = recorded("expected.json");

    let found = json_of_it().await;

    assert_eq!(found["version"], 1);
    let storage = &found["archives"][0]["storage"];
    for field in ["objects", "bytes"] {
        assert_eq!(found[field], expected["total"][field]);
        assert_eq!(storage[field], expected["total"][field]);
        let [server, orphan] = list(&expected, "servers") else {
            panic!("two were recorded")
        };
        let kinds = list(storage, "kinds");
        assert_eq!(named(kinds, "kind", "base")[field], server["base"][field]);
        assert_eq!(named(kinds, "kind", "wals")[field], server["wals"][field]);
        assert_eq!(
            named(kinds, "kind", "orphan")[field],
            orphan["total"][field]
        );
        let prefixes = list(storage, "prefixes");
        let prefix = |name: &str| &named(prefixes, "prefix", name)[field];
        assert_eq!(prefix(&format!("{SERVER}/base/")), &server["base"][field]);
        assert_eq!(prefix(&format!("{SERVER}/wals/")), &server["wals"][field]);
        assert_eq!(
            prefix("supabase-release-supabase-db/"),
            &orphan["total"][field]
        );
        let sum: u64 = prefixes
            .iter()
            .map(|entry| number(entry, &format!("/{field}")))
            .sum();
        assert_eq!(json!(sum), expected["total"][field]);
        let stored = format!("stored_{field}");
        for server in list(&expected, "servers") {
            let name = server["server"].as_str().expect("a name");
            let found = named(list(&found["archives"][0], "servers"), "name", name);
            assert_eq!(found[&stored], server["total"][field]);
        }
    }
    assert_eq!(storage["uploads"]["count"], expected["uploads"]["count"]);
    assert_eq!(storage["uploads"]["bytes"], expected["uploads"]["bytes"]);
    let classes = list(storage, "storage_classes");
    assert_eq!(
        named(classes, "storage_class", "STANDARD")["bytes"],
        storage["bytes"]
    );
}

#[tokio::test]
async fn shares_add_up_and_the_largest_comes_first() {
    let found = json_of_it().await;

    let archive = &found["archives"][0];
    let storage = &archive["storage"];
    let lists = ["prefixes", "kinds", "storage_classes"].map(|field| list(storage, field));
    for parts in lists.into_iter().chain([list(archive, "servers")]) {
        let shares: Vec<_> = parts
            .iter()
            .filter_map(|entry| entry["share_percent"].as_f64())
            .collect();
        assert!(
            (shares.iter().sum::<f64>() - 100.0).abs() < 1e-6,
            "{shares:?}"
        );
        assert!(
            shares.is_sorted_by(|previous, next| previous >= next),
            "{shares:?}"
        );
    }
}

#[tokio::test]
async fn what_nobody_needs_is_as_recorded() {
    let expected = recorded("expected.json");

    let found = json_of_it().await;

    let [server, orphan] = list(&expected, "servers") else {
        panic!("two were recorded")
    };
    let reclaimable = &found["archives"][0]["storage"]["reclaimable"];
    let reasons = list(reclaimable, "reasons");
    let bytes = |reason| number(named(reasons, "reason", reason), "/bytes");
    assert_eq!(bytes("obsolete_wal"), number(server, "/not_needed/bytes"));
    assert_eq!(bytes("orphan"), number(orphan, "/total/bytes"));
    assert_eq!(
        bytes("incomplete_upload"),
        number(&expected, "/uploads/bytes")
    );
    let policy = list(server, "retention").iter().find(|entry| {
        let policy = entry["policy"].as_str().expect("a policy is a text");
        ["7d", "RECOVERY WINDOW OF 7 DAYS"].contains(&policy)
    });
    let deleted = list(&policy.expect("it was recorded")["deleted"], "backups");
    let backups = list(server, "backups")
        .iter()
        .filter(|entry| deleted.contains(&entry["id"]));
    let obsolete: u64 = backups.map(|entry| number(entry, "/stored_bytes")).sum();
    assert_eq!(bytes("obsolete_backup"), obsolete);
    let sum: u64 = reasons.iter().map(|entry| number(entry, "/bytes")).sum();
    assert_eq!(number(reclaimable, "/bytes"), sum);
}

/// Bytes by the day of the objects' own times, of those whose keys hold a text.
fn arrived(containing: &str) -> BTreeMap<NaiveDate, u64> {
    let mut days = BTreeMap::new();
    for object in recorded_objects() {
        let key = object["key"].as_str().expect("a key is a text");
        let at = object["last_modified"]
            .as_str()
            .and_then(|at| at.parse::<DateTime<Utc>>().ok());
        if key.contains(containing) {
            *days.entry(at.expect("a time").date_naive()).or_default() += number(&object, "/size");
        }
    }
    days
}

fn assert_growth(found: &Value, arrived: &BTreeMap<NaiveDate, u64>) {
    let today = NaiveDate::from_ymd_opt(2026, 11, 15).expect("a date");
    let before = |days| today - Days::new(days);
    let on = |day: NaiveDate| arrived.get(&day).copied().unwrap_or_default();
    let last = |days: u64| (1..=days).map(|back| on(before(back))).sum::<u64>();
    assert_eq!(found["today_bytes"], on(today));
    assert_eq!(found["last_day_bytes"], last(1));
    assert_eq!(found["last_7_days_bytes"], last(7));
    assert_eq!(found["last_30_days_bytes"], last(30));
    let oldest = arrived.keys().next().expect("something arrived");
    let days = (today - *oldest).num_days().min(30).unsigned_abs();
    assert_eq!(found["averaged_days"], days);
    assert_eq!(found["bytes_per_day"], last(30) / days);
    assert_eq!(found["bytes_per_week"], last(30) * 7 / days);
    let series: Vec<_> = (1..=30)
        .rev()
        .map(|back| json!({ "day": before(back).to_string(), "bytes": on(before(back)) }))
        .collect();
    assert_eq!(list(found, "days"), series);
    let monday = before(today.weekday().num_days_from_monday().into());
    let week_of = |monday: NaiveDate| (0..7).map(|day| on(monday + Days::new(day))).sum::<u64>();
    assert_eq!(found["this_week_bytes"], week_of(monday));
    let weeks: Vec<_> = (1..=12)
        .rev()
        .map(|back| monday - Days::new(7 * back))
        .map(|monday| {
            let week = monday.iso_week();
            let name = format!("{}-W{:02}", week.year(), week.week());
            json!({ "week": name, "bytes": week_of(monday) })
        })
        .collect();
    assert_eq!(list(found, "weeks"), weeks);
}

#[tokio::test]
async fn growth_is_what_the_times_of_the_objects_say() {
    let found = json_of_it().await;

    let archive = &found["archives"][0];
    assert_growth(&archive["storage"]["growth"], &arrived(""));
    for server in list(archive, "servers") {
        let name = server["name"].as_str().expect("a name");
        assert_growth(&server["growth"], &arrived(&format!("/{name}/")));
    }
}

#[tokio::test]
async fn every_server_has_what_a_check_says_of_it() {
    let archive = recorded_archive().await;
    let mut settings = archive.settings("kilobase");
    settings["servers"] = json!([{ "serverName": SERVER, "retentionPolicy": "7d" }]);
    let now = recorded("meta.json")["now"]
        .as_str()
        .map(str::to_owned)
        .expect("it has one");
    let arguments = ["--output", "json", "--at", &now];

    let checked = parsed(&archive.run("check", vec![settings], &arguments).await);
    let reported = parsed(&reported(&archive, "json").await);

    assert_eq!(reported["status"], checked["status"]);
    let servers = |document: &Value| list(&document["archives"][0], "servers").to_vec();
    let reported = servers(&reported);
    assert_eq!(reported.len(), 2);
    for checked in servers(&checked) {
        let name = checked["name"].as_str().expect("a name");
        let reported = named(&reported, "name", name);
        for (field, value) in checked.as_object().expect("a server is an object") {
            assert_eq!(&reported[field], value, "{field}");
        }
    }
}

#[tokio::test]
async fn the_json_is_as_reviewed() {
    let mut found = json_of_it().await;

    // What is a check's is reviewed there, and the series are counted above.
    for server in found["archives"][0]["servers"]
        .as_array_mut()
        .expect("a list")
    {
        for field in [
            "findings",
            "backups",
            "wal",
            "recovery",
            "retention",
            "uploads",
        ] {
            server[field] = json!("…");
        }
        server["growth"]["days"] = json!("…");
        server["growth"]["weeks"] = json!("…");
    }
    found["archives"][0]["storage"]["growth"]["days"] = json!("…");
    let shown = serde_json::to_string_pretty(&found).expect("it was JSON");
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn the_text_is_as_reviewed() {
    insta::assert_snapshot!(reported(&recorded_archive().await, "text").await.output);
}

#[tokio::test]
async fn the_markdown_is_as_reviewed() {
    insta::assert_snapshot!(reported(&recorded_archive().await, "markdown").await.output);
}
