//! Uploads that were not completed, and their parts.

use embedded_s3::{Part, Server, Store, Upload};

use crate::client::{Answer, BUCKET, get, moment, query, serve, store_of};

fn upload(key: &str, upload_id: &str, parts: i32) -> Upload {
    let part = |number| Part {
        number,
        size: 5_000_000_000,
        last_modified: moment(),
        etag: format!("part-{number}"),
    };
    let parts = (1..=parts).map(part).collect();
    Upload {
        key: key.to_owned(),
        upload_id: upload_id.to_owned(),
        initiated: moment(),
        parts,
    }
}

fn store() -> Store {
    let store = store_of(["x/object"]);
    for (key, id) in [
        ("x/b", "2"),
        ("x/b", "1"),
        ("x/a +", "9"),
        ("y", "5"),
        ("x/b", "3"),
    ] {
        store.begin_upload(BUCKET, upload(key, id, 3));
    }
    store
}

async fn uploads(server: &Server, parameters: &[(&str, &str)]) -> Answer {
    let all = [("uploads", "")]
        .into_iter()
        .chain(parameters.iter().copied());
    get(server, &format!("{BUCKET}?{}", query(all))).await
}

fn pairs(page: &Answer) -> Vec<(String, String)> {
    page.all("Key")
        .into_iter()
        .zip(page.all("UploadId"))
        .collect()
}

#[tokio::test]
async fn uploads_are_listed_page_by_page_by_key_and_id() {
    let server = serve(&store(), 2).await;

    let (mut found, mut markers) = (Vec::new(), None);
    loop {
        let parameters = markers.as_ref().map(|(key, id): &(String, String)| {
            vec![
                ("key-marker", key.as_str()),
                ("upload-id-marker", id.as_str()),
            ]
        });
        let page = uploads(&server, &parameters.unwrap_or_default()).await;
        found.extend(pairs(&page));
        if page.one("IsTruncated").as_deref() == Some("false") {
            break;
        }
        markers = page
            .one("NextKeyMarker")
            .zip(page.one("NextUploadIdMarker"));
    }

    let expected = [
        ("x/a +", "9"),
        ("x/b", "1"),
        ("x/b", "2"),
        ("x/b", "3"),
        ("y", "5"),
    ];
    assert_eq!(
        found,
        expected.map(|(key, id)| (key.to_owned(), id.to_owned()))
    );
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn uploads_of_a_prefix_are_listed_with_encoded_keys() {
    let server = serve(&store(), 1000).await;

    let page = uploads(&server, &[("prefix", "x/"), ("encoding-type", "url")]).await;

    assert_eq!(page.all("Key"), ["x/a+%2B", "x/b", "x/b", "x/b"]);
    assert_eq!(page.all("Initiated"), ["2023-11-14T22:13:20.250Z"; 4]);
}

#[tokio::test]
async fn a_key_marker_alone_is_behind_all_uploads_of_the_key() {
    let server = serve(&store(), 1000).await;

    let page = uploads(&server, &[("key-marker", "x/b")]).await;

    assert_eq!(page.all("Key"), ["y"]);
}

#[tokio::test]
async fn an_upload_that_ended_is_not_listed() {
    let store = store();
    store.end_upload(BUCKET, "y", "5");
    let server = serve(&store, 1000).await;

    assert_eq!(
        uploads(&server, &[("prefix", "y")]).await.all("Key"),
        [""; 0]
    );
    let parts = get(&server, "bucket/y?uploadId=5").await;
    assert_eq!(
        (parts.status, parts.one("Code").as_deref()),
        (404, Some("NoSuchUpload"))
    );
}

#[tokio::test]
async fn parts_are_listed_page_by_page() {
    let server = serve(&store(), 2).await;

    let first = get(&server, "bucket/x/b?uploadId=1").await;
    let marker = first.one("NextPartNumberMarker").unwrap();
    let path = format!("bucket/x/b?uploadId=1&part-number-marker={marker}");
    let second = get(&server, &path).await;

    assert_eq!(first.all("PartNumber"), ["1", "2"]);
    assert_eq!(first.all("Size"), ["5000000000"; 2]);
    assert_eq!(first.all("ETag"), ["\"part-1\"", "\"part-2\""]);
    assert_eq!(first.all("LastModified"), ["2023-11-14T22:13:20.250Z"; 2]);
    assert_eq!(first.one("IsTruncated").as_deref(), Some("true"));
    assert_eq!(second.all("PartNumber"), ["3"]);
    assert_eq!(second.one("IsTruncated").as_deref(), Some("false"));
}
