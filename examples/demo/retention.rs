//! Removal of backups and WAL, as by Barman's retention.

use chrono::{DateTime, TimeDelta, Utc};

use super::backups::Backup;
use super::cluster::Cluster;
use super::wal::Segment;

impl Cluster {
    /// Keeps a backup for itself alone: with the WAL that it needs, and none to go on.
    pub(crate) fn keep_standalone(&self, backup: &Backup, at: DateTime<Utc>) {
        self.directory
            .put(&backup.key("annotations/keep"), "standalone", at);
    }

    /// Removes what a recovery window does not need, but for the backup that is kept.
    ///
    /// As Barman does while all backups that are left over are on the timeline of the oldest that
    /// is needed: the window's first backup is the last one before it, and WAL goes by name.
    pub(crate) fn apply_retention(&mut self, window: TimeDelta, kept: &Backup, now: DateTime<Utc>) {
        let ended_before_window =
            |backup: &&Backup| backup.end.is_some_and(|end| end.at < now - window);
        let Some(first) = self.done.values().rfind(ended_before_window).cloned() else {
            return;
        };
        let is_obsolete = |backup: &&Backup| backup.id < first.id && backup.id != kept.id;
        for backup in self.done.values().filter(is_obsolete) {
            for key in self.directory.keys(&backup.key("")) {
                self.directory.remove(&key);
            }
        }
        self.done.retain(|id, _| *id >= first.id || *id == kept.id);
        let kept_to = kept.end.map_or(kept.begin.segment, |end| end.segment);
        let is_needed = |segment: Segment| {
            segment >= first.begin.segment || (kept.begin.segment <= segment && segment <= kept_to)
        };
        for key in self.directory.keys("wals/") {
            let name = key.rsplit('/').next().unwrap_or_default();
            if Segment::at_beginning_of(name).is_some_and(|segment| !is_needed(segment)) {
                self.directory.remove(&key);
            }
        }
        self.archived.retain(|segment| is_needed(*segment));
    }
}
