//! Single objects and buckets.

use bytes::Bytes;
use embedded_s3::{ChecksumKind, Checksums, Object, Operation, Server};
use reqwest::Method;

use crate::client::{BUCKET, get, list, moment, serve, store_of};

async fn send(server: &Server, method: Method, path: &str) -> reqwest::Response {
    let url = format!("{}/{path}", server.endpoint());
    reqwest::Client::new()
        .request(method, url)
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn an_object_is_read_with_its_metadata() {
    let server = serve(&store_of(["a b/ä+"]), 1000).await;

    let answer = get(&server, "bucket/a%20b/%C3%A4+").await;

    assert_eq!((answer.status, answer.body.as_str()), (200, "abc"));
    assert_eq!(
        answer.header("last-modified"),
        Some("Tue, 14 Nov 2023 22:13:20 GMT")
    );
    assert_eq!(
        answer.header("etag"),
        Some("\"900150983cd24fb0d6963f7d28e17f72\"")
    );
    assert_eq!(answer.header("content-length"), Some("3"));
    assert!(answer.header("x-amz-request-id").is_some());
}

/// Sends a request about the object `a` with these headers.
async fn send_with(
    server: &Server,
    method: Method,
    headers: &[(&'static str, &str)],
) -> reqwest::Response {
    let url = format!("{}/bucket/a", server.endpoint());
    let mut request = reqwest::Client::new().request(method, url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_range_of_an_object_is_read() {
    let server = serve(&store_of(["a"]), 1000).await;

    for (range, answered, body) in [
        ("bytes=1-1", "bytes 1-1/3", "b"),
        ("bytes=0-1", "bytes 0-1/3", "ab"),
        ("bytes=1-99", "bytes 1-2/3", "bc"),
        ("bytes=-1", "bytes 2-2/3", "c"),
    ] {
        let response = send_with(&server, Method::GET, &[("range", range)]).await;

        assert_eq!(response.status(), 206);
        assert_eq!(response.headers()["content-range"], answered);
        assert_eq!(response.text().await.unwrap(), body);
    }
    let asked = server.requests().into_iter().map(|request| request.range);
    assert_eq!(asked.flatten().last().as_deref(), Some("bytes=-1"));
}

#[tokio::test]
async fn a_range_beyond_the_end_is_refused_with_the_size() {
    let server = serve(&store_of(["a"]), 1000).await;

    let response = send_with(&server, Method::GET, &[("range", "bytes=3-5")]).await;

    assert_eq!(response.status(), 416);
    assert_eq!(response.headers()["content-range"], "bytes */3");
    assert!(response.text().await.unwrap().contains("InvalidRange"));
}

#[tokio::test]
async fn a_range_of_zeros_is_generated() {
    let store = store_of([""; 0]);
    store.put_zeros(BUCKET, "a", 100_000_000_000, moment());
    let server = serve(&store, 1000).await;

    let range = [("range", "bytes=99999899999-99999999999")];
    let response = send_with(&server, Method::GET, &range).await;

    assert_eq!(response.bytes().await.unwrap(), vec![0; 100_001]);
}

#[tokio::test]
async fn only_the_version_that_is_asked_for_is_returned() {
    let store = store_of(["a"]);
    let server = serve(&store, 1000).await;
    let etag = format!("\"{}\"", store.get(BUCKET, "a").unwrap().etag);
    let condition = [("if-match", etag.as_str()), ("range", "bytes=0-0")];

    let same = send_with(&server, Method::GET, &condition).await;
    let any = send_with(&server, Method::GET, &[("if-match", "*")]).await;
    assert_eq!((same.status().as_u16(), any.status().as_u16()), (206, 200));
    assert_eq!(same.headers()["etag"], etag);

    store.put_bytes(BUCKET, "a", "new", moment());
    for method in [Method::GET, Method::HEAD] {
        let other = send_with(&server, method, &condition).await;
        assert_eq!(other.status(), 412);
    }
    let other = send_with(&server, Method::GET, &condition).await;
    assert!(other.text().await.unwrap().contains("PreconditionFailed"));
}

#[tokio::test]
async fn checksums_that_a_client_sent_are_in_the_head() {
    let server = serve(&store_of([""; 0]), 1000).await;
    let put = async |checksum: &str| {
        let url = format!("{}/bucket/a", server.endpoint());
        let request = reqwest::Client::new().put(url).body("abc");
        let request = request.header("x-amz-checksum-crc32", checksum);
        request.send().await.unwrap().status().as_u16()
    };
    let enabled = [("x-amz-checksum-mode", "ENABLED")];

    assert_eq!(put("NSRBwg==").await, 200);
    assert_eq!(put("AAAAAA==").await, 400, "a wrong checksum is refused");
    let with = send_with(&server, Method::HEAD, &enabled).await;
    let without = send_with(&server, Method::HEAD, &[]).await;

    assert_eq!(with.headers()["x-amz-checksum-crc32"], "NSRBwg==");
    assert_eq!(with.headers()["x-amz-checksum-type"], "FULL_OBJECT");
    assert_eq!(with.headers().get("x-amz-checksum-sha256"), None);
    assert_eq!(without.headers().get("x-amz-checksum-crc32"), None);
    assert_eq!(without.headers().get("x-amz-checksum-type"), None);
}

#[tokio::test]
async fn checksums_and_their_kind_can_be_set() {
    let store = store_of([""; 0]);
    let checksums = Checksums {
        kind: ChecksumKind::Composite,
        ..Checksums::of(b"abc")
    };
    let object = Object::bytes("abc", moment()).with_checksums(checksums);
    store.put(BUCKET, "a", object);
    let server = serve(&store, 1000).await;

    let enabled = [("x-amz-checksum-mode", "ENABLED")];
    let head = send_with(&server, Method::HEAD, &enabled).await;

    assert_eq!(head.headers()["x-amz-checksum-type"], "COMPOSITE");
    for (name, value) in [
        ("x-amz-checksum-crc32", "NSRBwg=="),
        ("x-amz-checksum-crc32c", "Nks/tw=="),
        ("x-amz-checksum-crc64nvme", "BeXKuz/B+us="),
        (
            "x-amz-checksum-sha256",
            "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
        ),
    ] {
        assert_eq!(head.headers()[name], value);
    }
}

#[tokio::test]
async fn the_tag_of_an_upload_in_parts_is_that_of_its_sums() {
    let object = Object::in_parts("abcde", 2, moment());

    // Calculated with Python's `hashlib`.
    assert_eq!(object.etag, "b5d55eef9b6106b14530433c1a359920-3");
    assert_eq!(object.content.len(), 5);
}

#[tokio::test]
async fn content_that_was_left_out_reads_as_zeros() {
    let store = store_of([""; 0]);
    store.put_zeros(BUCKET, "small", 100_000, moment());
    store.put_zeros(BUCKET, "huge", 100_000_000_000, moment());
    let server = serve(&store, 1000).await;

    let small = send(&server, Method::GET, "bucket/small")
        .await
        .bytes()
        .await
        .unwrap();
    let mut huge = send(&server, Method::GET, "bucket/huge").await;

    assert_eq!(small, Bytes::from(vec![0; 100_000]));
    assert_eq!(huge.content_length(), Some(100_000_000_000));
    assert!(huge.chunk().await.unwrap().is_some());
}

#[tokio::test]
async fn a_key_that_is_not_there_is_not_found() {
    let server = serve(&store_of(["a"]), 1000).await;

    let key = get(&server, "bucket/b").await;
    let bucket = get(&server, "nowhere/a").await;

    assert_eq!(
        (key.status, key.one("Code").as_deref()),
        (404, Some("NoSuchKey"))
    );
    assert_eq!(
        (bucket.status, bucket.one("Code").as_deref()),
        (404, Some("NoSuchBucket"))
    );
}

#[tokio::test]
async fn an_archived_object_is_listed_but_not_read() {
    let store = store_of([""; 0]);
    store.put(
        BUCKET,
        "a",
        Object::bytes("abc", moment()).stored_as("DEEP_ARCHIVE"),
    );
    let server = serve(&store, 1000).await;

    let answer = get(&server, "bucket/a").await;
    let head = send(&server, Method::HEAD, "bucket/a").await;

    assert_eq!(
        (answer.status, answer.one("Code").as_deref()),
        (403, Some("InvalidObjectState"))
    );
    assert_eq!(head.headers()["x-amz-storage-class"], "DEEP_ARCHIVE");
    assert_eq!(list(&server, &[]).await.all("Key"), ["a"]);
}

#[tokio::test]
async fn heads_tell_what_is_there() {
    let server = serve(&store_of(["a"]), 1000).await;

    let object = send(&server, Method::HEAD, "bucket/a").await;

    assert_eq!(
        (
            object.status().as_u16(),
            &object.headers()["content-length"]
        ),
        (200, &"3".parse().unwrap())
    );
    assert_eq!(send(&server, Method::HEAD, "bucket/b").await.status(), 404);
    assert_eq!(send(&server, Method::HEAD, "bucket").await.status(), 200);
    assert_eq!(send(&server, Method::HEAD, "nowhere").await.status(), 404);
    let operations: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.operation)
        .collect();
    let expected = [
        Operation::HeadObject,
        Operation::HeadObject,
        Operation::HeadBucket,
        Operation::HeadBucket,
    ];
    assert_eq!(operations, expected);
}

#[tokio::test]
async fn changes_of_the_store_are_seen_at_once() {
    let store = store_of(["a"]);
    let server = serve(&store, 1000).await;

    assert!(store.update(BUCKET, "a", |object| object.etag = "other".to_owned()));
    assert_eq!(
        get(&server, "bucket/a").await.header("etag"),
        Some("\"other\"")
    );
    store.remove(BUCKET, "a");
    assert_eq!(get(&server, "bucket/a").await.status, 404);
    assert!(!store.update(BUCKET, "a", |_| ()));
}

#[tokio::test]
async fn clients_put_and_delete_objects() {
    let store = store_of([""; 0]);
    let server = serve(&store, 1000).await;
    let url = format!("{}/bucket/new", server.endpoint());

    let put = reqwest::Client::new()
        .put(url)
        .body("content")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (
            put.status().as_u16(),
            get(&server, "bucket/new").await.body.as_str()
        ),
        (200, "content")
    );

    let deleted = send(&server, Method::DELETE, "bucket/new").await;
    assert_eq!(
        (deleted.status().as_u16(), store.get(BUCKET, "new")),
        (204, None)
    );
}

#[tokio::test]
async fn a_stopped_server_is_gone_and_its_port_is_free_again() {
    let store = store_of(["a"]);
    let server = serve(&store, 1000).await;
    let url = format!("{}/bucket/a", server.endpoint());
    let port = url.split([':', '/']).nth(4).unwrap().parse().unwrap();
    let client = reqwest::Client::new();
    client.get(&url).send().await.unwrap();

    server.stop().await;
    assert!(client.get(&url).send().await.is_err());

    let options = embedded_s3::Options {
        port,
        ..Default::default()
    };
    let again = Server::start(store, options).await.unwrap();
    assert_eq!(get(&again, "bucket/a").await.status, 200);
}
