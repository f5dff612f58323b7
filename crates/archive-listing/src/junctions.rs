//! Making sure that nothing lies between the parts of a listing.

use std::collections::BTreeMap;

use archive_store::{KeyOrder, ListRequest, ObjectStore};
use barman_archive::inventory::ListedObject;
use chrono::{DateTime, Utc};

use super::error::ListingError;
use super::key_range::KeyRange;
use super::shard::Shard;

/// What the parts of a listing saw on either side of where they meet, by that text.
#[derive(Debug, Default)]
pub(super) struct Junctions(BTreeMap<String, Junction>);

/// What was seen where two parts meet.
#[derive(Debug, Default)]
struct Junction {
    /// The first key beyond the part before.
    beyond: Option<String>,
    /// The part after, and the first key that it listed.
    after: Option<(KeyRange, Option<String>)>,
}

impl Junctions {
    /// Notes what a part saw that is done.
    pub(super) fn note(&mut self, part: Shard) {
        if let Some((until, beyond)) = part.range.until.clone().zip(part.beyond) {
            self.0.entry(until).or_default().beyond = Some(beyond);
        }
        if let Some(after) = part.range.after.clone() {
            self.0.entry(after).or_default().after = Some((part.range, part.first_key));
        }
    }

    /// Returns the range behind `boundary` that holds `key`, a key seen beyond the boundary, or the
    /// first range on the way there in which anything was listed; and the first key listed there.
    fn range_of(
        &self,
        key: &str,
        boundary: &str,
        order: KeyOrder,
    ) -> Option<(&KeyRange, Option<&String>)> {
        let mut at = boundary;
        for _ in 0..self.0.len() {
            let (range, first) = self.0.get(at)?.after.as_ref()?;
            match &range.until {
                Some(until) if first.is_none() && !holds(range, key, order) => at = until,
                Some(_) | None => return Some((range, first.as_ref())),
            }
        }
        None
    }

    /// Makes sure that each part began with the key that the one before it saw in front of it.
    ///
    /// A key that is gone meanwhile was deleted; of one that is still there, the store does not do as
    /// it was told.
    pub(super) async fn check(
        &self,
        store: &impl ObjectStore,
        order: KeyOrder,
        began_at: DateTime<Utc>,
    ) -> Result<(), ListingError> {
        for (boundary, junction) in &self.0 {
            let Some(beyond) = junction.beyond.as_ref() else { continue };
            let Some((range, first)) = self.range_of(beyond, boundary, order) else { continue };
            let is_in = holds(range, beyond, order);
            let is_missed = match first {
                Some(first) => order.is_before(beyond, first),
                None => true,
            };
            let is_unseen = first.filter(|first| order.is_before(first, beyond));
            // What came or went while it was listed is no sign of anything.
            let doubt = match (is_in, is_missed, is_unseen) {
                (true, true, _) => find(store, beyond).await?,
                // The first key behind the boundary is before `beyond`, even if that lies in a
                // later range.
                (_, false, Some(first)) => {
                    find(store, first).await?.filter(|object| object.last_modified < began_at)
                }
                _ => None,
            };
            let doubt = doubt.map(|object| object.key);
            if let Some(key) = doubt {
                let why =
                    format!("it lists `{key}` on one side of `{boundary}` and not on the other");
                return Err(ListingError::OutOfOrder(why));
            }
        }
        Ok(())
    }
}

/// Returns whether a key lies in a range, judged only by the range's end and prefix.
fn holds(range: &KeyRange, key: &str, order: KeyOrder) -> bool {
    key.starts_with(&range.prefix) && !range.is_beyond(key, order)
}

/// The object of a key, if it is still there.
async fn find(store: &impl ObjectStore, key: &str) -> Result<Option<ListedObject>, ListingError> {
    let request = ListRequest { prefix: key.to_owned(), ..ListRequest::default() };
    let page = store.list_page(&request).await?;
    Ok(page.objects.into_iter().find(|object| object.key == key))
}
