//! Text of a check, for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use barman_archive::retention::RetentionBlock;
use chrono::{DateTime, Utc};

use super::{ArchiveEntry, BackupEntry, CertificateEntry, CheckDocument, GapEntry, ServerEntry};
use crate::evidence::Level;
use crate::health::{FindingCode, Severity};
use crate::output::sentences::failure_in_words;
use crate::output::terminal::{plain, status};
use crate::output::words::{ago, bytes, count, duration, moment_in_words};
use crate::output::{AsLabel, BackupVerdictLabel, FindingEntry, Label};
use crate::report::{BackupState, RefusedKind};

/// Writes the document as text, with colours (ANSI) if wanted.
#[must_use]
pub fn check_text(document: &CheckDocument, colours: bool) -> String {
    let now = document.generated_at.0;
    let mut writer = TextWriter {
        now,
        colours,
        lines: Vec::new(),
    };
    writer.document(document);
    writer.lines.join("\n")
}

/// Text in the making.
struct TextWriter {
    now: DateTime<Utc>,
    colours: bool,
    lines: Vec<String>,
}

impl TextWriter {
    fn document(&mut self, document: &CheckDocument) {
        let status = self.status(document.status);
        self.lines
            .push(format!("{status} as of {}", moment_in_words(self.now)));
        for archive in &document.archives {
            self.archive(archive);
        }
        if !document.certificates.is_empty() {
            self.lines.push(String::new());
        }
        for certificate in &document.certificates {
            self.certificate(certificate);
        }
    }

    fn status(&self, severity: Label<Severity>) -> String {
        status(severity.0, self.colours)
    }

    fn archive(&mut self, archive: &ArchiveEntry) {
        let status = self.status(archive.status);
        let (name, destination) = (plain(&archive.name), &archive.destination);
        self.lines.push(String::new());
        self.lines
            .push(format!("{status} archive {name} ({destination})"));
        self.findings(&archive.findings);
        for server in &archive.servers {
            self.server(server);
        }
    }

    fn server(&mut self, server: &ServerEntry) {
        let status = self.status(server.status);
        self.lines.push(String::new());
        self.lines
            .push(format!("  {status} server {}", plain(&server.name)));
        self.fact("Latest backup", Some(self.latest_backup(server)));
        self.fact("Oldest backup", self.oldest_backup(server));
        self.fact("Backups", backups(server));
        self.fact("Last failure", self.last_failure(server));
        self.fact("Schedule", schedule(server));
        self.fact("Newest WAL", self.newest_wal(server));
        self.fact("Timelines", timelines(server));
        self.fact("Gaps", gaps(server));
        self.fact("Pending WAL", pending_wal(server));
        self.fact("Recovery window", recovery_window(server));
        self.contents(server);
        self.fact("Retention", self.retention(server));
        self.findings(&server.findings);
    }

    /// Describes what was read of the contents, if they are verified.
    fn contents(&mut self, server: &ServerEntry) {
        let Some(contents) = &server.contents else {
            return;
        };
        let proof = contents.proof.as_ref();
        let proof = proof.map(|proof| proof.in_words(self.now));
        let verified = done(server)
            .filter(|backup| backup.is_verified())
            .max_by_key(|backup| backup.ended_at);
        let verified = verified.and_then(|backup| {
            let contents = backup.contents.as_ref()?;
            Some(format!(
                "{}, {}",
                plain(&backup.id),
                contents.details(self.now)
            ))
        });
        self.fact("Contents", Some(contents.in_words()));
        if contents.level.0 < Level::Full {
            return;
        }
        self.fact(
            "Verified backup",
            verified.or_else(|| Some("none".to_owned())),
        );
        self.fact("Recovery proof", proof.or_else(|| Some("none".to_owned())));
    }

    fn fact(&mut self, name: &str, fact: Option<String>) {
        if let Some(fact) = fact {
            self.lines.push(format!("    {name:<15}  {fact}"));
        }
    }

    fn certificate(&mut self, certificate: &CertificateEntry) {
        let CertificateEntry {
            name,
            source,
            place,
            ..
        } = certificate;
        let status = self.status(certificate.status);
        let mut line = format!(
            "{status} certificate {} ({source} {})",
            plain(name),
            plain(place)
        );
        if let Some(end) = certificate.end_in_words(self.now) {
            let _ = write!(line, ": {end}");
        }
        if let Some(subject) = &certificate.subject {
            let _ = write!(line, ", {}", plain(subject));
        }
        if certificate.chain_valid == Some(true) {
            line.push_str(", verifies");
        }
        self.lines.push(line);
        self.findings(&certificate.findings);
    }

