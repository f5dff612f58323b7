//! Pages of a listing.

use barman_archive::inventory::ListedObject;

/// What to list: keys that begin with a prefix, in the store's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// Only keys that begin with this text.
    pub prefix: String,
    /// Where given, keys that go on beyond it after the prefix are rolled up into common prefixes.
    pub delimiter: Option<char>,
    /// Only keys greater than this text. Has no meaning beside a continuation.
    pub start_after: Option<String>,
    /// Where the page before this one ended, verbatim from [`ListPage::next`].
    pub continuation: Option<String>,
}

/// One page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// The objects, in the store's order.
    pub objects: Vec<ListedObject>,
    /// Rolled up prefixes, each ending in the delimiter.
    pub common_prefixes: Vec<String>,
    /// Continuation of the listing; `None` on its last page.
    pub next: Option<String>,
}
