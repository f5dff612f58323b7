#![doc = include_str!("../README.md")]

mod boundaries;
mod directory;
mod directory_probe;
mod division;
mod error;
mod estimate;
mod junctions;
mod key_range;
mod layout;
mod listing;
mod parallel;
mod progress;
mod running;
mod shard;
mod shards;

#[cfg(test)]
mod tests;

pub use directory::list_directory;
pub use error::ListingError;
pub use key_range::{KeyRange, end_of};
pub use listing::{list_sequentially, list_unordered};
pub use parallel::{BoundarySearch, ListingTask, ParallelListing};
