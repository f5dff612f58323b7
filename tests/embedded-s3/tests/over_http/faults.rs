//! Tests of deliberate faults.

use std::time::{Duration, Instant};

use embedded_s3::{Action, ErrorAnswer, Fault, Operation, Part, Server, Upload, When};

use crate::client::{BUCKET, get, list, moment, serve, store_of, try_get};

async fn failing(action: Action) -> Server {
    let server = serve(&store_of(["a", "b", "c"]), 1).await;
    server.faults().add(Fault::always(action));
    server
}

#[tokio::test]
async fn errors_have_the_status_code_and_words_of_s3() {
    let cases = [
        (Action::slow_down(), 503, "SlowDown"),
        (Action::internal_error(), 500, "InternalError"),
        (Action::access_denied(), 403, "AccessDenied"),
        (Action::expired_token(), 400, "ExpiredToken"),
        (Action::not_implemented(), 501, "NotImplemented"),
        (
            Action::wrong_region("eu-west-1"),
            400,
            "AuthorizationHeaderMalformed",
        ),
    ];
    for (action, status, code) in cases {
        let answer = list(&failing(action).await, &[]).await;
        assert_eq!(
            (answer.status, answer.one("Code").as_deref()),
            (status, Some(code))
        );
        assert!(answer.one("Message").is_some());
    }
}

#[tokio::test]
async fn errors_carry_further_elements_and_headers() {
    let slow = ErrorAnswer::new(503, "SlowDown", "<slow>").with_header("retry-after", "7");

    let wrong_region = list(&failing(Action::wrong_region("eu-west-1")).await, &[]).await;
    let slow = list(&failing(Action::Error(slow)).await, &[]).await;
    let moved = list(&failing(Action::moved("eu-west-1")).await, &[]).await;

    assert_eq!(wrong_region.one("Region").as_deref(), Some("eu-west-1"));
    assert_eq!(
        (slow.header("retry-after"), slow.one("Message").as_deref()),
        (Some("7"), Some("<slow>"))
    );
    assert_eq!(
        (moved.status, moved.header("x-amz-bucket-region")),
        (301, Some("eu-west-1"))
    );
}

#[tokio::test]
async fn any_answer_can_be_made_up() {
    let body = "<ListBucketResult><Key>a</K".into();
    let content_type = "application/xml".to_owned();
    let server = failing(Action::Raw {
        status: 200,
        content_type,
        body,
    })
    .await;

    let answer = list(&server, &[]).await;

    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, "<ListBucketResult><Key>a</K")
    );
    assert_eq!(answer.header("content-type"), Some("application/xml"));
}

#[tokio::test]
async fn a_hanging_request_has_no_status_and_ends_with_the_server() {
    let server = failing(Action::Hang).await;
    let url = format!("{}/bucket/a", server.endpoint());
    let request = tokio::spawn(async move { reqwest::get(url).await });

    let deadline = Instant::now() + Duration::from_secs(10);
    while server.requests().is_empty() {
        assert!(Instant::now() < deadline, "the request never arrived");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }

    assert_eq!(server.requests()[0].status, None);
    assert!(!request.is_finished());
    server.stop().await;
    assert!(request.await.unwrap().is_err());
}

#[tokio::test]
async fn a_delayed_answer_is_the_right_one() {
    let server = failing(Action::Delay(Duration::from_millis(100))).await;

    let began = Instant::now();
    let (first, second) = tokio::join!(get(&server, "bucket/a"), get(&server, "bucket/b"));

    assert!(began.elapsed() >= Duration::from_millis(100));
    assert_eq!((first.body.as_str(), second.status), ("abc", 200));
    assert_eq!(server.most_requests_at_once(), 2);
}

#[tokio::test]
async fn a_dropped_connection_is_no_answer() {
    let server = failing(Action::DropConnection).await;

    assert!(try_get(&server, "bucket/a").await.unwrap_err().is_request());
    server.faults().clear();
    assert_eq!(get(&server, "bucket/a").await.status, 200);
}

#[tokio::test]
async fn a_truncated_body_breaks_off_after_the_head_of_the_answer() {
    let server = failing(Action::TruncateBody(2)).await;

    let mut response = reqwest::get(format!("{}/bucket/a", server.endpoint()))
        .await
        .unwrap();

    assert_eq!(
        (response.status().as_u16(), response.content_length()),
        (200, Some(3))
    );
    assert_eq!(response.chunk().await.unwrap().as_deref(), Some(&b"ab"[..]));
    assert!(response.chunk().await.is_err());
    let page = try_get(&server, "bucket?list-type=2").await;
    assert!(page.unwrap_err().is_decode());
}

#[tokio::test]
async fn a_repeated_token_leads_to_the_same_page_for_ever() {
    let server = failing(Action::RepeatToken).await;

    let first = list(&server, &[]).await;
    let token = first.one("NextContinuationToken").unwrap();
    let second = list(&server, &[("continuation-token", &token)]).await;

    assert_eq!(
        (first.all("Key"), second.all("Key")),
        (vec!["a".into()], vec!["b".into()])
    );
    assert_eq!(second.one("NextContinuationToken"), Some(token));
    assert_eq!(second.one("IsTruncated").as_deref(), Some("true"));
}

