//! Parts of the space of keys.

use archive_store::KeyOrder;

/// A character that no key of Barman's has, nor anyone's in earnest: a text that ends in it comes after
/// whatever begins like it.
const LAST: char = char::MAX;

/// Keys that begin with a text, after one text, and up to and including another.
///
/// Two ranges that share such a text as their end and their beginning have no key in common, and
/// none lies between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRange {
    /// Only keys that begin with this text: a directory with its slash, or everything.
    pub prefix: String,
    /// Only keys after this one; `None` for all.
    pub after: Option<String>,
    /// Only keys up to this one; `None` for all.
    pub until: Option<String>,
}

impl KeyRange {
    /// Everything that begins with a text.
    #[must_use]
    pub fn below(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), after: None, until: None }
    }

    /// Whether a key is beyond the end.
    #[must_use]
    pub fn is_beyond(&self, key: &str, order: KeyOrder) -> bool {
        self.until.as_deref().is_some_and(|until| order.is_before(until, key))
    }

    /// Takes away all that comes after a text within the range.
    #[must_use]
    pub fn split_off(&mut self, boundary: &str) -> Self {
        let until = self.until.replace(boundary.to_owned());
        let narrower = until.as_deref().and_then(|until| common_directory(boundary, until));
        let prefix = narrower.filter(|prefix| prefix.len() > self.prefix.len());
        Self {
            // A listing of that alone ends where the range does.
            prefix: prefix.unwrap_or(&self.prefix).to_owned(),
            after: Some(boundary.to_owned()),
            until,
        }
    }

    /// Whether it may have keys of a directory, once all up to `position` are known.
    #[must_use]
    pub fn may_hold(&self, directory: &str, position: Option<&str>, order: KeyOrder) -> bool {
        let related = directory.starts_with(&self.prefix) || self.prefix.starts_with(directory);
        let begins = position.or(self.after.as_deref());
        let ends_before = self.is_beyond(directory, order);
        let begins_after =
            begins.is_some_and(|begins| !order.is_before(begins, &end_of(directory)));
        related && !ends_before && !begins_after
    }
}

/// The end of everything that begins with a text.
#[must_use]
pub fn end_of(prefix: &str) -> String {
    format!("{prefix}{LAST}")
}

/// The innermost directory that two keys lie in, with its slash; `None` if they share none.
fn common_directory<'a>(one: &'a str, other: &str) -> Option<&'a str> {
    let pairs = one.bytes().zip(other.bytes());
    let common = pairs.take_while(|(a, b)| a == b).count();
    let slash = one.bytes().take(common).rposition(|byte| byte == b'/')?;
    one.get(..=slash)
}

/// The directories below `root` that a key lies in, the innermost first, each with its slash; the
/// root itself last.
#[must_use]
pub fn directories(root: &str, key: &str) -> Vec<String> {
    let below = key.strip_prefix(root).unwrap_or_default();
    let ends: Vec<usize> = below.match_indices('/').map(|(index, _)| index + 1).collect();
    let inner = ends.into_iter().rev().filter_map(|end| below.get(..end));
    inner.map(|path| format!("{root}{path}")).chain([root.to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: [KeyOrder; 2] = [KeyOrder::Bytes, KeyOrder::Parts];

    #[test]
    fn what_is_split_off_asks_for_the_directory_alone_that_it_lies_in() {
        let split = |until: Option<&str>, boundary: &str| {
            let until = until.map(str::to_owned);
            let mut range = KeyRange { until, ..KeyRange::below("p/") };
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
        assert_eq!(directories("p/", "p/s/wals/A/x"), ["p/s/wals/A/", "p/s/wals/", "p/s/", "p/"]);
        assert_eq!(directories("", "x"), [""]);
        assert_eq!(directories("p/", "p//x"), ["p//", "p/"]);
    }

    #[test]
    fn what_begins_with_a_text_comes_before_its_end_in_either_order() {
        for order in ORDERS {
            let end = end_of("s/wals/");
            assert!(
                ["s/wals/a", "s/wals//", "s/wals/ü"].iter().all(|key| order.is_before(key, &end))
            );
            assert!(["s/wals0", "t"].iter().all(|key| order.is_before(&end, key)));
        }
    }

    #[test]
    fn a_range_may_hold_a_directory_unless_it_ends_before_or_is_past_it() {
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
