//! `verify` as a program: what it reads, what it prints and how it ends, for archives that hold what
//! real servers and Barman wrote.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may end so"
)]

mod damage;
mod interrupt;
mod killed;
mod selection;
mod state;

use std::fs;
use std::path::Path;

use barman_archive::barman::{BackupInfoText, Compression};
use chrono::{DateTime, Utc};
use embedded_s3::{Operation, Options, Request, Store};
use serde_json::{Value, json};
use test_support::{
    EmbeddedArchive, Ended, SMALL_BUCKET, SMALL_DESTINATION, run_exporter, small_key,
};

use crate::result::parsed;

/// Id of the backup of the fixtures.
const ID: &str = "20261128T043154";

/// Segment that makes that backup consistent.
const OWN_SEGMENT: &str = "000000010000000000000024";

const WAL_DIR: &str = "0000000100000000";

fn fixture(file: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/contents");
    fs::read(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn stored_at() -> DateTime<Utc> {
    "2026-11-28T05:00:00Z".parse().expect("a moment")
}

/// Stores a file of the fixtures as an object of the server.
fn put(store: &Store, key: &str, file: &str) {
    put_bytes(store, key, fixture(file));
}

fn put_bytes(store: &Store, key: &str, content: Vec<u8>) {
    store.put_bytes(SMALL_BUCKET, small_key(key), content, stored_at());
}

fn wal_key(file: &str) -> String {
    format!("wals/{WAL_DIR}/{file}")
}

/// Store with one of the base backups and the WAL that makes it consistent.
fn with_backup(name: &str) -> Store {
    let store = Store::default();
    for file in ["backup.info", "data.tar.gz"] {
        put(
            &store,
            &format!("base/{ID}/{file}"),
            &format!("base/{name}/{file}"),
        );
    }
    let segment = format!("{OWN_SEGMENT}.xz");
    put(
        &store,
        &wal_key(&segment),
        &format!("base/wals/{WAL_DIR}/{segment}"),
    );
    store
}

/// Store with three segments of WAL, and a backup that begins with the first one and has no readable data.
/// The second segment is this file of the fixtures.
fn with_wal(second: &str) -> Store {
    let store = Store::default();
    let first = "000000010000000000000017";
    let first_file = format!("wal/good/{first}.xz");
    let plain = Compression::Xz
        .decompress(&fixture(&first_file), 1 << 20)
        .expect("the fixture is sound");
    let identifier = plain[24..32].try_into().expect("eight bytes");
    let info = BackupInfoText::new("DONE")
        .begun("2026-11-28T02:00:00Z".parse().expect("a moment"), first)
        .ended("2026-11-28T02:10:00Z".parse().expect("a moment"), first)
        .with("end_xlog", "0/1700100")
        .with("systemid", u64::from_le_bytes(identifier))
        .with("xlog_segment_size", 1 << 20);
    let base = "base/20261128T020000";
    put_bytes(
        &store,
        &format!("{base}/backup.info"),
        info.to_string().into_bytes(),
    );
    put_bytes(&store, &format!("{base}/data.tar"), b"data".to_vec());
    put(&store, &wal_key(&format!("{first}.xz")), &first_file);
    let name = second.rsplit('/').next().expect("a name");
    put(&store, &wal_key(name), second);
    let third = "000000010000000000000019.xz";
    put(&store, &wal_key(third), &format!("wal/good/{third}"));
    store
}

async fn serve(store: Store) -> EmbeddedArchive {
    EmbeddedArchive::start(store, SMALL_DESTINATION, Options::default()).await
}

/// Configuration of the archive, with these settings of `verification`.
fn configuration(archive: &EmbeddedArchive, verification: &Value) -> Value {
    json!({
        "scan": { "maxAttempts": 1 },
        "verification": verification,
        "archives": [archive.settings("production")],
    })
}

/// Verifies an archive with these settings of `verification`.
async fn verify_with(archive: &EmbeddedArchive, verification: &Value, arguments: &[&str]) -> Ended {
    archive.write(
        "config.yaml",
        &configuration(archive, verification).to_string(),
    );
    let file = archive.directory().join("config.yaml");
    let mut all = vec![
        "verify".to_owned(),
        "--config.file".to_owned(),
        file.display().to_string(),
    ];
    all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    let run = move || run_exporter(&all.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    tokio::task::spawn_blocking(run)
        .await
        .expect("the program can be run")
}

/// Verifies an archive without `verification` in the configuration.
async fn verify(archive: &EmbeddedArchive, arguments: &[&str]) -> Ended {
    verify_with(archive, &json!(null), arguments).await
}

/// Verifies an archive, and returns the exit code with the parsed JSON.
async fn found(
    archive: &EmbeddedArchive,
    verification: &Value,
    arguments: &[&str],
) -> (Option<i32>, Value) {
    let all = [arguments, &["--output", "json"]].concat();
    let ended = verify_with(archive, verification, &all).await;
    (ended.code, parsed(&ended))
}

/// Only server of a result.
fn server(document: &Value) -> &Value {
    &document["archives"][0]["servers"][0]
}

/// Requests for contents that a store received: those for data and WAL, except listings.
fn reads(archive: &EmbeddedArchive) -> Vec<Request> {
    let is_read = |request: &Request| {
        let is_content = request.path.contains("data.tar") || request.path.contains("/wals/");
        is_content
            && matches!(
                request.operation,
                Operation::GetObject | Operation::HeadObject
            )
    };
    let requests = archive.s3().requests();
    requests.into_iter().filter(is_read).collect()
}

/// Replaces what differs from one run to the next.
fn steady(text: &str, archive: &EmbeddedArchive) -> String {
    let mut steady = String::new();
    for line in text.lines() {
        let line = match line.split_once(" as of ") {
            Some((status, _)) => format!("{status} as of NOW"),
            None => line.to_owned(),
        };
        let line = match line.rsplit_once(" and ") {
            Some((sums, rest)) if rest.contains("second") => format!("{sums} and SECONDS."),
            Some(_) | None => line,
        };
        steady.push_str(&line);
        steady.push('\n');
    }
    steady.replace(archive.s3().endpoint().as_str(), "ENDPOINT")
}
