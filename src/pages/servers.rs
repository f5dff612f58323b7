//! Servers on the landing page: whether each can be restored, worst first.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::overview::{SummarisedArchive, class, when};
use crate::health::{RestoreVerdict, ServerSummary, Severity, Staleness};
use crate::output::{distance, moment_in_words, sentence};

/// Maximum number of servers of an archive that are shown; the others are counted.
const SHOWN_SERVERS: usize = 50;

/// Maximum number of findings of a server that are shown; the others are counted.
const SHOWN_FINDINGS: usize = 5;

/// Describes the reason why the result of the last good scan may be outdated.
const fn in_words(staleness: Staleness) -> &'static str {
    match staleness {
        Staleness::ScanFailed => {
            "The last scan failed: the current state of the servers is unknown. "
        }
        Staleness::ScanLate => {
            "The next scan is late: the current state of the servers is unknown. "
        }
    }
}

/// Shows a table of an archive's servers; nothing without any.
pub(super) fn servers(archive: &SummarisedArchive<'_>, now: DateTime<Utc>) -> Markup {
    if archive.servers.is_empty() {
        return Markup::default();
    }
    let staleness = Staleness::of(archive.status, now);
    let is_current = staleness.is_none();
    let (shown, more) = archive
        .servers
        .split_at(archive.servers.len().min(SHOWN_SERVERS));
    html! {
        h2 { "Servers in " (archive.status.name) }
        p.quiet.bad[!is_current] {
            @if let Some(staleness) = staleness { (in_words(staleness)) }
            @if let Some(at) = archive.status.last_success_at {
                "As of " (distance(at, now)) ", " (moment_in_words(at))
            }
        }
        div.wide { table {
            thead { tr {
                th { "Server" } th { "Restore" } th { "Status" } th { "Newest backup" }
                th { "Problems" }
            } }
            tbody { @for server in shown { (row(server, is_current, now)) } }
        } }
        @if !more.is_empty() { (rest(more)) }
    }
}

/// Counts the servers with problems, by status; nothing if all are healthy.
pub(super) fn problem_counts(servers: &[ServerSummary]) -> Markup {
    html! {
        @for (status, count) in counts(servers) {
            @if status != Severity::Ok {
                small class=(class(status)) { (count) " " (status.as_label()) }
            }
        }
    }
}

fn row(server: &ServerSummary, is_current: bool, now: DateTime<Utc>) -> Markup {
    let shown = server.findings.len().min(SHOWN_FINDINGS);
    let (shown, more) = server.findings.split_at(shown);
    html! {
        tr {
            td { strong { (server.name) } }
            td { (verdict(server, is_current)) }
            td { (status(server.status, is_current)) }
            td { (when(server.newest_backup_at, now, "none finished")) }
            td.problems {
                @for finding in shown { small { (sentence(finding, now)) } }
                @if !more.is_empty() {
                    small { "and " (more.len()) " more: run barman-cloud-exporter check for details" }
                }
            }
        }
    }
}

fn status(status: Severity, is_current: bool) -> Markup {
    let label = status.as_label();
    html! {
        @if is_current { span class=(class(status)) { (label) } } @else { "was " (label) }
    }
}

/// Shows a verdict. A verdict that may be outdated is shown as unknown.
fn verdict(server: &ServerSummary, is_current: bool) -> Markup {
    let Some(verdict) = server.verdict else {
        return html! { span.quiet { "unexpected server: not in the configuration" } };
    };
    let words = verdict_in_words(verdict);
    html! {
        @if is_current {
            span class=(verdict_class(verdict)) { (words) }
        } @else {
            span.wait { "unknown" } small { "was " (words) }
        }
    }
}

const fn verdict_in_words(verdict: RestoreVerdict) -> &'static str {
    match verdict {
        RestoreVerdict::Restorable => "restorable",
        RestoreVerdict::EndsEarly => "restorable, but not to the newest WAL",
        RestoreVerdict::Blocked => "restorable once objects are retrieved from cold storage",
        RestoreVerdict::Waiting => "waiting for WAL",
        RestoreVerdict::NotRestorable => "not restorable",
        RestoreVerdict::Unknown => "unknown",
    }
}

const fn verdict_class(verdict: RestoreVerdict) -> &'static str {
    match verdict {
        RestoreVerdict::Restorable => "good",
        RestoreVerdict::Waiting => "wait",
        RestoreVerdict::EndsEarly
        | RestoreVerdict::Blocked
        | RestoreVerdict::NotRestorable
        | RestoreVerdict::Unknown => "bad",
    }
}

fn rest(more: &[ServerSummary]) -> Markup {
    let mut words = Vec::new();
    for (status, count) in counts(more) {
        words.push(format!("{count} {}", status.as_label()));
    }
    html! {
        p.quiet { "and " (more.len()) " more: " (words.join(", ")) }
    }
}

/// Counts servers by status, in the order in which they are shown.
fn counts(servers: &[ServerSummary]) -> Vec<(Severity, usize)> {
    let mut counts = Vec::new();
    for alike in servers.chunk_by(|server, next| server.status == next.status) {
        if let Some(server) = alike.first() {
            counts.push((server.status, alike.len()));
        }
    }
    counts
}
