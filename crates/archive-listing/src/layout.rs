//! Layout of an archive, as far as it limits the order of a listing.

use archive_store::KeyOrder;
use barman_archive::barman::NestedNames;

use crate::key_range::{KeyRange, end_of};

/// Layout of the archive that is listed.
#[derive(Debug)]
pub(crate) struct ArchiveLayout {
    /// Prefix of all keys: empty, or ending in a slash.
    pub(crate) root: String,
    /// Server names that contain a slash.
    pub(crate) names: NestedNames,
    /// Order in which the store lists keys.
    pub(crate) order: KeyOrder,
}

impl ArchiveLayout {
    /// Returns the `base/` of the server in whose directory a key lies.
    pub(crate) fn base_of(&self, key: &str) -> Option<String> {
        let root = &self.root;
        let (server, _) = self.names.split(key.strip_prefix(root.as_str())?)?;
        Some(format!("{root}{server}/base/"))
    }

    /// Splits off what comes after the `base/` in which a range starts; `None` if the range does
    /// not start in a `base/`, or does not go beyond it.
    ///
    /// The rest must wait until all of `base/` is listed.
    pub(crate) fn split_off_after_base(&self, range: &mut KeyRange) -> Option<KeyRange> {
        let start = range.after.as_deref()?;
        let base = self.base_of(start)?;
        if !start.starts_with(&base) || range.prefix.starts_with(&base) {
            return None;
        }
        let end = end_of(&base);
        let goes_on = match range.until.as_deref() {
            Some(until) => self.order.is_before(&end, until),
            None => true,
        };
        goes_on.then(|| range.split_off(&end))
    }
}
