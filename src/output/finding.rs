//! Findings in JSON.

use std::collections::BTreeSet;

use barman_archive::recovery::Obstacle;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Label, Moment, sentence};
use crate::evidence::DataFault;
use crate::health::{Evidence, FaultySegments, Finding, FindingCode, Severity};

/// Something that is wrong, or worth knowing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FindingEntry {
    /// Severity: `ok`, `warning`, `unknown`, `critical`.
    pub severity: Label<Severity>,
    /// Code of the finding, for scripts: a word that never changes, such as `gap`.
    pub code: Label<FindingCode>,
    /// Description of the finding, for people: sentences without a line break.
    pub message: String,
    /// Subject of the finding, in further fields next to these.
    #[serde(flatten)]
    pub evidence: EvidenceEntry,
}

/// Subject of a finding; a field that does not apply is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EvidenceEntry {
    /// Id of the backup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
    /// Number of the timeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<u32>,
    /// Name of the missing or corrupt segment, or of the first one of several; for
    /// `recovery_unproven`, of the last proven one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// Name of the last segment of a gap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_segment: Option<String>,
    /// Key of the object, from the bucket's root; if there are several, that of the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Number of segments, objects, uploads or backups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Faults in the content of the segment or of the backup's data, or reasons why contents cannot be
    /// judged.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub faults: BTreeSet<&'static str>,
    /// Position at which replay ends, such as `0/5000A28`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    /// Moment at which the content was last read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Moment>,
    /// Bytes that are still to be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Moment since which the problem exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Moment>,
}

impl FindingEntry {
    pub(super) fn new(finding: &Finding, now: DateTime<Utc>) -> Self {
        Self {
            severity: Label(finding.severity),
            code: Label(finding.code()),
            message: sentence(finding, now),
            evidence: EvidenceEntry::new(&finding.evidence),
        }
    }

    pub(super) fn all(findings: &[Finding], now: DateTime<Utc>) -> Vec<Self> {
        findings
            .iter()
            .map(|finding| Self::new(finding, now))
            .collect()
    }
}

fn labels(faults: &BTreeSet<DataFault>) -> BTreeSet<&'static str> {
    faults.iter().map(|fault| fault.as_label()).collect()
}

