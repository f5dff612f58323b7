//! WAL that is made up, segment after segment, and that `PostgreSQL` 15 would read.
//!
//! Every segment has the records of the same template at the same places: any segment, and any part of
//! one, can be written without those before it.

use std::ops::Range;

use barman_archive::barman::BackupInfoText;
use barman_archive::postgres::{SegmentName, SegmentSize, TimelineId};
use chrono::TimeDelta;

use crate::archive::now;
use crate::heap::{Heap, PAGE};

/// Size of a segment: the default of `PostgreSQL`.
pub(crate) const SEGMENT: usize = 16 << 20;

/// Identifier of the cluster that writes.
pub(crate) const CLUSTER: u64 = 7_713_070_199_573_654_535;

/// Lengths of headers, in bytes.
const LONG_HEADER: usize = 40;
const SHORT_HEADER: usize = 24;
const RECORD_HEADER: usize = 24;
const DATA_HEADER: usize = 5;

/// Number of small records between two images of pages.
const SMALL_RECORDS: usize = 40;

/// Space that is not left at the end of a page: a record would not have its whole header there.
const LEAST_SPACE: usize = 32;

/// Space at the end of a segment that one record fills.
const LAST_SPACE: usize = 4 * PAGE;

/// Kind of a record: resource manager and information.
#[derive(Clone, Copy)]
enum Kind {
    /// `XLOG_FPI`.
    Image,
    /// `XLOG_HEAP_INSERT`.
    Insert,
    /// `XLOG_XACT_COMMIT`.
    Commit,
}

impl Kind {
    const fn bytes(self) -> [u8; 2] {
        match self {
            Self::Image => [0xB0, 0],
            Self::Insert => [0, 10],
            Self::Commit => [0, 1],
        }
    }
}

/// Place of a record in the template.
struct Placed {
    at: usize,
    body_sum: u32,
}

/// Segment of which all others are copies but for positions and what follows from them.
pub(crate) struct Wal {
    bytes: Vec<u8>,
    records: Vec<Placed>,
    heap: Heap,
}

impl Wal {
    /// Writes the template.
    pub(crate) fn new() -> Self {
        let mut wal = Self {
            bytes: Vec::with_capacity(SEGMENT),
            records: Vec::new(),
            heap: Heap::new(15),
        };
        wal.begin_page(0);
        for count in 0.. {
            let left = wal.space_in_segment();
            if left == 0 {
                break;
            }
            if left < LAST_SPACE {
                wal.add(Kind::Insert, vec![0x5A; left - RECORD_HEADER - DATA_HEADER]);
            } else {
                wal.add_next(count);
            }
        }
        assert_eq!(wal.bytes.len(), SEGMENT, "the last record fills it");
        wal
    }

    /// Name of a segment.
    pub(crate) fn name(number: u64) -> SegmentName {
        SegmentName::from_number(TimelineId(1), number, SegmentSize::DEFAULT)
    }

    /// Content of a segment.
    pub(crate) fn segment(&self, number: u64) -> Vec<u8> {
        self.range(number, &(0..SEGMENT))
    }

    /// Part of a segment.
    pub(crate) fn range(&self, number: u64, range: &Range<usize>) -> Vec<u8> {
        let mut part = Part {
            at: range.start,
            bytes: self.bytes[range.clone()].to_vec(),
        };
        let begin = number * SEGMENT as u64;
        let first_page = range.start / PAGE;
        for page in first_page..range.end.div_ceil(PAGE) {
            let at = page * PAGE;
            part.put(at + 8, &(begin + at as u64).to_le_bytes());
        }
        let ends_before = |record: &Placed| record.at + RECORD_HEADER <= range.start;
        let first = self.records.partition_point(ends_before);
        for index in first..self.records.len() {
            let record = &self.records[index];
            if record.at >= range.end {
                break;
            }
            let previous = match index.checked_sub(1) {
                Some(index) => begin + self.records[index].at as u64,
                None => begin - SEGMENT as u64 + self.last() as u64,
            };
            self.chain(record, previous, &mut part);
        }
        part.bytes
    }

    fn last(&self) -> usize {
        self.records.last().map_or(0, |last| last.at)
    }

    /// Connects a record with the one before.
    fn chain(&self, record: &Placed, previous: u64, part: &mut Part) {
        let mut header = [0; 20];
        header.copy_from_slice(&self.bytes[record.at..record.at + 20]);
        header[8..16].copy_from_slice(&previous.to_le_bytes());
        let sum = crc32c::crc32c_append(record.body_sum, &header);
        part.put(record.at + 8, &header[8..16]);
        part.put(record.at + 20, &sum.to_le_bytes());
    }

    fn add_next(&mut self, count: usize) {
        let row = self.heap.row();
        if count.is_multiple_of(SMALL_RECORDS) {
            let block = u32::try_from(count).expect("it is small");
            let page = self.heap.page(block, 0);
            self.add(Kind::Image, page.to_vec());
        } else if count.is_multiple_of(5) {
            let time = 849_000_000_000_000 + count as u64 * 1_000_003;
            self.add(Kind::Commit, time.to_le_bytes().to_vec());
        } else {
            self.add(Kind::Insert, row);
        }
    }

