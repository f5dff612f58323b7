//! The document in plain words.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::human::{ago, bytes, count, duration, moment, quoted};
use super::terminal::{plain, status};
use super::{
    ArchiveEntry, BackupEntry, CertificateEntry, CheckDocument, Finding, FindingCode, GapEntry,
    ObstacleEntry, ServerEntry, Severity,
};

/// The document as text for people, with colours (ANSI) where they are wanted.
#[must_use]
pub fn text(document: &CheckDocument, colours: bool) -> String {
    let page = TextWriter { now: document.generated_at.0, colours };
    let status = page.status(document.status);
    let mut lines = vec![format!("{status} as of {}", moment(page.now))];
    lines.extend(document.archives.iter().flat_map(|archive| page.archive(archive)));
    if !document.certificates.is_empty() {
        lines.push(String::new());
    }
    lines.extend(document.certificates.iter().flat_map(|entry| page.certificate(entry)));
    lines.join("\n")
}

/// How everything is written.
struct TextWriter {
    now: DateTime<Utc>,
    colours: bool,
}

impl TextWriter {
    fn status(&self, severity: Severity) -> String {
        status(severity, self.colours)
    }

    fn archive(&self, archive: &ArchiveEntry) -> Vec<String> {
        let status = self.status(archive.status);
        let head = format!("{status} archive {} ({})", plain(&archive.name), archive.destination);
        let mut lines = vec![String::new(), head];
        lines.extend(archive.findings.iter().map(|finding| self.finding(finding)));
        lines.extend(archive.servers.iter().flat_map(|server| self.server(server)));
        lines
    }

    fn server(&self, server: &ServerEntry) -> Vec<String> {
        let status = self.status(server.status);
        let mut lines = vec![String::new(), format!("  {status} server {}", plain(&server.name))];
        let facts = [
            ("Latest backup", Some(self.latest_backup(server))),
            ("Oldest backup", self.oldest_backup(server)),
            ("Backups", backups(server)),
            ("Last failure", self.last_failure(server)),
            ("Schedule", schedule(server)),
            ("Newest WAL", self.newest_wal(server)),
            ("Timelines", timelines(server)),
            ("Gaps", gaps(server)),
            ("On its way", on_their_way(server)),
            ("Recovery window", window(server)),
            ("Retention", self.retention(server)),
        ];
        let known = facts.into_iter().filter_map(|(name, fact)| Some((name, fact?)));
        lines.extend(known.map(|(name, fact)| format!("    {name:<15}  {fact}")));
        lines.extend(server.findings.iter().map(|finding| self.finding(finding)));
        lines
    }

    fn certificate(&self, certificate: &CertificateEntry) -> Vec<String> {
        let CertificateEntry { name, source, place, .. } = certificate;
        let mut head = format!(
            "{} certificate {} ({source} {})",
            self.status(certificate.status),
            plain(name),
            plain(place)
        );
        if let Some(end) = certificate.end_in_words(self.now) {
            let _ = write!(head, ": {end}");
        }
        if let Some(subject) = &certificate.subject {
            let _ = write!(head, ", {}", plain(subject));
        }
        if certificate.chain_valid == Some(true) {
            head.push_str(", verifies");
        }
        let findings = certificate.findings.iter().map(|finding| self.finding(finding));
        std::iter::once(head).chain(findings).collect()
    }

    fn finding(&self, finding: &Finding) -> String {
        format!("    {}: {}", self.status(finding.severity), plain(&finding.message))
    }

