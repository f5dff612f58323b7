//! Shards of a parallel listing that are not done.

use std::collections::BTreeMap;

use archive_store::ListRequest;

use crate::key_range::{KeyRange, end_of};
use crate::layout::ArchiveLayout;
use crate::shard::{Shard, ShardState};

/// Shards that are not done, by their number.
#[derive(Debug)]
pub(crate) struct Shards {
    layout: ArchiveLayout,
    by_id: BTreeMap<u32, Shard>,
    next_id: u32,
}

impl Shards {
    /// Creates one shard for each range.
    pub(crate) fn new(layout: ArchiveLayout, ranges: Vec<KeyRange>) -> Self {
        let mut shards = Self {
            layout,
            by_id: BTreeMap::new(),
            next_id: 0,
        };
        for range in ranges {
            shards.add(Shard::new(range));
        }
        shards
    }

    pub(crate) const fn layout(&self) -> &ArchiveLayout {
        &self.layout
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// All shards with their numbers, in the order of these.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Shard)> {
        self.by_id.iter().map(|(id, shard)| (*id, shard))
    }

    /// All shards, in the order of their numbers.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Shard> {
        self.by_id.values()
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut Shard> {
        self.by_id.get_mut(&id)
    }

    pub(crate) fn remove(&mut self, id: u32) -> Option<Shard> {
        self.by_id.remove(&id)
    }

    /// Returns a shard that is ready for its next page.
    pub(crate) fn next_ready(&self) -> Option<u32> {
        self.iter()
            .find(|(_, shard)| shard.state == ShardState::Ready)
            .map(|(id, _)| id)
    }

    /// Returns a shard that may be started.
    pub(crate) fn next_new(&self) -> Option<u32> {
        let mut new = self
            .iter()
            .filter(|(_, shard)| shard.state == ShardState::New);
        new.find(|(id, shard)| self.may_start(*id, shard))
            .map(|(id, _)| id)
    }

    /// Returns whether a shard may be started: in a server's directory, what comes after `base/`
    /// waits until all of `base/` is listed.
    fn may_start(&self, id: u32, shard: &Shard) -> bool {
        let order = self.layout.order;
        let Some(start) = shard.range.after.as_deref() else {
            return true;
        };
        let Some(base) = self.layout.base_of(start) else {
            return true;
        };
        if order.is_before(start, &end_of(&base)) {
            return true;
        }
        !self
            .iter()
            .any(|(other, shard)| other != id && shard.may_hold(&base, order))
    }

    /// Returns the next request of a shard, which then waits for the answer.
    pub(crate) fn next_request(&mut self, id: u32) -> Option<ListRequest> {
        let shard = self.by_id.get_mut(&id)?;
        shard.state = ShardState::Asked;
        Some(shard.next_request())
    }

    /// Splits a shard at a boundary.
    pub(crate) fn split(&mut self, id: u32, boundary: &str, is_guess: bool) -> bool {
        let Some(shard) = self.by_id.get_mut(&id) else {
            return false;
        };
        let mut right = shard.range.split_off(boundary);
        let after_base = self.layout.split_off_after_base(&mut right);
        let mut right = Shard::new(right);
        right.is_guess = is_guess;
        self.add(right);
        if let Some(range) = after_base {
            self.add(Shard::new(range));
        }
        true
    }

    fn add(&mut self, shard: Shard) {
        self.by_id.insert(self.next_id, shard);
        self.next_id += 1;
    }
}
