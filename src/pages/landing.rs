//! The landing page: archives and their last scans.

use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, html};

use super::certificates::certificates;
use super::overview::{Overview, SummarisedArchive, when};
use super::servers::{problem_counts, servers};
use crate::output::{NO_SERVERS, moment_in_words};
use crate::report::{ArchiveStatus, Report, ScanOutcome};

/// Style sheet of the page, at `style.css`.
pub const STYLE_SHEET: &str = "\
:root { color-scheme: light dark; --line: #8884; --good: #1a7f37; --bad: #cf222e; --wait: #9a6700 }
@media (prefers-color-scheme: dark) { :root { --good: #3fb950; --bad: #f85149; --wait: #d29922 } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
h1 { margin-bottom: 0; font-size: 1.6rem }
.quiet, small { opacity: .7 }
nav a { margin-right: 1rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100%; margin-top: 1rem }
th, td { text-align: left; vertical-align: top; padding: .5rem .75rem .5rem 0;
  border-bottom: 1px solid var(--line) }
td small { display: block; overflow-wrap: anywhere }
.problems small { margin-bottom: .25rem }
.number { text-align: right; font-variant-numeric: tabular-nums }
.good { color: var(--good) } .bad { color: var(--bad) } .wait { color: var(--wait) }
";

/// Writes the landing page.
#[must_use]
pub fn landing_page(overview: &Overview<'_>) -> String {
    let now = overview.now;
    let archives = overview.archives.iter();
    let archives: Vec<_> = archives
        .map(|status| SummarisedArchive::new(status, now))
        .collect();
    page(overview, &archives).into_string()
}

pub(super) fn page(overview: &Overview<'_>, archives: &[SummarisedArchive<'_>]) -> Markup {
    let Overview {
        version,
        revision,
        now,
        certificates: watched,
        ..
    } = *overview;
    document(&html! {
        h1 { "barman-cloud-exporter" }
        p.quiet { "Version " (version) ", revision " (revision) }
        nav {
            a href="metrics" { "Metrics" }
            a href="-/healthy" { "Health" }
            a href="-/ready" { "Readiness" }
        }
        (archive_table(archives, now))
        @for archive in archives { (servers(archive, now)) }
        (certificates(watched, now))
        p.quiet { small { "As of " (moment_in_words(now)) "." } }
    })
}

fn document(content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "barman-cloud-exporter" }
                link rel="stylesheet" href="style.css";
            }
            body { (content) }
        }
    }
}

fn archive_table(archives: &[SummarisedArchive<'_>], now: DateTime<Utc>) -> Markup {
    html! {
        h2 { "Archives" }
        div.wide { table {
            thead { tr {
                th { "Archive" } th { "Last scan" } th { "Outcome" }
                th.number { "Servers" } th.number { "Objects" } th { "Next scan" }
            } }
            tbody { @for archive in archives { (archive_row(archive, now)) } }
        } }
    }
}

fn archive_row(archive: &SummarisedArchive<'_>, now: DateTime<Utc>) -> Markup {
    let ArchiveStatus {
        name,
        destination,
        endpoint,
        report,
        ..
    } = archive.status;
    let report = report.as_deref();
    html! {
        tr {
            td {
                strong { (name) }
                small { (destination) @if !endpoint.is_empty() { " at " (endpoint) } }
            }
            td { (when(archive.status.last_attempt_at, now, "not yet")) }
            td { (outcome(archive.status, now)) }
            td.number { (report.map_or(0, Report::servers_found)) (problem_counts(&archive.servers)) }
            td.number {
                @if let Some(report) = report { (report.usage.sums.objects) } @else { "–" }
            }
            td { (when(archive.status.next_scan_at, now, "none")) }
        }
    }
}

fn outcome(archive: &ArchiveStatus, now: DateTime<Utc>) -> Markup {
    let Some(outcome) = archive.last_outcome else {
        return html! { span.wait { "waiting for the first scan" } };
    };
    match outcome {
        ScanOutcome::Success => html! {
            span.good { (outcome.as_label()) }
            @if is_empty(archive) { small.wait { (NO_SERVERS) } }
        },
        ScanOutcome::Failure | ScanOutcome::Timeout | ScanOutcome::Skipped => html! {
            span.bad { (outcome.as_label()) }
            @if let Some(failure) = &archive.last_failure { small { (failure.message) } }
            small { "last success: " (when(archive.last_success_at, now, "none yet")) }
        },
    }
}

/// Returns whether the last good scan found no server.
fn is_empty(archive: &ArchiveStatus) -> bool {
    archive
        .report
        .as_deref()
        .is_none_or(|report| !report.has_server_directories())
}
