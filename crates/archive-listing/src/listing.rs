//! Listing of everything below a prefix, one page after the other.

use std::collections::BTreeMap;

use archive_store::{Forward, ListRequest, ListedObject, ObjectStore, StorageError};

use crate::error::ListingError;
use crate::progress::{Progress, stray_key};

/// Lists every object below a prefix, one page after the other, in either order of keys; returns the
/// number of requests.
///
/// # Errors
/// Fails if a page cannot be read, and if the listing goes back or repeats itself.
pub async fn list_sequentially(
    store: &impl ObjectStore,
    prefix: &str,
    mut sink: impl FnMut(&ListedObject) + Send,
) -> Result<u32, ListingError> {
    let mut pages = PageSequence::new(store, prefix);
    let mut forward = Forward::default();
    while let Some(objects) = pages.next().await? {
        let keys = objects.iter().map(|object| object.key.as_str());
        if let Err(key) = forward.take(keys) {
            let why = format!("the listing of `{prefix}` goes back to the key `{key}`");
            return Err(ListingError::OutOfOrder(why));
        }
        objects.iter().for_each(&mut sink);
    }
    Ok(pages.requests)
}

/// Lists every object below a prefix, in whatever order the store lists them, and passes them on
/// sorted by key; returns the number of requests.
///
/// # Errors
/// Fails if a page cannot be read, and if the listing repeats itself.
pub async fn list_unordered(
    store: &impl ObjectStore,
    prefix: &str,
    mut sink: impl FnMut(&ListedObject) + Send,
) -> Result<u32, StorageError> {
    let mut pages = PageSequence::new(store, prefix);
    let mut found = BTreeMap::new();
    while let Some(objects) = pages.next().await? {
        let is_empty = objects.is_empty();
        let known = found.len();
        for object in objects {
            found.insert(object.key.clone(), object);
        }
        // Nothing else distinguishes a listing that starts again from one that advances.
        if !is_empty && found.len() == known {
            let why = format!("the listing of `{prefix}` repeats itself");
            return Err(StorageError::protocol(why));
        }
    }
    found.values().for_each(&mut sink);
    Ok(pages.requests)
}

/// Pages of a listing, one after the other.
struct PageSequence<'a, S> {
    store: &'a S,
    /// Request for the next page; `None` after the last.
    request: Option<ListRequest>,
    progress: Progress,
    /// Number of requests so far.
    requests: u32,
}

impl<'a, S: ObjectStore> PageSequence<'a, S> {
    fn new(store: &'a S, prefix: &str) -> Self {
        let request = ListRequest {
            prefix: prefix.to_owned(),
            ..ListRequest::default()
        };
        Self {
            store,
            request: Some(request),
            progress: Progress::default(),
            requests: 0,
        }
    }

    /// Returns the objects of the next page; `None` after the last.
    async fn next(&mut self) -> Result<Option<Vec<ListedObject>>, StorageError> {
        let Some(request) = self.request.take() else {
            return Ok(None);
        };
        let page = self.store.list_page(&request).await?;
        self.requests = self.requests.saturating_add(1);
        self.progress.check(&page)?;
        let prefix = request.prefix.as_str();
        if let Some(stray) = page
            .objects
            .iter()
            .find(|object| !object.key.starts_with(prefix))
        {
            return Err(stray_key(prefix, &stray.key));
        }
        if page.next.is_some() {
            self.request = Some(ListRequest {
                continuation: page.next,
                ..request
            });
        }
        Ok(Some(page.objects))
    }
}
