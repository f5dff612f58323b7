//! Layer between the connections and the S3 service: the log and the faults.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RANGE, SERVER};
use http::{HeaderValue, Response};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use s3s::service::S3Service;
use s3s::{Body, HttpRequest, HttpResponse};

use crate::actions::{Action, ErrorAnswer, RepeatToken};
use crate::body::{Flipped, Truncated};
use crate::faults::Faults;
use crate::requests::{Log, Operation, Request};
use crate::server::Product;

/// Reason for closing a connection without an answer.
pub(crate) type Closed = io::Error;

/// Service that logs requests, injects faults, and passes the rest on.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) s3: S3Service,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    pub(crate) checks_signatures: bool,
    pub(crate) product: Product,
    pub(crate) base_path: String,
    pub(crate) region: Option<String>,
    pub(crate) listable: Option<Vec<String>>,
    pub(crate) answers: AtomicU64,
}

impl Front {
    /// Answers one request, or closes its connection.
    pub(crate) async fn answer(&self, mut request: HttpRequest) -> Result<HttpResponse, Closed> {
        let is_below_path = self.strip_base_path(&mut request);
        let seen = Request::new(request.method(), request.uri()).with_range(request.headers());
        let fault = if is_below_path {
            self.faults
                .due(&seen)
                .or_else(|| self.refusal(&seen, &request))
        } else {
            Some(Action::Raw {
                status: 404,
                content_type: "text/plain".into(),
                body: "no".into(),
            })
        };
        let under_way = self.log.begin(seen);
        if !self.checks_signatures {
            // The service refuses signatures that it cannot check.
            request.headers_mut().remove(AUTHORIZATION);
        }
        let mut response = self.answer_with(fault, request).await?;
        let number = self.answers.fetch_add(1, Ordering::Relaxed);
        response
            .headers_mut()
            .insert("x-amz-request-id", HeaderValue::from(number));
        if let Some(name) = self.product.name() {
            response
                .headers_mut()
                .insert(SERVER, HeaderValue::from_static(name));
        }
        under_way.answered(response.status().as_u16());
        Ok(response)
    }

    /// Removes the path before the buckets; returns `false` if it is not there.
    fn strip_base_path(&self, request: &mut HttpRequest) -> bool {
        if self.base_path.is_empty() {
            return true;
        }
        let whole = request
            .uri()
            .path_and_query()
            .map(ToString::to_string)
            .unwrap_or_default();
        let rest = whole
            .strip_prefix(&self.base_path)
            .filter(|rest| rest.starts_with('/'));
        let uri = rest.and_then(|rest| rest.parse().ok());
        let is_below = uri.is_some();
        if let Some(uri) = uri {
            *request.uri_mut() = uri;
        }
        is_below
    }

    /// Returns the answer to a request that the options refuse.
    fn refusal(&self, seen: &Request, request: &HttpRequest) -> Option<Action> {
        if let Some(region) = &self.region
            && signed_for(request) != Some(region.as_str())
        {
            return Some(Action::wrong_region(region));
        }
        let listable = self
            .listable
            .as_ref()
            .filter(|_| seen.operation == Operation::ListObjects)?;
        let prefix = seen.parameter("prefix").unwrap_or_default();
        let is_allowed = listable
            .iter()
            .any(|allowed| prefix.starts_with(allowed.as_str()));
        (!is_allowed).then(Action::access_denied)
    }

    async fn answer_with(
        &self,
        fault: Option<Action>,
        mut request: HttpRequest,
    ) -> Result<HttpResponse, Closed> {
        match fault {
            None => self.pass(request).await,
            Some(Action::Error(error)) => error_answer(&error),
            Some(Action::Raw {
                status,
                content_type,
                body,
            }) => raw(status, &content_type, body),
            Some(Action::Hang) => std::future::pending().await,
            Some(Action::Delay(time)) => {
                tokio::time::sleep(time).await;
                self.pass(request).await
            }
            Some(Action::DropConnection) => Err(io::ErrorKind::BrokenPipe.into()),
            Some(Action::TruncateBody(length)) => {
                truncated(self.pass(request).await?, length).await
            }
            Some(Action::FlipBit) => Ok(flipped(self.pass(request).await?)),
            Some(Action::ShiftRange) => {
                shift_range(&mut request);
                self.pass(request).await
            }
            Some(Action::IgnoreHeader(name)) => {
                request.headers_mut().remove(name);
                self.pass(request).await
            }
            Some(Action::RepeatToken) => {
                request.extensions_mut().insert(RepeatToken);
                self.pass(request).await
            }
        }
    }

    async fn pass(&self, request: HttpRequest) -> Result<HttpResponse, Closed> {
        self.s3
            .call(request)
            .await
            .map_err(|error| io::Error::other(format!("{error:?}")))
    }
}

/// Region that a request is signed for.
fn signed_for(request: &HttpRequest) -> Option<&str> {
    let authorization = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (_, scope) = authorization.split_once("Credential=")?;
    scope.split('/').nth(2)
}

fn raw(status: u16, content_type: &str, body: Bytes) -> Result<HttpResponse, Closed> {
    let response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, content_type);
    response.body(Body::from(body)).map_err(io::Error::other)
}

fn error_answer(error: &ErrorAnswer) -> Result<HttpResponse, Closed> {
    let mut response = Response::builder().status(error.status);
    response = response.header(CONTENT_TYPE, "application/xml");
    for (name, value) in &error.headers {
        response = response.header(name, value);
    }
    response
        .body(Body::from(error.xml()))
        .map_err(io::Error::other)
}

/// Returns the answer with its body cut off; reads no more of it than is sent.
async fn truncated(response: HttpResponse, length: usize) -> Result<HttpResponse, Closed> {
    let (head, mut body) = response.into_parts();
    let promised = body.size_hint().exact().unwrap_or(u64::MAX);
    let mut sent = Vec::new();
    while let Some(frame) = body.frame().await.filter(|_| sent.len() < length) {
        let frame = frame.map_err(io::Error::other)?;
        sent.extend_from_slice(frame.data_ref().map_or(&[], AsRef::as_ref));
    }
    sent.truncate(length);
    Ok(Response::from_parts(
        head,
        Body::http_body(Truncated::new(sent.into(), promised)),
    ))
}

/// Returns the answer with a bit of its body flipped.
fn flipped(response: HttpResponse) -> HttpResponse {
    response.map(|body| Body::http_body(Flipped::new(body)))
}

/// Moves the range that is asked for by one byte.
fn shift_range(request: &mut HttpRequest) {
    let shifted = request
        .headers()
        .get(RANGE)
        .and_then(|value| one_later(value.to_str().ok()?));
    if let Some(value) = shifted {
        request.headers_mut().insert(RANGE, value);
    }
}

/// Range one byte later than this one, if it has a start and an end.
fn one_later(range: &str) -> Option<HeaderValue> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let next = |number: &str| number.parse::<u64>().ok()?.checked_add(1);
    format!("bytes={}-{}", next(first)?, next(last)?)
        .parse()
        .ok()
}
