//! Real restore, looked at where the backup becomes consistent and at the end of WAL.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use test_support::{FetchedBackup, Postgres, Stack, try_run};

/// Time limit of a program that looks at the restored database.
const LIMIT: Duration = Duration::from_mins(2);

/// Settings of every restored server.
const SETTINGS: &str =
    "archive_mode = off\nfsync = off\nautovacuum = off\nrecovery_target_timeline = 'latest'\n";

/// State of a restored database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Restored {
    /// It did not come up.
    Refused(String),
    /// It accepted writes.
    Up(State),
}

/// State of a database that accepted writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// End of the last record that was replayed.
    pub(crate) replayed_to: String,
    /// Pages that `pg_checksums` refused where the backup became consistent; `None` without data
    /// checksums.
    pub(crate) bad_pages: Option<usize>,
    /// The same at the end of WAL.
    pub(crate) bad_pages_at_end: Option<usize>,
    /// Complaint of `pg_amcheck` or `pg_dumpall`.
    pub(crate) complaint: Option<String>,
    /// Number of rows of the tables under load; `None` if they could not be counted.
    pub(crate) rows: Option<u64>,
    /// Everything that `pg_dumpall` wrote.
    dump: Vec<String>,
}

impl State {
    /// True if nothing complains.
    pub(crate) fn is_good(&self) -> bool {
        let is_none = |pages: Option<usize>| pages.is_none_or(|number| number == 0);
        self.complaint.is_none() && is_none(self.bad_pages) && is_none(self.bad_pages_at_end)
    }
}

impl Restored {
    /// Restores a backup and looks at it.
    pub(crate) fn of(stack: &Stack, backup: &str, has_checksums: bool) -> Self {
        let mut fetched = match stack.fetch(backup, false) {
            Ok(fetched) => fetched,
            Err(complaint) => return Self::Refused(last_line(&complaint)),
        };
        let restored = state(&mut fetched, has_checksums);
        let log = fetched.postgres.log();
        fetched.remove();
        restored.map_or_else(|| Self::Refused(complaint_in(&log)), Self::Up)
    }

    /// First line of a dump that another restore does not have, for people.
    pub(crate) fn first_difference(&self, other: &Self) -> Option<String> {
        let (Self::Up(state), Self::Up(other)) = (self, other) else {
            return None;
        };
        let mut pairs = state.dump.iter().zip(&other.dump);
        let (one, two) = pairs.find(|(one, two)| one != two)?;
        Some(format!("`{one}` and `{two}`"))
    }

    /// End of replay and number of rows, in words.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Refused(complaint) => format!("refused: {complaint}"),
            Self::Up(state) => format!(
                "up at {}, {:?} rows, bad pages {:?} and {:?}{}",
                state.replayed_to,
                state.rows,
                state.bad_pages,
                state.bad_pages_at_end,
                state
                    .complaint
                    .as_ref()
                    .map(|text| format!(", {text}"))
                    .unwrap_or_default(),
            ),
        }
    }
}

/// State of the restored database; `None` if it does not come up.
fn state(fetched: &mut FetchedBackup, has_checksums: bool) -> Option<State> {
    let postgres = &mut fetched.postgres;
    postgres.configure(SETTINGS);
    postgres.configure("recovery_target = 'immediate'\nrecovery_target_action = 'shutdown'\n");
    if !postgres.recover_and_shut_down() {
        return None;
    }
    let bad_pages = has_checksums.then(|| bad_pages(postgres));
    postgres.configure("recovery_target = ''\nrecovery_target_action = 'promote'\n");
    if !postgres.recover() {
        return None;
    }
    let replayed_to = query(postgres, "select pg_last_wal_replay_lsn()").ok()?;
    let rows = query(
        postgres,
        "select (select count(*) from ledger) + (select count(*) from pgbench_history)",
    );
    let (complaint, dump) = look_into(postgres);
    let stopped = postgres.try_stop();
    Some(State {
        replayed_to,
        bad_pages,
        bad_pages_at_end: (has_checksums && stopped).then(|| self::bad_pages(postgres)),
        complaint: complaint.or_else(|| (!stopped).then(|| "does not stop".to_owned())),
        rows: rows.ok().and_then(|text| text.parse().ok()),
        dump,
    })
}

