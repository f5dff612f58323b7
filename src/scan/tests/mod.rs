//! Scans of stores that misbehave, and of archives that change.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use archive_store::{
    ErrorKind, ErrorScope, ListPage, ListRequest, ObjectStore, StorageError, UploadListing,
};
use barman_archive::inventory::{ListedObject, UnfinishedUpload};
use chrono::{DateTime, TimeDelta, Utc};

use super::{ArchiveScan, Clock, ScanContext, ScanLimits};

mod rescans;
use crate::report::{BackupState, Expectations, Report, RetentionPolicies};

/// How a store pages through its keys.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Paging {
    Honest,
    RepeatsItsContinuation,
    RepeatsItsPage,
    IgnoresItsContinuation,
    EmptyForEver,
    BreaksOnPageTwo,
    StrayKey,
}

/// Content of an object, and when it arrived.
type Stored = (String, DateTime<Utc>);

/// A store in memory that pages two keys at a time, remembers what was asked, and can gain and lose
/// objects after they were listed.
#[derive(Clone)]
struct FakeStore {
    contents: Arc<Mutex<BTreeMap<String, Stored>>>,
    lost: Arc<Mutex<Vec<String>>>,
    late: Arc<Mutex<Vec<String>>>,
    lost_to_readers: Arc<AtomicBool>,
    listings: Arc<Mutex<Vec<String>>>,
    reads: Arc<Mutex<Vec<String>>>,
    paging: Paging,
}

fn now() -> DateTime<Utc> {
    "2026-11-15T12:00:00Z".parse().unwrap()
}

impl FakeStore {
    fn new(objects: &[(&str, &str)]) -> Self {
        let at = now() - TimeDelta::hours(1);
        let objects = objects.iter().map(|(key, text)| ((*key).into(), ((*text).into(), at)));
        Self {
            contents: Arc::new(Mutex::new(objects.collect())),
            lost: Arc::default(),
            late: Arc::default(),
            lost_to_readers: Arc::new(AtomicBool::new(true)),
            listings: Arc::default(),
            reads: Arc::default(),
            paging: Paging::Honest,
        }
    }

    fn paging(mut self, paging: Paging) -> Self {
        self.paging = paging;
        self
    }

    fn put(&self, key: &str, text: &str) {
        let at = now() - TimeDelta::minutes(1);
        self.contents.lock().unwrap().insert(key.into(), (text.into(), at));
    }

    fn take_reads(&self) -> Vec<String> {
        let mut reads = std::mem::take(&mut *self.reads.lock().unwrap());
        reads.sort();
        reads
    }

    async fn scan(&self, scan: &mut ArchiveScan) -> Result<Report, StorageError> {
        let expected = expecting_nothing();
        let clock: Clock = Arc::new(now);
        let store = Arc::new(self.clone());
        let context = ScanContext {
            archive: "a",
            store: &store,
            prefix: "p/",
            limits: limits(),
            expected: &expected,
            clock: &clock,
            started_at: now(),
        };
        scan.run(&context).await
    }
}

