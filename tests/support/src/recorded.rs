//! Archive that was recorded from real programs, and the facts that are known about it.

use std::fs;
use std::path::{Path, PathBuf};

use barman_archive::barman::BackupInfoText;
use chrono::{DateTime, TimeDelta, Utc};
use embedded_s3::{Options, Part, Store, Upload, recorded as load_recorded};
use serde_json::Value;

use crate::EmbeddedArchive;

/// Bucket of the recording.
const BUCKET: &str = "kilobase";

/// Prefix of the recording's servers.
const PREFIX: &str = "barman/backup";

/// First server of the recording.
const SERVER: &str = "kilobase-postgres-backup";

/// JSON file next to the recording, such as `expected.json`.
///
/// # Panics
/// Panics if it is none.
pub fn recorded(name: &str) -> Value {
    serde_json::from_str(&read(name)).expect("the fixture is JSON")
}

/// Every object of the recording as it was listed, one JSON object each.
///
/// # Panics
/// Panics if the recording is broken.
pub fn recorded_objects() -> Vec<Value> {
    let listing = read("listing.jsonl");
    listing
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect()
}

/// Serves the recording.
///
/// # Panics
/// Panics if it cannot be loaded or served.
pub async fn recorded_archive() -> EmbeddedArchive {
    let (store, _) = load_recorded::load(&directory()).expect("the fixture can be loaded");
    let expected = recorded("expected.json");
    let text = |value: &Value| value.as_str().expect("a name is a text").to_owned();
    let prefix = expected
        .pointer("/servers/0/prefix")
        .map(text)
        .expect("it has a server");
    let bucket = expected.get("bucket").map(text).expect("it has a bucket");
    EmbeddedArchive::start(store, &format!("{bucket}/{prefix}"), Options::default()).await
}

/// Adds a running backup to the recording: it started ten minutes ago, and two parts of its data are
/// uploaded.
pub fn add_running_backup(store: &Store, now: DateTime<Utc>) {
    let began_at = now - TimeDelta::minutes(10);
    let key = |file: &str| backup_key(SERVER, began_at, file);
    let info = BackupInfoText::new("STARTED")
        .with("begin_time", began_at.format("%Y-%m-%d %H:%M:%S+00:00"))
        .with("systemid", 7_703_017_059_624_890_625_u64)
        .to_string();
    store.put_bytes(BUCKET, key("backup.info"), info, began_at);
    let part = |number| Part {
        number,
        size: 1_000_000,
        last_modified: began_at,
        etag: "e".into(),
    };
    let upload = Upload {
        key: key("data.tar"),
        upload_id: "under-way".into(),
        initiated: began_at,
        parts: vec![part(1), part(2)],
    };
    store.begin_upload(BUCKET, upload);
}

/// Adds a server `orders` to the recording, whose only backup ended twenty minutes ago and waits for
/// its WAL.
pub fn add_waiting_backup(store: &Store, now: DateTime<Utc>) {
    let at = now - TimeDelta::minutes(20);
    let key = |file: &str| backup_key("orders", at, file);
    let segment = "000000010000000000000003";
    let info = BackupInfoText::new("DONE")
        .begun(at, segment)
        .ended(at, segment)
        .with("end_xlog", "0/3000100")
        .to_string();
    store.put_bytes(BUCKET, key("backup.info"), info, at);
    store.put_zeros(BUCKET, key("data.tar"), 1000, at);
    let previous_segment = "wals/0000000100000000/000000010000000000000002.gz";
    store.put_zeros(
        BUCKET,
        format!("{PREFIX}/orders/{previous_segment}"),
        100,
        at,
    );
}

/// Key of a file of the backup that a server began at this moment.
fn backup_key(server: &str, began_at: DateTime<Utc>, file: &str) -> String {
    let id = began_at.format("%Y%m%dT%H%M%S");
    format!("{PREFIX}/{server}/base/{id}/{file}")
}

fn read(name: &str) -> String {
    fs::read_to_string(directory().join(name)).expect("the fixture can be read")
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/real-archive")
}
