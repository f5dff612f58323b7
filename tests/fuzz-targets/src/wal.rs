//! WAL.

use archive_contents::wal::{
    BlockReference, FileChange, SegmentContext, SegmentEnd, SegmentSurvey, SegmentWalk,
    SurveyedSegment, WalChain, WalFault, WalRecord, WalkedSegment,
};
use barman_archive::postgres::{Lsn, SegmentName, SegmentSize, TimelineHistory, TimelineId};
use chrono::{DateTime, Utc};

use crate::input::{Input, Pieces};

/// Length of the header of a record, in bytes.
const RECORD_HEADER: u64 = 24;

/// Number of bytes of a record's body that are kept, and so the most that it can list.
const KEPT_BODY: usize = 1024;

/// Everything that a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) start: Lsn,
    updates_files: bool,
    reads_blocks: Option<bool>,
    blocks: Option<Vec<BlockReference>>,
    change: Option<FileChange>,
    committed_at: Option<DateTime<Utc>>,
}

impl Seen {
    pub(crate) fn of(record: WalRecord<'_>) -> Self {
        let blocks = record.blocks();
        let change = record.file_change();
        // A reference takes eight bytes at least, a relation twelve.
        assert!(
            blocks
                .as_ref()
                .is_none_or(|blocks| blocks.len() <= KEPT_BODY / 8)
        );
        if let Some(FileChange::Removed(relations)) = &change {
            assert!(relations.len() <= KEPT_BODY / 12);
        }
        Self {
            start: record.start(),
            updates_files: record.updates_files(),
            reads_blocks: record.reads_blocks(),
            blocks,
            change,
            committed_at: record.committed_at(),
        }
    }
}

/// Smallest size of a segment.
pub(crate) fn smallest() -> SegmentSize {
    SegmentSize::new(1 << 20).unwrap()
}

/// Result of a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Walked {
    pub(crate) records: Vec<Seen>,
    pub(crate) reached: Lsn,
    pub(crate) result: Result<WalkedSegment, WalFault>,
}

pub(crate) fn walked<'a>(
    context: &SegmentContext,
    chain: Option<&WalChain>,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Result<Walked, WalFault> {
    let mut walk = SegmentWalk::begin(context.clone(), chain.cloned())?;
    let mut records = Vec::new();
    let mut fault = None;
    for piece in pieces {
        let fed = walk.feed(piece, &mut |record| records.push(Seen::of(record)));
        if let Err(found) = fed {
            fault = Some(found);
            break;
        }
    }
    let reached = walk.reached();
    let result = match fault {
        Some(fault) => Err(fault),
        None => walk.finish(),
    };
    assert!(records.is_sorted_by(|one, next| one.start < next.start));
    if let Ok(walked) = &result {
        assert_eq!(walked.records, records.len() as u64);
        assert!(walked.record_bytes >= walked.records * RECORD_HEADER);
        assert_eq!(
            walked.commits.is_some(),
            records.iter().any(|record| record.committed_at.is_some())
        );
    }
    Ok(Walked {
        records,
        reached,
        result,
    })
}

/// Result of a survey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Surveyed {
    pub(crate) records: Vec<Seen>,
    pub(crate) segment: SurveyedSegment,
}

pub(crate) fn surveyed<'a>(
    context: &SegmentContext,
    chain: Option<&WalChain>,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Result<Surveyed, WalFault> {
    let mut survey = SegmentSurvey::begin(context.clone(), chain.cloned())?;
    let mut records = Vec::new();
    for piece in pieces {
        survey.feed(piece, &mut |record| records.push(Seen::of(record)));
    }
    let segment = survey.finish();
    assert!(records.is_sorted_by(|one, next| one.start < next.start));
    if let Some(walked) = &segment.walked {
        assert_eq!(walked.records, records.len() as u64);
    }
    Ok(Surveyed { records, segment })
}

/// Compares the walk and the survey of a segment with each other, and with those in pieces. Returns
/// the walk's result.
pub(crate) fn assert_laws_of_segment(
    context: &SegmentContext,
    chain: Option<&WalChain>,
    segment: &[u8],
    seed: u8,
) -> Option<(Walked, Surveyed)> {
    let whole = || std::iter::once(segment);
    let walk = walked(context, chain, whole());
    let survey = surveyed(context, chain, whole());
    let (walk, survey) = match (walk, survey) {
        (Ok(walk), Ok(survey)) => (walk, survey),
        (walk, survey) => {
            assert_eq!(walk.err().unwrap(), survey.err().unwrap());
            return None;
        }
    };
    assert_eq!(
        walked(context, chain, Pieces::of(segment, seed)).as_ref(),
        Ok(&walk)
    );
    assert_eq!(
        surveyed(context, chain, Pieces::of(segment, seed)).as_ref(),
        Ok(&survey)
    );
    match (&walk.result, survey.segment.damage) {
        (Ok(walked), None) => {
            assert_eq!(survey.segment.walked.as_ref(), Some(walked));
            assert_eq!(survey.records, walk.records);
        }
        (Err(fault), Some(damage)) => {
            assert_eq!(damage.fault, fault_as_a_whole(context, segment, *fault));
            assert_eq!(walk.reached, damage.ends_at);
            assert!(survey.records.starts_with(&walk.records));
            assert_is_sound_from(context, &survey, damage.sound_from);
        }
        (result, damage) => panic!("{result:?}, {damage:?}"),
    }
    Some((walk, survey))
}