impl ObjectStore for FakeStore {
    async fn list_page(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        let page: usize = request.continuation.as_deref().map_or(0, |text| text.parse().unwrap());
        if page == 1 && self.paging == Paging::BreaksOnPageTwo {
            return Err(StorageError::new(ErrorKind::Network, ErrorScope::Scan, "broken"));
        }
        let contents = self.contents.lock().unwrap();
        let starts_over =
            matches!(self.paging, Paging::RepeatsItsPage | Paging::IgnoresItsContinuation);
        let from = if starts_over { 0 } else { page * 2 };
        self.listings.lock().unwrap().push(request.prefix.clone());
        // What is late is not in the archive's listing yet; what is lost, not any more in one after.
        let hidden = if request.prefix == "p/" { &self.late } else { &self.lost };
        let hidden = hidden.lock().unwrap().clone();
        let keys = contents
            .iter()
            .filter(|(key, _)| key.starts_with(&request.prefix) && !hidden.contains(key));
        let object = |(key, (text, at)): (&String, &(String, DateTime<Utc>))| ListedObject {
            key: key.clone(),
            size: text.len() as u64,
            last_modified: *at,
            etag: Some(text.clone()),
            storage_class: None,
        };
        let mut objects: Vec<_> = keys.skip(from).take(2).map(object).collect();
        let mut next = (from + 2 < contents.len()).then(|| (page + 1).to_string());
        match self.paging {
            Paging::Honest | Paging::BreaksOnPageTwo | Paging::IgnoresItsContinuation => {}
            Paging::RepeatsItsContinuation => next = Some("1".into()),
            Paging::RepeatsItsPage => objects.truncate(1),
            Paging::EmptyForEver => {
                objects.clear();
                next = Some((page + 1).to_string());
            }
            Paging::StrayKey => objects[0].key = "elsewhere".into(),
        }
        Ok(ListPage { objects, common_prefixes: vec![], next })
    }

    async fn get_small(&self, key: &str, _: u64) -> Result<Vec<u8>, StorageError> {
        self.reads.lock().unwrap().push(key.to_owned());
        let is_lost = self.lost_to_readers.load(Ordering::Relaxed)
            && self.lost.lock().unwrap().iter().any(|lost| lost == key);
        if is_lost {
            return Err(StorageError::new(ErrorKind::NotFound, ErrorScope::GoneObject, "gone"));
        }
        Ok(self.contents.lock().unwrap()[key].0.clone().into_bytes())
    }

    async fn list_uploads(&self, _: &str) -> Result<UploadListing, StorageError> {
        Err(StorageError::new(ErrorKind::Protocol, ErrorScope::RefusedCall, "not implemented"))
    }

    async fn upload_bytes(&self, _: &UnfinishedUpload) -> Result<Option<u64>, StorageError> {
        Ok(None)
    }
}

const DONE: &str = "status=DONE\nbegin_time=2026-11-15 02:00:00+00:00\n\
    end_time=2026-11-15 02:10:00+00:00\nbegin_wal=000000010000000000000004\n\
    end_wal=000000010000000000000004\n";
const INFO: &str = "p/s/base/1/backup.info";
const HISTORY: &str = "p/s/wals/00000002.history";

fn archive() -> FakeStore {
    FakeStore::new(&[
        (INFO, DONE),
        ("p/s/base/1/data.tar", "data"),
        ("p/s/wals/0000000100000000/000000010000000000000004.gz", "wal"),
        (HISTORY, "1\t0/5000000\tfailover"),
    ])
}

/// What an operator expects who configured nothing.
fn expecting_nothing() -> Expectations {
    Expectations {
        servers: None,
        ignored: Vec::new(),
        retention: RetentionPolicies::default(),
        living_timelines: [].into(),
        gap_grace_period: TimeDelta::minutes(10),
        schedules: [].into(),
        max_running_time: TimeDelta::hours(24),
    }
}

/// What a scan may take, unless a test is about that.
fn limits() -> ScanLimits {
    ScanLimits {
        timeout: Duration::from_mins(1),
        jitter: Duration::ZERO,
        concurrency: 4,
        page: 1000,
        full_scan_requests: 50,
        audit_period: Duration::from_hours(24),
    }
}

#[tokio::test]
async fn a_listing_that_does_not_advance_is_a_protocol_failure() {
    for paging in [
        Paging::RepeatsItsContinuation,
        Paging::RepeatsItsPage,
        Paging::IgnoresItsContinuation,
        Paging::EmptyForEver,
        Paging::StrayKey,
    ] {
        let error = archive().paging(paging).scan(&mut ArchiveScan::default()).await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Protocol, "{paging:?}: {error}");
    }
}

