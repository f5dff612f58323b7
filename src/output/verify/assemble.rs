//! Builds the document from results.

use chrono::{DateTime, Utc};

use super::{
    ReadEntry, SegmentEntry, SelectedArchiveEntry, SelectedBackupEntry, SelectedServerEntry,
    SelectedWalEntry, VerifyDocument,
};
use crate::evidence::{BackupEvidence, ContentVerdict, Depth};
use crate::health::Severity;
use crate::output::{ErrorEntry, Label, Moment};
use crate::report::{
    ReadSums, ScanFailure, SelectedBackup, SelectedSegment, SelectedServer, SelectedWal,
};

/// Result of one archive.
#[derive(Clone, Debug)]
pub struct SelectedArchive {
    /// Configured name.
    pub name: String,
    /// Destination path as a URL.
    pub destination: String,
    /// Reason why the scan failed; `None` if it did not.
    pub failure: Option<ScanFailure>,
    /// Results by server, in the order of their names.
    pub servers: Vec<(String, SelectedServer)>,
}

/// Circumstances of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifySummary {
    /// Moment of the result.
    pub now: DateTime<Utc>,
    /// True if nothing was to be read.
    pub is_dry: bool,
    /// True if the reads ended early.
    pub is_interrupted: bool,
    /// Requests and bytes of the reads.
    pub requests: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Duration of the reads, in seconds.
    pub seconds: u64,
    /// Price of reading one GB, in millionths; `None` if it is not configured.
    pub price_millionths: Option<u64>,
}

impl VerifyDocument {
    /// Builds the document.
    #[must_use]
    pub fn new(archives: &[SelectedArchive], summary: &VerifySummary) -> Self {
        let archives: Vec<_> = archives
            .iter()
            .map(|archive| SelectedArchiveEntry::new(archive, summary))
            .collect();
        let mut planned = ReadSums::default();
        let mut objects = 0;
        for server in archives.iter().flat_map(|archive| &archive.servers) {
            planned.add(server.planned.into());
            objects += server.objects_read();
        }
        let mut status = Severity::worst(archives.iter().map(|archive| archive.status.0));
        if summary.is_interrupted {
            status = status.max(Severity::Unknown);
        }
        let read = ReadEntry {
            objects,
            requests: summary.requests,
            bytes: summary.bytes,
        };
        Self {
            version: 1,
            generated_at: Moment(summary.now),
            status: Label(status),
            dry_run: summary.is_dry,
            interrupted: summary.is_interrupted,
            planned: planned.into(),
            planned_price: summary
                .price_millionths
                .map(|price| price_of(planned.bytes, price)),
            read: (!summary.is_dry).then_some(read),
            read_seconds: (!summary.is_dry).then_some(summary.seconds),
            archives,
        }
    }

    /// The document as JSON.
    ///
    /// # Errors
    /// Never for these types, as far as known.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }
}

