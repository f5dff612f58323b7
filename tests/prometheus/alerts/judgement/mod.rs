//! Alerts and `check` agree: on the exporter's own page, an alert's query finds a server if, and
//! only if, `check` has one of its findings.

mod archives;
mod changes;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

use barman_cloud_exporter::health::{FindingCode, Severity};
use barman_cloud_exporter::metrics::{ArchiveView, BuildInfo, Page, Statistics};
use barman_cloud_exporter::output::{CheckDocument, FindingEntry};
use barman_cloud_exporter::report::{
    ArchiveStatus, ContentsBudget, Report, ScanOutcome, VerificationStatus,
};
use chrono::TimeDelta;
use serde_json::{Value, json};
use test_support::{alert_rules, finding_rows, plain_rules_path};

use crate::alerts::promtool::promtool;
use archives::{DAILY_BYTES, ServerObjects, now};
use changes::{ALONE, CHANGES};

/// Returns whether a finding is compared: not those that one page cannot cause, nor those of
/// certificates, which have no server.
fn is_compared(code: FindingCode) -> bool {
    let word = code.as_label();
    !word.starts_with("certificate_") && !matches!(code, FindingCode::ScanFailed)
}

/// Alerts that have findings for one severity only.
const ONLY: [(&str, &str); 2] = [
    ("BarmanCloudBackupTooOld", "critical"),
    ("BarmanCloudBackupUnreadable", "warning"),
];

/// Findings and alerts that are critical for the same servers.
const AS_CRITICAL: [(FindingCode, &str); 3] = [
    (FindingCode::WaitingForWal, "BarmanCloudBackupWaitingForWal"),
    (FindingCode::BackupOverdue, "BarmanCloudBackupOverdue"),
    (FindingCode::Gap, "BarmanCloudWalGap"),
];

/// Seeds of the servers to which several things happen, one each.
const SEEDS: std::ops::Range<u64> = 0..150;

/// Servers to which one thing happens, and servers to which several do.
fn servers() -> BTreeMap<String, ServerObjects> {
    let mut servers = BTreeMap::new();
    for (name, change) in CHANGES.into_iter().chain(ALONE) {
        let mut server = ServerObjects::healthy();
        change(&mut server);
        servers.insert(name.to_owned(), server);
    }
    for seed in SEEDS {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut server = ServerObjects::healthy();
        let mut name = format!("{seed}");
        for _ in 0..random.usize(2..=4) {
            let (happening, change) = CHANGES[random.usize(0..CHANGES.len())];
            change(&mut server);
            name = format!("{name} {happening}");
        }
        servers.insert(name, server);
    }
    servers
}

fn status(report: Report) -> ArchiveStatus {
    ArchiveStatus {
        name: "production".into(),
        destination: "s3://backups/production".into(),
        endpoint: String::new(),
        report: Some(Arc::new(report)),
        last_success_at: Some(now()),
        last_attempt_at: Some(now()),
        last_outcome: Some(ScanOutcome::Success),
        last_failure: None,
        next_scan_at: Some(now() + TimeDelta::minutes(5)),
        verification: Some(VerificationStatus {
            bytes_read: 0,
            requests: 0,
            budget: Some(ContentsBudget {
                available_bytes: 0,
                daily_bytes: DAILY_BYTES,
            }),
        }),
    }
}

/// Returns the findings of each server; those of the archive itself are under the empty name.
fn findings(status: &ArchiveStatus) -> BTreeMap<String, Vec<FindingEntry>> {
    let document = CheckDocument::new(std::slice::from_ref(status), &[], now());
    let archive = document.archives.into_iter().next().unwrap();
    let of_servers = archive
        .servers
        .into_iter()
        .map(|server| (server.name, server.findings));
    of_servers
        .chain([(String::new(), archive.findings)])
        .collect()
}

/// Returns the gauges of the page in promtool's form, with a value only at the time of the report.
fn series(status: ArchiveStatus) -> Vec<Value> {
    let view = ArchiveView {
        status,
        statistics: Arc::new(Statistics::default()),
    };
    let page = Page {
        now: now(),
        archives: vec![view],
        certificates: vec![],
        build: BuildInfo {
            version: "1",
            revision: "r",
            rustc: "1",
        },
        process: None,
    };
    let text = page.classic().unwrap();
    let samples = text
        .lines()
        .filter(|line| line.starts_with("barman_cloud_"));
    let gauge = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        json!({ "series": name, "values": format!("_ {value}") })
    };
    samples.map(gauge).collect()
}

