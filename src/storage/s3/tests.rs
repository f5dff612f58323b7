//! The store against real sockets: what the SDK really does in each case.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex as StdMutex;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;

use super::scripted::{Scripted, Step, answer, error, refused_port};
use super::*;
use crate::storage::{ListedObject, RequestOutcome};

const EMPTY_PAGE: &str = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";

/// Remembers what was reported.
#[derive(Default)]
struct Heard(StdMutex<Vec<(Operation, RequestOutcome)>>);

impl RequestObserver for Heard {
    fn request_sent(&self, operation: Operation, outcome: RequestOutcome) {
        self.0.lock().unwrap().push((operation, outcome));
    }
}

impl Heard {
    fn outcomes(&self) -> Vec<RequestOutcome> {
        self.0.lock().unwrap().iter().map(|&(_, outcome)| outcome).collect()
    }
}

/// A store with credentials in files.
struct Bench {
    store: S3Store,
    heard: Arc<Heard>,
    files: TempDir,
}

impl Bench {
    fn at(endpoint: String) -> Self {
        Self::with(endpoint, |_| {})
    }

    fn with(endpoint: String, change: impl FnOnce(&mut S3Settings)) -> Self {
        let files = TempDir::new().unwrap();
        write_credentials(files.path(), "ID1", "secret1");
        let mut settings = S3Settings {
            bucket: "b".to_owned(),
            endpoint_url: Some(endpoint),
            region: None,
            path_style: true,
            ca_file: None,
            credentials: Credentials::Files {
                access_key_id: files.path().join("id"),
                secret_access_key: files.path().join("secret"),
                session_token: None,
            },
            request_timeout: Duration::from_secs(5),
            max_attempts: 1,
        };
        change(&mut settings);
        let heard = Arc::new(Heard::default());
        let store = S3Store::new(settings, Arc::clone(&heard) as Arc<dyn RequestObserver>);
        Self { store, heard, files }
    }

    async fn list(&self) -> Result<ListPage, StorageError> {
        self.store.list_page(&ListRequest::default()).await
    }

    async fn list_error(&self) -> StorageError {
        self.list().await.unwrap_err()
    }
}

fn write_credentials(folder: &Path, id: &str, secret: &str) {
    fs::write(folder.join("id"), format!("{id}\n")).unwrap();
    fs::write(folder.join("secret"), format!("{secret}\n")).unwrap();
}

fn http(server: &Scripted) -> String {
    format!("http://127.0.0.1:{}", server.port)
}

fn bench(steps: &[Step]) -> (Bench, Scripted) {
    let server = Scripted::http(steps);
    (Bench::at(http(&server)), server)
}

fn cause(error: &StorageError) -> String {
    Error::source(error).map(ToString::to_string).unwrap_or_default()
}

#[tokio::test]
async fn a_page_is_decoded_when_the_store_says_that_it_is_encoded() {
    let (bench, _server) = bench(&[answer(
        200,
        "",
        "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>\
         <NextContinuationToken>a+b%20</NextContinuationToken>\
         <Contents><Key>p/a%2Bb+c</Key><Size>7</Size><ETag>&quot;e-1&quot;</ETag>\
         <LastModified>2026-01-02T03:04:05.000Z</LastModified>\
         <StorageClass>ODD</StorageClass></Contents>\
         <CommonPrefixes><Prefix>p/x%3D/</Prefix></CommonPrefixes></ListBucketResult>",
    )]);

    let page = bench.list().await.unwrap();

    let object = ListedObject {
        key: "p/a+b c".to_owned(),
        size: 7,
        last_modified: "2026-01-02T03:04:05Z".parse().unwrap(),
        etag: Some("e-1".to_owned()),
        storage_class: Some("ODD".to_owned()),
    };
    let expected = ListPage {
        objects: vec![object],
        common_prefixes: vec!["p/x=/".to_owned()],
        next: Some("a+b%20".to_owned()),
    };
    assert_eq!(page, expected);
}

