//! Evidence of findings: a closed set.

use std::collections::BTreeSet;
use std::sync::Arc;

use barman_archive::barman::BackupStatus;
use barman_archive::inventory::{SomeNames, Sums, UnreadableReason};
use barman_archive::postgres::{SegmentName, TimelineId};
use barman_archive::recovery::{Coverage, Obstacle, Target};
use barman_archive::retention::{RetentionError, RetentionPolicy};
use chrono::{DateTime, TimeDelta, Utc};
use cnpg_schedule::BackupSchedule;

use super::FindingCode;
use super::faults::{Doubt, FaultyData, FaultySegments, ProvenEnd};
use crate::evidence::FaultKind;
use crate::report::{Contradiction, IncompleteReason, ObservedIntervals, Refused, RefusedKind};

/// Facts that a finding rests on. Backups are named by their ids.
#[derive(Clone, Debug, PartialEq)]
pub enum Evidence {
    /// The last scan failed.
    ScanFailed {
        /// Message of the failure; `None` if the scan did not end.
        failure: Option<String>,
    },
    /// The archive contains no server.
    NoServers,
    /// The credentials may list only the directories of the configured servers.
    ListedInPart,
    /// An expected server has no finished backup.
    NoBackup(MissingBackup),
    /// No target restores a finished backup.
    NotRestorable {
        /// Id of the backup.
        backup: String,
        /// Obstacle to a restore.
        obstacle: Obstacle,
    },
    /// The newest backup can be restored, but not replayed to the newest WAL.
    ReplayEndsEarly {
        /// Id of the backup.
        backup: String,
        /// Obstacle that ends the replay.
        obstacle: Obstacle,
    },
    /// A restore has to wait until objects are retrieved from cold storage.
    RestoreBlocked {
        /// Id of the backup.
        backup: String,
        /// First object in cold storage.
        obstacle: Obstacle,
    },
    /// No backup can be replayed to the newest WAL.
    NewestWalUnreached {
        /// Timeline of the newest WAL.
        timeline: TimelineId,
    },
    /// The newest backup still lacks its own WAL.
    WaitingForWal {
        /// Id of the backup.
        backup: String,
        /// First segment that has not arrived.
        segment: SegmentName,
        /// End of the backup.
        since: DateTime<Utc>,
    },
    /// PostgreSQL's default target timeline does not lead to the newest WAL.
    DefaultTargetFails {
        /// Id of the backup.
        backup: String,
        /// Timeline that `latest` stands for.
        default_target: TimelineId,
        /// Target that gets furthest; `None` if no target works.
        works_with: Option<Target>,
    },
    /// Segments are missing that a finished backup has to be replayed through.
    Gap {
        /// First missing segment.
        first: SegmentName,
        /// Last missing segment.
        last: SegmentName,
        /// Number of missing segments.
        missing: u64,
        /// Number of those that are present, but of an impossible size.
        wrong_sizes: u64,
    },
    /// More gaps exist than are reported one by one.
    FurtherGaps {
        /// Number of these gaps.
        gaps: u64,
        /// Number of segments missing in them.
        segments: u64,
    },
    /// The history file of a timeline is missing or invalid.
    HistoryMissing {
        /// Timeline of the file.
        timeline: TimelineId,
        /// True if the file exists, but PostgreSQL cannot read it.
        is_damaged: bool,
        /// True if a backup of the timeline can be restored with `current`.
        current_works: bool,
    },
    /// The recovery window cannot be restored as the policy promises.
    RecoveryWindowShort {
        /// Retention policy.
        policy: RetentionPolicy,
        /// Part of the window that can be restored.
        coverage: Coverage,
    },
    /// The newest backup ended before the recovery window started.
    BackupTooOld {
        /// Id of the backup.
        backup: String,
        /// End of the backup.
        ended_at: DateTime<Utc>,
        /// Length of the window.
        window: TimeDelta,
    },
    /// A backup is overdue by its schedule.
    BackupOverdue {
        /// First scheduled time since which no backup has completed.
        due_at: DateTime<Utc>,
        /// Time by which the due time and the grace period are exceeded.
        overdue: TimeDelta,
        /// Grace period.
        grace_period: TimeDelta,
    },
    /// A backup has been running for much longer than usual.
    BackupStuck {
        /// Id of the backup.
        backup: String,
        /// Start of the backup.
        began_at: DateTime<Utc>,
        /// Duration of the newest finished backup.
        usual: TimeDelta,
    },
    /// A backup failed, and none has completed since.
    BackupFailed {
        /// Id of the backup.
        backup: String,
        /// Error in `backup.info`; `None` if it does not state one.
        error: Option<String>,
    },
    /// A backup is neither complete nor running.
    BackupIncomplete {
        /// Id of the backup.
        backup: String,
        /// Part that is missing; `None` if unknown.
        incomplete: Option<IncompleteBackup>,
    },
    /// A `backup.info` makes no sense.
    BackupUnreadable {
        /// Id of the backup.
        backup: String,
        /// Reason.
        reason: UnreadableReason,
    },
    /// Files that the store refuses to return, or that are too large.
    FilesRefused {
        /// Kind of the files.
        kind: RefusedKind,
        /// Number of the files, and the newest of them.
        refused: Refused,
    },
    /// The databases in the newest backup are far smaller than usual.
    BackupShrank {
        /// Id of the backup.
        backup: String,
        /// Size divided by the usual size.
        ratio: f64,
    },
    /// There are fewer finished backups than the retention settings ask for.
    TooFewBackups {
        /// Number of finished backups.
        done: u64,
        /// Number of backups that should exist.
        required: u64,
    },
    /// The backup schedule probably means something else than intended.
    ScheduleMisread {
        /// The schedule.
        schedule: Arc<BackupSchedule>,
    },
    /// Backups are not taken as often as scheduled, or more often.
    ScheduleContradicted {
        /// The schedule.
        schedule: Arc<BackupSchedule>,
        /// Intervals between the backups.
        observed: ObservedIntervals,
        /// Direction of the contradiction.
        contradiction: Contradiction,
    },
    /// Barman's retention does not delete obsolete backups.
    RetentionOverdue {
        /// Moment since which the oldest of them is obsolete.
        since: DateTime<Utc>,
        /// Number of obsolete backups.
        obsolete: u64,
        /// Retention policy.
        policy: RetentionPolicy,
    },
    /// Barman's retention deletes nothing, because a `backup.info` cannot be read.
    RetentionBlocked,
    /// Barman's retention ends with an error.
    RetentionFails {
        /// Retention policy.
        policy: RetentionPolicy,
        /// The error.
        failure: RetentionError,
    },
    /// Much WAL is stored that no backup needs.
    ObsoleteWal {
        /// Objects of these segments.
        stored: Sums,
    },
    /// A restored copy may have written timelines of this archive.
    StrayTimeline {
        /// Those timelines.
        timelines: BTreeSet<TimelineId>,
    },
    /// Several clusters share the directory.
    SharedDirectory {
        /// Number of clusters.
        clusters: u64,
    },
    /// Objects below `wals/` are not WAL files.
    ForeignWal(OddObjects),
    /// WAL files are in directories where no restore looks for them.
    MisplacedWal(OddObjects),
    /// Segments have an impossible size.
    WrongSize(OddObjects),
    /// Segments are stored more than once.
    DuplicateWal(OddObjects),
    /// Segments were uploaded again.
    OverwrittenWal(OddObjects),
    /// The content of segments that backups need ends replay.
    CorruptWal(FaultySegments),
    /// The data of a backup is damaged.
    CorruptBackup(FaultyData),
    /// Segments that backups need seem to be damaged.
    SuspectWal(FaultySegments),
    /// The data of a backup seems to be damaged.
    SuspectBackup {
        /// The backup, with what was found.
        data: FaultyData,
        /// Reason why it is not decided.
        doubt: Doubt,
    },
    /// The content of objects cannot be judged.
    UnreadableContents {
        /// Number of WAL files.
        wal: u64,
        /// Number of data objects of backups.
        base: u64,
        /// Reasons.
        reasons: BTreeSet<FaultKind>,
    },
    /// Nothing proves that recent WAL can be recovered.
    RecoveryUnproven {
        /// Time since which contents are verified.
        since: DateTime<Utc>,
        /// End of what is proven; `None` if nothing is.
        proven: Option<ProvenEnd>,
    },
    /// Nothing is read of a server although something can be.
    VerificationStalled {
        /// Time of the last read that could be judged; `None` without any.
        last_read_at: Option<DateTime<Utc>>,
        /// Time since which something waits.
        since: DateTime<Utc>,
    },
    /// More of an archive is to be read than the budget ever has.
    VerificationBehind {
        /// Bytes that are still to be read.
        backlog_bytes: u64,
        /// Most bytes that the budget ever has.
        most_bytes: u64,
    },
    /// Backups are larger than the budget ever is.
    VerificationUnaffordable {
        /// Ids of a few of them.
        backups: SomeNames,
        /// Most bytes that the budget ever has.
        most_bytes: u64,
    },
    /// A server exists that is not configured.
    OrphanedServer {
        /// Bytes of everything in its directory.
        bytes: u64,
    },
    /// Multipart uploads were started and never completed.
    UnfinishedUploads {
        /// Number of uploads.
        count: u64,
        /// Bytes that they have stored; `None` if unknown.
        bytes: Option<u64>,
        /// Start of the oldest upload.
        oldest_at: DateTime<Utc>,
    },
    /// A certificate of a chain has expired.
    CertificateExpired {
        /// The certificate.
        certificate: MemberOfChain,
        /// End of its validity.
        ended_at: DateTime<Utc>,
        /// True if the leaf verifies without it.
        leaf_verifies: bool,
    },
    /// A certificate of a chain is not valid yet.
    CertificateNotYetValid {
        /// The certificate.
        certificate: MemberOfChain,
        /// Start of its validity.
        begins_at: DateTime<Utc>,
        /// True if the leaf verifies without it.
        leaf_verifies: bool,
    },
    /// A certificate does not verify.
    CertificateInvalid {
        /// Reason that OpenSSL gives.
        reason: String,
    },
    /// A certificate of a chain expires soon.
    CertificateEnding {
        /// The certificate.
        certificate: MemberOfChain,
        /// End of its validity.
        ends_at: DateTime<Utc>,
    },
    /// A certificate cannot be read.
    CertificateUnreadable {
        /// Reason.
        reason: String,
        /// Moment at which it was last read; `None` if it never was.
        last_read_at: Option<DateTime<Utc>>,
    },
    /// A certificate cannot be verified, because the CA cannot be read or OpenSSL gives no verdict.
    CertificateUnverified {
        /// Reason.
        reason: String,
    },
}

