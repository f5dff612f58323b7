//! Edges of what Barman wrote, sound, damaged, cut, framed, and compressed twice.

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

#[test]
fn both_edges_of_a_base_backup_are_proven() {
    let tar = base_backup("good");
    for (compression, bytes) in [
        (None, tar.clone()),
        (Some(Compression::Gzip), gzip(&tar)),
        (Some(Compression::Bzip2), bzip2(&tar)),
        (Some(Compression::Snappy), snappy(&tar)),
        (Some(Compression::Lz4), lz4(&tar)),
    ] {
        let object = archive(compression, &bytes);

        let proof = start(&object, &bytes);
        let Edge::Proven(StartProof::Tar { first_member }) = proof else {
            panic!("{compression:?}: {proof:?}");
        };
        assert!(first_member.is_some(), "{compression:?}");
        match (compression, end(&object, &bytes)) {
            (Some(Compression::Snappy), Edge::Unseen(Unseen::NoEnd)) | (_, Edge::Proven(_)) => {}
            (_, edge) => panic!("{compression:?}: {edge:?}"),
        }
    }
}

#[test]
fn the_tail_of_an_archive_has_the_label_and_pg_control() {
    let tar = base_backup("good");
    let edge = end(&archive(None, &tar), &tar);

    let Edge::Proven(EndProof {
        tail: Some(tail), ..
    }) = edge
    else {
        panic!("{edge:?}");
    };
    let label = String::from_utf8(tail.backup_label.unwrap()).unwrap();
    assert!(label.starts_with("START WAL LOCATION: "), "{label}");
    assert_eq!(tail.control.unwrap().unwrap().segment_size, 1 << 20);

    let damaged = base_backup("control");
    let Edge::Proven(proof) = end(&archive(None, &damaged), &damaged) else {
        panic!();
    };
    assert!(proof.tail.unwrap().control.unwrap().is_err());
}

/// Returns a member of an archive.
fn member(path: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    header[..path.len()].copy_from_slice(path.as_bytes());
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[148..156].fill(b' ');
    header[156] = b'0';
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let mut member = [&header, content].concat();
    member.resize(member.len().next_multiple_of(512), 0);
    member
}

#[test]
fn an_archive_within_an_archive_has_no_say() {
    let label = member("backup_label", b"START");
    let inner = [member("backup_label", b"OTHER"), vec![0; 1024]].concat();
    let end_marker = vec![0; 1024];
    for members in [
        [label.clone(), member("old.tar", &inner)],
        [member("old.tar", &inner), label],
    ] {
        let tar = [members.concat(), end_marker.clone()].concat();

        let Edge::Proven(proof) = end(&archive(None, &tar), &tar) else {
            panic!();
        };

        let found = proof.tail.unwrap().backup_label;
        assert_eq!(found.as_deref(), Some(&b"START"[..]));
    }
}

#[test]
fn base_backups_that_are_cut_are_seen_at_their_end() {
    for (name, is_sound) in [("good", true), ("gz-cut", false), ("no-label", false)] {
        let bytes = fs::read(fixtures().join(format!("base/{name}/data.tar.gz"))).unwrap();
        let object = archive(Some(Compression::Gzip), &bytes);

        assert!(matches!(start(&object, &bytes), Edge::Proven(_)), "{name}");
        let edge = end(&object, &bytes);
        assert_eq!(
            matches!(edge, Edge::Proven(_)),
            is_sound,
            "{name}: {edge:?}"
        );
    }
    let tar = base_backup("good");
    for cut in [1, 512, 1024, 10_240] {
        let cut = &tar[..tar.len() - cut];
        let edge = end(&archive(None, cut), cut);
        // Zeros of the last record are still an end after less than it has.
        let is_seen = edge == Edge::Fault(EdgeFault::End);
        assert!(is_seen || cut.len().is_multiple_of(512), "{}", cut.len());
    }
}

#[test]
fn archives_beyond_4_gib_state_their_size_modulo_that() {
    let trailer = |size: u64| {
        let mut bytes = vec![0; 100];
        bytes[96..].copy_from_slice(&size.to_le_bytes()[..4]);
        bytes
    };
    let records = 5_000_000_000 / 10_240;
    for (content, object_bytes, is_sound) in [
        (records * 10_240, 1_000_000_000, true),
        (records * 10_240 + 512, 1_000_000_000, false),
        // So small an object cannot hold as much.
        (records * 10_240, 1_000_000, false),
    ] {
        let object = EdgeObject {
            object_bytes,
            ..archive(Some(Compression::Gzip), b"")
        };
        let edge = check_end(&object, b"", &trailer(content));
        assert_eq!(matches!(edge, Edge::Proven(_)), is_sound, "{edge:?}");
    }
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
