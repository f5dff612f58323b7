//! Sentences about the contents of objects.

use std::collections::BTreeSet;

use barman_archive::inventory::SomeNames;
use chrono::{DateTime, Utc};

use crate::evidence::{DataFault, FaultKind};
use crate::health::{Doubt, FaultyData, FaultySegments, ProvenEnd};
use crate::output::words::{ago, bytes, count, duration};
use crate::report::{BUDGET_DAYS, FaultySegment};

pub(super) fn corrupt_wal(faulty: &FaultySegments) -> String {
    let problem = match (faulty.count, faulty.segments.as_slice()) {
        (1, [only]) => format!("Segment {}", with_end(*only)),
        (number, []) => format!("{} corrupt", are(number, "segment")),
        (number, segments) => {
            let mut named: Vec<_> = segments.iter().copied().map(with_end).collect();
            let others = number.saturating_sub(segments.len() as u64);
            if others > 0 {
                named.push(format!("and {others} more"));
            }
            format!("{} corrupt: {}", are(number, "segment"), named.join("; "))
        }
    };
    let ends_replay = faulty
        .segments
        .iter()
        .any(|segment| segment.ends_at.is_some());
    if ends_replay {
        format!("{problem}. PostgreSQL does not report an error: it stops there")
    } else {
        problem
    }
}

/// Describes a segment whose content ends replay.
fn with_end(faulty: FaultySegment) -> String {
    let FaultySegment {
        segment,
        kind,
        ends_at,
    } = faulty;
    let fault = fault_in_words(kind);
    match ends_at {
        Some(ends_at) => format!("{segment} {fault} (replay ends at {ends_at})"),
        None => format!("{segment} {fault}"),
    }
}

pub(super) fn suspect_wal(faulty: &FaultySegments) -> String {
    let named: Vec<_> = faulty
        .segments
        .iter()
        .map(|faulty| format!("{} {}", faulty.segment, fault_in_words(faulty.kind)))
        .collect();
    let (verb, pronoun) = if faulty.count == 1 {
        ("seems", "It is")
    } else {
        ("seem", "They are")
    };
    format!(
        "{} {verb} to be damaged: {}. {pronoun} read again as soon as the budget allows: nothing \
         counts as corrupt before two reads have found the same",
        count(faulty.count, "segment"),
        named.join("; ")
    )
}

pub(super) fn corrupt_backup(data: &FaultyData, now: DateTime<Utc>) -> String {
    format!(
        "The data of backup {} is corrupt: {} (read twice, the last time {})",
        data.backup,
        data_faults(&data.faults),
        ago(data.read_at, now)
    )
}

pub(super) fn suspect_backup(data: &FaultyData, doubt: Doubt, now: DateTime<Utc>) -> String {
    let read = ago(data.read_at, now);
    let next = match doubt {
        Doubt::Edges => {
            format!(
                "only its first and last bytes were read, {read}. It is read as a whole as soon as \
                 the budget allows"
            )
        }
        Doubt::OnlyEdges => format!(
            "only its first and last bytes were read, {read}. The level `full` would read it as a \
             whole"
        ),
        Doubt::ReadOnce => {
            format!("it was read once, {read}. It is read again as soon as the budget allows")
        }
        Doubt::Undecidable => {
            format!("it was read {read}, and only a restore of this backup can decide it")
        }
    };
    format!(
        "The data of backup {} seems to be damaged: {}; {next}",
        data.backup,
        data_faults(&data.faults)
    )
}

pub(super) fn unreadable_contents(wal: u64, base: u64, reasons: &BTreeSet<FaultKind>) -> String {
    let wal_files = (wal > 0).then(|| count(wal, "WAL file"));
    let objects = (base > 0).then(|| count(base, "data object"));
    let subjects: Vec<_> = wal_files.into_iter().chain(objects).collect();
    let reasons: Vec<_> = reasons.iter().copied().map(reason_in_words).collect();
    let problem = format!("The content of {} cannot be judged", subjects.join(" and "));
    if reasons.is_empty() {
        problem
    } else {
        format!("{problem} ({})", reasons.join(", "))
    }
}

