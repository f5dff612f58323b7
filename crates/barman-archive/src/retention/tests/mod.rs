//! Tests of retention as a whole: against a recorded archive, and against Barman's code followed
//! step by step.

mod naive;
mod recorded;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::barman::{
    BackupFile, BackupInfo, BackupStatus, KeepTarget, ObjectLocation, ServerKey, UnfinishedStatus,
    WalKind,
};
use crate::postgres::{SegmentName, TimelineId, parse_hex};

/// Draft of a backup.
#[derive(Clone, Debug)]
pub(super) struct Sketch {
    pub(super) id: String,
    pub(super) status: BackupStatus,
    pub(super) ended_at: Option<DateTime<Utc>>,
    pub(super) wal: (SegmentName, SegmentName),
    pub(super) keep: Option<KeepTarget>,
    pub(super) parent: Option<String>,
    pub(super) children: Vec<String>,
}

impl Sketch {
    /// Returns a finished backup with this id.
    pub(super) fn done(id: &str) -> Self {
        let wal = (segment("1/0/1"), segment("1/0/1"));
        let ended_at = Some(day(1.0));
        Self {
            id: id.to_owned(),
            status: BackupStatus::Done,
            ended_at,
            wal,
            keep: None,
            parent: None,
            children: Vec::new(),
        }
    }

    /// Makes the backup the difference to this one.
    pub(super) fn built_on(self, parent: &str) -> Self {
        Self {
            parent: Some(parent.to_owned()),
            ..self
        }
    }

    /// Makes the backup know that these backups are built on it.
    pub(super) fn with_children(self, children: &[&str]) -> Self {
        Self {
            children: children.iter().map(ToString::to_string).collect(),
            ..self
        }
    }

    /// Makes the backup end on this day.
    pub(super) fn ended(self, at: f64) -> Self {
        Self {
            ended_at: Some(day(at)),
            ..self
        }
    }

    /// Makes the backup need just this segment.
    pub(super) fn wal(self, name: &str) -> Self {
        Self {
            wal: (segment(name), segment(name)),
            ..self
        }
    }

    pub(super) fn backup(self) -> CatalogBackup {
        CatalogBackup {
            id: self.id,
            status: self.status,
            ended_at: self.ended_at,
            begin_wal: Some(self.wal.0),
            end_wal: Some(self.wal.1),
            timeline: Some(self.wal.0.timeline),
            keep: self.keep,
            parent_id: self.parent,
            children_ids: self.children,
        }
    }
}

/// Returns finished backups that ended at the ends of these days, in order of their ids.
pub(super) fn done(days: &[f64]) -> Vec<CatalogBackup> {
    let ids = ('a'..='z').map(String::from);
    ids.zip(days)
        .map(|(id, end)| Sketch::done(&id).ended(*end).backup())
        .collect()
}

/// Returns the moment this many days after the start of some month.
pub(super) fn day(days: f64) -> DateTime<Utc> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a few days in milliseconds"
    )]
    let milliseconds = (days * 86_400_000.0) as i64;
    DateTime::from_timestamp(1_793_491_200, 0).unwrap() + TimeDelta::milliseconds(milliseconds)
}

/// Parses a segment from its three numbers, `1/0/FF`.
pub(super) fn segment(numbers: &str) -> SegmentName {
    let mut numbers = numbers
        .split('/')
        .map(|number| u32::from_str_radix(number, 16).unwrap());
    let mut next = || numbers.next().unwrap();
    SegmentName {
        timeline: TimelineId(next()),
        high: next(),
        low: next(),
    }
}

/// Keys of one server from its directory's name on, in order, and the small files among them.
#[derive(Clone, Debug, Default)]
struct Server {
    keys: Vec<String>,
    contents: BTreeMap<String, Vec<u8>>,
}

