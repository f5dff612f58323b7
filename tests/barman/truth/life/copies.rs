//! Point-in-time recovery: in place, and into a copy that archives to the same directory.

use test_support::Postgres;

use super::nodes::{INSERT, SWITCH};
use super::{Backup, Life};

impl Life<'_> {
    /// Replaces the primary with one of its backups, recovered to some point.
    pub(super) fn recover_in_place(&mut self) {
        let plan = self.plan();
        self.standby = None;
        let is_orderly = self.rng.bool();
        if is_orderly {
            self.primary.stop();
        } else {
            self.primary.wait_until_archived();
            self.primary.crash();
        }
        let (mut server, text) = self.prepare(&plan);
        if server.recover() {
            server.wait_until_archived();
            server.unset_all();
            self.primary = server;
            self.shares_names = false;
            let place = self.segment();
            self.tell(format!("recovered in place, {text}: now at {place}"));
        } else {
            let why = complaint(&server);
            self.tell(format!("no recovery in place, {text}: {why}"));
            self.primary.start();
        }
    }

    /// Recovers a copy next to the primary, which archives to the same place.
    pub(super) fn start_copy(&mut self) {
        let plan = self.plan();
        let (mut server, text) = self.prepare(&plan);
        if !server.recover() {
            let why = complaint(&server);
            self.tell(format!("no copy, {text}: {why}"));
            return;
        }
        let segments = if self.rng.bool() {
            0
        } else {
            self.rng.u32(1..=3)
        };
        for _ in 0..segments {
            server.sql_each(&[INSERT, SWITCH]);
        }
        let place = server.sql("select pg_walfile_name(pg_current_wal_insert_lsn())");
        server.wait_until_archived();
        server.crash();
        self.tell(format!(
            "a copy, {text}: at {place} after {segments} segments"
        ));
    }

    fn plan(&mut self) -> Plan {
        let system = self.system;
        let backups = self
            .backups
            .iter()
            .filter(|backup| backup.taken.system == system);
        let backups: Vec<Backup> = backups.cloned().collect();
        let backup = backups[self.choose_early(backups.len())].clone();
        let goal = self.choose_goal(&backup);
        let timeline = match self.rng.u8(..4) {
            0 => "current".to_owned(),
            1 => self.rng.u32(1..=self.highest_timeline()).to_string(),
            _ => "latest".to_owned(),
        };
        Plan {
            backup,
            goal,
            timeline,
        }
    }

    fn choose_goal(&mut self, backup: &Backup) -> Goal {
        let system = self.system;
        let is_behind = |point: &&super::Point| point.system == system && point.lsn > backup.end;
        let count = self.points.iter().filter(is_behind).count();
        if count == 0 || self.rng.u8(..5) == 0 {
            return Goal::EndOfWal;
        }
        let index = self.choose_early(count);
        let is_named = self.rng.bool();
        let point = self.points.iter().filter(is_behind).nth(index);
        let point = point.expect("it was counted");
        if is_named {
            Goal::Name(point.name.clone())
        } else {
            Goal::Lsn(point.lsn.to_string())
        }
    }

    /// Chooses an index, half of the time the first: going back before a failover makes a history
    /// in which switch points do not ascend.
    fn choose_early(&mut self, count: usize) -> usize {
        if self.rng.bool() {
            0
        } else {
            self.rng.usize(..count)
        }
    }

    /// Server that recovers by a plan when it is started, and the plan in words.
    fn prepare(&mut self, plan: &Plan) -> (Postgres, String) {
        let mut server = self.restored(&plan.backup);
        server.set("recovery_target_action", "promote");
        server.set("recovery_target_timeline", &plan.timeline);
        let goal = match &plan.goal {
            Goal::EndOfWal => "the end".to_owned(),
            Goal::Name(name) => {
                server.set("recovery_target_name", name);
                name.clone()
            }
            Goal::Lsn(lsn) => {
                server.set("recovery_target_lsn", lsn);
                lsn.clone()
            }
        };
        let (id, timeline) = (&plan.backup.taken.id, &plan.timeline);
        (
            server,
            format!("backup {id} to {goal} on timeline {timeline}"),
        )
    }
}

/// Backup to recover, and its target.
struct Plan {
    backup: Backup,
    goal: Goal,
    timeline: String,
}

/// End of a recovery.
enum Goal {
    EndOfWal,
    Name(String),
    Lsn(String),
}

fn complaint(server: &Postgres) -> String {
    let log = server.log();
    let line = log.lines().find_map(|line| line.split_once("FATAL:"));
    line.map(|(_, text)| text.trim().to_owned())
        .unwrap_or_default()
}