#[tokio::test]
async fn a_page_is_asked_for_with_what_narrows_it_down_and_at_full_length() {
    let (bench, server) = bench(&[answer(200, "", EMPTY_PAGE)]);
    let request = ListRequest {
        prefix: "p/".to_owned(),
        delimiter: Some('/'),
        start_after: Some("p/0".to_owned()),
        continuation: None,
    };

    bench.store.list_page(&request).await.unwrap();

    let head = &server.requests()[0];
    assert!(head.starts_with("GET /b/?list-type=2&"), "{head}");
    for part in ["delimiter=%2F", "encoding-type=url", "prefix=p%2F", "start-after=p%2F0"] {
        assert!(head.contains(part), "{part} in {head}");
    }
    assert!(!head.contains("max-keys"), "{head}");
    assert!(head.contains("Credential=ID1/") && head.contains("/us-east-1/s3/"), "{head}");
}

#[tokio::test]
async fn a_page_that_is_not_encoded_is_taken_verbatim() {
    let (bench, _server) = bench(&[answer(
        200,
        "",
        "<ListBucketResult><Contents><Key>a+b%20</Key><Size>0</Size>\
         <LastModified>2026-01-02T03:04:05Z</LastModified></Contents></ListBucketResult>",
    )]);

    let page = bench.list().await.unwrap();

    assert_eq!(page.objects[0].key, "a+b%20");
    assert_eq!((&page.objects[0].etag, &page.next), (&None, &None));
}

#[tokio::test]
async fn pages_that_make_no_sense_are_protocol_errors_that_say_why() {
    let at = "<LastModified>2026-01-02T03:04:05Z</LastModified>";
    for (content, missing) in [
        ("<IsTruncated>true</IsTruncated>".to_owned(), "NextContinuationToken"),
        (format!("<Contents><Size>1</Size>{at}</Contents>"), "Key"),
        (format!("<Contents><Key>k</Key>{at}</Contents>"), "Size"),
        (format!("<Contents><Key>k</Key><Size>-1</Size>{at}</Contents>"), "Size"),
        ("<Contents><Key>k</Key><Size>1</Size></Contents>".to_owned(), "LastModified"),
        ("<CommonPrefixes></CommonPrefixes>".to_owned(), "Prefix"),
    ] {
        let body = format!("<ListBucketResult>{content}</ListBucketResult>");
        let (bench, _server) = bench(&[answer(200, "", &body)]);

        let error = bench.list_error().await;

        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(error.to_string().contains(&format!("`{missing}`")), "{error}");
    }
}

#[tokio::test]
async fn only_an_explicit_no_ends_a_listing_that_has_a_continuation() {
    let token = "<NextContinuationToken>t</NextContinuationToken>";
    for (truncated, token, next) in [
        ("", token, Some("t")),
        ("<IsTruncated>true</IsTruncated>", token, Some("t")),
        ("<IsTruncated>false</IsTruncated>", token, None),
        ("", "", None),
        ("", "<NextContinuationToken></NextContinuationToken>", None),
    ] {
        let body = format!("<ListBucketResult>{truncated}{token}</ListBucketResult>");
        let (bench, _server) = bench(&[answer(200, "", &body)]);

        let page = bench.list().await.unwrap();

        assert_eq!(page.next.as_deref(), next, "{body}");
    }
}

#[tokio::test]
async fn garbage_is_a_protocol_error() {
    for body in [
        "",
        "no xml",
        "<html><body>Welcome</body></html>",
        "<ListBucketResult><Contents>",
        "<ListBucketResult><IsTruncated>false</IsTruncated>",
    ] {
        let (bench, _server) = bench(&[answer(200, "", body)]);

        let error = bench.list_error().await;

        assert_eq!(error.kind(), ErrorKind::Protocol, "{body}: {error}");
        assert!(error.to_string().contains("endpointURL"), "{body}: {error}");
        assert_eq!(bench.heard.outcomes(), [RequestOutcome::Success]);
    }
}

#[tokio::test]
async fn a_listing_that_does_not_advance_is_an_error() {
    let (bench, _server) = bench(&[answer(
        200,
        "",
        "<ListBucketResult><IsTruncated>true</IsTruncated>\
         <NextContinuationToken>t</NextContinuationToken></ListBucketResult>",
    )]);
    let request = ListRequest { continuation: Some("t".to_owned()), ..ListRequest::default() };

    let error = bench.store.list_page(&request).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Protocol);
}

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
async fn a_small_object_is_read() {
    let (bench, server) = bench(&[answer(200, "", "hello")]);

    let bytes = bench.store.get_small("p/a b+c", 5).await.unwrap();

    assert_eq!(bytes, b"hello");
    assert!(server.requests()[0].starts_with("GET /b/p/a%20b%2Bc?"), "{:?}", server.requests());
    assert_eq!(*bench.heard.0.lock().unwrap(), [(Operation::GetObject, RequestOutcome::Success)]);
}

