//! Pages of a listing.

use barman_archive::inventory::ListedObject;

/// Request for a page of keys with a prefix, in the store's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// Prefix of all keys.
    pub prefix: String,
    /// Character that ends the name of a directory. If given, each directory directly below the prefix
    /// is listed as a common prefix, instead of its keys.
    pub delimiter: Option<char>,
    /// Text after which the listing starts. Ignored next to a continuation.
    pub start_after: Option<String>,
    /// Continuation from the previous page, verbatim from [`ListPage::next`].
    pub continuation: Option<String>,
    /// Objects whose entity tags are needed.
    pub entity_tags: EntityTags,
}

/// Objects whose entity tags a listing contains.
///
/// The tags of large objects are needed only by whoever reads their contents
/// ([`ObjectVersion`](crate::ObjectVersion)): copies of them would cost a scan of millions of objects
/// as much as everything else on a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EntityTags {
    /// Only objects that may be a [`SmallFile`](barman_archive::inventory::SmallFile) by their size.
    /// A store may send the others too.
    #[default]
    OfSmallObjects,
    /// Every object.
    OfAllObjects,
}

/// Page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// Objects, in the store's order.
    pub objects: Vec<ListedObject>,
    /// Directories, each ending in the delimiter.
    pub common_prefixes: Vec<String>,
    /// Continuation of the listing; `None` on its last page.
    pub next: Option<String>,
}
