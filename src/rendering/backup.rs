//! One backup in the JSON.

use serde::Serialize;

use crate::barman::KeepTarget;
use crate::inventory::UnreadableReason;
use crate::postgres::{SegmentName, TimelineId};
use crate::recovery::{BackupVerdict, Replay, Verdict};
use crate::report::{BackupReport, BackupState, IncompleteReason, RefusedKind, ServerReport};

use super::Moment;

/// One backup.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BackupEntry {
    /// Its id: the name of its directory.
    pub id: String,
    /// What Barman left: `done`, `failed`, `running`, `incomplete`, `unreadable`.
    pub state: &'static str,
    /// What it is good for. Of a done backup: `recoverable` (to the newest WAL), `consistent` (it can
    /// be restored, and not replayed to the newest WAL), `waiting` (its own WAL has not arrived yet),
    /// `broken` (it cannot be restored), `unknown` (a refused history file decides). Of any other: its
    /// state.
    pub verdict: &'static str,
    /// Whether a restore of it comes up: with the first two verdicts; `null` where the store refuses
    /// the file that tells.
    pub restorable: Option<bool>,
    /// What is in the way of the next better verdict; `null` for a recoverable backup and for one
    /// that is not done.
    pub obstacle: Option<ObstacleEntry>,
    /// The last segment that replay towards the current timeline reaches; `null` if there is none.
    pub reach: Option<ReachEntry>,
    /// How far replay gets on each timeline that the backup can be taken to, by number.
    pub follow: Vec<FollowEntry>,
    /// What `PostgreSQL`'s default target timeline, `latest`, comes to; `null` unless done.
    pub default_target_timeline: Option<u32>,
    /// Whether a restore with that target gets as far; `null` unless done.
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
    /// The same in words: those of the store for `access`.
    pub unreadable_message: Option<String>,
    /// Why it is neither whole nor under way: `missing_info`, `missing_data`, `never_begun`,
    /// `never_ended`, `unknown_status`; `null` unless it is incomplete.
    pub incomplete_reason: Option<&'static str>,
}

/// What keeps a restore from going further.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ObstacleEntry {
    /// A segment is missing.
    MissingSegment {
        /// Its name.
        segment: String,
    },
    /// A history file is missing or unreadable.
    MissingHistory {
        /// Number of its timeline.
        timeline: u32,
    },
    /// The current timeline left the backup's before the backup's end.
    DeadBranch,
    /// `backup.info` names segments that its cluster cannot have.
    ImpossibleSegments,
    /// `backup.info` does not say which WAL the backup needs, or when it ended.
    UnnamedSegments,
}

/// The last segment that a backup reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReachEntry {
    /// Its name.
    pub segment: String,
    /// When it arrived; `null` where that is not known, as of a segment between others.
    pub arrived_at: Option<Moment>,
}

/// How far replay gets on a timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FollowEntry {
    /// Number of the timeline.
    pub timeline: u32,
    /// The last segment before the first one missing; `null` if the very first one is.
    pub last_wal: Option<String>,
    /// The first segment missing; `null` if the path is whole up to the timeline's last segment.
    pub first_missing: Option<String>,
    /// A partial segment that continues the last one.
    pub then_partial: Option<String>,
    /// Whether the path is whole.
    pub complete: bool,
}

impl BackupEntry {
    pub(super) fn new(backup: &BackupReport, server: &ServerReport) -> Self {
        let verdict = server.recovery.verdict.backups.get(&backup.id);
        let info = backup.info.as_ref();
        let reached_at = server.recovery.reached_at.get(&backup.id).copied().map(Moment);
        let is_certain = verdict.is_none_or(|one| server.is_certain(&one.verdict));
        let (word, obstacle) = if is_certain { judged(backup, verdict) } else { ("unknown", None) };
        Self {
            id: backup.id.clone(),
            state: backup.state.as_label(),
            verdict: word,
            restorable: is_restorable(backup, server),
            obstacle,
            reach: verdict
                .and_then(|one| one.reach)
                .map(|segment| ReachEntry { segment: segment.to_string(), arrived_at: reached_at }),
            follow: verdict.map(follow).unwrap_or_default(),
            default_target_timeline: verdict.map(|one| one.default_target.0),
            default_target_works: verdict
                .map(|one| one.default_target_works)
                .filter(|works| *works || !server.refusals.has(RefusedKind::History)),
            began_at: backup.began_at.map(Moment),
            ended_at: info.and_then(|info| info.ended_at).map(Moment),
            keep: backup.keep.map(KeepTarget::as_label),
            cluster_size_bytes: backup.cluster_size_bytes(),
            stored_bytes: backup.stored.bytes,
            error: info.and_then(|info| info.error.clone()),
            unreadable_reason: match backup.state {
                BackupState::Unreadable(reason) => Some(reason.as_label()),
                BackupState::Done
                | BackupState::Failed
                | BackupState::Running
                | BackupState::Incomplete => None,
            },
            unreadable_message: backup.unreadable.clone(),
            incomplete_reason: backup.incomplete_reason().map(IncompleteReason::as_label),
        }
    }
}

/// Whether a restore of it comes up, as far as that is known.
fn is_restorable(backup: &BackupReport, server: &ServerReport) -> Option<bool> {
    if backup.state == BackupState::Unreadable(UnreadableReason::Access) {
        return None;
    }
    let Some(one) = server.recovery.verdict.backups.get(&backup.id) else { return Some(false) };
    match one.verdict {
        Verdict::Recoverable | Verdict::Consistent(_) => Some(true),
        Verdict::Waiting(_) | Verdict::Broken(_) => {
            server.is_certain(&one.verdict).then_some(false)
        }
    }
}

/// The verdict as a word, and what is in the way of a better one.
fn judged(
    backup: &BackupReport,
    verdict: Option<&BackupVerdict>,
) -> (&'static str, Option<ObstacleEntry>) {
    match (backup.state, verdict.map(|one| &one.verdict)) {
        (BackupState::Done, None) => ("broken", Some(ObstacleEntry::UnnamedSegments)),
        (_, None) => (backup.state.as_label(), None),
        (_, Some(Verdict::Recoverable)) => ("recoverable", None),
        (_, Some(Verdict::Consistent(obstacle))) => ("consistent", Some((*obstacle).into())),
        (_, Some(Verdict::Waiting(segment))) => {
            ("waiting", Some(ObstacleEntry::MissingSegment { segment: segment.to_string() }))
        }
        (_, Some(Verdict::Broken(obstacle))) => ("broken", Some((*obstacle).into())),
    }
}

fn follow(verdict: &BackupVerdict) -> Vec<FollowEntry> {
    let name = |segment: Option<SegmentName>| segment.map(|segment| segment.to_string());
    let entry = |(timeline, replay): (&TimelineId, &Replay)| FollowEntry {
        timeline: timeline.0,
        last_wal: name(replay.last),
        first_missing: name(replay.first_missing),
        then_partial: name(replay.then_partial),
        complete: replay.first_missing.is_none(),
    };
    verdict.follow.iter().map(entry).collect()
}
