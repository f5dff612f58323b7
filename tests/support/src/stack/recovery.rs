//! Real restores: Barman's tools fetch the files, and PostgreSQL replays them.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::{BARMAN, Stack};
use crate::postgres::Postgres;
use crate::process::{run, try_run};
use crate::tools::{give_to_database_user, make_database_directory};

/// Unsets the recovery settings that a backup of a recovered database contains.
///
/// It goes before a target: PostgreSQL refuses even an empty one after another.
const NO_TARGET: &str = "recovery_target_name = ''\nrecovery_target_lsn = ''\n";

/// Requests the WAL file `$1` and puts it at `$2`.
///
/// An answer is a note, which says the tool's exit status, the name, and the object found, and the
/// file. Two that ask at once both write the same.
const RESTORE_SCRIPT: &str = r#"
mkdir -p 'ANSWERS'
state=$(sed -n "s/^${1%%.*} //p" 'STATES')
answer='ANSWERS'/$1-${state:-none}
if [ ! -e "$answer.note" ]; then
  said=$(COMMAND "$1" "$answer.$$" 2>&1)
  status=$?
  printf '%s\n' "$said" >&2
  [ "$status" -ne 0 ] || mv "$answer.$$" "$answer"
  object=$(printf '%s\n' "$said" | sed -n 's/.*Found WAL \([^ ]*\) for server .*/\1/p' | head -n 1)
  printf '%s %s %s\n' "$status" "$1" "$object" >"$answer.note.$$"
  mv "$answer.note.$$" "$answer.note"
fi
cat "$answer.note" >>'REQUESTS'
read -r status _ <"$answer.note"
[ "$status" -ne 0 ] || cp "$answer" "$2"
exit "$status"
"#;

/// Target of a recovery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RestoreTarget {
    /// Timeline to recover to; `None` for PostgreSQL's default, `latest`.
    pub timeline: Option<u32>,
    /// True if Barman is told not to return a partial segment for a complete one.
    pub no_partial: bool,
}

/// End of a point-in-time recovery.
#[derive(Clone, Debug)]
pub enum PointInTime {
    /// Restore point, by its name.
    RestorePoint(String),
    /// Position in the WAL.
    Lsn(String),
}

/// Outcome of a restore.
#[derive(Clone, Debug)]
pub struct Restored {
    /// True if the server accepted writes at the end.
    pub came_up: bool,
    /// End of the last record that was replayed; `None` unless it came up.
    pub replayed_to_lsn: Option<String>,
    /// Name of the segment that held this record, with the timeline that it was asked for under.
    pub last_segment: Option<String>,
    /// True if a partial segment was returned for it.
    pub last_is_partial: bool,
    /// Timeline that PostgreSQL recovered to before it started a new one; `None` unless it came up.
    pub timeline: Option<u32>,
    /// Files that the server requested from the archive, in order.
    pub requests: Vec<WalRequest>,
    /// Log of the server; if it was not even started, Barman's output.
    pub log: String,
}

/// File that PostgreSQL requested from the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalRequest {
    /// Name of the segment or history file.
    pub name: String,
    /// Last part of the key that it was given; `None` if there was none.
    pub object: Option<String>,
}

impl Restored {
    /// Last message of a server that gave up.
    pub fn complaint(&self) -> Option<&str> {
        self.log
            .lines()
            .find_map(|line| line.split_once("FATAL:"))
            .map(|(_, text)| text.trim())
    }

    fn refused(log: String) -> Self {
        Self {
            came_up: false,
            replayed_to_lsn: None,
            last_segment: None,
            last_is_partial: false,
            timeline: None,
            requests: Vec::new(),
            log,
        }
    }
}

/// Restored data directory, and everything needed to recover it.
pub struct FetchedBackup {
    /// Server on the restored data, which has not been started yet.
    pub postgres: Postgres,
    directory: PathBuf,
}

