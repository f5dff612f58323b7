//! Sentences about findings. This is the only place where a finding becomes words.

mod backups;
mod certificates;
mod contents;
mod obstacle;
mod storage;
mod wal;

use chrono::{DateTime, Utc};

use super::words::{ago, count, cut};
use crate::health::{Evidence, Finding, MissingBackup};
use crate::report::{Refused, RefusedKind};
pub(super) use backups::failure_in_words;
pub(in crate::output) use contents::{data_faults, fault_in_words};
use obstacle::obstacle_in_words;

/// Problem of an archive without any server.
pub const NO_SERVERS: &str =
    "No server directory exists below the destination path: check `destinationPath`";

/// Maximum length of the store's reason for a refusal in a sentence, in characters.
const REASON_CHARACTERS: usize = 400;

/// Describes a finding for people, as of a moment: sentences without a line break.
#[must_use]
#[expect(clippy::too_many_lines, reason = "one arm for each kind of evidence")]
pub fn sentence(finding: &Finding, now: DateTime<Utc>) -> String {
    match &finding.evidence {
        Evidence::ScanFailed { failure } => {
            let failure = failure.as_deref().unwrap_or("it did not finish");
            format!("The scan failed: {failure}")
        }
        Evidence::NoServers => NO_SERVERS.to_owned(),
        Evidence::ListedInPart => "Only the configured servers can be listed: other objects below \
                                   the destination path are unknown"
            .to_owned(),
        Evidence::NoBackup(circumstances) => no_backup(*circumstances),
        Evidence::NotRestorable { backup, obstacle } => {
            format!(
                "Backup {backup} cannot be restored: {}",
                obstacle_in_words(obstacle)
            )
        }
        Evidence::ReplayEndsEarly { backup, obstacle } => format!(
            "The newest backup {backup} can be restored, but not replayed to the newest WAL: {}",
            obstacle_in_words(obstacle)
        ),
        Evidence::RestoreBlocked { backup, obstacle } => format!(
            "A restore of backup {backup} has to wait until objects are retrieved from cold \
             storage: {}",
            obstacle_in_words(obstacle)
        ),
        Evidence::WaitingForWal {
            backup,
            segment,
            since,
        } => format!(
            "The newest backup {backup} ended {} and cannot be restored yet: its segment {segment} \
             has not arrived",
            ago(*since, now)
        ),
        Evidence::DefaultTargetFails {
            backup,
            default_target,
            works_with,
        } => wal::default_target_fails(backup, *default_target, *works_with),
        Evidence::NewestWalUnreached { timeline } => format!(
            "The newest WAL is on timeline {timeline}, but no backup can be replayed to it: take a \
             backup now. If a restored copy wrote that timeline, set `currentTimeline` to the \
             timeline of the database"
        ),
        Evidence::Gap {
            first,
            last,
            missing,
            wrong_sizes,
        } => wal::gap(*first, *last, *missing, *wrong_sizes),
        Evidence::FurtherGaps { gaps, segments } => wal::further_gaps(*gaps, *segments),
        Evidence::HistoryMissing {
            timeline,
            is_damaged,
            current_works,
        } => wal::history_missing(*timeline, *is_damaged, *current_works),
        Evidence::RecoveryWindowShort { policy, coverage } => {
            wal::recovery_window_short(*policy, *coverage)
        }
        Evidence::BackupTooOld {
            backup,
            ended_at,
            window,
        } => backups::too_old(backup, *ended_at, *window, now),
        Evidence::BackupOverdue {
            due_at,
            overdue,
            grace_period,
        } => backups::overdue(*due_at, *overdue, *grace_period),
        Evidence::BackupStuck {
            backup,
            began_at,
            usual,
        } => backups::stuck(backup, now - *began_at, *usual),
        Evidence::BackupFailed { backup, error } => backups::failed(backup, error.as_deref()),
        Evidence::BackupIncomplete { backup, incomplete } => {
            backups::incomplete(backup, incomplete.as_ref(), now)
        }
        Evidence::BackupUnreadable { backup, reason } => backups::unreadable(backup, *reason),
        Evidence::FilesRefused { kind, refused } => files_refused(*kind, refused),
        Evidence::BackupShrank { backup, ratio } => format!(
            "The databases in the newest backup {backup} are only {:.0} % of their usual size",
            ratio * 100.0
        ),
        Evidence::TooFewBackups { done, required } => backups::too_few(*done, *required),
        Evidence::ScheduleMisread { schedule } => {
            let warning = schedule.warning().unwrap_or_default();
            format!("The backup schedule {warning}")
        }
        Evidence::ScheduleContradicted {
            schedule,
            observed,
            contradiction,
        } => backups::schedule_contradicted(schedule, *observed, *contradiction),
        Evidence::RetentionOverdue {
            since,
            obsolete,
            policy,
        } => storage::retention_overdue(now - *since, *obsolete, *policy),
        Evidence::RetentionBlocked => {
            "Barman's retention deletes nothing while a backup.info cannot be read".to_owned()
        }
        Evidence::RetentionFails { policy, failure } => {
            format!("Barman's retention fails for `{policy}`: {failure}")
        }
        Evidence::ObsoleteWal { stored } => storage::obsolete_wal(*stored),
        Evidence::StrayTimeline { timelines } => storage::stray_timeline(timelines),
        Evidence::SharedDirectory { clusters } => {
            format!("Backups of {clusters} different clusters share this directory")
        }
        Evidence::ForeignWal(objects) => storage::foreign_wal(objects),
        Evidence::MisplacedWal(objects) => storage::misplaced_wal(objects),
        Evidence::WrongSize(objects) => storage::wrong_size(objects),
        Evidence::DuplicateWal(objects) => storage::duplicate_wal(objects),
        Evidence::OverwrittenWal(objects) => storage::overwritten_wal(objects),
        Evidence::CorruptWal(segments) => contents::corrupt_wal(segments),
        Evidence::CorruptBackup(data) => contents::corrupt_backup(data, now),
        Evidence::SuspectWal(segments) => contents::suspect_wal(segments),
        Evidence::SuspectBackup { data, doubt } => contents::suspect_backup(data, *doubt, now),
        Evidence::UnreadableContents { wal, base, reasons } => {
            contents::unreadable_contents(*wal, *base, reasons)
        }
        Evidence::RecoveryUnproven { since, proven } => {
            contents::recovery_unproven(*since, *proven, now)
        }
        Evidence::VerificationStalled {
            last_read_at,
            since,
        } => contents::verification_stalled(*last_read_at, *since, now),
        Evidence::VerificationBehind {
            backlog_bytes,
            most_bytes,
        } => contents::verification_behind(*backlog_bytes, *most_bytes),
        Evidence::VerificationUnaffordable {
            backups,
            most_bytes,
        } => contents::verification_unaffordable(backups, *most_bytes),
        Evidence::OrphanedServer { bytes } => storage::orphaned_server(*bytes),
        Evidence::UnfinishedUploads {
            count,
            bytes,
            oldest_at,
        } => storage::unfinished_uploads(*count, *bytes, &ago(*oldest_at, now)),
        Evidence::CertificateExpired {
            certificate,
            ended_at,
            leaf_verifies,
        } => certificates::expired(certificate, &ago(*ended_at, now), *leaf_verifies),
        Evidence::CertificateNotYetValid {
            certificate,
            begins_at,
            leaf_verifies,
        } => certificates::not_yet_valid(certificate, *begins_at, *leaf_verifies),
        Evidence::CertificateInvalid { reason } => {
            format!("The certificate does not verify: {reason}")
        }
        Evidence::CertificateEnding {
            certificate,
            ends_at,
        } => certificates::ending(certificate, *ends_at - now),
        Evidence::CertificateUnreadable {
            reason,
            last_read_at,
        } => {
            let last = last_read_at.map(|at| format!(" (last read {})", ago(at, now)));
            format!(
                "The certificate cannot be read{}: {reason}",
                last.unwrap_or_default()
            )
        }
        Evidence::CertificateUnverified { reason } => {
            format!("The certificate cannot be verified: {reason}")
        }
    }
}

fn no_backup(circumstances: MissingBackup) -> String {
    let never = "This server has never been backed up: it has no directory";
    match circumstances {
        MissingBackup::NoneDone => "This server has no finished backup".to_owned(),
        MissingBackup::NoDirectory => never.to_owned(),
        MissingBackup::NoServers => format!("{never}. {NO_SERVERS}"),
    }
}

fn files_refused(kind: RefusedKind, refused: &Refused) -> String {
    let (unit, consequence) = match kind {
        RefusedKind::BackupInfo => (
            "backup.info file",
            "it is unknown whether these backups can be restored",
        ),
        RefusedKind::History => ("history file", "the ancestry of these timelines is unknown"),
        RefusedKind::Keep => ("keep annotation", "it is unknown which backups are kept"),
    };
    let files = count(refused.count, unit);
    let reason = cut(&refused.message, REASON_CHARACTERS);
    format!("{files} cannot be read, so {consequence}: {reason}")
}
