//! Ranges of keys.

use archive_store::KeyOrder;

/// Greatest character, which no key of Barman contains: a prefix followed by it comes after every
/// key with that prefix.
const LAST: char = char::MAX;

/// Range of keys: those with a prefix, after one text and up to another, inclusive.
///
/// If one range ends with the text after which the next one starts, they have no key in common, and
/// none lies between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRange {
    /// Prefix of all keys: a directory with its slash, or empty.
    pub prefix: String,
    /// Text after which the range starts; `None` starts with the first key.
    pub after: Option<String>,
    /// Text with which the range ends, inclusive; `None` ends with the last key.
    pub until: Option<String>,
}

impl KeyRange {
    /// Returns the range of all keys with a prefix.
    #[must_use]
    pub fn below(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            after: None,
            until: None,
        }
    }

    /// Returns whether a key comes after the end.
    #[must_use]
    pub fn is_beyond(&self, key: &str, order: KeyOrder) -> bool {
        self.until
            .as_deref()
            .is_some_and(|until| order.is_before(until, key))
    }

    /// Ends the range at a boundary within it, and returns the rest.
    #[must_use]
    pub fn split_off(&mut self, boundary: &str) -> Self {
        let until = self.until.replace(boundary.to_owned());
        let narrower = until
            .as_deref()
            .and_then(|until| common_directory(boundary, until));
        let prefix = narrower.filter(|prefix| prefix.len() > self.prefix.len());
        Self {
            // A listing of this directory ends where the range does.
            prefix: prefix.unwrap_or(&self.prefix).to_owned(),
            after: Some(boundary.to_owned()),
            until,
        }
    }

    /// Returns whether keys of a directory can still come, after `position` in the range.
    #[must_use]
    pub fn may_hold(&self, directory: &str, position: Option<&str>, order: KeyOrder) -> bool {
        let is_related = directory.starts_with(&self.prefix) || self.prefix.starts_with(directory);
        if !is_related || self.is_beyond(directory, order) {
            return false;
        }
        match position.or(self.after.as_deref()) {
            Some(start) => order.is_before(start, &end_of(directory)),
            None => true,
        }
    }
}

/// Returns a text that comes directly after all keys with a prefix, in either order of keys.
#[must_use]
pub fn end_of(prefix: &str) -> String {
    format!("{prefix}{LAST}")
}

/// Returns the innermost directory that two keys share, with its slash; `None` if they share none.
fn common_directory<'a>(one: &'a str, other: &str) -> Option<&'a str> {
    let pairs = one.bytes().zip(other.bytes());
    let common = pairs.take_while(|(a, b)| a == b).count();
    let slash = one.bytes().take(common).rposition(|byte| byte == b'/')?;
    one.get(..=slash)
}

/// Returns the directories from that of a key up to `root`, each with its slash.
pub(crate) fn directories(root: &str, key: &str) -> Vec<String> {
    let below = key.strip_prefix(root).unwrap_or_default();
    let mut directories = vec![root.to_owned()];
    for (index, _) in below.match_indices('/') {
        if let Some(path) = below.get(..=index) {
            directories.push(format!("{root}{path}"));
        }
    }
    directories.reverse();
    directories
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: [KeyOrder; 2] = [KeyOrder::Bytes, KeyOrder::Parts];

    #[test]
    fn a_part_split_off_asks_only_for_the_directory_it_lies_in() {
        let split = |until: Option<&str>, boundary: &str| {
            let until = until.map(str::to_owned);
            let mut range = KeyRange {
                until,
                ..KeyRange::below("p/")
            };
            let right = range.split_off(boundary);
            assert_eq!(range.until.as_deref(), Some(boundary));
            assert_eq!(right.after.as_deref(), Some(boundary));
            right.prefix
        };

        assert_eq!(split(Some("p/s/wals/B/"), "p/s/wals/A/"), "p/s/wals/");
        assert_eq!(split(Some("p/t/"), "p/s/wals/A/"), "p/");
        assert_eq!(split(None, "p/s/wals/A/"), "p/");
        assert_eq!(split(Some(&end_of("p/s/")), "p/s/wals/A/"), "p/s/");
    }

    #[test]
    fn a_key_lies_in_its_directories() {
        assert_eq!(
            directories("p/", "p/s/wals/A/x"),
            ["p/s/wals/A/", "p/s/wals/", "p/s/", "p/"]
        );
        assert_eq!(directories("", "x"), [""]);
        assert_eq!(directories("p/", "p//x"), ["p//", "p/"]);
    }

    #[test]
    fn keys_with_a_prefix_come_before_its_end_in_either_order() {
        for order in ORDERS {
            let end = end_of("s/wals/");
            assert!(
                ["s/wals/a", "s/wals//", "s/wals/ü"]
                    .iter()
                    .all(|key| order.is_before(key, &end))
            );
            assert!(
                ["s/wals0", "t"]
                    .iter()
                    .all(|key| order.is_before(&end, key))
            );
        }
    }

    #[test]
    fn a_range_may_hold_a_directory_unless_it_lies_before_or_after() {
        let all = KeyRange::below("p/");
        let mut base = KeyRange::below("p/s/");
        let wals = base.split_off(&end_of("p/s/base/"));

        for order in ORDERS {
            assert!(all.may_hold("p/s/base/", None, order));
            assert!(all.may_hold("p/s/base/", Some("p/s/base/1/data"), order));
            assert!(!all.may_hold("p/s/base/", Some("p/s/wals/x"), order));
            assert!(base.may_hold("p/s/base/", None, order));
            assert!(!wals.may_hold("p/s/base/", None, order));
            assert!(!KeyRange::below("p/t/").may_hold("p/s/base/", None, order));
            assert!(KeyRange::below("p/s/base/1/").may_hold("p/s/base/", None, order));
        }
    }
}
