//! Keys: the meaning of an object's location and name.
//!
//! `docs/specification.md`, 3.1 to 3.4.

#[cfg(test)]
mod tests;

use super::Compression;
use crate::postgres::{SegmentName, TimelineId, WalDir, parse_hex};

/// Location of an object below its archive's destination path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectLocation<'a> {
    /// Object directly below the destination, or below a directory without a name.
    Loose,
    /// Object in a directory that may belong to a server.
    Directory {
        /// Name of the directory, which is the server's if it belongs to one.
        directory: &'a str,
        /// Meaning of the key if the directory belongs to a server.
        key: ServerKey<'a>,
    },
}

/// Meaning of a key in a server's directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerKey<'a> {
    /// Part of a base backup: an object below `base/ID/`.
    Backup {
        /// Name of the directory in `base/`; Barman accepts any name as a backup id.
        id: &'a str,
        /// Meaning of the rest of the key.
        file: BackupFile,
    },
    /// Object below `base/` that is not in a backup's directory.
    Base,
    /// Object below `wals/`.
    Wal(WalObject),
    /// Object neither below `base/` nor below `wals/`.
    Other,
}

/// Meaning of an object in a backup's directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupFile {
    /// `backup.info`, the description of the backup.
    Info,
    /// `annotations/keep`, the keep annotation.
    Keep,
    /// Data directory or tablespace, or a part of it.
    Data(DataObject),
    /// Any other object.
    Other,
}

/// Tar file of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataObject {
    /// Data directory or tablespace that the file holds.
    pub item: DataItem,
    /// Number of the part, from 0: `data.tar`, `data_0001.tar`, …
    pub part: u16,
    /// Compression; `None` if uncompressed.
    pub compression: Option<Compression>,
}

/// Item of a backup: it is stored as one tar file or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataItem {
    /// Data directory.
    Data,
    /// Tablespace with this object identifier.
    Tablespace(u32),
}

/// Object below `wals/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalObject {
    /// Kind of file that its name states.
    pub kind: WalKind,
    /// Compression; `None` if uncompressed.
    pub compression: Option<Compression>,
    /// WAL directory that contains it; `None` for an object in any other place.
    pub wal_dir: Option<WalDir>,
    /// True if `barman-cloud-wal-restore` looks for it here: in the directory that its name
    /// requires, spelled in upper case.
    pub in_place: bool,
}

/// Kind of file that the name of an object below `wals/` states (Barman's `xlog` module).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WalKind {
    /// Whole WAL segment.
    Segment(SegmentName),
    /// Segment that its timeline left unfinished.
    Partial(SegmentName),
    /// Backup label, named after the segment and the offset in it at which its backup started.
    Label(SegmentName, u32),
    /// History file of a timeline.
    History(TimelineId),
    /// Name that is not a WAL file's: Barman never restores and never deletes such a file.
    Foreign,
}

/// Server names that contain a slash: a key alone does not show that it starts with such a name.
///
/// Barman accepts any text as a server's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NestedNames(Vec<String>);

impl NestedNames {
    /// Collects the names that contain a slash.
    pub fn among<'n>(names: impl IntoIterator<Item = &'n String>) -> Self {
        let mut nested: Vec<_> = names
            .into_iter()
            .filter(|name| name.contains('/'))
            .collect();
        // Longest first: the innermost directory wins.
        nested.sort_by_key(|name| std::cmp::Reverse(name.len()));
        Self(nested.into_iter().cloned().collect())
    }

    /// Splits a key into its directory and the rest after the slash; `None` if it is not in a
    /// directory.
    ///
    /// The directory is the longest of these names that the key starts with, otherwise the first
    /// part of the key.
    #[must_use]
    pub fn split<'k>(&self, relative_key: &'k str) -> Option<(&'k str, &'k str)> {
        for name in &self.0 {
            if let Some(rest) = relative_key.strip_prefix(name.as_str())
                && let Some(rest) = rest.strip_prefix('/')
            {
                let directory = relative_key.get(..name.len())?;
                return Some((directory, rest));
            }
        }
        let (directory, rest) = at_slash(relative_key)?;
        if directory.is_empty() {
            return None;
        }
        Some((directory, rest))
    }
}

impl<'a> ObjectLocation<'a> {
    /// Classifies a key, given its part after the destination path and the slash.
    #[must_use]
    pub fn of(relative_key: &'a str) -> Self {
        Self::among(relative_key, &NestedNames::default())
    }

    /// Classifies a key as [`ObjectLocation::of`] does, in an archive that has servers with these
    /// names.
    #[must_use]
    pub fn among(relative_key: &'a str, names: &NestedNames) -> Self {
        match names.split(relative_key) {
            Some((directory, rest)) => Self::Directory {
                directory,
                key: ServerKey::of(rest),
            },
            None => Self::Loose,
        }
    }
}

