//! What is read, and what only counted.

use serde_json::{Value, json};

use crate::verify::{
    ID, OWN_SEGMENT, found, put, reads, serve, server, steady, verify, verify_with, wal_key,
    with_backup, with_wal,
};

const SOUND: &str = "wal/good/000000010000000000000018.xz";

#[tokio::test]
async fn a_dry_run_reads_no_contents() {
    let archive = serve(with_backup("good")).await;
    let price = json!({ "egressPricePerGB": "0.09" });

    let ended = verify_with(&archive, &price, &["--dry-run"]).await;
    let (code, document) = found(&archive, &price, &["--dry-run"]).await;

    assert_eq!((ended.code, code), (Some(0), Some(0)), "{ended:?}");
    insta::assert_snapshot!(steady(&ended.output, &archive));
    assert_eq!(ended.errors, "");
    assert_eq!(reads(&archive), []);
    assert_eq!(
        document["planned"],
        json!({ "objects": 2, "requests": 5, "bytes": 88_416 })
    );
    assert_eq!(document["planned_price"], "0.01");
    assert_eq!(document["read"], Value::Null);
}

#[tokio::test]
async fn what_is_larger_than_the_rest_of_max_bytes_is_not_read() {
    let archive = serve(with_backup("good")).await;

    let (code, document) = found(&archive, &json!(null), &["--max-bytes", "30kB"]).await;

    assert_eq!(code, Some(1), "{document}");
    let backup = &server(&document)["backups"][0];
    assert_eq!(
        (&backup["unread"], &backup["depth"]),
        (&json!("max_bytes"), &Value::Null)
    );
    assert_eq!(server(&document)["wal"]["sound"], 1);
    assert!(document["read"]["bytes"].as_u64() <= Some(30_000));
}

#[tokio::test]
async fn a_range_of_segments_is_read_and_nothing_else() {
    let archive = serve(with_wal(SOUND)).await;
    let range = "000000010000000000000018..000000010000000000000018";

    let (code, document) = found(&archive, &json!(null), &["--level", "wal", "--wal", range]).await;

    // The WAL that makes the backup consistent, and the range.
    assert_eq!(
        code,
        Some(1),
        "the data of the backup make no sense: {document}"
    );
    assert_eq!(server(&document)["wal"]["selected"], 2);
    assert!(
        reads(&archive)
            .iter()
            .all(|request| !request.path.contains("000000010000000000000019"))
    );
}

#[tokio::test]
async fn a_range_beyond_the_archive_says_what_is_not_there() {
    let archive = serve(with_wal(SOUND)).await;
    let range = "000000010000000000000018..000000010000000000000020";

    let (_, document) = found(&archive, &json!(null), &["--level", "wal", "--wal", range]).await;
    let nothing = "000000010000000000000030..000000010000000000000040";
    let ended = verify(&archive, &["--wal", nothing]).await;

    assert_eq!(server(&document)["wal"]["absent"], 7, "{document}");
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.errors.contains("no segment from"), "{ended:?}");
}

#[tokio::test]
async fn all_wal_includes_what_lies_before_the_newest_backup() {
    let store = with_wal(SOUND);
    let archive = serve(store).await;
    for file in ["backup.info", "data.tar.gz"] {
        put(
            archive.store(),
            &format!("base/{ID}/{file}"),
            &format!("base/good/{file}"),
        );
    }
    let segment = format!("{OWN_SEGMENT}.xz");
    put(
        archive.store(),
        &wal_key(&segment),
        &format!("base/wals/0000000100000000/{segment}"),
    );

    let (_, new) = found(&archive, &json!(null), &["--level", "wal"]).await;
    let (_, all) = found(&archive, &json!(null), &["--level", "wal", "--wal", "all"]).await;
    let (_, both) = found(
        &archive,
        &json!(null),
        &["--level", "wal", "--backup", "all"],
    )
    .await;

    assert_eq!(server(&new)["wal"]["selected"], 1, "{new}");
    assert_eq!(server(&all)["wal"]["selected"], 4, "{all}");
    assert_eq!(server(&both)["wal"]["selected"], 2, "{both}");
    assert_eq!(server(&both)["backups"][1]["id"], "20261128T020000");
}

#[tokio::test]
async fn the_level_is_the_configured_one_or_full() {
    let archive = serve(with_backup("good")).await;

    let (_, full) = found(&archive, &json!(null), &["--dry-run"]).await;
    let (_, edges) = found(&archive, &json!({ "level": "edges" }), &["--dry-run"]).await;
    let asked = ["--dry-run", "--level", "wal"];
    let (_, wal) = found(&archive, &json!({ "level": "edges" }), &asked).await;

    let levels = [&full, &edges, &wal].map(|document| &server(document)["level"]);
    assert_eq!(levels, ["full", "edges", "wal"]);
}

#[tokio::test]
async fn names_that_nothing_has_end_with_3() {
    let archive = serve(with_backup("good")).await;

    for (arguments, why) in [
        (["--archive", "nowhere"], "no archive is named `nowhere`"),
        (["--server", "nobody"], "no server is named `nobody`"),
        (
            ["--backup", "20200101T000000"],
            "has the id `20200101T000000`",
        ),
    ] {
        let ended = verify(&archive, &arguments).await;

        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(ended.errors.contains(why), "{ended:?}");
        assert_eq!(ended.output, "");
    }
    assert_eq!(reads(&archive), []);
}