impl FetchedBackup {
    /// Ends the server, and removes its files.
    pub fn remove(self) {
        drop(self.postgres);
        // Only the scratch directory, which goes at the end, would be fuller.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl Stack {
    /// Restores a backup next to the database and replays as much WAL as the archive provides.
    ///
    /// Nothing is archived, and nothing is left but what is returned.
    #[track_caller]
    pub fn restore(&self, backup_id: &str, target: RestoreTarget) -> Restored {
        let mut fetched = match self.fetch(backup_id, target.no_partial) {
            Ok(fetched) => fetched,
            Err(complaint) => return Restored::refused(complaint),
        };
        let timeline = target
            .timeline
            .map_or("latest".to_owned(), |number| number.to_string());
        fetched.postgres.configure(&format!(
            "{NO_TARGET}\
             archive_mode = off\n\
             recovery_target_timeline = '{timeline}'\n"
        ));
        let restored = self.replay(&mut fetched);
        fetched.remove();
        restored
    }

    /// Replaces the database by one that is recovered to a point in its past.
    ///
    /// It begins a timeline, on which it archives to the same place; what the old one has archived
    /// since that point stays there, as a dead branch.
    #[track_caller]
    pub fn pitr(&mut self, backup_id: &str, point: &PointInTime) {
        self.postgres.stop();
        let fetched = self
            .fetch(backup_id, false)
            .unwrap_or_else(|complaint| panic!("{complaint}"));
        let target = match point {
            PointInTime::RestorePoint(name) => format!("recovery_target_name = '{name}'"),
            PointInTime::Lsn(lsn) => format!("recovery_target_lsn = '{lsn}'"),
        };
        self.postgres = fetched.postgres;
        self.postgres.configure(&format!(
            "{NO_TARGET}\
             {target}\n\
             recovery_target_action = 'promote'\n\
             recovery_target_timeline = 'latest'\n"
        ));
        assert!(
            self.postgres.recover(),
            "no recovery to {point:?}:\n{}",
            self.postgres.log()
        );
        self.make_wal(1);
    }

    /// Restores a backup, ready to be started as a server in recovery; `Err` with what Barman says.
    ///
    /// # Errors
    /// Returns Barman's output if it ends with an error.
    pub fn fetch(&self, backup_id: &str, no_partial: bool) -> Result<FetchedBackup, String> {
        let number = self.restores.fetch_add(1, Ordering::Relaxed);
        let directory = self.scratch.path().join(format!("restore-{number}"));
        make_database_directory(&directory);
        let mut command = self.barman_command("restore", &[]);
        for name in self.tablespaces_of(backup_id) {
            let place = directory.join(&name);
            command
                .arg("--tablespace")
                .arg(format!("{name}:{}", place.display()));
        }
        command.arg(backup_id).arg(directory.join("data"));
        try_run(command, BARMAN)?;
        let script = self.write_restore_script(&directory, no_partial);
        fs::write(directory.join("data/recovery.signal"), "")
            .expect("a restored directory is ours");
        give_to_database_user(&directory);
        let environment = self.client.environment.clone();
        let postgres = Postgres::adopt(&self.tools, directory.clone(), environment);
        let script = script.display();
        postgres.configure(&format!("restore_command = 'sh \"{script}\" %f \"%p\"'\n"));
        Ok(FetchedBackup {
            directory,
            postgres,
        })
    }

    /// Content of the history file of a timeline, as Barman restores it.
    #[track_caller]
    pub fn history(&self, timeline: u32) -> String {
        let name = format!("{timeline:08X}.history");
        let place = self.scratch.path().join(&name);
        let mut command = self.barman_command("wal-restore", &[]);
        command.arg(&name).arg(&place);
        run(command, BARMAN);
        fs::read_to_string(place).expect("Barman has written the file")
    }

    /// Names of the tablespaces that a backup has.
    fn tablespaces_of(&self, backup_id: &str) -> Vec<String> {
        let list = self.backup_list();
        let mut backups = list["backups_list"].as_array().into_iter().flatten();
        let backup = backups.find(|backup| backup["backup_id"] == backup_id);
        let backup = backup.unwrap_or_else(|| panic!("no backup {backup_id} in {list}"));
        let tablespaces = backup["tablespaces"].as_array().into_iter().flatten();
        tablespaces
            .filter_map(|tablespace| Some(tablespace[0].as_str()?.to_owned()))
            .collect()
    }

    /// Writes a `restore_command` that notes what was asked for and what it was given.
    ///
    /// As long as the objects with a name stay the same, the tool's answer to a question for that name
    /// does, too: it is asked once for all restores, which takes a fifth of the time.
    fn write_restore_script(&self, directory: &Path, no_partial: bool) -> PathBuf {
        let arguments: &[&str] = if no_partial {
            &["-v", "--no-partial"]
        } else {
            &["-v"]
        };
        let command = self.barman_command("wal-restore", arguments);
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words = words.map(|word| format!("'{}'", word.display()));
        let answers = self.answers.join(no_partial.to_string());
        let states = directory.join("states");
        fs::write(&states, self.states_of_wal()).expect("a fresh directory can be written");
        let script = directory.join("restore-wal.sh");
        let text = RESTORE_SCRIPT
            .replace("ANSWERS", &answers.display().to_string())
            .replace("STATES", &states.display().to_string())
            .replace("REQUESTS", &requests_file(directory).display().to_string())
            .replace("COMMAND", &words.collect::<Vec<_>>().join(" "));
        fs::write(&script, text).expect("a fresh directory can be written");
        script
    }

    /// Lines of a name, without any ending, and a number that changes whenever one of the objects with
    /// that name is added, removed or replaced.
    fn states_of_wal(&self) -> String {
        let mut states: BTreeMap<String, DefaultHasher> = BTreeMap::new();
        let objects = self.listing();
        let wal = objects
            .iter()
            .filter(|object| object.key.contains("/wals/"));
        for object in wal {
            let file = object.key.rsplit('/').next().unwrap_or_default();
            let name = file.split('.').next().unwrap_or_default().to_owned();
            let version = (&object.key, object.size, object.last_modified.to_bits());
            version.hash(states.entry(name).or_default());
        }
        let line =
            |(name, state): (&String, &DefaultHasher)| format!("{name} {}\n", state.finish());
        states.iter().map(line).collect()
    }

    /// Starts a restored server, sees how far it gets, and stops it.
    fn replay(&self, fetched: &mut FetchedBackup) -> Restored {
        let postgres = &mut fetched.postgres;
        let came_up = postgres.recover();
        let lsn = came_up.then(|| postgres.sql("select pg_last_wal_replay_lsn()"));
        postgres.stop();
        let mut restored = Restored::refused(postgres.log());
        restored.came_up = came_up;
        restored.timeline = recovered_timeline(&restored.log, &postgres.data());
        restored.requests = requests(&fetched.directory);
        let last = lsn
            .as_deref()
            .and_then(|lsn| self.request_of(lsn, &restored.requests));
        restored.last_segment = last.map(|request| request.name.clone());
        let object = last.and_then(|request| request.object.as_deref());
        restored.last_is_partial = object.is_some_and(|object| object.contains(".partial"));
        restored.replayed_to_lsn = lsn;
        restored
    }

    /// Last request that was answered with the segment in which a record ends.
    fn request_of<'a>(&self, lsn: &str, requests: &'a [WalRequest]) -> Option<&'a WalRequest> {
        let segment_size = u64::from(self.settings.segment_size_mb) << 20;
        // A record that fills its segment ends where the next one begins.
        let position = (position(lsn) - 1) / segment_size;
        let segments_per_wal_dir = (1 << 32) / segment_size;
        let (wal_dir, number) = (
            position / segments_per_wal_dir,
            position % segments_per_wal_dir,
        );
        let end = format!("{wal_dir:08X}{number:08X}");
        let mut answered = requests
            .iter()
            .rev()
            .filter(|request| request.object.is_some());
        answered.find(|request| request.name.get(8..) == Some(end.as_str()))
    }
}

