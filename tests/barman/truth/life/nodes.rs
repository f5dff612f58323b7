//! Servers of a life: how to make them and what to ask them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use fastrand::Rng;
use test_support::{
    Postgres, Tools, as_database_user, give_to_database_user, make_database_directory, run, until,
};

use super::{Backup, Life, Point, Standby};
use crate::truth::archive::Archive;
use crate::truth::backup::{Copied, copy};
use crate::truth::clock::Clock;
use crate::truth::scratch::Scratch;
use crate::truth::wal::{Lsn, Segment};

/// Time limit for a standby to catch up, and for a program to end.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// Settings that make a server small and fast.
const SETTINGS: &str = "fsync = off\n\
    shared_buffers = 2MB\n\
    max_connections = 10\n\
    max_wal_senders = 4\n\
    wal_keep_size = 64MB\n\
    max_wal_size = 256MB\n\
    min_wal_size = 2MB\n\
    checkpoint_timeout = 1h\n\
    autovacuum = off\n\
    bgwriter_lru_maxpages = 0\n\
    recovery_prefetch = off\n\
    dynamic_shared_memory_type = mmap\n\
    wal_retrieve_retry_interval = 50ms\n\
    timezone = 'UTC'\n\
    log_timezone = 'UTC'\n";

impl<'a> Life<'a> {
    pub(super) fn begin(
        rng: Rng,
        tools: &'a Tools,
        scratch: &'a Scratch,
        archive: &'a Archive,
    ) -> Self {
        let nodes = scratch.make_directory("nodes");
        scratch.make_directory("kept");
        let created = fs::metadata(&nodes).and_then(|metadata| metadata.modified());
        let clock = Clock::starting_at(created.expect("Linux knows when it was made"));
        let primary = Postgres::create(tools, nodes.join("0"), 1, environment());
        let mut life = Self {
            rng,
            tools,
            scratch,
            archive,
            clock,
            primary,
            standby: None,
            system: 0,
            shares_names: false,
            backups: Vec::new(),
            points: Vec::new(),
            nodes: 1,
            marks: 0,
            story: Vec::new(),
        };
        life.start_cluster();
        life
    }

    /// Starts a primary that was just made.
    pub(super) fn start_cluster(&mut self) {
        self.primary
            .configure(&format!("{SETTINGS}{}", self.archive.settings()));
        self.primary.start();
        let system = self.primary.sql_each(&[
            "update pg_database set datistemplate = false",
            // Everything in the cluster is copied for each restore: drop what it does not need.
            "drop database template0",
            "drop database template1",
            "create table written (at timestamptz, filling text)",
            "select system_identifier from pg_control_system()",
        ]);
        self.system = system.parse().expect("a system identifier is a number");
    }

    /// Makes an empty cluster in a new place, with another system identifier.
    pub(super) fn make_cluster(&mut self) -> Postgres {
        let directory = self.next_directory();
        Postgres::create(self.tools, directory, 1, environment())
    }

    /// Makes the cluster start its WAL at a segment, as `pg_upgrade` does.
    pub(super) fn begin_wal_at(&self, server: &Postgres, segment: Segment) {
        let mut command = as_database_user(&self.tools.postgres_program("pg_resetwal"));
        command
            .arg("-l")
            .arg(segment.to_string())
            .arg("-D")
            .arg(server.data());
        run(command, TIME_LIMIT);
    }

    /// Fills a few segments, with a point in each that can be recovered to.
    pub(super) fn write(&mut self) {
        let segments = self.rng.u32(1..=4);
        self.tell(format!("{segments} segments are written"));
        self.write_segments(segments);
    }

    pub(super) fn write_segments(&mut self, segments: u32) {
        for _ in 0..segments {
            let name = self.next_mark();
            let point = format!("select pg_create_restore_point('{name}')");
            let lsn = self.primary.sql_each(&[INSERT, &point, INSERT, SWITCH]);
            let lsn = read_lsn(&lsn);
            self.points.push(Point {
                name,
                lsn,
                system: self.system,
            });
        }
        self.primary.wait_until_archived();
    }

    /// Writes something that stays in the current segment.
    pub(super) fn write_a_bit(&self) {
        self.primary.sql_each(&[INSERT]);
    }

