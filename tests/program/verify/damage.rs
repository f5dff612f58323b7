//! Sound and damaged contents: what is said of them, and exit codes.

use barman_archive::barman::Compression;
use embedded_s3::{Action, ErrorAnswer, Fault, Operation, When};
use serde_json::json;
use test_support::EmbeddedArchive;

use crate::verify::{
    ID, OWN_SEGMENT, WAL_DIR, fixture, found, put_bytes, serve, server, steady, verify, wal_key,
    with_backup, with_wal,
};

#[tokio::test]
async fn a_sound_backup_ends_with_0_and_says_what_is_not_proven() {
    let archive = serve(with_backup("good")).await;

    let ended = verify(&archive, &[]).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
    insta::assert_snapshot!(steady(&ended.output, &archive));
    insta::assert_snapshot!(ended.errors, @"To be read: 2 objects, 86.3 KiB in 5 requests");
    for forbidden in ["restorable", "intact", "can be restored and"] {
        assert!(!ended.output.contains(forbidden), "{}", ended.output);
    }
}

#[tokio::test]
async fn the_json_has_what_was_read_and_how_far_wal_is_proven() {
    let archive = serve(with_backup("good")).await;

    let (code, document) = found(&archive, &json!(null), &[]).await;

    assert_eq!(code, Some(0));
    let backup = &server(&document)["backups"][0];
    assert_eq!(
        (&backup["id"], &backup["verdict"]),
        (&json!(ID), &json!("sound"))
    );
    assert_eq!(backup["proven_wal"]["segment"], OWN_SEGMENT);
    assert_eq!(backup["proven_wal"]["arrived_at"], "2026-11-28T05:00:00Z");
    assert!(backup["pages"]["zero"].as_u64() > Some(0), "{backup}");
    assert_eq!(
        document["read"],
        json!({ "objects": 2, "requests": 2, "bytes": 88_416 })
    );
    assert_eq!(server(&document)["wal"]["sound"], 1);
}

#[tokio::test]
async fn damage_of_each_kind_of_backup_has_its_exit_code() {
    for (name, code, verdict) in [
        ("control", 2, "corrupt"),
        ("flip-still", 2, "corrupt"),
        ("gz-cut", 2, "corrupt"),
        ("no-label", 2, "corrupt"),
        ("flip-rewritten-by-wal", 0, "sound"),
        ("unlogged", 0, "sound"),
        ("zero-page-not-seen", 0, "sound"),
    ] {
        let archive = serve(with_backup(name)).await;

        let (ended, document) = found(&archive, &json!(null), &[]).await;

        assert_eq!(ended, Some(code), "{name}");
        let backup = &server(&document)["backups"][0];
        assert_eq!(backup["verdict"], verdict, "{name}: {backup}");
    }
}

#[tokio::test]
async fn a_corrupt_segment_is_told_with_the_end_of_replay() {
    let archive = serve(with_wal(
        "wal/bad/flip-recompressed/000000010000000000000018.xz",
    ))
    .await;

    let ended = verify(&archive, &["--level", "wal"]).await;

    assert_eq!(ended.code, Some(2), "{ended:?}");
    insta::assert_snapshot!(steady(&ended.output, &archive));
}

#[tokio::test]
async fn a_corrupt_backup_is_told_in_plain_words() {
    let archive = serve(with_backup("no-label")).await;

    let ended = verify(&archive, &[]).await;

    assert_eq!(ended.code, Some(2), "{ended:?}");
    insta::assert_snapshot!(steady(&ended.output, &archive));
}

#[tokio::test]
async fn damage_that_is_read_once_is_suspect_and_ends_with_1() {
    let archive = serve(with_backup("no-label")).await;
    // The WAL of the backup counts twice: it may have to judge pages.
    let size = fixture("base/no-label/data.tar.gz").len() + 2 * fixture_of_segment().len();
    let only_once = format!("{}kB", size / 1000 + 2);

    let (code, document) = found(&archive, &json!(null), &["--max-bytes", &only_once]).await;

    let backup = &server(&document)["backups"][0];
    assert_eq!(code, Some(1), "{document}");
    assert_eq!(backup["verdict"], "suspect");
}

