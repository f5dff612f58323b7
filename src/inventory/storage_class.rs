//! Storage classes.

use std::borrow::Cow;
use std::fmt;

/// The classes of Amazon S3 (API Reference, "`Object`"), which most stores use some of.
const KNOWN: [&str; 12] = [
    "STANDARD",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
    "REDUCED_REDUNDANCY",
    "EXPRESS_ONEZONE",
    "OUTPOSTS",
    "SNOW",
    "FSX_OPENZFS",
];

/// The class of an object, as the store names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StorageClass(Cow<'static, str>);

impl StorageClass {
    /// What a store means when it names none (Amazon S3 API Reference, "`Object`").
    pub const DEFAULT: Self = Self(Cow::Borrowed("STANDARD"));

    /// What classes beyond a sensible number of them are summed under.
    pub(super) const FURTHER: Self = Self(Cow::Borrowed("(others)"));

    /// The class of this name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let known = KNOWN.into_iter().find(|known| *known == name);
        Self(known.map_or_else(|| Cow::Owned(name.to_owned()), Cow::Borrowed))
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an object of it can be read without being restored from an archive first, which
    /// takes hours (Amazon S3 User Guide, "Working with archived objects").
    #[must_use]
    pub fn is_read_at_once(&self) -> bool {
        !matches!(self.as_str(), "GLACIER" | "DEEP_ARCHIVE")
    }
}

impl fmt::Display for StorageClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