impl Server {
    /// Returns the server's backups, read from its files.
    fn catalog(&self) -> Vec<CatalogBackup> {
        let infos = self
            .contents
            .iter()
            .filter_map(|(key, content)| match server_key(key) {
                ServerKey::Backup {
                    id,
                    file: BackupFile::Info,
                } => Some((key, id, content)),
                ServerKey::Backup { .. }
                | ServerKey::Base
                | ServerKey::Wal(_)
                | ServerKey::Other => None,
            });
        let backup = |(key, id, content): (&String, &str, &Vec<u8>)| {
            let keep = key.replace("backup.info", "annotations/keep");
            let keep = self
                .contents
                .get(&keep)
                .and_then(|text| KeepTarget::from_content(text));
            CatalogBackup::new(id.to_owned(), &BackupInfo::parse(content).unwrap(), keep)
        };
        infos.map(backup).collect()
    }

    /// Returns the keys that a deletion removes.
    fn removed(&self, deletion: &Deletion) -> BTreeSet<&str> {
        let goes = |key: &str| match server_key(key) {
            ServerKey::Backup { id, file } => {
                let belongs = matches!(file, BackupFile::Info | BackupFile::Data(_));
                belongs && deletion.backups.iter().any(|backup| backup == id)
            }
            ServerKey::Wal(wal) => {
                let swept =
                    wal_dir_of(key).is_some_and(|(id, wal_dir)| deletion.wal.sweeps(id, wal_dir));
                if let (WalKind::Segment(name), true) = (wal.kind, wal.in_place) {
                    let runs = deletion.wal.deleted_segments(name.timeline, name.high);
                    let number = u64::from(name.low);
                    let in_run = runs
                        .iter()
                        .any(|run| (run.first..=run.last).contains(&number));
                    assert_eq!(in_run, swept || deletion.wal.deletes(wal.kind), "{key}");
                }
                swept || deletion.wal.deletes(wal.kind)
            }
            ServerKey::Base | ServerKey::Other => false,
        };
        self.keys
            .iter()
            .map(String::as_str)
            .filter(|key| goes(key))
            .collect()
    }
}

fn server_key(key: &str) -> ServerKey<'_> {
    match ObjectLocation::of(key) {
        ObjectLocation::Directory { key, .. } => key,
        ObjectLocation::Loose => panic!("`{key}` is loose"),
    }
}

/// Returns the WAL directory of a key below `wals/`.
fn wal_dir_of(key: &str) -> Option<(TimelineId, u32)> {
    let (directory, _) = key.split_once("/wals/")?.1.split_once('/')?;
    let (timeline, wal_dir) = directory.split_at_checked(8)?;
    Some((TimelineId(parse_hex(timeline)?), parse_hex(wal_dir)?))
}

fn as_words(statuses: BTreeMap<String, RetentionStatus>) -> BTreeMap<String, String> {
    statuses
        .into_iter()
        .map(|(id, status)| (id, status.as_str().to_owned()))
        .collect()
}

prop_compose! {
    fn any_segment()(timeline in 1_u32..4, high in 0_u32..4, low in 0_u32..4) -> SegmentName {
        SegmentName { timeline: TimelineId(timeline), high, low }
    }
}

prop_compose! {
    fn any_backup()(
        status in prop_oneof![
            6 => Just(BackupStatus::Done),
            1 => Just(UnfinishedStatus::WaitingForWals.into()),
            1 => Just(UnfinishedStatus::Started.into()),
            1 => Just(UnfinishedStatus::Failed.into()),
        ],
        ended in 0_u8..20,
        wal in (any_segment(), any_segment()),
        keep in prop_oneof![
            6 => Just(None),
            2 => Just(Some(KeepTarget::Standalone)),
            1 => Just(Some(KeepTarget::Full)),
        ],
    ) -> Sketch {
        let wal = (wal.0.min(wal.1), wal.0.max(wal.1));
        Sketch { status, wal, keep, ..Sketch::done("").ended(ended.into()) }
    }
}

/// Ancestry of a backup among those before it.
#[derive(Clone, Debug)]
struct Ancestry {
    /// Backup that this one is the difference to, as a share of those before it.
    parent: Option<prop::sample::Index>,
    /// True if the parent is there.
    parent_is_there: bool,
    /// True if the parent knows of this backup.
    is_known: bool,
}

