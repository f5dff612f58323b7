//! Archive that a real database and Barman made under load, and what else could get into it.

use std::fmt;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use tempfile::TempDir;
use test_support::{Postgres, Stack, StackSettings, Tools, make_database_directory};

use crate::damage::load::{Load, prepare};

/// Options for the compression of data.
const DATA_COMPRESSION: [Option<&str>; 6] = [
    None,
    Some("--gzip"),
    Some("--bzip2"),
    Some("--snappy"),
    Some("--zstd"),
    Some("--lz4"),
];

/// Options for the compression of WAL.
const WAL_COMPRESSION: [Option<&str>; 7] = [
    None,
    Some("--gzip"),
    Some("--bzip2"),
    Some("--xz"),
    Some("--snappy"),
    Some("--zstd"),
    Some("--lz4"),
];

/// Archive, and the database that made it.
pub(crate) struct World {
    pub(crate) stack: Stack,
    pub(crate) plan: Plan,
    /// Ids of the backups, oldest first.
    pub(crate) backups: Vec<String>,
    scratch: TempDir,
}

/// Random choices for a world.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is drawn on its own, and none excludes another"
)]
pub(crate) struct Plan {
    pub(crate) has_checksums: bool,
    segment_size_mb: u32,
    wal_compression: Option<&'static str>,
    /// Compression of both backups.
    data_compression: [Option<&'static str>; 2],
    page_image_compression: &'static str,
    has_tablespace: bool,
    has_parts: bool,
    is_promoted: bool,
    is_from_standby: bool,
}

impl Plan {
    fn draw(rng: &mut Rng) -> Self {
        Self {
            has_checksums: rng.u8(..6) > 0,
            segment_size_mb: [4, 8, 16][rng.usize(..3)],
            wal_compression: WAL_COMPRESSION[rng.usize(..WAL_COMPRESSION.len())],
            data_compression: [(); 2]
                .map(|()| DATA_COMPRESSION[rng.usize(..DATA_COMPRESSION.len())]),
            page_image_compression: ["off", "pglz", "lz4", "zstd"][rng.usize(..4)],
            has_tablespace: rng.bool(),
            has_parts: rng.u8(..4) == 0,
            is_promoted: rng.u8(..3) == 0,
            is_from_standby: rng.bool(),
        }
    }

    fn settings(&self) -> StackSettings {
        StackSettings {
            segment_size_mb: self.segment_size_mb,
            initdb: if self.has_checksums {
                vec!["--data-checksums"]
            } else {
                vec![]
            },
            wal_compression: self.wal_compression,
            parameters: format!(
                "wal_compression = {}\nfull_page_writes = on\n",
                self.page_image_compression
            ),
            ..StackSettings::default()
        }
    }

    fn backup_options(&self, number: usize) -> Vec<&'static str> {
        let parts = self.has_parts.then_some("--max-archive-size=11MB");
        self.data_compression
            .get(number)
            .copied()
            .flatten()
            .into_iter()
            .chain(parts)
            .collect()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let yes = |is_so: bool, words: &'static str| if is_so { words } else { "" };
        write!(
            formatter,
            "segments of {} MB, WAL {}, page images {}, data {} and {}{}{}{}{}{}",
            self.segment_size_mb,
            self.wal_compression.unwrap_or("plain"),
            self.page_image_compression,
            self.data_compression[0].unwrap_or("plain"),
            self.data_compression[1].unwrap_or("plain"),
            yes(self.has_parts, " in parts"),
            yes(self.has_tablespace, ", a tablespace"),
            yes(self.is_promoted, ", promoted"),
            yes(self.is_from_standby, ", from a standby"),
            yes(!self.has_checksums, ", no data checksums"),
        )
    }
}

