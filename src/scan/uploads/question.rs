//! Requests about uploads during one scan.

use std::collections::BTreeMap;
use std::time::Duration;

use archive_store::{ErrorKind, ErrorScope, ObjectStore, StorageError};
use barman_archive::inventory::UnfinishedUpload;
use futures::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use super::candidates::UploadCandidate;
use crate::report::UploadFinding;
use crate::scan::ScanContext;

/// Share of a scan's time that the search may take, as a divisor: a tenth.
const SHARE_OF_SCAN: u32 = 10;

/// Most keys that are asked for one by one in a scan.
pub(super) const MOST_KEYS: usize = 300;

/// Failed requests for an upload's parts after which the remaining uploads are not asked about.
const MOST_FAILURES: usize = 3;

/// Requests about uploads during one scan, and the time that they may take.
pub(super) struct UploadQuestion<'a, S> {
    pub(super) context: &'a ScanContext<'a, S>,
    /// End of the time for all requests.
    pub(super) until: Instant,
    /// Last failure.
    pub(super) problem: Option<StorageError>,
}

/// Result of asking for the parts of an upload.
#[derive(Clone, Copy, Debug)]
enum Parts {
    /// The upload has ended meanwhile.
    Ended,
    /// Bytes of the parts; `None` if the store does not report them.
    Stored(Option<u64>),
}

/// Answer about the parts of the upload at this position.
struct PartsAnswer {
    index: usize,
    bytes: Result<Option<u64>, StorageError>,
}

impl<'a, S: ObjectStore + 'static> UploadQuestion<'a, S> {
    /// Prepares the requests. They end early enough for the rest of the scan.
    pub(super) fn new(context: &'a ScanContext<'a, S>, scan_ends_at: Instant) -> Self {
        let until = question_ends_at(context.limits.timeout, scan_ends_at);
        Self {
            context,
            until,
            problem: None,
        }
    }

    /// Lists the uploads to unfinished backups by their exact keys; returns their bytes by the
    /// directory of the backup.
    pub(super) async fn list_by_backup(
        &mut self,
        unfinished: &[UploadCandidate],
    ) -> BTreeMap<String, Option<u64>> {
        let mut bytes_of_backups = BTreeMap::new();
        let mut keys_left = MOST_KEYS;
        for backup in unfinished {
            let keys = backup.upload_keys(self.context.prefix);
            let Some(rest) = keys_left.checked_sub(keys.len()) else {
                break;
            };
            keys_left = rest;
            let listed = timeout_at(self.until, self.list_by_key(keys)).await;
            let uploads = match listed.unwrap_or_else(|_| Err(took_too_long())) {
                Ok(uploads) => uploads,
                Err(error) => {
                    self.problem = Some(error);
                    break;
                }
            };
            let findings = self.sum(uploads).await;
            let bytes = findings
                .iter()
                .map(|finding| finding.bytes)
                .sum::<Option<u64>>();
            bytes_of_backups.insert(backup.directory.clone(), bytes);
        }
        bytes_of_backups
    }

    /// Lists the uploads to exactly these keys.
    pub(super) async fn list_by_key(
        &self,
        keys: Vec<String>,
    ) -> Result<Vec<UnfinishedUpload>, StorageError> {
        let store = self.context.store.as_ref();
        let mut listings = stream::iter(keys)
            .map(|key| list_exact_key(store, key))
            .buffer_unordered(self.context.concurrency());
        let mut found = Vec::new();
        while let Some(uploads) = listings.next().await {
            found.extend(uploads?);
        }
        Ok(found)
    }

    /// Sums the parts of uploads, except for those that end meanwhile.
    pub(super) async fn sum(&mut self, uploads: Vec<UnfinishedUpload>) -> Vec<UploadFinding> {
        let prefix = self.context.prefix;
        // A store that takes the prefix for a hint lists uploads of other archives as well.
        let own: Vec<_> = uploads
            .into_iter()
            .filter(|upload| upload.key.starts_with(prefix))
            .collect();
        let parts = self.ask_for_parts(&own).await;
        let mut findings = Vec::new();
        for (mut upload, parts) in own.into_iter().zip(parts) {
            match parts {
                Parts::Ended => {}
                Parts::Stored(bytes) => {
                    upload.key.drain(..prefix.len());
                    findings.push(UploadFinding { upload, bytes });
                }
            }
        }
        findings
    }

    /// Asks for the parts of each upload; returns the results in the order of the uploads.
    async fn ask_for_parts(&mut self, uploads: &[UnfinishedUpload]) -> Vec<Parts> {
        let store = self.context.store.as_ref();
        let mut parts = vec![Parts::Stored(None); uploads.len()];
        // One by one: a request takes kilobytes from the moment it is created.
        let mut answers = stream::iter(uploads.iter().cloned().enumerate())
            .map(|(index, upload)| sum_parts(store, index, upload))
            .buffer_unordered(self.context.concurrency());
        let mut failures = 0;
        while failures < MOST_FAILURES {
            let Ok(next) = timeout_at(self.until, answers.next()).await else {
                self.problem = Some(took_too_long());
                break;
            };
            let Some(PartsAnswer { index, bytes }) = next else {
                break;
            };
            let answer = match bytes {
                Ok(Some(bytes)) => Parts::Stored(Some(bytes)),
                Ok(None) => Parts::Ended,
                Err(error) => {
                    self.problem = Some(error);
                    failures += 1;
                    continue;
                }
            };
            if let Some(parts) = parts.get_mut(index) {
                *parts = answer;
            }
        }
        parts
    }
}

async fn list_exact_key(
    store: &impl ObjectStore,
    key: String,
) -> Result<Vec<UnfinishedUpload>, StorageError> {
    let mut uploads = store.list_uploads(&key).await?.uploads;
    uploads.retain(|upload| upload.key == key);
    Ok(uploads)
}

async fn sum_parts(
    store: &impl ObjectStore,
    index: usize,
    upload: UnfinishedUpload,
) -> PartsAnswer {
    let bytes = store.upload_bytes(&upload).await;
    PartsAnswer { index, bytes }
}

/// Returns the moment at which the search is given up: the rest of the scan needs time, too.
fn question_ends_at(scan_timeout: Duration, scan_ends_at: Instant) -> Instant {
    let now = Instant::now();
    let left = scan_ends_at.saturating_duration_since(now);
    now + (scan_timeout / SHARE_OF_SCAN).min(left / 2)
}

/// Returns the failure for a store that is too slow.
pub(super) fn took_too_long() -> StorageError {
    let text = "the store did not answer within the time that a scan has for this";
    StorageError::new(ErrorKind::Timeout, ErrorScope::RefusedCall, text)
}
