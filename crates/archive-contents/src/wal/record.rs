//! Records (`XLogRecord` in `xlogrecord.h`), as their bytes stream by.

use barman_archive::postgres::Lsn;
use chrono::{DateTime, Utc};

use super::block::{BlockReference, RecordParts};
use super::file_changes::{ChangeKind, FileChange};
use super::{WalFault, WalFormat};
use crate::bytes::{array, u32_at, u64_at};

/// Length of the header of a record, in bytes.
const HEADER: usize = 24;

/// The same, as lengths of records are counted.
const HEADER_LENGTH: u32 = 24;

/// Bytes of the header that the checksum covers: all but the checksum itself.
const CHECKED_HEADER: usize = 20;

/// Maximum length of a record, in bytes (`XLogRecordMaxSize` in `xlogrecord.h`).
const MAX_LENGTH: u32 = 1020 * 1024 * 1024;

/// Number of bytes after the header that are kept: enough for what is read of a record.
const KEPT_BODY: usize = 1024;

/// Number of the first resource manager of an extension (`RM_MIN_CUSTOM_ID` in `rmgr.h`).
const FIRST_CUSTOM_MANAGER: u8 = 128;

/// Number of the last resource manager of any version (`rmgrlist.h`).
const LAST_MANAGER: u8 = 22;

/// Resource managers whose records are read.
const XLOG_MANAGER: u8 = 0;
const TRANSACTION_MANAGER: u8 = 1;

/// Part of the information that belongs to the resource manager (`XLR_RMGR_INFO_MASK`).
const MANAGER_INFO: u8 = 0xF0;

/// `XLR_SPECIAL_REL_UPDATE` in `xlogrecord.h`.
const SPECIAL_UPDATE: u8 = 0x01;

/// `XLOG_SWITCH` in `pg_control.h`.
const SWITCH: u8 = 0x40;

/// `XLOG_FPI_FOR_HINT` in `pg_control.h`.
const IMAGE_FOR_HINT: u8 = 0xA0;

/// `XLOG_XACT_OPMASK`, `XLOG_XACT_COMMIT` and `XLOG_XACT_COMMIT_PREPARED` in `xact.h`.
const TRANSACTION_OPERATION: u8 = 0x70;
const COMMIT: u8 = 0x00;
const COMMIT_PREPARED: u8 = 0x30;

/// Microseconds from the Unix epoch to that of `PostgreSQL`, 2000-01-01.
const POSTGRESQL_EPOCH: i64 = 946_684_800_000_000;

/// Record of which some bytes have come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct OpenRecord {
    pub(super) start: Lsn,
    length: u32,
    seen: u32,
    header: [u8; HEADER],
    /// Checksum of the body so far.
    checksum: u32,
    /// First bytes of the body.
    body: Vec<u8>,
}

impl OpenRecord {
    /// Begins a record, whose body takes this memory.
    ///
    /// # Errors
    /// Fails if no record has this length.
    pub(super) fn begin(start: Lsn, length: u32, mut body: Vec<u8>) -> Result<Self, WalFault> {
        let is_possible = (HEADER_LENGTH..=MAX_LENGTH).contains(&length);
        if !is_possible {
            return Err(WalFault::Length { at: start, length });
        }
        body.clear();
        Ok(Self {
            start,
            length,
            seen: 0,
            header: [0; HEADER],
            checksum: 0,
            body,
        })
    }

    /// Memory of the body, for the next record.
    pub(super) fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// Length of the whole record, in bytes.
    pub(super) const fn length(&self) -> u32 {
        self.length
    }

    /// Number of bytes that are missing.
    pub(super) const fn missing(&self) -> u32 {
        self.length.saturating_sub(self.seen)
    }

    /// Returns true if the whole header has come.
    pub(super) const fn has_header(&self) -> bool {
        self.seen as usize >= HEADER
    }

