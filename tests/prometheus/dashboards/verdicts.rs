//! Verdicts of the dashboards on each of the servers.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use test_support::Prometheus;
use test_support::dashboard::{Board, items, text};

use crate::dashboards::archive::{HEALTHY, ORPHAN, TROUBLED};
use crate::dashboards::world::{ARCHIVE, NEVER, SOON, VERIFIED, WAITING, World};

const TABLE: &str = "Servers";

#[tokio::test]
async fn every_server_has_its_verdict() {
    let mut world = World::start(1).await;
    let (fleet, one) = (
        Board::read("backups.json"),
        Board::read("backup-server.json"),
    );

    let verdicts = verdicts(&world.prometheus, &fleet, HEALTHY).await;

    let expected = [
        (NEVER, "6"),
        (TROUBLED, "5"),
        (WAITING, "3"),
        (HEALTHY, "1"),
        (VERIFIED, "1"),
        (ORPHAN, "0"),
    ];
    assert_eq!(
        verdicts,
        expected
            .map(|(server, code)| (server.into(), code.into()))
            .into()
    );
    for (server, code) in &verdicts {
        let alone = stat(&world.prometheus, &one, server).await;
        assert_eq!(alone, [(server.clone(), code.clone())].into());
    }

    world.archive.stop_s3().await;
    let failing = format!(r#"barman_cloud_up{{archive="{ARCHIVE}"}} == 0"#);
    world
        .prometheus
        .wait_for("a failed scan", SOON, &failing)
        .await;
    let verdicts = self::verdicts(&world.prometheus, &fleet, HEALTHY).await;

    assert_eq!(
        verdicts[HEALTHY], "4",
        "what a failed scan left does not look well"
    );
    assert_eq!(verdicts[TROUBLED], "5", "and what is bad stays so");
}

/// Rows are merged only if their labels are equal.
#[tokio::test]
async fn every_column_has_one_row_for_a_server() {
    let world = World::start(1).await;
    let fleet = Board::read("backups.json");

    for query in fleet.queries().iter().filter(|query| query.panel == TABLE) {
        let rows = world
            .prometheus
            .query(&query.filled(ARCHIVE, ""))
            .await
            .unwrap();

        for row in rows {
            let labels: Vec<_> = row["metric"].as_object().unwrap().keys().collect();
            assert_eq!(labels, ["archive", "server"], "query {}", query.id);
        }
    }
}

#[test]
fn the_worst_is_on_top_and_has_its_words() {
    let fleet = Board::read("backups.json");
    let table = fleet
        .charts()
        .find(|panel| panel["title"] == TABLE)
        .unwrap();

    let first = &table["options"]["sortBy"][0];
    let overrides = items(&table["fieldConfig"]["overrides"]);
    let verdict = overrides
        .iter()
        .find(|entry| entry["matcher"]["options"] == "Verdict")
        .unwrap();
    let mappings = items(&verdict["properties"])
        .iter()
        .find(|entry| entry["id"] == "mappings");
    let words = &mappings.unwrap()["value"][0]["options"];

    assert_eq!(first, &json!({ "desc": true, "displayName": "Verdict" }));
    let words: Vec<_> = words
        .as_object()
        .unwrap()
        .values()
        .map(|entry| text(&entry["text"]))
        .collect();
    let expected = [
        "Orphan",
        "Restorable",
        "Restorable, with findings",
        "Waiting for WAL",
        "Not known",
        "Not restorable",
        "Never backed up",
    ];
    assert_eq!(words, expected, "by code, from 0 on");
}

async fn verdicts(
    prometheus: &Prometheus,
    board: &Board,
    server: &str,
) -> BTreeMap<String, String> {
    by_server(
        &prometheus
            .query(&board.query(TABLE).filled(ARCHIVE, server))
            .await
            .unwrap(),
    )
}

async fn stat(prometheus: &Prometheus, board: &Board, server: &str) -> BTreeMap<String, String> {
    let query = board.query("Verdict").filled(ARCHIVE, server);
    by_server(&prometheus.query(&query).await.unwrap())
}

fn by_server(result: &[Value]) -> BTreeMap<String, String> {
    let of = |series: &Value| (text(&series["metric"]["server"]), text(&series["value"][1]));
    result.iter().map(of).collect()
}
