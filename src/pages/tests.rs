use std::collections::BTreeMap;
use std::sync::Arc;

use archive_store::ErrorKind;
use barman_archive::inventory::Usage;
use chrono::{DateTime, Utc};

use super::landing::page;
use super::overview::{Overview, SummarisedArchive};
use super::*;
use crate::health::{Evidence, Finding, RestoreVerdict, ServerSummary, Severity};
use crate::output::NO_SERVERS;
use crate::report::{ArchiveStatus, Report, ScanFailure, ScanOutcome, ServerReport};

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn overview(archives: &[ArchiveStatus]) -> Overview<'_> {
    Overview {
        version: "0.1.0",
        revision: "abc1234",
        now: moment("2026-01-01T00:10:00Z"),
        archives,
        certificates: &[],
    }
}

/// Archive of which nothing is known yet.
fn unscanned(name: &str) -> ArchiveStatus {
    ArchiveStatus {
        name: name.to_owned(),
        destination: String::new(),
        endpoint: String::new(),
        report: None,
        last_success_at: None,
        last_attempt_at: None,
        last_outcome: None,
        last_failure: None,
        next_scan_at: None,
        verification: None,
    }
}

/// Archive whose last scan ended like this.
fn scanned(outcome: ScanOutcome) -> ArchiveStatus {
    ArchiveStatus {
        last_attempt_at: Some(moment("2026-01-01T00:09:00Z")),
        last_success_at: Some(moment("2026-01-01T00:05:00Z")),
        last_outcome: Some(outcome),
        ..unscanned("a")
    }
}

/// Report with servers of these names, of which each has a directory.
fn report(servers: &[&str]) -> Arc<Report> {
    let server = |name: &&str| {
        let report = ServerReport {
            is_found: true,
            ..ServerReport::default()
        };
        ((*name).to_owned(), report)
    };
    Arc::new(Report {
        audited_at: moment("2026-01-01T00:05:00Z"),
        is_whole: true,
        usage: Usage::default(),
        servers: servers.iter().map(server).collect::<BTreeMap<_, _>>(),
        ignored: [].into(),
        prefixes: Vec::new(),
        uploads: None,
    })
}

/// Summaries of so many servers, of which the first two have findings.
fn summaries(servers: usize) -> Vec<ServerSummary> {
    let gap = Finding {
        severity: Severity::Critical,
        evidence: Evidence::RetentionBlocked,
    };
    let server = |index: usize| {
        let (verdict, status) = match index {
            0 => (Some(RestoreVerdict::NotRestorable), Severity::Critical),
            1 => (None, Severity::Warning),
            _ => (Some(RestoreVerdict::Restorable), Severity::Ok),
        };
        ServerSummary {
            name: format!("server-{index}"),
            verdict,
            status,
            newest_backup_at: Some(moment("2025-12-31T22:10:00Z")),
            findings: if index == 0 {
                vec![gap.clone(); 7]
            } else {
                Vec::new()
            },
        }
    };
    (0..servers).map(server).collect()
}

/// Landing page of one archive with servers like these.
fn page_of(status: &ArchiveStatus, servers: Vec<ServerSummary>) -> String {
    page(&overview(&[]), &[SummarisedArchive { status, servers }]).into_string()
}

#[test]
fn hostile_names_are_escaped() {
    let hostile = "<script>alert(1)</script>\"'&";
    let failure = ScanFailure {
        kind: ErrorKind::Internal,
        message: hostile.to_owned(),
    };
    let archive = ArchiveStatus {
        destination: hostile.to_owned(),
        endpoint: hostile.to_owned(),
        report: Some(report(&[hostile])),
        last_attempt_at: Some(moment("2026-01-01T00:05:00Z")),
        last_outcome: Some(ScanOutcome::Failure),
        last_failure: Some(failure),
        next_scan_at: Some(moment("2026-01-01T00:15:00Z")),
        ..unscanned(hostile)
    };
    let evidence = Evidence::ScanFailed {
        failure: Some(hostile.to_owned()),
    };
    let finding = Finding {
        severity: Severity::Critical,
        evidence,
    };
    let mut servers = summaries(1);
    servers[0].name = hostile.to_owned();
    servers[0].findings = vec![finding; 9];

    for page in [
        landing_page(&overview(std::slice::from_ref(&archive))),
        page_of(&archive, servers),
    ] {
        assert!(
            !page.contains("<script") && page.contains("&lt;script&gt;"),
            "{page}"
        );
        assert!(
            page.contains("5 minutes ago") && page.contains("in 5 minutes"),
            "{page}"
        );
    }
}

#[test]
fn a_scan_that_found_no_server_is_not_just_a_success() {
    let empty = ArchiveStatus {
        report: Some(report(&[])),
        ..scanned(ScanOutcome::Success)
    };
    let found = ArchiveStatus {
        report: Some(report(&["s"])),
        ..scanned(ScanOutcome::Success)
    };

    let empty = landing_page(&overview(&[empty]));
    let found = landing_page(&overview(&[found]));

    assert!(empty.contains(NO_SERVERS), "{empty}");
    assert!(!found.contains(NO_SERVERS), "{found}");
}

#[test]
fn an_unrestorable_server_stands_out_next_to_a_good_scan() {
    let page = page_of(&scanned(ScanOutcome::Success), summaries(3));

    for text in [
        r#"<small class="bad">1 critical</small>"#,
        r#"<span class="bad">not restorable</span>"#,
        r#"<span class="good">restorable</span>"#,
        "unexpected server: not in the configuration",
        "2 hours ago",
        "and 2 more",
        "As of 5 minutes ago, 2026-01-01 00:05:00 UTC",
    ] {
        assert!(page.contains(text), "no {text} in {page}");
    }
}

#[test]
fn after_a_failed_scan_no_server_looks_well() {
    let page = page_of(&scanned(ScanOutcome::Failure), summaries(3));

    assert!(!page.contains(r#"class="good""#), "{page}");
    assert!(
        page.contains("unknown") && page.contains("was restorable"),
        "{page}"
    );
    assert!(
        page.contains("As of 5 minutes ago, 2026-01-01 00:05:00 UTC"),
        "{page}"
    );
}

#[test]
fn while_the_next_scan_is_late_no_server_looks_well() {
    let next = |at: &str| ArchiveStatus {
        next_scan_at: Some(moment(at)),
        ..scanned(ScanOutcome::Success)
    };

    let late = page_of(&next("2026-01-01T00:07:00Z"), summaries(3));
    let due = page_of(&next("2026-01-01T00:09:00Z"), summaries(3));

    assert!(
        late.contains("The next scan is late") && late.contains("was restorable"),
        "{late}"
    );
    assert!(!due.contains("unknown"), "{due}");
}

#[test]
fn a_fleet_is_shown_by_its_worst_and_counted() {
    let page = page_of(&scanned(ScanOutcome::Success), summaries(1000));

    assert_eq!(page.matches("<strong>server-").count(), 50);
    assert!(page.contains("<strong>server-0</strong>"), "{page}");
    assert!(page.contains("and 950 more: 950 ok"), "{page}");
}

#[test]
fn an_archive_waits_for_its_first_scan() {
    let page = landing_page(&overview(&[unscanned("a")]));

    assert!(
        page.contains("waiting for the first scan") && page.contains("not yet"),
        "{page}"
    );
}
