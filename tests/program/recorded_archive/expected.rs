//! Contents of a recorded archive's `expected.json`, as series.

use std::fs::File;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use test_support::Series;

use crate::recorded_archive::ARCHIVE;

/// Families whose series are all compared.
pub(crate) const COMPARED: &[&str] = &[
    "barman_cloud_backup_bytes",
    "barman_cloud_backup_last_duration_seconds",
    "barman_cloud_backup_last_failure_timestamp_seconds",
    "barman_cloud_backup_last_size_bytes",
    "barman_cloud_backup_last_stored_bytes",
    "barman_cloud_backup_last_success_timestamp_seconds",
    "barman_cloud_backup_objects",
    "barman_cloud_backup_oldest_timestamp_seconds",
    "barman_cloud_backups",
    "barman_cloud_backups_kept",
    "barman_cloud_incomplete_uploads",
    "barman_cloud_incomplete_uploads_bytes",
    "barman_cloud_incomplete_uploads_oldest_timestamp_seconds",
    "barman_cloud_prefix_bytes",
    "barman_cloud_prefix_objects",
    "barman_cloud_scan_objects",
    "barman_cloud_server_info",
    "barman_cloud_server_system_identifiers",
    "barman_cloud_wal_bytes",
    "barman_cloud_wal_last_archived_timestamp_seconds",
    "barman_cloud_wal_objects",
    "barman_cloud_wal_objects_bytes",
    "barman_cloud_wal_segments",
];

/// Time for which a backup may be `STARTED`; the default of `backups.maxRunningTime`.
const MAX_RUNNING_TIME: TimeDelta = TimeDelta::hours(24);

/// Content of `expected.json`.
pub(crate) struct Expected(Value);

impl Expected {
    pub(crate) fn read(path: &Path) -> Self {
        let file = File::open(path).unwrap();
        Self(serde_json::from_reader(file).unwrap())
    }

    /// Bucket and prefix.
    pub(crate) fn destination(&self) -> String {
        let prefix = text(&self.servers()[0], "prefix");
        format!("{}/{prefix}", text(&self.0, "bucket"))
    }

    pub(crate) fn server_names(&self) -> Vec<String> {
        self.servers()
            .iter()
            .map(|server| text(server, "server").to_owned())
            .collect()
    }

    /// Series that the exporter should serve if it expects these servers; `None` stands for all
    /// servers in the archive.
    pub(crate) fn series(&self, configured: Option<&[String]>) -> Series {
        let mut series = ArchiveSeries(Series::default());
        let (mut bytes, mut objects) = (0.0, 0.0);
        for server in self.servers() {
            let name = text(server, "server");
            let is_expected =
                configured.is_none_or(|names| names.iter().any(|other| other == name));
            ServerSeries {
                name,
                server,
                series: &mut series,
            }
            .add_all(is_expected);
            bytes += number(&server["total"], "bytes");
            objects += number(&server["total"], "objects");
        }
        let found = self.server_names();
        for name in configured
            .unwrap_or_default()
            .iter()
            .filter(|name| !found.contains(name))
        {
            series.add_empty_server(name);
        }
        let total = &self.0["total"];
        series.add("scan_objects", &[], number(total, "objects"));
        let rest = (
            number(total, "bytes") - bytes,
            number(total, "objects") - objects,
        );
        series.add_prefix("", "other", rest);
        series.0
    }

    fn servers(&self) -> &[Value] {
        list(&self.0, "servers")
    }
}

/// Series with the archive's label.
struct ArchiveSeries(Series);

impl ArchiveSeries {
    fn add(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels = [labels, &[("archive", ARCHIVE)]].concat();
        self.0.add(&format!("barman_cloud_{name}"), &labels, value);
    }

    fn add_prefix(&mut self, prefix: &str, kind: &str, sums: (f64, f64)) {
        let (bytes, objects) = sums;
        let labels = [("prefix", prefix), ("kind", kind)];
        self.add("prefix_bytes", &labels, bytes);
        self.add("prefix_objects", &labels, objects);
    }