    fn findings(&mut self, findings: &[FindingEntry]) {
        for finding in findings {
            let status = self.status(finding.severity);
            self.lines
                .push(format!("    {status}: {}", plain(&finding.message)));
        }
    }

    fn latest_backup(&self, server: &ServerEntry) -> String {
        let latest = done(server).max_by_key(|backup| backup.ended_at);
        let mut refused = server.files_refused.iter();
        let is_refused = refused.any(|refused| refused.kind.0 == RefusedKind::BackupInfo);
        match latest {
            Some(backup) if is_refused => {
                format!("{} (others cannot be read)", self.backup(backup))
            }
            Some(backup) => self.backup(backup),
            None if is_refused => "unknown: the store refuses to return backup.info".to_owned(),
            None => "none finished".to_owned(),
        }
    }

    fn oldest_backup(&self, server: &ServerEntry) -> Option<String> {
        let oldest = done(server).min_by_key(|backup| backup.ended_at)?;
        Some(self.backup(oldest))
    }

    fn backup(&self, backup: &BackupEntry) -> String {
        let mut words = plain(&backup.id);
        if let Some(ended_at) = backup.ended_at {
            let _ = write!(words, ", {}", ago(ended_at.0, self.now));
        }
        if let Some(keep) = backup.keep {
            let _ = write!(words, ", kept ({keep})");
        }
        let _ = write!(words, ", {}", backup.verdict);
        if let Some(obstacle) = &backup.obstacle {
            let _ = write!(words, ": {}", obstacle.in_words());
        }
        if let Some(reach) = &backup.reach
            && backup.verdict.0 == BackupVerdictLabel::Consistent
        {
            let _ = write!(words, ", replay reaches {}", reach.segment);
        }
        if let Some(contents) = &backup.contents {
            let _ = write!(words, "; {}", contents.in_words(self.now));
        }
        words
    }

    /// Describes the newest failed backup, unless a finding already does.
    fn last_failure(&self, server: &ServerEntry) -> Option<String> {
        let failed = server
            .backups
            .iter()
            .filter(|backup| backup.state.0 == BackupState::Failed);
        let newest = failed.max_by_key(|backup| backup.began_at)?;
        let is_reported = server.findings.iter().any(|finding| {
            finding.code.0 == FindingCode::BackupFailed
                && finding.evidence.backup.as_ref() == Some(&newest.id)
        });
        if is_reported {
            return None;
        }
        let mut words = newest.id.clone();
        if let Some(began_at) = newest.began_at {
            let _ = write!(words, ", started {}", ago(began_at.0, self.now));
        }
        let _ = write!(words, ": {}", failure_in_words(newest.error.as_deref()));
        Some(plain(&words))
    }

    fn newest_wal(&self, server: &ServerEntry) -> Option<String> {
        let newest_at = server.wal.newest_at?.0;
        Some(format!(
            "archived {}, {}",
            ago(newest_at, self.now),
            moment_in_words(newest_at)
        ))
    }

    fn retention(&self, server: &ServerEntry) -> Option<String> {
        let retention = server.retention.as_ref()?;
        let mut words = retention.policy.clone();
        if let Some(obsolete) = &retention.obsolete {
            let _ = match obsolete.as_slice() {
                [] => write!(words, ", nothing obsolete"),
                ids => write!(words, ", obsolete: {}", plain(&ids.join(", "))),
            };
        }
        if let Some(since) = retention.overdue_since {
            let _ = write!(words, " (for {})", duration(self.now - since.0));
        }
        if let Some(ratio) = retention.coverage_ratio {
            let _ = write!(
                words,
                ", {:.1} % of the window can be restored",
                ratio * 100.0
            );
        }
        let blocked = retention.blocked.as_ref();
        if blocked.is_some_and(|blocked| blocked.contains(&Label(RetentionBlock::KeptBackup))) {
            words.push_str("; the oldest backup is kept, so no WAL is deleted");
        }
        Some(words)
    }
}

/// Backups that Barman calls done.
fn done(server: &ServerEntry) -> impl Iterator<Item = &BackupEntry> {
    server
        .backups
        .iter()
        .filter(|backup| backup.state.0 == BackupState::Done)
}

