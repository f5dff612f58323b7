//! Listing of a directory without the content of its subdirectories.

use archive_store::{Forward, KeyOrder, ListRequest, ListedObject, ObjectStore, StorageError};

use crate::error::ListingError;
use crate::progress::{Progress, check_order, stray_key};

/// Lists what lies directly in a directory: passes the objects to `sink`, and returns the
/// subdirectories, each with its slash.
///
/// # Errors
/// Fails if a page cannot be read, and if the store lists out of order or without end.
pub async fn list_directory(
    store: &impl ObjectStore,
    prefix: &str,
    order: KeyOrder,
    mut sink: impl FnMut(&ListedObject) + Send,
) -> Result<Vec<String>, ListingError> {
    let mut progress = Progress::default();
    let mut forward = Forward::default();
    let mut directories: Vec<String> = Vec::new();
    let mut request = ListRequest {
        prefix: prefix.to_owned(),
        delimiter: Some('/'),
        ..ListRequest::default()
    };
    loop {
        let page = store.list_page(&request).await?;
        progress.check(&page)?;
        let last = directories.last().map(String::as_str);
        let listed = page.common_prefixes.iter().map(String::as_str);
        check_order(last, listed, order)?;
        let keys = page.objects.iter().map(|object| object.key.as_str());
        let mut entries = keys
            .clone()
            .chain(page.common_prefixes.iter().map(String::as_str));
        if let Some(stray) = entries.find(|key| !key.starts_with(prefix)) {
            return Err(stray_key(prefix, stray).into());
        }
        if let Err(key) = forward.take(keys) {
            let why = format!("the listing of `{prefix}` goes back to `{key}`");
            return Err(StorageError::protocol(why).into());
        }
        page.objects.iter().for_each(&mut sink);
        directories.extend(page.common_prefixes);
        match page.next {
            Some(next) => request.continuation = Some(next),
            None => return Ok(directories),
        }
    }
}
