//! Base backups with real contents, sound and damaged.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use embedded_s3::Store;

/// Id of the backups of [`put_contents`].
pub const CONTENTS_BACKUP: &str = "20261128T043154";

/// Segment that makes these backups consistent.
pub const CONTENTS_SEGMENT: &str = "000000010000000000000024";

fn fixtures() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let tests = tests.expect("this crate lies in the directory of the tests");
    tests.join("fixtures/contents/base")
}

/// Puts a base backup that `PostgreSQL` and Barman wrote, and its WAL, into a server's directory, which
/// is stated with its bucket's prefix: `good`, or one of the damaged ones.
///
/// # Panics
/// Panics if there is no such backup.
pub fn put_contents(store: &Store, bucket: &str, directory: &str, backup: &str, at: DateTime<Utc>) {
    let base = format!("base/{CONTENTS_BACKUP}");
    let wal = format!("wals/0000000100000000/{CONTENTS_SEGMENT}.xz");
    for (key, file) in [
        (
            format!("{base}/data.tar.gz"),
            format!("{backup}/data.tar.gz"),
        ),
        (
            format!("{base}/backup.info"),
            format!("{backup}/backup.info"),
        ),
        (wal.clone(), wal),
    ] {
        let content = fs::read(fixtures().join(file)).expect("the fixture exists");
        store.put_bytes(bucket, format!("{directory}/{key}"), content, at);
    }
}
