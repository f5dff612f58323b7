//! Whether a listing is so long that it is worth more requests than a plain one.

use std::ops::Add;

/// Pages after which a listing of whose rest nothing is known is taken for a long one.
const LONG_IF_UNKNOWN: u32 = 16;

/// Pages up to which a listing is never taken for a long one, whatever its shape.
const SMALL_FOR_CERTAIN: u32 = 5;

/// Boundaries that must have been passed before the rest is reckoned from them: how much lies behind
/// one or two says nothing about a hundred others.
const TO_RECKON_FROM: usize = 3;

/// How many of some directories are servers', and how many lie deeper.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DirectoryCounts {
    pub(super) servers: usize,
    pub(super) deeper: usize,
}

impl DirectoryCounts {
    /// Counts directories below a root; all names end in a slash.
    pub(super) fn of(directories: &[String], root: &str) -> Self {
        let is_server = |name: &&String| {
            let name = name.strip_prefix(root).and_then(|name| name.strip_suffix('/'));
            name.is_some_and(|name| !name.contains('/'))
        };
        let servers = directories.iter().filter(is_server).count();
        Self { servers, deeper: directories.len() - servers }
    }

    pub(super) fn count(self) -> usize {
        self.servers + self.deeper
    }
}

impl Add for DirectoryCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { servers: self.servers + other.servers, deeper: self.deeper + other.deeper }
    }
}

/// What a listing has seen so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListingEstimate {
    pub(super) pages: u32,
    pub(super) keys: usize,
    /// Directories that are listed.
    pub(super) passed: DirectoryCounts,
    /// Directories that are known and still to be listed.
    pub(super) ahead: DirectoryCounts,
}

impl ListingEstimate {
    /// Whether there seem to be more pages, of so many keys each, than a small listing has.
    pub(super) fn is_large(&self, page: usize, small: u32) -> bool {
        let is_more =
            self.expected_pages(page).map_or(self.pages >= LONG_IF_UNKNOWN, |pages| pages > small);
        self.pages >= SMALL_FOR_CERTAIN.min(small) && is_more
    }

    /// How many pages there seem to be, by what was passed so far; `None` if that is too little.
    ///
    /// Servers are reckoned from servers: how much lies in a WAL directory's directory tells nothing of them.
    fn expected_pages(&self, page: usize) -> Option<u32> {
        let keys = |ahead: usize, passed: usize| {
            let is_known = ahead > 0 && passed >= TO_RECKON_FROM;
            is_known.then(|| ahead.saturating_mul(self.keys / passed))
        };
        let servers = keys(self.ahead.servers, self.passed.servers);
        let deeper = keys(self.ahead.deeper, self.passed.deeper);
        let is_known = servers.is_some() || deeper.is_some();
        let rest = servers.unwrap_or_default().saturating_add(deeper.unwrap_or_default());
        let rest = u32::try_from(rest / page.max(1)).unwrap_or(u32::MAX);
        is_known.then(|| self.pages.saturating_add(rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: u32 = 50;

    fn seen(pages: u32, passed: DirectoryCounts, ahead: DirectoryCounts) -> ListingEstimate {
        ListingEstimate { pages, keys: pages as usize * 1000, passed, ahead }
    }

    fn servers(servers: usize) -> DirectoryCounts {
        DirectoryCounts { servers, deeper: 0 }
    }

    fn deeper(deeper: usize) -> DirectoryCounts {
        DirectoryCounts { servers: 0, deeper }
    }

    #[test]
    fn directories_are_counted_by_their_depth() {
        let names = ["p/a/", "p/a/wals/", "p/a/wals/0000000100000000/", "p/b/"].map(str::to_owned);

        let levels = DirectoryCounts::of(&names, "p/");

        assert_eq!((levels.servers, levels.deeper, levels.count()), (2, 2, 4));
    }

    #[test]
    fn a_few_pages_are_never_large() {
        assert!(!seen(4, deeper(16), deeper(1000)).is_large(1000, SMALL));
        assert!(seen(5, deeper(20), deeper(1000)).is_large(1000, SMALL));
    }

    #[test]
    fn what_is_ahead_is_reckoned_from_what_was_passed() {
        // Four to a page.
        assert!(!seen(10, deeper(40), deeper(160)).is_large(1000, SMALL));
        assert!(seen(10, deeper(40), deeper(164)).is_large(1000, SMALL));
    }

    #[test]
    fn servers_are_not_reckoned_from_wal_dirs() {
        assert!(!seen(10, deeper(40), servers(900)).is_large(1000, SMALL));
        assert!(seen(10, servers(40), servers(900)).is_large(1000, SMALL));
    }

    #[test]
    fn of_what_nothing_is_known_a_plain_listing_goes_on_for_a_while() {
        assert!(!seen(15, deeper(2), deeper(900)).is_large(1000, SMALL));
        assert!(seen(16, deeper(2), deeper(0)).is_large(1000, SMALL));
    }
}
