//! Behaviour of the alerts in a real Prometheus, by its own test runner.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use test_support::{alert_rules, alerts_path, plain_rules_path};

/// Runs promtool, which `tests/install.sh` installs.
pub(crate) fn promtool(arguments: &[&str], files: &[PathBuf]) -> Result<(), String> {
    let program = "target/test-tools/bin/promtool";
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(program);
    let output = Command::new(program).args(arguments).args(files).output();
    let output = output.expect("promtool is installed; if not, run `tests/install.sh`");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    output.status.success().then_some(()).ok_or(said)
}

/// Files in `alerts/tests`.
pub(crate) fn scripts() -> Vec<PathBuf> {
    let entries = fs::read_dir(alerts_path("tests")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn prometheus_reads_the_rules() {
    promtool(&["check", "rules"], &[plain_rules_path()]).unwrap();
}

#[test]
fn the_alerts_fire_and_are_silent_as_they_should() {
    let failures: Vec<_> = std::thread::scope(|scope| {
        let run = |script| scope.spawn(|| promtool(&["test", "rules"], &[script]));
        let running: Vec<_> = scripts().into_iter().map(run).collect();
        running
            .into_iter()
            .filter_map(|thread| thread.join().unwrap().err())
            .collect()
    });

    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// But for the one on thresholds, which are all there when all rules are.
#[test]
fn every_alert_is_seen_to_fire_with_its_text() {
    let texts: Vec<_> = scripts()
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let all = texts.concat();

    for (name, rule) in alert_rules()
        .iter()
        .filter(|(name, _)| name != "BarmanCloudThresholdMissing")
    {
        let severity = &rule.labels["severity"];
        let page = format!("/{name}.md");
        let of_alert = |text: &&str| text.contains(&page);
        let fired = all.split("exp_labels:").filter(of_alert);
        let as_bad = |text: &str| {
            text.lines()
                .next()
                .unwrap_or_default()
                .contains(severity.as_str())
        };
        assert!(
            fired.into_iter().any(as_bad),
            "{name} of severity {severity}"
        );
    }
}

#[test]
fn a_threshold_that_is_not_loaded_is_missed() {
    let mut rules = fs::read_to_string(plain_rules_path()).unwrap();
    for (index, lost) in LOST.iter().enumerate() {
        assert!(rules.contains(lost));
        rules = rules.replace(lost, &format!("labels: {{ name: other_{index} }}"));
    }
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    write("rules.yaml", &rules);
    let script = write("test.yaml", MISSING);

    promtool(&["test", "rules"], &[script]).unwrap();
}

/// Both of a name are lost, too, which must not be taken for one.
const LOST: [&str; 3] = [
    "labels: { name: wal_age_seconds }",
    "labels: { name: waiting_for_wal_seconds, severity: warning }",
    "labels: { name: waiting_for_wal_seconds, severity: critical }",
];

const MISSING: &str = r"
rule_files: [rules.yaml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: barman_cloud_exporter_build_info
        values: 1x30
    alert_rule_test:
      - alertname: BarmanCloudThresholdMissing
        eval_time: 14m
      - alertname: BarmanCloudThresholdMissing
        eval_time: 16m
        exp_alerts:
          - exp_labels: { name: waiting_for_wal_seconds, of_severity: warning, severity: warning }
            exp_annotations:
              summary: Threshold waiting_for_wal_seconds of the backup alerts is missing
              description: >-
                No rule records barman_cloud:threshold with name waiting_for_wal_seconds and severity warning. Alerts
                that compare with it cannot fire.
              runbook_url: https://barman-cloud-exporter.example/alerts/runbooks/BarmanCloudThresholdMissing.md
          - exp_labels: { name: waiting_for_wal_seconds, of_severity: critical, severity: warning }
            exp_annotations:
              summary: Threshold waiting_for_wal_seconds of the backup alerts is missing
              description: >-
                No rule records barman_cloud:threshold with name waiting_for_wal_seconds and severity critical. Alerts
                that compare with it cannot fire.
              runbook_url: https://barman-cloud-exporter.example/alerts/runbooks/BarmanCloudThresholdMissing.md
          - exp_labels: { name: wal_age_seconds, severity: warning }
            exp_annotations:
              summary: Threshold wal_age_seconds of the backup alerts is missing
              description: >-
                No rule records barman_cloud:threshold with name wal_age_seconds. Alerts that compare with it
                cannot fire.
              runbook_url: https://barman-cloud-exporter.example/alerts/runbooks/BarmanCloudThresholdMissing.md
";

/// Certificates for a day and for six days are renewed when a third of that is left, until the first one
/// is not any more. The endpoint of a store and one that is renewed by hand have thresholds of their own.
#[test]
fn certificates_with_short_lives_are_given_a_share_of_them() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("test.yaml");
    fs::write(
        &script,
        SHORT_LIVES.replace("RULES", plain_rules_path().to_str().unwrap()),
    )
    .unwrap();

    promtool(&["test", "rules"], &[script]).unwrap();
}

const SHORT_LIVES: &str = r#"
rule_files: [RULES]
evaluation_interval: 4m
tests:
  - interval: 4m
    input_series:
      - series: 'barman_cloud_certificate_not_after_timestamp_seconds{certificate="day"}'
        values: 86400x239 144000x239 201600x239 259200x359
      - series: 'barman_cloud_certificate_lifetime_seconds{certificate="day"}'
        values: 86400x1079
      - series: 'barman_cloud_certificate_not_after_timestamp_seconds{certificate="six-days"}'
        values: 518400x1079
      - series: 'barman_cloud_certificate_lifetime_seconds{certificate="six-days"}'
        values: 518400x1079
      - series: 'barman_cloud_certificate_not_after_timestamp_seconds{certificate="s3/production"}'
        values: 259200x1079
      - series: 'barman_cloud_certificate_lifetime_seconds{certificate="s3/production"}'
        values: 604800x1079
      - series: 'barman_cloud_certificate_not_after_timestamp_seconds{certificate="older-exporter"}'
        values: 259200x1079
      - series: 'barman_cloud_certificate_not_before_timestamp_seconds{certificate="older-exporter"}'
        values: -43200x1079
      - series: 'barman_cloud_certificate_not_after_timestamp_seconds{certificate="by-hand"}'
        values: 1728000x1079
      - series: 'barman_cloud_certificate_lifetime_seconds{certificate="by-hand"}'
        values: 7776000x1079
      - series: >-
          barman_cloud:threshold{name="certificate_remaining_seconds", certificate="by-hand", severity="warning"}
        values: 2592000x1079
      - series: 'barman_cloud:threshold{name="certificate_remaining_seconds", certificate="s3", severity="warning"}'
        values: 86400x1079
    promql_expr_test:
      - expr: count by (certificate, severity) (ALERTS{alertname="BarmanCloudCertificateExpiring", alertstate="firing"})
        eval_time: 47h
        exp_samples:
          - { labels: '{certificate="by-hand", severity="warning"}', value: 1 }
      - expr: count by (certificate, severity) (ALERTS{alertname="BarmanCloudCertificateExpiring", alertstate="firing"})
        eval_time: 60h
        exp_samples:
          - { labels: '{certificate="by-hand", severity="warning"}', value: 1 }
          - { labels: '{certificate="s3/production", severity="warning"}', value: 1 }
      - expr: count by (certificate, severity) (ALERTS{alertname="BarmanCloudCertificateExpiring", alertstate="firing"})
        eval_time: 71h40m
        exp_samples:
          - { labels: '{certificate="by-hand", severity="warning"}', value: 1 }
          - { labels: '{certificate="s3/production", severity="warning"}', value: 1 }
          - { labels: '{certificate="s3/production", severity="critical"}', value: 1 }
          - { labels: '{certificate="older-exporter", severity="warning"}', value: 1 }
          - { labels: '{certificate="older-exporter", severity="critical"}', value: 1 }
          - { labels: '{certificate="day", severity="warning"}', value: 1 }
          - { labels: '{certificate="day", severity="critical"}', value: 1 }
"#;
