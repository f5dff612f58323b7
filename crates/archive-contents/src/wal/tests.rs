//! Walks over segments that real servers wrote, sound and damaged.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use barman_archive::postgres::{Lsn, SegmentName, SegmentSize, TimelineHistory, TimelineId};
use proptest::prelude::*;

use super::*;
use crate::tests::{fixtures, plain};

/// Size of the segments among the fixtures.
const SIZE: u64 = 1 << 20;

fn name(path: &Path) -> SegmentName {
    let name = path.file_name().unwrap().to_str().unwrap();
    SegmentName::parse(&name[..24]).unwrap()
}

fn walked(
    path: &Path,
    system_identifier: Option<u64>,
    chain: Option<WalChain>,
) -> Result<WalkedSegment, String> {
    let bytes = plain(path).ok_or("codec")?;
    let size = if bytes.len() as u64 == 16 << 20 {
        16 << 20
    } else {
        SIZE
    };
    let context = SegmentContext {
        name: name(path),
        size: SegmentSize::new(size).unwrap(),
        system_identifier,
        history: None,
        is_partial: path.to_str().unwrap().contains(".partial"),
    };
    let mut walk = SegmentWalk::begin(context, chain).map_err(word)?;
    for piece in bytes.chunks(1000) {
        walk.feed(piece, &mut |_| ()).map_err(word)?;
    }
    walk.finish().map_err(word)
}

/// Word for a fault in the table of what must be found.
fn word(fault: WalFault) -> String {
    match fault {
        WalFault::Truncated { .. } => "truncated",
        WalFault::TooLong { .. } => "trailing",
        WalFault::Magic { .. } | WalFault::OtherFormat { .. } => "magic",
        WalFault::Flags { .. } => "flags",
        WalFault::SystemIdentifier { .. } => "sysid",
        WalFault::Sizes { .. } => "sizes",
        WalFault::PageAddress { .. } => "pageaddr",
        WalFault::Timeline { .. } => "timeline",
        WalFault::Zeros { .. } => "zeros",
        WalFault::Continuation { .. } => "contrecord",
        WalFault::Length { .. } => "length",
        WalFault::Previous { .. } => "prev",
        WalFault::ResourceManager { .. } => "rmgr",
        WalFault::Checksum { .. } => "crc",
        WalFault::Gap { .. } => "gap",
    }
    .to_owned()
}

fn found(path: &Path, system_identifier: Option<u64>) -> String {
    match walked(path, system_identifier, None) {
        Ok(segment) if matches!(segment.end, SegmentEnd::Ends(_)) => "ends".to_owned(),
        Ok(_) => "ok".to_owned(),
        Err(word) => word,
    }
}

#[test]
fn every_damage_of_the_table_is_found() {
    let table = fs::read_to_string(fixtures().join("expected.tsv")).unwrap();
    let good = fixtures().join("wal/good/000000010000000000000018.gz");
    let identifier = walked(&good, None, None).unwrap().system_identifier;
    let mut rows = 0;
    for line in table
        .lines()
        .filter(|line| line.starts_with("wal/") && !line.contains(" (gap)"))
    {
        let cells: Vec<_> = line.split('\t').collect();
        if cells[0].contains(' ') {
            continue;
        }
        let path = fixtures().join(cells[0]);
        let of_switch = cells[0].contains("timeline-switch");
        let found = found(&path, (!of_switch).then_some(identifier));
        let expected = match cells[2] {
            // A codec says so already.
            "truncated" if found == "codec" => "codec",
            expected => expected,
        };
        assert_eq!(found, expected, "{}", cells[0]);
        rows += 1;
    }
    assert_eq!(rows, 23);
}

#[test]
fn a_chain_goes_on_over_segments_and_timelines() {
    let chain = |paths: &[&str]| {
        let mut chain = None;
        let mut records = 0;
        for path in paths {
            let segment = walked(&fixtures().join(path), None, chain)?;
            records += segment.records;
            chain = Some(segment.chain);
        }
        Ok::<_, String>(records)
    };

    let good = [
        "wal/good/000000010000000000000017.xz",
        "wal/good/000000010000000000000018.gz",
        "wal/good/000000010000000000000019.xz",
    ];
    assert_eq!(chain(&good), Ok(979));
    assert_eq!(chain(&[good[0], good[2]]), Err("gap".to_owned()));
    let switch = [
        "wal/timeline-switch/000000010000000000000022.gz",
        "wal/timeline-switch/000000020000000000000023.gz",
    ];
    assert_eq!(chain(&switch), Ok(68));
}

