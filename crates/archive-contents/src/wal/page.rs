//! Headers of WAL pages (`XLogPageHeaderData` and `XLogLongPageHeaderData` in `xlog_internal.h`).

use barman_archive::postgres::{Lsn, TimelineId};

use crate::bytes::{u16_at, u32_at, u64_at};

/// Length of the header of a page, in bytes.
pub(super) const SHORT_HEADER: usize = 24;

/// Length of the header of the first page of a segment, in bytes.
pub(super) const LONG_HEADER: usize = 40;

/// Flag of a page that starts in the middle of a record (`XLP_FIRST_IS_CONTRECORD`).
pub(super) const CONTINUES: u16 = 0x1;

/// Flag of a page with a long header (`XLP_LONG_HEADER`).
pub(super) const LONG: u16 = 0x2;

/// Header of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageHeader {
    pub(super) magic: u16,
    pub(super) flags: u16,
    pub(super) timeline: TimelineId,
    pub(super) address: Lsn,
    /// Bytes of the record that is continued which are still missing.
    pub(super) remaining: u32,
}

/// Rest of the header of a segment's first page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) system_identifier: u64,
    pub(super) segment_size: u32,
    pub(super) page_size: u32,
}

impl PageHeader {
    /// Reads the header of a page; `None` if there are fewer bytes.
    pub(super) fn read(page: &[u8]) -> Option<Self> {
        Some(Self {
            magic: u16_at(page, 0)?,
            flags: u16_at(page, 2)?,
            timeline: TimelineId(u32_at(page, 4)?),
            address: Lsn(u64_at(page, 8)?),
            remaining: u32_at(page, 16)?,
        })
    }

    pub(super) const fn has(self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// Length of the header.
    pub(super) const fn length(self) -> usize {
        if self.has(LONG) {
            LONG_HEADER
        } else {
            SHORT_HEADER
        }
    }
}

impl SegmentHeader {
    /// Reads the rest of a long header; `None` if there are fewer bytes.
    pub(super) fn read(page: &[u8]) -> Option<Self> {
        Some(Self {
            system_identifier: u64_at(page, 24)?,
            segment_size: u32_at(page, 32)?,
            page_size: u32_at(page, 36)?,
        })
    }
}