    /// Copies the data of a server; the primary may fill segments meanwhile.
    pub(super) fn copy_data(&self, from: &Postgres, meanwhile: &str) -> (Copied, PathBuf) {
        let place = self.scratch.path(&format!("kept/{}", self.backups.len()));
        (copy(from, self.archive, &place, meanwhile), place)
    }

    /// Adds a copy to the archive as a backup.
    pub(super) fn keep(&mut self, copied: &Copied, data: PathBuf, of: &str) {
        let taken = copied.describe(self.archive, self.clock);
        let (start, stop) = (&copied.start, &copied.stop);
        let (first, last) = (start.segment(), stop.segment());
        let (id, begin, end) = (&taken.id, start.lsn, stop.lsn);
        self.tell(format!(
            "backup {id} of {of}: {first} at {begin} to {last} at {end}"
        ));
        self.backups.push(Backup { taken, data, end });
    }

    /// Makes a standby of a copy of the primary, caught up.
    pub(super) fn make_standby(&mut self) -> Standby {
        let streams = self.rng.u8(..4) > 0;
        let how = if streams {
            "streams"
        } else {
            "reads the archive"
        };
        self.tell(format!("a standby is made, which {how}"));
        let directory = self.next_directory();
        make_database_directory(&directory);
        copy(&self.primary, self.archive, &directory.join("data"), "");
        let mut server = Postgres::adopt(self.tools, directory, environment());
        signal(&server, "standby.signal");
        server.set("recovery_target_timeline", &self.timeline().to_string());
        if streams {
            let host = self.primary.host().display();
            server.set("primary_conninfo", &format!("host={host} user=postgres"));
        }
        server.start();
        Standby { server, streams }
    }

    /// Waits until the standby has replayed all the WAL that it can get.
    pub(super) fn catch_up(&self, standby: &Standby) {
        let lsn = if standby.streams {
            self.primary.sql("select pg_current_wal_flush_lsn()")
        } else {
            // The archive has nothing of the current segment.
            let lsn = read_lsn(&self.primary.sql("select pg_current_wal_flush_lsn()"));
            self.primary.wait_until_archived();
            Lsn(lsn.0 - lsn.offset()).to_string()
        };
        let query = format!("select pg_last_wal_replay_lsn() >= '{lsn}'");
        until("a standby to catch up", TIME_LIMIT, || {
            (standby.server.sql(&query) == "t").then_some(())
        });
    }

    /// Makes a server with the data of a backup, to be started in recovery.
    pub(super) fn restored(&mut self, backup: &Backup) -> Postgres {
        let directory = self.next_directory();
        make_database_directory(&directory);
        let mut command = Command::new("cp");
        command
            .arg("-a")
            .arg(&backup.data)
            .arg(directory.join("data"));
        run(command, TIME_LIMIT);
        let server = Postgres::adopt(self.tools, directory, environment());
        signal(&server, "recovery.signal");
        server
    }

    /// Timeline that the primary writes to.
    pub(super) fn timeline(&self) -> u32 {
        self.segment().timeline
    }

    /// Segment that the primary writes to.
    pub(super) fn segment(&self) -> Segment {
        let name = self
            .primary
            .sql("select pg_walfile_name(pg_current_wal_insert_lsn())");
        Segment::parse(&name).unwrap_or_else(|| panic!("no segment: `{name}`"))
    }

    pub(super) fn next_mark(&mut self) -> String {
        self.marks += 1;
        format!("mark-{}", self.marks)
    }

    fn next_directory(&mut self) -> PathBuf {
        let number = self.nodes;
        self.nodes += 1;
        self.scratch.path(&format!("nodes/{number}"))
    }
}

/// Statement that writes a row.
pub(super) const INSERT: &str =
    "insert into written values (clock_timestamp(), repeat('filling ', 30))";

/// Statement that completes the current segment and returns no row.
pub(super) const SWITCH: &str = "do 'begin perform pg_switch_wal(); end'";

/// Creates a signal file, which says how a server is to be started.
pub(super) fn signal(server: &Postgres, name: &str) {
    let file = server.data().join(name);
    fs::write(&file, "").expect("the data of a stopped server can be written");
    give_to_database_user(&file);
}

pub(super) fn read_lsn(text: &str) -> Lsn {
    Lsn::parse(text).unwrap_or_else(|| panic!("no LSN: `{text}`"))
}

/// Part of the test's environment that a server sees.
fn environment() -> Vec<(&'static str, String)> {
    vec![
        ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ("LANG", "C.UTF-8".to_owned()),
    ]
}
