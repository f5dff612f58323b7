//! Search for unfinished multipart uploads: a side question, which never fails a scan.
//!
//! `docs/specification.md`, 17.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use archive_store::{
    ErrorKind, ErrorScope, ObjectStore, StorageError, UploadCoverage, UploadListing,
};
use barman_archive::inventory::{Inventory, SmallFiles, UnfinishedUpload};
use futures::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use super::Pass;
use crate::report::UploadFinding;

/// Share of a scan's time that the question may take, as a divisor: a tenth.
const SHARE_OF_SCAN: u32 = 10;

/// Most keys that are asked for one by one in a scan.
const MOST_KEYS: usize = 300;

/// Failed requests for an upload's parts after which the remaining uploads are not asked about.
const MOST_FAILURES: usize = 3;

/// State that is kept from one question to the next.
#[derive(Debug, Default)]
pub(super) struct UploadsAsked {
    /// True if the log has said that uploads are not known, and no answer has come since.
    are_unknown: bool,
    /// Keys that the store covers when asked for a prefix.
    coverage: UploadCoverage,
    /// Directories of the backups for whose keys an empty answer was checked.
    checked: BTreeSet<String>,
}

/// Unfinished uploads, as far as they are known. Keys are relative to the archive's prefix.
#[derive(Debug, Default)]
pub(super) struct UploadsFound {
    /// All unfinished uploads; `None` if they are not known.
    pub(super) all: Option<Vec<UploadFinding>>,
    /// Bytes of the uploads to a backup, by its directory with a slash, if only the uploads to
    /// backups are known; `None` for bytes that the store does not report.
    pub(super) of_backups: BTreeMap<String, Option<u64>>,
}

/// Uploads to ask for.
#[derive(Debug)]
struct WantedUploads {
    /// Prefixes below which all uploads are wanted.
    prefixes: Vec<String>,
    /// Backups whose uploads are wanted in any case.
    unfinished: Vec<Unfinished>,
}

/// A backup that is not done, and the keys that uploads to it can have.
#[derive(Debug)]
struct Unfinished {
    /// Directory of the backup relative to the archive's prefix, with a slash at the end.
    directory: String,
    /// Names in the directory that uploads can have.
    names: Vec<String>,
}

/// Result of asking for the parts of an upload.
#[derive(Clone, Copy, Debug)]
enum Parts {
    /// The upload has ended meanwhile.
    Ended,
    /// Bytes of the parts; `None` if the store does not report them.
    Stored(Option<u64>),
}

impl<S: ObjectStore + 'static> Pass<'_, S> {
    /// Lists the archive's unfinished uploads and sums their parts.
    ///
    /// Any failure leaves them unknown, which is not the same as none. The log says so once, and
    /// again only after they were known in between.
    pub(super) async fn find_uploads(
        &self,
        asked: &mut UploadsAsked,
        ((inventory, files), is_whole): ((&Inventory, &SmallFiles), bool),
        scan_ends_at: Instant,
    ) -> UploadsFound {
        let until = question_ends_at(self.limits.timeout, scan_ends_at);
        let mut problem = None;
        let unfinished = unfinished_backups(inventory, files);
        let prefixes =
            if is_whole { vec![self.prefix.to_owned()] } else { self.prefixes_of_servers() };
        let wanted = WantedUploads { prefixes, unfinished };
        let found = self.ask_for_uploads(asked, &wanted, until, &mut problem).await;
        if let Some(error) = &problem
            && !asked.are_unknown
        {
            let (archive, error) = (self.archive, error.with_causes());
            warn!(archive, error, "Unfinished uploads, or what they take, are not known");
        }
        asked.are_unknown = problem.is_some();
        found
    }

