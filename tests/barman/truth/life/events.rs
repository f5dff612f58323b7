//! Events of the cluster itself.

use super::nodes::{INSERT, SWITCH, signal};
use super::{Life, Standby};
use crate::truth::wal::Segment;

/// End of the old primary in a failover.
#[derive(Clone, Copy, Debug)]
enum Ending {
    /// Orderly: its last segment is completed and archived.
    Stopped,
    /// Immediate: its last segment is lost.
    Crashed,
    /// Delayed: it runs for a while next to the new one, and archives.
    Undead,
}

impl Life<'_> {
    pub(super) fn back_up_primary(&mut self) {
        let segments = self.rng.u32(..3);
        let meanwhile = format!("{INSERT};\n{SWITCH};\n").repeat(segments as usize);
        let (copied, data) = self.copy_data(&self.primary, &meanwhile);
        self.keep(&copied, data, "the primary");
        self.primary.wait_until_archived();
    }

    pub(super) fn back_up_standby(&mut self) {
        let standby = self.caught_up_standby();
        // A restart point needs a checkpoint of the primary.
        if self.rng.bool() {
            self.write_a_bit();
            self.primary.sql("checkpoint");
            self.catch_up(&standby);
        }
        let segments = self.rng.usize(..3);
        let mut meanwhile = self.on_primary(segments);
        if self.rng.bool() {
            // The data are consistent only at the position of the server when it has written them.
            meanwhile += &self.restart_point();
        }
        let (copied, data) = self.copy_data(&standby.server, &meanwhile);
        self.keep(&copied, data, "the standby");
        self.standby = Some(standby);
        self.primary.wait_until_archived();
    }

    pub(super) fn fail_over(&mut self) {
        let standby = match self.standby.take() {
            Some(standby) => standby,
            None => self.make_standby(),
        };
        if self.rng.bool() {
            self.write_a_bit();
        }
        if self.rng.u8(..4) > 0 {
            self.catch_up(&standby);
        }
        let ending = [Ending::Stopped, Ending::Crashed, Ending::Undead][self.rng.usize(..3)];
        match ending {
            Ending::Stopped => self.primary.stop(),
            Ending::Crashed => self.primary.crash(),
            Ending::Undead => {}
        }
        standby.server.sql("select pg_promote(true, 60)");
        standby.server.wait_until_archived();
        let mut old = std::mem::replace(&mut self.primary, standby.server);
        let place = self.segment();
        self.tell(format!(
            "failover to {place}; the old primary is {ending:?}"
        ));
        if matches!(ending, Ending::Undead) {
            for _ in 0..self.rng.u32(..3) {
                old.sql_each(&[INSERT, SWITCH]);
            }
            old.wait_until_archived();
            old.crash();
        }
    }

    pub(super) fn promote_in_place(&mut self) {
        self.standby = None;
        let timeline = self.timeline();
        self.write_a_bit();
        if self.rng.bool() {
            self.primary.stop();
        } else {
            self.primary.crash();
        }
        signal(&self.primary, "standby.signal");
        self.primary.unset_all();
        self.primary
            .set("recovery_target_timeline", &timeline.to_string());
        self.primary.start();
        self.primary.sql("select pg_promote(true, 60)");
        self.primary.wait_until_archived();
        self.primary.unset_all();
        let place = self.segment();
        self.tell(format!("the primary is promoted in place to {place}"));
    }

    /// Replaces the cluster with an empty one that archives to the same place.
    pub(super) fn recreate(&mut self) {
        self.replace_cluster(None);
    }

    /// Replaces the cluster with one that continues after the last segment, on timeline 1, as after
    /// `pg_upgrade`.
    pub(super) fn upgrade(&mut self) {
        let number = self.segment().number + 1;
        self.replace_cluster(Some(Segment {
            timeline: 1,
            number,
        }));
    }

    fn replace_cluster(&mut self, begin: Option<Segment>) {
        self.standby = None;
        self.primary.stop();
        let server = self.make_cluster();
        if let Some(begin) = begin {
            self.begin_wal_at(&server, begin);
        }
        self.primary = server;
        self.start_cluster();
        let (system, place) = (self.system, self.segment());
        self.shares_names =
            self.archive.segments().iter().any(|segment| {
                segment.timeline == place.timeline && segment.number >= place.number
            });
        self.tell(format!("a new cluster, {system}, begins at {place}"));
        self.choose_compression();
        self.write();
        // Without a backup, nothing in the archive distinguishes the new cluster from the old one.
        self.back_up_primary();
    }

    fn caught_up_standby(&mut self) -> Standby {
        let standby = match self.standby.take() {
            Some(standby) => standby,
            None => self.make_standby(),
        };
        self.catch_up(&standby);
        standby
    }

    /// psql script that makes a standby replay all available WAL and write it to disk.
    fn restart_point(&self) -> String {
        let (host, psql) = (
            self.primary.host().display(),
            self.tools.postgres_program("psql"),
        );
        let psql = psql.display();
        format!(
            "\\set place `{psql} -X -q -A -t -h {host} -U postgres -c checkpoint \
             -c 'select pg_current_wal_flush_lsn()'`\n\
             select set_config('truth.place', :'place', false) \\gset\n\
             do 'begin for look in 1..20 loop \
             exit when pg_last_wal_replay_lsn() >= current_setting(''truth.place'')::pg_lsn; \
             perform pg_sleep(0.01); end loop; end';\n\
             checkpoint;\n"
        )
    }

    /// psql script that fills segments on the primary from a session on the standby.
    fn on_primary(&self, segments: usize) -> String {
        let host = self.primary.host().display();
        let psql = self.tools.postgres_program("psql");
        let psql = psql.display();
        let line = format!(
            "\\! {psql} -X -q -h {host} -U postgres -c \"{INSERT}\" -c \"{SWITCH}\" -c \"{INSERT}\"\n"
        );
        line.repeat(segments)
    }
}
