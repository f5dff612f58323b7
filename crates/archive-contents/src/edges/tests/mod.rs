//! Edges of what Barman wrote, sound, damaged, cut, framed, and compressed twice.

mod archives;

use std::fs;
use std::io::Write;
use std::path::Path;

use barman_archive::postgres::{Lsn, SegmentName, SegmentSize, TimelineHistory, TimelineId};
use proptest::prelude::*;

use super::*;
use crate::codec::TrailingBytes;
use crate::codec::tests::{TRAILER, plain_segment, segments};
use crate::tests::{base_backup, fixtures};

/// Size of the segments among the fixtures.
const SEGMENT: u64 = 1 << 20;

fn context(file: &str) -> SegmentContext {
    SegmentContext {
        name: SegmentName::parse(&file[..24]).unwrap(),
        size: SegmentSize::new(SEGMENT).unwrap(),
        system_identifier: None,
        history: None,
        is_partial: file.contains(".partial"),
    }
}

/// The segment that there is of every compression.
fn segment(compression: Option<Compression>, bytes: &[u8]) -> EdgeObject {
    EdgeObject {
        compression,
        object_bytes: bytes.len() as u64,
        content: EdgeContent::Wal(context("000000010000000000000018")),
    }
}

fn archive(compression: Option<Compression>, bytes: &[u8]) -> EdgeObject {
    EdgeObject {
        compression,
        object_bytes: bytes.len() as u64,
        content: EdgeContent::Tar,
    }
}

/// Reads the first bytes as a caller does: more until they show something.
fn start(object: &EdgeObject, bytes: &[u8]) -> Edge<StartProof> {
    for length in object.first_lengths() {
        let first = &bytes[..bytes.len().min(*length)];
        let edge = check_start(object, first);
        if edge != Edge::Unseen(Unseen::NeedsMore) {
            return edge;
        }
    }
    Edge::Unseen(Unseen::NeedsMore)
}

fn end(object: &EdgeObject, bytes: &[u8]) -> Edge<EndProof> {
    let last = bytes.len().saturating_sub(object.last_length());
    check_end(object, &bytes[..bytes.len().min(16)], &bytes[last..])
}

/// Word for what the first bytes show, in the table of what must be found.
fn word(edge: &Edge<StartProof>) -> &'static str {
    match edge {
        Edge::Proven(_) => "ok",
        Edge::Fault(EdgeFault::Codec(_) | EdgeFault::Content { .. }) => "codec",
        Edge::Fault(EdgeFault::Wal(WalFault::SystemIdentifier { .. })) => "sysid",
        Edge::Fault(EdgeFault::Wal(WalFault::PageAddress { .. })) => "pageaddr",
        Edge::Fault(EdgeFault::Wal(WalFault::Zeros { .. })) => "zeros",
        Edge::Fault(_) | Edge::Unseen(_) => panic!("{edge:?}"),
    }
}

#[test]
fn the_first_bytes_show_what_the_table_says() {
    let table = fs::read_to_string(fixtures().join("expected.tsv")).unwrap();
    let proof = start(&segment(None, plain_segment()), plain_segment());
    let Edge::Proven(StartProof::Wal(good)) = proof else {
        panic!("{proof:?}");
    };
    let mut rows = 0;
    for line in table.lines() {
        let cells: Vec<_> = line.split('\t').collect();
        let path = Path::new(cells[0]);
        if !cells[0].starts_with("wal/") || cells[1] == "-" {
            continue;
        }
        let bytes = fs::read(fixtures().join(path)).unwrap();
        let file = path.file_name().unwrap().to_str().unwrap();
        let mut context = context(file);
        if !cells[0].contains("timeline-switch") {
            context.system_identifier = Some(good.system_identifier);
        }
        let object = EdgeObject {
            compression: Compression::split(file).1,
            object_bytes: bytes.len() as u64,
            content: EdgeContent::Wal(context),
        };

        let edge = if cells[0].contains("flip-in-gzip") {
            // Behind the first 8 KiB, which are enough for the header.
            check_start(&object, &bytes)
        } else {
            start(&object, &bytes)
        };
        assert_eq!(word(&edge), cells[1], "{line}");
        rows += 1;
    }
    assert_eq!(rows, 23);
}

#[test]
fn the_last_bytes_show_what_was_cut() {
    for (file, expected) in [
        ("cut-gzip/000000010000000000000018.gz", "fault"),
        ("cut-zstd/000000010000000000000018.zst", "unseen"),
        ("empty/000000010000000000000018.gz", "fault"),
        ("framed/000000010000000000000018.xz", "fault"),
        ("xz-named-gz/000000010000000000000018.gz", "fault"),
    ] {
        let bytes = fs::read(fixtures().join("wal/bad").join(file)).unwrap();
        let object = segment(Compression::split(file).1, &bytes);

        let found = match end(&object, &bytes) {
            Edge::Proven(_) => "proven",
            Edge::Fault(_) => "fault",
            Edge::Unseen(_) => "unseen",
        };
        assert_eq!(found, expected, "{file}");
    }
}