impl World {
    /// Makes the archive, with two backups under load.
    pub(crate) fn make(rng: &mut Rng) -> Self {
        let plan = Plan::draw(rng);
        println!("  {plan}");
        let scratch = tempfile::Builder::new().prefix("damage").tempdir();
        let scratch = scratch.expect("temporary directories can be made");
        let mut stack = Stack::start(plan.settings());
        prepare(&mut stack);
        if plan.has_tablespace {
            stack.make_tablespace("fast");
        }
        let rate = rng.u32(10..50);
        let mut world = Self {
            stack,
            plan,
            backups: Vec::new(),
            scratch,
        };
        world.back_up_the_primary(0, rate);
        if world.plan.is_promoted {
            world.stack.promote();
        }
        world.diverge();
        if world.plan.is_from_standby {
            world.back_up_a_standby(rate);
        } else {
            world.back_up_the_primary(1, rate);
        }
        world.stack.make_wal(2);
        world.stack.stop_database();
        world.make_foreign_wal();
        world.mirror();
        world
    }

    /// Directory with the archive and what could get into it.
    pub(crate) fn directory(&self) -> &Path {
        self.scratch.path()
    }

    /// Key of an object below the server's directory.
    pub(crate) fn key(&self, relative: &str) -> String {
        let settings = self.stack.settings();
        format!("{}/{}/{relative}", settings.prefix, settings.server)
    }

    fn back_up_the_primary(&mut self, number: usize, rate: u32) {
        let load = Load::start(self.stack.postgres(), self.scratch.path(), rate);
        self.stack.backup(&self.plan.backup_options(number));
        drop(load);
        self.stack.make_wal(1);
        self.note_backup();
    }

    fn back_up_a_standby(&mut self, rate: u32) {
        let directory = self.scratch.path().join("standby");
        let mut standby = self.stack.postgres().make_standby(directory);
        standby.start();
        let load = Load::start(self.stack.postgres(), self.scratch.path(), rate);
        self.stack
            .backup_from(&standby, &self.plan.backup_options(1));
        drop(load);
        standby.stop();
        self.stack.make_wal(1);
        self.note_backup();
    }

    fn note_backup(&mut self) {
        let list = self.stack.backup_list();
        let backups = list["backups_list"].as_array().into_iter().flatten();
        let ids = backups.filter_map(|backup| Some(backup["backup_id"].as_str()?.to_owned()));
        self.backups = ids.collect();
        self.backups.sort();
    }

    /// Lets a copy of the database write WAL of its own on the same timeline, elsewhere.
    fn diverge(&mut self) {
        self.stack.stop_database();
        let directory = self.scratch.path().join("copy");
        let copy = self.stack.postgres().copy_files(directory);
        self.write_wal(copy, "diverged", 3);
        self.stack.postgres().start();
    }

    /// Lets another cluster write WAL elsewhere.
    fn make_foreign_wal(&self) {
        let cluster = Postgres::create(
            &Tools::find(),
            self.scratch.path().join("stranger"),
            self.plan.segment_size_mb,
            vec![
                ("PATH", "/usr/bin:/bin".to_owned()),
                ("LANG", "C.UTF-8".to_owned()),
            ],
        );
        self.write_wal(cluster, "foreign", 20);
    }

    fn write_wal(&self, mut cluster: Postgres, place: &str, segments: u32) {
        let place = self.scratch.path().join(place);
        make_database_directory(&place);
        cluster.configure(&format!(
            "fsync = off\narchive_mode = on\narchive_command = 'cp %p {}/%f'\n",
            place.display()
        ));
        cluster.start();
        cluster.sql("create table other (at timestamptz, filling text)");
        for _ in 0..segments {
            cluster.sql_each(&[
                "insert into other select clock_timestamp(), repeat('other', 9) from generate_series(1, 900)",
                "select pg_switch_wal()",
            ]);
        }
        cluster.wait_until_archived();
        cluster.stop();
        keep_segments(&place);
    }

    fn mirror(&self) {
        let place = self.scratch.path().join("mirror");
        self.stack.client().mirror(&place);
        let archive = place.join(self.key("")).components().collect::<PathBuf>();
        symlink(archive, self.scratch.path().join("archive")).expect("a fresh directory has room");
    }
}

/// Removes history files and the like.
fn keep_segments(place: &Path) {
    for entry in fs::read_dir(place).expect("it was just made").flatten() {
        let name = entry.file_name();
        if name.len() != 24 {
            fs::remove_file(entry.path()).expect("an own directory can be written");
        }
    }
}
