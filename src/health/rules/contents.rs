//! Rules on the contents of objects, as far as they were read.

use std::collections::BTreeSet;

use super::{ScannedArchive, ScannedServer};
use crate::evidence::{DataFault, Depth, Level};
use crate::health::ProvenEnd;
use crate::health::thresholds::{STALLED_FOR, TIME_TO_READ, UNPROVEN_FOR};
use crate::health::{Doubt, Evidence, FaultyData, FaultySegments, Finding};
use crate::report::{BackupContents, ContentsReport, FaultyBackup, FaultySegment};

/// Maximum number of faulty segments that a finding names.
const MOST_SEGMENTS: usize = 3;

/// Finding on segments whose content ends replay. Only segments that a backup needs are read.
pub(super) fn corrupt_wal(subject: &ScannedServer<'_>) -> Option<Finding> {
    let contents = subject.server.contents.as_ref()?;
    let segments = faulty(contents.wal.corrupt, &contents.corrupt_wal)?;
    Some(Finding::critical(Evidence::CorruptWal(segments)))
}

/// Finding on segments that seem to be damaged.
pub(super) fn suspect_wal(subject: &ScannedServer<'_>) -> Option<Finding> {
    let contents = subject.server.contents.as_ref()?;
    let segments = faulty(contents.wal.suspect, &contents.suspect_wal)?;
    Some(Finding::warning(Evidence::SuspectWal(segments)))
}

fn faulty(count: u64, segments: &[FaultySegment]) -> Option<FaultySegments> {
    (count > 0).then(|| FaultySegments {
        count,
        segments: segments.iter().copied().take(MOST_SEGMENTS).collect(),
    })
}

/// Findings on backups with corrupt data, one for each.
pub(super) fn corrupt_backups(subject: &ScannedServer<'_>) -> Vec<Finding> {
    let Some(contents) = &subject.server.contents else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for backup in &contents.corrupt_backups {
        let known = contents.backups.get(&backup.id);
        findings.extend(known.map(|known| {
            let data = faulty_data(backup, known);
            Finding::critical(Evidence::CorruptBackup(data))
        }));
    }
    findings
}

/// Findings on backups with data that seems to be damaged, one for each.
pub(super) fn suspect_backups(subject: &ScannedServer<'_>) -> Vec<Finding> {
    let Some(contents) = &subject.server.contents else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for backup in &contents.suspect_backups {
        let known = contents.backups.get(&backup.id);
        findings.extend(known.map(|known| {
            let data = faulty_data(backup, known);
            let doubt = doubt(contents.level, known);
            Finding::warning(Evidence::SuspectBackup { data, doubt })
        }));
    }
    findings
}

fn faulty_data(backup: &FaultyBackup, known: &BackupContents) -> FaultyData {
    let words = backup.faults.iter();
    let faults: BTreeSet<_> = words.filter_map(|word| DataFault::of_label(word)).collect();
    FaultyData {
        backup: backup.id.clone(),
        faults,
        read_at: known.read_at,
    }
}

const fn doubt(level: Level, known: &BackupContents) -> Doubt {
    match (known.depth, level) {
        (Depth::Edges, Level::Full) => Doubt::Edges,
        (Depth::Edges, Level::Off | Level::Edges | Level::Wal) => Doubt::OnlyEdges,
        (Depth::Whole, _) if known.is_unconfirmed => Doubt::ReadOnce,
        (Depth::Whole, _) => Doubt::Undecidable,
    }
}

/// Finding on objects whose content cannot be judged.
pub(super) fn unreadable_contents(subject: &ScannedServer<'_>) -> Option<Finding> {
    let contents = subject.server.contents.as_ref()?;
    let (wal, base) = (contents.wal.unreadable, contents.base.unreadable);
    let reasons = contents.unreadable.clone();
    (wal > 0 || base > 0)
        .then(|| Finding::warning(Evidence::UnreadableContents { wal, base, reasons }))
}

