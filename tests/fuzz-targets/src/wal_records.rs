//! WAL that is written as `PostgreSQL` would, of records with any content, and then damaged.

use archive_contents::wal::{SegmentContext, SegmentEnd, WalChain};
use barman_archive::postgres::{SegmentName, TimelineId};

use crate::input::{Input, choice};
use crate::wal::{Surveyed, Walked, assert_laws_of_segment, chain_of, smallest};
use crate::wal_writer::{HEADER, NewRecord, WalWriter, WrittenRecord};

/// Magic numbers of `PostgreSQL` 10, 14, 15 and 19.
const MAGICS: [u16; 4] = [0xD097, 0xD10D, 0xD110, 0xD121];

/// Size of a segment, in bytes.
const SEGMENT: usize = 1 << 20;

/// Number of the first segment.
const FIRST: u32 = 4;

/// WAL that was written, and the records in it.
struct Written {
    writer: WalWriter,
    records: Vec<WrittenRecord>,
}

/// Records from one segment to the next.
///
/// Input: format, size of pages, number of bytes before the border of two segments at which the
/// records begin, seed of the pieces, place and kind of the damage; for each record its resource
/// manager, information, length and body.
pub fn wal_records(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let magic = choice(&MAGICS, input.byte());
    let page_size = choice(&[8192, 1024, 2048, 65_536], input.byte());
    let before_border = usize::from(input.u16());
    let seed = input.byte();
    let place = input.u32() as usize;
    let flipped = input.byte();
    let mut written = Written {
        writer: WalWriter {
            begin: u64::from(FIRST) * SEGMENT as u64,
            page_size,
            segment_size: SEGMENT,
            magic,
            system_identifier: 7,
            timeline: 1,
            bytes: Vec::new(),
            previous: 40,
        },
        records: Vec::new(),
    };
    written.write_up_to_border(before_border);
    written.write_all(&mut input);
    written.writer.fill();
    written.assert_is_walked(seed);
    written.assert_damage_is_found(place, flipped, seed);
}

impl Written {
    /// Writes one long record, so that the next ones lie at the border of two segments.
    fn write_up_to_border(&mut self, before_border: usize) {
        if before_border == 0 {
            return;
        }
        let pages = SEGMENT / self.writer.page_size;
        let headers = pages * HEADER + 40;
        let length = SEGMENT.saturating_sub(before_border + headers + HEADER);
        let body = vec![0xAB; length];
        self.write(&NewRecord {
            manager: 200,
            info: 0,
            body: &body,
        });
    }

    fn write_all(&mut self, input: &mut Input<'_>) {
        while !input.is_empty() && self.writer.bytes.len() < SEGMENT + SEGMENT / 2 {
            let manager = input.byte();
            let info = input.byte();
            let length = usize::from(input.u16() % 0x1000);
            let body = input.bytes(length);
            // Numbers between the last manager and the first of an extension do not exist.
            let manager = match manager {
                23..128 => manager % 23,
                known => known,
            };
            let is_switch = manager == 0 && info & 0xF0 == 0x40;
            if self.writer.left_in_segment() < 2 * HEADER + 40 && is_switch {
                // It would be a switch of the next segment.
                break;
            }
            self.write(&NewRecord {
                manager,
                info,
                body,
            });
            if is_switch {
                break;
            }
        }
    }

    fn write(&mut self, record: &NewRecord<'_>) {
        let record = self.writer.write(record);
        self.records.push(record);
    }

    /// Walks over everything, and expects exactly the records that were written.
    fn assert_is_walked(&self, seed: u8) {
        let mut chain = None;
        let mut starts = Vec::new();
        let mut last_end = None;
        for (low, segment) in (FIRST..).zip(self.writer.bytes.chunks(SEGMENT)) {
            let (walk, _) =
                assert_laws_of_segment(&context(low), chain.as_ref(), segment, seed).unwrap();
            let walked = walk.result.unwrap();
            starts.extend(walk.records.iter().map(|record| record.start.0));
            last_end = Some(walked.end);
            chain = Some(chain_of(&walked));
        }
        let expected: Vec<_> = self.records.iter().map(|record| record.start).collect();
        assert_eq!(starts, expected);
        let ends_with_switch = self.records.last().is_some_and(|record| record.is_switch);
        let is_switched = matches!(last_end, Some(SegmentEnd::Switched(_)));
        assert_eq!(is_switched, ends_with_switch);
    }

    /// Changes one byte of a record, and expects the walk to end there.
    fn assert_damage_is_found(&self, place: usize, flipped: u8, seed: u8) {
        let places: usize = self
            .records
            .iter()
            .flat_map(|record| record.places.iter().map(ExactSizeIterator::len))
            .sum();
        if places == 0 || flipped == 0 {
            return;
        }
        let (number, at) = self.byte_of_records(place % places);
        let mut bytes = self.writer.bytes.clone();
        bytes[at] ^= flipped;
        let mut chain: Option<WalChain> = None;
        for (index, segment) in bytes.chunks(SEGMENT).enumerate() {
            let low = FIRST + u32::try_from(index).unwrap();
            let laws = assert_laws_of_segment(&context(low), chain.as_ref(), segment, seed);
            let (walk, survey) = laws.unwrap();
            self.assert_ends_before(number, &walk);
            self.assert_is_read_behind(index, &survey);
            match walk.result {
                Ok(walked) => chain = Some(chain_of(&walked)),
                Err(_) => return,
            }
        }
        // With another length, a record can reach into zeros, where WAL may end.
        let start = self.records[number].places[0].start;
        assert!(
            (start..start + 4).contains(&at),
            "byte {at} of record {number}"
        );
    }

    /// Returns the record that has this byte of all records, and the byte's place.
    fn byte_of_records(&self, mut byte: usize) -> (usize, usize) {
        for (number, record) in self.records.iter().enumerate() {
            for range in &record.places {
                if byte < range.len() {
                    return (number, range.start + byte);
                }
                byte -= range.len();
            }
        }
        unreachable!("the byte is one of them");
    }

    /// No record from the damaged one on is seen.
    fn assert_ends_before(&self, number: usize, walk: &Walked) {
        let start = self.records[number].start;
        let last_seen = walk.records.last().map(|record| record.start.0);
        assert!(last_seen.is_none_or(|seen| seen < start), "{last_seen:?}");
        if walk.result.is_err() {
            let before = self.records[..number].last().map(|record| record.start);
            assert!(
                last_seen.is_none() || last_seen == before,
                "{last_seen:?} {before:?}"
            );
        }
    }

    /// Every record from where the segment is said to be sound is seen.
    fn assert_is_read_behind(&self, index: usize, survey: &Surveyed) {
        let sound_from = survey.segment.damage.and_then(|damage| damage.sound_from);
        let Some(sound_from) = sound_from else {
            return;
        };
        let ends_in = |record: &WrittenRecord| record.places.last().map(|range| range.end - 1);
        let expected: Vec<_> = self
            .records
            .iter()
            .filter(|record| ends_in(record).is_some_and(|end| end / SEGMENT == index))
            .map(|record| record.start)
            .filter(|start| *start >= sound_from.0)
            .collect();
        let found: Vec<_> = survey
            .records
            .iter()
            .map(|record| record.start.0)
            .filter(|start| *start >= sound_from.0)
            .collect();
        assert_eq!(found, expected);
    }
}

fn context(low: u32) -> SegmentContext {
    SegmentContext {
        name: SegmentName {
            timeline: TimelineId::FIRST,
            high: 0,
            low,
        },
        size: smallest(),
        system_identifier: Some(7),
        history: None,
        is_partial: false,
    }
}
