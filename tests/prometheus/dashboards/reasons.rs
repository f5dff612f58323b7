//! Reasons for each verdict, shown by `promtool` on series made for it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use test_support::dashboard::Board;

/// Two replicas of an exporter of one server in good health: metrics, their labels besides those
/// of the server, and their values.
const HEALTHY: [(&str, &str, f64); 12] = [
    ("server_info", r#"expected="true""#, 1.0),
    ("up", "", 1.0),
    ("backups", r#"state="done""#, 3.0),
    ("backups", r#"state="unreadable""#, 0.0),
    ("backup_last_success_timestamp_seconds", "", 100.0),
    ("backup_overdue_seconds", "", 0.0),
    ("recoverable", "", 1.0),
    ("recoverable_by_default", "", 1.0),
    ("recovery_window_coverage_ratio", "", 1.0),
    ("server_system_identifiers", "", 1.0),
    ("timeline_history_missing", "", 0.0),
    ("wal_gaps", "", 0.0),
];

/// Metric to change or add, and its value; `None` makes it absent.
type Change = (&'static str, &'static str, Option<f64>);

const DONE: &str = r#"state="done""#;
const UNREADABLE: &str = r#"state="unreadable""#;
const EXPECTED: &str = r#"expected="true""#;
const FAILURE: &str = "backup_last_failure_timestamp_seconds";
const WAITING: &str = "backup_waiting_for_wal_seconds";

/// Differences from good health, and the verdict.
const CASES: [(&[Change], u8); 20] = [
    (&[], 1),
    (
        &[
            ("server_info", EXPECTED, None),
            ("server_info", r#"expected="false""#, Some(1.0)),
        ],
        0,
    ),
    (&[("recoverable_by_default", "", Some(0.0))], 2),
    (&[("wal_gaps", "", Some(1.0))], 2),
    (&[("wal_gaps", "", None)], 1),
    (&[("timeline_history_missing", "", Some(1.0))], 2),
    (&[("backups", UNREADABLE, Some(1.0))], 2),
    (&[("backup_overdue_seconds", "", Some(60.0))], 2),
    (&[("backup_overdue_seconds", "", None)], 1),
    (&[("recovery_window_coverage_ratio", "", Some(0.5))], 2),
    (&[("server_system_identifiers", "", Some(2.0))], 2),
    (&[(FAILURE, "", Some(101.0))], 2),
    (&[(FAILURE, "", Some(99.0))], 1),
    (
        &[("recoverable", "", Some(0.0)), (WAITING, "", Some(60.0))],
        3,
    ),
    (&[("up", "", Some(0.0))], 4),
    (&[("up", "", Some(0.0)), ("wal_gaps", "", Some(1.0))], 4),
    (&[("recoverable", "", None)], 4),
    (&[("recoverable", "", Some(0.0))], 5),
    (&[("recoverable", "", Some(0.0)), ("up", "", Some(0.0))], 5),
    (
        &[("recoverable", "", Some(0.0)), ("backups", DONE, Some(0.0))],
        6,
    ),
];

#[test]
fn every_verdict_has_its_reasons() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("verdicts.json");
    let verdicts = [
        Board::read("backups.json").query("Servers"),
        Board::read("backup-server.json").query("Verdict"),
    ];
    let verdicts = verdicts.map(|query| query.filled("demo", "orders"));
    let tests: Vec<_> = CASES
        .iter()
        .map(|(changes, code)| case(changes, *code, &verdicts))
        .collect();
    std::fs::write(&file, json!({ "tests": tests }).to_string()).unwrap();

    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/bin");
    let output = Command::new(tools.join("promtool"))
        .args(["test", "rules"])
        .arg(&file)
        .output();
    let output = output.unwrap_or_else(|_| panic!("tools are missing: run `tests/install.sh`"));

    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Test in promtool's notation.
fn case(changes: &[Change], code: u8, verdicts: &[String]) -> Value {
    let healthy = HEALTHY.map(|(name, labels, value)| ((name, labels), Some(value)));
    let different = changes
        .iter()
        .map(|(name, labels, value)| ((*name, *labels), *value));
    let all: BTreeMap<_, _> = healthy.into_iter().chain(different).collect();
    let series = all
        .into_iter()
        .filter_map(|((name, labels), value)| Some((name, labels, value?)));
    let series = series.flat_map(|(name, labels, value)| {
        ["a", "b"].map(|replica| {
            let server = if name == "up" {
                ""
            } else {
                r#",server="orders""#
            };
            let labels = format!(r#"instance="{replica}",archive="demo"{server},{labels}"#);
            let series = format!("barman_cloud_{name}{{{}}}", labels.trim_end_matches(','));
            json!({ "series": series, "values": format!("{value}") })
        })
    });
    let expected = json!([{ "labels": r#"{archive="demo",server="orders"}"#, "value": code }]);
    let asked = verdicts.iter().map(
        |expression| json!({ "expr": expression, "eval_time": "0m", "exp_samples": expected }),
    );
    json!({
        "name": format!("{changes:?}"),
        "interval": "1m",
        "input_series": series.collect::<Vec<_>>(),
        "promql_expr_test": asked.collect::<Vec<_>>(),
    })
}
