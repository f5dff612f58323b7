//! Events in the archive while the demo runs.

use std::io;

use chrono::{DateTime, TimeDelta, Utc};

use super::archive::{Archive, HEALTHY};
use super::backups::Backup;
use super::cluster::Cluster;

/// Duration of a backup, in seconds.
const BACKUP_SECONDS: i64 = 30;

/// The archive, and what is due in it.
pub(crate) struct Life {
    healthy: Cluster,
    troubled: Cluster,
    running: Option<RunningBackup>,
    healthy_wal: Rhythm,
    troubled_wal: Rhythm,
    backups: Rhythm,
}

/// A backup under way, with when it is to end.
struct RunningBackup {
    backup: Backup,
    ends_at: DateTime<Utc>,
}

impl Life {
    /// Life from now on; the backup that was found under way ends soon.
    pub(crate) fn begin(archive: Archive, now: DateTime<Utc>) -> Self {
        Self {
            healthy: archive.healthy,
            troubled: archive.troubled,
            running: Some(RunningBackup::new(archive.running, now)),
            healthy_wal: Rhythm::new(now, 5),
            troubled_wal: Rhythm::new(now, 23),
            backups: Rhythm::new(now, 90),
        }
    }

    /// Does what is due, and tells it in a line each.
    pub(crate) fn step(&mut self, now: DateTime<Utc>) -> io::Result<Vec<String>> {
        let mut events = Vec::new();
        if self.healthy_wal.is_due(now) {
            events.push(archive_segment(&mut self.healthy, now));
        }
        if self.troubled_wal.is_due(now) {
            events.push(archive_segment(&mut self.troubled, now));
        }
        // Looked at first, so that a rhythm that comes due meanwhile is not lost.
        if self.running.is_none() && self.backups.is_due(now) {
            let backup = self.healthy.begin_backup(now);
            events.push(format!("{HEALTHY}: backup {} started", backup.id));
            self.running = Some(RunningBackup::new(backup, now));
        }
        if let Some(RunningBackup { backup, .. }) =
            self.running.take_if(|running| running.ends_at <= now)
        {
            events.push(format!("{HEALTHY}: backup {} finished", backup.id));
            self.healthy.finish_backup(backup, now)?;
        }
        if let Some(running) = &self.running {
            self.healthy
                .upload(&running.backup, running.percent(now), now);
        }
        Ok(events)
    }
}

impl RunningBackup {
    fn new(backup: Backup, now: DateTime<Utc>) -> Self {
        Self {
            backup,
            ends_at: now + TimeDelta::seconds(BACKUP_SECONDS),
        }
    }

    fn percent(&self, now: DateTime<Utc>) -> u64 {
        let left = u64::try_from((self.ends_at - now).num_seconds()).unwrap_or_default();
        // Never less than what the demo begins with.
        99_u64.saturating_sub(79 * left / BACKUP_SECONDS.unsigned_abs())
    }
}

fn archive_segment(cluster: &mut Cluster, now: DateTime<Utc>) -> String {
    let archived = cluster.archive_segment(now);
    let (server, segment, kib) = (
        cluster.traits.server,
        archived.segment.name(),
        archived.bytes / 1024,
    );
    format!("{server}: WAL {segment} archived, {kib} KiB")
}

/// Something that comes again and again.
struct Rhythm {
    next: DateTime<Utc>,
    every: TimeDelta,
}

impl Rhythm {
    fn new(now: DateTime<Utc>, seconds: i64) -> Self {
        let every = TimeDelta::seconds(seconds);
        Self {
            next: now + every,
            every,
        }
    }

    /// Returns whether it is time. Missed times, as of a suspended computer, are not made up for.
    fn is_due(&mut self, now: DateTime<Utc>) -> bool {
        let due = self.next <= now;
        if due {
            self.next = now + self.every;
        }
        due
    }
}
