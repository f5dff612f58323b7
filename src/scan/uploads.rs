//! Looking for multipart uploads that nobody finished.

use futures::{StreamExt, TryStreamExt, stream};
use tracing::debug;

use crate::inventory::UnfinishedUpload;
use crate::report::UploadFinding;
use crate::storage::{ObjectStore, Reach, StorageError};

/// Lists the unfinished uploads below a prefix, with keys behind it, and sums their parts.
///
/// `None` where the store refuses the call: then nothing is known, which is not the same as none.
pub(super) async fn find_uploads(
    store: &impl ObjectStore,
    archive: &str,
    prefix: &str,
    concurrency: usize,
) -> Result<Option<Vec<UploadFinding>>, StorageError> {
    let uploads = match store.list_uploads(prefix).await {
        Ok(uploads) => uploads,
        Err(error) if error.reach() == Reach::RefusedCall => {
            debug!(archive, error = error.with_causes(), "Unfinished uploads are not known");
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let findings: Vec<Option<UploadFinding>> = stream::iter(uploads)
        .map(async |upload| sum_parts(store, prefix, upload).await)
        .buffer_unordered(concurrency)
        .try_collect()
        .await?;
    Ok(Some(findings.into_iter().flatten().collect()))
}

/// `None` for an upload that ended meanwhile.
async fn sum_parts(
    store: &impl ObjectStore,
    prefix: &str,
    mut upload: UnfinishedUpload,
) -> Result<Option<UploadFinding>, StorageError> {
    let bytes = match store.upload_bytes(&upload).await {
        Ok(Some(bytes)) => Some(bytes),
        Ok(None) => return Ok(None),
        Err(error) if error.reach() == Reach::RefusedCall => None,
        Err(error) => return Err(error),
    };
    // A store that takes the prefix for a hint lists uploads of other archives as well.
    let Some(relative_key) = upload.key.strip_prefix(prefix) else {
        return Ok(None);
    };
    upload.key = relative_key.to_owned();
    Ok(Some(UploadFinding { upload, bytes }))
}
