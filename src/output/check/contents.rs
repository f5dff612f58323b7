//! Contents of objects in JSON and in words.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::evidence::{ContentVerdict, Depth, Level, PageCounts, Unproven};
use crate::output::words::{ago, count, grouped, moment_in_words};
use crate::output::{Label, Moment};
use crate::report::{BackupContents, ContentsReport, FaultySegment, ObjectCounts, RecoveryProof};

/// Contents of a server's objects, as far as they were read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ContentsEntry {
    /// Level of verification: `edges`, `wal`, `full`.
    pub level: Label<Level>,
    /// Time since which contents are verified.
    pub since: Moment,
    /// WAL files that some backup needs.
    pub wal: ObjectCountsEntry,
    /// Data objects of done backups.
    pub base: ObjectCountsEntry,
    /// Bytes that are still to be read once to reach the level.
    pub backlog_bytes: u64,
    /// Corrupt segments, up to 100.
    pub corrupt_wal: Vec<FaultySegmentEntry>,
    /// Segments that seem to be damaged, up to 100.
    pub suspect_wal: Vec<FaultySegmentEntry>,
    /// Ids of up to 20 backups that are larger than the budget ever is: they are never read.
    pub unaffordable: Vec<String>,
    /// End of what is proven to be recoverable, by a backup that was read and found sound and by WAL
    /// that was read from there on without a break; `null` if nothing is.
    pub proof: Option<ProofEntry>,
}

/// Numbers of objects, by what is known of their contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ObjectCountsEntry {
    /// Objects of which nothing was read.
    pub unread: u64,
    /// Objects of which only the first and last bytes were read.
    pub edges: u64,
    /// Objects that were read as a whole.
    pub whole: u64,
    /// Corrupt objects.
    pub corrupt: u64,
    /// Objects that seem to be damaged.
    pub suspect: u64,
    /// Objects that cannot be judged.
    pub unreadable: u64,
}

/// Segment with a fault in its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FaultySegmentEntry {
    /// Name of the segment.
    pub segment: String,
    /// Kind of the fault.
    pub fault: &'static str,
    /// Position at which replay ends, such as `0/5000A28`; `null` if it is not known, or if
    /// `PostgreSQL` refuses the segment.
    pub ends_at: Option<String>,
}

/// End of what is proven to be recoverable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProofEntry {
    /// Last segment.
    pub segment: String,
    /// Arrival of that segment; `null` if it is not known.
    pub arrived_at: Option<Moment>,
    /// Last commit up to there, by the clock of the database; `null` if none is known.
    pub committed_at: Option<Moment>,
}

/// Contents of a backup's data, as far as they were read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BackupContentsEntry {
    /// Verdict on what was read: `sound`, `suspect`, `corrupt`, `unreadable`. It says nothing of what is
    /// in `unproven`.
    pub verdict: Label<ContentVerdict>,
    /// Depth of the read: `edges` (first and last bytes), `whole`.
    pub depth: Label<Depth>,
    /// Moment of the read.
    pub read_at: Moment,
    /// Pages of relations; `null` if they were not looked at.
    pub pages: Option<PagesEntry>,
    /// Faults, as words.
    pub faults: BTreeSet<String>,
    /// What was not looked at or cannot be proven, as words.
    pub unproven: BTreeSet<String>,
}

/// Pages of relations, by what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PagesEntry {
    /// Pages that were read.
    pub read: u64,
    /// Pages of zeros: new ones, or lost ones, which nothing can tell apart.
    pub zero: u64,
    /// Damaged pages that WAL of the backup writes anew.
    pub healed: u64,
    /// Damaged pages that a restore does not need.
    pub ignored: u64,
    /// Damaged pages of which it is not known whether WAL writes them anew.
    pub suspect: u64,
    /// Pages that are damaged after a restore.
    pub corrupt: u64,
}

impl From<&ContentsReport> for ContentsEntry {
    fn from(contents: &ContentsReport) -> Self {
        let faulty = |segments: &[FaultySegment]| segments.iter().map(Into::into).collect();
        Self {
            level: Label(contents.level),
            since: Moment(contents.since),
            wal: contents.wal.into(),
            base: contents.base.into(),
            backlog_bytes: contents.backlog_bytes,
            corrupt_wal: faulty(&contents.corrupt_wal),
            suspect_wal: faulty(&contents.suspect_wal),
            unaffordable: contents.unaffordable.iter().map(str::to_owned).collect(),
            proof: contents.proof.map(Into::into),
        }
    }
}

impl From<ObjectCounts> for ObjectCountsEntry {
    fn from(counts: ObjectCounts) -> Self {
        Self {
            unread: counts.unread,
            edges: counts.edges,
            whole: counts.whole,
            corrupt: counts.corrupt,
            suspect: counts.suspect,
            unreadable: counts.unreadable,
        }
    }
}