impl<'a> ServerKey<'a> {
    fn of(key: &'a str) -> Self {
        match at_slash(key) {
            Some(("base", rest)) => match at_slash(rest) {
                Some((id, file)) if !id.is_empty() => Self::Backup {
                    id,
                    file: BackupFile::of(file),
                },
                Some(_) | None => Self::Base,
            },
            Some(("wals", rest)) => Self::Wal(WalObject::of(rest)),
            Some(_) | None => Self::Other,
        }
    }
}

/// Splits a key at its first slash; `None` without a slash.
///
/// `str::split_once` is slower for texts as short as the parts of a key.
fn at_slash(key: &str) -> Option<(&str, &str)> {
    let slash = key.bytes().position(|byte| byte == b'/')?;
    let before = key.get(..slash)?;
    let after = key.get(slash + 1..)?;
    Some((before, after))
}

impl BackupFile {
    fn of(name: &str) -> Self {
        match name {
            "backup.info" => Self::Info,
            "annotations/keep" => Self::Keep,
            _ => match DataObject::parse(name) {
                Some(data) => Self::Data(data),
                None => Self::Other,
            },
        }
    }
}

impl DataObject {
    /// Reads `data.tar`, `16411_0001.tar.gz` and the like.
    fn parse(name: &str) -> Option<Self> {
        let (stem, compression) = Compression::split(name);
        // barman-cloud-backup has no xz.
        if compression == Some(Compression::Xz) {
            return None;
        }
        let stem = stem.strip_suffix(".tar")?;
        let (item, part) = match stem.split_once('_') {
            Some((item, part)) if part.len() == 4 => (item, decimal(part)?),
            Some(_) => return None,
            None => (stem, 0),
        };
        let item = match item {
            "data" => DataItem::Data,
            oid => DataItem::Tablespace(decimal(oid)?),
        };
        Some(Self {
            item,
            part,
            compression,
        })
    }
}

/// Reads digits and nothing else; `parse` alone would accept a sign.
fn decimal<T: std::str::FromStr>(text: &str) -> Option<T> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

impl WalObject {
    fn of(key: &str) -> Self {
        let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
        let (stem, compression) = Compression::split(name);
        let kind = WalKind::of(stem);
        let plain_key = key
            .get(..key.len() - (name.len() - stem.len()))
            .unwrap_or(key);
        let in_place = match kind {
            // Most objects of an archive are segments: their canonical key is not written out.
            WalKind::Segment(_) => is_in_its_wal_dir(plain_key, stem),
            WalKind::Partial(_) | WalKind::Label(..) | WalKind::History(_) | WalKind::Foreign => {
                kind.canonical_key()
                    .is_none_or(|canonical| canonical == plain_key)
            }
        };
        let wal_dir = at_slash(key).and_then(|(directory, _)| WalDir::parse(directory));
        Self {
            kind,
            compression,
            wal_dir,
            in_place,
        }
    }
}

/// Returns whether a segment is in its WAL directory, with both names in upper case.
fn is_in_its_wal_dir(key: &str, name: &str) -> bool {
    let is_upper_case = !name.bytes().any(|byte| byte.is_ascii_lowercase());
    is_upper_case && at_slash(key) == name.get(..16).map(|wal_dir| (wal_dir, name))
}

impl WalKind {
    fn of(stem: &str) -> Self {
        if let Some(timeline) = stem.strip_suffix(".history") {
            return match parse_hex(timeline) {
                Some(id) => Self::History(TimelineId(id)),
                None => Self::Foreign,
            };
        }
        let (name, rest) = stem.split_at_checked(24).unwrap_or((stem, ""));
        let Some(segment) = SegmentName::parse(name) else {
            return Self::Foreign;
        };
        match rest {
            "" => Self::Segment(segment),
            ".partial" => Self::Partial(segment),
            _ => match label_offset(rest) {
                Some(offset) => Self::Label(segment, offset),
                None => Self::Foreign,
            },
        }
    }

    /// Key below `wals/` under which `barman-cloud-wal-archive` stores the file, without a
    /// compression ending; `None` for a file that it would not archive.
    fn canonical_key(self) -> Option<String> {
        let (name, ending) = match self {
            Self::Segment(name) => (name, String::new()),
            Self::Partial(name) => (name, ".partial".to_owned()),
            Self::Label(name, offset) => (name, format!(".{offset:08X}.backup")),
            Self::History(timeline) => return Some(format!("{:08X}.history", timeline.0)),
            Self::Foreign => return None,
        };
        let wal_dir = WalDir::from(name);
        Some(format!("{wal_dir}/{name}{ending}"))
    }
}

/// Reads the end of a backup label's name, such as `.00000028.backup`.
fn label_offset(text: &str) -> Option<u32> {
    let offset = text.strip_prefix('.')?.strip_suffix(".backup")?;
    parse_hex(offset)
}