/// Returns the fault of a segment that is looked at as a whole: a wrong length comes before everything
/// but WAL of another cluster, because `PostgreSQL` does not even open such a file.
fn fault_as_a_whole(context: &SegmentContext, segment: &[u8], fault: WalFault) -> WalFault {
    let expected = u64::from(context.size.bytes());
    let found = segment.len() as u64;
    let is_foreign = matches!(
        fault,
        WalFault::SystemIdentifier { .. } | WalFault::Sizes { .. }
    );
    if is_foreign || found == expected {
        return fault;
    }
    if found < expected {
        WalFault::Truncated { found, expected }
    } else {
        WalFault::TooLong { expected }
    }
}

fn assert_is_sound_from(context: &SegmentContext, survey: &Surveyed, sound_from: Option<Lsn>) {
    let Some(sound_from) = sound_from else {
        return;
    };
    let begin = begin_of(context);
    let end = begin.0 + u64::from(context.size.bytes());
    assert!((begin.0..end).contains(&sound_from.0));
    assert!(survey.segment.walked.is_some());
    // It is a record that was seen, or one that the next segment goes on with.
    let is_seen = survey
        .records
        .iter()
        .any(|record| record.start == sound_from);
    let is_behind_all = survey
        .records
        .iter()
        .all(|record| record.start < sound_from);
    assert!(is_seen || is_behind_all);
}

/// First position of a segment.
pub(crate) fn begin_of(context: &SegmentContext) -> Lsn {
    let number = context.name.number(context.size).unwrap_or_default();
    context.size.begin_of(number)
}

const PARTIAL: u8 = 1;
const KNOWN_SYSTEM: u8 = 2;
const FILLED: u8 = 4;
const WITH_HISTORY: u8 = 8;

/// Segment, or two of which the second one goes on with the first.
///
/// Input: flags, timeline and number of the segment, seed of the pieces, length of the segment before
/// it in units of 64 bytes, 0 for none; the bytes of both, filled up with zeros if a flag says so.
pub fn wal(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let flags = input.byte();
    let timeline = TimelineId(u32::from(input.byte()));
    let low = u32::from(input.byte());
    let seed = input.byte();
    let before = input.bytes(0).len() + usize::from(input.u16()) * 64;
    let before = input.bytes(before);
    let filled = |content: &[u8]| {
        let mut content = content.to_vec();
        if flags & FILLED != 0 {
            content.resize(1 << 20, 0);
        }
        content
    };
    let history = (flags & WITH_HISTORY != 0)
        .then(|| TimelineHistory::parse(timeline, b"1\t0/2300800\treason\n").ok())
        .flatten();
    let context = |low| SegmentContext {
        name: SegmentName {
            timeline,
            high: 0,
            low,
        },
        size: smallest(),
        system_identifier: (flags & KNOWN_SYSTEM != 0).then_some(7),
        history: history.clone(),
        is_partial: flags & PARTIAL != 0,
    };
    let chain = (!before.is_empty())
        .then(|| {
            let context = context(low.wrapping_sub(1));
            let laws = assert_laws_of_segment(&context, None, &filled(before), seed);
            laws.and_then(|(walk, _)| walk.result.ok())
        })
        .flatten()
        .map(|walked| chain_of(&walked));
    let segment = filled(input.rest());
    assert_laws_of_segment(&context(low), chain.as_ref(), &segment, seed);
}

/// Returns the state at the end of a segment, after it was saved and loaded.
pub(crate) fn chain_of(walked: &WalkedSegment) -> WalChain {
    let text = serde_json::to_string(&walked.chain).unwrap();
    let chain: WalChain = serde_json::from_str(&text).unwrap();
    assert_eq!(chain, walked.chain);
    if let SegmentEnd::Switched(at) | SegmentEnd::Ends(at) = walked.end {
        assert!(at <= chain.next());
    }
    chain
}
