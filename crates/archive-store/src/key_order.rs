//! Orders in which stores list keys.

use std::cmp::Ordering;

/// Order in which a store lists keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyOrder {
    /// By their bytes, as S3 does (Amazon S3 User Guide, "Listing object keys programmatically").
    #[default]
    Bytes,
    /// By their parts between slashes, as a walk through directories: `a/x` before `a-b/x`.
    /// `SeaweedFS` does so.
    Parts,
}

impl KeyOrder {
    /// Compares two keys.
    #[must_use]
    pub fn compare(self, one: &str, other: &str) -> Ordering {
        match self {
            Self::Bytes => one.cmp(other),
            Self::Parts => {
                // A slash ends a part, and a shorter part comes before a longer one.
                let rank = |byte: u8| if byte == b'/' { 0 } else { u16::from(byte) + 1 };
                one.bytes().map(rank).cmp(other.bytes().map(rank))
            }
        }
    }

    /// Returns whether the first key comes before the second.
    #[must_use]
    pub fn is_before(self, one: &str, other: &str) -> bool {
        self.compare(one, other) == Ordering::Less
    }
}

/// Check that a listing goes forward: that all its keys are in one of the orders.
#[derive(Clone, Debug)]
pub struct Forward {
    /// Orders that the keys so far are in.
    possible: Vec<KeyOrder>,
    /// Last key of the previous page.
    last: Option<String>,
}

impl Default for Forward {
    fn default() -> Self {
        Self {
            possible: vec![KeyOrder::Bytes, KeyOrder::Parts],
            last: None,
        }
    }
}

impl Forward {
    /// Checks the keys of the next page.
    ///
    /// # Errors
    /// Returns the first key that goes back in both orders.
    pub fn take<'a>(&mut self, keys: impl Iterator<Item = &'a str>) -> Result<(), &'a str> {
        let mut last: Option<&str> = None;
        for key in keys {
            if let Some(before) = last.or(self.last.as_deref()) {
                self.possible.retain(|order| order.is_before(before, key));
                if self.possible.is_empty() {
                    return Err(key);
                }
            }
            last = Some(key);
        }
        self.last = last.map(str::to_owned).or(self.last.take());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn by_parts_directories_come_before_longer_names() {
        assert!(KeyOrder::Bytes.is_before("a-b/x", "a/x"));
        assert!(KeyOrder::Parts.is_before("a/x", "a-b/x"));
        assert!(KeyOrder::Parts.is_before("a/x", "a.b"));
    }

    #[test]
    fn a_listing_goes_forward_in_either_order_but_not_in_both() {
        let take = |keys: &[&'static str]| Forward::default().take(keys.iter().copied());

        assert_eq!(take(&["a-b/x", "a/x", "b"]), Ok(()));
        assert_eq!(take(&["a/x", "a-b/x", "b"]), Ok(()));
        assert_eq!(take(&["a/x", "a-b/x", "c-d/x", "c/x"]), Err("c/x"));
        assert_eq!(take(&["b", "a"]), Err("a"));
        assert_eq!(take(&["a", "a"]), Err("a"));
    }

    #[test]
    fn a_page_must_go_on_after_the_one_before() {
        let mut forward = Forward::default();

        assert_eq!(forward.take(["a", "b"].into_iter()), Ok(()));
        assert_eq!(forward.take(std::iter::empty()), Ok(()));
        assert_eq!(forward.take(["b", "c"].into_iter()), Err("b"));
    }

    proptest! {
        #[test]
        fn by_parts_is_how_lists_of_parts_compare(one in "[a./-]{0,6}", other in "[a./-]{0,6}") {
            let parts = |key: &str| key.split('/').map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(KeyOrder::Parts.compare(&one, &other), parts(&one).cmp(&parts(&other)));
        }
    }
}
