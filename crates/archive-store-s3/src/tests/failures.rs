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
    assert!(
        cause(&error).contains("SlowDown: Because. (request `R1`)"),
        "{}",
        cause(&error)
    );
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn retries_come_back_with_time_and_are_not_shared_by_stores() {
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
        (
            403,
            "SignatureDoesNotMatch",
            "`credentials.secretAccessKeyFile`",
        ),
    ] {
        let (bench, _server) = bench(&[error(status, code)]);

        let error = bench.list_error().await;

        assert_eq!(
            (error.kind(), error.scope()),
            (ErrorKind::Auth, ErrorScope::Scan),
            "{code}"
        );
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(bench.heard.outcomes(), [RequestOutcome::Error]);
    }
}

#[tokio::test]
async fn a_permission_that_is_missing_is_named() {
    let (bench, _server) = bench(&[error(403, "AccessDenied")]);

    let error = bench.list_error().await;

    assert_eq!(
        (error.kind(), error.scope()),
        (ErrorKind::Auth, ErrorScope::RefusedCall)
    );
    assert!(
        error
            .to_string()
            .contains("allow `s3:ListBucket` on `arn:aws:s3:::b`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_refusal_that_is_not_in_the_words_of_s3_is_a_proxy_s() {
    for (headers, body, said) in [
        ("", "", "status 403"),
        (
            "content-type: text/html\r\nserver: squid/5.7\r\n",
            "<html>no</html>",
            "status 403, with content of type `text/html` from `squid/5.7`",
        ),
    ] {
        let (bench, _server) = bench(&[answer(403, headers, body)]);

        let error = bench.list_error().await;

        assert_eq!(error.kind(), ErrorKind::Network);
        assert!(
            error.to_string().contains("look for a proxy or firewall"),
            "{error}"
        );
        assert_eq!(cause(&error), said);
    }
}

#[tokio::test]
async fn an_error_page_of_a_proxy_is_told_by_its_status() {
    let (bench, _server) = bench(&[answer(503, "", "<html>down</html>")]);

    assert_eq!(bench.list_error().await.kind(), ErrorKind::Throttled);
}

/// Answers that point to a region, each with its kind of error.
fn pointing_to(region: &str) -> [(Step, ErrorKind); 4] {
    let body = |code: &str, rest: &str| format!("<Error><Code>{code}</Code>{rest}</Error>");
    let malformed = body(
        "AuthorizationHeaderMalformed",
        &format!("<Region>{region}</Region>"),
    );
    let redirect = body("PermanentRedirect", "<Message>m</Message>");
    let constraint = format!(
        "<Message>The {region} location constraint is incompatible for the region specific \
         endpoint this request was sent to.</Message>"
    );
    let opt_in = body("IllegalLocationConstraintException", &constraint);
    let header = format!("x-amz-bucket-region: {region}\r\n");
    [
        (answer(400, "", &malformed), ErrorKind::Auth),
        (answer(301, &header, &redirect), ErrorKind::NotFound),
        (answer(307, &header, ""), ErrorKind::NotFound),
        (answer(400, "", &opt_in), ErrorKind::Auth),
    ]
}

#[tokio::test]
async fn a_bucket_is_followed_to_another_region_and_stays_there() {
    for (step, _) in pointing_to("eu-west-1") {
        let (bench, server) = bench(&[step, answer(200, "", EMPTY_PAGE)]);

        bench.list().await.unwrap();
        bench.list().await.unwrap();

        let regions: Vec<_> = server
            .requests()
            .iter()
            .map(|head| region_of(head))
            .collect();
        assert_eq!(regions, ["us-east-1", "eu-west-1", "eu-west-1"]);
    }
}

#[tokio::test]
async fn a_region_that_does_not_help_is_named_and_followed_once() {
    let expected = "bucket `b` is in region `eu-west-1`, not in `us-east-1`: \
                    set `region` of this archive to `eu-west-1`";
    for (step, kind) in pointing_to("eu-west-1") {
        let (bench, server) = bench(&[step]);

        let error = bench.list_error().await;

        assert_eq!((error.kind(), error.to_string().as_str()), (kind, expected));
        assert_eq!(server.requests().len(), 2);
    }
}

#[tokio::test]
async fn what_cannot_be_a_region_is_not_followed() {
    for region in ["evil.test/", "-a", "1234", "a b", ""] {
        for (step, kind) in pointing_to(region) {
            let (bench, server) = bench(&[step]);

            let error = bench.list_error().await;

            assert_eq!(error.kind(), kind);
            assert_eq!(server.requests().len(), 1, "{region}");
        }
    }
}

/// Returns the region that a request is signed for.
fn region_of(head: &str) -> String {
    let (_, scope) = head.split_once("Credential=").unwrap();
    scope.split('/').nth(2).unwrap().to_owned()
}

/// Phrases that only concern the authors of the SDK.
const OF_THE_SDK: [&str; 11] = [
    "sdk",
    "bug",
    "dispatch failure",
    "service error",
    "unhandled",
    "construction failure",
    "response error",
    "unexpected error",
    "attempt timeout",
    "streaming error",
    "other:",
];

/// Answers that no S3-compatible store should give, and some that it may give.
fn odd_answers() -> Vec<Step> {
    vec![
        Step::Hang,
        Step::Send(String::new()),
        Step::Send("nonsense".to_owned()),
        Step::Send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n<List".to_owned()),
        answer(200, "", "garbage"),
        answer(200, "", ""),
        answer(200, "", "<html><body>It works!</body></html>"),
        answer(200, "", "<ListBucketResult><Contents/></ListBucketResult>"),
        answer(204, "", ""),
        answer(302, "location: http://login.test/\r\n", ""),
        answer(400, "", ""),
        answer(403, "", "<html>no</html>"),
        answer(404, "", "not found"),
        answer(418, "", "{}"),
        answer(500, "", "<html>broken"),
        answer(502, "", ""),
        answer(503, "", "<html>down</html>"),
        error(403, "AccessDenied"),
        error(403, "RequestTimeTooSkewed"),
        error(500, "InternalError"),
        error(501, "NotImplemented"),
    ]
}

#[tokio::test]
async fn no_sentence_of_the_sdk_reaches_an_operator() {
    for step in odd_answers() {
        let server = Scripted::http(std::slice::from_ref(&step));
        let bench = Bench::with(http(&server), |settings| {
            settings.request_timeout = Duration::from_millis(300);
        });
        let upload = UnfinishedUpload {
            key: "k".to_owned(),
            upload_id: "u".to_owned(),
            initiated_at: None,
        };
        let object = ObjectVersion {
            key: "k".to_owned(),
            size: 9,
            etag: Some("e".to_owned()),
        };
        for error in [
            bench.list().await.err(),
            bench.store.get_small("k", 9).await.err(),
            bench.store.read_range(&object, 1..5).await.err(),
            bench.store.checksums(&object).await.err(),
            bench.store.list_uploads("k").await.err(),
            bench.store.upload_bytes(&upload).await.err(),
        ]
        .into_iter()
        .flatten()
        {
            assert_in_plain_words(&error, &format!("{step:?}"));
        }
    }
}

#[tokio::test]
async fn no_sentence_of_the_sdk_is_in_what_fails_before_a_request() {
    let unresolved = Bench::at("http://store.invalid".to_owned());
    let refused = Bench::at(format!("http://127.0.0.1:{}", refused_port()));
    let plain = Scripted::http(&[answer(200, "", EMPTY_PAGE)]);
    let no_tls = Bench::at(format!("https://127.0.0.1:{}", plain.port));
    let no_profile = Bench::with(http(&plain), |settings| {
        settings.credentials = CredentialSource::Chain {
            profile: Some("no-such-profile".to_owned()),
        };
    });
    for bench in [unresolved, refused, no_tls, no_profile] {
        assert_in_plain_words(&bench.list_error().await, "before a request");
    }
}

fn assert_in_plain_words(error: &StorageError, what: &str) {
    let text = error.with_causes();
    let lower = text.to_lowercase();
    assert!(
        !OF_THE_SDK.iter().any(|words| lower.contains(words)),
        "{what}: {text}"
    );
    let last = text.rsplit(": ").next().unwrap();
    assert_eq!(
        text.matches(last).count(),
        1,
        "{what} is said twice: {text}"
    );
}

#[tokio::test]
async fn a_missing_bucket_is_not_found() {
    let (bench, _server) = bench(&[error(404, "NoSuchBucket")]);

    let error = bench.list_error().await;

    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(
        error
            .to_string()
            .starts_with("bucket `b` does not exist at `http://127"),
        "{error}"
    );
}

#[tokio::test]
async fn silence_is_a_timeout_before_and_within_the_answer() {
    let begun = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n<ListBucketResult>".to_owned();
    for (step, outcome) in [
        (Step::Hang, RequestOutcome::Timeout),
        (Step::SendAndHang(begun), RequestOutcome::Success),
    ] {
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

    assert_eq!(
        bench.heard.outcomes(),
        [RequestOutcome::Timeout, RequestOutcome::Success]
    );
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

    assert_eq!(
        error.kind(),
        ErrorKind::Network,
        "{error}: {}",
        cause(&error)
    );
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
    assert!(
        cause(&error).contains("SlowDown: Because."),
        "{}",
        cause(&error)
    );
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_not_asked_for_again() {
    for body in [
        "garbage",
        "<ListBucketResult><Contents/></ListBucketResult>",
    ] {
        let server = Scripted::http(&[answer(200, "", body)]);
        let bench = Bench::with(http(&server), |settings| settings.max_attempts = 2);

        let error = bench.list_error().await;

        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        assert_eq!(server.requests().len(), 1, "{body}");
    }
}