fn requests_file(directory: &Path) -> PathBuf {
    directory.join("requests")
}

/// Requests that the restore script has noted.
///
/// # Panics
/// Panics if an answer is neither "here" nor "not there": then a restore says nothing about the archive.
fn requests(directory: &Path) -> Vec<WalRequest> {
    let notes = fs::read_to_string(requests_file(directory)).unwrap_or_default();
    let note = |line: &str| {
        let mut words = line.split_whitespace();
        let (status, name) = (words.next(), words.next().unwrap_or_default().to_owned());
        match (status, words.next()) {
            (Some("0"), Some(object)) => WalRequest {
                name,
                object: Some(object.to_owned()),
            },
            (Some("1"), None) => WalRequest { name, object: None },
            _ => panic!("barman-cloud-wal-restore did not work: {line}"),
        }
    };
    notes.lines().map(note).collect()
}

/// Timeline that a server left for a new one, according to the new one's history file.
fn recovered_timeline(log: &str, data: &Path) -> Option<u32> {
    let (_, text) = log.rsplit_once("selected new timeline ID: ")?;
    let timeline: u32 = text.lines().next()?.trim().parse().ok()?;
    let history = fs::read_to_string(data.join(format!("pg_wal/{timeline:08X}.history"))).ok()?;
    let parent = history.lines().rfind(|line| !line.trim().is_empty())?;
    parent.split_whitespace().next()?.parse().ok()
}

/// Converts an LSN into a number.
fn position(lsn: &str) -> u64 {
    let number = |half: &str| u64::from_str_radix(half, 16).ok();
    let halves = lsn
        .split_once('/')
        .and_then(|(high, low)| number(high).zip(number(low)));
    halves.map_or_else(
        || panic!("no LSN: `{lsn}`"),
        |(high, low)| (high << 32) + low,
    )
}
