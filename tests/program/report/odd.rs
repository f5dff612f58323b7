//! Archives with odd names, and with many of them.

use chrono::{DateTime, Utc};
use embedded_s3::{Action, Fault, Operation, Store, When};
use serde_json::json;
use test_support::{EmbeddedArchive, SMALL_BUCKET};

use crate::report::{list, report, report_on};
use crate::result::parsed;

/// Name that would control a terminal, end a table cell, or start code and a tag.
const HOSTILE: &str = "ev\u{1b}[31mil\n# |`<b>\u{202e}";

fn put(store: &Store, key: &str, size: u64) {
    let at: DateTime<Utc> = "2026-01-01T12:00:00Z".parse().expect("a time");
    store.put_zeros(SMALL_BUCKET, format!("production/{key}"), size, at);
}

/// Small archive next to a server and a directory with hostile names.
fn hostile(store: &Store) {
    put(
        store,
        &format!("{HOSTILE}/wals/0000000100000000/000000010000000000000001"),
        16_777_216,
    );
    put(store, &format!("{HOSTILE} too/file"), 3000);
}

#[tokio::test]
async fn a_name_steers_no_terminal() {
    let ended = report(&EmbeddedArchive::small_but(hostile).await, "text").await;

    let odd =
        |character: char| (character.is_control() && character != '\n') || character == '\u{202e}';
    assert!(!ended.output.contains(odd), "{ended:?}");
    let shown = "ev\u{fffd}[31mil\u{fffd}# |`<b>\u{fffd}";
    assert!(
        ended.output.lines().any(|line| line.ends_with(shown)),
        "{ended:?}"
    );
    insta::assert_snapshot!(ended.output);
}

#[tokio::test]
async fn a_name_is_no_markup() {
    let ended = report(&EmbeddedArchive::small_but(hostile).await, "markdown").await;

    let shown = "| ev\u{fffd}\\[31mil\u{fffd}\\# \\|\\`&lt;b&gt;\u{fffd} |";
    assert!(
        ended.output.lines().any(|line| line.ends_with(shown)),
        "{ended:?}"
    );
    assert!(!ended.output.contains("<b>"), "{ended:?}");
    let tables = ended
        .output
        .split("\n\n")
        .filter(|block| block.starts_with('|'));
    for table in tables {
        let cells = |line: &str| {
            line.replace("\\\\", "")
                .replace("\\|", "")
                .matches('|')
                .count()
        };
        let columns = table.lines().next().map(cells);
        assert!(
            table.lines().all(|line| Some(cells(line)) == columns),
            "{table}"
        );
    }
}

#[tokio::test]
async fn a_name_is_verbatim_in_the_json() {
    let found = parsed(&report(&EmbeddedArchive::small_but(hostile).await, "json").await);

    let servers = list(&found["archives"][0], "servers");
    assert_eq!(servers[0]["name"], HOSTILE, "the largest is the first");
}

#[tokio::test]
async fn what_is_too_much_for_a_table_is_summed_below_it() {
    let archive = EmbeddedArchive::small_but(|store| {
        for server in 0..60 {
            let key = "wals/0000000100000000/000000010000000000000001";
            put(store, &format!("server-{server:02}/{key}"), 1_000_000);
        }
    })
    .await;

    let (text, json) = (
        report(&archive, "text").await,
        report(&archive, "json").await,
    );

    // 61 servers, with the small one; 62 prefixes, as only that one has backups.
    assert!(
        text.output.contains("and 11 more, in total"),
        "{}",
        text.output
    );
    assert!(
        text.output.contains("and 12 more, in total"),
        "{}",
        text.output
    );
    let rows = text
        .output
        .lines()
        .filter(|line| line.ends_with("/wals/"))
        .count();
    assert_eq!(rows, 50);
    let found = parsed(&json);
    assert_eq!(list(&found["archives"][0], "servers").len(), 61);
    let prefixes = list(&found["archives"][0]["storage"], "prefixes");
    let shares: f64 = prefixes
        .iter()
        .filter_map(|entry| entry["share_percent"].as_f64())
        .sum();
    assert!((shares - 100.0).abs() < 1e-6, "{shares}");
}

#[tokio::test]
async fn what_is_not_known_is_said_and_not_taken_for_nothing() {
    let archive = EmbeddedArchive::small(1000).await;

    let (text, json) = (
        report(&archive, "text").await,
        report(&archive, "json").await,
    );

    let told = "Unknown for 1 server: backups that are obsolete under the retention policy.";
    assert!(text.output.contains(told), "{}", text.output);
    let found = parsed(&json);
    let reasons = list(&found["archives"][0]["storage"]["reclaimable"], "reasons");
    let obsolete = reasons
        .iter()
        .find(|entry| entry["reason"] == "obsolete_backup");
    assert_eq!(
        obsolete,
        Some(&json!({ "reason": "obsolete_backup", "bytes": 0, "unknown_servers": 1 }))
    );
}

#[tokio::test]
async fn a_backup_that_cannot_be_read_is_reported_as_not_counted() {
    let archive = EmbeddedArchive::small_but(|store| {
        put(store, "orders/base/20260101T120000/backup.info", 100);
        put(store, "orders/base/20260101T120000/data.tar", 5000);
    })
    .await;

    let (text, json) = (
        report(&archive, "text").await,
        report(&archive, "json").await,
    );

    let told = "Not counted: 1 backup with 5.0 KiB whose backup.info cannot be read.";
    assert!(text.output.contains(told), "{}", text.output);
    assert!(report(&archive, "markdown").await.output.contains(told));
    let reclaimable = &parsed(&json)["archives"][0]["storage"]["reclaimable"];
    assert_eq!(reclaimable["unreadable_backups"], 1);
    assert_eq!(reclaimable["unreadable_bytes"], 5100);
}

#[tokio::test]
async fn uploads_that_the_store_does_not_list_are_not_known() {
    let archive = EmbeddedArchive::small(1000).await;
    let listing = When::operation(Operation::ListUploads);
    archive
        .s3()
        .faults()
        .set([Fault::new(listing, Action::not_implemented())]);

    let (text, json) = (
        report(&archive, "text").await,
        report(&archive, "json").await,
    );

    let told = [
        "Unknown for 1 server: unfinished multipart uploads.",
        "Unfinished multipart uploads: unknown, because the store does not list them.",
    ];
    assert!(
        told.iter().all(|line| text.output.contains(line)),
        "{}",
        text.output
    );
    assert!(parsed(&json)["archives"][0]["storage"]["uploads"].is_null());
}

#[tokio::test]
async fn several_archives_stand_beside_each_other() {
    let (larger, smaller) = (
        EmbeddedArchive::small_but(|store| put(store, "file", 103_580)).await,
        EmbeddedArchive::small(1000).await,
    );
    let archives = vec![smaller.settings("smaller"), larger.settings("larger")];

    let text = report_on(&larger, archives.clone(), "text").await;
    let found = parsed(&report_on(&larger, archives, "json").await);

    let (table, _) = text
        .output
        .split_once("\n\nArchive ")
        .expect("it begins with the sums");
    insta::assert_snapshot!(table);
    let share = |index: usize| found["archives"][index]["storage"]["share_percent"].clone();
    assert_eq!((share(0), share(1)), (json!(33.3), json!(66.7)));
}
