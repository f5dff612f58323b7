//! Real restores: the files that the archive returns, and how far PostgreSQL gets with them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use test_support::{Part, Signal, Tools, as_database_user};

use crate::truth::archive::Archive;
use crate::truth::case::{Request, Restore, Target};
use crate::truth::life::Backup;
use crate::truth::scratch::Scratch;
use crate::truth::wal::Lsn;

/// Number of restores that run at the same time: a third one fills the waits of two.
const AT_ONCE: usize = 3;

/// Time limit of one restore.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// Pause between two checks of a server.
const PAUSE: Duration = Duration::from_millis(4);

/// Script that lays out the data directory and becomes the server, so that one program does both.
const SCRIPT: &str = r#"cp -a "$1" "$2" && : >"$2/recovery.signal" && shift 2 && exec "$@""#;

/// Runs restores of backups of one archive.
pub(crate) struct Restorer<'a> {
    pub(crate) archive: &'a Archive,
    pub(crate) directory: PathBuf,
    tools: Tools,
    made: AtomicU32,
}

/// Restore in progress.
struct Attempt {
    directory: PathBuf,
    server: Part,
}

impl<'a> Restorer<'a> {
    pub(crate) fn new(scratch: &Scratch, archive: &'a Archive) -> Self {
        let directory = scratch.make_directory("restores");
        Self {
            archive,
            directory,
            tools: Tools::find(),
            made: AtomicU32::new(0),
        }
    }

    /// Restores every backup to every target and returns the outcomes, in order.
    pub(crate) fn restore_all(&self, backups: &[Backup], targets: &[Target]) -> Vec<Restore> {
        let pairs = backups
            .iter()
            .flat_map(|backup| targets.iter().map(move |target| (backup, *target)));
        let waiting = Mutex::new(pairs.enumerate());
        let done = Mutex::new(Vec::new());
        let next = || waiting.lock().expect("nobody fails while choosing").next();
        let work = || {
            while let Some((index, (backup, target))) = next() {
                let restore = self.restore(backup, target);
                done.lock()
                    .expect("nobody fails while noting")
                    .push((index, restore));
            }
        };
        scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
        let mut done = done
            .into_inner()
            .expect("a failed restore has ended the test");
        done.sort_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, restore)| restore).collect()
    }

    fn restore(&self, backup: &Backup, target: Target) -> Restore {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let directory = self.directory.join(number.to_string());
        test_support::make_database_directory(&directory);
        let command = self.command(&backup.data, &directory, target);
        let server = Part::start("a restored server", command, &directory.join("log"));
        let mut attempt = Attempt { directory, server };
        let came_up = attempt.wait();
        attempt.finish(backup, target, came_up)
    }

    fn command(&self, kept: &Path, directory: &Path, target: Target) -> Command {
        let data = directory.join("data");
        let mut command = as_database_user(Path::new("/bin/sh"));
        command.args(["-c", SCRIPT, "restore"]).arg(kept).arg(&data);
        command
            .arg(self.tools.postgres_program("postgres"))
            .arg("-D")
            .arg(&data);
        let restore = self.archive.restore_command(&directory.join("requests"));
        let settings = [
            "listen_addresses=".to_owned(),
            format!("unix_socket_directories={}", directory.display()),
            format!("restore_command={restore}"),
            format!("recovery_target_timeline={target}"),
            "archive_mode=off".to_owned(),
            "hot_standby=off".to_owned(),
        ];
        for setting in settings {
            command.args(["-c", &setting]);
        }
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8");
        command.current_dir("/");
        command
    }
}

impl Attempt {
    /// Waits until the server accepts writes or gives up; returns whether it came up.
    fn wait(&mut self) -> bool {
        let deadline = Instant::now() + TIME_LIMIT;
        loop {
            let has_ended = self.server.exited().is_some();
            if self
                .server
                .log()
                .contains("database system is ready to accept connections")
            {
                return true;
            }
            if has_ended {
                return false;
            }
            assert!(Instant::now() < deadline, "a restore does not end");
            sleep(PAUSE);
        }
    }

    /// Stops the server, reads what it has left and removes it.
    fn finish(mut self, backup: &Backup, target: Target, came_up: bool) -> Restore {
        self.server.signal(Signal::QUIT);
        self.server.wait_quietly(TIME_LIMIT);
        let log = self.server.log();
        let restore = Restore {
            backup: backup.taken.id.clone(),
            target,
            came_up,
            was_consistent: log.contains("consistent recovery state reached at"),
            complaint: if came_up { None } else { Some(complaint(&log)) },
            timeline: recovered_timeline(&log, &self.directory.join("data")),
            redo_done: after(&log, "redo done at ").and_then(Lsn::parse),
            requests: requests(&self.directory.join("requests")),
        };
        fs::remove_dir_all(&self.directory).expect("an own directory can be removed");
        restore
    }
}

/// Returns the error that a server ended with.
///
/// # Panics
/// Panics if the log has none: then a restore says nothing about the archive.
fn complaint(log: &str) -> String {
    // An abandoned timeline may hold another checkpoint at the very position of the backup's.
    let is_end = |line| {
        ["FATAL:", "PANIC:"]
            .iter()
            .find_map(|level| str::split_once(line, level))
    };
    let text = log
        .lines()
        .find_map(is_end)
        .map(|(_, text)| text.trim().to_owned());
    text.unwrap_or_else(|| panic!("a restored server did not say why it ended:\n{log}"))
}

/// Word after some text in a log.
fn after<'a>(log: &'a str, text: &str) -> Option<&'a str> {
    log.rsplit_once(text)?.1.split_whitespace().next()
}

/// Timeline that a server left for a new one, according to the new one's history file.
fn recovered_timeline(log: &str, data: &Path) -> Option<u32> {
    let timeline: u32 = after(log, "selected new timeline ID: ")?.parse().ok()?;
    let history = fs::read_to_string(data.join(format!("pg_wal/{timeline:08X}.history"))).ok()?;
    let parent = history.lines().rfind(|line| !line.trim().is_empty())?;
    parent.split_whitespace().next()?.parse().ok()
}

/// Requests that the restore script has recorded.
fn requests(file: &Path) -> Vec<Request> {
    let notes = fs::read_to_string(file).unwrap_or_default();
    let request = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next()?.to_owned();
        Some(Request {
            name,
            object: words.next().map(str::to_owned),
        })
    };
    notes.lines().filter_map(request).collect()
}