pub(super) fn recovery_unproven(
    since: DateTime<Utc>,
    proven: Option<ProvenEnd>,
    now: DateTime<Utc>,
) -> String {
    match proven {
        None => format!(
            "Nothing proves that this server can be recovered: no stored backup has been read and \
             found sound together with the WAL that it needs, although contents have been verified \
             for {}",
            duration(now - since)
        ),
        Some(ProvenEnd {
            segment,
            arrived_at,
        }) => format!(
            "Recovery is proven only up to segment {segment}, which arrived {}: newer WAL is \
             still unread, or is damaged",
            ago(arrived_at, now)
        ),
    }
}

pub(super) fn verification_stalled(
    last_read_at: Option<DateTime<Utc>>,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> String {
    let waits = duration(now - since);
    let last_read = last_read_at.map_or_else(
        || "nothing could be read yet".to_owned(),
        |at| format!("the last read was {}", ago(at, now)),
    );
    format!(
        "Contents have waited for {waits}, and {last_read}, although the budget and the hours allow \
         more: see the warnings with the target `verification` in the log"
    )
}

pub(super) fn verification_behind(backlog_bytes: u64, most_bytes: u64) -> String {
    let daily = (most_bytes / BUDGET_DAYS).max(1);
    let days = backlog_bytes.div_ceil(daily);
    format!(
        "{} of this archive are still unread, and reading them takes at least {} with the budget of \
         {} a day: raise `dailyBytes`",
        bytes(backlog_bytes),
        count(days, "day"),
        bytes(daily)
    )
}

pub(super) fn verification_unaffordable(backups: &SomeNames, most_bytes: u64) -> String {
    let names: Vec<_> = backups.iter().collect();
    format!(
        "The data of these backups is larger than the {} that the budget allows in a week, and is \
         never read: {}. Raise `dailyBytes`",
        bytes(most_bytes),
        names.join(", ")
    )
}

fn are(number: u64, unit: &str) -> String {
    let verb = if number == 1 { "is" } else { "are" };
    format!("{} {verb}", count(number, unit))
}

/// Describes a fault of an object, as what the object is or does.
pub(in crate::output) const fn fault_in_words(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Truncated => "ends too early",
        FaultKind::Trailing => "goes on after its end",
        FaultKind::OtherFormat => "is not in the format that its name states",
        FaultKind::Codec => "cannot be decompressed",
        FaultKind::Length => "does not have the size of a segment",
        FaultKind::Zeros => "has zeros in place of WAL",
        FaultKind::Foreign => "is of another cluster",
        FaultKind::Misplaced => "is WAL of another position or timeline",
        FaultKind::Page => "has a damaged page",
        FaultKind::Record => "has a damaged record",
        FaultKind::Discontinued => "does not continue the segment before it",
        FaultKind::EndsEarly => "ends before it is full",
        FaultKind::UnknownFormat => "is in an unknown format",
        FaultKind::TooMuchMemory => "takes too much memory to decompress",
        FaultKind::Refused => "is refused by the store",
        FaultKind::Cold => "is in a storage class without immediate access",
        FaultKind::NotGivenOut => "is listed but not returned by the store",
        FaultKind::Unanswered => "could not be read to its end in several attempts",
        FaultKind::Inconsistent => "differs from one read to the next",
    }
}

/// Describes why objects cannot be judged.
const fn reason_in_words(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::UnknownFormat => "unknown format",
        FaultKind::TooMuchMemory => "too much memory for decompression",
        FaultKind::Refused => "refused by the store",
        FaultKind::Cold => "storage class without immediate access",
        FaultKind::NotGivenOut => "listed but not returned by the store",
        FaultKind::Unanswered => "not readable to the end in several attempts",
        FaultKind::Truncated
        | FaultKind::Trailing
        | FaultKind::OtherFormat
        | FaultKind::Codec
        | FaultKind::Length
        | FaultKind::Zeros
        | FaultKind::Foreign
        | FaultKind::Misplaced
        | FaultKind::Page
        | FaultKind::Record
        | FaultKind::Discontinued
        | FaultKind::EndsEarly
        | FaultKind::Inconsistent => fault_in_words(kind),
    }
}

/// Describes faults of a backup's data, as clauses.
pub(in crate::output) fn data_faults(faults: &BTreeSet<DataFault>) -> String {
    if faults.is_empty() {
        // Evidence of another version of the program.
        return "for a reason that this version does not know".to_owned();
    }
    let words: Vec<_> = faults.iter().map(|fault| data_fault(*fault)).collect();
    words.join(", ")
}