/// Price of bytes, to the hundredth, rounded up.
pub(super) fn price_of(bytes: u64, millionths_per_gb: u64) -> String {
    let millionths = u128::from(bytes) * u128::from(millionths_per_gb);
    let hundredths = millionths.div_ceil(1_000_000_000 * 10_000);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

impl SelectedArchiveEntry {
    fn new(archive: &SelectedArchive, summary: &VerifySummary) -> Self {
        let servers: Vec<_> = archive
            .servers
            .iter()
            .map(|(name, server)| SelectedServerEntry::new(name, server, summary))
            .collect();
        let status = if archive.failure.is_some() {
            Severity::Unknown
        } else {
            Severity::worst(servers.iter().map(|server| server.status.0))
        };
        Self {
            name: archive.name.clone(),
            destination: archive.destination.clone(),
            status: Label(status),
            error: archive.failure.as_ref().map(|failure| ErrorEntry {
                kind: Label(failure.kind),
                message: failure.message.clone(),
            }),
            servers,
        }
    }
}

impl SelectedServerEntry {
    fn new(name: &str, server: &SelectedServer, summary: &VerifySummary) -> Self {
        let status = if summary.is_dry {
            dry_status(server)
        } else {
            status_of(server)
        };
        Self {
            name: name.to_owned(),
            status: Label(status),
            level: Label(server.level),
            planned: server.planned.into(),
            error: server.failure.clone(),
            backups: server.backups.iter().map(Into::into).collect(),
            wal: server.wal.into(),
            segments: server.faulty.iter().map(Into::into).collect(),
        }
    }

    /// WAL files and data objects that were read.
    fn objects_read(&self) -> u64 {
        let backups = self.backups.iter().filter(|backup| backup.read_now);
        let objects: u64 = backups.map(|backup| backup.data_objects).sum();
        objects + self.wal.read_now
    }
}

/// Status of a server of which nothing was to be read.
const fn dry_status(server: &SelectedServer) -> Severity {
    if server.failure.is_some() {
        Severity::Unknown
    } else {
        Severity::Ok
    }
}

fn status_of(server: &SelectedServer) -> Severity {
    let wal = &server.wal;
    let verdicts = server.backups.iter().filter_map(|backup| {
        let evidence = backup.evidence.as_ref()?;
        Some(evidence.verdict)
    });
    let of_backups = verdicts.map(|verdict| match verdict {
        ContentVerdict::Sound => Severity::Ok,
        ContentVerdict::Suspect | ContentVerdict::Unreadable => Severity::Warning,
        ContentVerdict::Corrupt => Severity::Critical,
    });
    let is_unread = server.backups.iter().any(|backup| backup.unread.is_some())
        || server.backups.is_empty()
        || wal.unread + wal.absent > 0;
    let of_wal = [
        (wal.corrupt > 0, Severity::Critical),
        (server.failure.is_some(), Severity::Unknown),
        (wal.suspect + wal.unreadable > 0, Severity::Warning),
        (is_unread, Severity::Warning),
    ];
    let of_wal = of_wal
        .into_iter()
        .filter(|(is_so, _)| *is_so)
        .map(|(_, severity)| severity);
    Severity::worst(of_backups.chain(of_wal))
}

impl From<&SelectedBackup> for SelectedBackupEntry {
    fn from(backup: &SelectedBackup) -> Self {
        let evidence = backup.evidence.as_ref();
        let words = |words: fn(&BackupEvidence) -> &std::collections::BTreeSet<String>| {
            evidence.map(words).cloned().unwrap_or_default()
        };
        Self {
            id: backup.id.clone(),
            data_bytes: backup.data_bytes,
            data_objects: backup.data_objects,
            unread: backup.unread.map(Label),
            depth: evidence.map(|evidence| Label(evidence.depth)),
            verdict: evidence.map(|evidence| Label(evidence.verdict)),
            read_at: evidence.map(|evidence| Moment(evidence.read_at)),
            read_now: backup.is_read_now,
            pages: evidence.and_then(|evidence| evidence.pages).map(Into::into),
            faults: words(|evidence| &evidence.faults),
            unproven: words(|evidence| &evidence.unproven),
            proven_wal: backup.chain.map(Into::into),
        }
    }
}

impl From<SelectedWal> for SelectedWalEntry {
    fn from(wal: SelectedWal) -> Self {
        let SelectedWal {
            selected,
            read_now,
            read_before,
            sound,
            suspect,
            corrupt,
            unreadable,
            unread,
            absent,
        } = wal;
        Self {
            selected,
            read_now,
            read_before,
            unread,
            sound,
            suspect,
            corrupt,
            unreadable,
            absent,
        }
    }
}

impl From<&SelectedSegment> for SegmentEntry {
    fn from(segment: &SelectedSegment) -> Self {
        let depth = if segment.is_whole {
            Depth::Whole
        } else {
            Depth::Edges
        };
        Self {
            segment: segment.faulty.segment.to_string(),
            partial: segment.is_partial,
            verdict: Label(segment.verdict),
            fault: Label(segment.faulty.kind),
            ends_at: segment.faulty.ends_at.map(|at| at.to_string()),
            depth: Label(depth),
            read_at: Moment(segment.read_at),
        }
    }
}

impl From<ReadSums> for ReadEntry {
    fn from(sums: ReadSums) -> Self {
        Self {
            objects: sums.objects,
            requests: sums.requests,
            bytes: sums.bytes,
        }
    }
}

impl From<ReadEntry> for ReadSums {
    fn from(entry: ReadEntry) -> Self {
        Self {
            objects: entry.objects,
            requests: entry.requests,
            bytes: entry.bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_rounded_up_to_the_hundredth() {
        let shown = [
            (0, 90_000),
            (1, 90_000),
            (100_000_000_000, 90_000),
            (1_500_000_000, 1_000_000),
            (u64::MAX, u64::MAX),
        ]
        .map(|(bytes, price)| price_of(bytes, price));

        assert_eq!(shown[..4], ["0.00", "0.01", "9.00", "1.50"]);
        assert!(!shown[4].is_empty());
    }
}
