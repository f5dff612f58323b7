//! Looking for multipart uploads that nobody finished.

use futures::{StreamExt, stream};
use tracing::warn;

use crate::inventory::UnfinishedUpload;
use crate::report::UploadFinding;
use crate::storage::{ObjectStore, Reach, StorageError};

use super::Pass;

impl<S: ObjectStore + 'static> Pass<'_, S> {
    /// Lists the archive's unfinished uploads, with keys behind its prefix, and sums their parts.
    ///
    /// `None` where the store refuses the call: then nothing is known, which is not the same as
    /// none. `was_refused` keeps the log from saying so at every scan.
    pub(super) async fn find_uploads(
        &self,
        was_refused: &mut bool,
    ) -> Result<Option<Vec<UploadFinding>>, StorageError> {
        let mut refusal = None;
        let uploads = or_refusal(self.store.list_uploads(self.prefix).await, &mut refusal)?;
        let findings = match uploads {
            Some(uploads) => Some(self.sum_uploads(uploads, &mut refusal).await?),
            None => None,
        };
        if let Some(error) = &refusal
            && !*was_refused
        {
            let (archive, error) = (self.archive, error.with_causes());
            warn!(archive, error, "Unfinished uploads, or what they take, are not known");
        }
        *was_refused = refusal.is_some();
        Ok(findings)
    }

    async fn sum_uploads(
        &self,
        uploads: Vec<UnfinishedUpload>,
        refusal: &mut Option<StorageError>,
    ) -> Result<Vec<UploadFinding>, StorageError> {
        // A store that takes the prefix for a hint lists uploads of other archives as well.
        let own = uploads.into_iter().filter(|upload| upload.key.starts_with(self.prefix));
        let mut sums = stream::iter(own)
            .map(async |upload| {
                let bytes = self.store.upload_bytes(&upload).await;
                (upload, bytes)
            })
            .buffer_unordered(self.limits.concurrency.max(1));
        let mut findings = Vec::new();
        while let Some((mut upload, bytes)) = sums.next().await {
            let bytes = match or_refusal(bytes, refusal)? {
                // It ended meanwhile.
                Some(None) => continue,
                Some(bytes) => bytes,
                None => None,
            };
            upload.key.drain(..self.prefix.len());
            findings.push(UploadFinding { upload, bytes });
        }
        Ok(findings)
    }
}

/// `None`, and the reason put aside, where the store refuses the call.
fn or_refusal<T>(
    result: Result<T, StorageError>,
    refusal: &mut Option<StorageError>,
) -> Result<Option<T>, StorageError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.reach() == Reach::RefusedCall => {
            *refusal = Some(error);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