#[tokio::test]
async fn half_a_listing_yields_no_report() {
    let store = archive().paging(Paging::BreaksOnPageTwo);

    let error = store.scan(&mut ArchiveScan::default()).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Network);
}

#[tokio::test]
async fn a_file_is_read_once_and_again_only_when_it_changed() {
    let (store, mut scan) = (archive(), ArchiveScan::default());

    store.scan(&mut scan).await.unwrap();
    assert_eq!(store.take_reads(), [INFO, HISTORY]);
    store.scan(&mut scan).await.unwrap();
    assert_eq!(store.take_reads(), [""; 0]);

    store.put(INFO, &DONE.replace("DONE", "FAILED"));
    let report = store.scan(&mut scan).await.unwrap();
    assert_eq!(store.take_reads(), [INFO]);
    assert_eq!(report.servers["s"].backups[0].state, BackupState::Failed);
}

#[tokio::test]
async fn a_backup_that_retention_is_deleting_is_not_called_incomplete() {
    let (store, mut scan) = (archive(), ArchiveScan::default());
    store.scan(&mut scan).await.unwrap();
    store.take_reads();

    // Its data are gone, and its backup.info goes after it was listed.
    store.contents.lock().unwrap().remove("p/s/base/1/data.tar");
    store.lost.lock().unwrap().push(INFO.into());
    let report = store.scan(&mut scan).await.unwrap();

    assert!(report.servers["s"].backups.is_empty());
}

#[tokio::test]
async fn a_backup_that_ended_while_the_scan_ran_is_not_called_incomplete() {
    let store = FakeStore::new(&[(INFO, DONE), ("p/s/base/1/data.tar", "data")]);
    *store.late.lock().unwrap() = vec!["p/s/base/1/data.tar".into()];

    let report = store.scan(&mut ArchiveScan::default()).await.unwrap();

    assert_eq!(report.servers["s"].backups[0].state, BackupState::Done);
}

#[tokio::test]
async fn a_backup_without_its_data_is_looked_at_twice_but_not_at_every_scan() {
    let (store, mut scan) = (FakeStore::new(&[(INFO, DONE)]), ArchiveScan::default());

    let report = store.scan(&mut scan).await.unwrap();
    assert_eq!(report.servers["s"].backups[0].state, BackupState::Incomplete);
    assert_eq!(std::mem::take(&mut *store.listings.lock().unwrap()), ["p/", "p/s/base/1/"]);
    store.scan(&mut scan).await.unwrap();
    assert_eq!(*store.listings.lock().unwrap(), ["p/"]);
}

#[tokio::test]
async fn a_backup_deleted_with_its_wal_while_the_scan_ran_has_lost_none() {
    let (store, mut scan) = (archive(), ArchiveScan::default());
    store.put("p/s/wals/0000000100000000/000000010000000000000006.gz", "wal");
    store.put(
        "p/s/base/2/backup.info",
        &DONE.replace("000000010000000000000004", "000000010000000000000006"),
    );
    store.put("p/s/base/2/data.tar", "data");

    // The first one is listed without its WAL, and gone when it is looked for again.
    store.contents.lock().unwrap().remove("p/s/wals/0000000100000000/000000010000000000000004.gz");
    store.lost.lock().unwrap().extend([INFO.to_owned(), "p/s/base/1/data.tar".to_owned()]);
    store.lost_to_readers.store(false, Ordering::Relaxed);
    let report = store.scan(&mut scan).await.unwrap();

    let recovery = &report.servers["s"].recovery;
    assert_eq!(recovery.gaps(), Some((0, 0)));
    assert_eq!(recovery.recoverable(), 1);
}

#[tokio::test]
async fn a_store_that_refuses_to_list_uploads_leaves_them_unknown() {
    let report = archive().scan(&mut ArchiveScan::default()).await.unwrap();

    assert_eq!(report.uploads, None);
    assert_eq!(report.servers["s"].backups[0].upload_bytes, None);
}
