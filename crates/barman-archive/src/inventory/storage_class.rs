//! Storage classes.

use std::fmt;

/// Classes of Amazon S3 (API Reference, "`Object`"); most stores use some of them.
const KNOWN: [&str; 13] = [
    // First, what a store means when it names none.
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
    // Last, what classes beyond a sensible number of them are summed under.
    "(others)",
];

/// Storage class of an object, as the store names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageClass(Name);

/// Name of a class. Known names do not use any memory of their own, as every object and every WAL
/// directory has a class.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    /// Index in [`KNOWN`].
    Known(u8),
    Other(Box<str>),
    /// `ARCHIVE` of Google Cloud.
    GoogleArchive,
}

/// Class of this name at Google Cloud, Tencent COS and Volcengine TOS.
const ARCHIVE: &str = "ARCHIVE";

impl StorageClass {
    /// Class of an object for which the store names none (Amazon S3 API Reference, "`Object`").
    pub const DEFAULT: Self = Self(Name::Known(0));

    /// Class that sums up all others once there are too many of them.
    pub(super) const FURTHER: Self = Self(Name::Known(12));

    /// Returns the class of this name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        for (index, known) in (0..).zip(KNOWN) {
            if known == name {
                return Self(Name::Known(index));
            }
        }
        Self(Name::Other(name.into()))
    }

    /// Name of the class.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Name::Known(index) => KNOWN.get(usize::from(*index)).copied().unwrap_or_default(),
            Name::Other(name) => name,
            Name::GoogleArchive => ARCHIVE,
        }
    }

    /// Returns whether an object of this class can be read without being restored from an archive
    /// first, which takes minutes to hours.
    ///
    /// Amazon S3 User Guide, "Working with archived objects"; Alibaba Cloud OSS, "Overview of
    /// storage classes"; Oracle Cloud, "Archive Storage Tier"; Tencent Cloud COS, "Storage Class
    /// Overview"; Volcengine TOS, "Storage classes"; Google Cloud Storage, "Storage classes".
    #[must_use]
    pub fn is_read_at_once(&self) -> bool {
        if self.0 == Name::GoogleArchive {
            return true;
        }
        !matches!(
            self.as_str(),
            "GLACIER"
                | "DEEP_ARCHIVE"
                | "Archive"
                | "ColdArchive"
                | "DeepColdArchive"
                | "COLD_ARCHIVE"
                | "DEEP_COLD_ARCHIVE"
                | ARCHIVE
        )
    }

    /// Returns the class that Google Cloud means by this name: its `ARCHIVE` is read at once, unlike
    /// that of other vendors.
    #[must_use]
    pub fn of_google_cloud(self) -> Self {
        if self.as_str() == ARCHIVE {
            Self(Name::GoogleArchive)
        } else {
            self
        }
    }
}

impl fmt::Display for StorageClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archives_of_every_vendor_are_not_read_at_once() {
        let archives = [
            "GLACIER",
            "DEEP_ARCHIVE",
            "Archive",
            "ColdArchive",
            "DeepColdArchive",
            "COLD_ARCHIVE",
            "DEEP_COLD_ARCHIVE",
            "ARCHIVE",
        ];
        for name in archives {
            assert!(!StorageClass::of(name).is_read_at_once(), "{name}");
        }
        for name in [
            "STANDARD",
            "GLACIER_IR",
            "IA",
            "Infrequent Access",
            "COLDLINE",
        ] {
            assert!(StorageClass::of(name).is_read_at_once(), "{name}");
        }
    }

    #[test]
    fn the_archive_of_google_cloud_is_read_at_once() {
        let archive = StorageClass::of("ARCHIVE").of_google_cloud();

        assert!(archive.is_read_at_once());
        assert_eq!(archive.as_str(), "ARCHIVE");
        let glacier = StorageClass::of("GLACIER");
        assert_eq!(glacier.clone().of_google_cloud(), glacier);
    }
}
