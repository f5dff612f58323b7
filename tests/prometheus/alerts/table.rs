//! Table of findings and alerts: complete, and consistent with the code and the rules.

use std::collections::BTreeSet;
use std::fs;

use barman_cloud_exporter::config::CertificateWatchConfig;
use barman_cloud_exporter::health::{FindingCode, LONG_RUN, thresholds};
use tls_certificates::x509::SHARE_OF_LIFETIME;

use crate::alerts::{alerts, all_rules, shipped};

/// Line of the table.
pub(crate) struct Row {
    pub(crate) finding: Option<FindingCode>,
    pub(crate) alerts: Vec<String>,
    pub(crate) reason: String,
}

/// Lines of the table in the README of the alerts.
pub(crate) fn rows() -> Vec<Row> {
    let readme = fs::read_to_string(shipped("README.md")).unwrap();
    let (_, section) = readme.split_once("\n## Alerts and findings\n").unwrap();
    let lines = section.lines().take_while(|line| !line.starts_with("## "));
    lines
        .filter(|line| line.starts_with("| "))
        .skip(1)
        .map(row)
        .collect()
}

fn row(line: &str) -> Row {
    let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [finding, alerts, reason] = cells.try_into().expect("three cells");
    let code = |word: &str| {
        FindingCode::ALL
            .iter()
            .copied()
            .find(|code| code.as_label() == word)
    };
    let finding = (!finding.is_empty()).then(|| {
        code(finding.trim_matches('`')).unwrap_or_else(|| unreachable!("no finding {finding}"))
    });
    let alerts = alerts
        .split(", ")
        .filter(|name| !name.is_empty())
        .map(str::to_owned);
    Row {
        finding,
        alerts: alerts.collect(),
        reason: reason.to_owned(),
    }
}

#[test]
fn every_finding_and_every_alert_is_in_the_table() {
    let rows = rows();

    let mut findings: Vec<_> = rows.iter().filter_map(|row| row.finding).collect();
    findings.sort_unstable();
    let mut all = FindingCode::ALL.to_vec();
    all.sort_unstable();
    assert_eq!(findings, all, "each finding once");
    let told: BTreeSet<_> = rows.iter().flat_map(|row| row.alerts.clone()).collect();
    let named: BTreeSet<_> = alerts().into_iter().map(|(name, _)| name).collect();
    assert_eq!(told, named);
}

#[test]
fn what_has_no_counterpart_has_a_reason() {
    let is_alone = |row: &&Row| row.finding.is_none() || row.alerts.is_empty();

    let rows = rows();
    let silent = rows
        .iter()
        .filter(is_alone)
        .filter(|row| row.reason.is_empty());

    let silent: Vec<_> = silent
        .map(|row| (row.finding, row.alerts.clone()))
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}

/// Evaluates a product or quotient of numbers: the forms in which thresholds are written.
fn value(expression: &str) -> Option<f64> {
    let inside = expression
        .trim()
        .strip_prefix("vector(")?
        .strip_suffix(')')?;
    if let Some((dividend, divisor)) = inside.split_once('/') {
        let divisor: f64 = divisor.trim().parse().ok()?;
        return Some(dividend.trim().parse::<f64>().ok()? / divisor);
    }
    inside
        .split('*')
        .map(|factor| factor.trim().parse::<f64>().ok())
        .product()
}

/// Returns the value that the rules record for a threshold.
fn recorded(name: &str, severity: &str) -> Option<f64> {
    let rules = all_rules();
    let rule = rules.iter().find(|rule| {
        let label = |label: &str| rule.labels.get(label).map_or("", String::as_str);
        rule.record.is_some() && (label("name"), label("severity")) == (name, severity)
    });
    value(&rule?.expr)
}

/// Thresholds without a counterpart among those of the findings: they compare with earlier scans, or
/// replace a setting of the exporter.
const OF_ALERTS_ALONE: [&str; 8] = [
    "scan_age_seconds",
    "throttled_ratio",
    "backup_age_seconds",
    "wal_age_seconds",
    "storage_growth_bytes",
    "storage_growth_ratio",
    "certificate_remaining_seconds",
    "certificate_remaining_ratio",
];

#[test]
fn every_threshold_is_shared_or_of_alerts_alone() {
    let recording: Vec<_> = all_rules()
        .into_iter()
        .filter(|rule| rule.record.is_some())
        .collect();
    let recorded: BTreeSet<_> = recording
        .iter()
        .filter_map(|rule| rule.labels.get("name"))
        .map(String::as_str)
        .collect();

    let shared = thresholds().into_iter().map(|threshold| threshold.name);
    let known: BTreeSet<_> = shared.chain(OF_ALERTS_ALONE).collect();

    assert_eq!(recorded, known);
}

#[test]
fn findings_and_alerts_have_the_same_thresholds() {
    for threshold in thresholds() {
        let recorded = recorded(threshold.name, threshold.severity);
        assert_eq!(recorded, Some(threshold.value), "{}", threshold.name);
    }
}

#[test]
fn alerts_warn_of_certificates_when_a_check_does_by_default() {
    let warn_before = CertificateWatchConfig::default().warn_before;
    let share = 1.0 / f64::from(SHARE_OF_LIFETIME);

    assert_eq!(
        recorded("certificate_remaining_seconds", "warning"),
        Some(warn_before.as_secs_f64())
    );
    assert_eq!(
        recorded("certificate_remaining_ratio", "warning"),
        Some(share)
    );
}

#[test]
fn alerts_and_findings_agree_on_how_long_a_backup_may_run() {
    let rules = all_rules();
    let stuck = rules
        .iter()
        .find(|rule| rule.alert.as_deref() == Some("BarmanCloudBackupStuck"))
        .unwrap();
    let factor = format!(
        "{LONG_RUN} * max by (archive, server) (barman_cloud_backup_last_duration_seconds)"
    );
    assert!(stuck.expr.contains(&factor), "{}", stuck.expr);
}