prop_compose! {
    fn any_ancestry()(
        parent in prop::option::of(any::<prop::sample::Index>()),
        parent_is_there in prop::bool::weighted(0.9),
        is_known in prop::bool::weighted(0.9),
    ) -> Ancestry {
        Ancestry { parent, parent_is_there, is_known }
    }
}

/// Generates full backups with trees of incremental ones, some of them torn.
fn any_catalog() -> impl Strategy<Value = Vec<CatalogBackup>> {
    prop::collection::vec((any_backup(), any_ancestry()), 0..9).prop_map(|drafts| {
        let mut catalog: Vec<CatalogBackup> = Vec::new();
        for (sketch, ancestry) in drafts {
            let id = format!("b{}", catalog.len());
            let mut backup = Sketch {
                id: id.clone(),
                ..sketch
            }
            .backup();
            if let Some(index) = ancestry.parent.filter(|_| !catalog.is_empty()) {
                let place = index.index(catalog.len());
                let parent = &mut catalog[place];
                if ancestry.parent_is_there && ancestry.is_known {
                    parent.children_ids.push(id);
                }
                let name = if ancestry.parent_is_there {
                    &*parent.id
                } else {
                    "gone"
                };
                backup.parent_id = Some(name.to_owned());
                // An incremental backup is not taken before its parent has ended.
                backup.ended_at = backup.ended_at.max(parent.ended_at);
            }
            catalog.push(backup);
        }
        catalog
    })
}

/// Generates catalogs in which someone wrote at random.
fn any_tampered_catalog() -> impl Strategy<Value = Vec<CatalogBackup>> {
    let slip = (any::<prop::sample::Index>(), 0..10_usize);
    (any_catalog(), prop::collection::vec(slip, 0..3)).prop_map(|(mut catalog, slips)| {
        for (index, child) in slips {
            if !catalog.is_empty() {
                let parent = index.index(catalog.len());
                catalog[parent].children_ids.push(format!("b{child}"));
            }
        }
        catalog
    })
}

fn any_policy() -> impl Strategy<Value = RetentionPolicy> {
    prop_oneof![
        (0_u32..6).prop_map(RetentionPolicy::Redundancy),
        (0_u32..25).prop_map(|days| RetentionPolicy::RecoveryWindow { days }),
    ]
}

/// Generates some of the keys that there can be below `wals/`, no name twice.
fn any_wal_keys() -> impl Strategy<Value = BTreeSet<String>> {
    let key = (any_segment(), any_segment(), 0..6).prop_map(|(name, elsewhere, kind)| {
        let directory = |name: SegmentName| name.to_string()[..16].to_owned();
        let home = directory(name);
        match kind {
            0 => format!("s/wals/{home}/{name}.gz"),
            1 => format!("s/wals/{home}/{name}.partial.gz"),
            2 => format!("s/wals/{home}/{name}.00000028.backup"),
            3 => format!("s/wals/{home}/{name}.gz.tmp"),
            4 => format!("s/wals/{:08X}.history", name.timeline.0),
            _ => {
                // The number is that of the directory, which makes the name unique.
                let number = 16 + elsewhere.timeline.0 * 16 + elsewhere.high;
                let name = SegmentName {
                    low: number,
                    ..name
                };
                format!("s/wals/{}/{name}", directory(elsewhere))
            }
        }
    });
    prop::collection::btree_set(key, 0..80)
}

fn is_done_and_full(backup: &CatalogBackup) -> bool {
    backup.status == BackupStatus::Done && backup.parent_id.is_none()
}

fn server_of(catalog: &[CatalogBackup], wals: BTreeSet<String>) -> Server {
    let files = catalog.iter().flat_map(|backup| {
        ["annotations/keep", "backup.info", "data.tar"]
            .map(|name| format!("s/base/{}/{name}", backup.id))
    });
    Server {
        keys: files.chain(wals).collect(),
        contents: BTreeMap::new(),
    }
}