#[tokio::test]
async fn an_object_is_too_large_by_its_head_or_by_its_body() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n".to_owned();
    let body = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nhellos\r\n".to_owned();
    for step in [Step::SendAndHang(head), Step::SendAndHang(body)] {
        let (bench, _server) = bench(&[step]);

        let error = bench.store.get_small("k", 5).await.unwrap_err();

        assert_eq!(error.reach(), Reach::TooLargeObject);
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

    assert_eq!((error.kind(), server.requests().len()), (ErrorKind::Network, 2));
}

#[tokio::test]
async fn attempts_at_an_object_are_limited_however_they_fail_and_are_not_made_in_haste() {
    let broken = Step::Send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel".to_owned());
    let busy = error(503, "SlowDown");
    let server = Scripted::http(&[broken.clone(), busy.clone(), broken.clone(), busy]);
    let bench = Bench::with(http(&server), |settings| settings.max_attempts = 4);
    let error = bench.store.get_small("k", 5).await.unwrap_err();
    assert_eq!((error.kind(), server.requests().len()), (ErrorKind::Throttled, 4));

    let server = Scripted::http(&[broken]);
    let bench = Bench::with(http(&server), |settings| settings.max_attempts = 4);
    let begin = std::time::Instant::now();
    bench.store.get_small("k", 5).await.unwrap_err();

    assert_eq!(server.requests().len(), 4);
    assert!(begin.elapsed() >= Duration::from_millis(100 + 200 + 400), "{:?}", begin.elapsed());
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
        (404, "NoSuchKey", Reach::GoneObject),
        (403, "AccessDenied", Reach::RefusedObject),
        (403, "InvalidObjectState", Reach::RefusedObject),
        (400, "KMS.DisabledException", Reach::RefusedObject),
        (403, "InvalidAccessKeyId", Reach::Scan),
    ] {
        let (bench, _server) = bench(&[error(status, code)]);

        let error = bench.store.get_small("k", 5).await.unwrap_err();

        assert_eq!(error.reach(), reach, "{code}");
        assert_eq!(bench.heard.outcomes(), [RequestOutcome::Error]);
    }
}

fn uploads_page(key: &str, next: &str) -> Step {
    let next = if next.is_empty() {
        "<IsTruncated>false</IsTruncated>".to_owned()
    } else {
        format!(
            "<IsTruncated>true</IsTruncated><NextKeyMarker>{next}</NextKeyMarker>\
             <NextUploadIdMarker>u</NextUploadIdMarker>"
        )
    };
    let body = format!(
        "<ListMultipartUploadsResult><EncodingType>url</EncodingType>{next}\
         <Upload><Key>{key}</Key><UploadId>u</UploadId>\
         <Initiated>2026-01-02T03:04:05.000Z</Initiated></Upload></ListMultipartUploadsResult>"
    );
    answer(200, "", &body)
}

#[tokio::test]
async fn uploads_are_listed_to_their_end() {
    let (bench, server) = bench(&[uploads_page("a%2Fb", "a%2Fb"), uploads_page("c", "")]);

    let uploads = bench.store.list_uploads("a").await.unwrap();

    let keys: Vec<_> = uploads.iter().map(|upload| upload.key.as_str()).collect();
    assert_eq!(keys, ["a/b", "c"]);
    assert_eq!(uploads[0].initiated_at, "2026-01-02T03:04:05Z".parse().ok());
    let head = &server.requests()[1];
    assert!(head.contains("key-marker=a%2Fb") && head.contains("upload-id-marker=u"), "{head}");
}

