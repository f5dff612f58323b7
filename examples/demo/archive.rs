//! The archive that the demo begins with: three servers, and what became of them.

use std::io;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use embedded_s3::Store;

use super::backups::Backup;
use super::cluster::{Cluster, Traits};
use super::wal::Compression;

/// The server in good health.
pub(crate) const HEALTHY: &str = "kilobase-postgres-backup";

/// The server with troubles.
pub(crate) const TROUBLED: &str = "billing-postgres";

/// The directory of a server that is gone.
pub(crate) const ORPHAN: &str = "supabase-release-supabase-db";

const GIB: u64 = 1 << 30;

/// The three servers.
pub(crate) struct Archive {
    pub(crate) healthy: Cluster,
    /// The backup that the healthy one is taking.
    pub(crate) running: Backup,
    pub(crate) troubled: Cluster,
    pub(crate) orphan: Cluster,
}

impl Archive {
    /// Fills the store with what has happened until now.
    pub(crate) fn fill(store: &Store, now: DateTime<Utc>) -> io::Result<Self> {
        let (healthy, running) = healthy(store, now)?;
        let (troubled, orphan) = (troubled(store, now)?, orphan(store, now)?);
        Ok(Self {
            healthy,
            running,
            troubled,
            orphan,
        })
    }
}

/// Seventeen days with a backup each night: the first is kept, the next ones have left the window
/// of fourteen days, and eleven days ago a standby took over.
fn healthy(store: &Store, now: DateTime<Utc>) -> io::Result<(Cluster, Backup)> {
    let traits = Traits {
        server: HEALTHY,
        system_identifier: 7_551_903_218_846_433_301,
        wal_compression: Compression::Gzip,
        segment_bytes: 180_000..5_800_000,
        data_ending: ".gz",
        cluster_bytes: 41 * GIB,
        stored_percent: 29,
        tablespace: Some(16_411),
    };
    let mut cluster = Cluster::new(store, traits, 0x1_0FD0);
    let mut running: Option<Backup> = None;
    for moment in moments(now, 17, TimeDelta::minutes(5)) {
        cluster.archive_segment(moment.at);
        let is_over = |backup: &mut Backup| moment.at - backup.begin.at > TimeDelta::minutes(12);
        if let Some(backup) = running.take_if(is_over) {
            cluster.finish_backup(backup, moment.at)?;
        }
        match (moment.day, moment.minute) {
            (_, 120) => running = Some(cluster.begin_backup(moment.at)),
            (6, 875) => cluster.fail_over(moment.at)?,
            (8, 600) => cluster.traits.data_ending = ".snappy",
            (12, 660) => cluster.traits.wal_compression = Compression::Snappy,
            _ => {}
        }
    }
    if let Some(first) = cluster.done.values().next().cloned() {
        cluster.keep_standalone(&first, first.begin.at + TimeDelta::hours(7));
        cluster.apply_retention(TimeDelta::days(14), &first, now);
    }
    let running = running.unwrap_or_else(|| cluster.begin_backup(now - TimeDelta::seconds(1)));
    cluster.upload(&running, 20, now);
    Ok((cluster, running))
}

/// Ten days in which ever more went wrong.
fn troubled(store: &Store, now: DateTime<Utc>) -> io::Result<Cluster> {
    let traits = Traits {
        server: TROUBLED,
        system_identifier: 7_498_220_917_553_108_224,
        wal_compression: Compression::Gzip,
        segment_bytes: 900_000..9_400_000,
        data_ending: ".snappy",
        cluster_bytes: 312 * GIB,
        stored_percent: 38,
        tablespace: None,
    };
    let mut cluster = Cluster::new(store, traits, 0x2_4410);
    for moment in moments(now, 10, TimeDelta::minutes(15)) {
        let Moment { at, day, minute } = moment;
        cluster.archive_segment(at);
        match (day, minute) {
            // The backups of the first two days were removed by hand, which leaves their WAL.
            (2 | 3 | 5, 60) => take_backup(&mut cluster, at)?,
            (4, 60) => {
                let backup = cluster.begin_backup(at);
                cluster.upload(&backup, 17, at + TimeDelta::minutes(12));
                cluster.fail_backup(&backup, at + TimeDelta::minutes(13));
            }
            (6, 60) => {
                take_backup(&mut cluster, at)?;
                damage_newest_backup(&mut cluster, at + TimeDelta::hours(1));
            }
            (7, 720) => cluster.lose_segments(7),
            (8, 60) => {
                let backup = cluster.begin_backup(at);
                cluster.upload(&backup, 44, at + TimeDelta::minutes(31));
            }
            (3 | 7 | 8, 1110) => cluster.leave_temporary_file(at),
            _ => {}
        }
    }
    Ok(cluster)
}

/// Three days, half a year ago; then the server was renamed.
fn orphan(store: &Store, now: DateTime<Utc>) -> io::Result<Cluster> {
    let traits = Traits {
        server: ORPHAN,
        system_identifier: 7_401_773_002_918_400_017,
        wal_compression: Compression::None,
        segment_bytes: 16_000..16_001,
        data_ending: ".bz2",
        cluster_bytes: 9 * GIB,
        stored_percent: 22,
        tablespace: None,
    };
    let mut cluster = Cluster::new(store, traits, 0x12);
    for moment in moments(now - TimeDelta::days(171), 3, TimeDelta::minutes(10)) {
        cluster.archive_segment(moment.at);
        if moment.minute == 0 && moment.day < 3 {
            take_backup(&mut cluster, moment.at)?;
        }
    }
    Ok(cluster)
}

/// Takes a backup that lasts less than the time to the next segment.
fn take_backup(cluster: &mut Cluster, at: DateTime<Utc>) -> io::Result<()> {
    let backup = cluster.begin_backup(at + TimeDelta::seconds(1));
    cluster.finish_backup(backup, at + TimeDelta::minutes(8))
}

/// Cuts `backup.info` off in the middle of a line, which stops Barman's retention.
fn damage_newest_backup(cluster: &mut Cluster, at: DateTime<Utc>) {
    if let Some((_, backup)) = cluster.done.pop_last() {
        let info = "backup_label=None\nbegin_offset=40\nbegin_ti";
        cluster.directory.put(&backup.key("backup.info"), info, at);
    }
}

/// A moment of an archive's past.
struct Moment {
    at: DateTime<Utc>,
    /// Days since the beginning.
    day: i64,
    /// Minute of that day, in UTC.
    minute: i64,
}

/// Moments from midnight that many days ago until now, evenly spaced.
fn moments(now: DateTime<Utc>, days: i64, step: TimeDelta) -> impl Iterator<Item = Moment> {
    let beginning = (now - TimeDelta::days(days))
        .date_naive()
        .and_time(NaiveTime::MIN)
        .and_utc();
    let times = std::iter::successors(Some(beginning), move |at| Some(*at + step));
    times.take_while(move |at| *at <= now).map(move |at| {
        let minutes = (at - beginning).num_minutes();
        Moment {
            at,
            day: minutes / 1440,
            minute: minutes % 1440,
        }
    })
}