    /// Takes the next bytes of the record, not more than are missing.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let seen = self.seen as usize;
        let of_header = HEADER.saturating_sub(seen).min(bytes.len());
        let (header, body) = bytes.split_at_checked(of_header).unwrap_or((bytes, &[]));
        for (place, byte) in self.header.iter_mut().skip(seen).zip(header) {
            *place = *byte;
        }
        self.checksum = crc32c::crc32c_append(self.checksum, body);
        let free = KEPT_BODY.saturating_sub(self.body.len());
        let kept = body.get(..free).unwrap_or(body);
        self.body.extend_from_slice(kept);
        let taken = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.seen = self.seen.saturating_add(taken);
    }

    /// Checks the header, once it is complete.
    ///
    /// # Errors
    /// Fails if the record cannot follow one that starts at `previous`. If that is not known, the
    /// record before has to start before this one.
    pub(super) fn check_header(&self, previous: Option<Lsn>) -> Result<(), WalFault> {
        let found = Lsn(u64_at(&self.header, 8).unwrap_or_default());
        let follows = match previous {
            Some(previous) => found == previous,
            None => found < self.start,
        };
        if !follows {
            return Err(WalFault::Previous {
                at: self.start,
                found,
            });
        }
        let manager = self.manager();
        if manager > LAST_MANAGER && manager < FIRST_CUSTOM_MANAGER {
            return Err(WalFault::ResourceManager {
                at: self.start,
                manager,
            });
        }
        Ok(())
    }

    /// Checks the checksum of the whole record.
    ///
    /// # Errors
    /// Fails if it is wrong.
    pub(super) fn check_sum(&self) -> Result<(), WalFault> {
        let header = self.header.get(..CHECKED_HEADER).unwrap_or_default();
        let found = crc32c::crc32c_append(self.checksum, header);
        if u32_at(&self.header, CHECKED_HEADER) == Some(found) {
            Ok(())
        } else {
            Err(WalFault::Checksum { at: self.start })
        }
    }

    fn info(&self) -> u8 {
        array::<1>(&self.header, 16).map_or(0, |[info]| info)
    }

    fn manager(&self) -> u8 {
        array::<1>(&self.header, 17).map_or(0, |[manager]| manager)
    }

    /// Returns true if the rest of the segment is empty (`XLOG_SWITCH`).
    pub(super) fn is_switch(&self) -> bool {
        self.manager() == XLOG_MANAGER && self.info() & MANAGER_INFO == SWITCH
    }

    /// Length of the body, in bytes.
    const fn body_length(&self) -> u32 {
        self.length.saturating_sub(HEADER_LENGTH)
    }
}

/// Whole record of which the checksum is right.
#[derive(Clone, Copy, Debug)]
pub struct WalRecord<'a> {
    record: &'a OpenRecord,
    format: WalFormat,
}

impl<'a> WalRecord<'a> {
    pub(super) const fn new(record: &'a OpenRecord, format: WalFormat) -> Self {
        Self { record, format }
    }

    /// Start of the record.
    #[must_use]
    pub const fn start(self) -> Lsn {
        self.record.start
    }

    /// Returns true if replay changes files of relations without naming their blocks
    /// (`XLR_SPECIAL_REL_UPDATE` in `xlogrecord.h`).
    #[must_use]
    pub fn updates_files(self) -> bool {
        self.record.info() & SPECIAL_UPDATE != 0
    }

    /// Returns true if replay reads every block that the record names and does not rewrite; `None` if
    /// only the extension that wrote the record knows.
    ///
    /// Replay passes over blocks without an image in a record for hint bits (`xlog_redo` in `xlog.c`).
    #[must_use]
    pub fn reads_blocks(self) -> Option<bool> {
        match self.record.manager() {
            FIRST_CUSTOM_MANAGER.. => None,
            XLOG_MANAGER => Some(self.record.info() & MANAGER_INFO != IMAGE_FOR_HINT),
            _ => Some(true),
        }
    }

    /// Returns what replay does to files apart from the blocks that the record names; `None` if it
    /// does nothing else.
    #[must_use]
    pub fn file_change(self) -> Option<FileChange> {
        let kind = ChangeKind::of(self.record.manager(), self.record.info(), self.format)?;
        Some(kind.read(self.main_data().unwrap_or_default()))
    }

    /// Returns the blocks that the record refers to; `None` if its body makes no sense.
    #[must_use]
    pub fn blocks(self) -> Option<Vec<BlockReference>> {
        Some(self.parts()?.blocks)
    }

    /// Returns the time of a commit, by the clock of the database (`xl_xact_commit` in `xact.h`);
    /// `None` for any other record.
    #[must_use]
    pub fn committed_at(self) -> Option<DateTime<Utc>> {
        let operation = self.record.info() & TRANSACTION_OPERATION;
        let is_commit = matches!(operation, COMMIT | COMMIT_PREPARED);
        if self.record.manager() != TRANSACTION_MANAGER || !is_commit {
            return None;
        }
        let time = i64::from_le_bytes(array(self.main_data()?, 0)?);
        DateTime::from_timestamp_micros(time.checked_add(POSTGRESQL_EPOCH)?)
    }

    /// Data at the end of the record, as far as it is kept.
    fn main_data(self) -> Option<&'a [u8]> {
        let length = self.parts()?.main_data_length;
        let start = self.record.body_length().checked_sub(length)?;
        self.record.body.get(usize::try_from(start).ok()?..)
    }

    fn parts(self) -> Option<RecordParts> {
        RecordParts::read(&self.record.body, self.record.body_length(), self.format)
    }
}