#[tokio::test]
async fn only_an_explicit_no_ends_a_listing_of_uploads_that_has_a_marker() {
    let page = |head: &str, key: &str| {
        answer(
            200,
            "",
            &format!(
                "<ListMultipartUploadsResult>{head}<Upload><Key>{key}</Key>\
                 <UploadId>u</UploadId></Upload></ListMultipartUploadsResult>"
            ),
        )
    };
    let marker = "<NextKeyMarker>a</NextKeyMarker>";
    let ended = format!("<IsTruncated>false</IsTruncated>{marker}");
    for (head, expected) in [(marker, 2), (ended.as_str(), 1), ("<NextKeyMarker/>", 1)] {
        let (bench, _server) = bench(&[page(head, "a"), page("", "b")]);

        let uploads = bench.store.list_uploads("").await.unwrap();

        assert_eq!(uploads.len(), expected, "{head}");
    }
    let (bench, _server) = bench(&[page("<IsTruncated>true</IsTruncated>", "a")]);
    let error = bench.store.list_uploads("").await.unwrap_err();
    assert!(error.to_string().contains("`NextKeyMarker`"), "{error}");
}

#[tokio::test]
async fn only_an_explicit_no_ends_a_listing_of_parts_that_has_a_marker() {
    let page = |head: &str| {
        let parts = "<Part><Size>5</Size></Part>";
        answer(200, "", &format!("<ListPartsResult>{head}{parts}</ListPartsResult>"))
    };
    let marker = "<NextPartNumberMarker>1</NextPartNumberMarker>";
    let ended = format!("<IsTruncated>false</IsTruncated>{marker}");
    let none = "<NextPartNumberMarker>0</NextPartNumberMarker>";
    for (head, expected) in [(marker, 10), (ended.as_str(), 5), (none, 5)] {
        let (bench, _server) = bench(&[page(head), page("")]);

        assert_eq!(bench.store.upload_bytes(&upload()).await.unwrap(), Some(expected), "{head}");
    }
    for head in
        ["<IsTruncated>true</IsTruncated>", "<NextPartNumberMarker>one</NextPartNumberMarker>"]
    {
        let (bench, _server) = bench(&[page(head)]);

        let error = bench.store.upload_bytes(&upload()).await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(error.to_string().contains("`NextPartNumberMarker`"), "{error}");
    }
}

#[tokio::test]
async fn listings_of_uploads_and_parts_that_do_not_advance_are_errors() {
    let (uploads, _server) = bench(&[uploads_page("a", "a"), uploads_page("b", "b")]);
    let parts = "<ListPartsResult><IsTruncated>true</IsTruncated>\
                 <NextPartNumberMarker>2</NextPartNumberMarker></ListPartsResult>";
    let (bench, _server) = bench(&[answer(200, "", parts)]);

    assert_eq!(uploads.store.list_uploads("").await.unwrap_err().kind(), ErrorKind::Protocol);
    assert_eq!(bench.store.upload_bytes(&upload()).await.unwrap_err().kind(), ErrorKind::Protocol);
}

fn upload() -> UnfinishedUpload {
    UnfinishedUpload { key: "k".to_owned(), upload_id: "u".to_owned(), initiated_at: None }
}

#[tokio::test]
async fn the_parts_of_an_upload_are_summed() {
    let first = "<ListPartsResult><IsTruncated>true</IsTruncated>\
                 <NextPartNumberMarker>2</NextPartNumberMarker><Part><Size>3</Size></Part>\
                 <Part><Size>4</Size></Part></ListPartsResult>";
    let last = "<ListPartsResult><IsTruncated>false</IsTruncated>\
                <Part><Size>5</Size></Part></ListPartsResult>";
    let (bench, server) = bench(&[answer(200, "", first), answer(200, "", last)]);

    assert_eq!(bench.store.upload_bytes(&upload()).await.unwrap(), Some(12));
    assert!(server.requests()[1].contains("part-number-marker=2"));
}

#[tokio::test]
async fn an_upload_that_ended_has_no_bytes() {
    let (bench, _server) = bench(&[error(404, "NoSuchUpload")]);

    assert_eq!(bench.store.upload_bytes(&upload()).await.unwrap(), None);
}

#[tokio::test]
async fn a_store_without_listings_of_uploads_refuses_the_call() {
    for (status, code) in
        [(501, "NotImplemented"), (405, "MethodNotAllowed"), (403, "AccessDenied")]
    {
        let (bench, _server) = bench(&[error(status, code)]);

        let error = bench.store.list_uploads("").await.unwrap_err();

        assert_eq!(error.reach(), Reach::RefusedCall, "{code}");
    }
}

