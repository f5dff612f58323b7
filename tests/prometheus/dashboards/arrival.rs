//! Lines of the panels about arriving WAL, however seldom scans are.

use std::fs;
use std::path::Path;
use std::process::Command;

use test_support::dashboard::Board;

/// 60 MB arrive in four segments each hour, and one scan an hour notices; the second replica scans at
/// another time.
const HOURLY: &str = r#"
tests:
  - interval: 1m
    input_series:
      - series: 'barman_cloud_wal_bytes{archive="a", server="s", timeline="1", instance="x"}'
        values: 0x59 60000000x59 120000000x59 180000000x59
      - series: 'barman_cloud_wal_segments{archive="a", server="s", timeline="1", instance="x"}'
        values: 0x59 4x59 8x59 12x59
      - series: 'barman_cloud_scan_last_success_timestamp_seconds{archive="a", instance="x"}'
        values: 0x59 3600x59 7200x59 10800x59
      - series: 'barman_cloud_wal_bytes{archive="a", server="s", timeline="1", instance="y"}'
        values: 30000000x89 90000000x59 150000000x89
      - series: 'barman_cloud_wal_segments{archive="a", server="s", timeline="1", instance="y"}'
        values: 2x89 6x59 10x89
      - series: 'barman_cloud_scan_last_success_timestamp_seconds{archive="a", instance="y"}'
        values: 1800x89 5400x59 9000x89
    promql_expr_test:
"#;

/// Returns the query that Grafana sends with a step of five minutes and a scrape each minute.
fn at_a_step_of_five_minutes(panel: &str) -> String {
    let query = Board::read("backup-server.json").query(panel).expression;
    let filled = query
        .replace("$__rate_interval", "6m")
        .replace("$archive", "a");
    filled.replace("$server", "s")
}

fn expected(query: &str, value: f64) -> String {
    format!(
        "      - expr: '{query}'\n        eval_time: 235m\n        exp_samples:\n          \
         - {{ labels: '{{timeline=\"1\"}}', value: {value} }}\n"
    )
}

#[test]
fn hourly_scans_draw_what_arrives_and_no_zeros() {
    let panels = [
        ("WAL rate", 60_000_000.0 / 3600.0),
        ("WAL segments per hour", 4.0),
    ];
    let mut script = HOURLY.to_owned();
    for (panel, rate) in panels {
        let drawn = format!("({})[175m:5m]", at_a_step_of_five_minutes(panel));
        script.push_str(&expected(&format!("min_over_time({drawn})"), rate));
        script.push_str(&expected(&format!("max_over_time({drawn})"), rate));
        script.push_str(&expected(
            &format!("count_over_time({drawn}) > bool 4"),
            1.0,
        ));
    }
    assert_promtool_agrees(&script);
}

/// Makes sure that promtool finds everything in a script as it expects.
pub(crate) fn assert_promtool_agrees(script: &str) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("test.yaml");
    fs::write(&file, script).unwrap();

    let promtool = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/bin/promtool");
    let output = Command::new(promtool)
        .args(["test", "rules"])
        .arg(file)
        .output()
        .unwrap();

    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
}