#[test]
fn segments_of_every_major_version_are_walked_over() {
    for (major, records) in [(10, 3), (12, 332), (14, 252), (16, 388), (18, 447)] {
        let folder = fixtures().join(format!("majors/{major}"));
        let mut paths: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| !path.ends_with("pg_control.gz"))
            .collect();
        paths.sort();
        let mut chain = None;
        let mut found = 0;
        for path in paths {
            let segment = walked(&path, None, chain).unwrap();
            assert_eq!(segment.format.major, major);
            found += segment.records;
            chain = Some(segment.chain);
        }
        assert_eq!(found, records, "PostgreSQL {major}");
    }
}

/// A sound segment.
static GOOD: LazyLock<Vec<u8>> =
    LazyLock::new(|| plain(&fixtures().join("wal/good/000000010000000000000018.gz")).unwrap());

#[test]
fn records_name_blocks_and_commits_their_time() {
    let mut walk = SegmentWalk::begin(context(), None).unwrap();
    let mut blocks = 0;
    let mut rewritten = 0;
    let mut unreadable = 0;
    walk.feed(&GOOD, &mut |record| match record.blocks() {
        Some(found) => {
            blocks += found.len();
            rewritten += found.iter().filter(|block| block.is_rewritten).count();
        }
        None => unreadable += 1,
    })
    .unwrap();

    assert_eq!(unreadable, 0);
    assert!(blocks > 100 && rewritten > 0, "{blocks} {rewritten}");
    let with_commits = fixtures().join("wal/timeline-switch/000000010000000000000022.gz");
    let commits = walked(&with_commits, None, None).unwrap().commits.unwrap();
    assert!(commits.first <= commits.last);
    assert_eq!(commits.first.format("%Y-%m").to_string(), "2026-11");
}

fn context() -> SegmentContext {
    SegmentContext {
        name: SegmentName::parse("000000010000000000000018").unwrap(),
        size: SegmentSize::new(SIZE).unwrap(),
        system_identifier: None,
        history: Some(TimelineHistory::without_ancestors(TimelineId::FIRST)),
        is_partial: false,
    }
}

fn walk_of(bytes: &[u8], piece: usize) -> Result<WalkedSegment, WalFault> {
    let mut walk = SegmentWalk::begin(context(), None)?;
    for piece in bytes.chunks(piece) {
        walk.feed(piece, &mut |_| ())?;
    }
    walk.finish()
}

#[test]
fn a_magic_that_changes_within_a_segment_is_damage() {
    let mut bytes = GOOD.clone();
    bytes[8192] ^= 0x01;

    let at = "0/1802000".parse().unwrap();
    assert_eq!(walk_of(&bytes, 4096), Err(WalFault::OtherFormat { at }));
}

#[test]
fn an_unknown_magic_of_a_segment_is_no_damage() {
    assert!(WalFormat::is_unknown_magic(0xD122));
    assert!(WalFormat::is_unknown_magic(0xD093), "PostgreSQL 9.6");
    assert!(WalFormat::is_unknown_magic(0xD10F), "a beta of 15");
    assert!(!WalFormat::is_unknown_magic(0xD110), "PostgreSQL 15");
    assert!(!WalFormat::is_unknown_magic(0xC110));

    for magic in [0xD093, 0xD122] {
        let bytes = with_magic(&GOOD, magic);
        let at = begin();
        assert_eq!(walk_of(&bytes, 4096), Err(WalFault::Magic { at, magic }));
    }
}

#[test]
fn another_magic_behind_the_same_cluster_is_damage() {
    let before = fixtures().join("wal/good/000000010000000000000017.xz");
    let chain = walked(&before, None, None).unwrap().chain;

    for magic in [0xD093, 0xD10F, 0xD113] {
        let damage = surveyed(&with_magic(&GOOD, magic), Some(chain.clone())).damage;
        let at = begin();
        assert_eq!(damage.unwrap().fault, WalFault::OtherFormat { at });
    }
}

#[test]
fn another_magic_behind_another_cluster_is_a_border() {
    let before = fixtures().join("wal/good/000000010000000000000017.xz");
    let mut chain = walked(&before, None, None).unwrap().chain;
    let expected = chain.system_identifier ^ 1;
    chain.system_identifier = expected;
    chain.format = WalFormat::of_magic(0xD10D).unwrap();

    let survey = surveyed(&GOOD, Some(chain.clone()));

    let found = survey.walked.unwrap().system_identifier;
    let fault = survey.damage.unwrap().fault;
    assert_eq!(fault, WalFault::SystemIdentifier { found, expected });
    let unknown = surveyed(&of_version(&GOOD, 0xD122), Some(chain)).damage;
    let (at, magic) = (begin(), 0xD122);
    assert_eq!(unknown.unwrap().fault, WalFault::Magic { at, magic });
}

