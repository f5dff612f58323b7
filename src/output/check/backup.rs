//! One backup in JSON.

use std::collections::BTreeMap;

use barman_archive::barman::{BackupInfo, KeepTarget};
use barman_archive::inventory::UnreadableReason;
use barman_archive::postgres::SegmentName;
use barman_archive::recovery::{BackupVerdict, Followed, Verdict};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{BackupContentsEntry, ObstacleEntry};
use crate::evidence::{ContentVerdict, Depth};
use crate::output::{Label, Moment};
use crate::report::{BackupReport, BackupState, IncompleteReason, RefusedKind, ServerReport};

/// One backup.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BackupEntry {
    /// Id of the backup: the name of its directory.
    pub id: String,
    /// State of the backup: `done`, `failed`, `running`, `incomplete`, `unreadable`.
    pub state: Label<BackupState>,
    /// Verdict on the backup. For a done backup: `recoverable` (to the newest WAL), `consistent`
    /// (it can be restored, but not replayed to the newest WAL), `blocked` (it can be restored once
    /// objects are retrieved from a storage class that cannot be read immediately), `waiting` (its
    /// own WAL has not arrived yet), `broken` (no target restores it), `unknown` (it depends on a
    /// history file that the store refuses). For any other backup: its state.
    pub verdict: Label<BackupVerdictLabel>,
    /// Verdict once everything has been retrieved from cold storage.
    pub verdict_after_thaw: Label<BackupVerdictLabel>,
    /// True if a restore succeeds, as with the first two verdicts; `null` if that depends on a file
    /// that the store refuses.
    pub restorable: Option<bool>,
    /// Value of `recovery_target_timeline` with which a restore gets furthest: `latest`, `current`
    /// or a number; `null` if none works.
    pub restore_with: Option<String>,
    /// Obstacle to the next better verdict; `null` for a recoverable backup and for one that is not
    /// done.
    pub obstacle: Option<ObstacleEntry>,
    /// Last segment that replay towards the current timeline reaches; `null` if there is none.
    pub reach: Option<ReachEntry>,
    /// Last segment that replay reaches once everything has been retrieved from cold storage;
    /// `null` if there is none.
    pub reach_after_thaw: Option<ReachEntry>,
    /// Restores to every value of `recovery_target_timeline`: first the numbers, then `current` and
    /// `latest`. If the archive has more than 100 timelines, the 100 highest.
    pub follow: Vec<FollowEntry>,
    /// Timeline that `PostgreSQL`'s default target timeline, `latest`, stands for; `null` unless
    /// done.
    pub default_target_timeline: Option<u32>,
    /// True if a restore with that target succeeds and gets as far as with any other; `null` unless
    /// done.
    pub default_target_works: Option<bool>,
    /// Start of the backup.
    pub began_at: Option<Moment>,
    /// End of the backup, as stated in `backup.info`.
    pub ended_at: Option<Moment>,
    /// Contents of its data, as far as they were read; `null` if nothing was read, or if they are not
    /// verified.
    pub contents: Option<BackupContentsEntry>,
    /// Target of its keep annotation: `full`, `standalone`; `null` without an annotation.
    pub keep: Option<Label<KeepTarget>>,
    /// Size of the databases, as stated in `backup.info`.
    pub cluster_size_bytes: Option<u64>,
    /// Bytes of its objects in the bucket.
    pub stored_bytes: u64,
    /// Barman's error, as stated in `backup.info`.
    pub error: Option<String>,
    /// Reason why its `backup.info` cannot be read: `syntax`, `framing`, `missing_field`, `access`.
    pub unreadable_reason: Option<Label<UnreadableReason>>,
    /// That reason in words; for `access`, the words of the store.
    pub unreadable_message: Option<String>,
    /// Reason why the backup is neither complete nor running: `missing_info`, `missing_data`,
    /// `never_begun`, `never_ended`, `unknown_status`; `null` unless it is incomplete.
    pub incomplete_reason: Option<Label<IncompleteReason>>,
    /// Data objects that a finished backup lacks, without their compression endings, such as
    /// `data.tar`, `16411.tar`, `data_0001.tar`: the first of each kind that is missing, up to 20.
    pub missing_data: Vec<String>,
}

