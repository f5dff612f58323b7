//! Retries, refusals, silence and broken connections.

use super::*;

#[tokio::test]
async fn every_attempt_is_reported_once() {
    let busy = error(503, "SlowDown");
    let server = Scripted::http(&[busy.clone(), busy, answer(200, "", EMPTY_PAGE)]);
    let bench = Bench::with(http(&server), |settings| settings.max_attempts = 3);

    bench.list().await.unwrap();

    let list = Operation::ListObjectsV2;
    let expected = [
        (list, RequestOutcome::Throttled),
        (list, RequestOutcome::Throttled),
        (list, RequestOutcome::Success),
    ];
    assert_eq!(*bench.heard.0.lock().unwrap(), expected);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_store_that_stays_busy_is_an_error_after_the_last_attempt() {
    let server = Scripted::http(&[error(503, "SlowDown")]);
    let bench = Bench::with(http(&server), |settings| settings.max_attempts = 2);

    let error = bench.list_error().await;

    assert_eq!(error.kind(), ErrorKind::Throttled);
    assert!(cause(&error).contains("SlowDown: Because. (request `R1`)"), "{}", cause(&error));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn retries_come_back_with_time_and_are_not_shared_with_another_store() {
    let server = Scripted::http(&[error(503, "SlowDown")]);
    let store = || Bench::with(http(&server), |settings| settings.max_attempts = 2);
    let (exhausted, other) = (store(), store());
    let failures = (0..150).map(|_| exhausted.list_error());
    futures::future::join_all(failures).await;

    other.list_error().await;
    let retried = async {
        loop {
            let before = exhausted.heard.outcomes().len();
            exhausted.list_error().await;
            if exhausted.heard.outcomes().len() == before + 2 {
                return;
            }
        }
    };

    assert_eq!(other.heard.outcomes().len(), 2);
    let in_time = tokio::time::timeout(Duration::from_secs(20), retried).await;
    in_time.expect("a request is retried again");
}

#[tokio::test]
async fn refusals_are_told_apart() {
    for (status, code, words) in [
        (400, "ExpiredToken", "have expired"),
        (403, "InvalidAccessKeyId", "does not know these credentials"),
        (403, "SignatureDoesNotMatch", "`credentials.secretAccessKeyFile`"),
        (403, "AccessDenied", "allow `s3:ListBucket` on `arn:aws:s3:::b`"),
    ] {
        let (bench, _server) = bench(&[error(status, code)]);

        let error = bench.list_error().await;

        assert_eq!((error.kind(), error.reach()), (ErrorKind::Auth, Reach::Scan), "{code}");
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(bench.heard.outcomes(), [RequestOutcome::Error]);
    }
}

#[tokio::test]
async fn a_refusal_without_a_body_is_told_by_its_status() {
    let (bench, _server) = bench(&[answer(403, "", "")]);

    assert_eq!(bench.list_error().await.kind(), ErrorKind::Auth);
}

#[tokio::test]
async fn an_error_page_of_a_proxy_is_told_by_its_status() {
    let (bench, _server) = bench(&[answer(503, "", "<html>down</html>")]);

    assert_eq!(bench.list_error().await.kind(), ErrorKind::Throttled);
}

#[tokio::test]
async fn another_region_is_named() {
    let expected = "bucket `b` is in region `eu-west-1`, not in `us-east-1`: \
                    set `region` of this archive to `eu-west-1`";
    let body = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>m</Message>\
                <Region>eu-west-1</Region></Error>";
    let redirect = "<Error><Code>PermanentRedirect</Code><Message>m</Message></Error>";
    for (step, kind) in [
        (answer(400, "", body), ErrorKind::Auth),
        (answer(301, "x-amz-bucket-region: eu-west-1\r\n", redirect), ErrorKind::NotFound),
    ] {
        let (bench, _server) = bench(&[step]);

        let error = bench.list_error().await;

        assert_eq!((error.kind(), error.to_string().as_str()), (kind, expected));
    }
}

#[tokio::test]
async fn a_missing_bucket_is_not_found() {
    let (bench, _server) = bench(&[error(404, "NoSuchBucket")]);

    let error = bench.list_error().await;

    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().starts_with("bucket `b` does not exist at `http://127"), "{error}");
}

#[tokio::test]
async fn silence_is_a_timeout_before_and_within_the_answer() {
    let begun = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n<ListBucketResult>".to_owned();
    for (step, outcome) in
        [(Step::Hang, RequestOutcome::Timeout), (Step::SendAndHang(begun), RequestOutcome::Success)]
    {
        let server = Scripted::http(&[step]);
        let bench = Bench::with(http(&server), |settings| {
            settings.request_timeout = Duration::from_millis(300);
        });

        let error = bench.list_error().await;

        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert_eq!(bench.heard.outcomes(), [outcome]);
    }
}

#[tokio::test]
async fn attempts_that_time_out_are_repeated_and_reported() {
    let server = Scripted::http(&[Step::Hang, answer(200, "", EMPTY_PAGE)]);
    let bench = Bench::with(http(&server), |settings| {
        settings.request_timeout = Duration::from_secs(1);
        settings.max_attempts = 2;
    });

    bench.list().await.unwrap();

    assert_eq!(bench.heard.outcomes(), [RequestOutcome::Timeout, RequestOutcome::Success]);
}

#[tokio::test]
async fn a_refused_connection_is_a_network_error() {
    let bench = Bench::at(format!("http://127.0.0.1:{}", refused_port()));

    let error = bench.list_error().await;

    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(cause(&error).contains("refused"), "{}", cause(&error));
    assert_eq!(bench.heard.outcomes(), [RequestOutcome::Error]);
}

#[tokio::test]
async fn an_unknown_host_is_a_network_error() {
    let bench = Bench::at("http://store.invalid".to_owned());

    let error = bench.list_error().await;

    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
}

#[tokio::test]
async fn a_connection_that_breaks_within_a_page_is_a_network_error() {
    let begun = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n<ListBucketResult>".to_owned();
    let (bench, _server) = bench(&[Step::Send(begun)]);

    let error = bench.list_error().await;

    assert_eq!(error.kind(), ErrorKind::Network, "{error}: {}", cause(&error));
}

#[tokio::test]
async fn a_page_that_breaks_off_on_its_way_is_asked_for_again() {
    let begun = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n<ListBucketResult>".to_owned();
    let server = Scripted::http(&[Step::Send(begun), answer(200, "", EMPTY_PAGE)]);
    let bench = Bench::with(http(&server), |settings| settings.max_attempts = 2);

    bench.list().await.unwrap();

    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn an_error_that_comes_as_a_success_is_an_error() {
    let body = "<Error><Code>SlowDown</Code><Message>Because.</Message></Error>";
    let server = Scripted::http(&[answer(200, "", body)]);
    let bench = Bench::with(http(&server), |settings| settings.max_attempts = 2);

    let error = bench.list_error().await;

    assert_eq!(error.kind(), ErrorKind::Throttled, "{error}");
    assert!(cause(&error).contains("SlowDown: Because."), "{}", cause(&error));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_not_asked_for_again() {
    for body in ["garbage", "<ListBucketResult><Contents/></ListBucketResult>"] {
        let server = Scripted::http(&[answer(200, "", body)]);
        let bench = Bench::with(http(&server), |settings| settings.max_attempts = 2);

        let error = bench.list_error().await;

        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        assert_eq!(server.requests().len(), 1, "{body}");
    }
}
