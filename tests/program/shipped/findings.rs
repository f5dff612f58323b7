//! Table of findings and alerts: complete, and consistent with the code and the rules.

use std::collections::BTreeSet;

use barman_cloud_exporter::config::CertificateWatchConfig;
use barman_cloud_exporter::health::{FindingCode, LONG_RUN, thresholds};
use test_support::{FindingRow, alert_rules, all_rules, finding_rows};
use tls_certificates::x509::SHARE_OF_LIFETIME;

/// Returns the finding of a line.
fn finding(row: &FindingRow) -> Option<FindingCode> {
    let label = row.finding.as_deref()?;
    let code = FindingCode::ALL
        .iter()
        .find(|code| code.as_label() == label);
    Some(*code.unwrap_or_else(|| unreachable!("no finding {label}")))
}

#[test]
fn every_finding_and_every_alert_is_in_the_table() {
    let rows = finding_rows();

    let mut findings: Vec<_> = rows.iter().filter_map(finding).collect();
    findings.sort_unstable();
    let mut all = FindingCode::ALL.to_vec();
    all.sort_unstable();
    assert_eq!(findings, all, "each finding once");
    let told: BTreeSet<_> = rows.iter().flat_map(|row| row.alerts.clone()).collect();
    let named: BTreeSet<_> = alert_rules().into_iter().map(|(name, _)| name).collect();
    assert_eq!(told, named);
}

#[test]
fn what_has_no_counterpart_has_a_reason() {
    let is_alone = |row: &&FindingRow| row.finding.is_none() || row.alerts.is_empty();

    let rows = finding_rows();
    let silent = rows
        .iter()
        .filter(is_alone)
        .filter(|row| row.reason.is_empty());

    let silent: Vec<_> = silent
        .map(|row| (row.finding.clone(), row.alerts.clone()))
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
