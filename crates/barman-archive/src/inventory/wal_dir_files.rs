//! Individual files of a WAL directory.

use std::ops::RangeInclusive;
use std::{mem, slice};

use chrono::{DateTime, Utc};

use super::packed_files::{PackedFiles, Unpacking};
use crate::barman::WalKind;

/// WAL file in its WAL directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalDirFile {
    /// Kind of the file. Together with the WAL directory, it yields the file's name without its
    /// compression ending.
    pub kind: WalKind,
    /// Third part of its segment's name.
    pub segment: u32,
    /// Size in bytes.
    pub bytes: u64,
    /// Arrival time.
    pub arrived_at: DateTime<Utc>,
    /// True if its storage class can be read immediately.
    pub is_read_at_once: bool,
}

/// Individual files of a WAL directory, until they are forgotten to save memory.
#[derive(Clone, Debug)]
pub(super) enum WalDirFiles {
    /// Files of a WAL directory that is being listed.
    Kept(Box<Kept>),
    /// Files of a WAL directory whose listing has ended.
    Packed(Box<PackedFiles>),
    Forgotten,
}

/// Iterator over the files of a WAL directory, in the order in which they were listed.
#[derive(Clone, Debug)]
enum InOrder<'a> {
    Kept(slice::Iter<'a, WalDirFile>),
    Packed(Unpacking<'a>),
}

impl Iterator for InOrder<'_> {
    type Item = WalDirFile;

    fn next(&mut self) -> Option<WalDirFile> {
        match self {
            Self::Kept(files) => files.next().copied(),
            Self::Packed(files) => files.next(),
        }
    }
}

/// Files that are not packed, in the order in which they were listed.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    files: Vec<WalDirFile>,
    /// Size of the files when they were last packed, in bytes; 0 if they never were.
    packed_size: usize,
}

/// Outcome of packing the files of a WAL directory.
#[derive(Debug, Default)]
pub(super) struct Packing {
    /// Emptied buffer of the files, if they had one.
    pub(super) buffer: Option<Vec<WalDirFile>>,
    /// True if they would take more memory than is left for them.
    pub(super) is_too_large: bool,
}

/// Number of files beyond which a buffer grows by [`MANY`] at once.
const FEW: usize = 32;

/// Number of segments of 16 MiB in a WAL directory, which most WAL directories have.
const MANY: usize = 256;

/// Capacities of buffers that are worth reusing.
pub(super) const REUSED_CAPACITIES: RangeInclusive<usize> = FEW..=FEW + MANY;

impl Default for WalDirFiles {
    fn default() -> Self {
        Self::Kept(Box::default())
    }
}

impl WalDirFiles {
    /// Files in the order in which they were listed; `None` once they are forgotten.
    pub(super) fn known(&self) -> Option<impl Iterator<Item = WalDirFile>> {
        match self {
            Self::Kept(kept) => Some(InOrder::Kept(kept.files.iter())),
            Self::Packed(packed) => Some(InOrder::Packed(packed.unpack())),
            Self::Forgotten => None,
        }
    }

    /// Returns whether they are as they were listed.
    pub(super) const fn are_unpacked(&self) -> bool {
        matches!(self, Self::Kept(_))
    }

    /// Returns the memory that they take, in bytes, as they were packed last; 0 if they never were.
    pub(super) fn packed_size(&self) -> usize {
        match self {
            Self::Packed(packed) => packed.size(),
            Self::Kept(kept) => kept.packed_size,
            Self::Forgotten => 0,
        }
    }

    /// Adds a file, unless the others are forgotten.
    pub(super) fn push(&mut self, file: WalDirFile) {
        if let Self::Packed(packed) = self {
            // It was taken for listed too soon.
            let mut files = Vec::with_capacity(packed.len() + 1);
            files.extend(packed.unpack());
            let packed_size = packed.size();
            *self = Self::Kept(Box::new(Kept { files, packed_size }));
        }
        if let Self::Kept(kept) = self {
            let files = &mut kept.files;
            if files.len() == files.capacity() && files.len() >= FEW {
                // The rest of a WAL directory is allocated between such buffers: the fewer sizes they
                // have, the better their memory can be reused.
                files.reserve_exact(MANY);
            }
            files.push(file);
        }
    }

    /// Moves the files into this empty buffer, unless their own is as large; returns the buffer
    /// that is not needed.
    pub(super) fn move_to(&mut self, mut buffer: Vec<WalDirFile>) -> Option<Vec<WalDirFile>> {
        match self {
            Self::Kept(kept) if kept.files.capacity() < buffer.capacity() => {
                buffer.append(&mut kept.files);
                kept.files = buffer;
                None
            }
            Self::Kept(_) | Self::Packed(_) | Self::Forgotten => Some(buffer),
        }
    }

    /// Packs the files if they fit into this many bytes, otherwise forgets them.
    pub(super) fn pack(&mut self, most: usize) -> Packing {
        let Self::Kept(kept) = self else {
            return Packing::default();
        };
        let mut buffer = mem::take(&mut kept.files);
        let packed = PackedFiles::pack(&buffer);
        let is_too_large = packed.as_ref().is_some_and(|packed| packed.size() > most);
        *self = match packed {
            Some(packed) if !is_too_large => Self::Packed(Box::new(packed)),
            Some(_) | None => Self::Forgotten,
        };
        buffer.clear();
        Packing {
            buffer: Some(buffer),
            is_too_large,
        }
    }

    /// Forgets the files.
    pub(super) fn forget(&mut self) {
        *self = Self::Forgotten;
    }
}
