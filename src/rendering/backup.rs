//! One backup in the JSON.

use std::collections::BTreeMap;

use barman_archive::barman::{BackupInfo, KeepTarget};
use barman_archive::inventory::UnreadableReason;
use barman_archive::postgres::SegmentName;
use barman_archive::recovery::{BackupVerdict, Followed, Verdict};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Moment;
use crate::report::{BackupReport, BackupState, IncompleteReason, RefusedKind, ServerReport};

/// One backup.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BackupEntry {
    /// Its id: the name of its directory.
    pub id: String,
    /// What Barman left: `done`, `failed`, `running`, `incomplete`, `unreadable`.
    pub state: &'static str,
    /// Verdict on the backup. For a done one: `recoverable` (to the newest WAL), `consistent` (it
    /// can be restored, but not replayed to the newest WAL), `blocked` (it can be once objects are
    /// brought back from a storage class that cannot be read at once), `waiting` (its own WAL has
    /// not arrived yet), `broken` (no target restores it), `unknown` (it depends on a history file
    /// that the store refuses). For any other: its state.
    pub verdict: &'static str,
    /// The verdict once everything is brought back from cold storage.
    pub verdict_after_thaw: &'static str,
    /// True if a restore of it comes up, as with the first two verdicts; `null` if that depends on
    /// a file that the store refuses.
    pub restorable: Option<bool>,
    /// The value of `recovery_target_timeline` with which a restore gets furthest: `latest`,
    /// `current` or a number; `null` if none works.
    pub restore_with: Option<String>,
    /// What is in the way of the next better verdict; `null` for a recoverable backup and for one
    /// that is not done.
    pub obstacle: Option<ObstacleEntry>,
    /// The last segment that replay towards the current timeline reaches; `null` if there is none.
    pub reach: Option<ReachEntry>,
    /// The last segment that replay reaches once everything is brought back from cold storage;
    /// `null` if there is none.
    pub reach_after_thaw: Option<ReachEntry>,
    /// Restores to every value of `recovery_target_timeline`: first the numbers, then `current` and
    /// `latest`. If the archive has more than 100 timelines, the 100 highest.
    pub follow: Vec<FollowEntry>,
    /// What `PostgreSQL`'s default target timeline, `latest`, comes to; `null` unless done.
    pub default_target_timeline: Option<u32>,
    /// True if a restore with that target comes up and gets as far as with any other; `null` unless
    /// done.
    pub default_target_works: Option<bool>,
    /// When it began.
    pub began_at: Option<Moment>,
    /// When it ended, as `backup.info` says.
    pub ended_at: Option<Moment>,
    /// What it is kept for: `full`, `standalone`; `null` without an annotation.
    pub keep: Option<&'static str>,
    /// Size of the databases, as `backup.info` says.
    pub cluster_size_bytes: Option<u64>,
    /// Bytes of its objects in the bucket.
    pub stored_bytes: u64,
    /// Barman's error, as `backup.info` says.
    pub error: Option<String>,
    /// Why its `backup.info` cannot be read: `syntax`, `framing`, `missing_field`, `access`.
    pub unreadable_reason: Option<&'static str>,
    /// The reason in words; for `access`, the store's own.
    pub unreadable_message: Option<String>,
    /// Why it is neither whole nor under way: `missing_info`, `missing_data`, `never_begun`,
    /// `never_ended`, `unknown_status`; `null` unless it is incomplete.
    pub incomplete_reason: Option<&'static str>,
    /// Data objects that a finished backup lacks, without their compression endings, such as
    /// `data.tar`, `16411.tar`, `data_0001.tar`: the first of each kind that is missing, up to 20.
    pub missing_data: Vec<String>,
}

/// What keeps a restore from going further.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ObstacleEntry {
    /// A segment is missing.
    MissingSegment {
        /// Name of the segment.
        segment: String,
    },
    /// A segment has an impossible size: a restore that reaches it does not come up.
    WrongSize {
        /// Name of the segment.
        segment: String,
    },
    /// A segment is of another database, with another system identifier.
    ForeignSegment {
        /// Name of the segment.
        segment: String,
    },
    /// A segment is in a storage class that cannot be read at once.
    ColdSegment {
        /// Name of the segment.
        segment: String,
    },
    /// Data are in a storage class that cannot be read at once.
    ColdData,
    /// A history file is missing.
    MissingHistory {
        /// Number of its timeline.
        timeline: u32,
    },
    /// `PostgreSQL` cannot read a history file.
    InvalidHistory {
        /// Number of its timeline.
        timeline: u32,
    },
    /// The exporter could not read a history file.
    UnknownHistory {
        /// Number of its timeline.
        timeline: u32,
    },
    /// The target timeline left the backup's before the backup's end.
    DeadBranch,
    /// A backup that this incremental one builds on cannot be used.
    Parent {
        /// Id of that backup.
        parent: String,
    },
    /// `backup.info` names segments that its cluster cannot have.
    ImpossibleSegments,
}

/// The last segment that a backup reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReachEntry {
    /// Name of the segment.
    pub segment: String,
    /// When it arrived; `null` where that is not known, as of a segment between others.
    pub arrived_at: Option<Moment>,
}

