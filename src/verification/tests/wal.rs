//! WAL that is made up, segment after segment, and that PostgreSQL would read.

use std::io::Write;

use barman_archive::postgres::{SegmentName, SegmentSize, TimelineId};
use flate2::Compression;
use flate2::write::GzEncoder;

pub(super) const SEGMENT_BYTES: u64 = 1 << 20;

const PAGE: usize = 8192;

/// Page number of PostgreSQL 15.
const MAGIC: u16 = 0xD110;

/// `XLOG_NOOP` of the resource manager 0.
const NOOP: u8 = 0x20;

/// Server that writes WAL: one record on each page.
pub(super) struct WalWriter {
    pub(super) timeline: u32,
    pub(super) system_identifier: u64,
    /// Number of the next segment.
    pub(super) number: u64,
    /// Start of the last record.
    pub(super) previous: u64,
}

impl WalWriter {
    /// Returns the name and the content of the next segment.
    pub(super) fn next(&mut self) -> (String, Vec<u8>) {
        let begin = self.number * SEGMENT_BYTES;
        let mut segment = Vec::new();
        while (segment.len() as u64) < SEGMENT_BYTES {
            let at = begin + segment.len() as u64;
            let page = self.page(at, segment.is_empty());
            segment.extend(page);
        }
        let size = SegmentSize::new(SEGMENT_BYTES).unwrap();
        let name = SegmentName::from_number(TimelineId(self.timeline), self.number, size);
        self.number += 1;
        (name.to_string(), segment)
    }

    fn page(&mut self, at: u64, is_first: bool) -> Vec<u8> {
        let mut page = Vec::with_capacity(PAGE);
        page.extend(MAGIC.to_le_bytes());
        page.extend((u16::from(is_first) * 2).to_le_bytes());
        page.extend(self.timeline.to_le_bytes());
        page.extend(at.to_le_bytes());
        page.extend([0; 8]);
        if is_first {
            page.extend(self.system_identifier.to_le_bytes());
            page.extend(u32::try_from(SEGMENT_BYTES).unwrap().to_le_bytes());
            page.extend(u32::try_from(PAGE).unwrap().to_le_bytes());
        }
        let start = at + page.len() as u64;
        let record = self.record(PAGE - page.len());
        page.extend(record);
        self.previous = start;
        page
    }

    fn record(&self, length: usize) -> Vec<u8> {
        let mut header = Vec::new();
        header.extend(u32::try_from(length).unwrap().to_le_bytes());
        header.extend([0; 4]);
        header.extend(self.previous.to_le_bytes());
        header.extend([NOOP, 0, 0, 0]);
        let mut body = vec![254];
        body.extend(u32::try_from(length - 29).unwrap().to_le_bytes());
        body.resize(length - 24, 7);
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&body), &header);
        [header, checksum.to_le_bytes().to_vec(), body].concat()
    }
}

/// Compresses a segment as Barman does.
pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}
