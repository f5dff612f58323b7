//! Content of the small files.

use crate::archive::{Archive, Kind, Object};
use crate::text::write_moment;

impl Archive {
    /// Content of a small file; `None` for an object that nothing reads.
    pub(crate) fn content(&self, object: Object) -> Option<String> {
        match object.kind {
            Kind::BackupInfo(backup) => Some(self.backup_info(object.server, backup)),
            Kind::History(timeline) => Some(self.history(timeline)),
            Kind::BackupData(_) | Kind::Segment(_) => None,
        }
    }

    /// Text of a `backup.info`, as `barman-cloud-backup` writes it.
    fn backup_info(&self, server: u64, backup: u64) -> String {
        let segment = self.segment_of(backup);
        let [timeline, wal_dir, last] = self.segment_name(segment);
        let wal = format!("{timeline:08X}{wal_dir:08X}{last:08X}");
        let (begin, end) = (self.arrived_at(segment), self.arrived_at(segment) + 20);
        let (begin_time, end_time) = (moment(begin), moment(end));
        let systemid = 7_703_017_059_624_890_625 + server;
        format!(
            "backup_label='START WAL LOCATION: {wal_dir:X}/{last:X}000028 (file {wal})\\n\
             CHECKPOINT LOCATION: {wal_dir:X}/{last:X}000060\\nBACKUP METHOD: streamed\\n\
             BACKUP FROM: primary\\nSTART TIME: {begin_time}\\nLABEL: Barman backup cloud\\n\
             START TIMELINE: {timeline}\\n'\nbackup_name=None\nbegin_offset=40\n\
             begin_time={begin_time}.152963+00:00\nbegin_wal={wal}\n\
             begin_xlog={wal_dir:X}/{last:X}000028\nchildren_backup_ids=None\n\
             cluster_size=120000000000\ncompression=gzip\n\
             config_file=/var/lib/postgresql/data/pgdata/postgresql.conf\n\
             copy_stats={{'total_time': 20.1, 'number_of_workers': 2, 'analysis_time': 0}}\n\
             deduplicated_size=None\nencryption=None\nend_offset=256\n\
             end_time={end_time}.964739+00:00\nend_wal={wal}\nend_xlog={wal_dir:X}/{last:X}000100\n\
             error=None\nhba_file=/var/lib/postgresql/data/pgdata/pg_hba.conf\n\
             ident_file=/var/lib/postgresql/data/pgdata/pg_ident.conf\nincluded_files=None\n\
             mode=None\nparent_backup_id=None\npgdata=/var/lib/postgresql/data/pgdata\n\
             server_name=cloud\nsize=None\nstatus=DONE\nsystemid={systemid}\ntablespaces=None\n\
             timeline={timeline}\nversion=170004\nxlog_segment_size=16777216\n"
        )
    }

    /// Text of a history file, as `PostgreSQL` writes it: each timeline starts where the one before
    /// ended.
    fn history(&self, timeline: u64) -> String {
        let lines = (1..=timeline).map(|earlier| {
            let [_, wal_dir, last] = self.segment_name(earlier * self.timeline_segments());
            format!("{earlier}\t{wal_dir:X}/{last:X}000000\tno recovery target specified\n")
        });
        lines.collect()
    }
}

fn moment(seconds: u64) -> String {
    let mut text = Vec::new();
    write_moment(&mut text, seconds, ["-", "-", " ", ":", ":"]);
    String::from_utf8(text).unwrap_or_default()
}