/// Complaint of the programs that read everything, and what one of them wrote.
fn look_into(postgres: &Postgres) -> (Option<String>, Vec<String>) {
    let mut check = postgres.client("pg_amcheck");
    check.args(["--all", "--heapallindexed", "--install-missing"]);
    let checked = try_run(check, LIMIT).err().map(|text| last_line(&text));
    let dumped = try_run(postgres.client("pg_dumpall"), LIMIT);
    let text = dumped.as_deref().unwrap_or_default();
    // Each dump has a random key of its own, and each restore places of its own for tablespaces.
    let is_own = |line: &&str| {
        ["\\restrict", "\\unrestrict", "CREATE TABLESPACE"]
            .iter()
            .any(|start| line.starts_with(start))
    };
    let lines = text.lines().filter(|line| !is_own(line));
    let dump = lines.map(str::to_owned).collect();
    let complaint = checked.or_else(|| dumped.err().map(|text| last_line(&text)));
    (complaint, dump)
}

fn query(postgres: &Postgres, text: &str) -> Result<String, String> {
    let mut command = postgres.client("psql");
    command.args([
        "--no-psqlrc",
        "--no-align",
        "--tuples-only",
        "--command",
        text,
    ]);
    Ok(try_run(command, LIMIT)?.trim().to_owned())
}

/// Number of pages that a server refuses and that it needs: those of free space and visibility maps are
/// built anew, and unlogged relations are emptied.
///
/// `pg_checksums` takes every page that starts with zeros for a new one (`PageIsNew` in `scan_file`),
/// while the server refuses it unless all of it is zero (`PageIsVerified`).
///
/// # Panics
/// Panics if `pg_checksums` does not say.
fn bad_pages(postgres: &Postgres) -> usize {
    let mut command: Command = postgres.command("pg_checksums");
    command.arg("--check").arg("--pgdata").arg(postgres.data());
    let said = try_run(command, LIMIT).unwrap_or_else(|said| said);
    assert!(said.contains("Bad checksums:"), "pg_checksums: {said}");
    let failed = said.lines().filter_map(|line| {
        let (_, rest) = line.split_once("checksum verification failed in file \"")?;
        rest.split('"').next()
    });
    let wrong = failed.filter(|file| matters(file)).count();
    let data = postgres.data();
    let directories = ["base", "pg_tblspc"].map(|name| data.join(name));
    wrong
        + directories
            .iter()
            .map(|directory| pages_without_header(directory))
            .sum::<usize>()
}

fn matters(file: &str) -> bool {
    let (directory, name) = file.rsplit_once('/').unwrap_or(("", file));
    let name = name.split('.').next().unwrap_or(name);
    let relation = name.split('_').next().unwrap_or(name);
    let is_map = name.ends_with("_fsm") || name.ends_with("_vm");
    !is_map
        && !Path::new(directory)
            .join(format!("{relation}_init"))
            .exists()
}

/// Number of pages below a directory whose header says that they are new, and that are not all zeros.
/// Maps of free space and visibility are passed over, as the server zeroes such pages of theirs.
fn pages_without_header(directory: &Path) -> usize {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let pages = entries.map(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return pages_without_header(&path);
        }
        let name = entry.file_name();
        let is_digit_or_dot = |letter: char| letter.is_ascii_digit() || letter == '.';
        let is_main = name.to_string_lossy().chars().all(is_digit_or_dot);
        if !is_main || !matters(&path.to_string_lossy()) {
            return 0;
        }
        pages_without_header_in(&path)
    });
    pages.sum()
}

fn pages_without_header_in(file: &Path) -> usize {
    const PAGE: usize = 8192;
    /// Place of `pd_upper`.
    const UPPER: usize = 14;

    let mut bytes = Vec::new();
    let Ok(_) = fs::File::open(file).and_then(|mut file| file.read_to_end(&mut bytes)) else {
        return 0;
    };
    let is_refused =
        |page: &&[u8; PAGE]| page[UPPER..UPPER + 2] == [0, 0] && page.iter().any(|byte| *byte != 0);
    let (pages, _) = bytes.as_chunks::<PAGE>();
    pages.iter().filter(is_refused).count()
}

fn complaint_in(log: &str) -> String {
    let lines = log.lines().filter_map(|line| {
        ["FATAL:", "PANIC:"]
            .iter()
            .find_map(|level| line.split_once(level))
    });
    lines
        .map(|(_, text)| text.trim().to_owned())
        .next_back()
        .unwrap_or_else(|| last_line(log))
}

fn last_line(text: &str) -> String {
    text.lines()
        .rfind(|line| !line.trim().is_empty())
        .unwrap_or_default()
        .to_owned()
}