/// Circumstances of a server without a finished backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingBackup {
    /// The server has a directory, but no finished backup in it.
    NoneDone,
    /// The server has no directory; other servers have one.
    NoDirectory,
    /// No server has a directory.
    NoServers,
}

/// Part that an incomplete backup lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncompleteBackup {
    /// Reason why the backup is incomplete.
    pub reason: IncompleteReason,
    /// Status in `backup.info`; `None` without that file.
    pub status: Option<BackupStatus>,
    /// Missing data objects.
    pub missing_data: SomeNames,
    /// Start of the backup; `None` if unknown.
    pub began_at: Option<DateTime<Utc>>,
}

/// Odd objects below `wals/`, of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OddObjects {
    /// Number of the objects or segments.
    pub count: u64,
    /// Names of a few of them.
    pub names: SomeNames,
}

/// Certificate of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberOfChain {
    /// The leaf.
    Leaf,
    /// Another certificate, by its subject.
    Authority(String),
}

impl Evidence {
    /// Code of the findings that rest on such evidence.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of evidence")]
    pub const fn code(&self) -> FindingCode {
        match self {
            Self::ScanFailed { .. } => FindingCode::ScanFailed,
            Self::NoServers => FindingCode::NoServers,
            Self::ListedInPart => FindingCode::ListedInPart,
            Self::NoBackup(_) => FindingCode::NoBackup,
            Self::NotRestorable { .. } => FindingCode::NotRestorable,
            Self::ReplayEndsEarly { .. } => FindingCode::ReplayEndsEarly,
            Self::RestoreBlocked { .. } => FindingCode::RestoreBlocked,
            Self::NewestWalUnreached { .. } => FindingCode::NewestWalUnreached,
            Self::WaitingForWal { .. } => FindingCode::WaitingForWal,
            Self::DefaultTargetFails { .. } => FindingCode::DefaultTargetFails,
            Self::Gap { .. } | Self::FurtherGaps { .. } => FindingCode::Gap,
            Self::HistoryMissing { .. } => FindingCode::HistoryMissing,
            Self::RecoveryWindowShort { .. } => FindingCode::RecoveryWindowShort,
            Self::BackupTooOld { .. } => FindingCode::BackupTooOld,
            Self::BackupOverdue { .. } => FindingCode::BackupOverdue,
            Self::BackupStuck { .. } => FindingCode::BackupStuck,
            Self::BackupFailed { .. } => FindingCode::BackupFailed,
            Self::BackupIncomplete { .. } => FindingCode::BackupIncomplete,
            Self::BackupUnreadable { .. }
            | Self::FilesRefused {
                kind: RefusedKind::BackupInfo,
                ..
            } => FindingCode::BackupUnreadable,
            Self::FilesRefused {
                kind: RefusedKind::History | RefusedKind::Keep,
                ..
            } => FindingCode::FileUnreadable,
            Self::BackupShrank { .. } => FindingCode::BackupShrank,
            Self::TooFewBackups { .. } => FindingCode::TooFewBackups,
            Self::ScheduleMisread { .. } => FindingCode::ScheduleMisread,
            Self::ScheduleContradicted { .. } => FindingCode::ScheduleContradicted,
            Self::RetentionOverdue { .. } => FindingCode::RetentionOverdue,
            Self::RetentionBlocked => FindingCode::RetentionBlocked,
            Self::RetentionFails { .. } => FindingCode::RetentionFails,
            Self::ObsoleteWal { .. } => FindingCode::ObsoleteWal,
            Self::StrayTimeline { .. } => FindingCode::StrayTimeline,
            Self::SharedDirectory { .. } => FindingCode::SharedDirectory,
            Self::ForeignWal(_) => FindingCode::ForeignWal,
            Self::MisplacedWal(_) => FindingCode::MisplacedWal,
            Self::WrongSize(_) => FindingCode::WrongSize,
            Self::DuplicateWal(_) => FindingCode::DuplicateWal,
            Self::OverwrittenWal(_) => FindingCode::OverwrittenWal,
            Self::CorruptWal(_) => FindingCode::CorruptWal,
            Self::CorruptBackup(_) => FindingCode::CorruptBackup,
            Self::SuspectWal(_) => FindingCode::SuspectWal,
            Self::SuspectBackup { .. } => FindingCode::SuspectBackup,
            Self::UnreadableContents { .. } => FindingCode::UnreadableContents,
            Self::RecoveryUnproven { .. } => FindingCode::RecoveryUnproven,
            Self::VerificationStalled { .. } => FindingCode::VerificationStalled,
            Self::VerificationBehind { .. } => FindingCode::VerificationBehind,
            Self::VerificationUnaffordable { .. } => FindingCode::VerificationUnaffordable,
            Self::OrphanedServer { .. } => FindingCode::OrphanedServer,
            Self::UnfinishedUploads { .. } => FindingCode::UnfinishedUploads,
            Self::CertificateExpired { .. } => FindingCode::CertificateExpired,
            Self::CertificateNotYetValid { .. } => FindingCode::CertificateNotYetValid,
            Self::CertificateInvalid { .. } => FindingCode::CertificateInvalid,
            Self::CertificateEnding { .. } => FindingCode::CertificateEnding,
            Self::CertificateUnreadable { .. } | Self::CertificateUnverified { .. } => {
                FindingCode::CertificateUnreadable
            }
        }
    }
}