impl From<&FaultySegment> for FaultySegmentEntry {
    fn from(faulty: &FaultySegment) -> Self {
        Self {
            segment: faulty.segment.to_string(),
            fault: faulty.kind.as_label(),
            ends_at: faulty.ends_at.map(|ends_at| ends_at.to_string()),
        }
    }
}

impl From<RecoveryProof> for ProofEntry {
    fn from(proof: RecoveryProof) -> Self {
        Self {
            segment: proof.segment.to_string(),
            arrived_at: proof.arrived_at.map(Moment),
            committed_at: proof.committed_at.map(Moment),
        }
    }
}

impl From<&BackupContents> for BackupContentsEntry {
    fn from(contents: &BackupContents) -> Self {
        Self {
            verdict: Label(contents.verdict),
            depth: Label(contents.depth),
            read_at: Moment(contents.read_at),
            pages: contents.pages.map(Into::into),
            faults: contents.faults.clone(),
            unproven: contents.unproven.clone(),
        }
    }
}

impl From<PageCounts> for PagesEntry {
    fn from(pages: PageCounts) -> Self {
        Self {
            read: pages.read,
            zero: pages.zero,
            healed: pages.healed,
            ignored: pages.ignored,
            suspect: pages.suspect,
            corrupt: pages.corrupt,
        }
    }
}

impl ContentsEntry {
    /// Describes how much was read.
    pub(super) fn in_words(&self) -> String {
        format!(
            "level {} since {}; WAL files: {}; data objects: {}",
            self.level,
            moment_in_words(self.since.0),
            self.wal.in_words(),
            self.base.in_words()
        )
    }
}

impl ObjectCountsEntry {
    /// Describes to what depth objects were read.
    fn in_words(self) -> String {
        let parts = [
            (self.whole, "read as a whole"),
            (self.edges, "at their edges"),
            (self.unread, "unread"),
        ];
        let parts: Vec<_> = parts
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, how)| format!("{} {how}", grouped(number)))
            .collect();
        if parts.is_empty() {
            "none".to_owned()
        } else {
            parts.join(", ")
        }
    }
}

impl ProofEntry {
    /// Describes how far recovery is proven.
    pub(super) fn in_words(&self, now: DateTime<Utc>) -> String {
        let mut words = format!("up to segment {}", self.segment);
        if let Some(arrived_at) = self.arrived_at {
            let _ = write!(words, ", archived {}", ago(arrived_at.0, now));
        }
        if let Some(committed_at) = self.committed_at {
            let _ = write!(words, ", last commit {}", moment_in_words(committed_at.0));
        }
        words
    }
}

impl BackupContentsEntry {
    /// Describes what was found in a backup's data, and when.
    pub(super) fn in_words(&self, now: DateTime<Utc>) -> String {
        let read = ago(self.read_at.0, now);
        match (self.verdict.0, self.depth.0) {
            (ContentVerdict::Sound, Depth::Whole) => format!("data verified {read}"),
            (ContentVerdict::Sound, Depth::Edges) => {
                format!("first and last bytes of its data verified {read}")
            }
            (ContentVerdict::Suspect, _) => format!("data suspect, read {read}"),
            (ContentVerdict::Corrupt, _) => format!("data corrupt, read {read}"),
            (ContentVerdict::Unreadable, _) => format!("data cannot be judged, tried {read}"),
        }
    }

    /// Describes what a read of the whole data found, and what it does not prove.
    pub(super) fn details(&self, now: DateTime<Utc>) -> String {
        let mut words = self.in_words(now);
        if let Some(pages) = self.pages {
            let _ = write!(words, ", {}", pages.in_words());
        }
        let unproven: Vec<_> = self
            .unproven
            .iter()
            .filter_map(|word| Unproven::of_label(word))
            .map(|subject| unproven_in_words(subject, self.pages))
            .collect();
        if !unproven.is_empty() {
            let _ = write!(words, "; not proven: {}", unproven.join(", "));
        }
        words
    }
}

impl PagesEntry {
    fn in_words(self) -> String {
        let mut words = format!("{} read", pages(self.read));
        if self.healed > 0 {
            let _ = write!(
                words,
                ", {} of them damaged and written anew by WAL",
                grouped(self.healed)
            );
        }
        words
    }
}

fn pages(number: u64) -> String {
    if number == 1 {
        count(1_u64, "page")
    } else {
        format!("{} pages", grouped(number))
    }
}

