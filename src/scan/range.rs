//! Listing a range that is too narrow to hold much.

use archive_listing::list_in_any_order;
use archive_store::{ObjectStore, StorageError};
use barman_archive::barman::NestedNames;
use barman_archive::inventory::Inventory;
use chrono::{DateTime, Utc};

/// Lists what lies below a prefix that is too narrow to hold much.
///
/// All keys begin with `root`, which ends in a slash or is empty; `below` narrows the listing down.
pub(super) async fn list_range(
    store: &impl ObjectStore,
    root: &str,
    below: &str,
    names: NestedNames,
    listed_at: DateTime<Utc>,
) -> Result<Inventory, StorageError> {
    let mut inventory = Inventory::with_names(names);
    list_in_any_order(store, &format!("{root}{below}"), |object| {
        inventory.add(object.key.strip_prefix(root).unwrap_or_default(), object);
    })
    .await?;
    inventory.settle(listed_at);
    Ok(inventory)
}
