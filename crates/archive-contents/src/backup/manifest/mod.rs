//! `backup_manifest`: sizes and checksums of all files of a backup.
//!
//! Only backups that a Barman server made have a manifest of their own. A data directory that was
//! itself made by `pg_basebackup`, as standbys are, keeps the manifest of that time, and
//! `barman-cloud-backup` uploads it. A manifest counts only if it lists the label of this backup: the
//! start of the WAL is not enough, because the first backup of a new standby starts where the standby
//! itself started.
//!
//! The manifest may come after files or before them. What one side says is kept, as two short
//! digests, until the other side comes.

mod checksum;
mod left_out;
mod text;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use self::checksum::{Algorithm, RunningSum, ShortSum, sum_of};
use self::left_out::is_left_out;
use self::text::{ListedFile, ManifestEnd, ManifestReader};
use super::BackupContext;
use crate::bytes::u64_at;

/// Maximum number of files of either side that are kept.
const MAX_FILES: usize = 1_000_000;

/// What a manifest proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestEvidence {
    /// The backup has no manifest.
    Absent,
    /// The manifest belongs to another backup, or to none that is known.
    OfAnother,
    /// The manifest has a version that is not known.
    UnknownVersion,
    /// The manifest is the backup's own, and makes no sense or has a wrong checksum.
    Damaged,
    /// Files were compared with the manifest.
    Compared(ComparedFiles),
}

impl ManifestEvidence {
    /// Returns true if files were compared.
    pub(super) const fn is_usable(self) -> bool {
        matches!(self, Self::Compared(_) | Self::Damaged)
    }
}

/// Numbers of files that were compared with a manifest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ComparedFiles {
    /// Files whose size and checksum are right.
    pub same: u64,
    /// Files of which only the size was compared: they have no checksum, or came before the manifest
    /// and have one that is not CRC32C.
    pub size_only: u64,
    /// Files whose size or checksum is another one.
    pub different: u64,
    /// Files that are listed and are not in the archives, without those that Barman leaves out. 0 if
    /// not every file could be kept.
    pub missing: u64,
    /// Files that are in the archives and are not listed.
    pub not_listed: u64,
    /// Files that were not compared, because there are too many.
    pub not_kept: u64,
}

/// Size and checksum that a manifest states.
#[derive(Clone, Copy, Debug)]
struct Listed {
    size: u64,
    algorithm: Algorithm,
    checksum: ShortSum,
}

/// Size and CRC32C of a file that came before the manifest.
#[derive(Clone, Copy, Debug)]
struct Seen {
    size: u64,
    checksum: u32,
}

/// File that is under way.
#[derive(Debug)]
struct OpenFile {
    path: u64,
    listed: Option<Listed>,
    sum: RunningSum,
    size: u64,
}

/// Comparison of all files with the manifest.
#[derive(Debug, Default)]
pub(super) struct ManifestCheck {
    reader: Option<ManifestReader>,
    listed: HashMap<u64, Listed>,
    seen: HashMap<u64, Seen>,
    file: Option<OpenFile>,
    is_own: bool,
    compared: ComparedFiles,
}

impl ManifestCheck {
    /// Begins a file. Its path is that below the data directory.
    pub(super) fn begin(&mut self, path: &str) {
        self.file = None;
        if is_ignored(path) {
            return;
        }
        let path = digest(path);
        let listed = self.listed.remove(&path);
        let sum = match (listed, &self.reader) {
            (Some(listed), _) => RunningSum::begin(listed.algorithm),
            (None, None) => RunningSum::begin(Algorithm::Crc32c),
            (None, Some(_)) => {
                self.compared.not_listed += 1;
                return;
            }
        };
        self.file = Some(OpenFile {
            path,
            listed,
            sum,
            size: 0,
        });
    }

    /// Takes the next bytes of the file.
    pub(super) fn content(&mut self, bytes: &[u8]) {
        if let Some(file) = &mut self.file {
            file.sum.update(bytes);
            file.size = file.size.saturating_add(bytes.len() as u64);
        }
    }