    /// Server that is configured and does not have a directory.
    fn add_empty_server(&mut self, name: &str) {
        let server = ("server", name);
        self.add("server_info", &[server, ("expected", "true")], 1.0);
        for state in ["done", "failed", "running", "incomplete", "unreadable"] {
            self.add("backups", &[server, ("state", state)], 0.0);
        }
        for target in ["full", "standalone"] {
            self.add("backups_kept", &[server, ("target", target)], 0.0);
        }
        for (kind, _) in WAL_KINDS {
            self.add("wal_objects", &[server, ("kind", kind)], 0.0);
            self.add("wal_objects_bytes", &[server, ("kind", kind)], 0.0);
        }
        self.add("wal_objects", &[server, ("kind", "marker")], 0.0);
        self.add("wal_objects_bytes", &[server, ("kind", "marker")], 0.0);
        for metric in [
            "backup_bytes",
            "backup_objects",
            "incomplete_uploads",
            "incomplete_uploads_bytes",
        ] {
            self.add(metric, &[server], 0.0);
        }
        self.add_prefix(&format!("{name}/base/"), "base", (0.0, 0.0));
        self.add_prefix(&format!("{name}/wals/"), "wals", (0.0, 0.0));
    }
}

/// Kinds of objects below `wals/`, and their names in `expected.json`.
const WAL_KINDS: [(&str, &str); 6] = [
    ("segment", "segment"),
    ("partial", "partial"),
    ("label", "label"),
    ("history", "history"),
    ("misplaced", "misplaced"),
    ("foreign", "other"),
];

/// Series of one server.
struct ServerSeries<'a> {
    name: &'a str,
    server: &'a Value,
    series: &'a mut ArchiveSeries,
}