#[tokio::test]
async fn markers_of_uploads_and_parts_are_repeated_too() {
    let store = store_of([""; 0]);
    let etag = "etag".to_owned();
    let part = Part {
        number: 1,
        size: 1,
        last_modified: moment(),
        etag,
    };
    let [key, upload_id] = ["a", "1"].map(str::to_owned);
    store.begin_upload(
        BUCKET,
        Upload {
            key,
            upload_id,
            initiated: moment(),
            parts: vec![part],
        },
    );
    let server = serve(&store, 1000).await;
    server.faults().add(Fault::always(Action::RepeatToken));

    let uploads = get(&server, "bucket?uploads").await;
    let again = get(&server, "bucket?uploads&key-marker=a&upload-id-marker=1").await;
    let parts = get(&server, "bucket/a?uploadId=1").await;

    assert_eq!(uploads.one("NextKeyMarker").as_deref(), Some("a"));
    assert_eq!(again.one("NextUploadIdMarker").as_deref(), Some("1"));
    assert_eq!(parts.one("NextPartNumberMarker").as_deref(), Some("1"));
}

#[tokio::test]
async fn a_fault_hits_only_the_requests_it_is_for() {
    let server = serve(&store_of(["a", "b"]), 1000).await;
    let second_b = When::operation(Operation::GetObject)
        .containing("b")
        .from_request(2)
        .times(1);
    let listed_x = When::operation(Operation::ListObjects).containing("x");
    server.faults().set([
        Fault::new(second_b, Action::access_denied()),
        Fault::new(listed_x, Action::slow_down()),
    ]);

    let mut statuses = Vec::new();
    for path in [
        "a",
        "b",
        "a",
        "b",
        "b",
        "?list-type=2",
        "?list-type=2&prefix=x",
    ] {
        statuses.push(get(&server, &format!("bucket/{path}")).await.status);
    }

    assert_eq!(statuses, [200, 200, 200, 403, 200, 200, 503]);
    let logged: Vec<_> = server
        .requests()
        .iter()
        .filter_map(|request| request.status)
        .collect();
    assert_eq!(logged, statuses);
}

/// Bytes 1 to 3 of the object `a`, if the version is the one that is stored, and their place.
async fn range_of_a(server: &Server, etag: &str) -> (u16, Option<String>, String) {
    let request = reqwest::Client::new()
        .get(format!("{}/bucket/a", server.endpoint()))
        .header("range", "bytes=1-3")
        .header("if-match", format!("\"{etag}\""));
    let response = request.send().await.unwrap();
    let place = response.headers().get("content-range");
    let place = place.map(|value| value.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    (status, place, response.text().await.unwrap())
}

#[tokio::test]
async fn contents_are_read_wrongly_on_demand() {
    let store = store_of([""; 0]);
    store.put_bytes(BUCKET, "a", "abcdef", moment());
    let etag = store.get(BUCKET, "a").unwrap().etag;
    let server = serve(&store, 1000).await;
    let right = Some("bytes 1-3/6".to_owned());
    let shifted = Some("bytes 2-4/6".to_owned());

    for (action, expected) in [
        (
            Action::Delay(Duration::ZERO),
            (206, right.clone(), "bcd".to_owned()),
        ),
        (Action::FlipBit, (206, right, "ccd".to_owned())),
        (Action::ShiftRange, (206, shifted, "cde".to_owned())),
        (
            Action::IgnoreHeader("range"),
            (200, None, "abcdef".to_owned()),
        ),
    ] {
        server.faults().set([Fault::always(action)]);
        assert_eq!(range_of_a(&server, &etag).await, expected);
    }

    server.faults().clear();
    assert_eq!(range_of_a(&server, "other").await.0, 412);
    let ignored = Action::IgnoreHeader("if-match");
    server.faults().set([Fault::always(ignored)]);
    assert_eq!(range_of_a(&server, "other").await.0, 206);
}

#[tokio::test]
async fn a_store_may_flap() {
    let server = serve(&store_of(["a"]), 1000).await;
    let first = When::operation(Operation::GetObject).times(1);
    server.faults().add(Fault::new(first, Action::FlipBit));

    let mut bodies = Vec::new();
    for _ in 0..2 {
        bodies.push(get(&server, "bucket/a").await.body);
    }

    assert_eq!(bodies, ["`bc", "abc"]);
}

#[tokio::test]
async fn a_range_can_break_off() {
    let server = failing(Action::TruncateBody(1)).await;

    let request = reqwest::Client::new()
        .get(format!("{}/bucket/a", server.endpoint()))
        .header("range", "bytes=1-2");
    let mut response = request.send().await.unwrap();

    assert_eq!(response.content_length(), Some(2));
    assert_eq!(response.chunk().await.unwrap().as_deref(), Some(&b"b"[..]));
    assert!(response.chunk().await.is_err());
}