    /// Ends the file, which is whole.
    pub(super) fn end(&mut self) {
        let Some(file) = self.file.take() else {
            return;
        };
        match (file.listed, file.sum) {
            (Some(listed), sum) => {
                let has_checksum = listed.algorithm != Algorithm::None;
                let is_same = listed.size == file.size && listed.checksum == sum.finish();
                self.count(is_same, has_checksum);
            }
            (None, RunningSum::Crc32c(checksum)) if self.seen.len() < MAX_FILES => {
                let seen = Seen {
                    size: file.size,
                    checksum,
                };
                self.seen.insert(file.path, seen);
            }
            (None, _) => self.compared.not_kept += 1,
        }
    }

    /// Begins the manifest itself.
    pub(super) fn begin_manifest(&mut self) {
        self.reader = Some(ManifestReader::default());
        self.listed.clear();
        self.is_own = false;
    }

    /// Takes the next bytes of the manifest.
    pub(super) fn manifest(&mut self, bytes: &[u8], context: &BackupContext) {
        let Some(mut reader) = self.reader.take() else {
            return;
        };
        reader.feed(bytes, &mut |file| self.take_listed(&file, context));
        self.reader = Some(reader);
    }

    fn take_listed(&mut self, file: &ListedFile, context: &BackupContext) {
        if file.path == "backup_label" {
            self.is_own |= context
                .label
                .as_deref()
                .is_some_and(|label| is_of(file, label));
        }
        if is_ignored(&file.path) || is_left_out(&file.path) {
            return;
        }
        let path = digest(&file.path);
        if let Some(seen) = self.seen.remove(&path) {
            let has_checksum = file.algorithm == Algorithm::Crc32c;
            let is_same = seen.size == file.size
                && (!has_checksum
                    || file.checksum == checksum::shortened(&seen.checksum.to_le_bytes()));
            self.count(is_same, has_checksum);
        } else if self.listed.len() < MAX_FILES {
            let listed = Listed {
                size: file.size,
                algorithm: file.algorithm,
                checksum: file.checksum,
            };
            self.listed.insert(path, listed);
        } else {
            self.compared.not_kept += 1;
        }
    }

    const fn count(&mut self, is_same: bool, has_checksum: bool) {
        if !is_same {
            self.compared.different += 1;
        } else if has_checksum {
            self.compared.same += 1;
        } else {
            self.compared.size_only += 1;
        }
    }

    /// Ends the backup. Files can be missing only if every archive is whole.
    pub(super) fn finish(self, is_whole: bool) -> ManifestEvidence {
        let Some(reader) = self.reader else {
            return ManifestEvidence::Absent;
        };
        if !self.is_own {
            return ManifestEvidence::OfAnother;
        }
        match reader.finish() {
            ManifestEnd::UnknownVersion => ManifestEvidence::UnknownVersion,
            ManifestEnd::Damaged => ManifestEvidence::Damaged,
            ManifestEnd::Sound => {
                let mut compared = self.compared;
                compared.not_listed += self.seen.len() as u64;
                if is_whole && compared.not_kept == 0 {
                    compared.missing = self.listed.len() as u64;
                }
                ManifestEvidence::Compared(compared)
            }
        }
    }
}

/// Returns true if a manifest lists the label with this text.
fn is_of(file: &ListedFile, label: &str) -> bool {
    let is_same = file.checksum == sum_of(file.algorithm, label.as_bytes());
    file.algorithm != Algorithm::None && file.size == label.len() as u64 && is_same
}

/// Returns true for what may differ from a manifest by right (`main` in `pg_verifybackup.c`).
fn is_ignored(path: &str) -> bool {
    matches!(
        path,
        "backup_manifest" | "postgresql.auto.conf" | "recovery.signal" | "standby.signal"
    ) || path.starts_with("pg_wal/")
}

/// Short digest of a path.
fn digest(path: &str) -> u64 {
    u64_at(&Sha256::digest(path.as_bytes()), 0).unwrap_or_default()
}