proptest! {
    #[test]
    fn it_does_what_barmans_code_does_step_by_step(
        catalog in any_tampered_catalog(),
        wals in any_wal_keys(),
        policy in any_policy(),
        minimum in 0_u32..4,
    ) {
        let now = day(20.0);
        let expected = naive::statuses(policy, &catalog, minimum, now);
        let statuses = retention_statuses(policy, &catalog, minimum, now);
        prop_assert_eq!(statuses.is_ok(), expected.is_some());
        let (Ok(statuses), Some(expected)) = (statuses, expected) else { return Ok(()) };
        let server = server_of(&catalog, wals);
        let deletion = deletion(&catalog, &statuses);

        prop_assert_eq!(&as_words(statuses), &expected);
        let removed = server.removed(&deletion);
        let left: BTreeSet<String> =
            server.keys.iter().filter(|key| !removed.contains(key.as_str())).cloned().collect();
        prop_assert_eq!(left, naive::left(&server.keys, &catalog, &expected));
        prop_assert_eq!(deletion.interrupted_by, None);
    }

    #[test]
    fn the_newest_finished_backup_is_never_obsolete_with_a_window(
        catalog in any_catalog(), days in 0_u32..25,
    ) {
        let policy = RetentionPolicy::RecoveryWindow { days };
        let statuses = retention_statuses(policy, &catalog, 0, day(20.0)).unwrap();
        let newest = catalog.iter().rfind(|backup| is_done_and_full(backup));

        if let Some(newest) = newest {
            prop_assert_ne!(statuses[&newest.id], RetentionStatus::Obsolete);
        }
    }

    #[test]
    fn a_redundancy_leaves_at_least_as_many(catalog in any_catalog(), count in 0_u32..6) {
        let policy = RetentionPolicy::Redundancy(count);
        let statuses = retention_statuses(policy, &catalog, 0, day(20.0)).unwrap();
        let done = catalog.iter().filter(|backup| is_done_and_full(backup));
        let done: Vec<_> = done.map(|backup| statuses[&backup.id]).collect();
        let obsolete = done.iter().filter(|status| **status == RetentionStatus::Obsolete).count();
        let done = done.len();

        prop_assert!(done - obsolete >= done.min(count as usize));
    }

    #[test]
    fn what_is_built_on_an_obsolete_backup_goes_with_it(
        catalog in any_catalog(), policy in any_policy(),
    ) {
        let statuses = retention_statuses(policy, &catalog, 0, day(20.0)).unwrap();

        for parent in &catalog {
            for child in &parent.children_ids {
                let is_obsolete = |id| statuses.get(id) == Some(&RetentionStatus::Obsolete);
                prop_assert!(!is_obsolete(&parent.id) || is_obsolete(child), "{}", child);
            }
        }
    }

    #[test]
    fn each_backup_became_obsolete_when_the_rule_first_said_so(
        catalog in any_catalog(), policy in any_policy(), minimum in 0_u32..4,
    ) {
        let now = day(20.0);
        let since = obsolete_since(policy, &catalog, minimum, now).unwrap();
        let obsolete_at = |id: &str, at: DateTime<Utc>| {
            let mut there = catalog.clone();
            there.retain(|backup| backup.ended_at <= Some(at));
            retention_statuses(policy, &there, minimum, at).unwrap().get(id) == Some(&RetentionStatus::Obsolete)
        };
        let statuses = retention_statuses(policy, &catalog, minimum, now).unwrap();
        let obsolete = statuses.into_iter().filter(|(_, status)| *status == RetentionStatus::Obsolete);

        prop_assert!(since.keys().cloned().eq(obsolete.map(|(id, _)| id)));
        for (id, at) in since {
            prop_assert!(obsolete_at(&id, at + TimeDelta::milliseconds(1)), "{} at {}", id, at);
            prop_assert!(!obsolete_at(&id, at - TimeDelta::milliseconds(1)), "{} at {}", id, at);
        }
    }
}
