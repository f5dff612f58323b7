//! The whole of it, over real TCP.

use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use flate2::read::GzDecoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::*;

/// The longest that anything here may take before it counts as stuck.
const DEADLINE: Duration = Duration::from_secs(20);

/// Shows these archives, and a page of this many bytes.
struct Shows {
    archives: Vec<ArchiveOverview>,
    page_bytes: usize,
    asked: AtomicUsize,
    written: AtomicUsize,
    /// Where locked, nothing is written until it is released.
    gate: Mutex<()>,
}

impl Content for Shows {
    fn exposition(&self, format: Exposition) -> Result<String, std::fmt::Error> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let _open = self.gate.blocking_lock();
        self.written.fetch_add(1, Ordering::SeqCst);
        Ok(format!("# {format:?}\n{}", "x".repeat(self.page_bytes)))
    }

    fn overview(&self) -> Overview {
        Overview {
            version: "0.1.0".to_owned(),
            revision: "abc1234".to_owned(),
            now: moment("2026-01-01T00:10:00Z"),
            archives: self.archives.clone(),
            certificates: Vec::new(),
        }
    }

    fn unscanned(&self) -> Vec<String> {
        let waiting = self.archives.iter().filter(|archive| archive.last_attempt_at.is_none());
        waiting.map(|archive| archive.name.clone()).collect()
    }
}

/// Panics and fails, as no content should.
struct Breaks;

impl Content for Breaks {
    fn exposition(&self, format: Exposition) -> Result<String, std::fmt::Error> {
        match format {
            Exposition::OpenMetrics => panic!("as told"),
            Exposition::Classic => Err(std::fmt::Error),
        }
    }

    fn overview(&self) -> Overview {
        panic!("as told")
    }

    fn unscanned(&self) -> Vec<String> {
        panic!("as told")
    }
}

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn shows(archives: Vec<ArchiveOverview>, page_bytes: usize) -> Arc<Shows> {
    let (asked, written, gate) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(()));
    Arc::new(Shows { archives, page_bytes, asked, written, gate })
}

struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    async fn start(content: Arc<dyn Content>, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(listener, content, limits, stop.clone()));
        Self { address, stop, task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// The whole answer to a request on a connection of its own.
    async fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        let mut stream = self.connect().await;
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        Answer::parse(&read_to_end(&mut stream).await)
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "").await
    }
}

