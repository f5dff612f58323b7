//! Exporter with two replicas, which counts once.

use std::collections::BTreeMap;

use serde_json::Value;
use test_support::Prometheus;
use test_support::dashboard::{Query, boards, text};

use crate::dashboards::world::{ARCHIVE, World, server_for};

/// Maximum difference of ages from one scrape to the other, in seconds.
const SCRAPES: f64 = 15.0;

#[tokio::test]
async fn two_replicas_show_what_one_does() {
    let world = World::start(2).await;

    for board in boards() {
        let queries = board.queries().into_iter().filter(|query| !differs(query));
        for query in queries {
            let expression = query.filled(ARCHIVE, server_for(&query));
            let both = values(&world.prometheus, &expression).await;
            let one = values(&world.prometheus, &of_one(&expression)).await;

            let (panel, id) = (&query.panel, &query.id);
            assert_eq!(
                both.keys().collect::<Vec<_>>(),
                one.keys().collect::<Vec<_>>(),
                "{panel}"
            );
            for (labels, value) in both {
                let other = one[&labels];
                let tolerance = tolerance(value, other, &expression);
                let is_same = (value - other).abs() <= tolerance;
                assert!(
                    is_same,
                    "{panel}, {id}, {labels}: {value} instead of {other}"
                );
            }
        }
    }
}

/// Returns whether the result of a query differs between replicas.
fn differs(query: &Query) -> bool {
    // What both of them send to the store is paid for twice, and each scans at its own time.
    let is_rate = query.expression.contains("$__rate_interval");
    // It grows from one scrape to the other.
    let is_budget = query.expression.contains("_budget_available_bytes");
    is_rate || is_budget
}

/// Maximum difference of two values: ages grow with time, other values differ only by rounding.
fn tolerance(value: f64, other: f64, expression: &str) -> f64 {
    let has_fraction = value.fract().abs() > 0.0 || other.fract().abs() > 0.0;
    let is_age = has_fraction && expression.contains("_seconds");
    other.abs() / 1000.0 + if is_age { SCRAPES } else { 0.0 }
}

/// Restricts the expression to the first replica.
fn of_one(expression: &str) -> String {
    let mut left = expression;
    let mut narrowed = String::new();
    while let Some(at) = left.find("barman_cloud_") {
        let (before, metric) = left.split_at(at);
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let end = metric
            .find(|letter| !is_name(letter))
            .unwrap_or(metric.len());
        let (name, after) = metric.split_at(end);
        narrowed += before;
        narrowed += name;
        narrowed += r#"{job="job-0""#;
        left = if let Some(more) = after.strip_prefix('{') {
            narrowed += ",";
            more
        } else {
            narrowed += "}";
            after
        };
    }
    narrowed + left
}

async fn values(prometheus: &Prometheus, expression: &str) -> BTreeMap<String, f64> {
    let result = prometheus.query(expression).await;
    let result = result.unwrap_or_else(|error| panic!("{expression}: {error}"));
    let of = |series: &Value| {
        (
            series["metric"].to_string(),
            text(&series["value"][1]).parse().unwrap(),
        )
    };
    result.iter().map(of).collect()
}