impl ServerSeries<'_> {
    fn add_all(mut self, is_expected: bool) {
        let expected = if is_expected { "true" } else { "false" };
        self.add("server_info", &[("expected", expected)], 1.0);
        let base = &self.server["base"];
        self.add("backup_bytes", &[], number(base, "bytes"));
        self.add("backup_objects", &[], number(base, "objects"));
        self.add_states();
        self.add_keeps();
        self.add_newest_and_oldest();
        self.add_wal();
        self.add_uploads();
        self.add_prefixes(is_expected);
    }

    fn add(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.series
            .add(name, &[labels, &[("server", self.name)]].concat(), value);
    }

    fn add_known(&mut self, name: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.add(name, &[], value);
        }
    }

    fn add_states(&mut self) {
        let backups = list(self.server, "backups").iter().map(state);
        let broken = list(self.server, "backups_unreadable")
            .iter()
            .map(|_| "unreadable");
        let bare = list(self.server, "base_without_info")
            .iter()
            .map(|_| "incomplete");
        let states: Vec<&str> = backups.chain(broken).chain(bare).collect();
        for state in ["done", "failed", "running", "incomplete", "unreadable"] {
            let count = states.iter().filter(|other| **other == state).count();
            self.add("backups", &[("state", state)], float(count));
        }
    }

    fn add_keeps(&mut self) {
        for target in ["full", "standalone"] {
            let backups = list(self.server, "backups").iter();
            let count = backups.filter(|backup| backup["keep"] == target).count();
            self.add("backups_kept", &[("target", target)], float(count));
        }
        let identifiers = list(self.server, "systemids").len();
        self.add_known(
            "server_system_identifiers",
            (identifiers > 0).then(|| float(identifiers)),
        );
    }

    fn add_newest_and_oldest(&mut self) {
        let backups = list(self.server, "backups");
        let named = |id: &Value| backups.iter().find(|backup| backup["id"] == *id);
        let newest = named(&self.server["newest_done_backup"]);
        let oldest = list(self.server, "backups_by_end_time")
            .first()
            .and_then(named);
        let failed = backups.iter().filter(|backup| backup["status"] == "FAILED");
        let failed_at = failed.filter_map(|backup| moment(backup, "begin_time"));
        let of_newest = |field: &str| newest.and_then(|backup| backup[field].as_f64());
        let ended_at = |backup: Option<&Value>| moment(backup?, "end_time");
        for (name, value) in [
            ("backup_last_success_timestamp_seconds", ended_at(newest)),
            ("backup_oldest_timestamp_seconds", ended_at(oldest)),
            (
                "backup_last_failure_timestamp_seconds",
                failed_at.reduce(f64::max),
            ),
            (
                "backup_last_duration_seconds",
                of_newest("duration_seconds"),
            ),
            ("backup_last_size_bytes", of_newest("cluster_size")),
            ("backup_last_stored_bytes", of_newest("stored_bytes")),
        ] {
            self.add_known(name, value);
        }
    }

    fn add_wal(&mut self) {
        let timelines = list(self.server, "timelines");
        for wal in timelines.iter().filter(|wal| number(wal, "segments") > 0.0) {
            let id = wal["timeline"].to_string();
            self.add(
                "wal_segments",
                &[("timeline", &id)],
                number(wal, "segments"),
            );
            self.add("wal_bytes", &[("timeline", &id)], number(wal, "bytes"));
        }
        let arrivals = timelines
            .iter()
            .filter_map(|wal| moment(wal, "last_modified_newest"));
        self.add_known(
            "wal_last_archived_timestamp_seconds",
            arrivals.reduce(f64::max),
        );
        for (kind, name) in WAL_KINDS {
            let sums = &self.server["wal_objects"][name];
            self.add("wal_objects", &[("kind", kind)], number(sums, "objects"));
            self.add(
                "wal_objects_bytes",
                &[("kind", kind)],
                number(sums, "bytes"),
            );
        }
        // The recording counts markers only as the rest.
        let kinds = WAL_KINDS.map(|(_, name)| number(&self.server["wal_objects"][name], "objects"));
        let markers = number(&self.server["wals"], "objects") - kinds.iter().sum::<f64>();
        self.add("wal_objects", &[("kind", "marker")], markers);
        self.add("wal_objects_bytes", &[("kind", "marker")], 0.0);
    }

    fn add_uploads(&mut self) {
        let uploads = list(self.server, "uploads");
        let oldest = uploads
            .iter()
            .filter_map(|upload| moment(upload, "initiated"));
        self.add("incomplete_uploads", &[], float(uploads.len()));
        self.add(
            "incomplete_uploads_bytes",
            &[],
            number(self.server, "upload_bytes"),
        );
        self.add_known(
            "incomplete_uploads_oldest_timestamp_seconds",
            oldest.reduce(f64::min),
        );
    }

    fn add_prefixes(&mut self, is_expected: bool) {
        let name = self.name;
        let sums = |part: &str| {
            let sums = &self.server[part];
            (number(sums, "bytes"), number(sums, "objects"))
        };
        if !is_expected {
            self.series
                .add_prefix(&format!("{name}/"), "orphan", sums("total"));
            return;
        }
        self.series
            .add_prefix(&format!("{name}/base/"), "base", sums("base"));
        self.series
            .add_prefix(&format!("{name}/wals/"), "wals", sums("wals"));
        if sums("other").1 > 0.0 {
            self.series
                .add_prefix(&format!("{name}/"), "other", sums("other"));
        }
    }
}

/// Series of a backup whose `backup.info` can be read.
fn state(backup: &Value) -> &'static str {
    match (text(backup, "status"), backup["data_complete"] == true) {
        ("DONE", true) => "done",
        ("DONE", false) => "incomplete",
        ("FAILED", _) => "failed",
        _ if is_old(text(backup, "begin_time")) => "incomplete",
        _ => "running",
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the program goes by the system's clock, too"
)]
fn is_old(began_at: &str) -> bool {
    let began_at: DateTime<Utc> = began_at.parse().unwrap();
    Utc::now() - began_at > MAX_RUNNING_TIME
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field]
        .as_array()
        .unwrap_or_else(|| panic!("no list `{field}`"))
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("no text `{field}`"))
}

fn number(value: &Value, field: &str) -> f64 {
    value[field]
        .as_f64()
        .unwrap_or_else(|| panic!("no number `{field}`"))
}

/// Moment in Unix seconds; `None` if there is none.
fn moment(value: &Value, field: &str) -> Option<f64> {
    let moment: DateTime<Utc> = value[field].as_str()?.parse().unwrap();
    Some((moment - DateTime::UNIX_EPOCH).as_seconds_f64())
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("no archive has so many of them"))
}
