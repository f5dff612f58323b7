//! Ranges of objects, and their checksums.

use archive_store::{MAX_RANGE_BYTES, ObjectChecksums};

use super::*;

/// Version of the object `k` with nine bytes, `abcdefghi`.
fn version() -> ObjectVersion {
    ObjectVersion {
        key: "k".to_owned(),
        size: 9,
        etag: Some("e-1".to_owned()),
    }
}

/// Headers of an answer about that version with these bytes.
fn headers(bytes: &str) -> String {
    format!("content-range: bytes {bytes}/9\r\netag: \"e-1\"\r\n")
}

/// Answer with a part of the object.
fn part(bytes: &str, body: &str) -> Step {
    answer(206, &headers(bytes), body)
}

/// Answer with a part of the object that breaks off.
fn broken(bytes: &str, length: usize, body: &str) -> Step {
    let headers = headers(bytes);
    Step::Send(format!(
        "HTTP/1.1 206 Partial\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    ))
}

fn bench_with(max_attempts: u32, steps: &[Step]) -> (Bench, Scripted) {
    let server = Scripted::http(steps);
    let bench = Bench::with(http(&server), |settings| {
        settings.max_attempts = max_attempts;
    });
    (bench, server)
}

/// Values of `Range` in the requests, in order.
fn ranges(server: &Scripted) -> Vec<String> {
    let heads = server.requests();
    let range = |head: &String| header(head, "range").unwrap_or_default();
    heads.iter().map(range).collect()
}

fn header(head: &str, name: &str) -> Option<String> {
    let value = |line: &str| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then(|| value.to_owned())
    };
    head.lines().find_map(value)
}

async fn error_of(step: Step) -> StorageError {
    let (bench, server) = bench_with(3, &[step]);
    let error = bench.store.read_range(&version(), 2..5).await.unwrap_err();
    assert_eq!(server.requests().len(), 1, "asked for again: {error}");
    error
}

#[tokio::test]
async fn a_range_of_one_version_is_asked_for() {
    let (bench, server) = bench(&[part("2-4", "cde")]);

    let bytes = bench.store.read_range(&version(), 2..5).await.unwrap();

    assert_eq!(bytes, b"cde");
    let head = &server.requests()[0];
    assert!(head.starts_with("GET /b/k?"), "{head}");
    assert_eq!(header(head, "range").as_deref(), Some("bytes=2-4"));
    assert_eq!(header(head, "if-match").as_deref(), Some("\"e-1\""));
    assert_eq!(header(head, "x-amz-checksum-mode"), None);
    assert_eq!(
        *bench.heard.0.lock().unwrap(),
        [(Operation::GetObject, RequestOutcome::Success)]
    );
}

#[tokio::test]
async fn the_checksum_of_a_whole_object_is_not_that_of_a_range() {
    let headers = headers("2-4") + "x-amz-checksum-crc32: AAAAAA==\r\n";
    let (bench, _server) = bench(&[answer(206, &headers, "cde")]);

    let bytes = bench.store.read_range(&version(), 2..5).await.unwrap();

    assert_eq!(bytes, b"cde");
}

#[tokio::test]
async fn a_range_that_makes_no_sense_is_not_asked_for() {
    let (bench, server) = bench(&[part("2-4", "cde")]);
    let huge = ObjectVersion {
        size: u64::MAX,
        ..version()
    };

    for (object, range) in [
        (version(), 5..10),
        (version(), 3..3),
        (huge, 0..MAX_RANGE_BYTES + 1),
    ] {
        let error = bench.store.read_range(&object, range).await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Internal);
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_version_without_a_tag_is_read_by_its_size() {
    let object = ObjectVersion {
        etag: None,
        ..version()
    };
    let broken = broken("2-4", 3, "c");
    let (bench, server) = bench_with(2, &[broken, part("2-4", "cde")]);

    let bytes = bench.store.read_range(&object, 2..5).await.unwrap();

    assert_eq!(bytes, b"cde");
    assert_eq!(header(&server.requests()[0], "if-match"), None);
    assert_eq!(ranges(&server), ["bytes=2-4"; 2], "nothing may be kept");
}

#[tokio::test]
async fn what_arrived_of_a_broken_range_is_kept() {
    let steps = [
        broken("2-6", 5, "cd"),
        error(503, "SlowDown"),
        part("4-6", "efg"),
    ];
    let (bench, server) = bench_with(3, &steps);

    let bytes = bench.store.read_range(&version(), 2..7).await.unwrap();

    assert_eq!(bytes, b"cdefg");
    assert_eq!(ranges(&server), ["bytes=2-6", "bytes=4-6", "bytes=4-6"]);
    assert_eq!(
        bench.heard.outcomes(),
        [
            RequestOutcome::Success,
            RequestOutcome::Throttled,
            RequestOutcome::Success
        ]
    );
}

#[tokio::test]
async fn a_range_that_stays_broken_is_a_network_error() {
    let (bench, server) = bench_with(3, &[broken("2-4", 3, "")]);

    let error = bench.store.read_range(&version(), 2..5).await.unwrap_err();

    assert_eq!(
        (error.kind(), error.scope(), server.requests().len()),
        (ErrorKind::Network, ErrorScope::Scan, 3)
    );
}

#[tokio::test]
async fn a_range_that_stalls_goes_on_where_it_stopped() {
    let head = format!(
        "HTTP/1.1 206 Partial\r\ncontent-length: 3\r\n{}\r\n",
        headers("2-4")
    );
    let server = Scripted::http(&[Step::SendAndHang(head.clone() + "cd"), part("4-4", "e")]);
    let bench = Bench::with(http(&server), |settings| {
        settings.request_timeout = Duration::from_millis(500);
        settings.max_attempts = 2;
    });
    assert_eq!(
        bench.store.read_range(&version(), 2..5).await.unwrap(),
        b"cde"
    );
    assert_eq!(ranges(&server), ["bytes=2-4", "bytes=4-4"]);

    let server = Scripted::http(&[Step::SendAndHang(head)]);
    let bench = Bench::with(http(&server), |settings| {
        settings.request_timeout = Duration::from_millis(300);
    });
    let error = bench.store.read_range(&version(), 2..5).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_range_that_does_not_end_may_be_complete() {
    let headers = headers("2-4");
    let endless = Step::SendAndHang(format!(
        "HTTP/1.1 206 Partial\r\ntransfer-encoding: chunked\r\n{headers}\r\n3\r\ncde\r\n"
    ));
    let server = Scripted::http(&[endless]);
    let bench = Bench::with(http(&server), |settings| {
        settings.request_timeout = Duration::from_millis(300);
    });

    let bytes = bench.store.read_range(&version(), 2..5).await.unwrap();

    assert_eq!(bytes, b"cde");
}

#[tokio::test]
async fn short_answers_are_completed_or_are_an_error() {
    // A store may send less than was asked for, and says so.
    let steps = [part("2-3", "cd"), part("4-5", "ef"), part("6-6", "g")];
    let (bench, server) = bench_with(3, &steps);
    let bytes = bench.store.read_range(&version(), 2..7).await.unwrap();
    assert_eq!(bytes, b"cdefg");
    assert_eq!(ranges(&server), ["bytes=2-6", "bytes=4-6", "bytes=6-6"]);

    // Or does not say so.
    let (bench, server) = bench_with(2, &[part("2-6", "cd"), part("4-6", "ef")]);
    let error = bench.store.read_range(&version(), 2..7).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.scope(), server.requests().len()),
        (ErrorKind::Protocol, ErrorScope::Scan, 2)
    );
    assert_eq!(
        error.to_string(),
        "`k` ends too early: of the bytes 2 to 6, only 4 arrived"
    );
}

#[tokio::test]
async fn an_answer_with_other_bytes_makes_no_sense() {
    for (bytes, body) in [
        ("1-3", "bcd"),
        ("3-4", "de"),
        ("2-5", "cdef"),
        ("4-2", "cde"),
        ("*", "cde"),
        ("odd", "cde"),
    ] {
        let error = error_of(part(bytes, body)).await;

        assert_eq!(
            (error.kind(), error.scope()),
            (ErrorKind::Protocol, ErrorScope::Scan)
        );
        let text = error.to_string();
        assert!(text.contains(&format!("`bytes {bytes}/9`")), "{text}");
        assert!(text.ends_with("in answer to `bytes=2-4`"), "{text}");
    }

    let surplus = error_of(part("2-4", "cdef")).await;
    assert_eq!(
        surplus.to_string(),
        "`k` has more bytes than its `Content-Range` says"
    );
}

#[tokio::test]
async fn a_store_that_ignores_ranges_is_noticed_by_the_head() {
    for length in [9, 40_000_000_000_u64] {
        let object = ObjectVersion {
            size: length,
            ..version()
        };
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\nabc");
        let (bench, _server) = bench_with(3, &[Step::SendAndHang(head)]);

        let error = bench.store.read_range(&object, 2..5).await.unwrap_err();

        assert_eq!(
            (error.kind(), error.scope()),
            (ErrorKind::Protocol, ErrorScope::RefusedCall)
        );
        let text = error.to_string();
        assert!(text.contains("ignores ranges"), "{text}");
        assert_eq!(bench.heard.outcomes(), [RequestOutcome::Success]);
    }
}

#[tokio::test]
async fn a_whole_object_is_fine_if_all_of_it_was_wanted() {
    let (bench, _server) = bench(&[answer(200, "etag: \"e-1\"\r\n", "abcdefghi")]);
    let bytes = bench.store.read_range(&version(), 0..9).await.unwrap();
    assert_eq!(bytes, b"abcdefghi");

    let headers = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let longer = format!("{headers}b\r\nabcdefghijk\r\n0\r\n\r\n");
    let (bench, _server) = bench_with(1, &[Step::Send(longer)]);
    let error = bench.store.read_range(&version(), 0..9).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn a_replaced_object_is_told_from_one_that_is_gone() {
    let replaced = [
        error(412, "PreconditionFailed"),
        answer(412, "", ""),
        answer(
            206,
            "content-range: bytes 2-4/9\r\netag: \"e-2\"\r\n",
            "cde",
        ),
        answer(200, "etag: \"e-2\"\r\n", "abc"),
        answer(
            206,
            "content-range: bytes 2-4/10\r\netag: \"e-1\"\r\n",
            "cde",
        ),
        answer(206, "content-range: bytes 2-4/10\r\n", "cde"),
        answer(416, "content-range: bytes */2\r\n", ""),
        answer(
            416,
            "",
            "<Error><Code>InvalidRange</Code><ActualObjectSize>2</ActualObjectSize></Error>",
        ),
    ];
    for step in replaced {
        let what = format!("{step:?}");

        let error = error_of(step).await;

        assert_eq!(error.scope(), ErrorScope::ReplacedObject, "{what}");
        assert_eq!(error.to_string(), "`k` was replaced after it was listed");
    }
    for (status, code, scope) in [
        (404, "NoSuchKey", ErrorScope::GoneObject),
        (403, "AccessDenied", ErrorScope::RefusedObject),
        (403, "InvalidObjectState", ErrorScope::RefusedObject),
        (400, "InvalidRequest", ErrorScope::RefusedObject),
        (400, "KMS.DisabledException", ErrorScope::RefusedObject),
        (416, "InvalidRange", ErrorScope::RefusedObject),
        (403, "InvalidAccessKeyId", ErrorScope::Scan),
    ] {
        assert_eq!(error_of(error(status, code)).await.scope(), scope, "{code}");
    }
    let whole_size = answer(416, "content-range: bytes */9\r\n", "");
    assert_eq!(
        error_of(whole_size).await.scope(),
        ErrorScope::RefusedObject
    );
}

#[tokio::test]
async fn a_small_whole_object_of_another_size_was_replaced() {
    let (bench, _server) = bench(&[answer(200, "", "abc")]);

    let error = bench.store.read_range(&version(), 0..9).await.unwrap_err();

    assert_eq!(error.scope(), ErrorScope::ReplacedObject);
}

#[tokio::test]
async fn a_busy_store_is_asked_again_for_a_range() {
    let busy = error(503, "SlowDown");
    let (bench, server) = bench_with(3, &[busy.clone(), part("2-4", "cde")]);
    let bytes = bench.store.read_range(&version(), 2..5).await.unwrap();
    assert_eq!(bytes, b"cde");
    assert_eq!(server.requests().len(), 2);

    let (bench, server) = bench_with(3, &[broken("2-4", 3, "c"), busy]);
    let error = bench.store.read_range(&version(), 2..5).await.unwrap_err();
    assert_eq!(
        (error.kind(), server.requests().len()),
        (ErrorKind::Throttled, 3)
    );
}

#[tokio::test]
async fn checksums_of_one_version_are_asked_for() {
    let sha256 = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
    let headers = format!(
        "etag: \"e-1\"\r\nx-amz-checksum-type: FULL_OBJECT\r\nx-amz-checksum-crc32: NSRBwg==\r\n\
         x-amz-checksum-crc32c: Nks/tw==\r\nx-amz-checksum-crc64nvme: BeXKuz/B+us=\r\n\
         x-amz-checksum-sha256: {sha256}\r\n"
    );
    let (bench, server) = bench(&[head_answer(200, &headers, 9)]);

    let found = bench.store.checksums(&version()).await.unwrap();

    // Those of `abc`.
    assert_eq!(found.crc32, Some(0x3524_41c2));
    assert_eq!(found.crc32c, Some(0x364b_3fb7));
    assert_eq!(found.crc64nvme, Some(0x05e5_cabb_3fc1_faeb));
    let sha256 = found.sha256.unwrap();
    assert_eq!((sha256[0], sha256[31]), (0xba, 0xad));
    let head = &server.requests()[0];
    assert!(head.starts_with("HEAD /b/k "), "{head}");
    assert_eq!(header(head, "if-match").as_deref(), Some("\"e-1\""));
    assert_eq!(
        header(head, "x-amz-checksum-mode").as_deref(),
        Some("ENABLED")
    );
    assert_eq!(
        *bench.heard.0.lock().unwrap(),
        [(Operation::HeadObject, RequestOutcome::Success)]
    );
}

/// Answer to a HEAD, about an object of this size.
fn head_answer(status: u16, headers: &str, size: u64) -> Step {
    Step::Send(format!(
        "HTTP/1.1 {status} Whatever\r\nconnection: close\r\ncontent-length: {size}\r\n{headers}\r\n"
    ))
}

#[tokio::test]
async fn a_store_without_checksums_has_none() {
    for headers in [
        "",
        "x-amz-checksum-crc32: NSRBwg==\r\n",
        "x-amz-checksum-type: COMPOSITE\r\nx-amz-checksum-crc32: NSRBwg==-2\r\n",
    ] {
        let (bench, _server) = bench(&[head_answer(200, headers, 9)]);

        let found = bench.store.checksums(&version()).await.unwrap();

        assert_eq!(found, ObjectChecksums::default(), "{headers}");
    }
}

#[tokio::test]
async fn checksums_that_cannot_be_had_are_an_error() {
    let other_tag = "etag: \"e-2\"\r\nx-amz-checksum-crc32: NSRBwg==\r\n";
    for (step, scope) in [
        (head_answer(404, "", 0), ErrorScope::GoneObject),
        (head_answer(412, "", 0), ErrorScope::ReplacedObject),
        (head_answer(200, other_tag, 9), ErrorScope::ReplacedObject),
        (head_answer(200, "", 8), ErrorScope::ReplacedObject),
        (head_answer(403, "", 0), ErrorScope::RefusedObject),
        (head_answer(400, "", 0), ErrorScope::RefusedObject),
        (head_answer(405, "", 0), ErrorScope::RefusedCall),
        (head_answer(501, "", 0), ErrorScope::RefusedCall),
        (head_answer(500, "", 0), ErrorScope::Scan),
    ] {
        let what = format!("{step:?}");
        let (bench, _server) = bench(&[step]);

        let error = bench.store.checksums(&version()).await.unwrap_err();

        assert_eq!(error.scope(), scope, "{what}: {error}");
    }
    let (bench, _server) = bench(&[head_answer(403, "", 0)]);
    let error = bench.store.checksums(&version()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the credentials may not read `k`: allow `s3:GetObject` on `arn:aws:s3:::b/*`"
    );
}

#[tokio::test]
async fn a_busy_store_is_asked_again_for_checksums() {
    let (bench, server) = bench_with(2, &[head_answer(503, "", 0), head_answer(200, "", 9)]);

    bench.store.checksums(&version()).await.unwrap();

    assert_eq!(server.requests().len(), 2);
}
