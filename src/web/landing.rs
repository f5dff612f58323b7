//! The page for people: what is scanned, how that went, and how it is with the servers.
//!
//! It works without scripts and without anything from elsewhere, and its links are relative, so
//! that it can stand behind a proxy with a path of its own. maud escapes every text.

use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, html};

use super::content::{ArchiveOverview, CertificateOverview, Overview};
use super::servers::{not_well, servers};

/// The look of the pages, at `style.css`.
pub(super) const STYLE: &str = "\
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

/// The landing page.
pub(super) fn page(overview: &Overview) -> Markup {
    let content = html! {
        h1 { "barman-cloud-exporter" }
        p.quiet { "Version " (overview.version) ", revision " (overview.revision) }
        nav {
            a href="metrics" { "Metrics" }
            a href="-/healthy" { "Health" }
            a href="-/ready" { "Readiness" }
        }
        h2 { "Archives" }
        div.wide { table {
            thead { tr {
                th { "Archive" } th { "Last scan" } th { "Its outcome" }
                th.number { "Servers" } th.number { "Objects" } th { "Next scan" }
            } }
            tbody { @for archive in &overview.archives { (row(archive, overview.now)) } }
        } }
        (servers(overview))
        @if !overview.certificates.is_empty() { (certificates(overview)) }
        p.quiet { small { "As of " (moment(overview.now)) "." } }
    };
    document(&content)
}

fn certificates(overview: &Overview) -> Markup {
    html! {
        h2 { "Certificates" }
        div.wide { table {
            thead { tr { th { "Certificate" } th { "Subject" } th { "Ends" } th { "State" } } }
            tbody {
                @for certificate in &overview.certificates { (certificate_row(certificate, overview.now)) }
            }
        } }
    }
}

fn certificate_row(certificate: &CertificateOverview, now: DateTime<Utc>) -> Markup {
    let is_well = certificate.status == "ok";
    html! {
        tr {
            td { strong { (certificate.name) } small { (certificate.source) ": " (certificate.place) } }
            td { (certificate.subject.as_deref().unwrap_or("–")) }
            td { (when(certificate.not_after, now, "not known")) }
            td {
                span.good[is_well].bad[!is_well] { (certificate.status) }
                @for problem in &certificate.problems { small { (problem) } }
            }
        }
    }
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

fn row(archive: &ArchiveOverview, now: DateTime<Utc>) -> Markup {
    html! {
        tr {
            td {
                strong { (archive.name) }
                small { (archive.destination) @if !archive.endpoint.is_empty() { " at " (archive.endpoint) } }
            }
            td { (when(archive.last_attempt_at, now, "not yet")) }
            td { (state(archive, now)) }
            td.number { (archive.servers_found) (not_well(archive)) }
            td.number { @if let Some(objects) = archive.objects { (objects) } @else { "–" } }
            td { (when(archive.next_at, now, "none")) }
        }
    }
}

fn state(archive: &ArchiveOverview, now: DateTime<Utc>) -> Markup {
    let Some(outcome) = &archive.last_outcome else {
        return html! { span.wait { "waiting for the first scan" } };
    };
    let succeeded = outcome == "success";
    html! {
        span.good[succeeded].bad[!succeeded] { (outcome) }
        @if succeeded && archive.servers_found == 0 {
            small.wait { "found no server's directory: is the destination path the right one?" }
        }
        @if let Some(error) = &archive.last_error { small { (error) } }
        @if !succeeded { small { "last success: " (when(archive.last_success_at, now, "none yet")) } }
    }
}

pub(super) fn when(at: Option<DateTime<Utc>>, now: DateTime<Utc>, never: &str) -> Markup {
    html! {
        @if let Some(at) = at { (distance(at, now)) small { (moment(at)) } } @else { (never) }
    }
}

pub(super) fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How far a moment is from now, in the largest unit that fits.
pub(super) fn distance(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = at.signed_duration_since(now).num_seconds();
    let amount = match seconds.unsigned_abs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86400),
    };
    if seconds > 0 { format!("in {amount}") } else { format!("{amount} ago") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_that_found_no_server_is_not_just_a_success() {
        let scanned = ArchiveOverview {
            last_outcome: Some("success".to_owned()),
            ..ArchiveOverview::default()
        };
        let now = "2026-01-10T00:00:00Z".parse().unwrap();

        let empty = state(&scanned, now).into_string();
        let found = state(&ArchiveOverview { servers_found: 1, ..scanned }, now).into_string();

        assert!(empty.contains("found no server"), "{empty}");
        assert!(!found.contains("found no server"), "{found}");
    }

    #[test]
    fn a_distance_is_told_in_a_unit_that_fits() {
        let now: DateTime<Utc> = "2026-01-10T00:00:00Z".parse().unwrap();
        let from = |at: &str| distance(at.parse().unwrap(), now);

        assert_eq!(from("2026-01-10T00:00:30Z"), "in 30 s");
        assert_eq!(from("2026-01-10T00:00:00Z"), "0 s ago");
        assert_eq!(from("2026-01-09T23:50:00Z"), "10 min ago");
        assert_eq!(from("2026-01-09T12:00:00Z"), "12 h ago");
        assert_eq!(from("2026-01-01T00:00:00Z"), "9 days ago");
    }
}
