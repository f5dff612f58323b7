//! Costs of further scans of an archive, and their view of its changes.

use std::collections::BTreeMap;

use embedded_s3::{Operation, Options};
use test_support::{EmbeddedArchive, Exporter};

use crate::recorded_archive::{ARCHIVE, SOON, configuration, first_scan, load, serve};

/// Number of times that each object was read.
fn reads(archive: &EmbeddedArchive) -> BTreeMap<String, usize> {
    let mut reads = BTreeMap::new();
    for request in archive.s3().requests() {
        if request.operation == Operation::GetObject {
            *reads.entry(request.key().unwrap()).or_default() += 1;
        }
    }
    reads
}

fn is_small_file(key: &str) -> bool {
    key.ends_with("/backup.info") || key.ends_with("/annotations/keep") || key.contains(".history")
}

/// Only bucket of the store, with which the destination starts.
fn bucket(destination: &str) -> &str {
    destination.split_once('/').unwrap().0
}

#[tokio::test]
async fn a_file_is_read_once_and_again_when_it_has_changed() {
    let (store, expected) = load();
    let destination = expected.destination();
    let bucket = bucket(&destination);
    let keys = store
        .keys(bucket)
        .into_iter()
        .filter(|key| is_small_file(key));
    let once: BTreeMap<String, usize> = keys.map(|key| (key, 1)).collect();
    let archive = serve(store, &expected, Options::default()).await;
    let exporter = Exporter::start(configuration(&archive, None)).await;

    exporter.wait_for_fresh_scan(ARCHIVE, SOON).await;
    exporter.wait_for_fresh_scan(ARCHIVE, SOON).await;
    assert_eq!(reads(&archive), once);

    let changed = once
        .keys()
        .find(|key| key.ends_with("/backup.info"))
        .unwrap();
    archive.s3().clear_requests();
    archive
        .store()
        .update(bucket, changed, |object| object.etag = "another".to_owned());
    exporter.wait_for_fresh_scan(ARCHIVE, SOON).await;
    exporter.wait_for_fresh_scan(ARCHIVE, SOON).await;
    assert_eq!(reads(&archive), BTreeMap::from([(changed.clone(), 1)]));
}

#[tokio::test]
async fn a_server_that_vanishes_takes_its_series_along() {
    let (store, expected) = load();
    let destination = expected.destination();
    let archive = serve(store, &expected, Options::default()).await;
    let exporter = Exporter::start(configuration(&archive, None)).await;
    let [gone, kept] = expected
        .server_names()
        .try_into()
        .expect("two servers were recorded");
    let before = first_scan(&exporter).await;
    assert!(before.iter().any(|sample| sample.label("server") == gone));

    let (bucket, prefix) = destination.split_once('/').unwrap();
    let its_own = format!("{prefix}/{gone}/");
    for key in archive
        .store()
        .keys(bucket)
        .iter()
        .filter(|key| key.starts_with(&its_own))
    {
        archive.store().remove(bucket, key);
    }
    let after = exporter.wait_for_fresh_scan(ARCHIVE, SOON).await;

    let of = |server: &str| {
        after
            .iter()
            .filter(|sample| sample.label("server") == server)
            .count()
    };
    let prefixes = after.all("barman_cloud_prefix_bytes", &[]);
    assert!(
        prefixes
            .iter()
            .all(|sample| !sample.label("prefix").starts_with(&gone))
    );
    assert_eq!(
        of(&kept),
        before
            .iter()
            .filter(|sample| sample.label("server") == kept)
            .count()
    );
    // Unfinished uploads outlive the objects, and are still paid for.
    let left = after.iter().filter(|sample| sample.label("server") == gone);
    let left: Vec<&str> = left.map(|sample| sample.name.as_str()).collect();
    assert!(
        left.iter().all(|name| name.contains("incomplete_uploads")),
        "{left:?}"
    );
}