fn fixture_of_segment() -> Vec<u8> {
    fixture(&format!("base/wals/{WAL_DIR}/{OWN_SEGMENT}.xz"))
}

#[tokio::test]
async fn damaged_edges_are_read_again_as_a_whole() {
    let archive = serve(with_wal("wal/bad/foreign/000000010000000000000018.xz")).await;

    let (code, document) = found(&archive, &json!(null), &["--level", "edges"]).await;

    let segment = &server(&document)["segments"][0];
    assert_eq!(code, Some(2), "{document}");
    assert_eq!(
        (&segment["verdict"], &segment["depth"]),
        (&json!("corrupt"), &json!("whole"))
    );
}

#[tokio::test]
async fn what_the_store_refuses_ends_with_1() {
    let archive = serve(with_backup("good")).await;
    let data = When::operation(Operation::GetObject).containing("data.tar.gz");
    let denied = ErrorAnswer::new(403, "AccessDenied", "no");
    archive
        .s3()
        .faults()
        .add(Fault::new(data, Action::Error(denied)));

    let (code, document) = found(&archive, &json!(null), &[]).await;

    assert_eq!(code, Some(1), "{document}");
    assert_eq!(
        server(&document)["backups"][0]["faults"],
        json!(["refused"])
    );
}

/// Answer of a store whose index knows an object that is not there.
fn lose(archive: &EmbeddedArchive, key: &str) {
    let get = When::operation(Operation::GetObject).containing(key);
    let gone = ErrorAnswer::new(404, "NoSuchKey", "no");
    archive
        .s3()
        .faults()
        .add(Fault::new(get, Action::Error(gone)));
}

#[tokio::test]
async fn a_segment_that_is_not_given_out_is_named() {
    let archive = serve(with_wal("wal/good/000000010000000000000018.xz")).await;
    lose(&archive, "000000010000000000000018");

    let ended = verify(&archive, &["--level", "wal"]).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    for line in [
        "unreadable segment 000000010000000000000018 is listed but not returned by the store",
        "2 of 3 files read, 1 unreadable",
    ] {
        assert!(ended.output.contains(line), "{line}: {}", ended.output);
    }
}

#[tokio::test]
async fn of_many_unreadable_segments_ten_are_named() {
    let store = with_wal("wal/good/000000010000000000000018.xz");
    for low in 0x19..0x24 {
        let key = wal_key(&format!("0000000100000000000000{low:02X}.xz"));
        put_bytes(&store, &key, vec![7; 100]);
    }
    let archive = serve(store).await;
    lose(&archive, "wals/");

    let ended = verify(&archive, &["--level", "wal", "--wal", "all"]).await;

    let named = ended.output.matches("unreadable segment ").count();
    assert_eq!((ended.code, named), (Some(1), 10), "{}", ended.output);
    assert!(
        ended.output.contains("and 3 more that cannot be judged"),
        "{}",
        ended.output
    );
}

#[tokio::test]
async fn a_scan_that_fails_ends_with_3() {
    let archive = serve(with_backup("good")).await;
    archive.write_credentials("exporter-key-id", "wrong");

    let (code, document) = found(&archive, &json!(null), &[]).await;

    assert_eq!(code, Some(3), "{document}");
    assert_eq!(document["archives"][0]["error"]["kind"], "auth");
}

#[tokio::test]
async fn no_contents_are_shown() {
    let archive = serve(with_backup("no-label")).await;
    let plain = Compression::Gzip
        .decompress(&fixture("base/no-label/data.tar.gz"), 1 << 26)
        .expect("the fixture can be decompressed");
    let texts: Vec<&str> = plain
        .split(|byte| !byte.is_ascii_graphic())
        .filter(|text| text.len() >= 12 && text.iter().any(u8::is_ascii_lowercase))
        .filter_map(|text| std::str::from_utf8(text).ok())
        .collect();

    let text = verify(&archive, &["--log.level", "info,verification=trace"]).await;
    let json = verify(&archive, &["--output", "json"]).await;

    assert!(!texts.is_empty());
    for output in [text.output, text.errors, json.output, json.errors] {
        for content in &texts {
            assert!(!output.contains(content), "{content}: {output}");
        }
    }
}
