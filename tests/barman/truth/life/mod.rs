//! Random life of a database and its copies, all of which archive to one directory.
//!
//! Every event is one that happens to real clusters. The seed decides the order, the choices and
//! the counts; PostgreSQL decides the outcome.

mod copies;
mod events;
mod nodes;

use std::fs;
use std::path::PathBuf;

use fastrand::Rng;
use test_support::{Postgres, Tools};

use crate::truth::archive::Archive;
use crate::truth::case::TakenBackup;
use crate::truth::clock::Clock;
use crate::truth::scratch::Scratch;
use crate::truth::wal::Lsn;

/// Maximum number of backups in a life.
const MOST_BACKUPS: usize = 6;

/// Number of timelines from which on no event is chosen that would start another one.
const ENOUGH_TIMELINES: u32 = 5;

/// Life in progress.
pub(crate) struct Life<'a> {
    rng: Rng,
    tools: &'a Tools,
    scratch: &'a Scratch,
    archive: &'a Archive,
    clock: Clock,
    primary: Postgres,
    standby: Option<Standby>,
    /// Identifier of the current cluster.
    system: u64,
    /// True if another cluster has archived segments under names that the primary has yet to use: a
    /// server that follows the archive would take them for the primary's.
    shares_names: bool,
    backups: Vec<Backup>,
    points: Vec<Point>,
    /// Number of server directories made so far.
    nodes: u32,
    /// Number of rows, points and switches made so far, for unique names.
    marks: u32,
    story: Vec<String>,
}

/// Remains of a life.
pub(crate) struct Remains {
    pub(crate) backups: Vec<Backup>,
    pub(crate) story: Vec<String>,
    pub(crate) clock: Clock,
}

/// Backup with its data directory, ready to be restored.
#[derive(Clone)]
pub(crate) struct Backup {
    pub(crate) taken: TakenBackup,
    pub(crate) data: PathBuf,
    end: Lsn,
}

/// Standby that follows the primary.
struct Standby {
    server: Postgres,
    streams: bool,
}

/// Restore point in the WAL of the cluster of that time.
struct Point {
    name: String,
    lsn: Lsn,
    system: u64,
}

/// Event in a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Write,
    BackUp,
    BackUpStandby,
    BackUpStandbyAndFailOver,
    FailOver,
    PromoteInPlace,
    RecoverInPlace,
    StartCopy,
    Recreate,
    Upgrade,
}

/// Events and how often each is chosen.
const EVENTS: [(Event, u32); 10] = [
    (Event::Write, 16),
    (Event::BackUp, 16),
    (Event::BackUpStandby, 10),
    (Event::BackUpStandbyAndFailOver, 9),
    (Event::FailOver, 12),
    (Event::PromoteInPlace, 6),
    (Event::RecoverInPlace, 16),
    (Event::StartCopy, 10),
    (Event::Recreate, 1),
    (Event::Upgrade, 2),
];

impl<'a> Life<'a> {
    /// Runs a life to its end and stops every server.
    pub(crate) fn live(rng: Rng, scratch: &'a Scratch, archive: &'a Archive) -> Remains {
        let tools = Tools::find();
        let mut life = Life::begin(rng, &tools, scratch, archive);
        life.choose_compression();
        life.write();
        for _ in 0..life.rng.usize(6..=11) {
            let event = life.choose();
            life.happen(event);
        }
        while life.backups.len() < 2 {
            life.happen(Event::BackUp);
            life.write();
        }
        life.end();
        let Life {
            backups,
            story,
            clock,
            ..
        } = life;
        Remains {
            backups,
            story,
            clock,
        }
    }

    fn choose_compression(&mut self) {
        let compresses = self.rng.bool();
        self.archive.compress(compresses);
        self.tell(if compresses {
            "WAL is compressed"
        } else {
            "WAL is not compressed"
        });
    }

    fn choose(&mut self) -> Event {
        let allowed: Vec<_> = EVENTS
            .into_iter()
            .filter(|(event, _)| self.allows(*event))
            .collect();
        let sum: u32 = allowed.iter().map(|(_, weight)| weight).sum();
        let mut lot = self.rng.u32(..sum);
        for (event, weight) in allowed {
            if lot < weight {
                return event;
            }
            lot -= weight;
        }
        Event::Write
    }

    fn allows(&self, event: Event) -> bool {
        let has_room = self.backups.len() < MOST_BACKUPS;
        let has_backup = self
            .backups
            .iter()
            .any(|backup| backup.taken.system == self.system);
        let has_timelines = self.highest_timeline() < ENOUGH_TIMELINES;
        match event {
            Event::Write => true,
            Event::BackUp => has_room,
            Event::BackUpStandby => has_room && !self.shares_names,
            Event::BackUpStandbyAndFailOver => has_room && has_timelines && !self.shares_names,
            Event::FailOver | Event::PromoteInPlace => has_timelines && !self.shares_names,
            Event::RecoverInPlace | Event::StartCopy => has_backup && has_timelines,
            Event::Recreate | Event::Upgrade => has_backup && has_room,
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Write => self.write(),
            Event::BackUp => self.back_up_primary(),
            Event::BackUpStandby => self.back_up_standby(),
            Event::BackUpStandbyAndFailOver => {
                self.back_up_standby();
                self.fail_over();
            }
            Event::FailOver => self.fail_over(),
            Event::PromoteInPlace => self.promote_in_place(),
            Event::RecoverInPlace => self.recover_in_place(),
            Event::StartCopy => self.start_copy(),
            Event::Recreate => self.recreate(),
            Event::Upgrade => self.upgrade(),
        }
    }

    fn end(&mut self) {
        self.standby = None;
        if self.rng.bool() {
            self.tell("the primary is stopped");
            self.primary.stop();
        } else {
            self.tell("the primary is gone");
            self.primary.wait_until_archived();
            self.primary.crash();
        }
    }

    fn tell(&mut self, event: impl Into<String>) {
        self.story.push(event.into());
    }

    /// Highest timeline in the archive.
    fn highest_timeline(&self) -> u32 {
        let entries = fs::read_dir(self.archive.file("wals"))
            .into_iter()
            .flatten()
            .flatten();
        let numbers = entries.filter_map(|entry| {
            let name = entry.file_name();
            u32::from_str_radix(name.to_str()?.get(..8)?, 16).ok()
        });
        numbers.max().unwrap_or(1)
    }
}
