//! Requests that the server received.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::RANGE;
use http::{HeaderMap, Method, Uri};
use percent_encoding::percent_decode_str;

/// Request that the server received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Operation that it requests.
    pub operation: Operation,
    /// Method, as it was sent.
    pub method: Method,
    /// Path as it was sent, percent-encoded.
    pub path: String,
    /// Names and values, decoded, in the order in which they were sent.
    pub query: Vec<(String, String)>,
    /// Header `Range`, such as `bytes=0-9`; `None` if there is none.
    pub range: Option<String>,
    /// Status of the answer; `None` until there is one.
    pub status: Option<u16>,
}

/// Operation of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `ListObjectsV2`.
    ListObjects,
    /// `ListMultipartUploads`.
    ListUploads,
    /// `ListParts`.
    ListParts,
    /// `GetObject`.
    GetObject,
    /// `HeadObject`.
    HeadObject,
    /// `PutObject`.
    PutObject,
    /// `DeleteObject`.
    DeleteObject,
    /// `HeadBucket`.
    HeadBucket,
    /// Anything else.
    Other,
}

impl Request {
    pub(crate) fn new(method: &Method, uri: &Uri) -> Self {
        let query = pairs(uri.query().unwrap_or_default());
        let mut request = Self {
            operation: Operation::Other,
            method: method.clone(),
            path: uri.path().to_owned(),
            query,
            range: None,
            status: None,
        };
        request.operation = request.find_operation();
        request
    }

    pub(crate) fn with_range(self, headers: &HeaderMap) -> Self {
        let range = headers.get(RANGE).and_then(|value| value.to_str().ok());
        Self {
            range: range.map(str::to_owned),
            ..self
        }
    }

    /// Decoded value of this name in the query; empty if it does not have one.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Decoded key; `None` if the request is about a bucket.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        let (_, key) = self.path.strip_prefix('/')?.split_once('/')?;
        Some(decoded(key)).filter(|key| !key.is_empty())
    }

    fn find_operation(&self) -> Operation {
        let has = |name| self.parameter(name).is_some();
        match (self.method.as_str(), self.key()) {
            ("GET", None) if self.parameter("list-type") == Some("2") => Operation::ListObjects,
            ("GET", None) if has("uploads") => Operation::ListUploads,
            ("GET", Some(_)) if has("uploadId") => Operation::ListParts,
            ("GET", Some(_)) => Operation::GetObject,
            ("HEAD", Some(_)) => Operation::HeadObject,
            ("HEAD", None) => Operation::HeadBucket,
            ("PUT", Some(_)) => Operation::PutObject,
            ("DELETE", Some(_)) => Operation::DeleteObject,
            _ => Operation::Other,
        }
    }
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let split = |pair: &str| {
        let pair = pair.replace('+', " ");
        let (name, value) = pair.split_once('=').unwrap_or((&pair, ""));
        (decoded(name), decoded(value))
    };
    pairs.map(split).collect()
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// All requests since the start or the last clearing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    requests: Vec<Request>,
    /// Number of requests that were cleared.
    cleared: usize,
    under_way: usize,
    most_under_way: usize,
}

/// Request that is being answered.
#[derive(Debug)]
pub(crate) struct UnderWay {
    log: Log,
    number: usize,
}

impl Log {
    pub(crate) fn begin(&self, request: Request) -> UnderWay {
        let mut entries = self.entries();
        entries.requests.push(request);
        entries.under_way += 1;
        entries.most_under_way = entries.most_under_way.max(entries.under_way);
        let number = entries.cleared + entries.requests.len() - 1;
        UnderWay {
            log: self.clone(),
            number,
        }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.entries().requests.clone()
    }

    pub(crate) fn most_under_way(&self) -> usize {
        self.entries().most_under_way
    }

    pub(crate) fn clear(&self) {
        let mut entries = self.entries();
        entries.cleared += entries.requests.len();
        entries.requests.clear();
        entries.most_under_way = entries.under_way;
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnderWay {
    pub(crate) fn answered(self, status: u16) {
        let mut entries = self.log.entries();
        let index = self.number.checked_sub(entries.cleared);
        if let Some(request) = index.and_then(|index| entries.requests.get_mut(index)) {
            request.status = Some(status);
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.log.entries().under_way -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(method: &Method, uri: &str) -> Operation {
        Request::new(method, &uri.parse().unwrap()).operation
    }

    #[test]
    fn operations_are_told_apart_by_method_path_and_query() {
        assert_eq!(
            operation(&Method::GET, "/b?list-type=2"),
            Operation::ListObjects
        );
        assert_eq!(
            operation(&Method::GET, "/b/?list-type=2"),
            Operation::ListObjects
        );
        assert_eq!(
            operation(&Method::GET, "/b?uploads"),
            Operation::ListUploads
        );
        assert_eq!(
            operation(&Method::GET, "/b/k?uploadId=1"),
            Operation::ListParts
        );
        assert_eq!(
            operation(&Method::GET, "/b/k?x-id=GetObject"),
            Operation::GetObject
        );
        assert_eq!(operation(&Method::HEAD, "/b"), Operation::HeadBucket);
        assert_eq!(operation(&Method::GET, "/b?location"), Operation::Other);
    }

    #[test]
    fn a_query_is_decoded_like_a_form() {
        let uri = "/b/a%20b?prefix=a%2Fb+c%2B&uploads".parse().unwrap();

        let request = Request::new(&Method::GET, &uri);

        assert_eq!(request.key().as_deref(), Some("a b"));
        assert_eq!(request.parameter("prefix"), Some("a/b c+"));
        assert_eq!(request.parameter("uploads"), Some(""));
    }

    #[test]
    fn an_answer_to_a_request_that_was_cleared_away_is_not_logged() {
        let log = Log::default();
        let request = Request::new(&Method::GET, &"/b/k".parse().unwrap());
        let first = log.begin(request.clone());
        log.clear();
        let second = log.begin(request);

        first.answered(500);
        assert_eq!(log.requests()[0].status, None);

        second.answered(200);
        assert_eq!(log.requests()[0].status, Some(200));
        assert_eq!(log.most_under_way(), 2);
    }
}