#[test]
fn both_edges_of_a_sound_segment_are_proven() {
    let plain = (None, plain_segment().to_vec());
    let compressed = segments()
        .iter()
        .map(|(compression, bytes)| (Some(*compression), bytes.clone()));
    for (compression, bytes) in compressed.chain([plain]) {
        let object = segment(compression, &bytes);

        assert!(matches!(
            start(&object, &bytes),
            Edge::Proven(StartProof::Wal(page)) if page.format.major == 15 && page.page_bytes == 8192
        ));
        let content_bytes = Some(SEGMENT);
        let expected = match compression {
            Some(Compression::Snappy | Compression::Zstandard) => Edge::Unseen(Unseen::NoEnd),
            Some(Compression::Bzip2) => Edge::Proven(EndProof::default()),
            Some(Compression::Gzip | Compression::Xz | Compression::Lz4) | None => {
                Edge::Proven(EndProof {
                    content_bytes,
                    tail: None,
                })
            }
        };
        assert_eq!(end(&object, &bytes), expected, "{compression:?}");
    }
}

#[test]
fn segments_of_every_major_version_have_sound_edges() {
    for major in [10, 12, 14, 16, 18] {
        let folder = fixtures().join(format!("majors/{major}"));
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let file = path.file_name().unwrap().to_str().unwrap();
            if Compression::split(file).1 != Some(Compression::Xz) {
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            let bytes_of_segment = if major == 10 { 16 << 20 } else { SEGMENT };
            let mut context = context(file);
            context.size = SegmentSize::new(bytes_of_segment).unwrap();
            let object = EdgeObject {
                compression: Some(Compression::Xz),
                object_bytes: bytes.len() as u64,
                content: EdgeContent::Wal(context),
            };

            let proof = start(&object, &bytes);
            assert!(
                matches!(proof, Edge::Proven(StartProof::Wal(page)) if page.format.major == major),
                "{file}: {proof:?}"
            );
            assert!(matches!(end(&object, &bytes), Edge::Proven(_)), "{file}");
        }
    }
}

#[test]
fn a_newer_version_is_not_damage() {
    let mut bytes = plain_segment().to_vec();
    bytes[..2].copy_from_slice(&0xD1FF_u16.to_le_bytes());

    let edge = start(&segment(None, &bytes), &bytes);

    assert_eq!(edge, Edge::Unseen(Unseen::UnknownFormat { magic: 0xD1FF }));
}

#[test]
fn a_renamed_timeline_is_seen_with_the_history() {
    let file = "000000020000000000000018";
    let mut context = context(file);
    let mut edge = || {
        let object = EdgeObject {
            content: EdgeContent::Wal(context.clone()),
            ..segment(None, plain_segment())
        };
        let edge = start(&object, plain_segment());
        let text = "1\t0/1000000\tno recovery target specified\n";
        let history = TimelineHistory::parse(TimelineId(2), text.as_bytes());
        context.history = Some(history.unwrap());
        edge
    };

    assert!(matches!(edge(), Edge::Proven(_)));
    let expected = WalFault::Timeline {
        at: Lsn(0x180_0000),
        found: TimelineId(1),
    };
    assert_eq!(edge(), Edge::Fault(expected.into()));
}

#[test]
fn content_that_is_something_else_is_named() {
    for (compression, bytes) in segments() {
        let twice = gzip(bytes);
        let object = segment(Some(Compression::Gzip), &twice);

        let looks_like = Content::Compressed(*compression);
        let expected = Edge::Fault(EdgeFault::Content { looks_like });
        assert_eq!(start(&object, &twice), expected);
        let stated_bytes = bytes.len() as u64;
        let expected = Edge::Fault(EdgeFault::ContentSize { stated_bytes });
        assert_eq!(end(&object, &twice), expected);

        let named_plain = segment(None, bytes);
        let expected = Edge::Fault(EdgeFault::Content { looks_like });
        assert_eq!(start(&named_plain, bytes), expected);
    }
}

/// Puts framing around bytes, as boto3 sends them.
fn framed(bytes: &[u8]) -> Vec<u8> {
    let header = format!("{:x}\r\n", bytes.len());
    [header.as_bytes(), bytes, TRAILER].concat()
}