impl EvidenceEntry {
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of evidence")]
    fn new(evidence: &Evidence) -> Self {
        match evidence {
            Evidence::NotRestorable { backup, obstacle }
            | Evidence::ReplayEndsEarly { backup, obstacle }
            | Evidence::RestoreBlocked { backup, obstacle } => Self::of_obstacle(backup, obstacle),
            Evidence::NewestWalUnreached { timeline }
            | Evidence::HistoryMissing { timeline, .. } => Self {
                timeline: Some(timeline.0),
                ..Self::default()
            },
            Evidence::WaitingForWal {
                backup,
                segment,
                since,
            } => Self {
                segment: Some(segment.to_string()),
                since: Some(Moment(*since)),
                ..Self::of_backup(backup)
            },
            Evidence::DefaultTargetFails {
                backup,
                default_target,
                ..
            } => Self {
                timeline: Some(default_target.0),
                ..Self::of_backup(backup)
            },
            Evidence::Gap {
                first,
                last,
                missing,
                ..
            } => Self {
                timeline: Some(first.timeline.0),
                segment: Some(first.to_string()),
                last_segment: Some(last.to_string()),
                ..Self::of_count(*missing)
            },
            Evidence::BackupTooOld {
                backup,
                ended_at: since,
                ..
            }
            | Evidence::BackupStuck {
                backup,
                began_at: since,
                ..
            } => Self {
                since: Some(Moment(*since)),
                ..Self::of_backup(backup)
            },
            Evidence::BackupOverdue { due_at, .. } => Self {
                since: Some(Moment(*due_at)),
                ..Self::default()
            },
            Evidence::BackupFailed { backup, .. }
            | Evidence::BackupIncomplete { backup, .. }
            | Evidence::BackupUnreadable { backup, .. }
            | Evidence::BackupShrank { backup, .. } => Self::of_backup(backup),
            Evidence::FilesRefused { refused, .. } => Self {
                key: Some(refused.newest_key.clone()),
                ..Self::of_count(refused.count)
            },
            Evidence::FurtherGaps {
                segments: count, ..
            }
            | Evidence::TooFewBackups { done: count, .. }
            | Evidence::SharedDirectory { clusters: count } => Self::of_count(*count),
            Evidence::ScheduleContradicted { observed, .. } => Self {
                count: u64::try_from(observed.count).ok(),
                ..Self::default()
            },
            Evidence::RetentionOverdue {
                since, obsolete, ..
            } => Self {
                since: Some(Moment(*since)),
                ..Self::of_count(*obsolete)
            },
            Evidence::UnfinishedUploads {
                count, oldest_at, ..
            } => Self {
                since: Some(Moment(*oldest_at)),
                ..Self::of_count(*count)
            },
            Evidence::ObsoleteWal { stored } => Self::of_count(stored.objects),
            Evidence::StrayTimeline { timelines } => Self::of_count(timelines.len() as u64),
            Evidence::CorruptWal(faulty) | Evidence::SuspectWal(faulty) => {
                Self::of_segments(faulty)
            }
            Evidence::CorruptBackup(data) | Evidence::SuspectBackup { data, .. } => Self {
                faults: labels(&data.faults),
                read_at: Some(Moment(data.read_at)),
                ..Self::of_backup(&data.backup)
            },
            Evidence::UnreadableContents { wal, base, reasons } => Self {
                faults: reasons.iter().map(|kind| kind.as_label()).collect(),
                ..Self::of_count(wal.saturating_add(*base))
            },
            Evidence::RecoveryUnproven { since, proven } => Self {
                segment: proven.map(|proven| proven.segment.to_string()),
                since: Some(Moment(proven.map_or(*since, |proven| proven.arrived_at))),
                ..Self::default()
            },
            Evidence::VerificationStalled {
                last_read_at,
                since,
            } => Self {
                read_at: last_read_at.map(Moment),
                since: Some(Moment(*since)),
                ..Self::default()
            },
            Evidence::VerificationBehind { backlog_bytes, .. } => Self {
                bytes: Some(*backlog_bytes),
                ..Self::default()
            },
            Evidence::VerificationUnaffordable { backups, .. } => Self {
                backup: backups.iter().next().map(str::to_owned),
                ..Self::default()
            },
            Evidence::ForeignWal(objects)
            | Evidence::MisplacedWal(objects)
            | Evidence::WrongSize(objects)
            | Evidence::DuplicateWal(objects)
            | Evidence::OverwrittenWal(objects) => Self::of_count(objects.count),
            Evidence::ScanFailed { .. }
            | Evidence::NoServers
            | Evidence::ListedInPart
            | Evidence::NoBackup(_)
            | Evidence::RecoveryWindowShort { .. }
            | Evidence::ScheduleMisread { .. }
            | Evidence::RetentionBlocked
            | Evidence::RetentionFails { .. }
            | Evidence::OrphanedServer { .. }
            | Evidence::CertificateExpired { .. }
            | Evidence::CertificateNotYetValid { .. }
            | Evidence::CertificateInvalid { .. }
            | Evidence::CertificateEnding { .. }
            | Evidence::CertificateUnreadable { .. }
            | Evidence::CertificateUnverified { .. } => Self::default(),
        }
    }

    fn of_backup(backup: &str) -> Self {
        Self {
            backup: Some(backup.to_owned()),
            ..Self::default()
        }
    }

    fn of_count(count: u64) -> Self {
        Self {
            count: Some(count),
            ..Self::default()
        }
    }

    fn of_segments(faulty: &FaultySegments) -> Self {
        let first = faulty.segments.first();
        Self {
            segment: first.map(|first| first.segment.to_string()),
            faults: faulty
                .segments
                .iter()
                .map(|faulty| faulty.kind.as_label())
                .collect(),
            ends_at: first
                .and_then(|first| first.ends_at)
                .map(|ends_at| ends_at.to_string()),
            ..Self::of_count(faulty.count)
        }
    }

    fn of_obstacle(backup: &str, obstacle: &Obstacle) -> Self {
        let entry = Self::of_backup(backup);
        match obstacle {
            Obstacle::MissingSegment(segment)
            | Obstacle::WrongSize(segment)
            | Obstacle::ForeignSegment(segment)
            | Obstacle::ColdSegment(segment) => Self {
                segment: Some(segment.to_string()),
                ..entry
            },
            Obstacle::CorruptSegment { segment, ends_at } => Self {
                segment: Some(segment.to_string()),
                ends_at: Some(ends_at.to_string()),
                ..entry
            },
            Obstacle::MissingHistory(timeline)
            | Obstacle::InvalidHistory(timeline)
            | Obstacle::UnknownHistory(timeline) => Self {
                timeline: Some(timeline.0),
                ..entry
            },
            Obstacle::DeadBranch
            | Obstacle::ImpossibleSegments
            | Obstacle::ColdData
            | Obstacle::CorruptData
            | Obstacle::Parent { .. } => entry,
        }
    }
}
