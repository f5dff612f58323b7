//! Listing everything below a prefix, one page after the other.

use chrono::{DateTime, Utc};

use crate::inventory::{Inventory, ListedObject};
use crate::storage::{ListRequest, ObjectStore, StorageError};

use super::key_order::Forward;
use super::progress::{Progress, protocol};

/// Lists every object below a prefix, one page after the other, in either order; returns how many
/// requests it took.
///
/// # Errors
/// When a page cannot be had, and when the listing goes back or round in circles.
pub(super) async fn list_plainly(
    store: &impl ObjectStore,
    prefix: &str,
    mut sink: impl FnMut(&ListedObject) + Send,
) -> Result<u32, StorageError> {
    let (mut progress, mut forward) = (Progress::default(), Forward::default());
    let mut request = ListRequest { prefix: prefix.to_owned(), ..ListRequest::default() };
    for requests in 1.. {
        let page = store.list_page(&request).await?;
        progress.check(&page)?;
        let goes_back =
            |key: &str| protocol(format!("the listing of `{prefix}` goes back to the key `{key}`"));
        forward.take(page.objects.iter().map(|one| one.key.as_str())).map_err(goes_back)?;
        for object in &page.objects {
            if !object.key.starts_with(prefix) {
                return Err(protocol(format!(
                    "the listing of `{prefix}` holds the key `{}`, which does not begin so",
                    object.key
                )));
            }
            sink(object);
        }
        match page.next {
            Some(next) => request.continuation = Some(next),
            None => return Ok(requests),
        }
    }
    Err(protocol(format!("the listing of `{prefix}` has no end")))
}

/// Takes stock of what lies below a prefix that is too narrow to hold much.
///
/// All keys begin with `root`, which ends in a slash or is empty; `below` narrows the listing down.
pub(super) async fn take_stock(
    store: &impl ObjectStore,
    root: &str,
    below: &str,
    listed_at: DateTime<Utc>,
) -> Result<Inventory, StorageError> {
    let mut inventory = Inventory::default();
    list_plainly(store, &format!("{root}{below}"), |object| {
        inventory.add(object.key.strip_prefix(root).unwrap_or_default(), object);
    })
    .await?;
    inventory.settle(listed_at);
    Ok(inventory)
}
