//! Base backups as `barman-cloud-backup` takes and describes them.

use std::fs;
use std::path::Path;

use barman_archive::barman::BackupInfoText;
use test_support::{Postgres, give_to_database_user};

use crate::truth::archive::Archive;
use crate::truth::case::TakenBackup;
use crate::truth::clock::{Clock, moment};
use crate::truth::wal::{Lsn, SEGMENT_SIZE, Segment};

/// Two empty blocks: a tar archive without members.
const EMPTY_TAR: [u8; 1024] = [0; 1024];

/// Copy of a data directory, with the server's positions at its start and its end.
pub(crate) struct Copied {
    pub(crate) system: u64,
    pub(crate) start: Mark,
    pub(crate) stop: Mark,
    /// Backup label, with `\n` for its line ends.
    label: String,
}

/// Position of a server in its WAL, and the time.
pub(crate) struct Mark {
    pub(crate) lsn: Lsn,
    pub(crate) timeline: u32,
    /// Microseconds since 1970.
    pub(crate) at: i64,
}

/// Copies the data of a running server to a directory, which must not exist; `meanwhile` is a psql
/// script that runs after the start.
///
/// The queries are Barman's (`start_concurrent_backup` and `stop_concurrent_backup` in
/// `postgres.py`).
pub(crate) fn copy(server: &Postgres, archive: &Archive, to: &Path, meanwhile: &str) -> Copied {
    let script = archive.copy_script();
    let (script, data, copy) = (script.display(), server.data(), to.display());
    let data = data.display();
    let said = server.script(&format!(
        "select 'start', location, (select timeline_id from pg_control_checkpoint()), \
         (extract(epoch from now()) * 1000000)::bigint \
         from pg_backup_start('Barman backup cloud', true) as location;\n\
         {meanwhile}\n\
         \\! sh {script} {data} {copy}\n\
         select 'stop', lsn, (select case when pg_is_in_recovery() \
         then min_recovery_end_timeline else timeline_id end \
         from pg_control_checkpoint(), pg_control_recovery()), \
         (extract(epoch from now()) * 1000000)::bigint, replace(labelfile, chr(10), '\\n') \
         from pg_backup_stop(false);\n\
         select 'system', system_identifier from pg_control_system();\n\
         select 'switch', pg_switch_wal() where not pg_is_in_recovery();\n"
    ));
    let copied = Copied::read(&said).unwrap_or_else(|| panic!("no backup was made: {said}"));
    let label = to.join("backup_label");
    fs::write(&label, copied.label.replace("\\n", "\n")).expect("the copy can be written");
    give_to_database_user(&label);
    copied
}

impl Copied {
    fn read(said: &str) -> Option<Self> {
        let line = |name: &str| {
            let line = said
                .lines()
                .find(|line| line.split('|').next() == Some(name))?;
            Some(line.split('|').skip(1).collect::<Vec<_>>())
        };
        let (start, stop) = (line("start")?, line("stop")?);
        Some(Self {
            system: line("system")?.first()?.parse().ok()?,
            start: Mark::read(&start)?,
            stop: Mark::read(&stop)?,
            label: (*stop.get(3)?).to_owned(),
        })
    }

    /// Describes the copy in the archive, and returns the facts about the backup.
    pub(crate) fn describe(&self, archive: &Archive, clock: Clock) -> TakenBackup {
        let id = self.id(clock);
        archive.put_base(&id, "data.tar", &EMPTY_TAR);
        archive.put_base(&id, "backup.info", self.backup_info(clock).as_bytes());
        TakenBackup {
            id,
            system: self.system,
            first: self.start.segment(),
            last: self.stop.segment(),
        }
    }

    /// Id of the backup, which Barman derives from the time.
    fn id(&self, clock: Clock) -> String {
        let begun = moment(clock.story_of_micros(self.start.at));
        begun.format("%Y%m%dT%H%M%S").to_string()
    }

    fn backup_info(&self, clock: Clock) -> String {
        let (start, stop) = (&self.start, &self.stop);
        let data = "/var/lib/postgresql/data/pgdata";
        let unknown = [
            "children_backup_ids",
            "compression",
            "deduplicated_size",
            "encryption",
            "error",
            "included_files",
            "mode",
            "parent_backup_id",
            "size",
            "summarize_wal",
            "tablespaces",
        ];
        let text = BackupInfoText::new("DONE")
            .with_none(&unknown)
            .with("backup_label", format!("'{}'", self.label))
            .with("begin_offset", start.lsn.offset())
            .with("begin_time", start.time(clock))
            .with("begin_wal", start.segment())
            .with("begin_xlog", start.lsn)
            .with("cluster_size", 7_500_000)
            .with("config_file", format!("{data}/postgresql.conf"))
            .with("copy_stats", "{'total_time': 1.5, 'number_of_workers': 2}")
            .with("data_checksums", "off")
            .with("end_offset", stop.lsn.offset())
            .with("end_time", stop.time(clock))
            .with("end_wal", stop.segment())
            .with("end_xlog", stop.lsn)
            .with("hba_file", format!("{data}/pg_hba.conf"))
            .with("ident_file", format!("{data}/pg_ident.conf"))
            .with("pgdata", data)
            .with("server_name", "cloud")
            .with("systemid", story_system(self.system, clock))
            .with("timeline", start.timeline)
            .with("version", 150_018)
            .with("xlog_segment_size", SEGMENT_SIZE);
        text.to_string()
    }
}

/// Returns a system identifier with the time of the story in its upper half, where PostgreSQL puts
/// the seconds, and the microseconds below (`BootStrapXLOG` in `xlog.c`).
fn story_system(system: u64, clock: Clock) -> u64 {
    let microseconds = (system >> 12) & 0xF_FFFF;
    let created_at = (system >> 32) * 1_000_000 + microseconds;
    let created_at = i64::try_from(created_at).expect("an identifier begins with a time");
    let seconds = clock.story_of_micros(created_at) / 1_000_000;
    let seconds = u64::try_from(seconds).expect("a story takes place in this century");
    (seconds << 32) | (system & u64::from(u32::MAX))
}

impl Mark {
    fn read(columns: &[&str]) -> Option<Self> {
        Some(Self {
            lsn: Lsn::parse(columns.first()?)?,
            timeline: columns.get(1)?.parse().ok()?,
            at: columns.get(2)?.parse().ok()?,
        })
    }

    /// Segment that Barman names: the one with the byte at this position, which at a boundary is
    /// the next one.
    pub(crate) fn segment(&self) -> Segment {
        Segment {
            timeline: self.timeline,
            number: self.lsn.segment(),
        }
    }

    fn time(&self, clock: Clock) -> String {
        moment(clock.story_of_micros(self.at))
            .format("%Y-%m-%d %H:%M:%S%.6f+00:00")
            .to_string()
    }
}