/// Finding on a server of which nothing proves that recent WAL can be recovered.
///
/// A server is given the time that the budget may need. What counts is how far the proof is behind the
/// newest WAL: an idle database writes none, and its proof does not age.
pub(super) fn recovery_unproven(subject: &ScannedServer<'_>) -> Option<Finding> {
    let server = subject.server;
    let contents = server.contents.as_ref()?;
    let is_young = subject.now - contents.since <= UNPROVEN_FOR;
    if contents.level < Level::Full || is_young {
        return None;
    }
    let waits_for = subject.now - server.unproven_since()?;
    let proven = if contents.proof.is_some() {
        // The first WAL after a long pause has just arrived, and is going to be read.
        if waits_for <= UNPROVEN_FOR {
            return None;
        }
        Some(outdated_proof(subject, contents)?)
    } else if waits_for > TIME_TO_READ {
        None
    } else {
        return None;
    };
    let since = contents.since;
    Some(Finding::warning(Evidence::RecoveryUnproven {
        since,
        proven,
    }))
}

/// Returns the end of the proof if it is too far behind the newest WAL.
fn outdated_proof(subject: &ScannedServer<'_>, contents: &ContentsReport) -> Option<ProvenEnd> {
    let proof = contents.proof?;
    let arrived_at = proof.arrived_at?;
    let newest_at = subject.server.wal.newest?.arrived_at;
    (newest_at - arrived_at > UNPROVEN_FOR).then_some(ProvenEnd {
        segment: proof.segment,
        arrived_at,
    })
}

/// Finding on a server of which nothing is read although something can be.
///
/// The report has taken the budget and the hours into account.
pub(super) fn verification_stalled(subject: &ScannedServer<'_>) -> Option<Finding> {
    let contents = subject.server.contents.as_ref()?;
    if subject.now - contents.due_at? <= STALLED_FOR {
        return None;
    }
    Some(Finding::warning(Evidence::VerificationStalled {
        last_read_at: contents.last_read_at,
        since: contents.waits_since?,
    }))
}

/// Finding on backups that are larger than the budget ever is.
pub(super) fn verification_unaffordable(subject: &ScannedServer<'_>) -> Option<Finding> {
    let contents = subject.server.contents.as_ref()?;
    let most_bytes = contents.most_bytes?;
    if contents.unaffordable.is_empty() {
        return None;
    }
    let backups = contents.unaffordable.clone();
    Some(Finding::warning(Evidence::VerificationUnaffordable {
        backups,
        most_bytes,
    }))
}

/// Finding on an archive whose budget is too small for what is unread of all its servers.
pub(super) fn verification_behind(archive: &ScannedArchive<'_>) -> Option<Finding> {
    let servers = archive.report.servers.values();
    let mut backlog_bytes: u64 = 0;
    let mut most_bytes = None;
    for contents in servers.filter_map(|server| server.contents.as_ref()) {
        backlog_bytes = backlog_bytes.saturating_add(contents.backlog_bytes);
        most_bytes = contents.most_bytes;
    }
    let most_bytes = most_bytes?;
    (backlog_bytes > most_bytes).then(|| {
        Finding::warning(Evidence::VerificationBehind {
            backlog_bytes,
            most_bytes,
        })
    })
}

#[cfg(test)]
mod tests {
    use barman_archive::postgres::{Lsn, SegmentName, TimelineId};
    use chrono::TimeDelta;

    use super::super::tests::{archive_finding, day, finding, findings, server};
    use super::*;
    use crate::evidence::{ContentVerdict, FaultKind};
    use crate::report::{NewestSegment, RecoveryProof, ServerReport};

    const SEGMENT: SegmentName = SegmentName {
        timeline: TimelineId(1),
        high: 0,
        low: 5,
    };

    /// Contents that are verified from day 1 on, with nothing read yet.
    fn contents() -> ContentsReport {
        ContentsReport {
            level: Level::Full,
            since: day(1),
            most_bytes: Some(700),
            ..ContentsReport::default()
        }
    }

    /// Server with one backup, of day 1, and these contents.
    fn with(contents: ContentsReport) -> ServerReport {
        ServerReport {
            contents: Some(contents),
            ..server(&[10])
        }
    }

