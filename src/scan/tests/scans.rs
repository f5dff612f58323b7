//! Scans of stores that misbehave, and of archives that change while they are scanned.

use std::sync::Arc;

use archive_store::memory::{MemoryStore, RecordingStore};
use archive_store::{ErrorKind, ObjectStore, StorageError};
use barman_archive::barman::BackupInfoText;
use chrono::{DateTime, TimeDelta, Utc};

use super::stores::{Change, ChangingStore, Garbling, GarblingStore, UploadRefusingStore};
use super::{expecting_nothing, limits};
use crate::clock::Clock;
use crate::report::{BackupState, Report};
use crate::scan::{ArchiveScan, ScanContext};

pub(super) fn now() -> DateTime<Utc> {
    "2026-11-15T12:00:00Z".parse().unwrap()
}

const INFO: &str = "p/s/base/1/backup.info";
const HISTORY: &str = "p/s/wals/00000002.history";

const DATA: &str = "p/s/base/1/data.tar";
const SEGMENT: &str = "p/s/wals/0000000100000000/000000010000000000000004.gz";

/// Store with these objects, which were stored an hour ago. It pages two keys at a time.
fn store(objects: &[(&str, &str)]) -> MemoryStore {
    let store = MemoryStore::new(2);
    for (key, text) in objects {
        store.put(key, text.as_bytes(), now() - TimeDelta::hours(1));
    }
    store
}

/// `backup.info` of a backup that starts and ends in this segment.
fn backup_info(status: &str, segment: &str) -> String {
    let begun_at = "2026-11-15T02:00:00Z".parse().unwrap();
    let ended_at = "2026-11-15T02:10:00Z".parse().unwrap();
    BackupInfoText::new(status)
        .begun(begun_at, segment)
        .ended(ended_at, segment)
        .to_string()
}

fn done() -> String {
    backup_info("DONE", "000000010000000000000004")
}

fn archive() -> MemoryStore {
    store(&[
        (INFO, &done()),
        (DATA, "data"),
        (SEGMENT, "wal"),
        (HISTORY, "1\t0/5000000\tfailover"),
    ])
}

fn put(store: &MemoryStore, key: &str, text: &str) {
    store.put(key, text.as_bytes(), now() - TimeDelta::minutes(1));
}

async fn scan_with<S: ObjectStore + 'static>(
    store: &Arc<S>,
    scan: &mut ArchiveScan,
) -> Result<Report, StorageError> {
    let clock: Clock = Arc::new(now);
    let context = ScanContext {
        archive: "a",
        store,
        prefix: "p/",
        limits: limits(),
        expected: &expecting_nothing(),
        contents: None,
        clock: &clock,
        started_at: now(),
    };
    scan.run(&context).await
}

async fn scan_once<S: ObjectStore + 'static>(store: S) -> Result<Report, StorageError> {
    scan_with(&Arc::new(store), &mut ArchiveScan::default()).await
}

fn sorted(mut keys: Vec<String>) -> Vec<String> {
    keys.sort();
    keys
}

#[tokio::test]
async fn a_listing_that_does_not_advance_is_a_protocol_failure() {
    for garbling in [
        Garbling::RepeatsItsContinuation,
        Garbling::RepeatsItsPage,
        Garbling::IgnoresItsContinuation,
        Garbling::EmptyForEver,
        Garbling::StrayKey,
    ] {
        let error = scan_once(GarblingStore {
            store: archive(),
            garbling,
        })
        .await
        .unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Protocol, "{garbling:?}: {error}");
    }
}

#[tokio::test]
async fn half_a_listing_yields_no_report() {
    let garbling = Garbling::BreaksOnPageTwo;

    let error = scan_once(GarblingStore {
        store: archive(),
        garbling,
    })
    .await
    .unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Network);
}

#[tokio::test]
async fn a_file_is_read_once_and_again_only_when_it_changed() {
    let store = Arc::new(RecordingStore::new(archive()));
    let mut scan = ArchiveScan::default();

    scan_with(&store, &mut scan).await.unwrap();
    assert_eq!(sorted(store.take_reads()), [INFO, HISTORY]);
    scan_with(&store, &mut scan).await.unwrap();
    assert_eq!(store.take_reads(), [""; 0]);

    let failed = backup_info("FAILED", "000000010000000000000004");
    put(&store.store, INFO, &failed);
    let report = scan_with(&store, &mut scan).await.unwrap();
    assert_eq!(store.take_reads(), [INFO]);
    assert_eq!(report.servers["s"].backups[0].state, BackupState::Failed);
}

#[tokio::test]
async fn a_backup_under_deletion_is_not_called_incomplete() {
    let change = Change::Deleted(&[INFO]);
    let store = Arc::new(ChangingStore {
        store: archive(),
        change,
    });
    let mut scan = ArchiveScan::default();
    scan_with(&store, &mut scan).await.unwrap();

    // Its data are gone, and its backup.info goes after it was listed.
    store.store.remove(DATA);
    let report = scan_with(&store, &mut scan).await.unwrap();

    assert!(report.servers["s"].backups.is_empty());
}

#[tokio::test]
async fn a_backup_that_ends_during_the_scan_is_not_called_incomplete() {
    let change = Change::Arrives(DATA);

    let report = scan_once(ChangingStore {
        store: store(&[(INFO, &done())]),
        change,
    })
    .await
    .unwrap();

    assert_eq!(report.servers["s"].backups[0].state, BackupState::Done);
}

#[tokio::test]
async fn a_backup_without_data_is_checked_twice_but_not_every_scan() {
    let store = Arc::new(RecordingStore::new(store(&[(INFO, &done())])));
    let mut scan = ArchiveScan::default();
    let listed = || -> Vec<String> {
        store
            .take_listings()
            .into_iter()
            .map(|request| request.prefix)
            .collect()
    };

    let report = scan_with(&store, &mut scan).await.unwrap();
    assert_eq!(
        report.servers["s"].backups[0].state,
        BackupState::Incomplete
    );
    assert_eq!(listed(), ["p/", "p/s/base/1/"]);
    scan_with(&store, &mut scan).await.unwrap();
    assert_eq!(listed(), ["p/"]);
}

#[tokio::test]
async fn a_backup_deleted_with_its_wal_during_the_scan_has_lost_none() {
    let second = backup_info("DONE", "000000010000000000000006");
    let store = archive();
    put(
        &store,
        "p/s/wals/0000000100000000/000000010000000000000006.gz",
        "wal",
    );
    put(&store, "p/s/base/2/backup.info", &second);
    put(&store, "p/s/base/2/data.tar", "data");

    // The first one is listed without its WAL, and gone when it is looked for again.
    store.remove(SEGMENT);
    let change = Change::Deleted(&[INFO, DATA]);
    let report = scan_once(ChangingStore { store, change }).await.unwrap();

    let recovery = &report.servers["s"].recovery;
    assert_eq!(recovery.gaps(), Some((0, 0)));
    assert_eq!(recovery.recoverable(), 1);
}

#[tokio::test]
async fn a_store_that_refuses_to_list_uploads_leaves_them_unknown() {
    let report = scan_once(UploadRefusingStore { store: archive() })
        .await
        .unwrap();

    assert_eq!(report.uploads, None);
    assert_eq!(report.servers["s"].backups[0].upload_bytes, None);
}
