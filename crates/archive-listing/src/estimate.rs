//! Estimate of the length of a listing: a long one is worth more requests than a sequential one.

use std::ops::AddAssign;

/// Pages after which a listing counts as long if nothing is known about its rest.
const LONG_IF_UNKNOWN: u32 = 16;

/// Pages below which a listing never counts as long, whatever its shape.
const SMALL_FOR_CERTAIN: u32 = 5;

/// Directories that must be listed before the rest is estimated from them: the content of one or two
/// says nothing about a hundred others.
const ENOUGH_TO_ESTIMATE: usize = 3;

/// Numbers of directories by depth.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DirectoryCounts {
    /// Directories of servers.
    pub(super) servers: usize,
    /// Directories within those of servers.
    pub(super) deeper: usize,
}

impl DirectoryCounts {
    /// Counts directories below a root; all names end in a slash.
    pub(super) fn of(directories: &[String], root: &str) -> Self {
        let mut counts = Self::default();
        for directory in directories {
            let name = directory
                .strip_prefix(root)
                .and_then(|name| name.strip_suffix('/'));
            if name.is_some_and(|name| !name.contains('/')) {
                counts.servers += 1;
            } else {
                counts.deeper += 1;
            }
        }
        counts
    }

    /// Number of all directories.
    pub(super) fn count(self) -> usize {
        self.servers + self.deeper
    }
}

impl AddAssign for DirectoryCounts {
    fn add_assign(&mut self, other: Self) {
        self.servers += other.servers;
        self.deeper += other.deeper;
    }
}

/// Progress of a listing, from which its length is estimated.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListingEstimate {
    /// Pages that were listed.
    pub(super) pages: u32,
    /// Keys that were listed.
    pub(super) keys: usize,
    /// Directories that are listed.
    pub(super) passed: DirectoryCounts,
    /// Directories that are known and still to be listed.
    pub(super) ahead: DirectoryCounts,
}

impl ListingEstimate {
    /// Returns whether there seem to be more pages, of `page_size` keys each, than a small listing
    /// has.
    pub(super) fn is_large(&self, page_size: usize, small_pages: u32) -> bool {
        if self.pages < SMALL_FOR_CERTAIN.min(small_pages) {
            return false;
        }
        match self.expected_pages(page_size) {
            Some(pages) => pages > small_pages,
            None => self.pages >= LONG_IF_UNKNOWN,
        }
    }

    /// Returns the number of pages that there seem to be; `None` if too little is listed to tell.
    ///
    /// Servers are estimated from servers: the content of a WAL directory says nothing about them.
    fn expected_pages(&self, page_size: usize) -> Option<u32> {
        let servers = self.expected_keys(self.ahead.servers, self.passed.servers);
        let deeper = self.expected_keys(self.ahead.deeper, self.passed.deeper);
        if servers.is_none() && deeper.is_none() {
            return None;
        }
        let keys = servers
            .unwrap_or_default()
            .saturating_add(deeper.unwrap_or_default());
        let rest = u32::try_from(keys / page_size.max(1)).unwrap_or(u32::MAX);
        Some(self.pages.saturating_add(rest))
    }

    /// Returns the number of keys that there seem to be in the directories ahead.
    fn expected_keys(&self, ahead: usize, passed: usize) -> Option<usize> {
        if ahead == 0 || passed < ENOUGH_TO_ESTIMATE {
            return None;
        }
        Some(ahead.saturating_mul(self.keys / passed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: u32 = 50;

    fn seen(pages: u32, passed: DirectoryCounts, ahead: DirectoryCounts) -> ListingEstimate {
        ListingEstimate {
            pages,
            keys: pages as usize * 1000,
            passed,
            ahead,
        }
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
    fn unknown_directories_are_first_listed_plainly_for_a_while() {
        assert!(!seen(15, deeper(2), deeper(900)).is_large(1000, SMALL));
        assert!(seen(16, deeper(2), deeper(0)).is_large(1000, SMALL));
    }
}
