//! Names of segments, objects and uploads with a problem, as far as they are remembered.

use std::collections::BTreeSet;

use barman_archive::inventory::SomeNames;
use chrono::{DateTime, Utc};

use super::{BackupReport, Report, ServerReport, UNFINISHED_FOR, UploadSums};

/// A segment, object or upload with a problem.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Oddity {
    /// Server that it belongs to; empty if outside any server.
    pub server: String,
    /// Kind: one of `barman_cloud_wal_anomalies`, `missing_data`, or `unfinished_upload`.
    pub kind: &'static str,
    /// Name of a segment, or key of an object.
    pub name: String,
}

impl Report {
    /// Names of everything wrong at a moment with the expected servers: at most 20 of each kind per
    /// server, and per backup.
    #[must_use]
    pub fn oddities(&self, now: DateTime<Utc>) -> BTreeSet<Oddity> {
        let expected = self.servers.iter().filter(|(_, server)| server.is_expected);
        let of_servers = expected.flat_map(|(name, server)| server_oddities(name, server));
        let uploads = self.uploads.iter().flatten();
        let of_uploads = uploads.flat_map(|(server, sums)| old_uploads(server, sums, now));
        of_servers.chain(of_uploads).collect()
    }
}

fn server_oddities(name: &str, server: &ServerReport) -> Vec<Oddity> {
    let odd = server.wal.odd.iter();
    let of_wal = odd.flat_map(|(kind, names)| named(name, kind.as_label(), names));
    let of_backups = server.backups.iter().flat_map(|backup| missing_data(name, backup));
    of_wal.chain(of_backups).collect()
}

fn missing_data(server: &str, backup: &BackupReport) -> Vec<Oddity> {
    let key = |data: &str| format!("base/{}/{data}", backup.id);
    let missing = backup.missing_data.iter().map(key);
    let oddity = |name| Oddity { server: server.to_owned(), kind: "missing_data", name };
    missing.map(oddity).collect()
}

/// Returns uploads older than [`UNFINISHED_FOR`]; those of a running backup are younger.
fn old_uploads(server: &str, sums: &UploadSums, now: DateTime<Utc>) -> Vec<Oddity> {
    let is_old = |begun_at: Option<DateTime<Utc>>| {
        begun_at.is_some_and(|begun_at| now - begun_at > UNFINISHED_FOR)
    };
    let old = sums.oldest.iter().filter(|(begun_at, _)| is_old(*begun_at));
    let oddity =
        |name: String| Oddity { server: server.to_owned(), kind: "unfinished_upload", name };
    old.map(|(_, key)| oddity(key.clone())).collect()
}

fn named(server: &str, kind: &'static str, names: &SomeNames) -> Vec<Oddity> {
    let oddity = |name: &str| Oddity { server: server.to_owned(), kind, name: name.to_owned() };
    names.iter().map(oddity).collect()
}