    /// Adds a record with this data, or with more, so that the next one has its header on one page.
    fn add(&mut self, kind: Kind, mut data: Vec<u8>) {
        let at = self.bytes.len();
        let left = self.space_after(RECORD_HEADER + DATA_HEADER + data.len());
        if left < LEAST_SPACE {
            data.resize(data.len() + left, 0x20);
        }
        let mut body = data_header(data.len()).to_vec();
        body.extend(data);
        let length = RECORD_HEADER + body.len();
        let mut record = u32::try_from(length)
            .expect("it is small")
            .to_le_bytes()
            .to_vec();
        record.extend(701_u32.to_le_bytes());
        record.extend([0; 8]);
        record.extend(kind.bytes());
        record.extend([0; 6]);
        record.extend(&body);
        self.push(&record);
        let aligned = self.bytes.len().next_multiple_of(8);
        self.bytes.resize(aligned, 0);
        if aligned < SEGMENT && aligned.is_multiple_of(PAGE) {
            self.begin_page(0);
        }
        let body_sum = crc32c::crc32c(&body);
        self.records.push(Placed { at, body_sum });
    }

    /// Writes bytes, with the headers of pages in between.
    fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.bytes.len().is_multiple_of(PAGE) {
                self.begin_page(bytes.len());
            }
            let space = PAGE - self.bytes.len() % PAGE;
            let (now, later) = bytes.split_at(space.min(bytes.len()));
            self.bytes.extend_from_slice(now);
            bytes = later;
        }
    }

    fn begin_page(&mut self, remaining: usize) {
        let is_first = self.bytes.is_empty();
        let flags = u16::from(remaining > 0) | u16::from(is_first) << 1;
        self.bytes.extend(0xD110_u16.to_le_bytes());
        self.bytes.extend(flags.to_le_bytes());
        self.bytes.extend(1_u32.to_le_bytes());
        self.bytes.extend([0; 8]);
        let remaining = u32::try_from(remaining).expect("it is small");
        self.bytes.extend(remaining.to_le_bytes());
        self.bytes.extend([0; 4]);
        if is_first {
            self.bytes.extend(CLUSTER.to_le_bytes());
            for size in [SEGMENT, PAGE] {
                let size = u32::try_from(size).expect("it is small");
                self.bytes.extend(size.to_le_bytes());
            }
        }
    }

    /// Space for records that is left in the segment, in bytes.
    fn space_in_segment(&self) -> usize {
        let pages = (SEGMENT - self.bytes.len()) / PAGE;
        let on_this_page = (PAGE - self.bytes.len() % PAGE) % PAGE;
        on_this_page + pages * (PAGE - SHORT_HEADER)
    }

    /// Space that a record of this length leaves on its last page, in bytes.
    fn space_after(&self, length: usize) -> usize {
        let on_this_page = PAGE - self.bytes.len() % PAGE;
        let aligned = length.next_multiple_of(8);
        if aligned <= on_this_page {
            return on_this_page - length;
        }
        let page = PAGE - SHORT_HEADER;
        let on_last_page = (aligned - on_this_page) % page;
        (page - on_last_page) % page + aligned - length
    }
}

/// Part of a segment that is under way.
struct Part {
    at: usize,
    bytes: Vec<u8>,
}

impl Part {
    /// Writes bytes at a place of the segment, as far as they are in the part.
    fn put(&mut self, at: usize, bytes: &[u8]) {
        for (place, byte) in (at..).zip(bytes) {
            let place = place.checked_sub(self.at);
            if let Some(to) = place.and_then(|place| self.bytes.get_mut(place)) {
                *to = *byte;
            }
        }
    }
}

/// Header of the main data of a record, in its long form (`XLogRecordDataHeaderLong`).
fn data_header(length: usize) -> [u8; DATA_HEADER] {
    let [a, b, c, d] = u32::try_from(length).expect("it is small").to_le_bytes();
    [254, a, b, c, d]
}

/// `backup.info` of a backup without readable data that begins with a segment.
pub(crate) fn backup_info(first: u64) -> String {
    let name = Wal::name(first);
    let began_at = now() - TimeDelta::hours(2);
    let end = first * SEGMENT as u64 + 0x100;
    BackupInfoText::new("DONE")
        .begun(began_at, name)
        .ended(began_at + TimeDelta::minutes(10), name)
        .with(
            "end_xlog",
            format!("{:X}/{:X}", end >> 32, end & 0xFFFF_FFFF),
        )
        .with("systemid", CLUSTER)
        .with("xlog_segment_size", SEGMENT)
        .to_string()
}

const _: () = assert!(
    LONG_HEADER == SHORT_HEADER + 16,
    "what the first page has more"
);