#[test]
fn a_magic_that_only_the_first_page_has_is_damage() {
    let at = begin();
    for piece in [1000, 8193, usize::MAX] {
        let mut survey = SegmentSurvey::begin(context(), None).unwrap();
        for piece in with_magic(&GOOD, 0xD10F).chunks(piece) {
            survey.feed(piece, &mut |_| ());
        }
        let fault = survey.finish().damage.unwrap().fault;
        assert_eq!(fault, WalFault::OtherFormat { at });
    }

    let other_version = of_version(&GOOD, 0xD10F);
    let fault = surveyed(&other_version, None).damage.unwrap().fault;
    assert_eq!(fault, WalFault::Magic { at, magic: 0xD10F });
}

/// Returns a segment of which each page starts with another number.
fn of_version(segment: &[u8], magic: u16) -> Vec<u8> {
    let mut bytes = segment.to_vec();
    for page in bytes.chunks_mut(8192) {
        page[..2].copy_from_slice(&magic.to_le_bytes());
    }
    bytes
}

/// Returns a segment whose first page starts with another number.
fn with_magic(segment: &[u8], magic: u16) -> Vec<u8> {
    let mut bytes = segment.to_vec();
    bytes[..2].copy_from_slice(&magic.to_le_bytes());
    bytes
}

#[test]
fn a_switch_ends_after_its_record() {
    let path = fixtures().join("majors/10/000000010000000000000003.xz");
    let segment = walked(&path, None, None).unwrap();

    // The record of 24 bytes is at 0/30000D0.
    assert_eq!(
        segment.end,
        SegmentEnd::Switched("0/30000E8".parse().unwrap())
    );
    assert!(!segment.has_rest_after_switch);
}

/// Starts of the records that are found in the good segment.
static STARTS: LazyLock<Vec<Lsn>> = LazyLock::new(|| {
    let mut starts = Vec::new();
    let mut walk = SegmentWalk::begin(context(), None).unwrap();
    walk.feed(&GOOD, &mut |record| starts.push(record.start()))
        .unwrap();
    starts
});

fn begin() -> Lsn {
    Lsn(0x0180_0000)
}

fn surveyed(bytes: &[u8], chain: Option<WalChain>) -> SurveyedSegment {
    let mut survey = SegmentSurvey::begin(context(), chain).unwrap();
    for piece in bytes.chunks(1000) {
        survey.feed(piece, &mut |_| ());
    }
    survey.finish()
}

/// Two primaries wrote one timeline: a backup of the second one does not meet the border.
#[test]
fn only_the_border_of_foreign_wal_is_damaged() {
    let path = fixtures().join("wal/good/000000010000000000000017.xz");
    let mut chain = walked(&path, None, None).unwrap().chain;
    chain.previous = chain.previous.map(|previous| Lsn(previous.0 - 8));
    chain.open = segment::ChainEnd::Record;

    let survey = surveyed(&GOOD, Some(chain));

    let damage = survey.damage.unwrap();
    assert!(matches!(
        damage.fault,
        WalFault::Continuation { .. } | WalFault::Previous { .. }
    ));
    assert_eq!(damage.ends_at, begin());
    assert_eq!(damage.sound_from, STARTS.first().copied());
    assert_eq!(
        survey.walked.unwrap().chain,
        surveyed(&GOOD, None).walked.unwrap().chain
    );
}

#[test]
fn a_survey_shows_each_record_once() {
    let is_on_one_page = |pair: &&[Lsn]| pair[0].0 / 8192 == pair[1].0 / 8192;
    let pair = STARTS.windows(2).find(is_on_one_page).unwrap();
    let place_of_previous = usize::try_from(pair[1].0 - begin().0).unwrap() + 8;
    let mut bytes = GOOD.clone();
    bytes[place_of_previous] ^= 1;

    let mut shown = Vec::new();
    let mut survey = SegmentSurvey::begin(context(), None).unwrap();
    survey.feed(&bytes, &mut |record| shown.push(record.start()));
    let surveyed = survey.finish();

    assert!(matches!(
        surveyed.damage.unwrap().fault,
        WalFault::Previous { .. }
    ));
    assert!(shown.is_sorted_by(|one, next| one < next), "{shown:?}");
    assert_eq!(surveyed.walked.unwrap().records, shown.len() as u64);
}

#[test]
fn a_wrong_length_counts_more_than_what_it_damages() {
    let mut bytes = GOOD.clone();
    bytes.remove(9 * 8192 + 100);

    let shorter = surveyed(&bytes, None).damage.unwrap();
    bytes.extend([0; 2]);
    let longer = surveyed(&bytes, None).damage.unwrap();

    assert!(matches!(shorter.fault, WalFault::Truncated { .. }));
    assert!(matches!(longer.fault, WalFault::TooLong { .. }));
}

