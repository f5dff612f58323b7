//! The walk over WAL against `pg_waldump`, on WAL that a real server has just written.
//!
//! `WAL_SEED=s` runs one seed again.

#![expect(clippy::unwrap_used, reason = "a test may end so")]
#![expect(
    clippy::indexing_slicing,
    reason = "without the element, the test has failed"
)]
#![expect(clippy::panic, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use archive_contents::wal::{SegmentContext, SegmentEnd, SegmentWalk, WalChain};
use barman_archive::postgres::{SegmentName, SegmentSize, TimelineHistory, TimelineId};
use fastrand::Rng;
use test_support::{Postgres, Tools, make_database_directory};

/// Number of random steps of a life.
const STEPS: usize = 14;

/// Server that archives every segment into a directory.
struct Life {
    psql: PathBuf,
    postgres: Postgres,
    archive: PathBuf,
    random: Rng,
    tables: u32,
    transactions: u32,
}

impl Life {
    fn new(tools: &Tools, scratch: &Path, seed: u64) -> Self {
        let archive = scratch.join("archive");
        make_database_directory(&archive);
        let environment = vec![
            ("PATH", "/usr/bin:/bin".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
        ];
        let mut postgres = Postgres::create(tools, scratch.join("server"), 1, environment);
        postgres.configure(&format!(
            "archive_mode = on\narchive_command = 'cp %p {}/%f'\nmax_prepared_transactions = 9\n\
             wal_level = logical\nwal_buffers = 64kB\nfsync = off\nmax_wal_size = 64MB\n",
            archive.display()
        ));
        postgres.start();
        Self {
            psql: tools.postgres_program("psql"),
            postgres,
            archive,
            random: Rng::with_seed(seed),
            tables: 0,
            transactions: 0,
        }
    }

    fn step(&mut self) {
        match self.random.u32(0..9) {
            0 | 1 => self.fill_a_table(),
            2 => self.prepare_and_commit(),
            3 => {
                let megabytes = self.random.u32(1..4);
                self.sql(&format!(
                    "SELECT pg_logical_emit_message(true, 't', repeat('x', {megabytes} * 1000000))"
                ));
            }
            4 => {
                let method = self.random.choice(["off", "pglz", "lz4", "zstd"]);
                let method = method.unwrap_or("off");
                self.sql(&format!("ALTER SYSTEM SET wal_compression = {method}"));
                self.sql("SELECT pg_reload_conf()");
            }
            5 => self.sql("CHECKPOINT"),
            6 => self.sql("SELECT pg_switch_wal()"),
            7 => self.crash_within_a_record(),
            _ => {
                let database = format!("d{}", self.random.u32(..));
                self.sql(&format!("CREATE DATABASE {database}"));
            }
        }
    }

    /// Ends the server while a record of many segments is written. The next start abandons it
    /// (`XLOG_OVERWRITE_CONTRECORD`).
    fn crash_within_a_record(&mut self) {
        let query = "SELECT pg_logical_emit_message(false, 't', repeat('x', 30000000))";
        let mut command = Command::new(&self.psql);
        command.arg("--host").arg(self.postgres.host());
        command.args(["--username=postgres", "--no-psqlrc", "--command", query]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut writer = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(self.random.u64(10..150)));
        self.postgres.crash();
        writer.wait().unwrap();
        self.postgres.start();
    }

    fn sql(&self, query: &str) {
        self.postgres.sql(query);
    }

    fn fill_a_table(&mut self) {
        self.tables += 1;
        let (table, rows) = (self.tables, self.random.u32(1..20_000));
        let mut script = String::new();
        let _ = writeln!(script, "CREATE TABLE t{table} (a int PRIMARY KEY, b text);");
        let _ = writeln!(
            script,
            "INSERT INTO t{table} SELECT i, md5(i::text) FROM generate_series(1, {rows}) i;"
        );
        let _ = writeln!(script, "UPDATE t{table} SET b = 'u' WHERE a % 7 = 0;");
        if self.random.bool() {
            let _ = writeln!(script, "TRUNCATE t{table};");
        }
        self.postgres.script(&script);
    }

    fn prepare_and_commit(&mut self) {
        self.transactions += 1;
        let name = self.transactions;
        self.postgres.script(&format!(
            "BEGIN; CREATE TABLE p{name} (a int); PREPARE TRANSACTION 'p{name}'; COMMIT PREPARED 'p{name}';"
        ));
    }

    /// Ends the life; returns the archived segments in order.
    fn end(mut self) -> Vec<PathBuf> {
        self.sql("SELECT pg_switch_wal()");
        self.postgres.wait_until_archived();
        self.postgres.stop();
        let entries = fs::read_dir(&self.archive).unwrap();
        let mut segments: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        segments.retain(|path| name(path).is_some());
        segments.sort();
        segments
    }
}

fn name(path: &Path) -> Option<SegmentName> {
    SegmentName::parse(path.file_name()?.to_str()?)
}

/// Records and their bytes, as `pg_waldump` counts them.
#[expect(clippy::print_stdout, reason = "the seeds that matter are found by it")]
fn dumped(tools: &Tools, segments: &[PathBuf]) -> (u64, u64) {
    let mut command = Command::new(tools.postgres_program("pg_waldump"));
    command.arg("--stats=record").arg(&segments[0]);
    command.arg(&segments[segments.len() - 1]);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let total = text
        .lines()
        .find(|line| line.starts_with("Total"))
        .unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    let is_abandoned = text.contains("OVERWRITE_CONTRECORD");
    println!("pg_waldump saw an abandoned record: {is_abandoned}");
    let numbers: Vec<u64> = total
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    // Records, bytes of records, bytes of images, both together.
    (numbers[0], numbers[3])
}

/// Records and their bytes, as the walk counts them.
fn walk_all(segments: &[PathBuf]) -> (u64, u64) {
    let mut chain: Option<WalChain> = None;
    let mut sums = (0, 0);
    for path in segments {
        let context = SegmentContext {
            name: name(path).unwrap(),
            size: SegmentSize::new(1 << 20).unwrap(),
            system_identifier: None,
            history: Some(TimelineHistory::without_ancestors(TimelineId::FIRST)),
            is_partial: false,
        };
        let mut walk = SegmentWalk::begin(context, chain.take()).unwrap();
        let mut unreadable = 0;
        let bytes = fs::read(path).unwrap();
        walk.feed(&bytes, &mut |record| {
            unreadable += u32::from(record.blocks().is_none());
        })
        .unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
        let walked = walk.finish().unwrap();
        assert_eq!(unreadable, 0, "{}", path.display());
        assert!(
            !matches!(walked.end, SegmentEnd::Ends(_)),
            "{}",
            path.display()
        );
        sums.0 += walked.records;
        sums.1 += walked.record_bytes;
        chain = Some(walked.chain);
    }
    sums
}

#[test]
fn the_walk_counts_what_pg_waldump_counts() {
    let tools = Tools::find();
    let seed =
        env::var("WAL_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("WAL_SEED={seed}");
    let scratch = tempfile::tempdir().unwrap();
    make_database_directory(&scratch.path().join("life"));
    let mut life = Life::new(&tools, &scratch.path().join("life"), seed);
    life.fill_a_table();
    for _ in 0..STEPS {
        life.step();
    }
    let segments = life.end();

    let walked = walk_all(&segments);
    println!(
        "{} segments, {} records, {} bytes",
        segments.len(),
        walked.0,
        walked.1
    );
    assert_eq!(walked, dumped(&tools, &segments));
    // A walk can start anywhere, also within a record of many segments.
    for first in 1..segments.len() {
        walk_all(&segments[first..]);
    }
}
