//! Comparison of Barman's deletions under a policy with the exporter's forecast.

use std::collections::BTreeSet;

use serde_json::json;

use crate::real_restore::archive::Archive;
use crate::real_restore::needs::Needs;
use crate::real_restore::rounds::Ending::At;
use crate::real_restore::rounds::{LATEST, round, timeline, timeline_of};
use crate::real_restore::sums::{Listing, segment_of};
use crate::real_restore::verdicts::server_of;
use crate::real_restore::{assert_verdicts, exporter_verdicts};

/// Run of `barman-cloud-backup-delete`.
struct Deletion<'a> {
    policy: &'a str,
    /// Finished backups before it, oldest first.
    before: &'a [&'a str],
    /// Those that it should leave.
    after: &'a [&'a str],
    /// Those of them that are kept by themselves.
    standalone: &'a [&'a str],
    /// Timelines whose WAL should be deleted.
    of_timelines: &'a [u32],
}

/// All finished backups of the archive.
const ALL: [&str; 8] = [
    "kept",
    "before-the-gap",
    "without-its-own-wal",
    "before-the-failover",
    "after-the-failover",
    "dead-branch",
    "third",
    "newest",
];

/// Runs Barman's deletion three times, compares each, and checks that the rest can be restored.
pub(crate) fn assert_retention(archive: &Archive) {
    assert_deletion(
        archive,
        &Deletion {
            policy: "REDUNDANCY 2",
            before: &ALL,
            after: &["kept", "third", "newest"],
            standalone: &["kept"],
            of_timelines: &[1, 2, 3],
        },
    );
    let segments = archive.segments();
    let whole = || At(segments.last_of(3).to_owned());
    let wishes = vec![
        (
            "kept",
            timeline(1),
            At(archive.text("kept", "end_wal").to_owned()),
        ),
        ("third", timeline(3), whole()),
        ("newest", LATEST, whole()),
    ];
    let rows = round(archive, "after `REDUNDANCY 2`", wishes);
    assert_verdicts(archive, &rows);

    assert_later_deletions(archive);
    let rows = round(archive, "after all", vec![("newest", LATEST, whole())]);
    assert_verdicts(archive, &rows);
}

/// Runs Barman's deletion on what the first one left.
fn assert_later_deletions(archive: &Archive) {
    // Catches up on what the last backup of timeline 2 had still protected when it went.
    assert_deletion(
        archive,
        &Deletion {
            policy: "REDUNDANCY 1",
            before: &["kept", "third", "newest"],
            after: &["kept", "newest"],
            standalone: &["kept"],
            of_timelines: &[2, 3],
        },
    );
    // The last backup of timeline 1 goes, and protects its WAL while it does.
    archive.stack.release_backup(archive.id("kept"));
    assert_deletion(
        archive,
        &Deletion {
            policy: "REDUNDANCY 1",
            before: &["kept", "newest"],
            after: &["newest"],
            standalone: &[],
            of_timelines: &[],
        },
    );
}

/// Runs Barman's deletion, and compares backups, objects and bytes, and the WAL that is left over.
fn assert_deletion(archive: &Archive, deletion: &Deletion<'_>) {
    let Deletion {
        policy,
        before,
        after,
        standalone,
        of_timelines,
    } = *deletion;
    assert_obsolete(archive, policy, &Needs::of(archive, before, standalone));
    let said = exporter_verdicts(archive, policy);
    let said = &server_of(&said, &archive.stack.settings().server)["retention"];
    let listing = Listing::of(archive);

    let gone: BTreeSet<String> = archive.stack.backup_delete(policy).into_iter().collect();

    let wals = format!("{}/wals/", archive.directory());
    let wal = listing.sums(|key| gone.contains(key) && key.starts_with(&wals));
    let all = listing.sums(|key| gone.contains(key));
    println!("\n`{policy}` deleted {all:?}, of which {wal:?} of WAL: {said}");
    let has_gone = |name: &&&str| !after.contains(name);
    let ids: Vec<&str> = before
        .iter()
        .filter(has_gone)
        .map(|name| archive.id(name))
        .collect();
    assert_eq!(gone_backups(&gone), ids, "{policy}");
    assert_eq!(said["obsolete"], json!(ids), "{policy}");
    let deleted = json!({
        "backups": ids, "objects": all.objects, "bytes": all.bytes,
        "wal_objects": wal.objects, "wal_bytes": wal.bytes,
    });
    assert_eq!(said["deletion"], deleted, "{policy}: {gone:#?}");
    let segments: Vec<&str> = gone.iter().filter_map(|key| segment_of(key)).collect();
    let timelines: BTreeSet<u32> = segments.iter().map(|name| timeline_of(name)).collect();
    assert!(
        timelines.iter().eq(of_timelines),
        "{policy} deleted of {timelines:?}"
    );
    let needs = Needs::of(archive, after, standalone);
    let lost: Vec<_> = segments
        .iter()
        .filter(|segment| needs.contain(segment))
        .collect();
    assert!(lost.is_empty(), "{policy} deleted what is needed: {lost:?}");
    assert_obsolete(archive, policy, &needs);
}

/// Compares the WAL that no backup needs.
fn assert_obsolete(archive: &Archive, policy: &str, needs: &Needs<'_>) {
    let said = exporter_verdicts(archive, policy);
    let server = server_of(&said, &archive.stack.settings().server);
    let sums = Listing::of(archive).not_needed(needs);
    println!("needed by nobody: {sums:?}");
    assert_eq!(server["recovery"]["obsolete_segments"], json!(sums.objects));
    assert_eq!(server["recovery"]["obsolete_bytes"], json!(sums.bytes));
    assert_eq!(
        server["reclaimable_bytes"]["obsolete_wal"],
        json!(sums.bytes)
    );
}

/// Ids of the backups whose `backup.info` is among these keys, in order.
fn gone_backups(keys: &BTreeSet<String>) -> Vec<&str> {
    let directories = keys
        .iter()
        .filter_map(|key| key.strip_suffix("/backup.info"));
    directories
        .filter_map(|directory| directory.rsplit('/').next())
        .collect()
}
