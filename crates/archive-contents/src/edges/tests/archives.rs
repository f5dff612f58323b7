//! Edges of base backups.

use super::*;

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