    fn latest_backup(&self, server: &ServerEntry) -> String {
        let latest = done(server).max_by_key(|backup| backup.ended_at);
        let is_refused = server.files_refused.iter().any(|refused| refused.kind == "backup_info");
        match latest {
            Some(backup) if is_refused => {
                format!("{} (others cannot be read)", self.backup(backup))
            }
            Some(backup) => self.backup(backup),
            None if is_refused => "not known: the store refuses backup.info".to_owned(),
            None => "none is done".to_owned(),
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
        let obstacle = backup.obstacle.as_ref().map(ObstacleEntry::in_words);
        if let Some(obstacle) = obstacle {
            let _ = write!(words, ": {obstacle}");
        }
        if let (Some(reach), "consistent") = (&backup.reach, backup.verdict) {
            let _ = write!(words, ", replay reaches {}", reach.segment);
        }
        words
    }

    /// The newest failed backup; where none is done since, a finding tells of it.
    fn last_failure(&self, server: &ServerEntry) -> Option<String> {
        let failed = server.backups.iter().filter(|backup| backup.state == "failed");
        let BackupEntry { id, began_at, error, .. } = failed.max_by_key(|entry| entry.began_at)?;
        let is_told = |finding: &Finding| {
            finding.code == FindingCode::BackupFailed
                && finding.evidence.backup.as_ref() == Some(id)
        };
        if server.findings.iter().any(is_told) {
            return None;
        }
        let began = began_at.map(|at| format!(", begun {}", ago(at.0, self.now)));
        let error = error.as_deref().unwrap_or("Barman does not say why");
        Some(plain(&format!("{id}{}: {}", began.unwrap_or_default(), quoted(error))))
    }

    fn newest_wal(&self, server: &ServerEntry) -> Option<String> {
        let newest = server.wal.newest_at?.0;
        Some(format!("archived {}, {}", ago(newest, self.now), moment(newest)))
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
            let _ = write!(words, ", {:.1} % of its moments can be restored", ratio * 100.0);
        }
        let is_blocked = |blocked: &BTreeSet<&str>| blocked.contains("kept_backup");
        if retention.blocked.as_ref().is_some_and(is_blocked) {
            words.push_str("; a kept backup is the oldest: no WAL is deleted");
        }
        Some(words)
    }
}

/// The backups that Barman calls done.
fn done(server: &ServerEntry) -> impl Iterator<Item = &BackupEntry> {
    server.backups.iter().filter(|backup| backup.state == "done")
}

fn backups(server: &ServerEntry) -> Option<String> {
    let number = |state| server.backups.iter().filter(|entry| entry.state == state).count();
    let known = crate::report::BackupState::ALL_LABELS.map(|state| (state, number(state)));
    let known = known.into_iter().filter(|(_, number)| *number > 0);
    let words: Vec<_> = known.map(|(state, number)| format!("{number} {state}")).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn schedule(server: &ServerEntry) -> Option<String> {
    Some(plain(&server.schedule.as_ref()?.in_words()))
}

fn timelines(server: &ServerEntry) -> Option<String> {
    let timelines = server.wal.timelines.iter().map(|entry| {
        let is_current = server.recovery.current_timeline == Some(entry.timeline);
        let current = if is_current { ", current" } else { "" };
        let segments = count(entry.segments, "segment");
        format!("{} ({segments}, {}{current})", entry.timeline, bytes(entry.bytes))
    });
    let timelines: Vec<_> = timelines.collect();
    (!timelines.is_empty()).then(|| timelines.join(", "))
}

fn gaps(server: &ServerEntry) -> Option<String> {
    let Some(gaps) = &server.recovery.gaps else { return Some("not known".to_owned()) };
    let gaps: Vec<_> = gaps.iter().map(gap_in_words).collect();
    let none = || (!server.wal.timelines.is_empty()).then(|| "none".to_owned());
    if gaps.is_empty() { none() } else { Some(gaps.join(", ")) }
}

fn gap_in_words(gap: &GapEntry) -> String {
    if gap.first == gap.last {
        gap.first.clone()
    } else {
        format!("{} to {} ({})", gap.first, gap.last, count(gap.count, "segment"))
    }
}

/// Missing segments that may still arrive.
fn on_their_way(server: &ServerEntry) -> Option<String> {
    let pending = server.recovery.pending_gaps.iter().map(gap_in_words);
    let pending: Vec<_> = pending.collect();
    (!pending.is_empty())
        .then(|| format!("possibly {}: later segments have just arrived", pending.join(", ")))
}

/// There is no window that lasts until now; some moments before may well be restored.
fn none_to_newest_wal(server: &ServerEntry) -> String {
    if server.backups.iter().any(|backup| backup.restorable.is_none()) {
        return "not known".to_owned();
    }
    let reached = server.backups.iter().filter(|backup| backup.restorable == Some(true));
    let last = reached.filter_map(|backup| backup.reach.as_ref()?.arrived_at).max();
    match last {
        Some(last) => format!(
            "none up to now: no backup reaches the newest WAL; restores end with {} at the latest",
            moment(last.0)
        ),
        None => "none: no backup reaches the newest WAL".to_owned(),
    }
}

fn window(server: &ServerEntry) -> Option<String> {
    let start = server.recovery.window_start;
    let Some((start, end)) = start.zip(server.recovery.window_end) else {
        return server.expected.then(|| none_to_newest_wal(server));
    };
    let length = duration(end.0 - start.0);
    Some(format!("{length}, from {} to {}", moment(start.0), moment(end.0)))
}