/// What arrives until the other side closes or cuts the connection.
async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    let _ = timeout(DEADLINE, read).await.expect("the connection ends");
    bytes
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let end = text.find("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let head = text[..end].to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = &bytes[end + 4..];
        let chunked = head.contains("transfer-encoding: chunked");
        Self { status, head, body: if chunked { unchunk(body) } else { body.to_owned() } }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") {
        let size = std::str::from_utf8(&bytes[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        body.extend_from_slice(&bytes[end + 2..end + 2 + size]);
        bytes = &bytes[end + 2 + size + 2..];
    }
    body
}

#[tokio::test]
async fn metrics_come_in_the_form_that_is_wanted() {
    let server = Server::start(shows(vec![], 100), Limits::default()).await;

    let classic = server.get("/metrics").await;
    let open = server.ask("GET", "/metrics", "Accept: application/openmetrics-text\r\n").await;

    assert_eq!(classic.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(classic.text().starts_with("# Classic\n"));
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(open.header("content-type"), Some(content_type));
    assert!(open.text().starts_with("# OpenMetrics\n"));
}

#[tokio::test]
async fn metrics_are_compressed_when_accepted() {
    let server = Server::start(shows(vec![], 100_000), Limits::default()).await;

    let answer = server.ask("GET", "/metrics", "Accept-Encoding: gzip\r\n").await;

    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert!(answer.body.len() < 10_000, "{}", answer.body.len());
    let mut text = String::new();
    GzDecoder::new(answer.body.as_slice()).read_to_string(&mut text).unwrap();
    assert_eq!(text.len(), "# Classic\n".len() + 100_000);
}

#[tokio::test]
async fn every_page_answers_to_get_and_head_alone() {
    let server = Server::start(shows(vec![], 100), Limits::default()).await;

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
    let archive = |name: &str, is_scanned: bool| ArchiveOverview {
        name: name.to_owned(),
        last_attempt_at: is_scanned.then(|| moment("2026-01-01T00:05:00Z")),
        ..ArchiveOverview::default()
    };
    let waiting = vec![archive("a", true), archive("b", false)];
    let waiting = Server::start(shows(waiting, 0), Limits::default()).await;
    let done = Server::start(shows(vec![archive("a", true)], 0), Limits::default()).await;

    let answer = waiting.get("/-/ready").await;

    assert_eq!(answer.status, 503);
    assert_eq!(answer.text(), "waiting for the first scan of `b`\n");
    assert_eq!(done.get("/-/ready").await.status, 200);
    assert_eq!(waiting.get("/-/healthy").await.status, 200);
}

#[tokio::test]
async fn hostile_names_are_escaped_on_the_landing_page() {
    let hostile = "<script>alert(1)</script>\"'&";
    let archive = ArchiveOverview {
        name: hostile.to_owned(),
        destination: hostile.to_owned(),
        endpoint: hostile.to_owned(),
        last_attempt_at: Some(moment("2026-01-01T00:05:00Z")),
        last_outcome: Some(hostile.to_owned()),
        last_error: Some(hostile.to_owned()),
        next_at: Some(moment("2026-01-01T00:15:00Z")),
        servers: vec![ServerOverview {
            name: hostile.to_owned(),
            verdict: Some(hostile.to_owned()),
            status: hostile.to_owned(),
            problems: vec![hostile.to_owned(); 9],
            ..ServerOverview::default()
        }],
        ..ArchiveOverview::default()
    };
    let server = Server::start(shows(vec![archive], 0), Limits::default()).await;

    let answer = server.get("/").await;

    let page = answer.text();
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"), "{page}");
    assert!(page.contains("5 min ago") && page.contains("in 5 min"), "{page}");
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
}

/// An archive of so many servers, of which the first two are not well, after a scan that ended so.
fn archive_of(servers: usize, outcome: &str) -> ArchiveOverview {
    let server = |index: usize| {
        let (verdict, status) = match index {
            0 => (Some("not restorable"), "critical"),
            1 => (None, "warning"),
            _ => (Some("restorable"), "ok"),
        };
        ServerOverview {
            name: format!("server-{index}"),
            verdict: verdict.map(str::to_owned),
            standing: if status == "ok" { Standing::Good } else { Standing::Bad },
            status: status.to_owned(),
            newest_backup_at: Some(moment("2025-12-31T22:10:00Z")),
            problems: if index == 0 { vec!["A gap".to_owned(); 7] } else { Vec::new() },
        }
    };
    ArchiveOverview {
        name: "a".to_owned(),
        last_attempt_at: Some(moment("2026-01-01T00:09:00Z")),
        last_success_at: Some(moment("2026-01-01T00:05:00Z")),
        last_outcome: Some(outcome.to_owned()),
        servers_found: servers,
        servers: (0..servers).map(server).collect(),
        ..ArchiveOverview::default()
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_restored_stands_out_beside_a_scan_that_succeeded() {
    let server = Server::start(shows(vec![archive_of(3, "success")], 0), Limits::default()).await;

    let page = server.get("/").await.text();

    for text in [
        r#"<small class="bad">1 critical</small>"#,
        r#"<span class="bad">not restorable</span>"#,
        r#"<span class="good">restorable</span>"#,
        "orphan: not configured",
        "2 h ago",
        "and 2 more",
        "As of 5 min ago, 2026-01-01 00:05:00 UTC",
    ] {
        assert!(page.contains(text), "no {text} in {page}");
    }
}

#[tokio::test]
async fn after_a_failed_scan_no_server_looks_well() {
    let server = Server::start(shows(vec![archive_of(3, "failure")], 0), Limits::default()).await;

    let page = server.get("/").await.text();

    assert!(!page.contains(r#"class="good""#), "{page}");
    assert!(page.contains("not known") && page.contains("was restorable"), "{page}");
    assert!(page.contains("As of 5 min ago, 2026-01-01 00:05:00 UTC"), "{page}");
}

#[tokio::test]
async fn while_the_next_scan_is_late_no_server_looks_well() {
    let next = |at: &str| ArchiveOverview { next_at: Some(moment(at)), ..archive_of(3, "success") };
    let page = async |archive| {
        let server = Server::start(shows(vec![archive], 0), Limits::default()).await;
        server.get("/").await.text()
    };

    let late = page(next("2026-01-01T00:07:00Z")).await;
    let due = page(next("2026-01-01T00:09:00Z")).await;

    assert!(late.contains("The next scan is late") && late.contains("was restorable"), "{late}");
    assert!(!due.contains("not known"), "{due}");
}

#[tokio::test]
async fn a_fleet_is_shown_by_its_worst_and_counted() {
    let fleet = archive_of(1000, "success");
    let server = Server::start(shows(vec![fleet], 0), Limits::default()).await;

    let page = server.get("/").await.text();

    assert_eq!(page.matches("<strong>server-").count(), 50);
    assert!(page.contains("<strong>server-0</strong>"), "{page}");
    assert!(page.contains("and 950 more: 950 ok"), "{page}");
}

#[tokio::test]
async fn what_panics_or_fails_is_an_error_of_the_server() {
    let server = Server::start(Arc::new(Breaks), Limits::default()).await;

    assert_eq!(server.get("/").await.status, 500);
    assert_eq!(server.get("/metrics").await.status, 500);
    let open = server.ask("GET", "/metrics", "Accept: application/openmetrics-text\r\n").await;
    assert_eq!(open.status, 500);
    assert_eq!(server.get("/-/healthy").await.status, 200);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = Server::start(shows(vec![], 0), Limits::default()).await;

    let answer = server.ask("GET", "/", &format!("X: {}\r\n", "x".repeat(100_000))).await;

    assert_eq!(answer.status, 431);
}

#[tokio::test]
async fn a_client_that_never_finishes_its_head_is_cut_and_holds_nobody_up() {
    let limits = Limits { header_timeout: Duration::from_millis(500), ..Limits::default() };
    let server = Server::start(shows(vec![], 0), limits).await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\nHost").await.unwrap();
    let mut silent = server.connect().await;
    let begin = Instant::now();

    let answer = server.get("/-/healthy").await;

    assert_eq!(answer.status, 200);
    read_to_end(&mut slow).await;
    read_to_end(&mut silent).await;
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn a_probe_is_answered_at_once_beside_many_who_dribble() {
    let server = Server::start(shows(vec![], 0), Limits::default()).await;
    let mut dribbling = Vec::new();
    for _ in 0..100 {
        let mut stream = server.connect().await;
        stream.write_all(b"GET / HTTP/1.1\r\nX").await.unwrap();
        dribbling.push(stream);
    }
    let begin = Instant::now();

    let answer = server.get("/-/healthy").await;

    let took = begin.elapsed();
    assert_eq!(answer.status, 200);
    assert!(took < Duration::from_secs(1), "{took:?}");
    for stream in &mut dribbling {
        read_to_end(stream).await;
    }
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test]
async fn places_are_free_again_when_clients_leave() {
    let limits = Limits { max_connections: 2, ..Limits::default() };
    let server = Server::start(shows(vec![], 0), limits).await;
    let first = server.connect().await;
    let second = server.connect().await;
    let third = server.get("/-/healthy");
    tokio::pin!(third);

    let waits = timeout(Duration::from_millis(300), third.as_mut()).await.is_err();
    drop((first, second));

    assert!(waits, "a third connection was served");
    assert_eq!(timeout(DEADLINE, third).await.unwrap().status, 200);
    for _ in 0..20 {
        assert_eq!(server.get("/-/healthy").await.status, 200);
    }
}

#[tokio::test]
async fn who_does_not_read_is_cut_at_the_end_of_the_connections_life() {
    let short = Duration::from_millis(300);
    let limits =
        Limits { max_connections: 1, connection_life: short, grace: short, ..Limits::default() };
    let server = Server::start(shows(vec![], 50_000_000), limits).await;
    let mut lazy = server.connect().await;
    lazy.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();

    let answer = timeout(DEADLINE, server.get("/-/healthy")).await;

    assert_eq!(answer.expect("the only place is free again").status, 200);
    assert!(read_to_end(&mut lazy).await.len() < 50_000_000);
}

#[tokio::test]
async fn clients_that_come_together_share_one_page() {
    let content = shows(vec![], 5_000_000);
    let server = Server::start(Arc::clone(&content) as _, Limits::default()).await;
    let ask = || server.get("/metrics");

    let answers = tokio::join!(ask(), ask(), ask(), ask(), ask(), ask(), ask(), ask());

    assert_eq!(answers.0.text().len(), answers.7.text().len());
    let written = content.written.load(Ordering::SeqCst);
    assert!(written < 8, "{written}");
}

#[tokio::test]
async fn an_answer_that_does_not_begin_in_time_is_given_up() {
    let content = shows(vec![], 0);
    let limits = Limits { handler_timeout: Duration::from_millis(200), ..Limits::default() };
    let server = Server::start(Arc::clone(&content) as _, limits).await;

    let closed = content.gate.lock().await;
    let answer = server.get("/metrics").await;
    drop(closed);

    assert_eq!(answer.status, 503);
    assert_eq!(server.get("/metrics").await.status, 200);
}

#[tokio::test]
async fn a_stop_lets_running_requests_end_and_closes_the_rest_at_once() {
    let content = shows(vec![], 10);
    let server = Server::start(Arc::clone(&content) as _, Limits::default()).await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(idle.read(&mut [0; 1000]).await.unwrap() > 0);
    let mut running = server.connect().await;
    let closed = content.gate.lock().await;
    running.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let begun = async {
        while content.asked.load(Ordering::SeqCst) == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, begun).await.expect("the request arrives");

    server.stop.cancel();
    read_to_end(&mut idle).await;
    let refused = TcpStream::connect(server.address).await.is_err();
    let still_runs = !server.task.is_finished();
    drop(closed);

    assert!(refused, "it still listens");
    assert!(still_runs, "it did not wait");
    assert_eq!(Answer::parse(&read_to_end(&mut running).await).status, 200);
    timeout(DEADLINE, server.task).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_stop_does_not_wait_for_those_who_do_not_read() {
    let limits = Limits { grace: Duration::from_millis(300), ..Limits::default() };
    let server = Server::start(shows(vec![], 50_000_000), limits).await;
    let mut lazy = server.connect().await;
    lazy.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(lazy.read(&mut [0; 10]).await.unwrap() > 0);
    let mut partial = server.connect().await;
    partial.write_all(b"GET /met").await.unwrap();
    let begin = Instant::now();

    server.stop.cancel();
    timeout(DEADLINE, server.task).await.unwrap().unwrap().unwrap();

    let took = begin.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
}
