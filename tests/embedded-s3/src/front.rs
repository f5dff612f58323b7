//! What stands between the connections and the S3 service: the log and the faults.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Response};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use s3s::service::S3Service;
use s3s::{Body, HttpRequest, HttpResponse};

use crate::actions::{Action, ErrorAnswer, RepeatToken};
use crate::body::Truncated;
use crate::faults::Faults;
use crate::requests::{Log, Request};

/// Why a connection is closed without an answer.
pub(crate) type Closed = io::Error;

/// Logs, spoils and passes on.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) s3: S3Service,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    pub(crate) checks_signatures: bool,
    pub(crate) answers: AtomicU64,
}

impl Front {
    /// Answers one request, or closes its connection.
    pub(crate) async fn answer(&self, mut request: HttpRequest) -> Result<HttpResponse, Closed> {
        let seen = Request::new(request.method(), request.uri());
        let fault = self.faults.due(&seen);
        let under_way = self.log.begin(seen);
        if !self.checks_signatures {
            // The service refuses signatures that it cannot check.
            request.headers_mut().remove(AUTHORIZATION);
        }
        let mut response = self.answer_with(fault, request).await?;
        let number = self.answers.fetch_add(1, Ordering::Relaxed);
        response.headers_mut().insert("x-amz-request-id", HeaderValue::from(number));
        under_way.answered(response.status().as_u16());
        Ok(response)
    }

    async fn answer_with(
        &self,
        fault: Option<Action>,
        mut request: HttpRequest,
    ) -> Result<HttpResponse, Closed> {
        match fault {
            None => self.pass(request).await,
            Some(Action::Error(error)) => error_answer(&error),
            Some(Action::Raw { status, content_type, body }) => raw(status, &content_type, body),
            Some(Action::Hang) => std::future::pending().await,
            Some(Action::Delay(time)) => {
                tokio::time::sleep(time).await;
                self.pass(request).await
            }
            Some(Action::DropConnection) => Err(io::ErrorKind::BrokenPipe.into()),
            Some(Action::TruncateBody(length)) => {
                truncated(self.pass(request).await?, length).await
            }
            Some(Action::RepeatToken) => {
                request.extensions_mut().insert(RepeatToken);
                self.pass(request).await
            }
        }
    }

    async fn pass(&self, request: HttpRequest) -> Result<HttpResponse, Closed> {
        self.s3.call(request).await.map_err(|error| io::Error::other(format!("{error:?}")))
    }
}

fn raw(status: u16, content_type: &str, body: Bytes) -> Result<HttpResponse, Closed> {
    let response = Response::builder().status(status).header(CONTENT_TYPE, content_type);
    response.body(Body::from(body)).map_err(io::Error::other)
}

fn error_answer(error: &ErrorAnswer) -> Result<HttpResponse, Closed> {
    let mut response = Response::builder().status(error.status);
    response = response.header(CONTENT_TYPE, "application/xml");
    for (name, value) in &error.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(error.xml())).map_err(io::Error::other)
}

/// The same answer with the body cut off; reads no more of it than is sent.
async fn truncated(response: HttpResponse, length: usize) -> Result<HttpResponse, Closed> {
    let (head, mut body) = response.into_parts();
    let promised = body.size_hint().exact().unwrap_or(u64::MAX);
    let mut sent = Vec::new();
    while let Some(frame) = body.frame().await.filter(|_| sent.len() < length) {
        let frame = frame.map_err(io::Error::other)?;
        sent.extend_from_slice(frame.data_ref().map_or(&[], AsRef::as_ref));
    }
    sent.truncate(length);
    Ok(Response::from_parts(head, Body::http_body(Truncated::new(sent.into(), promised))))
}
