//! Listing everything below a prefix, one page after the other.

use std::collections::BTreeMap;

use archive_store::{Forward, ListRequest, ObjectStore, StorageError};
use barman_archive::inventory::ListedObject;

use super::error::ListingError;
use super::progress::{Progress, protocol};

/// Lists every object below a prefix, one page after the other, in either order; returns how many
/// requests it took.
///
/// # Errors
/// When a page cannot be fetched, when the listing goes back, and when it goes round in circles.
pub async fn list_plainly(
    store: &impl ObjectStore,
    prefix: &str,
    mut sink: impl FnMut(&ListedObject) + Send,
) -> Result<u32, ListingError> {
    let mut forward = Forward::default();
    list_pages(store, prefix, |objects| {
        let keys = objects.iter().map(|object| object.key.as_str());
        forward.take(keys).map_err(|key| {
            ListingError::OutOfOrder(format!(
                "the listing of `{prefix}` goes back to the key `{key}`"
            ))
        })?;
        objects.iter().for_each(&mut sink);
        Ok(())
    })
    .await
}

/// Lists every object below a prefix, in whatever order the store lists them, and hands them on
/// sorted by key; returns the number of requests.
///
/// # Errors
/// When a page cannot be fetched, and when the listing goes round in circles.
pub async fn list_in_any_order(
    store: &impl ObjectStore,
    prefix: &str,
    mut sink: impl FnMut(&ListedObject) + Send,
) -> Result<u32, StorageError> {
    let mut found = BTreeMap::new();
    let requests = list_pages(store, prefix, |objects| {
        let before = found.len();
        let is_empty = objects.is_empty();
        found.extend(objects.into_iter().map(|object| (object.key.clone(), object)));
        // Nothing else distinguishes a listing that starts again from one that advances.
        if !is_empty && found.len() == before {
            return Err(protocol(format!("the listing of `{prefix}` repeats itself")).into());
        }
        Ok(())
    });
    let requests = match requests.await {
        Ok(requests) => requests,
        Err(ListingError::Failed(error)) => return Err(error),
        Err(ListingError::OutOfOrder(why)) => return Err(protocol(why)),
    };
    found.values().for_each(&mut sink);
    Ok(requests)
}

/// Hands on one page of objects after the other; returns the number of requests.
async fn list_pages(
    store: &impl ObjectStore,
    prefix: &str,
    mut take: impl FnMut(Vec<ListedObject>) -> Result<(), ListingError> + Send,
) -> Result<u32, ListingError> {
    let mut progress = Progress::default();
    let mut request = ListRequest { prefix: prefix.to_owned(), ..ListRequest::default() };
    for requests in 1.. {
        let page = store.list_page(&request).await?;
        progress.check(&page)?;
        if let Some(stray) = page.objects.iter().find(|object| !object.key.starts_with(prefix)) {
            let key = &stray.key;
            let why =
                format!("the listing of `{prefix}` holds the key `{key}`, which does not begin so");
            return Err(protocol(why).into());
        }
        take(page.objects)?;
        match page.next {
            Some(next) => request.continuation = Some(next),
            None => return Ok(requests),
        }
    }
    Err(protocol(format!("the listing of `{prefix}` has no end")).into())
}
