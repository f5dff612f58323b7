//! Lists large archives in parallel, and proves that no key was missed.

mod boundaries;
mod directory;
mod directory_probe;
mod error;
mod estimate;
mod junctions;
mod key_range;
mod listing;
mod parallel;
mod progress;
mod shard;

#[cfg(test)]
mod parallel_tests;

pub use directory::list_directory;
pub use error::ListingError;
pub use key_range::{KeyRange, directories, end_of};
pub use listing::{list_in_any_order, list_plainly};
pub use parallel::{ParallelListing, Search, Wanted};
pub use progress::{internal, protocol};
