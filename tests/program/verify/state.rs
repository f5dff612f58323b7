//! State file: what was verified is remembered, and left to a daemon that uses it.

use std::fs::{self, File};

use serde_json::{Value, json};
use test_support::EmbeddedArchive;

use crate::verify::{ID, found, reads, serve, server, verify_with, with_backup};

fn remembering(archive: &EmbeddedArchive) -> Value {
    json!({ "stateDirectory": archive.directory().join("state") })
}

#[tokio::test]
async fn what_was_verified_is_not_read_again() {
    let archive = serve(with_backup("good")).await;
    let settings = remembering(&archive);
    found(&archive, &settings, &[]).await;
    archive.s3().clear_requests();

    let (code, document) = found(&archive, &settings, &[]).await;

    assert_eq!(code, Some(0), "{document}");
    assert_eq!(reads(&archive), []);
    let backup = &server(&document)["backups"][0];
    assert_eq!(
        (&backup["verdict"], &backup["read_now"]),
        (&json!("sound"), &json!(false))
    );
    assert_eq!(server(&document)["wal"]["read_before"], 1);
}

#[tokio::test]
async fn what_is_named_is_read_again() {
    let archive = serve(with_backup("good")).await;
    let settings = remembering(&archive);
    found(&archive, &settings, &[]).await;
    archive.s3().clear_requests();

    let (_, document) = found(&archive, &settings, &["--backup", ID]).await;

    assert_eq!(server(&document)["backups"][0]["read_now"], true);
    assert_eq!(server(&document)["wal"]["read_now"], 0);
    let (_, document) = found(&archive, &settings, &["--wal", "all"]).await;
    assert_eq!(server(&document)["backups"][0]["read_now"], false);
    assert_eq!(server(&document)["wal"]["read_now"], 1);
}

#[tokio::test]
async fn corruption_that_is_known_stays_known() {
    let archive = serve(with_backup("no-label")).await;
    let settings = remembering(&archive);
    found(&archive, &settings, &[]).await;
    archive.s3().clear_requests();

    let (code, document) = found(&archive, &settings, &[]).await;

    assert_eq!(code, Some(2), "{document}");
    assert_eq!(reads(&archive), []);
}

#[tokio::test]
async fn a_file_that_is_in_use_is_read_and_not_written() {
    let archive = serve(with_backup("good")).await;
    let settings = remembering(&archive);
    found(&archive, &settings, &["--level", "wal"]).await;
    let file = archive
        .directory()
        .join("state/verification-production.json");
    let before = fs::read(&file).expect("it was saved");
    let lock = File::create(
        archive
            .directory()
            .join("state/verification-production.lock"),
    );
    let lock = lock.expect("the lock can be opened");
    lock.try_lock().expect("nobody holds it");
    archive.s3().clear_requests();

    let ended = verify_with(&archive, &settings, &[]).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.errors.contains("is in use by another process"),
        "{ended:?}"
    );
    assert_eq!(fs::read(&file).expect("it is there"), before);
    let paths: Vec<_> = reads(&archive)
        .into_iter()
        .map(|request| request.path)
        .collect();
    assert!(
        paths.iter().all(|path| path.contains("data.tar")),
        "{paths:?}"
    );
}

#[tokio::test]
async fn the_budget_of_a_daemon_stays_as_it_was() {
    let archive = serve(with_backup("good")).await;
    let settings = remembering(&archive);
    found(&archive, &settings, &["--max-bytes", "1GB"]).await;
    let file = archive
        .directory()
        .join("state/verification-production.json");
    let saved = || -> Value {
        let text = fs::read_to_string(&file).expect("it was saved");
        serde_json::from_str(&text).expect("it is JSON")
    };
    let mut state = saved();
    state["budget"]["daily"] = json!(1000);
    state["budget"]["available"] = json!(777);
    fs::write(&file, state.to_string()).expect("it can be written");

    found(&archive, &settings, &["--backup", ID, "--max-bytes", "1GB"]).await;

    assert_eq!(saved()["budget"], state["budget"]);
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let archive = serve(with_backup("good")).await;

    found(&archive, &remembering(&archive), &["--dry-run"]).await;

    assert!(!archive.directory().join("state").exists());
}
