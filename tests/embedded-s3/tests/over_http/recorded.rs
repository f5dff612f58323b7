//! The recorded archive.

use std::path::Path;

use embedded_s3::{Content, recorded};

use crate::client::{get, list, query, serve};

fn directory() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/real-archive")
}

#[tokio::test]
async fn the_recorded_archive_is_served_as_it_was() {
    let (store, recorded) = recorded::load(&directory()).unwrap();
    let server = serve(&store, 1000).await;

    let keys = store.keys(&recorded.bucket);
    let page = get(&server, "kilobase?list-type=2").await;
    let uploads = get(&server, "kilobase?uploads").await;

    assert_eq!(recorded.now.to_rfc3339(), "2026-11-15T12:00:00.278+00:00");
    assert_eq!((keys.len(), page.all("Key")), (75, keys));
    assert_eq!(
        page.all("Size")
            .iter()
            .map(|size| size.parse::<u64>().unwrap())
            .sum::<u64>(),
        69_383_385
    );
    let (key, id) = (&uploads.all("Key")[0], &uploads.all("UploadId")[0]);
    let parts = get(
        &server,
        &format!("kilobase/{key}?{}", query([("uploadId", id.as_str())])),
    )
    .await;
    assert_eq!(parts.all("Size"), ["5308416"; 3]);
    assert_eq!(list(&server, &[]).await.status, 404);
}

#[tokio::test]
async fn recorded_contents_are_as_long_as_listed() {
    let (store, recorded) = recorded::load(&directory()).unwrap();
    let server = serve(&store, 1000).await;
    let info = "barman/backup/kilobase-postgres-backup/base/20261101T030003/backup.info";

    let objects = store.keys(&recorded.bucket);
    let objects = objects
        .iter()
        .map(|key| store.get(&recorded.bucket, key).unwrap());
    let real = objects
        .filter(|object| matches!(object.content, Content::Bytes(_)))
        .count();

    assert_eq!(real, 19);
    assert_eq!(
        store.get(&recorded.bucket, info).unwrap().content.len(),
        1291
    );
    assert!(
        get(&server, &format!("kilobase/{info}"))
            .await
            .body
            .contains("status=DONE")
    );
}

#[test]
fn a_directory_without_archive_is_an_error_naming_the_file() {
    let error = recorded::load(Path::new("nowhere")).unwrap_err();

    assert_eq!(error.to_string(), "`nowhere/meta.json` cannot be read");
}
