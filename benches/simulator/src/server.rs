//! HTTP, limited to the requests of an S3 client that only lists and reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio::io::{self, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};

use crate::archive::{Archive, Object};
use crate::contents::parse_range;
use crate::listing::{Query, Start, write_etag};

/// Path of the bucket.
pub const BUCKET: &str = "backups";

/// Start of a request that makes every server archive one more segment.
pub const ARCHIVE_ONE_MORE: &str = "POST /segment ";

/// Maximum length of a request's head, in bytes.
const MOST_HEAD: usize = 16 * 1024;

/// State that all connections share.
#[derive(Debug)]
struct Service {
    archive: Archive,
    more: AtomicU64,
    latency: Duration,
}

/// Serves an archive forever, and sends each answer this long after its request.
///
/// # Errors
/// Returns an error if no more connections can be accepted.
pub async fn serve(listener: TcpListener, archive: Archive, latency: Duration) -> io::Result<()> {
    let service = Arc::new(Service {
        archive,
        more: AtomicU64::new(0),
        latency,
    });
    loop {
        let (stream, _) = listener.accept().await?;
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            // A client that goes away is none of our business.
            let _ = service.converse(stream).await;
        });
    }
}

impl Service {
    /// Answers one request after the other.
    async fn converse(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut received = Vec::with_capacity(4096);
        while let Some(head) = read_head(&mut stream, &mut received).await? {
            let due = Instant::now() + self.latency;
            let answer = self.answer(&head);
            if !self.latency.is_zero() {
                sleep_until(due).await;
            }
            stream.write_all(&answer).await?;
        }
        Ok(())
    }

    /// Builds the whole answer to a request.
    fn answer(&self, head: &str) -> Vec<u8> {
        if head.starts_with(ARCHIVE_ONE_MORE) {
            self.more.fetch_add(1, Ordering::SeqCst);
            return written("200 OK", b"");
        }
        let target = head.split(' ').nth(1).unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let archive = self.archive.later(self.more.load(Ordering::SeqCst));
        let path = decoded(path);
        let key = path
            .strip_prefix('/')
            .and_then(|path| path.strip_prefix(BUCKET));
        let key = key.unwrap_or_default().trim_start_matches('/');
        let parameters = || {
            query
                .split('&')
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        };
        if parameters().any(|(name, _)| name == "uploads") {
            return written("200 OK", NO_UPLOADS.as_bytes());
        }
        if key.is_empty() {
            return written("200 OK", &archive.page(&asked_for(parameters())));
        }
        match archive.find(key) {
            Some(object) => read(&archive, object, head),
            None => written("404 Not Found", NO_SUCH_KEY.as_bytes()),
        }
    }
}

/// Builds the answer to a request for an object, or for a range of it.
fn read(archive: &Archive, object: Object, head: &str) -> Vec<u8> {
    let size = archive.size(object);
    let mut etag = Vec::new();
    write_etag(size, archive.modified_at(object), &mut etag);
    let etag = format!("\"{}\"", String::from_utf8_lossy(&etag));
    if header(head, "if-match").is_some_and(|condition| condition != etag) {
        return written("412 Precondition Failed", b"");
    }
    if head.starts_with("HEAD ") {
        return format!("HTTP/1.1 200 OK\r\netag: {etag}\r\ncontent-length: {size}\r\n\r\n")
            .into_bytes();
    }
    if let Some(range) = header(head, "range").and_then(parse_range) {
        let Some(bytes) = archive.bytes(object, &range) else {
            return written("416 Range Not Satisfiable", b"");
        };
        let last = range.start + bytes.len() as u64 - 1;
        let start = range.start;
        let headers = format!("etag: {etag}\r\ncontent-range: bytes {start}-{last}/{size}\r\n");
        return written_with("206 Partial Content", &headers, &bytes);
    }
    match archive.content(object) {
        Some(content) => written("200 OK", content.as_bytes()),
        // Nobody reads a large object at once.
        None => written("404 Not Found", NO_SUCH_KEY.as_bytes()),
    }
}

/// Value of a header, if the request has it.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

const NO_UPLOADS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListMultipartUploadsResult>\
    <Bucket>backups</Bucket><MaxUploads>1000</MaxUploads><IsTruncated>false</IsTruncated>\
    </ListMultipartUploadsResult>";

const NO_SUCH_KEY: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>\
    <Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>";

/// Reads the head of the next request; `None` when there is none.
async fn read_head(stream: &mut TcpStream, received: &mut Vec<u8>) -> io::Result<Option<String>> {
    loop {
        let end = received.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            let rest = received.split_off(end + 4);
            let head = std::mem::replace(received, rest);
            return Ok(Some(String::from_utf8_lossy(&head).into_owned()));
        }
        if received.len() > MOST_HEAD || stream.read_buf(received).await? == 0 {
            return Ok(None);
        }
    }
}

fn asked_for<'a>(parameters: impl Iterator<Item = (&'a str, &'a str)>) -> Query {
    let mut query = Query {
        prefix: String::new(),
        is_rolled_up: false,
        start: Start::AtFirst,
        max_keys: 1000,
    };
    for (name, value) in parameters {
        match name {
            "prefix" => query.prefix = decoded(value),
            "delimiter" => query.is_rolled_up = true,
            "max-keys" => query.max_keys = value.parse().unwrap_or(query.max_keys),
            // A continuation goes before it.
            "start-after" if query.start == Start::AtFirst => {
                query.start = Start::After(decoded(value));
            }
            "continuation-token" => query.start = Start::of_token(&decoded(value)),
            _ => {}
        }
    }
    query
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn written(status: &str, body: &[u8]) -> Vec<u8> {
    written_with(status, "content-type: application/xml\r\n", body)
}

fn written_with(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}server: AmazonS3\r\n\
         x-amz-request-id: 4442587FB7D0A2F9\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}