    async fn ask_for_uploads(
        &self,
        asked: &mut UploadsAsked,
        wanted: &WantedUploads,
        until: Instant,
        problem: &mut Option<StorageError>,
    ) -> UploadsFound {
        let listed = match timeout_at(until, self.list_all_uploads(asked, wanted)).await {
            Ok(listed) => listed,
            Err(_) => Err(took_too_long()),
        };
        match listed {
            Ok(Some(uploads)) => {
                let all = Some(self.sum_uploads(uploads, until, problem).await);
                UploadsFound { all, of_backups: BTreeMap::new() }
            }
            Ok(None) => self.find_uploads_by_key(&wanted.unfinished, until, problem).await,
            Err(error) => {
                *problem = Some(error);
                UploadsFound::default()
            }
        }
    }

    /// Lists every upload; `None` if the store lists uploads only by exact keys.
    async fn list_all_uploads(
        &self,
        asked: &mut UploadsAsked,
        wanted: &WantedUploads,
    ) -> Result<Option<Vec<UnfinishedUpload>>, StorageError> {
        if asked.coverage == UploadCoverage::ExactKey {
            return Ok(None);
        }
        let mut uploads = Vec::new();
        for prefix in &wanted.prefixes {
            let listing = self.store.list_uploads(prefix).await?;
            asked.coverage = listing.coverage;
            uploads.extend(listing.uploads);
        }
        if uploads.is_empty() && asked.coverage == UploadCoverage::Prefix {
            self.check_empty_answer(asked, &wanted.unfinished).await?;
        }
        if asked.coverage == UploadCoverage::Prefix {
            return Ok(Some(uploads));
        }
        warn!(
            archive = self.archive,
            "The store lists unfinished uploads only by their exact keys: those of unfinished \
             backups are asked for, and how many there are is not known"
        );
        Ok(None)
    }

    /// Checks that an empty answer means that there are no uploads: once for each unfinished
    /// backup, asks for the keys that uploads to it can have.
    async fn check_empty_answer(
        &self,
        asked: &mut UploadsAsked,
        unfinished: &[Unfinished],
    ) -> Result<(), StorageError> {
        let unchecked: Vec<_> =
            unfinished.iter().filter(|backup| !asked.checked.contains(&backup.directory)).collect();
        let keys = unchecked.iter().flat_map(|backup| self.upload_keys(backup)).take(MOST_KEYS);
        for upload in self.list_uploads_by_key(keys.collect()).await? {
            // It may have started just now: then a listing of the directory has it, too.
            let directory = upload.key.rsplit_once('/').map_or("", |(directory, _)| directory);
            let again = self.store.list_uploads(&format!("{directory}/")).await?;
            if again.uploads.is_empty() {
                asked.coverage = UploadCoverage::ExactKey;
                return Ok(());
            }
        }
        asked.checked = unfinished.iter().map(|backup| backup.directory.clone()).collect();
        Ok(())
    }

    /// Finds the uploads to unfinished backups in a store that lists uploads only by exact keys.
    async fn find_uploads_by_key(
        &self,
        unfinished: &[Unfinished],
        until: Instant,
        problem: &mut Option<StorageError>,
    ) -> UploadsFound {
        let mut found = UploadsFound::default();
        let mut keys_left = MOST_KEYS;
        for backup in unfinished {
            let keys = self.upload_keys(backup);
            let Some(rest) = keys_left.checked_sub(keys.len()) else { break };
            keys_left = rest;
            let listed = timeout_at(until, self.list_uploads_by_key(keys)).await;
            let uploads = match listed.unwrap_or_else(|_| Err(took_too_long())) {
                Ok(uploads) => uploads,
                Err(error) => {
                    *problem = Some(error);
                    break;
                }
            };
            let findings = self.sum_uploads(uploads, until, problem).await;
            let bytes = findings.iter().map(|finding| finding.bytes);
            let sum = bytes.sum::<Option<u64>>();
            found.of_backups.insert(backup.directory.clone(), sum);
        }
        found
    }

    /// Lists the uploads to exactly these keys.
    async fn list_uploads_by_key(
        &self,
        keys: Vec<String>,
    ) -> Result<Vec<UnfinishedUpload>, StorageError> {
        let mut listings = stream::iter(keys)
            .map(async |key: String| {
                let listing = self.store.list_uploads(&key).await;
                (key, listing)
            })
            .buffer_unordered(self.limits.concurrency.max(1));
        let mut found = Vec::new();
        while let Some((key, listing)) = listings.next().await {
            let UploadListing { uploads, .. } = listing?;
            found.extend(uploads.into_iter().filter(|upload| upload.key == key));
        }
        Ok(found)
    }

