//! Proof that no key lies between the shards of a listing.

use std::collections::BTreeMap;

use archive_store::{KeyOrder, ListRequest, ListedObject, ObjectStore};
use chrono::{DateTime, Utc};

use crate::error::ListingError;
use crate::key_range::KeyRange;
use crate::shard::Shard;

/// Keys that shards saw on either side of the boundaries where they meet, by boundary.
#[derive(Debug, Default)]
pub(crate) struct Junctions {
    by_boundary: BTreeMap<String, Junction>,
}

/// Keys on either side of one boundary.
#[derive(Debug, Default)]
struct Junction {
    /// First key that the shard before the boundary saw beyond it.
    beyond: Option<String>,
    /// Shard that starts at the boundary.
    after: Option<ShardStart>,
}

/// Start of a shard.
#[derive(Debug)]
struct ShardStart {
    range: KeyRange,
    /// First key that was listed; `None` without any.
    first_key: Option<String>,
}

impl Junctions {
    /// Notes the keys that a finished shard saw.
    pub(crate) fn note(&mut self, shard: Shard) {
        let Shard {
            range,
            beyond,
            first_key,
            ..
        } = shard;
        if let (Some(until), Some(beyond)) = (range.until.clone(), beyond) {
            self.by_boundary.entry(until).or_default().beyond = Some(beyond);
        }
        if let Some(after) = range.after.clone() {
            let start = ShardStart { range, first_key };
            self.by_boundary.entry(after).or_default().after = Some(start);
        }
    }

    /// Checks that each shard began with the key that the shard before it saw beyond the boundary.
    ///
    /// A key that is gone meanwhile was deleted. If it still exists, the store did not list what it
    /// was asked for.
    ///
    /// # Errors
    /// Fails if a key was seen on one side only, and if a key cannot be looked up.
    pub(crate) async fn check(
        &self,
        store: &impl ObjectStore,
        order: KeyOrder,
        started_at: DateTime<Utc>,
    ) -> Result<(), ListingError> {
        for (boundary, junction) in &self.by_boundary {
            let Some(beyond) = &junction.beyond else {
                continue;
            };
            let Some(start) = self.start_for(beyond, boundary, order) else {
                continue;
            };
            let doubtful = match start.doubt(beyond, order) {
                JunctionDoubt::None => None,
                JunctionDoubt::Missed => find(store, beyond).await?,
                // What arrived during the listing proves nothing.
                JunctionDoubt::Unseen(first) => find(store, first)
                    .await?
                    .filter(|object| object.last_modified < started_at),
            };
            if let Some(ListedObject { key, .. }) = doubtful {
                let why =
                    format!("it lists `{key}` on one side of `{boundary}` and not on the other");
                return Err(ListingError::OutOfOrder(why));
            }
        }
        Ok(())
    }

    /// Returns the shard behind `boundary` that holds `key`, a key seen beyond the boundary, or the
    /// first shard on the way there that listed anything.
    fn start_for(&self, key: &str, boundary: &str, order: KeyOrder) -> Option<&ShardStart> {
        let mut boundary = boundary;
        for _ in 0..self.by_boundary.len() {
            let start = self.by_boundary.get(boundary)?.after.as_ref()?;
            match &start.range.until {
                Some(until) if start.first_key.is_none() && !start.holds(key, order) => {
                    boundary = until;
                }
                Some(_) | None => return Some(start),
            }
        }
        None
    }
}

/// Doubt about the keys on either side of a boundary.
enum JunctionDoubt<'a> {
    /// Both shards saw the same.
    None,
    /// Key beyond the boundary that the shard behind it did not list.
    Missed,
    /// First key behind the boundary that the shard before it did not see.
    Unseen(&'a str),
}

impl ShardStart {
    /// Returns the doubt about a shard if the shard before it saw `beyond` as its first key beyond
    /// the boundary.
    fn doubt(&self, beyond: &str, order: KeyOrder) -> JunctionDoubt<'_> {
        match self.first_key.as_deref() {
            // The first key behind the boundary comes before `beyond`, even if that lies in a later
            // shard.
            Some(first) if order.is_before(first, beyond) => JunctionDoubt::Unseen(first),
            Some(first) if !order.is_before(beyond, first) => JunctionDoubt::None,
            Some(_) | None if self.holds(beyond, order) => JunctionDoubt::Missed,
            Some(_) | None => JunctionDoubt::None,
        }
    }

    /// Returns whether a key lies in the range, judged only by the range's end and prefix.
    fn holds(&self, key: &str, order: KeyOrder) -> bool {
        key.starts_with(&self.range.prefix) && !self.range.is_beyond(key, order)
    }
}

/// Returns the object with a key, if it still exists.
async fn find(store: &impl ObjectStore, key: &str) -> Result<Option<ListedObject>, ListingError> {
    let request = ListRequest {
        prefix: key.to_owned(),
        ..ListRequest::default()
    };
    let page = store.list_page(&request).await?;
    Ok(page.objects.into_iter().find(|object| object.key == key))
}
