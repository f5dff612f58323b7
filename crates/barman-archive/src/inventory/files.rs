//! Small files of an archive, and the outcomes of reading them.

use std::collections::{BTreeMap, BTreeSet};

use super::ListedObject;
use crate::barman::{BackupInfo, BackupInfoError, Compression, DecompressError, KeepTarget};
use crate::postgres::{TimelineHistory, TimelineId};

/// Listed object whose content a scan needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmallFile {
    /// Listed object. If its size, time or entity tag changes, so does its content.
    pub object: ListedObject,
    /// Format of the content.
    pub kind: FileKind,
}

/// Format of a small file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `backup.info`, the description of a backup.
    BackupInfo,
    /// `annotations/keep`, the keep annotation of a backup.
    Keep,
    /// History file of a timeline.
    History(TimelineId, Option<Compression>),
}

/// Content of a small file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileContent {
    /// Content of a `backup.info`. Boxed because it is far larger than the others.
    BackupInfo(Box<BackupInfo>),
    /// Content of a keep annotation; `None` if it is empty.
    Keep(Option<KeepTarget>),
    /// Content of a history file.
    History(TimelineHistory),
}

/// Outcome of reading a small file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileReading {
    /// Content that makes sense.
    Read(FileContent),
    /// Existing file whose content cannot be read or makes no sense.
    Unreadable {
        /// Reason, from a closed set.
        reason: UnreadableReason,
        /// Reason in words.
        message: String,
    },
    /// File that was deleted between its listing and its reading.
    Gone,
}

/// Reason why an existing file cannot be used, as `barman_cloud_backups_unreadable` counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnreadableReason {
    /// Content that does not follow the format.
    Syntax,
    /// Framing of a chunked upload, which the store kept in the file.
    Framing,
    /// Missing field of a finished backup.
    MissingField,
    /// Content that the store does not return.
    Access,
    /// Compressed file that cannot be decompressed. `backup.info` is never compressed.
    Compression,
    /// History file of more than [`SmallFile::MAX_BYTES`]: its content is not known.
    Size,
}

impl UnreadableReason {
    /// Every reason that a `backup.info` can have, in the order of the documentation.
    pub const ALL: [Self; 4] = [
        Self::Syntax,
        Self::Framing,
        Self::MissingField,
        Self::Access,
    ];

    /// Reason as the value of a label.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Framing => "framing",
            Self::MissingField => "missing_field",
            Self::Access => "access",
            Self::Compression => "compression",
            Self::Size => "size",
        }
    }
}

impl From<&BackupInfoError> for UnreadableReason {
    fn from(error: &BackupInfoError) -> Self {
        match error {
            BackupInfoError::Framing => Self::Framing,
            BackupInfoError::MissingField { .. } => Self::MissingField,
            BackupInfoError::NotText
            | BackupInfoError::Line { .. }
            | BackupInfoError::InvalidField { .. } => Self::Syntax,
        }
    }
}

impl SmallFile {
    /// Maximum size of a small file, in bytes.
    pub const MAX_BYTES: u64 = 1 << 20;

    /// Returns whether the other file has the same content, as far as a listing shows. A move to
    /// another storage class does not change the content.
    #[must_use]
    pub fn is_same_version(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.object.key == other.object.key
            && self.object.size == other.object.size
            && self.object.last_modified == other.object.last_modified
            && self.object.etag == other.object.etag
    }
}

impl FileKind {
    /// Parses the content of a file.
    #[must_use]
    pub fn read(self, content: &[u8]) -> FileReading {
        match self {
            Self::BackupInfo => match BackupInfo::parse(content) {
                Ok(info) => FileReading::Read(FileContent::BackupInfo(Box::new(info))),
                Err(error) => FileReading::Unreadable {
                    reason: UnreadableReason::from(&error),
                    message: error.to_string(),
                },
            },
            Self::Keep => FileReading::Read(FileContent::Keep(KeepTarget::from_content(content))),
            Self::History(timeline, compression) => read_history(timeline, compression, content),
        }
    }

    /// Returns the outcome of reading a file of more than [`SmallFile::MAX_BYTES`].
    #[must_use]
    pub fn too_large(self) -> FileReading {
        let reason = match self {
            Self::BackupInfo | Self::Keep => UnreadableReason::Syntax,
            Self::History(..) => UnreadableReason::Size,
        };
        let message = format!("more than {} bytes", SmallFile::MAX_BYTES);
        FileReading::Unreadable { reason, message }
    }
}

fn read_history(
    timeline: TimelineId,
    compression: Option<Compression>,
    content: &[u8],
) -> FileReading {
    let plain = match compression {
        Some(compression) => compression.decompress(content, SmallFile::MAX_BYTES),
        None => Ok(content.to_vec()),
    };
    let plain = match plain {
        Ok(plain) => plain,
        Err(error) => {
            let reason = match error {
                DecompressError::TooLarge(_) => UnreadableReason::Size,
                DecompressError::Invalid(..) => UnreadableReason::Compression,
            };
            return FileReading::Unreadable {
                reason,
                message: error.to_string(),
            };
        }
    };
    match TimelineHistory::parse(timeline, &plain) {
        Ok(history) => FileReading::Read(FileContent::History(history)),
        Err(error) => FileReading::syntax(error.to_string()),
    }
}

impl FileReading {
    /// Returns the outcome for a file that does not follow its format.
    #[must_use]
    pub fn syntax(message: String) -> Self {
        Self::Unreadable {
            reason: UnreadableReason::Syntax,
            message,
        }
    }
}

/// Outcomes of reading the small files of an archive, by key.
#[derive(Clone, Debug, Default)]
pub struct SmallFiles(BTreeMap<String, (SmallFile, FileReading)>);

impl SmallFiles {
    /// Outcome of reading exactly this version of a file; `None` if it was not read.
    #[must_use]
    pub fn reading(&self, file: &SmallFile) -> Option<&FileReading> {
        let (known, reading) = self.0.get(&file.object.key)?;
        known.is_same_version(file).then_some(reading)
    }

    /// Adds the outcome of reading a file.
    pub fn insert(&mut self, file: SmallFile, reading: FileReading) {
        self.0.insert(file.object.key.clone(), (file, reading));
    }

    /// Removes every file that is not among these.
    pub fn retain(&mut self, listed: &[SmallFile]) {
        let mut keys: BTreeSet<&str> = BTreeSet::new();
        for file in listed {
            keys.insert(&file.object.key);
        }
        self.0.retain(|key, _| keys.contains(key.as_str()));
    }

    /// Content of a `backup.info`; `None` if this version was not read successfully.
    #[must_use]
    pub fn backup_info(&self, file: &SmallFile) -> Option<&BackupInfo> {
        match self.reading(file)? {
            FileReading::Read(FileContent::BackupInfo(info)) => Some(info),
            FileReading::Read(_) | FileReading::Unreadable { .. } | FileReading::Gone => None,
        }
    }

    /// Content of a history file; `None` if this version was not read successfully.
    #[must_use]
    pub fn history(&self, file: &SmallFile) -> Option<&TimelineHistory> {
        match self.reading(file)? {
            FileReading::Read(FileContent::History(history)) => Some(history),
            FileReading::Read(_) | FileReading::Unreadable { .. } | FileReading::Gone => None,
        }
    }
}
