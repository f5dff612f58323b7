//! Keys that do not belong in an archive, but are counted.

use chrono::{DateTime, Utc};
use embedded_s3::{Options, Store, Upload};
use test_support::{EmbeddedArchive, Exporter, backup_info, every_second};

use crate::recorded_archive::{SOON, first_scan};

const BUCKET: &str = "bucket";

/// Names of servers that need an escape somewhere between the bucket and the page.
const ODD_SERVERS: [&str; 9] = [
    "plain",
    "with space",
    "with+plus",
    "100%25 percent",
    "größer 東京 🐘",
    "quote\"backslash\\",
    "two\nlines",
    "a&b<c>'d'",
    "{braces}=,",
];

/// Keys below the destination that belong to no server.
const STRAY_KEYS: [&str; 12] = [
    "barman/backup/",
    "barman/backup/directly-below",
    "barman/backup//without/a/name",
    "barman/backup//base/20260101T000000/backup.info",
    "barman/backup/marker/",
    "barman/backup/marker/base/",
    "barman/backup/marker/wals/",
    "barman/backup/plain/",
    "barman/backup/plain/base/",
    "barman/backup/plain/base//",
    "barman/backup/plain/wals//000000010000000000000001",
    "barman/backup/plain/elsewhere/a b+c%2Bd",
];

/// Directories that do not belong to a server: more than get a prefix of their own on the page.
const STRAY_DIRECTORIES: u64 = 70;

/// Keys that only look as if they were below the destination.
const KEYS_OF_OTHERS: [&str; 4] = [
    "barman/backup",
    "barman/backup-old/plain/base/1/data.tar",
    "barman/backup.txt",
    "barman/",
];

fn moment() -> DateTime<Utc> {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

/// Archive with all of these keys, and the sum of the bytes below the destination.
fn odd_archive() -> (Store, u32, u32) {
    let store = Store::default();
    for server in ODD_SERVERS {
        let key = |rest: &str| format!("barman/backup/{server}/{rest}");
        let info = backup_info(1, "DONE");
        store.put_bytes(
            BUCKET,
            key("base/20260101T030000/backup.info"),
            info,
            moment(),
        );
        store.put_zeros(BUCKET, key("base/20260101T030000/data.tar"), 7001, moment());
        let upload = Upload {
            key: key("base/20260102T030000/data.tar"),
            upload_id: "upload+1".to_owned(),
            initiated: moment(),
            parts: Vec::new(),
        };
        store.begin_upload(BUCKET, upload);
    }
    for number in 0..STRAY_DIRECTORIES {
        store.put_zeros(
            BUCKET,
            format!("barman/backup/stray-{number}/x"),
            number,
            moment(),
        );
    }
    for (size, key) in (1..).zip(STRAY_KEYS.into_iter().chain(KEYS_OF_OTHERS)) {
        let size = if key.ends_with('/') { 0 } else { size };
        store.put_zeros(BUCKET, key, size, moment());
    }
    let keys = store
        .keys(BUCKET)
        .into_iter()
        .filter(|key| key.starts_with("barman/backup/"));
    let sizes = keys.map(|key| store.get(BUCKET, &key).unwrap().content.len());
    let sizes: Vec<u32> = sizes.map(|size| size.try_into().unwrap()).collect();
    (store, sizes.iter().sum(), sizes.len().try_into().unwrap())
}

async fn assert_all_counted(options: Options) {
    let (store, bytes, objects) = odd_archive();
    let archive = EmbeddedArchive::start(store, "bucket/barman/backup", options).await;
    let configuration = every_second([archive.settings("odd")]).to_string();
    let exporter = Exporter::start(configuration).await;

    let samples = first_scan(&exporter).await;

    assert_eq!(
        samples.sum("barman_cloud_prefix_bytes", &[]),
        f64::from(bytes)
    );
    assert_eq!(
        samples.sum("barman_cloud_prefix_objects", &[]),
        f64::from(objects)
    );
    assert_eq!(
        samples.sum("barman_cloud_storage_class_bytes", &[]),
        f64::from(bytes)
    );
    assert_eq!(
        samples.value("barman_cloud_scan_objects", &[]),
        Some(f64::from(objects))
    );
    let servers = samples.all("barman_cloud_server_info", &[]);
    let mut names: Vec<&str> = servers
        .iter()
        .map(|sample| sample.label("server"))
        .collect();
    names.sort_unstable();
    let mut expected = ODD_SERVERS.to_vec();
    expected.sort_unstable();
    assert_eq!(names, expected);
    for server in ODD_SERVERS {
        let done = [("server", server), ("state", "done")];
        assert_eq!(
            samples.value("barman_cloud_backups", &done),
            Some(1.0),
            "{server}"
        );
        let uploads = samples.value("barman_cloud_incomplete_uploads", &[("server", server)]);
        assert_eq!(uploads, Some(1.0), "{server}");
    }
}

#[tokio::test]
async fn objects_with_odd_keys_are_all_counted() {
    for space_as_plus in [true, false] {
        assert_all_counted(Options {
            space_as_plus,
            ..Options::default()
        })
        .await;
    }
}

#[tokio::test]
async fn objects_with_odd_keys_are_all_counted_on_pages_of_one_key() {
    for space_as_plus in [true, false] {
        assert_all_counted(Options {
            page_limit: 1,
            space_as_plus,
            ..Options::default()
        })
        .await;
    }
}

#[tokio::test]
async fn a_whole_bucket_can_be_the_destination() {
    let (store, ..) = odd_archive();
    let keys = store.keys(BUCKET).len();
    let archive = EmbeddedArchive::start(store, BUCKET, Options::default()).await;
    let exporter = Exporter::start(every_second([archive.settings("odd")]).to_string()).await;

    let samples = exporter
        .wait_for("all objects", SOON, |samples| {
            samples.value("barman_cloud_scan_objects", &[]).is_some()
        })
        .await;

    let keys = f64::from(u32::try_from(keys).unwrap());
    assert_eq!(samples.sum("barman_cloud_prefix_objects", &[]), keys);
    assert_eq!(samples.value("barman_cloud_scan_objects", &[]), Some(keys));
}
