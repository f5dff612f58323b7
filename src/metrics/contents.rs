//! Metrics under "Contents".
//!
//! All of them are absent for archives and servers that are not verified.

use prometheus_client::registry::Unit;

use super::table::{Labelled, Metric, Number, Values, labels};
use crate::evidence::PageCounts;
use crate::report::{ArchiveStatus, ContentsBudget, ContentsReport, ObjectCounts, ServerReport};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "recovery_proven_until_timestamp",
        help: "End of what is proven to be recoverable from a backup that was read and found \
               sound with all backups that it is based on, and from the WAL after it that was read \
               without a break and not written again since, by basis: arrival (of the last \
               segment), commit (the last one in it, by the database's clock).",
        unit: Some(Unit::Seconds),
        labels: &["basis"],
        values: Values::ServerBy(proven_until),
    },
    Metric {
        name: "recovery_unproven_since_timestamp",
        help: "Time since which something has been waiting to be proven recoverable: arrival of \
               the first WAL after the proof or, without a proof, end of the oldest done backup; \
               absent if nothing waits, and below the level full.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| Some(server.unproven_since()?.into())),
    },
    Metric {
        name: "recovery_last_commit_timestamp",
        help: "Last commit in the newest WAL, by the database's clock; absent until that segment \
               has been read.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| Some(contents(server)?.newest_commit_at?.into())),
    },
    Metric {
        name: "backup_last_verified_timestamp",
        help: "Start of the newest backup whose data, with that of all backups that it is based \
               on, was read as a whole and found sound; absent without one.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| {
            let verified = contents(server)?.verified.as_ref()?;
            Some(verified.began_at?.into())
        }),
    },
    Metric {
        name: "verification_info",
        help: "Level of verification: edges (first and last bytes of each object), wal (also WAL \
               as a whole), full (also the data of base backups); absent if contents are not \
               verified.",
        unit: None,
        labels: &["level"],
        values: Values::ServerBy(level),
    },
    Metric {
        name: "verification_since_timestamp",
        help: "Time since which the server has been verified at its level or a higher one; a \
               restart without saved evidence resets it.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| Some(contents(server)?.since.into())),
    },
    Metric {
        name: "verification_objects",
        help: "Number of objects to be verified, by kind (wal: WAL files that a backup needs; \
               base: data objects of done backups) and evidence: none (not read, or it cannot be), \
               edges (first and last bytes), whole.",
        unit: None,
        labels: &["kind", "evidence"],
        values: Values::ServerBy(objects_by_evidence),
    },
    Metric {
        name: "verification_corrupt_objects",
        help: "Number of damaged WAL files, and of the data objects of damaged backups, as two \
               reads of the same bytes found, by kind: wal, base; absent if none could be judged.",
        unit: None,
        labels: &["kind"],
        values: Values::ServerBy(|server| by_kind(server, |counts| counts.judged(counts.corrupt))),
    },
    Metric {
        name: "verification_suspect_objects",
        help: "Number of WAL files that seem to be damaged, and of the data objects of such \
               backups, which is not proven, by kind: wal, base; absent if none could be judged.",
        unit: None,
        labels: &["kind"],
        values: Values::ServerBy(|server| by_kind(server, |counts| counts.judged(counts.suspect))),
    },
    Metric {
        name: "verification_unreadable_objects",
        help: "Number of WAL files, and of data objects of backups, that cannot be judged (refused \
               or not returned by the store, not readable to the end, in cold storage, of unknown \
               format, too large in memory), by kind: wal, base.",
        unit: None,
        labels: &["kind"],
        values: Values::ServerBy(|server| by_kind(server, |counts| Some(counts.unreadable))),
    },
    Metric {
        name: "verification_backlog",
        help: "Bytes that are still to be read to reach the level of verification.",
        unit: Some(Unit::Bytes),
        labels: &[],
        values: Values::Server(|server, _| Some(contents(server)?.backlog_bytes.into())),
    },
    Metric {
        name: "verification_last_success_timestamp",
        help: "Time of the last read that could be judged; absent without any.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| Some(contents(server)?.last_read_at?.into())),
    },
    Metric {
        name: "verification_due_timestamp",
        help: "Time by which the next read is due: a day after the last read or, if later, after \
               the arrival of what waits, plus the time that the budget needs for the archive's \
               backlog, moved into the hours in which reads may start; absent if nothing waits.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| Some(contents(server)?.due_at?.into())),
    },
    Metric {
        name: "verification_oldest_evidence_timestamp",
        help: "Time of the least recent read among the objects that were read as a whole; absent \
               without any.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| Some(contents(server)?.oldest_read_at?.into())),
    },
    Metric {
        name: "verification_pages_read",
        help: "Number of pages of relations that were checked in the newest verified backup; \
               absent if none were.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| Some(checked_pages(server)?.read.into())),
    },
    Metric {
        name: "verification_pages",
        help: "Number of pages in the newest verified backup that are not simply sound, by \
               verdict: zero (new or lost), healed (written anew by the backup's WAL), ignored (of \
               maps and unlogged relations, which a restore does not need), suspect, corrupt; \
               absent if none were checked.",
        unit: None,
        labels: &["verdict"],
        values: Values::ServerBy(pages_by_verdict),
    },
    Metric {
        name: "verification",
        help: "Bytes of contents that this process has read.",
        unit: Some(Unit::Bytes),
        labels: &[],
        values: Values::ArchiveCounter(|status| Some(status.verification?.bytes_read)),
    },
    Metric {
        name: "verification_requests",
        help: "Requests for contents that the store has answered to this process; \
               barman_cloud_s3_requests_total includes them.",
        unit: None,
        labels: &[],
        values: Values::ArchiveCounter(|status| Some(status.verification?.requests)),
    },
    Metric {
        name: "verification_budget",
        help: "Bytes of contents that may be read in a day; absent without a limit.",
        unit: Some(Unit::Bytes),
        labels: &[],
        values: Values::Archive(|status, _| Some(budget(status)?.daily_bytes.into())),
    },
    Metric {
        name: "verification_budget_available",
        help: "Bytes of contents that may be read now: the rest of up to seven days; absent \
               without a limit.",
        unit: Some(Unit::Bytes),
        labels: &[],
        values: Values::Archive(|status, _| Some(budget(status)?.available_bytes.into())),
    },
];