/// Returns the queries of alerts that their findings are compared with, joined by `or`.
fn query(names: &BTreeSet<String>, severity: Option<&str>) -> String {
    let is_meant = |name: &str, of: &str| {
        let only = ONLY
            .iter()
            .find(|(alert, _)| *alert == name)
            .map(|(_, only)| *only);
        names.contains(name) && severity.or(only).is_none_or(|wanted| wanted == of)
    };
    let rules = alert_rules().into_iter();
    let meant = rules.filter(|(name, rule)| is_meant(name, &rule.labels["severity"]));
    let queries = meant.map(|(_, rule)| format!("group by (server) ({})", rule.expr));
    let all: Vec<_> = queries.collect();
    assert!(!all.is_empty(), "{names:?} {severity:?}");
    all.join(" or ")
}

/// Findings and alerts that are connected in the table, directly or indirectly.
struct Group {
    codes: BTreeSet<FindingCode>,
    alerts: BTreeSet<String>,
}

fn groups() -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for row in finding_rows() {
        let code = FindingCode::ALL
            .iter()
            .copied()
            .find(|code| row.finding.as_deref() == Some(code.as_label()));
        let Some(code) = code.filter(|code| is_compared(*code)) else {
            continue;
        };
        if row.alerts.is_empty() {
            continue;
        }
        let mut joined = Group {
            codes: [code].into(),
            alerts: row.alerts.into_iter().collect(),
        };
        let (connected, others): (Vec<_>, Vec<_>) = groups
            .into_iter()
            .partition(|group| !group.alerts.is_disjoint(&joined.alerts));
        for group in connected {
            joined.codes.extend(group.codes);
            joined.alerts.extend(group.alerts);
        }
        groups = others;
        groups.push(joined);
    }
    groups
}

/// Returns whether a finding has an alert: a missing backup has one only when it is critical.
fn counts(finding: &FindingEntry) -> bool {
    finding.code.0 != FindingCode::NoBackup || finding.severity.0 == Severity::Critical
}

/// Result that promtool has to find: a query, and the servers.
fn expected(query: &str, servers: &BTreeSet<&str>) -> Value {
    let sample = |server: &&str| {
        let labels = if server.is_empty() {
            "{}".to_owned()
        } else {
            format!("{{server={}}}", json!(server))
        };
        json!({ "labels": labels, "value": 1 })
    };
    let samples: Vec<_> = servers.iter().map(sample).collect();
    json!({ "expr": query, "eval_time": moment(), "exp_samples": samples })
}

/// Time of the report in promtool's form: seconds since the epoch.
fn moment() -> String {
    format!("{}s", now().timestamp())
}

fn script(series: &[Value], queries: &[Value]) -> Value {
    json!({
        "rule_files": [plain_rules_path()],
        "evaluation_interval": moment(),
        "tests": [{
            "interval": moment(),
            "input_series": series,
            "promql_expr_test": queries,
        }],
    })
}

#[test]
fn check_and_the_alerts_judge_alike() {
    let status = status(archives::report(&servers()));
    let findings = findings(&status);
    let with = |is_meant: &dyn Fn(&FindingEntry) -> bool| -> BTreeSet<&str> {
        let concerned = findings.iter().filter(|(_, all)| all.iter().any(is_meant));
        concerned.map(|(server, _)| server.as_str()).collect()
    };

    let mut queries = Vec::new();
    for Group { codes, alerts } in groups() {
        let servers = with(&|finding| codes.contains(&finding.code.0) && counts(finding));
        queries.push(expected(&query(&alerts, None), &servers));
    }
    for (code, alert) in AS_CRITICAL {
        let is_critical = |finding: &FindingEntry| {
            finding.code.0 == code && finding.severity.0 == Severity::Critical
        };
        let alert = [alert.to_owned()].into();
        queries.push(expected(
            &query(&alert, Some("critical")),
            &with(&is_critical),
        ));
    }

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("judgement.yaml");
    fs::write(&path, script(&series(status), &queries).to_string()).unwrap();
    promtool(&["test", "rules"], &[path]).unwrap();
}

#[test]
fn every_finding_that_is_compared_is_seen() {
    let findings = findings(&status(archives::report(&servers())));
    let seen: BTreeSet<_> = findings
        .into_values()
        .flatten()
        .map(|finding| finding.code.0)
        .collect();

    let unseen = FindingCode::ALL
        .iter()
        .copied()
        .filter(|code| is_compared(*code));
    let unseen: Vec<_> = unseen.filter(|code| !seen.contains(code)).collect();
    // These have no alert.
    let expected = [
        FindingCode::NoServers,
        FindingCode::ListedInPart,
        FindingCode::ScheduleMisread,
    ];
    assert_eq!(unseen, expected);
}
