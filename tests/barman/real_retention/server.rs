//! Random servers.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::barman::{BackupInfo, BackupInfoText, KeepTarget, ObjectLocation, ServerKey};
use barman_archive::postgres::{SegmentName, TimelineId};
use barman_archive::retention::{CatalogBackup, RetentionPolicy};
use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;

/// Server with its backups and its retention policy.
pub(crate) struct Server {
    /// Seed that determines everything else.
    pub(crate) seed: u64,
    /// Backups by id.
    pub(crate) backups: BTreeMap<String, Backup>,
    /// Keys of its WAL.
    pub(crate) wal: BTreeSet<String>,
    /// Retention policy.
    pub(crate) policy: RetentionPolicy,
    /// Number of backups that stay whatever the policy says.
    pub(crate) minimum: u32,
}

/// Backup of a generated server.
pub(crate) struct Backup {
    status: &'static str,
    ended_at: DateTime<Utc>,
    begin_wal: SegmentName,
    end_wal: SegmentName,
    keep: Option<&'static str>,
    /// Backup that this incremental one is built on.
    pub(crate) parent: Option<String>,
    children: Vec<String>,
}

/// Time at which all servers are evaluated.
pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-28T06:00:00Z".parse().expect("RFC 3339")
}

/// Returns the part of the server that a key belongs to.
pub(crate) fn server_key(key: &str) -> ServerKey<'_> {
    match ObjectLocation::of(key) {
        ObjectLocation::Directory { key, .. } => key,
        ObjectLocation::Loose => panic!("`{key}` is loose"),
    }
}

impl Server {
    /// Makes the server of a seed.
    pub(crate) fn random(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let mut backups = BTreeMap::new();
        // In some servers, no backup knows what is built on it: only these get to a deletion.
        let knowledge = random.choice([0, 0, 9, 10]).expect("not empty");
        for number in 0..random.u32(0..14) {
            add_backup(&mut backups, number, knowledge, &mut random);
        }
        if random.u32(0..3) == 0 && knowledge > 0 {
            tamper(&mut backups, &mut random);
        }
        let policy = if random.bool() {
            RetentionPolicy::Redundancy(random.u32(0..4))
        } else {
            RetentionPolicy::RecoveryWindow {
                days: random.u32(0..14),
            }
        };
        let minimum = random.choice([0, 0, 1, 3]).expect("not empty");
        let wal = (0..random.u32(0..60))
            .map(|_| wal_key(&mut random))
            .collect();
        Self {
            seed,
            backups,
            wal,
            policy,
            minimum,
        }
    }

    /// Small files by key, and the other keys with empty content.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        let mut files: BTreeMap<String, String> = self
            .wal
            .iter()
            .map(|key| (key.clone(), String::new()))
            .collect();
        for (id, backup) in &self.backups {
            files.insert(format!("s/base/{id}/backup.info"), backup.info());
            files.insert(format!("s/base/{id}/data.tar"), String::new());
            if let Some(keep) = backup.keep {
                files.insert(format!("s/base/{id}/annotations/keep"), keep.to_owned());
            }
        }
        files
    }

    /// Backups of the server, read from their files.
    pub(crate) fn catalog(&self) -> Vec<CatalogBackup> {
        let backups = self.backups.iter().map(|(id, backup)| {
            let info = BackupInfo::parse(backup.info().as_bytes()).expect("the file is whole");
            let keep = backup
                .keep
                .and_then(|keep| KeepTarget::from_content(keep.as_bytes()));
            CatalogBackup::new(id.clone(), &info, keep)
        });
        backups.collect()
    }
}

impl Backup {
    fn info(&self) -> String {
        let ended_at = self.ended_at.format("%Y-%m-%d %H:%M:%S%.6f+00:00");
        let list = |ids: &[String]| match ids {
            [] => "None".to_owned(),
            ids => ids.join(","),
        };
        let text = BackupInfoText::new(self.status)
            .with("begin_time", &ended_at)
            .with("begin_wal", self.begin_wal)
            .with("children_backup_ids", list(&self.children))
            .with("end_time", &ended_at)
            .with("end_wal", self.end_wal)
            .with("parent_backup_id", list(self.parent.as_slice()))
            .with("timeline", self.begin_wal.timeline)
            .with("version", 170_004);
        text.to_string()
    }
}

/// Adds the next backup. In `knowledge` of ten cases, its parent knows of it.
fn add_backup(
    backups: &mut BTreeMap<String, Backup>,
    number: u32,
    knowledge: u32,
    random: &mut Rng,
) {
    let id = format!("202611{:02}T030000", number + 1);
    let parent = (random.bool()).then(|| parent(backups, random)).flatten();
    if let Some(parent) = parent.as_ref().and_then(|parent| backups.get_mut(parent))
        && random.u32(0..10) < knowledge
    {
        parent.children.push(id.clone());
    }
    let words = [
        "DONE",
        "DONE",
        "DONE",
        "DONE",
        "FAILED",
        "STARTED",
        "WAITING_FOR_WALS",
    ];
    let keeps = [
        None,
        None,
        None,
        None,
        None,
        Some("full"),
        Some("standalone"),
    ];
    let (first, second) = (segment(random), segment(random));
    // Also exactly at the start of a window.
    let ended_at = now() - TimeDelta::hours(i64::from(random.u32(0..70) * 6));
    let backup = Backup {
        status: random.choice(words).expect("not empty"),
        ended_at,
        begin_wal: first.min(second),
        end_wal: first.max(second),
        keep: random.choice(keeps).expect("not empty"),
        parent,
        children: vec![],
    };
    backups.insert(id, backup);
}

/// Returns one of the latest backups, or one that does not exist.
fn parent(backups: &BTreeMap<String, Backup>, random: &mut Rng) -> Option<String> {
    if random.u32(0..12) == 0 {
        return Some("20261001T030000".to_owned());
    }
    let late = backups.keys().rev().take(3);
    random.choice(late.cloned().collect::<Vec<_>>())
}

/// Adds a random child to one of the backups, which is enough to make circles.
fn tamper(backups: &mut BTreeMap<String, Backup>, random: &mut Rng) {
    let ids: Vec<_> = backups
        .keys()
        .cloned()
        .chain(["20261231T030000".to_owned()])
        .collect();
    let child = random.choice(&ids).expect("not empty");
    if let Some(backup) = random.choice(backups.values_mut()) {
        backup.children.push(child.clone());
    }
}

fn segment(random: &mut Rng) -> SegmentName {
    let mut number = || random.u32(0..4);
    let (timeline, high, low) = (number().max(1), number(), number());
    SegmentName {
        timeline: TimelineId(timeline),
        high,
        low,
    }
}

/// Returns a random key below `wals/`. Barman never takes two of these keys for the same file.
fn wal_key(random: &mut Rng) -> String {
    let name = segment(random);
    let text = name.to_string();
    let directory = &text[..16];
    match random.u32(0..6) {
        0 => format!("s/wals/{:08X}.history.gz", name.timeline.0),
        1 => format!("s/wals/{directory}/{name}.partial.gz"),
        2 => format!("s/wals/{directory}/{name}.00000028.backup.gz"),
        3 => format!("s/wals/{directory}/{name}.gz.tmp"),
        _ => format!("s/wals/{directory}/{name}.gz"),
    }
}
