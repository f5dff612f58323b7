//! Unfinished uploads, by server and by backup.

use std::collections::BTreeMap;

use barman_archive::barman::{ObjectLocation, ServerKey, backup_directory};
use barman_archive::inventory::UnreadableReason;

use super::{Expectations, ScanFindings};
use crate::report::{BackupState, ServerReport, UploadFinding, UploadSums};

/// Sums the unfinished uploads of an archive by server, under the empty name for those outside any
/// server.
pub(super) fn uploads_by_server(
    uploads: &[UploadFinding],
    servers: &BTreeMap<String, bool>,
    expected: &Expectations,
) -> BTreeMap<String, UploadSums> {
    let mut sums = BTreeMap::new();
    for name in servers.keys() {
        sums.insert(name.clone(), UploadSums::default());
    }
    let names = expected.nested_names();
    for finding in uploads {
        let server = match ObjectLocation::among(&finding.upload.key, &names) {
            ObjectLocation::Directory { directory, .. } if expected.is_ignored(directory) => {
                continue;
            }
            // A first backup that was killed may have left nothing but its upload.
            ObjectLocation::Directory { directory, key }
                if key != ServerKey::Other || servers.contains_key(directory) =>
            {
                directory
            }
            ObjectLocation::Directory { .. } | ObjectLocation::Loose => "",
        };
        sums.entry(server.to_owned()).or_default().add(finding);
    }
    sums
}

/// Bytes stored so far by the unfinished uploads to a backup; `None` if unknown.
pub(super) fn backup_upload_bytes(
    findings: &ScanFindings<'_>,
    server: &str,
    id: &str,
) -> Option<u64> {
    let prefix = backup_directory(server, id);
    if let Some(bytes) = findings.uploads_of_backups.get(&prefix) {
        return *bytes;
    }
    let mut sum: u64 = 0;
    for finding in findings.uploads? {
        if finding.upload.key.starts_with(&prefix) {
            sum = sum.saturating_add(finding.bytes?);
        }
    }
    Some(sum)
}

/// Bytes of a server's uploads that can be reclaimed: those that no running backup continues; `None`
/// if unknown.
pub(super) fn reclaimable_upload_bytes(
    findings: &ScanFindings<'_>,
    server: &str,
    report: &ServerReport,
) -> Option<u64> {
    let own = format!("{server}/");
    let running = prefixes_in_state(server, report, BackupState::Running);
    // Any of these may be running.
    let refused = BackupState::Unreadable(UnreadableReason::Access);
    let refused = prefixes_in_state(server, report, refused);
    let mut sum: u64 = 0;
    for finding in findings.uploads? {
        let key = &finding.upload.key;
        if !key.starts_with(&own) || is_in(key, &running) {
            continue;
        }
        if is_in(key, &refused) {
            return None;
        }
        sum = sum.saturating_add(finding.bytes?);
    }
    Some(sum)
}

/// Directories of the backups in a state, with a trailing slash.
fn prefixes_in_state(server: &str, report: &ServerReport, state: BackupState) -> Vec<String> {
    let backups = report.backups.iter().filter(|backup| backup.state == state);
    backups
        .map(|backup| backup_directory(server, &backup.id))
        .collect()
}

fn is_in(key: &str, prefixes: &[String]) -> bool {
    prefixes.iter().any(|prefix| key.starts_with(prefix))
}