fn data_fault(fault: DataFault) -> String {
    let words = match fault {
        DataFault::Object(kind) => return format!("an object {}", fault_in_words(kind)),
        DataFault::StoreChecksum => "an object differs from the checksum that the store has of it",
        DataFault::Pages => "pages or maps of relations fail their checks",
        DataFault::Archive => "a tar archive is not whole",
        DataFault::MissingMember => "a file that every backup contains is missing",
        DataFault::Label => "its `backup_label` differs from the one in backup.info",
        DataFault::ControlFile => "its `pg_control` is damaged",
        DataFault::SegmentSize => "its `pg_control` is of a cluster with another segment size",
        DataFault::Timeline => "its `pg_control` is of a later timeline",
        DataFault::Checkpoint => "its `pg_control` is newer than the end of the backup",
        DataFault::MajorVersion => "it is of another major version of PostgreSQL",
        DataFault::State => {
            "its label says that it was taken from a standby, and its `pg_control` does not"
        }
        DataFault::Manifest => "its manifest is damaged",
        DataFault::Files => "files differ from the manifest",
        DataFault::RecoveryPoint => "it needs WAL from after the end of the backup",
        DataFault::NoManifest => "it has no manifest to compare the files with",
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use barman_archive::postgres::{Lsn, SegmentName, TimelineId};

    use super::*;

    fn faulty(low: u32, kind: FaultKind, ends_at: Option<u64>) -> FaultySegment {
        FaultySegment {
            segment: SegmentName {
                timeline: TimelineId(1),
                high: 0,
                low,
            },
            kind,
            ends_at: ends_at.map(Lsn),
        }
    }

    fn segments(count: u64, segments: &[FaultySegment]) -> FaultySegments {
        FaultySegments {
            count,
            segments: segments.to_vec(),
        }
    }

    fn now() -> DateTime<Utc> {
        "2026-11-29T12:00:00Z".parse().unwrap()
    }

    fn data(faults: &[DataFault]) -> FaultyData {
        FaultyData {
            backup: "20261114T100000".to_owned(),
            faults: faults.iter().copied().collect(),
            read_at: "2026-11-29T09:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_corrupt_segment_says_where_replay_ends() {
        let one = segments(1, &[faulty(5, FaultKind::Record, Some(0x500_0A28))]);
        let several = segments(
            7,
            &[
                faulty(5, FaultKind::Record, Some(0x500_0A28)),
                faulty(9, FaultKind::Length, None),
            ],
        );
        let refused = segments(1, &[faulty(5, FaultKind::Length, None)]);

        insta::assert_snapshot!(corrupt_wal(&one), @"Segment 000000010000000000000005 has a damaged record (replay ends at 0/5000A28). PostgreSQL does not report an error: it stops there");
        insta::assert_snapshot!(corrupt_wal(&several), @"7 segments are corrupt: 000000010000000000000005 has a damaged record (replay ends at 0/5000A28); 000000010000000000000009 does not have the size of a segment; and 5 more. PostgreSQL does not report an error: it stops there");
        insta::assert_snapshot!(corrupt_wal(&refused), @"Segment 000000010000000000000005 does not have the size of a segment");
    }

    #[test]
    fn a_suspect_segment_says_what_comes_next() {
        let one = segments(1, &[faulty(5, FaultKind::Codec, None)]);
        let two = segments(
            2,
            &[
                faulty(5, FaultKind::Codec, None),
                faulty(6, FaultKind::Zeros, None),
            ],
        );

        insta::assert_snapshot!(suspect_wal(&one), @"1 segment seems to be damaged: 000000010000000000000005 cannot be decompressed. It is read again as soon as the budget allows: nothing counts as corrupt before two reads have found the same");
        insta::assert_snapshot!(suspect_wal(&two), @"2 segments seem to be damaged: 000000010000000000000005 cannot be decompressed; 000000010000000000000006 has zeros in place of WAL. They are read again as soon as the budget allows: nothing counts as corrupt before two reads have found the same");
    }

    #[test]
    fn a_faulty_backup_says_when_it_was_read() {
        let of_pages = data(&[DataFault::Pages]);
        let of_object = data(&[
            DataFault::Object(FaultKind::Truncated),
            DataFault::MissingMember,
        ]);

        insta::assert_snapshot!(corrupt_backup(&of_object, now()), @"The data of backup 20261114T100000 is corrupt: an object ends too early, a file that every backup contains is missing (read twice, the last time 3 hours ago)");
        insta::assert_snapshot!(suspect_backup(&of_object, Doubt::Edges, now()), @"The data of backup 20261114T100000 seems to be damaged: an object ends too early, a file that every backup contains is missing; only its first and last bytes were read, 3 hours ago. It is read as a whole as soon as the budget allows");
        insta::assert_snapshot!(suspect_backup(&of_object, Doubt::OnlyEdges, now()), @"The data of backup 20261114T100000 seems to be damaged: an object ends too early, a file that every backup contains is missing; only its first and last bytes were read, 3 hours ago. The level `full` would read it as a whole");
        insta::assert_snapshot!(suspect_backup(&of_pages, Doubt::ReadOnce, now()), @"The data of backup 20261114T100000 seems to be damaged: pages or maps of relations fail their checks; it was read once, 3 hours ago. It is read again as soon as the budget allows");
        insta::assert_snapshot!(suspect_backup(&of_pages, Doubt::Undecidable, now()), @"The data of backup 20261114T100000 seems to be damaged: pages or maps of relations fail their checks; it was read 3 hours ago, and only a restore of this backup can decide it");
        insta::assert_snapshot!(corrupt_backup(&data(&[]), now()), @"The data of backup 20261114T100000 is corrupt: for a reason that this version does not know (read twice, the last time 3 hours ago)");
    }

    #[test]
    fn a_stalled_verification_says_since_when() {
        let since = "2026-11-26T12:00:00Z".parse().unwrap();
        let last = "2026-11-25T12:00:00Z".parse().unwrap();

        insta::assert_snapshot!(verification_stalled(Some(last), since, now()), @"Contents have waited for 3 days, and the last read was 4 days ago, although the budget and the hours allow more: see the warnings with the target `verification` in the log");
        insta::assert_snapshot!(verification_stalled(None, since, now()), @"Contents have waited for 3 days, and nothing could be read yet, although the budget and the hours allow more: see the warnings with the target `verification` in the log");
    }

    #[test]
    fn what_cannot_be_judged_is_counted_with_the_reason() {
        let refused = [FaultKind::Refused].into();
        let both = [FaultKind::Refused, FaultKind::UnknownFormat].into();

        insta::assert_snapshot!(unreadable_contents(1, 0, &refused), @"The content of 1 WAL file cannot be judged (refused by the store)");
        insta::assert_snapshot!(unreadable_contents(12, 3, &both), @"The content of 12 WAL files and 3 data objects cannot be judged (unknown format, refused by the store)");
        insta::assert_snapshot!(unreadable_contents(0, 1, &BTreeSet::new()), @"The content of 1 data object cannot be judged");
    }

    #[test]
    fn an_absent_proof_and_an_old_one_are_told_apart() {
        let since = "2026-11-17T12:00:00Z".parse().unwrap();
        let proven = ProvenEnd {
            segment: SegmentName {
                timeline: TimelineId(1),
                high: 0,
                low: 5,
            },
            arrived_at: "2026-11-19T10:00:00Z".parse().unwrap(),
        };

        insta::assert_snapshot!(recovery_unproven(since, None, now()), @"Nothing proves that this server can be recovered: no stored backup has been read and found sound together with the WAL that it needs, although contents have been verified for 12 days");
        insta::assert_snapshot!(recovery_unproven(since, Some(proven), now()), @"Recovery is proven only up to segment 000000010000000000000005, which arrived 10 days 2 hours ago: newer WAL is still unread, or is damaged");
    }

    #[test]
    fn a_budget_that_is_too_small_says_how_long_it_takes() {
        let backups = ["20261114T100000", "20261121T100000"].into_iter().collect();

        insta::assert_snapshot!(verification_behind(701 << 20, 70 << 20), @"701.0 MiB of this archive are still unread, and reading them takes at least 71 days with the budget of 10.0 MiB a day: raise `dailyBytes`");
        insta::assert_snapshot!(verification_unaffordable(&backups, 7 << 30), @"The data of these backups is larger than the 7.0 GiB that the budget allows in a week, and is never read: 20261114T100000, 20261121T100000. Raise `dailyBytes`");
    }
}