/// Describes something that a read does not prove.
fn unproven_in_words(subject: Unproven, counts: Option<PagesEntry>) -> String {
    let words = match subject {
        Unproven::PagesWithoutChecksums => {
            "pages without checksums (only their headers were looked at)"
        }
        Unproven::PagesNotChecked => "pages of relations (they were not looked at)",
        Unproven::ZeroPages => {
            let zero = counts.map_or(0, |counts| counts.zero);
            return format!("{} of zeros (new or lost)", pages(zero));
        }
        Unproven::FilesWithoutChecksums => "files without checksums",
        Unproven::MapsPassedOver => "damaged free space and visibility maps (rebuilt when read)",
        Unproven::UnloggedRelationsPassedOver => {
            "damaged unlogged relations (emptied by a restore)"
        }
        Unproven::EndsOfFiles => "ends of files that are no whole page",
        Unproven::NoChecksumOfTheStore => {
            "that these are the bytes that Barman sent (the store has no checksum)"
        }
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-29T12:00:00Z".parse().unwrap()
    }

    fn backup(verdict: ContentVerdict, depth: Depth, unproven: &[Unproven]) -> BackupContentsEntry {
        BackupContentsEntry {
            verdict: Label(verdict),
            depth: Label(depth),
            read_at: Moment("2026-11-29T09:00:00Z".parse().unwrap()),
            pages: Some(PagesEntry {
                read: 12_345,
                zero: 12,
                healed: 1,
                ignored: 0,
                suspect: 0,
                corrupt: 0,
            }),
            faults: BTreeSet::new(),
            unproven: unproven
                .iter()
                .map(|subject| subject.as_label().to_owned())
                .collect(),
        }
    }

    #[test]
    fn a_verified_backup_says_when_and_what_is_not_proven() {
        let some = backup(
            ContentVerdict::Sound,
            Depth::Whole,
            &[Unproven::ZeroPages, Unproven::FilesWithoutChecksums],
        );
        let all = backup(ContentVerdict::Sound, Depth::Whole, &Unproven::ALL);

        insta::assert_snapshot!(some.details(now()), @"data verified 3 hours ago, 12,345 pages read, 1 of them damaged and written anew by WAL; not proven: files without checksums, 12 pages of zeros (new or lost)");
        insta::assert_snapshot!(all.details(now()), @"data verified 3 hours ago, 12,345 pages read, 1 of them damaged and written anew by WAL; not proven: ends of files that are no whole page, files without checksums, damaged free space and visibility maps (rebuilt when read), that these are the bytes that Barman sent (the store has no checksum), pages of relations (they were not looked at), pages without checksums (only their headers were looked at), damaged unlogged relations (emptied by a restore), 12 pages of zeros (new or lost)");
    }

    #[test]
    fn a_backup_in_words_says_when_it_was_read() {
        let words = |verdict, depth| backup(verdict, depth, &[]).in_words(now());

        insta::assert_snapshot!(words(ContentVerdict::Sound, Depth::Whole), @"data verified 3 hours ago");
        insta::assert_snapshot!(words(ContentVerdict::Sound, Depth::Edges), @"first and last bytes of its data verified 3 hours ago");
        insta::assert_snapshot!(words(ContentVerdict::Suspect, Depth::Whole), @"data suspect, read 3 hours ago");
        insta::assert_snapshot!(words(ContentVerdict::Corrupt, Depth::Whole), @"data corrupt, read 3 hours ago");
        insta::assert_snapshot!(words(ContentVerdict::Unreadable, Depth::Whole), @"data cannot be judged, tried 3 hours ago");
    }

    #[test]
    fn a_server_in_words_says_how_much_was_read() {
        let counts = |unread, edges, whole| ObjectCountsEntry {
            unread,
            edges,
            whole,
            corrupt: 0,
            suspect: 0,
            unreadable: 0,
        };
        let entry = ContentsEntry {
            level: Label(Level::Full),
            since: Moment("2026-11-20T09:00:00Z".parse().unwrap()),
            wal: counts(3, 1024, 20),
            base: counts(0, 0, 0),
            backlog_bytes: 0,
            corrupt_wal: Vec::new(),
            suspect_wal: Vec::new(),
            unaffordable: Vec::new(),
            proof: None,
        };
        let proof = ProofEntry {
            segment: "000000010000000000000005".to_owned(),
            arrived_at: Some(Moment("2026-11-29T11:00:00Z".parse().unwrap())),
            committed_at: Some(Moment("2026-11-29T10:59:00Z".parse().unwrap())),
        };

        insta::assert_snapshot!(entry.in_words(), @"level full since 2026-11-20 09:00:00 UTC; WAL files: 20 read as a whole, 1,024 at their edges, 3 unread; data objects: none");
        insta::assert_snapshot!(proof.in_words(now()), @"up to segment 000000010000000000000005, archived 1 hour ago, last commit 2026-11-29 10:59:00 UTC");
    }
}
