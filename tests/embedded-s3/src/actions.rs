//! Faults that a request can meet.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::Extensions;

/// Treatment of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Error in the XML of S3.
    Error(ErrorAnswer),
    /// Arbitrary answer, such as garbage.
    Raw {
        /// HTTP status.
        status: u16,
        /// Value of the header.
        content_type: String,
        /// Whole body.
        body: Bytes,
    },
    /// No answer; the connection stays open.
    Hang,
    /// Right answer, after this time.
    Delay(Duration),
    /// Closed connection without an answer.
    DropConnection,
    /// Right answer, but the connection is closed after this many bytes of the body.
    TruncateBody(usize),
    /// Right answer, but with the lowest bit of the body's first byte flipped.
    FlipBit,
    /// Right answer to the request for a range that begins and ends one byte later.
    ShiftRange,
    /// Right answer to the request without this header, as of a store that does not know it, such as
    /// `range` or `if-match`. Requests must not be signed.
    IgnoreHeader(&'static str),
    /// Right page, whose marker for the next page is that of this page.
    ///
    /// On a first page: where it ends, even if nothing follows. For all three listings.
    RepeatToken,
}

/// Error in S3's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorAnswer {
    /// HTTP status.
    pub status: u16,
    /// Error code, such as `SlowDown`.
    pub code: String,
    /// Message for people.
    pub message: String,
    /// Further elements of the XML, by name.
    pub elements: Vec<(String, String)>,
    /// Further headers, by name.
    pub headers: Vec<(String, String)>,
}

impl Action {
    /// Returns an error with only a code.
    #[must_use]
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::Error(ErrorAnswer::new(status, code, message))
    }

    /// 503 `SlowDown`.
    #[must_use]
    pub fn slow_down() -> Self {
        Self::error(503, "SlowDown", "Please reduce your request rate.")
    }

    /// 500 `InternalError`.
    #[must_use]
    pub fn internal_error() -> Self {
        Self::error(
            500,
            "InternalError",
            "We encountered an internal error. Please try again.",
        )
    }

    /// 403 `AccessDenied`.
    #[must_use]
    pub fn access_denied() -> Self {
        Self::error(403, "AccessDenied", "Access Denied")
    }

    /// 400 `ExpiredToken`; some stores say 403, for which there is [`Action::error`].
    #[must_use]
    pub fn expired_token() -> Self {
        Self::error(400, "ExpiredToken", "The provided token has expired.")
    }

    /// 501 `NotImplemented`.
    #[must_use]
    pub fn not_implemented() -> Self {
        let message = "A header or query you provided requests a function that is not implemented";
        Self::error(501, "NotImplemented", message)
    }

    /// 400 `AuthorizationHeaderMalformed`: signed for another region than this one.
    #[must_use]
    pub fn wrong_region(region: &str) -> Self {
        let message = format!("The authorization header is malformed; expecting '{region}'");
        let error = ErrorAnswer::new(400, "AuthorizationHeaderMalformed", &message);
        Self::Error(
            error
                .with_element("Region", region)
                .with_header("x-amz-bucket-region", region),
        )
    }

    /// 301 `PermanentRedirect`: the bucket is in this region.
    #[must_use]
    pub fn moved(region: &str) -> Self {
        let message = "The bucket must be addressed using the specified endpoint.";
        let error = ErrorAnswer::new(301, "PermanentRedirect", message);
        Self::Error(error.with_header("x-amz-bucket-region", region))
    }
}

impl ErrorAnswer {
    /// Returns an error without further elements and headers.
    #[must_use]
    pub fn new(status: u16, code: &str, message: &str) -> Self {
        let [code, message] = [code, message].map(str::to_owned);
        Self {
            status,
            code,
            message,
            elements: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// Returns this error with one more element in its XML.
    #[must_use]
    pub fn with_element(mut self, name: &str, text: &str) -> Self {
        self.elements.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Returns this error with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn xml(&self) -> String {
        let first = [("Code", &self.code), ("Message", &self.message)];
        let further = self
            .elements
            .iter()
            .map(|(name, text)| (name.as_str(), text));
        let mut xml = String::from(r#"<?xml version="1.0" encoding="UTF-8"?><Error>"#);
        for (name, text) in first.into_iter().chain(further) {
            let text = text
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;");
            // Writing to a string cannot fail.
            let _ = write!(xml, "<{name}>{text}</{name}>");
        }
        xml + "</Error>"
    }
}

/// Makes the marker for the next page of a listing that of this page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RepeatToken;

impl RepeatToken {
    pub(crate) fn is_in(extensions: &Extensions) -> bool {
        extensions.get::<Self>().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_escaped() {
        let error = ErrorAnswer::new(400, "A", "<&>").with_element("Region", "b");

        let xml = error.xml();

        assert!(xml.ends_with(
            "<Error><Code>A</Code><Message>&lt;&amp;&gt;</Message><Region>b</Region></Error>"
        ));
    }
}
