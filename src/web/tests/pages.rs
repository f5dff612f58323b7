//! Answers to requests.

use super::*;

#[tokio::test]
async fn metrics_come_in_the_form_that_is_wanted() {
    let server = Server::start(shows(vec![], 100), ConnectionLimits::default()).await;

    let classic = server.get("/metrics").await;
    let open = server
        .ask(
            "GET",
            "/metrics",
            "Accept: application/openmetrics-text\r\n",
        )
        .await;

    assert_eq!(
        classic.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    assert!(classic.text().starts_with("# Classic\n"));
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(open.header("content-type"), Some(content_type));
    assert!(open.text().starts_with("# OpenMetrics\n"));
}

#[tokio::test]
async fn metrics_are_compressed_when_accepted() {
    let server = Server::start(shows(vec![], 100_000), ConnectionLimits::default()).await;

    let answer = server
        .ask("GET", "/metrics", "Accept-Encoding: gzip\r\n")
        .await;

    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert!(answer.body.len() < 10_000, "{}", answer.body.len());
    let mut text = String::new();
    GzDecoder::new(answer.body.as_slice())
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text.len(), "# Classic\n".len() + 100_000);
}

#[tokio::test]
async fn every_page_answers_to_get_and_head_alone() {
    let server = Server::start(shows(vec![], 100), ConnectionLimits::default()).await;

    for path in ["/", "/style.css", "/metrics", "/-/healthy", "/-/ready"] {
        let head = server.ask("HEAD", path, "").await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        let post = server.ask("POST", path, "Content-Length: 1\r\n").await;
        assert_eq!(post.status, 405, "{path}");
        assert_eq!(post.header("allow"), Some("get,head"), "{path}");
    }
    assert_eq!(server.get("/nothing").await.status, 404);
}

#[tokio::test]
async fn it_is_ready_once_every_archive_had_its_first_scan() {
    let waiting = Server::start(shows(vec!["b"], 0), ConnectionLimits::default()).await;
    let done = Server::start(shows(vec![], 0), ConnectionLimits::default()).await;

    let answer = waiting.get("/-/ready").await;

    assert_eq!(answer.status, 503);
    assert_eq!(answer.text(), "waiting for the first scan of `b`\n");
    assert_eq!(done.get("/-/ready").await.status, 200);
    assert_eq!(waiting.get("/-/healthy").await.status, 200);
}

#[tokio::test]
async fn what_panics_or_fails_is_an_error_of_the_server() {
    let server = Server::start(Arc::new(Breaks), ConnectionLimits::default()).await;

    assert_eq!(server.get("/").await.status, 500);
    assert_eq!(server.get("/metrics").await.status, 500);
    let open = server
        .ask(
            "GET",
            "/metrics",
            "Accept: application/openmetrics-text\r\n",
        )
        .await;
    assert_eq!(open.status, 500);
    assert_eq!(server.get("/-/healthy").await.status, 200);
}

#[tokio::test]
async fn clients_that_come_together_share_one_page() {
    let content = shows(vec![], 5_000_000);
    let server = Server::start(Arc::clone(&content) as _, ConnectionLimits::default()).await;
    let ask = || server.get("/metrics");

    let answers = tokio::join!(ask(), ask(), ask(), ask(), ask(), ask(), ask(), ask());

    assert_eq!(answers.0.text().len(), answers.7.text().len());
    let written = content.written.load(Ordering::SeqCst);
    assert!(written < 8, "{written}");
}

#[tokio::test]
async fn an_answer_that_does_not_begin_in_time_is_given_up() {
    let content = shows(vec![], 0);
    let limits = ConnectionLimits {
        handler_timeout: Duration::from_millis(200),
        ..ConnectionLimits::default()
    };
    let server = Server::start(Arc::clone(&content) as _, limits).await;

    let closed = content.gate.lock().await;
    let answer = server.get("/metrics").await;
    drop(closed);

    assert_eq!(answer.status, 503);
    assert_eq!(server.get("/metrics").await.status, 200);
}
