//! Small objects.

use super::*;

#[tokio::test]
async fn a_small_object_is_read() {
    let (bench, server) = bench(&[answer(200, "", "hello")]);

    let bytes = bench.store.get_small("p/a b+c", 5).await.unwrap();

    assert_eq!(bytes, b"hello");
    assert!(
        server.requests()[0].starts_with("GET /b/p/a%20b%2Bc?"),
        "{:?}",
        server.requests()
    );
    assert_eq!(
        *bench.heard.0.lock().unwrap(),
        [(Operation::GetObject, RequestOutcome::Success)]
    );
}

#[tokio::test]
async fn an_object_is_too_large_by_its_head_or_by_its_body() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n".to_owned();
    let body = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nhellos\r\n".to_owned();
    for step in [Step::SendAndHang(head), Step::SendAndHang(body)] {
        let (bench, _server) = bench(&[step]);

        let error = bench.store.get_small("k", 5).await.unwrap_err();

        assert_eq!(error.scope(), ErrorScope::TooLargeObject);
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_read_again() {
    let broken = Step::Send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel".to_owned());
    let server = Scripted::http(&[broken.clone(), answer(200, "", "hello")]);
    let bench = Bench::with(http(&server), |settings| settings.max_attempts = 2);
    assert_eq!(bench.store.get_small("k", 5).await.unwrap(), b"hello");

    let server = Scripted::http(&[broken]);
    let bench = Bench::with(http(&server), |settings| settings.max_attempts = 2);
    let error = bench.store.get_small("k", 5).await.unwrap_err();

    assert_eq!(
        (error.kind(), server.requests().len()),
        (ErrorKind::Network, 2)
    );
}

#[tokio::test]
async fn attempts_are_limited_and_spaced_out_however_they_fail() {
    let broken = Step::Send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel".to_owned());
    let busy = error(503, "SlowDown");
    let server = Scripted::http(&[broken.clone(), busy.clone(), broken.clone(), busy]);
    let bench = Bench::with(http(&server), |settings| settings.max_attempts = 4);
    let error = bench.store.get_small("k", 5).await.unwrap_err();
    assert_eq!(
        (error.kind(), server.requests().len()),
        (ErrorKind::Throttled, 4)
    );

    let server = Scripted::http(&[broken]);
    let bench = Bench::with(http(&server), |settings| settings.max_attempts = 4);
    let begin = std::time::Instant::now();
    bench.store.get_small("k", 5).await.unwrap_err();

    assert_eq!(server.requests().len(), 4);
    assert!(
        begin.elapsed() >= Duration::from_millis(100 + 200 + 400),
        "{:?}",
        begin.elapsed()
    );
}

#[tokio::test]
async fn a_body_that_stalls_is_a_timeout() {
    let stalled = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel".to_owned();
    let server = Scripted::http(&[Step::SendAndHang(stalled)]);
    let bench = Bench::with(http(&server), |settings| {
        settings.request_timeout = Duration::from_millis(300);
    });

    let error = bench.store.get_small("k", 5).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn an_object_that_cannot_be_had_concerns_itself_alone() {
    for (status, code, reach) in [
        (404, "NoSuchKey", ErrorScope::GoneObject),
        (403, "AccessDenied", ErrorScope::RefusedObject),
        (403, "InvalidObjectState", ErrorScope::RefusedObject),
        (400, "KMS.DisabledException", ErrorScope::RefusedObject),
        (403, "InvalidAccessKeyId", ErrorScope::Scan),
    ] {
        let (bench, _server) = bench(&[error(status, code)]);

        let error = bench.store.get_small("k", 5).await.unwrap_err();

        assert_eq!(error.scope(), reach, "{code}");
        assert_eq!(bench.heard.outcomes(), [RequestOutcome::Error]);
    }
}