    fn proof(arrived: i64, next_arrived: Option<i64>) -> RecoveryProof {
        RecoveryProof {
            segment: SEGMENT,
            arrived_at: Some(day(arrived)),
            next_arrived_at: next_arrived.map(day),
            committed_at: None,
        }
    }

    #[test]
    fn of_many_corrupt_segments_a_few_are_named() {
        let faulty = |low| FaultySegment {
            segment: SegmentName { low, ..SEGMENT },
            kind: FaultKind::Record,
            ends_at: Some(Lsn(9)),
        };
        let mut report = contents();
        report.wal.corrupt = 200;
        report.corrupt_wal = (0..100).map(faulty).collect();

        let found = finding(corrupt_wal, &with(report), day(2)).unwrap();

        let segments = FaultySegments {
            count: 200,
            segments: (0..3).map(faulty).collect(),
        };
        assert_eq!(found, Finding::critical(Evidence::CorruptWal(segments)));
        assert_eq!(finding(corrupt_wal, &with(contents()), day(2)), None);
        assert_eq!(finding(corrupt_wal, &server(&[10]), day(2)), None);
    }

    /// Finding on a backup that seems to be damaged, of a server on a level.
    fn doubt_about(level: Level, depth: Depth, is_unconfirmed: bool) -> Doubt {
        let mut report = contents();
        report.level = level;
        report.suspect_backups = vec![FaultyBackup {
            id: "backup-1".to_owned(),
            faults: ["pages".to_owned(), "of a later version".to_owned()].into(),
        }];
        let known = BackupContents {
            depth,
            verdict: ContentVerdict::Suspect,
            is_unconfirmed,
            read_at: day(1),
            pages: None,
            faults: BTreeSet::new(),
            unproven: BTreeSet::new(),
        };
        report.backups.insert("backup-1".to_owned(), known);
        let found = findings(suspect_backups, &with(report), day(2));
        match found.as_slice() {
            [
                Finding {
                    evidence: Evidence::SuspectBackup { data, doubt },
                    ..
                },
            ] => {
                assert_eq!(data.faults, [DataFault::Pages].into());
                *doubt
            }
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn a_doubt_says_what_happens_next() {
        assert_eq!(doubt_about(Level::Full, Depth::Edges, false), Doubt::Edges);
        assert_eq!(
            doubt_about(Level::Wal, Depth::Edges, false),
            Doubt::OnlyEdges
        );
        assert_eq!(
            doubt_about(Level::Full, Depth::Whole, true),
            Doubt::ReadOnce
        );
        assert_eq!(
            doubt_about(Level::Full, Depth::Whole, false),
            Doubt::Undecidable
        );
    }

    #[test]
    fn a_proof_may_take_the_time_that_the_budget_needs() {
        let server = with(contents());
        let unproven = Evidence::RecoveryUnproven {
            since: day(1),
            proven: None,
        };

        let within = day(9);
        let beyond = within + TimeDelta::seconds(1);

        assert_eq!(finding(recovery_unproven, &server, within), None);
        assert_eq!(
            finding(recovery_unproven, &server, beyond),
            Some(Finding::warning(unproven))
        );
    }

    #[test]
    fn a_server_that_has_just_begun_is_given_time() {
        let mut report = contents();
        report.since = day(-100);
        let server = with(report);

        assert_eq!(finding(recovery_unproven, &server, day(8)), None);
        assert!(finding(recovery_unproven, &server, day(9)).is_some());
    }

    #[test]
    fn only_the_level_full_proves_recovery() {
        let mut report = contents();
        report.level = Level::Wal;

        assert_eq!(finding(recovery_unproven, &with(report), day(100)), None);
    }

    /// Returns whether a proof is outdated on day 40.
    fn is_outdated(newest: i64, proof: RecoveryProof) -> bool {
        let mut report = contents();
        report.proof = Some(proof);
        let mut server = with(report);
        server.wal.newest = Some(NewestSegment {
            name: SEGMENT,
            arrived_at: day(newest),
        });
        finding(recovery_unproven, &server, day(40)).is_some()
    }

    #[test]
    fn a_proof_is_outdated_if_newer_wal_has_waited() {
        assert!(is_outdated(40, proof(30, Some(31))));
        assert!(is_outdated(40, proof(30, None)));
        assert!(!is_outdated(40, proof(32, Some(32))));
    }

    #[test]
    fn the_proof_of_an_idle_database_does_not_age() {
        assert!(!is_outdated(10, proof(10, None)));
        // The first segment after a long pause.
        assert!(!is_outdated(39, proof(10, Some(39))));
    }

    #[test]
    fn a_proof_of_unknown_arrival_is_not_judged() {
        let unknown = RecoveryProof {
            arrived_at: None,
            ..proof(10, Some(11))
        };
        assert!(!is_outdated(40, unknown));
    }

    /// Finding on an archive of servers with these backlogs.
    fn behind(backlogs: &[u64], most_bytes: Option<u64>) -> Option<Finding> {
        let servers = backlogs.iter().zip(0..).map(|(backlog_bytes, number)| {
            let report = ContentsReport {
                backlog_bytes: *backlog_bytes,
                most_bytes,
                ..contents()
            };
            (format!("server-{number}"), with(report))
        });
        archive_finding(verification_behind, servers.collect(), day(2))
    }

    #[test]
    fn a_budget_is_too_small_if_a_week_is_not_enough() {
        let found = |backlog_bytes| {
            Some(Finding::warning(Evidence::VerificationBehind {
                backlog_bytes,
                most_bytes: 700,
            }))
        };

        assert_eq!(behind(&[700], Some(700)), None);
        assert_eq!(behind(&[701], Some(700)), found(701));
        assert_eq!(behind(&[701], None), None);
        assert_eq!(behind(&[], None), None);
    }

    #[test]
    fn servers_share_the_budget_of_their_archive() {
        let found = behind(&[600; 10], Some(700));

        let evidence = Evidence::VerificationBehind {
            backlog_bytes: 6000,
            most_bytes: 700,
        };
        assert_eq!(found, Some(Finding::warning(evidence)));
        assert_eq!(behind(&[70; 10], Some(700)), None);
    }

    #[test]
    fn a_backup_may_be_larger_than_the_budget() {
        let mut report = contents();
        report.unaffordable.add("backup-1");

        let found = finding(verification_unaffordable, &with(report.clone()), day(2));
        let evidence = Evidence::VerificationUnaffordable {
            backups: report.unaffordable.clone(),
            most_bytes: 700,
        };
        assert_eq!(found, Some(Finding::warning(evidence)));

        report.most_bytes = None;
        let found = finding(verification_unaffordable, &with(report), day(2));
        assert_eq!(found, None);
    }

    #[test]
    fn a_read_may_be_overdue_for_a_day() {
        let report = ContentsReport {
            level: Level::Edges,
            last_read_at: Some(day(2)),
            waits_since: Some(day(3)),
            due_at: Some(day(4)),
            ..contents()
        };
        let within = day(5);
        let beyond = within + TimeDelta::seconds(1);

        let server = with(report.clone());
        assert_eq!(finding(verification_stalled, &server, within), None);
        let evidence = Evidence::VerificationStalled {
            last_read_at: Some(day(2)),
            since: day(3),
        };
        assert_eq!(
            finding(verification_stalled, &server, beyond),
            Some(Finding::warning(evidence))
        );
        let nothing_waits = ContentsReport {
            due_at: None,
            ..report
        };
        let found = finding(verification_stalled, &with(nothing_waits), beyond);
        assert_eq!(found, None);
    }

    #[test]
    fn objects_that_cannot_be_judged_are_counted() {
        let mut report = contents();
        report.wal.unreadable = 2;
        report.unreadable.insert(FaultKind::Refused);

        let found = finding(unreadable_contents, &with(report), day(2));

        let evidence = Evidence::UnreadableContents {
            wal: 2,
            base: 0,
            reasons: [FaultKind::Refused].into(),
        };
        assert_eq!(found, Some(Finding::warning(evidence)));
    }
}
