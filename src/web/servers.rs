//! The servers on the page for people: whether each can be restored, worst first.

use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

use super::content::{ArchiveOverview, Overview, ServerOverview, Standing};
use super::landing::{distance, moment, when};

/// How many servers of an archive are shown; the rest is counted.
const SHOWN_SERVERS: usize = 50;

/// How many problems of a server are shown; the rest is counted.
const SHOWN_PROBLEMS: usize = 5;

/// How late the next scan may begin; one that is on time is followed by the next at once.
const LATE: TimeDelta = TimeDelta::minutes(2);

/// A table for each archive that was scanned.
pub(super) fn servers(overview: &Overview) -> Markup {
    let with_servers = overview.archives.iter().filter(|archive| !archive.servers.is_empty());
    html! {
        @for archive in with_servers { (of_archive(archive, overview.now)) }
    }
}

/// How many servers are not well, by how they are; nothing where all are.
pub(super) fn not_well(archive: &ArchiveOverview) -> Markup {
    html! {
        @for (status, count) in counts(&archive.servers) {
            @if status != "ok" { small class=(class(status)) { (count) " " (status) } }
        }
    }
}

fn of_archive(archive: &ArchiveOverview, now: DateTime<Utc>) -> Markup {
    let doubt = doubt(archive, now);
    let is_up = doubt.is_none();
    let (shown, more) = archive.servers.split_at(archive.servers.len().min(SHOWN_SERVERS));
    html! {
        h2 { "Servers in " (archive.name) }
        p.quiet.bad[!is_up] {
            @if let Some(doubt) = doubt { (doubt) ": how they are now is not known. " }
            @if let Some(at) = archive.last_success_at { "As of " (distance(at, now)) ", " (moment(at)) }
        }
        div.wide { table {
            thead { tr {
                th { "Server" } th { "Restore" } th { "State" } th { "Newest backup" }
                th { "What is not as it should be" }
            } }
            tbody { @for server in shown { (row(server, is_up, now)) } }
        } }
        @if !more.is_empty() { (rest(more)) }
    }
}

/// Why what the last good scan found may no longer be so.
fn doubt(archive: &ArchiveOverview, now: DateTime<Utc>) -> Option<&'static str> {
    if archive.last_outcome.as_deref() != Some("success") {
        return Some("The last scan failed");
    }
    let is_late = archive.next_at.is_some_and(|next| now - next > LATE);
    is_late.then_some("The next scan is late")
}

fn row(server: &ServerOverview, is_up: bool, now: DateTime<Utc>) -> Markup {
    let (problems, more) = server.problems.split_at(server.problems.len().min(SHOWN_PROBLEMS));
    html! {
        tr {
            td { strong { (server.name) } }
            td { (verdict(server, is_up)) }
            td { @if is_up { span class=(class(&server.status)) { (server.status) } }
                @else { "was " (server.status) } }
            td { (when(server.newest_backup_at, now, "none is done")) }
            td.problems {
                @for problem in problems { small { (problem) } }
                @if !more.is_empty() {
                    small { "and " (more.len()) " more, told by barman-cloud-exporter check" }
                }
            }
        }
    }
}

/// Who cannot be looked at is not well, however it was.
fn verdict(server: &ServerOverview, is_up: bool) -> Markup {
    let Some(verdict) = &server.verdict else {
        return html! { span.quiet { "orphan: not configured" } };
    };
    let class = match server.standing {
        Standing::Good => "good",
        Standing::Pending => "wait",
        Standing::Bad => "bad",
    };
    html! {
        @if is_up { span class=(class) { (verdict) } }
        @else { span.wait { "not known" } small { "was " (verdict) } }
    }
}

fn rest(more: &[ServerOverview]) -> Markup {
    let counts = counts(more).map(|(status, count)| format!("{count} {status}"));
    let counts: Vec<_> = counts.collect();
    html! {
        p.quiet { "and " (more.len()) " more: " (counts.join(", ")) }
    }
}

/// How many servers there are by how they are, in the order in which they are shown.
fn counts(servers: &[ServerOverview]) -> impl Iterator<Item = (&str, usize)> {
    let alike = servers.chunk_by(|server, next| server.status == next.status);
    alike.filter_map(|all| Some((all.first()?.status.as_str(), all.len())))
}

fn class(status: &str) -> &'static str {
    match status {
        "ok" => "good",
        "warning" => "wait",
        _ => "bad",
    }
}