fn backups(server: &ServerEntry) -> Option<String> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for backup in &server.backups {
        *counts.entry(backup.state.0.label()).or_default() += 1;
    }
    let mut words = Vec::new();
    for state in BackupState::ALL_LABELS {
        if let Some(count) = counts.get(state) {
            words.push(format!("{count} {state}"));
        }
    }
    joined(&words)
}

/// Joins words by commas; `None` without any.
fn joined(words: &[String]) -> Option<String> {
    (!words.is_empty()).then(|| words.join(", "))
}

fn schedule(server: &ServerEntry) -> Option<String> {
    Some(plain(&server.schedule.as_ref()?.in_words()))
}

fn timelines(server: &ServerEntry) -> Option<String> {
    let mut words = Vec::new();
    for entry in &server.wal.timelines {
        let is_current = server.recovery.current_timeline == Some(entry.timeline);
        let current = if is_current { ", current" } else { "" };
        let segments = count(entry.segments, "segment");
        let bytes = bytes(entry.bytes);
        words.push(format!("{} ({segments}, {bytes}{current})", entry.timeline));
    }
    joined(&words)
}

fn gaps(server: &ServerEntry) -> Option<String> {
    let Some(gaps) = &server.recovery.gaps else {
        return Some("unknown".to_owned());
    };
    if gaps.is_empty() && !server.wal.timelines.is_empty() {
        return Some("none".to_owned());
    }
    runs(gaps)
}

/// Describes runs of segments by the ends of each; `None` without any.
fn runs(runs: &[GapEntry]) -> Option<String> {
    let mut words = Vec::new();
    for GapEntry {
        first,
        last,
        count: number,
        ..
    } in runs
    {
        words.push(if first == last {
            first.clone()
        } else {
            format!("{first} to {last} ({})", count(*number, "segment"))
        });
    }
    joined(&words)
}

/// Missing segments that may still arrive.
fn pending_wal(server: &ServerEntry) -> Option<String> {
    let runs = runs(&server.recovery.pending_gaps)?;
    Some(format!(
        "{runs}: missing, but later segments have only just arrived"
    ))
}

fn recovery_window(server: &ServerEntry) -> Option<String> {
    let recovery = &server.recovery;
    if let (Some(start), Some(end)) = (recovery.window_start, recovery.window_end) {
        let length = duration(end.0 - start.0);
        let last_commit = recovery.window_last_commit_at;
        let last_commit = last_commit.map(|at| last_commit_in_words(at.0, end.0));
        let last_commit = last_commit.unwrap_or_default();
        let (start, end) = (moment_in_words(start.0), moment_in_words(end.0));
        return Some(format!("{length}, from {start} to {end}{last_commit}"));
    }
    server.expected.then(|| no_window(server))
}

/// Describes the last commit before the end of the window, which is an arrival.
fn last_commit_in_words(committed_at: DateTime<Utc>, end: DateTime<Utc>) -> String {
    if committed_at.date_naive() == end.date_naive() {
        // The end has the date.
        format!(" (last commit {})", committed_at.format("%H:%M:%S"))
    } else {
        format!(" (last commit {})", moment_in_words(committed_at))
    }
}

/// Describes a server without a window up to the newest WAL; some earlier moments may be restorable.
fn no_window(server: &ServerEntry) -> String {
    if server
        .backups
        .iter()
        .any(|backup| backup.restorable.is_none())
    {
        return "unknown".to_owned();
    }
    let restorable = server
        .backups
        .iter()
        .filter(|backup| backup.restorable == Some(true));
    let last = restorable
        .filter_map(|backup| backup.reach.as_ref()?.arrived_at)
        .max();
    let none = "none: no backup reaches the newest WAL";
    match last {
        Some(last) => format!(
            "{none}; the latest restorable moment is {}",
            moment_in_words(last.0)
        ),
        None => none.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_of_the_same_day_needs_no_date() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let end = at("2026-11-28T05:00:00Z");

        let words = |committed_at| last_commit_in_words(at(committed_at), end);

        assert_eq!(words("2026-11-28T04:59:58Z"), " (last commit 04:59:58)");
        assert_eq!(
            words("2026-11-27T23:59:58Z"),
            " (last commit 2026-11-27 23:59:58 UTC)"
        );
    }
}