/// Verdict on a backup, or its state if it is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupVerdictLabel {
    /// Backup that can be restored and replayed to the newest WAL.
    Recoverable,
    /// Backup that can be restored, but not replayed to the newest WAL.
    Consistent,
    /// Backup that can be restored once objects are retrieved from cold storage.
    Blocked,
    /// Backup whose own WAL has not arrived yet.
    Waiting,
    /// Backup that no target restores.
    Broken,
    /// Backup that depends on a file that the store refuses.
    Unknown,
    /// Backup without a verdict, because it is not done.
    State(BackupState),
}

impl BackupVerdictLabel {
    /// The verdict as a word.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Recoverable => "recoverable",
            Self::Consistent => "consistent",
            Self::Blocked => "blocked",
            Self::Waiting => "waiting",
            Self::Broken => "broken",
            Self::Unknown => "unknown",
            Self::State(state) => state.as_label(),
        }
    }

    /// Returns the verdict on a backup whose verdict depends on no refused file.
    const fn of(backup: &BackupReport, verdict: Option<&Verdict>) -> Self {
        match verdict {
            None => Self::State(backup.state),
            Some(Verdict::Recoverable) => Self::Recoverable,
            Some(Verdict::Consistent(_)) => Self::Consistent,
            Some(Verdict::Blocked(_)) => Self::Blocked,
            Some(Verdict::Waiting(_)) => Self::Waiting,
            Some(Verdict::Broken(_)) => Self::Broken,
        }
    }
}

/// Last segment that a backup reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReachEntry {
    /// Name of the segment.
    pub segment: String,
    /// Arrival time of the segment; `null` if unknown, as for a segment in the middle of others.
    pub arrived_at: Option<Moment>,
}

/// Restore to one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FollowEntry {
    /// Value of `recovery_target_timeline`: a number, `current` or `latest`.
    pub target: String,
    /// Number of the timeline that the target stands for.
    pub timeline: u32,
    /// True if the restore succeeds.
    pub works: bool,
    /// Obstacle that makes it fail; `null` if it succeeds.
    pub obstacle: Option<ObstacleEntry>,
    /// Last segment before the first missing one; `null` if the very first one is missing, or if the
    /// backup is not on the path to the target.
    pub last_wal: Option<String>,
    /// First missing segment; `null` if the path is complete up to the timeline's last segment.
    pub first_missing: Option<String>,
    /// Partial segment that continues the last one.
    pub then_partial: Option<String>,
    /// Segment in which replay really ends: if a timeline's segment is missing, `PostgreSQL` takes
    /// its parent's instead and leaves the path.
    pub ends_in: Option<String>,
    /// True if the path is complete.
    pub complete: bool,
}

impl BackupEntry {
    pub(super) fn new(backup: &BackupReport, server: &ServerReport) -> Self {
        let recovery = &server.recovery;
        let judged = recovery.verdict.backups.get(&backup.id);
        let info = backup.info.as_ref();
        let verdict = judged.map(|judged| &judged.verdict);
        let thawed = judged.map(|judged| &judged.thawed);
        let is_certain = judged.is_none_or(|judged| server.is_certain(judged));
        let label = |verdict| {
            let known = BackupVerdictLabel::of(backup, verdict);
            Label(if is_certain {
                known
            } else {
                BackupVerdictLabel::Unknown
            })
        };
        let reach = judged.and_then(|judged| judged.reach);
        let thawed_reach = judged.and_then(|judged| judged.thawed_reach);
        Self {
            id: backup.id.clone(),
            state: Label(backup.state),
            verdict: label(verdict),
            verdict_after_thaw: label(thawed),
            restorable: is_restorable(backup, server),
            restore_with: judged.and_then(restore_with),
            obstacle: verdict.filter(|_| is_certain).and_then(obstacle),
            reach: ReachEntry::new(reach, &backup.id, &recovery.reached_at),
            reach_after_thaw: ReachEntry::new(
                thawed_reach,
                &backup.id,
                &recovery.thawed_reached_at,
            ),
            follow: judged.map(follow).unwrap_or_default(),
            default_target_timeline: judged.map(|judged| judged.default_target.0),
            default_target_works: judged.and_then(|judged| default_target_works(judged, server)),
            began_at: backup.began_at.map(Moment),
            ended_at: info.and_then(BackupInfo::ended_at).map(Moment),
            contents: contents(&backup.id, server),
            keep: backup.keep.map(Label),
            cluster_size_bytes: backup.cluster_size_bytes(),
            stored_bytes: backup.stored.bytes,
            error: info.and_then(|info| info.error.clone()),
            unreadable_reason: unreadable_reason(backup),
            unreadable_message: backup.unreadable.clone(),
            incomplete_reason: backup.incomplete_reason().map(Label),
            missing_data: backup.missing_data.iter().map(str::to_owned).collect(),
        }
    }
}