#[tokio::test]
async fn rotated_credentials_count_from_the_next_request_on() {
    let (bench, server) = bench(&[answer(200, "", EMPTY_PAGE)]);
    bench.list().await.unwrap();

    write_credentials(bench.files.path(), "ID2", "secret2");
    bench.list().await.unwrap();

    let heads = server.requests();
    assert!(heads[0].contains("Credential=ID1/") && heads[1].contains("Credential=ID2/"));
}

#[tokio::test]
async fn credentials_that_cannot_be_read_are_named_by_their_file() {
    let (bench, server) = bench(&[answer(200, "", EMPTY_PAGE)]);
    let secret = bench.files.path().join("secret");

    fs::write(&secret, "\n").unwrap();
    let empty = bench.list_error().await;
    fs::write(&secret, "hush\nhush").unwrap();
    let odd = bench.list_error().await;
    fs::remove_file(&secret).unwrap();
    let missing = bench.list_error().await;

    for (error, words) in [(empty, "is empty"), (odd, "one line"), (missing, "cannot be read")] {
        assert_eq!((error.kind(), error.reach()), (ErrorKind::Auth, Reach::Scan), "{error}");
        let text = format!("{error} {error:?} {}", cause(&error));
        assert!(text.contains(words) && text.contains(&secret.display().to_string()), "{text}");
        assert!(!text.contains("hush"), "{text}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn no_secret_stands_in_an_error() {
    for step in [error(403, "SignatureDoesNotMatch"), Step::Send("nonsense".to_owned())] {
        let (bench, _server) = bench(&[step]);

        let error = bench.list_error().await;

        let text = format!("{error} {error:?} {}", cause(&error));
        for secret in ["secret1", "Signature=", "AWS4-HMAC"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[tokio::test]
async fn a_profile_that_does_not_exist_is_an_error_of_the_credentials() {
    let server = Scripted::http(&[answer(200, "", EMPTY_PAGE)]);
    let bench = Bench::with(http(&server), |settings| {
        settings.credentials = Credentials::Chain { profile: Some("no-such-profile".to_owned()) };
    });

    let error = bench.list_error().await;

    assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
    assert!(error.to_string().starts_with("no credentials could be loaded"), "{error}");
}

/// A certificate authority, and a server's certificate from it.
fn authority(folder: &Path, name: &str) -> (PathBuf, ServerConfig) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&key).unwrap();
    let file = folder.join(name);
    fs::write(&file, ca.pem()).unwrap();
    let issuer = Issuer::new(params, key);
    let server_key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let server = server.signed_by(&server_key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![server.der().clone()],
            PrivateKeyDer::try_from(server_key.serialize_der()).unwrap(),
        )
        .unwrap();
    (file, config)
}

#[tokio::test]
async fn a_new_authority_in_the_file_counts_from_the_next_listing_on() {
    let folder = TempDir::new().unwrap();
    let (right, config) = authority(folder.path(), "right.pem");
    let (wrong, _) = authority(folder.path(), "wrong.pem");
    let file = folder.path().join("ca.pem");
    fs::copy(wrong, &file).unwrap();
    let server = Scripted::https(&[answer(200, "", EMPTY_PAGE)], config);
    let endpoint = format!("https://127.0.0.1:{}", server.port);
    let bench = Bench::with(endpoint, |settings| settings.ca_file = Some(file.clone()));

    let error = bench.list_error().await;
    fs::copy(right, &file).unwrap();
    bench.list().await.unwrap();

    assert_eq!(error.kind(), ErrorKind::Network);
    let text = error.to_string();
    for words in ["https://127.0.0.1:", "`endpointCAFile`", "certificate"] {
        assert!(text.contains(words), "{text}");
    }
}

#[tokio::test]
async fn a_file_without_authorities_fails_the_call_and_names_the_file() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    let odd = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for content in [None, Some(""), Some("no pem"), Some(odd)] {
        if let Some(content) = content {
            fs::write(&file, content).unwrap();
        }
        let bench = Bench::with("https://127.0.0.1:1".to_owned(), |settings| {
            settings.ca_file = Some(file.clone());
        });

        let error = bench.list_error().await;

        assert_eq!(error.kind(), ErrorKind::Network, "{error}");
        assert!(error.to_string().contains(&file.display().to_string()), "{error}");
        assert!(error.to_string().contains("`endpointCAFile`"), "{error}");
    }
}