const fn contents(server: &ServerReport) -> Option<&ContentsReport> {
    server.contents.as_ref()
}

fn budget(status: &ArchiveStatus) -> Option<ContentsBudget> {
    status.verification?.budget
}

fn proven_until(server: &ServerReport) -> Vec<Labelled<'_>> {
    let Some(proof) = contents(server).and_then(|contents| contents.proof) else {
        return vec![];
    };
    let by_basis = [
        ("arrival", proof.arrived_at),
        ("commit", proof.committed_at),
    ];
    let mut values = Vec::new();
    for (basis, until) in by_basis {
        if let Some(until) = until {
            values.push((labels([basis]), until.into()));
        }
    }
    values
}

fn level(server: &ServerReport) -> Vec<Labelled<'_>> {
    let levels = contents(server).map(|contents| contents.level);
    levels
        .map(|level| (labels([level.as_label()]), Number::Whole(1)))
        .into_iter()
        .collect()
}

/// Returns the counts of objects, by the value of the label `kind`.
fn counts(server: &ServerReport) -> Vec<(&'static str, ObjectCounts)> {
    match contents(server) {
        Some(contents) => vec![("wal", contents.wal), ("base", contents.base)],
        None => vec![],
    }
}

fn objects_by_evidence(server: &ServerReport) -> Vec<Labelled<'_>> {
    let mut values = Vec::new();
    for (kind, counts) in counts(server) {
        for (evidence, count) in [
            ("none", counts.unread),
            ("edges", counts.edges),
            ("whole", counts.whole),
        ] {
            values.push((labels([kind, evidence]), count.into()));
        }
    }
    values
}

fn by_kind(server: &ServerReport, count: fn(&ObjectCounts) -> Option<u64>) -> Vec<Labelled<'_>> {
    let mut values = Vec::new();
    for (kind, counts) in counts(server) {
        if let Some(count) = count(&counts) {
            values.push((labels([kind]), count.into()));
        }
    }
    values
}

/// Returns the pages of the newest verified backup; `None` if none were looked at.
fn checked_pages(server: &ServerReport) -> Option<PageCounts> {
    let pages = contents(server)?.verified.as_ref()?.pages;
    pages.filter(|pages| pages.read > 0)
}

fn pages_by_verdict(server: &ServerReport) -> Vec<Labelled<'_>> {
    let Some(pages) = checked_pages(server) else {
        return vec![];
    };
    let by_verdict = [
        ("zero", pages.zero),
        ("healed", pages.healed),
        ("ignored", pages.ignored),
        ("suspect", pages.suspect),
        ("corrupt", pages.corrupt),
    ];
    let mut values = Vec::new();
    for (verdict, count) in by_verdict {
        values.push((labels([verdict]), count.into()));
    }
    values
}