impl BackupEntry {
    /// Returns whether its data was read as a whole and found sound.
    pub(super) fn is_verified(&self) -> bool {
        self.contents.as_ref().is_some_and(|contents| {
            contents.verdict.0 == ContentVerdict::Sound && contents.depth.0 == Depth::Whole
        })
    }
}

fn contents(backup: &str, server: &ServerReport) -> Option<BackupContentsEntry> {
    let known = server.contents.as_ref()?.backups.get(backup)?;
    Some(known.into())
}

/// Value of `recovery_target_timeline` with which a restore gets furthest.
fn restore_with(judged: &BackupVerdict) -> Option<String> {
    judged.works_with.as_ref().map(ToString::to_string)
}

const fn unreadable_reason(backup: &BackupReport) -> Option<Label<UnreadableReason>> {
    match backup.state {
        BackupState::Unreadable(reason) => Some(Label(reason)),
        BackupState::Done
        | BackupState::Failed
        | BackupState::Running
        | BackupState::Incomplete => None,
    }
}

/// Returns whether a restore of a backup succeeds; `None` if unknown.
fn is_restorable(backup: &BackupReport, server: &ServerReport) -> Option<bool> {
    if backup.state == BackupState::Unreadable(UnreadableReason::Access) {
        return None;
    }
    let Some(judged) = server.recovery.verdict.backups.get(&backup.id) else {
        return Some(false);
    };
    match judged.verdict {
        Verdict::Recoverable | Verdict::Consistent(_) => Some(true),
        Verdict::Blocked(_) | Verdict::Waiting(_) | Verdict::Broken(_) => {
            server.is_certain(judged).then_some(false)
        }
    }
}

/// Returns whether the default target works; `None` if a refused history file may change that.
fn default_target_works(judged: &BackupVerdict, server: &ServerReport) -> Option<bool> {
    let works = judged.default_target_works;
    let is_known = works || !server.refusals.has(RefusedKind::History);
    is_known.then_some(works)
}

/// Obstacle to a better verdict than this one.
fn obstacle(verdict: &Verdict) -> Option<ObstacleEntry> {
    match verdict {
        Verdict::Recoverable => None,
        Verdict::Consistent(obstacle) | Verdict::Blocked(obstacle) | Verdict::Broken(obstacle) => {
            Some(obstacle.into())
        }
        Verdict::Waiting(segment) => Some(ObstacleEntry::MissingSegment {
            segment: segment.to_string(),
        }),
    }
}

impl ReachEntry {
    fn new(
        segment: Option<SegmentName>,
        backup: &str,
        arrivals: &BTreeMap<String, DateTime<Utc>>,
    ) -> Option<Self> {
        let arrived_at = arrivals.get(backup).copied().map(Moment);
        Some(Self {
            segment: segment?.to_string(),
            arrived_at,
        })
    }
}

fn follow(verdict: &BackupVerdict) -> Vec<FollowEntry> {
    verdict.follow.iter().map(FollowEntry::new).collect()
}

impl FollowEntry {
    fn new(followed: &Followed) -> Self {
        let replay = followed.replay.unwrap_or_default();
        Self {
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
    }
}

fn name(segment: Option<SegmentName>) -> Option<String> {
    segment.as_ref().map(ToString::to_string)
}