    fn upload_keys(&self, backup: &Unfinished) -> Vec<String> {
        let Unfinished { directory, names } = backup;
        names.iter().map(|name| format!("{}{directory}{name}", self.prefix)).collect()
    }

    async fn sum_uploads(
        &self,
        uploads: Vec<UnfinishedUpload>,
        until: Instant,
        problem: &mut Option<StorageError>,
    ) -> Vec<UploadFinding> {
        // A store that takes the prefix for a hint lists uploads of other archives as well.
        let own = uploads.into_iter().filter(|upload| upload.key.starts_with(self.prefix));
        let own: Vec<_> = own.collect();
        let parts = self.ask_for_parts(&own, until, problem).await;
        let findings = own.into_iter().zip(parts).filter_map(|(mut upload, parts)| match parts {
            Parts::Ended => None,
            Parts::Stored(bytes) => {
                upload.key.drain(..self.prefix.len());
                Some(UploadFinding { upload, bytes })
            }
        });
        findings.collect()
    }

    /// Asks for the parts of each upload; returns the results in the order of the uploads.
    async fn ask_for_parts(
        &self,
        uploads: &[UnfinishedUpload],
        until: Instant,
        problem: &mut Option<StorageError>,
    ) -> Vec<Parts> {
        let mut parts = vec![Parts::Stored(None); uploads.len()];
        let mut answers = stream::iter(uploads.iter().cloned().enumerate())
            .map(async |(index, upload): (usize, UnfinishedUpload)| {
                let bytes = self.store.upload_bytes(&upload).await;
                (index, bytes)
            })
            .buffer_unordered(self.limits.concurrency.max(1));
        let mut failures = 0;
        while failures < MOST_FAILURES {
            let Ok(next) = timeout_at(until, answers.next()).await else {
                *problem = Some(took_too_long());
                break;
            };
            let Some((index, bytes)) = next else { break };
            match (bytes, parts.get_mut(index)) {
                (Ok(Some(bytes)), Some(parts)) => *parts = Parts::Stored(Some(bytes)),
                (Ok(None), Some(parts)) => *parts = Parts::Ended,
                (Err(error), _) => {
                    *problem = Some(error);
                    failures += 1;
                }
                (Ok(_), None) => {}
            }
        }
        parts
    }
}

/// Returns the moment at which the question is given up: the rest of the scan needs time, too.
fn question_ends_at(scan_timeout: Duration, scan_ends_at: Instant) -> Instant {
    let now = Instant::now();
    let left = scan_ends_at.saturating_duration_since(now);
    now + (scan_timeout / SHARE_OF_SCAN).min(left / 2)
}

fn took_too_long() -> StorageError {
    let text = "the store did not answer within the time that a scan has for this";
    StorageError::new(ErrorKind::Timeout, ErrorScope::RefusedCall, text)
}

/// Returns the backups that are not known to be done, newest first by their ids.
fn unfinished_backups(inventory: &Inventory, files: &SmallFiles) -> Vec<Unfinished> {
    let directories = inventory.directories.iter();
    let backups = directories.flat_map(|(directory, content)| {
        content.backups.iter().map(move |(id, backup)| (directory, id, backup))
    });
    let mut unfinished: Vec<(&String, Unfinished)> = backups
        .filter_map(|(directory, id, backup)| {
            let info = backup.info.as_ref().and_then(|file| files.backup_info(file));
            let is_done = info.is_some_and(|info| info.status().is_copied());
            let names = backup.upload_names(info);
            let directory = format!("{directory}/base/{id}/");
            (!is_done && backup.has_objects).then_some((id, Unfinished { directory, names }))
        })
        .collect();
    unfinished.sort_by(|(id, _), (other_id, _)| other_id.cmp(id));
    unfinished.into_iter().map(|(_, backup)| backup).collect()
}
