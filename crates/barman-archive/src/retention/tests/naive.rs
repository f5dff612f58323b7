//! Barman's functions, rewritten one statement after the other, on names as text.
//!
//! `docs/specification.md`, 12.

use super::*;

/// `_backup_report` of the two policies; `None` if it never ends.
pub(super) fn statuses(
    policy: RetentionPolicy,
    catalog: &[CatalogBackup],
    minimum: u32,
    now: DateTime<Utc>,
) -> Option<BTreeMap<String, String>> {
    let mut sorted: Vec<_> = catalog.iter().collect();
    sorted.sort_by(|backup, other| other.id.cmp(&backup.id));
    let (mut found, mut valid, mut i) = (false, 0, 0);
    let mut statuses = BTreeMap::new();
    for backup in sorted {
        if backup.parent_id.is_some() {
            continue;
        }
        let keep = backup.keep.map(|keep| RetentionStatus::from(keep).as_str());
        let mut is_beyond = false;
        let status = if backup.status != BackupStatus::Done {
            "-"
        } else if let RetentionPolicy::Redundancy(count) = policy {
            i += 1;
            is_beyond = i > count.max(minimum);
            keep.unwrap_or(if is_beyond { "OBSOLETE" } else { "VALID" })
        } else if found {
            is_beyond = true;
            if valid < minimum {
                valid += 1;
                keep.unwrap_or("OBSOLETE*")
            } else {
                keep.unwrap_or("OBSOLETE")
            }
        } else {
            valid += 1;
            found = backup.ended_at.unwrap() < now - policy.window().unwrap();
            is_beyond = found;
            keep.unwrap_or("VALID")
        };
        statuses.insert(backup.id.clone(), status.to_owned());
        for id in walk_backups_tree(&backup.children_ids, catalog, 0)? {
            statuses.insert(id, below(status, is_beyond).to_owned());
        }
    }
    // Barman's report also has backups that are not there.
    statuses.retain(|id, _| catalog.iter().any(|backup| backup.id == *id));
    Some(statuses)
}

fn below(status: &str, is_beyond: bool) -> &str {
    match status {
        "KEEP:STANDALONE" if is_beyond => "OBSOLETE",
        "KEEP:STANDALONE" | "KEEP:FULL" => "VALID",
        status => status,
    }
}

fn walk_backups_tree(
    children: &[String],
    catalog: &[CatalogBackup],
    depth: usize,
) -> Option<Vec<String>> {
    // A chain of different backups is never longer.
    if depth > catalog.len() {
        return None;
    }
    let mut walked = vec![];
    for id in children {
        if let Some(child) = catalog.iter().find(|backup| backup.id == *id) {
            walked.extend(walk_backups_tree(&child.children_ids, catalog, depth + 1)?);
        }
        walked.push(id.clone());
    }
    Some(walked)
}

/// Keys of an archive, and what Barman remembers of it.
struct BarmanRun {
    keys: BTreeSet<String>,
    catalog: BTreeMap<String, CatalogBackup>,
    wal_paths: Option<BTreeMap<String, String>>,
}

/// Follows the second half of `main` and returns the keys that are left.
pub(super) fn left(
    keys: &[String],
    catalog: &[CatalogBackup],
    statuses: &BTreeMap<String, String>,
) -> BTreeSet<String> {
    let keys = keys.iter().cloned().collect();
    let catalog = catalog
        .iter()
        .map(|backup| (backup.id.clone(), backup.clone()))
        .collect();
    let mut run = BarmanRun {
        keys,
        catalog,
        wal_paths: None,
    };
    for (id, _) in statuses.iter().filter(|(_, status)| *status == "OBSOLETE") {
        for name in ["backup.info", "data.tar"] {
            run.keys.remove(&format!("s/base/{id}/{name}"));
        }
        run.remove_wals_for_backup(&run.catalog[id].clone());
        run.catalog.remove(id);
    }
    run.keys
}

/// Returns `DIR` of `s/wals/DIR/…` if it looks like a WAL directory.
fn directory(key: &str) -> Option<&str> {
    let (directory, _) = key.strip_prefix("s/wals/")?.split_once('/')?;
    let is_wal_dir = directory.len() == 16 && u64::from_str_radix(directory, 16).is_ok();
    is_wal_dir.then_some(directory)
}

fn hex(text: &str) -> u32 {
    u32::from_str_radix(text, 16).unwrap()
}

impl BarmanRun {
    fn copied(&self) -> Vec<&CatalogBackup> {
        let copied = [BackupStatus::Done, UnfinishedStatus::WaitingForWals.into()];
        self.catalog
            .values()
            .filter(|backup| copied.contains(&backup.status))
            .collect()
    }

    fn should_remove_wals(&self, id: &str) -> (bool, Vec<(String, String)>) {
        let mut ranges = vec![];
        for previous in self
            .copied()
            .into_iter()
            .rev()
            .filter(|backup| *backup.id < *id)
        {
            if previous.keep != Some(KeepTarget::Standalone) {
                return (false, vec![]);
            }
            let name = |name: Option<SegmentName>| name.unwrap().to_string();
            ranges.push((name(previous.begin_wal), name(previous.end_wal)));
        }
        (true, ranges)
    }

    fn wal_paths(&mut self) -> BTreeMap<String, String> {
        let keys = self.keys.iter().filter(|key| key.starts_with("s/wals/"));
        let named = keys.filter_map(|key| {
            let name = key.rsplit('/').next().unwrap();
            let name = name.strip_suffix(".gz").unwrap_or(name);
            (!name.contains(".tmp")).then(|| (name.to_owned(), key.clone()))
        });
        self.wal_paths
            .get_or_insert_with(|| named.collect())
            .clone()
    }

    fn remove_wals_for_backup(&mut self, deleted: &CatalogBackup) {
        let (should_remove, ranges) = self.should_remove_wals(&deleted.id);
        if !should_remove {
            return;
        }
        let next = self
            .copied()
            .into_iter()
            .find(|backup| backup.id > deleted.id)
            .cloned();
        let until = next.unwrap_or_else(|| deleted.clone());
        let begin_wal = until.begin_wal.unwrap().to_string();
        let mut protected: BTreeSet<u32> = self
            .catalog
            .values()
            .map(|backup| backup.timeline.unwrap().0)
            .collect();
        protected.remove(&until.timeline.unwrap().0);

        let prefixes: BTreeSet<String> = self
            .keys
            .iter()
            .filter_map(|key| directory(key))
            .map(str::to_owned)
            .collect();
        for prefix in prefixes {
            let (timeline, wal_dir) = (hex(&prefix[..8]), hex(&prefix[8..]));
            let touches = |(begin, end): &(String, String)| {
                timeline >= hex(&begin[..8])
                    && wal_dir >= hex(&begin[8..16])
                    && timeline <= hex(&end[..8])
                    && wal_dir <= hex(&end[8..16])
            };
            if !protected.contains(&timeline)
                && !ranges.iter().any(touches)
                && timeline == hex(&begin_wal[..8])
                && wal_dir < hex(&begin_wal[8..16])
            {
                self.keys.retain(|key| directory(key) != Some(&*prefix));
            }
        }
        for (name, key) in self.wal_paths() {
            if name.ends_with(".history") || protected.contains(&hex(&name[..8])) {
                continue;
            }
            let checked = if name.ends_with(".backup") {
                &name[..24]
            } else {
                &*name
            };
            let kept = ranges
                .iter()
                .any(|(begin, end)| checked >= &**begin && checked <= &**end);
            if !kept && name < begin_wal {
                self.keys.remove(&key);
            }
        }
    }
}
