//! Names of everything wrong with the expected servers, as far as they are remembered.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::report::{Oddity, Report, ServerReport, UNFINISHED_FOR, UploadSums};

/// Names of everything wrong at a moment with the expected servers: at most 20 of each kind per
/// server, and per backup.
#[must_use]
pub fn oddities(report: &Report, now: DateTime<Utc>) -> BTreeSet<Oddity> {
    let mut oddities = BTreeSet::new();
    for (name, server) in &report.servers {
        if server.is_expected {
            add_server(&mut oddities, name, server);
        }
    }
    for (server, sums) in report.uploads.iter().flatten() {
        add_old_uploads(&mut oddities, server, sums, now);
    }
    oddities
}

fn add_server(oddities: &mut BTreeSet<Oddity>, name: &str, server: &ServerReport) {
    for (kind, names) in &server.wal.odd {
        for odd in names.iter() {
            oddities.insert(oddity(name, kind.as_label(), odd.to_owned()));
        }
    }
    for backup in &server.backups {
        for data in backup.missing_data.iter() {
            let key = format!("base/{}/{data}", backup.id);
            oddities.insert(oddity(name, "missing_data", key));
        }
    }
}

/// Adds uploads older than [`UNFINISHED_FOR`]; those of a running backup are younger.
fn add_old_uploads(
    oddities: &mut BTreeSet<Oddity>,
    server: &str,
    sums: &UploadSums,
    now: DateTime<Utc>,
) {
    for (begun_at, key) in &sums.oldest {
        if begun_at.is_some_and(|begun_at| now - begun_at > UNFINISHED_FOR) {
            oddities.insert(oddity(server, "unfinished_upload", key.clone()));
        }
    }
}

fn oddity(server: &str, kind: &'static str, name: String) -> Oddity {
    Oddity {
        server: server.to_owned(),
        kind,
        name,
    }
}
