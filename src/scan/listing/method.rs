//! Methods of listing that a store allows, and the part of an archive that may be listed.

use std::time::Duration;

use archive_store::KeyOrder;
use chrono::{DateTime, Utc};

/// Method by which a store can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListingMethod {
    /// Ranges of keys at once, for a store that lists in this order.
    Parallel(KeyOrder),
    /// One page after the other.
    Sequential,
    /// One page after the other, sorted once all are there.
    Unordered,
}

impl Default for ListingMethod {
    fn default() -> Self {
        Self::Parallel(KeyOrder::default())
    }
}

impl ListingMethod {
    /// Returns the methods to try, in order: first the one that worked the last time.
    pub(super) const fn to_try(self) -> &'static [Self] {
        const BYTES: ListingMethod = ListingMethod::Parallel(KeyOrder::Bytes);
        const PARTS: ListingMethod = ListingMethod::Parallel(KeyOrder::Parts);
        match self {
            Self::Parallel(KeyOrder::Bytes) => &[BYTES, PARTS, Self::Sequential, Self::Unordered],
            // Changes during a listing can make any store look as if it had to be listed
            // sequentially.
            Self::Parallel(KeyOrder::Parts) | Self::Sequential => {
                &[PARTS, BYTES, Self::Sequential, Self::Unordered]
            }
            // Changes during a listing cannot put a key after a later one.
            Self::Unordered => &[Self::Unordered],
        }
    }
}

/// Part of the archive that the credentials may list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ListingScope {
    /// Everything below the destination path.
    #[default]
    Everything,
    /// Only `base/` and `wals/` of the expected servers.
    Servers {
        /// Moment at which a listing of everything was last refused.
        refused_at: DateTime<Utc>,
    },
}

impl ListingScope {
    /// Returns whether to try to list everything. After a refusal, it is tried once per audit
    /// period.
    pub(super) fn may_try_everything(self, audit_period: Duration, now: DateTime<Utc>) -> bool {
        match self {
            Self::Everything => true,
            Self::Servers { refused_at } => (now - refused_at)
                .to_std()
                .is_ok_and(|age| age >= audit_period),
        }
    }
}
