//! Results of every query for the demo's archive.

use std::collections::BTreeSet;

use serde_json::Value;
use test_support::Prometheus;
use test_support::dashboard::{Board, Query, boards, fill, items, text};

use crate::dashboards::archive::{HEALTHY, ORPHAN, TROUBLED};
use crate::dashboards::world::{ARCHIVE, NEVER, WAITING, World, is_about_contents, server_for};

/// Queries that return nothing for a server in good health: panel, query, and why.
const EMPTY_IN_GOOD_HEALTH: [(&str, &str, &str); 1] =
    [("Backup duration", "C", "no backup waits for its WAL")];

#[tokio::test]
async fn every_query_returns_data() {
    let world = World::start(1).await;
    let mut complaints = Vec::new();

    for board in boards() {
        for query in board.queries() {
            complaints.extend(complaint(&world.prometheus, &query).await);
        }
        for variable in board.variables() {
            complaints.extend(variable_complaint(&world.prometheus, variable).await);
        }
    }

    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[tokio::test]
async fn a_server_that_is_not_verified_looks_so() {
    let world = World::start(1).await;
    let board = Board::read("backup-server.json");
    let queries = board.queries().into_iter().filter(is_about_contents);
    let mut panels = BTreeSet::new();

    for query in queries {
        let has_data = has_data(&world.prometheus, &query, HEALTHY).await;
        assert_eq!(has_data, Ok(false), "{}, {}", query.panel, query.id);
        panels.insert(query.panel);
    }

    assert!(panels.len() > 5, "{panels:?}");
    for panel in board.charts() {
        let words = text(&panel["fieldConfig"]["defaults"]["noValue"]);
        let says_so = words.starts_with("Not verified");
        assert!(
            says_so || !panels.contains(&text(&panel["title"])),
            "{words}"
        );
    }
}

#[tokio::test]
async fn every_metric_is_on_the_page_and_no_query_names_a_job() {
    let world = World::start(1).await;
    let samples = world.exporter.scrape().await;
    let on_page: BTreeSet<&str> = samples.iter().map(|sample| sample.name.as_str()).collect();

    for board in boards() {
        for Query {
            panel, expression, ..
        } in board.queries()
        {
            let words = words(&expression);
            let metrics = words
                .iter()
                .filter(|word| word.starts_with("barman_cloud_"));
            let unknown: Vec<_> = metrics
                .filter(|metric| !on_page.contains(**metric))
                .collect();
            assert!(unknown.is_empty(), "{}, {panel}: {unknown:?}", board.file);
            let of_scrape = ["job", "instance", "namespace", "pod"];
            assert!(
                !words.iter().any(|word| of_scrape.contains(word)),
                "{}, {panel}",
                board.file
            );
        }
    }
}

#[test]
fn every_query_that_may_be_empty_is_there() {
    let queries: Vec<_> = boards().iter().flat_map(Board::queries).collect();

    for (panel, id, _) in EMPTY_IN_GOOD_HEALTH {
        assert!(
            queries
                .iter()
                .any(|query| query.panel == panel && query.id == id),
            "{panel} {id}"
        );
    }
}

/// Complaint about the result of a query; `None` if it is good.
async fn complaint(prometheus: &Prometheus, query: &Query) -> Option<String> {
    let Query { panel, id, .. } = query;
    let for_healthy = has_data(prometheus, query, server_for(query)).await;
    let may_be_empty = EMPTY_IN_GOOD_HEALTH
        .iter()
        .any(|entry| (entry.0, entry.1) == (panel, id));
    match for_healthy {
        Err(error) => Some(format!("{panel}, {id}: {error}")),
        Ok(true) if may_be_empty => Some(format!("{panel}, {id}: not empty in good health")),
        Ok(true) => None,
        Ok(false) if !may_be_empty => Some(format!("{panel}, {id}: no data")),
        Ok(false) => {
            let mut is_anywhere = false;
            for server in [TROUBLED, ORPHAN, WAITING, NEVER] {
                is_anywhere |= has_data(prometheus, query, server).await == Ok(true);
            }
            (!is_anywhere).then(|| format!("{panel}, {id}: no data for any server"))
        }
    }
}

async fn variable_complaint(prometheus: &Prometheus, variable: &Value) -> Option<String> {
    let name = text(&variable["name"]);
    if variable["type"] == "datasource" {
        return None;
    }
    let query = fill(&text(&variable["query"]["query"]), ARCHIVE, HEALTHY);
    let (selector, label) = query
        .strip_prefix("label_values(")?
        .strip_suffix(')')?
        .rsplit_once(", ")?;
    let values = prometheus.label_values(selector, label).await;
    let expected = if name == "archive" { ARCHIVE } else { HEALTHY };
    let is_there = |values: &Vec<String>| values.iter().any(|value| value == expected);
    (!values.as_ref().is_ok_and(is_there)).then(|| format!("variable {name}: {values:?}"))
}

async fn has_data(prometheus: &Prometheus, query: &Query, server: &str) -> Result<bool, String> {
    let expression = query.filled(ARCHIVE, server);
    let result = if query.is_instant {
        prometheus.query(&expression).await?
    } else {
        prometheus.query_range(&expression).await?
    };
    Ok(result.iter().any(has_number))
}

/// Returns whether a series has a value that can be drawn.
fn has_number(series: &Value) -> bool {
    let of_range = items(&series["values"]).iter();
    let samples = of_range.chain(std::iter::once(&series["value"]));
    let numbers = samples.filter_map(|sample| sample[1].as_str()?.parse::<f64>().ok());
    numbers.into_iter().any(f64::is_finite)
}

fn words(expression: &str) -> Vec<&str> {
    expression
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .collect()
}
