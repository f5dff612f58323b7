//! Findings in JSON.

use barman_archive::recovery::Obstacle;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Label, Moment, sentence};
use crate::health::{Evidence, Finding, FindingCode, Severity};

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
    /// Name of the missing segment, or of the first one of a gap.
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

    fn of_obstacle(backup: &str, obstacle: &Obstacle) -> Self {
        let entry = Self::of_backup(backup);
        match obstacle {
            Obstacle::MissingSegment(segment)
            | Obstacle::WrongSize(segment)
            | Obstacle::ForeignSegment(segment)
            | Obstacle::CorruptSegment { segment, .. }
            | Obstacle::ColdSegment(segment) => Self {
                segment: Some(segment.to_string()),
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