#[cfg(test)]
mod tests {
    use barman_archive::postgres::SegmentName;
    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;
    use crate::evidence::Level;
    use crate::report::{RecoveryProof, VerifiedBackup};

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hour)
    }

    fn verified(contents: ContentsReport) -> ServerReport {
        ServerReport {
            contents: Some(contents),
            ..ServerReport::default()
        }
    }

    fn verified_backup(pages: Option<PageCounts>) -> VerifiedBackup {
        VerifiedBackup {
            id: "20261110T020000".to_owned(),
            began_at: Some(at(2)),
            read_at: at(9),
            pages,
            unproven: [].into(),
        }
    }

    /// Samples of a server in one family: the values of its own labels, and the value.
    fn samples(name: &str, server: &ServerReport) -> Vec<(String, Number)> {
        let metric = METRICS.iter().find(|metric| metric.name == name).unwrap();
        let mut samples = Vec::new();
        if let Values::Server(value) = metric.values {
            let value = value(server, at(10));
            samples.extend(value.map(|value| (String::new(), value)));
        }
        if let Values::ServerBy(values) = metric.values {
            let values = values(server).into_iter();
            samples.extend(values.map(|(labels, value)| (labels.join(","), value)));
        }
        samples
    }

    fn named(expected: &[(&str, Number)]) -> Vec<(String, Number)> {
        let named = expected.iter();
        named
            .map(|(labels, value)| ((*labels).to_owned(), *value))
            .collect()
    }

    #[test]
    fn without_verification_there_is_nothing() {
        for metric in METRICS {
            assert_eq!(
                samples(metric.name, &ServerReport::default()),
                [],
                "{}",
                metric.name
            );
        }
    }

    #[test]
    fn what_was_not_read_is_neither_proven_nor_sound() {
        let unread = ObjectCounts {
            unread: 7,
            unreadable: 2,
            ..ObjectCounts::default()
        };
        let server = verified(ContentsReport {
            level: Level::Full,
            wal: unread,
            base: unread,
            ..ContentsReport::default()
        });

        for name in [
            "recovery_proven_until_timestamp",
            "recovery_last_commit_timestamp",
            "backup_last_verified_timestamp",
            "verification_corrupt_objects",
            "verification_suspect_objects",
            "verification_last_success_timestamp",
            "verification_due_timestamp",
            "verification_oldest_evidence_timestamp",
            "verification_pages",
            "verification_pages_read",
        ] {
            assert_eq!(samples(name, &server), [], "{name}");
        }
        let two = Number::Whole(2);
        let unreadable = samples("verification_unreadable_objects", &server);
        assert_eq!(unreadable, named(&[("wal", two), ("base", two)]));
        let level = samples("verification_info", &server);
        assert_eq!(level, named(&[("full", Number::Whole(1))]));
    }

    #[test]
    fn a_proof_ends_by_arrival_and_by_commit() {
        let proof = RecoveryProof {
            segment: SegmentName::parse("000000010000000000000004").unwrap(),
            arrived_at: Some(at(5)),
            next_arrived_at: None,
            committed_at: Some(at(4)),
        };
        let proven = |proof| {
            let contents = ContentsReport {
                proof: Some(proof),
                ..ContentsReport::default()
            };
            samples("recovery_proven_until_timestamp", &verified(contents))
        };

        let (arrival, commit) = (("arrival", at(5).into()), ("commit", at(4).into()));
        assert_eq!(proven(proof), named(&[arrival, commit]));
        let without_commits = RecoveryProof {
            committed_at: None,
            ..proof
        };
        assert_eq!(proven(without_commits), named(&[arrival]));
    }

    #[test]
    fn damage_is_counted_where_something_was_judged() {
        let server = verified(ContentsReport {
            wal: ObjectCounts {
                unread: 1,
                whole: 3,
                corrupt: 2,
                ..ObjectCounts::default()
            },
            ..ContentsReport::default()
        });

        let corrupt = samples("verification_corrupt_objects", &server);
        assert_eq!(corrupt, named(&[("wal", Number::Whole(2))]));
        let suspect = samples("verification_suspect_objects", &server);
        assert_eq!(suspect, named(&[("wal", Number::Whole(0))]));
        let objects = samples("verification_objects", &server);
        assert_eq!(
            &objects[..3],
            named(&[
                ("wal,none", Number::Whole(1)),
                ("wal,edges", Number::Whole(0)),
                ("wal,whole", Number::Whole(3)),
            ])
        );
    }

    #[test]
    fn pages_are_those_of_the_newest_verified_backup() {
        let counts = PageCounts {
            read: 100,
            zero: 4,
            healed: 1,
            ..PageCounts::default()
        };
        let of = |pages| {
            verified(ContentsReport {
                verified: Some(verified_backup(pages)),
                ..ContentsReport::default()
            })
        };

        let server = of(Some(counts));
        let began = samples("backup_last_verified_timestamp", &server);
        assert_eq!(began, named(&[("", at(2).into())]));
        let read = samples("verification_pages_read", &server);
        assert_eq!(read, named(&[("", Number::Whole(100))]));
        let pages = samples("verification_pages", &server);
        assert_eq!(
            &pages[..2],
            named(&[("zero", Number::Whole(4)), ("healed", Number::Whole(1))])
        );
        for unchecked in [None, Some(PageCounts::default())] {
            assert_eq!(samples("verification_pages", &of(unchecked)), []);
        }
    }
}
