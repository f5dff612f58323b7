//! The whole of it, over real TCP.

use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flate2::read::GzDecoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::*;

mod connections;
mod landing;
mod pages;

/// The longest that anything here may take before it counts as stuck.
const DEADLINE: Duration = Duration::from_secs(20);

const LANDING_PAGE: &str = "<!DOCTYPE html>";
const STYLE_SHEET: &str = "body {}";

/// Waits for these archives, and has a page of metrics of this many bytes.
struct Shows {
    unscanned: Vec<&'static str>,
    page_bytes: usize,
    asked: AtomicUsize,
    written: AtomicUsize,
    /// Lock during which nothing is written.
    gate: Mutex<()>,
}

impl Content for Shows {
    fn exposition(&self, format: Exposition) -> Result<String, std::fmt::Error> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let _open = self.gate.blocking_lock();
        self.written.fetch_add(1, Ordering::SeqCst);
        Ok(format!("# {format:?}\n{}", "x".repeat(self.page_bytes)))
    }

    fn landing_page(&self) -> String {
        LANDING_PAGE.to_owned()
    }

    fn style_sheet(&self) -> &'static str {
        STYLE_SHEET
    }

    fn unscanned(&self) -> Vec<String> {
        self.unscanned
            .iter()
            .map(|name| (*name).to_owned())
            .collect()
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

    fn landing_page(&self) -> String {
        panic!("as told")
    }

    fn style_sheet(&self) -> &'static str {
        panic!("as told")
    }

    fn unscanned(&self) -> Vec<String> {
        panic!("as told")
    }
}

fn shows(unscanned: Vec<&'static str>, page_bytes: usize) -> Arc<Shows> {
    let (asked, written, gate) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(()));
    Arc::new(Shows {
        unscanned,
        page_bytes,
        asked,
        written,
        gate,
    })
}

struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    async fn start(content: Arc<dyn Content>, limits: ConnectionLimits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(listener, content, limits, stop.clone()));
        Self {
            address,
            stop,
            task,
        }
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

/// Reads until the other side closes the connection.
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
        let end = text
            .find("\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer: {text:?}"));
        let head = text[..end].to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = &bytes[end + 4..];
        let chunked = head.contains("transfer-encoding: chunked");
        Self {
            status,
            head,
            body: if chunked {
                unchunk(body)
            } else {
                body.to_owned()
            },
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
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
