//! Content that this module serves.

use std::fmt;

/// Format of the page of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// `OpenMetrics` 1.0.
    OpenMetrics,
    /// Text format of Prometheus, version 0.0.4.
    Classic,
}

impl Exposition {
    /// The format as the value of the header `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Content of the pages. No method may wait for anything: each is called for a request.
pub trait Content: Send + Sync + 'static {
    /// Writes the page of metrics. It may take long: it is called outside the async threads.
    ///
    /// # Errors
    /// When a value cannot be written.
    fn exposition(&self, format: Exposition) -> Result<String, fmt::Error>;

    /// Writes the landing page, as HTML.
    fn landing_page(&self) -> String;

    /// Style sheet of the landing page.
    fn style_sheet(&self) -> &'static str;

    /// Names of the archives whose first scan has not ended yet, whatever its outcome.
    fn unscanned(&self) -> Vec<String>;
}