/// A restore to one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FollowEntry {
    /// The value of `recovery_target_timeline`: a number, `current` or `latest`.
    pub target: String,
    /// Number of the timeline that the target stands for.
    pub timeline: u32,
    /// True if the server comes up.
    pub works: bool,
    /// The obstacle that keeps it from coming up; `null` if it comes up.
    pub obstacle: Option<ObstacleEntry>,
    /// The last segment before the first missing one; `null` if the very first one is missing, or
    /// if the backup is not on the path to the target.
    pub last_wal: Option<String>,
    /// The first segment missing; `null` if the path is whole up to the timeline's last segment.
    pub first_missing: Option<String>,
    /// A partial segment that continues the last one.
    pub then_partial: Option<String>,
    /// The segment in which replay really ends: if a timeline's segment is missing, `PostgreSQL`
    /// takes its parent's instead and leaves the path.
    pub ends_in: Option<String>,
    /// Whether the path is whole.
    pub complete: bool,
}

impl BackupEntry {
    pub(super) fn new(backup: &BackupReport, server: &ServerReport) -> Self {
        let verdict = server.recovery.verdict.backups.get(&backup.id);
        let info = backup.info.as_ref();
        let reach = |segment, arrivals| ReachEntry::new(segment, &backup.id, arrivals);
        let recovery = &server.recovery;
        let is_certain = verdict.is_none_or(|verdict| server.is_certain(verdict));
        let judged = |verdict: Option<&Verdict>| {
            if is_certain { judged(backup, verdict) } else { ("unknown", None) }
        };
        let (word, obstacle) = judged(verdict.map(|judged| &judged.verdict));
        let (thawed, _) = judged(verdict.map(|judged| &judged.thawed));
        Self {
            id: backup.id.clone(),
            state: backup.state.as_label(),
            verdict: word,
            verdict_after_thaw: thawed,
            restorable: is_restorable(backup, server),
            restore_with: verdict
                .and_then(|verdict| verdict.works_with)
                .map(|target| target.to_string()),
            obstacle,
            reach: verdict.and_then(|verdict| Some(reach(verdict.reach?, &recovery.reached_at))),
            reach_after_thaw: verdict.and_then(|verdict| {
                Some(reach(verdict.thawed_reach?, &recovery.thawed_reached_at))
            }),
            follow: verdict.map(follow).unwrap_or_default(),
            default_target_timeline: verdict.map(|verdict| verdict.default_target.0),
            default_target_works: verdict
                .map(|verdict| verdict.default_target_works)
                .filter(|works| *works || !server.refusals.has(RefusedKind::History)),
            began_at: backup.began_at.map(Moment),
            ended_at: info.and_then(BackupInfo::ended_at).map(Moment),
            keep: backup.keep.map(KeepTarget::as_label),
            cluster_size_bytes: backup.cluster_size_bytes(),
            stored_bytes: backup.stored.bytes,
            error: info.and_then(|info| info.error.clone()),
            unreadable_reason: unreadable_reason(backup),
            unreadable_message: backup.unreadable.clone(),
            incomplete_reason: backup.incomplete_reason().map(IncompleteReason::as_label),
            missing_data: backup.missing_data.iter().map(str::to_owned).collect(),
        }
    }
}

fn unreadable_reason(backup: &BackupReport) -> Option<&'static str> {
    match backup.state {
        BackupState::Unreadable(reason) => Some(reason.as_label()),
        BackupState::Done
        | BackupState::Failed
        | BackupState::Running
        | BackupState::Incomplete => None,
    }
}

/// Returns whether a restore of it comes up; `None` if that is not known.
fn is_restorable(backup: &BackupReport, server: &ServerReport) -> Option<bool> {
    if backup.state == BackupState::Unreadable(UnreadableReason::Access) {
        return None;
    }
    let Some(judged) = server.recovery.verdict.backups.get(&backup.id) else { return Some(false) };
    match judged.verdict {
        Verdict::Recoverable | Verdict::Consistent(_) => Some(true),
        Verdict::Blocked(_) | Verdict::Waiting(_) | Verdict::Broken(_) => {
            server.is_certain(judged).then_some(false)
        }
    }
}

impl ReachEntry {
    fn new(segment: SegmentName, backup: &str, arrivals: &BTreeMap<String, DateTime<Utc>>) -> Self {
        let arrived_at = arrivals.get(backup).copied().map(Moment);
        Self { segment: segment.to_string(), arrived_at }
    }
}

/// The verdict as a word, and what is in the way of a better one.
fn judged(
    backup: &BackupReport,
    verdict: Option<&Verdict>,
) -> (&'static str, Option<ObstacleEntry>) {
    match (backup.state, verdict) {
        (_, None) => (backup.state.as_label(), None),
        (_, Some(Verdict::Recoverable)) => ("recoverable", None),
        (_, Some(Verdict::Consistent(obstacle))) => ("consistent", Some(obstacle.into())),
        (_, Some(Verdict::Blocked(obstacle))) => ("blocked", Some(obstacle.into())),
        (_, Some(Verdict::Waiting(segment))) => {
            ("waiting", Some(ObstacleEntry::MissingSegment { segment: segment.to_string() }))
        }
        (_, Some(Verdict::Broken(obstacle))) => ("broken", Some(obstacle.into())),
    }
}

fn follow(verdict: &BackupVerdict) -> Vec<FollowEntry> {
    let name = |segment: Option<SegmentName>| segment.map(|segment| segment.to_string());
    let entry = |followed: &Followed| {
        let replay = followed.replay.unwrap_or_default();
        FollowEntry {
            target: followed.target.to_string(),
            timeline: followed.timeline.0,
            works: followed.works(),
            obstacle: followed.obstacle.as_ref().map(ObstacleEntry::from),
            last_wal: name(replay.last),
            first_missing: name(replay.first_missing),
            then_partial: name(replay.then_partial),
            ends_in: name(replay.ends_in),
            complete: followed.replay.is_some() && replay.first_missing.is_none(),
        }
    };
    verdict.follow.iter().map(entry).collect()
}