#[test]
fn a_survey_of_zeros_in_the_middle_goes_on_behind_them() {
    let mut bytes = GOOD.clone();
    bytes[8 * 8192..10 * 8192].fill(0);

    let damage = surveyed(&bytes, None).damage.unwrap();

    let expected = STARTS.iter().find(|start| start.0 >= begin().0 + 10 * 8192);
    assert_eq!(damage.sound_from.as_ref(), expected);
    assert!(matches!(damage.fault, WalFault::Zeros { .. }), "{damage:?}");
}

impl WalChain {
    /// Start of the record that goes on in the next segment, or of that segment.
    fn open_since(&self) -> u64 {
        match &self.open {
            segment::ChainEnd::Rest(record) => record.start.0,
            segment::ChainEnd::Record | segment::ChainEnd::Unknown(_) => self.next.0,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_result_does_not_depend_on_the_pieces(piece in 1_usize..20_000) {
        prop_assert_eq!(walk_of(&GOOD, piece), walk_of(&GOOD, usize::MAX));
    }

    /// Where WAL is in use, every bit is covered by a checksum or compared.
    #[test]
    fn any_flipped_bit_of_a_record_is_found(place: prop::sample::Index, bit in 0_u8..8) {
        let mut bytes = GOOD.clone();
        let whole = walk_of(&bytes, usize::MAX).unwrap();
        let at = place.index(bytes.len());
        bytes[at] ^= 1 << bit;

        match walk_of(&bytes, usize::MAX) {
            Err(_) => {}
            // Padding between records, and in headers of pages.
            Ok(walked) => prop_assert_eq!(walked.records, whole.records),
        }
    }

    /// Behind the damage, a survey finds what can be read of the segment by a later replay.
    #[test]
    fn a_survey_ends_as_the_undamaged_segment(
        places in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..4),
    ) {
        let whole = surveyed(&GOOD, None);
        let mut bytes = GOOD.clone();
        // The record at the end is checked when the next segment is read.
        let end = usize::try_from(walk_of(&bytes, usize::MAX).unwrap().chain.open_since() - begin().0).unwrap();
        for (place, bit) in places {
            // Behind the header of the segment, without which nothing can be read.
            let at = 40 + place.index(end - 40);
            bytes[at] ^= 1 << bit;
        }
        let walk = walk_of(&bytes, usize::MAX);
        let survey = surveyed(&bytes, None);

        let damage = survey.damage;
        prop_assert_eq!(walk.as_ref().err().copied(), damage.map(|damage| damage.fault));
        let Some(damage) = damage else { return Ok(()) };
        let mut read = Vec::new();
        let mut walk = SegmentWalk::begin(context(), None).unwrap();
        let _ = walk.feed(&bytes, &mut |record| read.push(record.start()));
        prop_assert!(read.iter().all(|start| *start < damage.ends_at));
        let next = STARTS.get(read.len());
        prop_assert!(next.is_none_or(|next| damage.ends_at <= *next), "{next:?}");
        if let Some(sound_from) = damage.sound_from {
            prop_assert!(STARTS.contains(&sound_from), "{sound_from}");
            prop_assert!(sound_from >= damage.ends_at);
            let chain = survey.walked.map(|walked| walked.chain);
            prop_assert_eq!(chain, whole.walked.map(|walked| walked.chain));
        }
    }

    /// The file was recycled: old WAL is behind the end, from somewhere within a page on.
    #[test]
    fn a_partial_segment_may_end_anywhere(cut in 40_usize..1_000_000, shift in 1_usize..9000) {
        let mut bytes = GOOD.clone();
        let old: Vec<u8> = GOOD.iter().copied().cycle().skip(cut + shift * 8).take(GOOD.len() - cut).collect();
        bytes[cut..].copy_from_slice(&old);
        let context = SegmentContext { is_partial: true, ..context() };
        let mut walk = SegmentWalk::begin(context, None).unwrap();
        walk.feed(&bytes, &mut |_| ()).unwrap();
        let walked = walk.finish().unwrap();

        let SegmentEnd::Ends(at) = walked.end else {
            return Err(TestCaseError::fail(format!("{:?}", walked.end)));
        };
        // A record that ends before the cut ends with the padding behind it.
        prop_assert!(at.0 <= 0x0180_0000 + (cut as u64).next_multiple_of(8), "{at}");
    }

    #[test]
    fn no_bytes_make_it_panic(start in prop::sample::select(vec![0_usize, 24, 40, 8192]), noise: Vec<u8>) {
        let mut bytes = GOOD[..start].to_vec();
        bytes.extend(noise);
        let _ = walk_of(&bytes, 7);
    }
}