#[test]
fn framing_is_seen_at_both_edges() {
    let looks_like = Content::Framing;
    let all = segments()
        .iter()
        .map(|(compression, bytes)| (Some(*compression), &bytes[..]));
    for (compression, bytes) in all.chain([(None, plain_segment())]) {
        let framed = framed(bytes);
        let object = segment(compression, &framed);

        let expected = match compression {
            Some(_) => CodecFault::NotThisFormat {
                looks_like: Some(looks_like),
            }
            .into(),
            None => EdgeFault::Content { looks_like },
        };
        assert_eq!(start(&object, &framed), Edge::Fault(expected));
        assert_eq!(end(&object, &framed), Edge::Fault(EdgeFault::Framing));

        let trailer_only = [bytes, TRAILER].concat();
        let object = segment(compression, &trailer_only);
        // Small objects are in the first bytes with their end.
        let trailing = CodecFault::Trailing(TrailingBytes::Framing);
        let edge = start(&object, &trailer_only);
        assert!(matches!(edge, Edge::Proven(_)) || edge == Edge::Fault(trailing.into()));
        let found = end(&object, &trailer_only);
        assert_eq!(found, Edge::Fault(EdgeFault::Framing), "{compression:?}");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn snappy(bytes: &[u8]) -> Vec<u8> {
    let mut out = snap::write::FrameEncoder::new(Vec::new());
    out.write_all(bytes).unwrap();
    out.into_inner().unwrap()
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let info = lz4_flex::frame::FrameInfo::new().content_checksum(true);
    let mut out = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn too_few_first_bytes_are_never_a_fault(length in 0_usize..2000, more: prop::sample::Index) {
        let tar = base_backup("good");
        let mut objects = vec![
            (segment(None, plain_segment()), plain_segment().to_vec()),
            (archive(None, &tar), tar.clone()),
        ];
        for (compression, bytes) in segments() {
            objects.push((segment(Some(*compression), bytes), bytes.clone()));
        }
        for (compression, bytes) in [
            (Compression::Gzip, gzip(&tar)),
            (Compression::Snappy, snappy(&tar)),
            (Compression::Lz4, lz4(&tar)),
        ] {
            objects.push((archive(Some(compression), &bytes), bytes));
        }
        for (object, bytes) in objects {
            for length in [length, more.index(bytes.len())] {
                let edge = check_start(&object, &bytes[..length.min(bytes.len())]);
                prop_assert!(
                    matches!(edge, Edge::Proven(_) | Edge::Unseen(Unseen::NeedsMore)),
                    "{:?} {}: {:?}", object.compression, length, edge,
                );
            }
        }
    }

    #[test]
    fn a_cut_is_seen_at_the_end(place: prop::sample::Index) {
        for (compression, bytes) in segments() {
            let cut = &bytes[..place.index(bytes.len())];
            let edge = end(&segment(Some(*compression), cut), cut);

            let looks_like_an_end = match compression {
                Compression::Snappy | Compression::Zstandard => !cut.is_empty(),
                Compression::Lz4 => cut.ends_with(&[0; 4]),
                Compression::Gzip => cut.ends_with(&(1_u32 << 20).to_le_bytes()),
                Compression::Bzip2 | Compression::Xz => false,
            };
            let is_fault = matches!(edge, Edge::Fault(_));
            prop_assert!(is_fault || looks_like_an_end, "{:?}: {:?}", compression, edge);
        }
    }

    #[test]
    fn anything_behind_the_end_is_seen(junk in prop::collection::vec(1_u8.., 1..2000)) {
        for (compression, bytes) in segments() {
            let longer = [&bytes[..], &junk].concat();
            let edge = end(&segment(Some(*compression), &longer), &longer);

            match compression {
                Compression::Snappy | Compression::Zstandard => {
                    prop_assert_eq!(edge, Edge::Unseen(Unseen::NoEnd));
                }
                Compression::Gzip | Compression::Bzip2 | Compression::Xz | Compression::Lz4 => {
                    prop_assert!(matches!(edge, Edge::Fault(_)), "{:?}", compression);
                }
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(
        first: Vec<u8>,
        last: Vec<u8>,
        object_bytes: u64,
        place: prop::sample::Index,
    ) {
        let tar = base_backup("good");
        let mut damaged_tail = tar[tar.len() - TAIL_BYTES..].to_vec();
        let at = place.index(damaged_tail.len());
        for (byte, noise) in damaged_tail.iter_mut().skip(at).zip(&last) {
            *byte = *noise;
        }
        for (compression, bytes) in segments() {
            for compression in [Some(*compression), None] {
                for content in [EdgeContent::Tar, segment(None, b"").content] {
                    let object = EdgeObject { compression, object_bytes, content };
                    let mut damaged = bytes[..bytes.len().min(8192)].to_vec();
                    let at = place.index(damaged.len());
                    for (byte, noise) in damaged.iter_mut().skip(at).zip(&first) {
                        *byte = *noise;
                    }
                    let _ = (check_start(&object, &first), check_start(&object, &damaged));
                    let _ = (check_end(&object, &first, &last), check_end(&object, &first, &damaged));
                    let _ = check_end(&object, &damaged, &damaged_tail);
                    let magic = crate::codec::magic(compression.unwrap_or(Compression::Gzip));
                    let _ = check_start(&object, &[magic, &first].concat());
                }
            }
        }
    }
}
