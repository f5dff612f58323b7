//! Routes to the pages.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderValue, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;
use tracing::error;

use super::accept;
use super::content::Content;
use super::metrics_page::MetricsPages;

#[derive(Clone)]
struct PageSources {
    content: Arc<dyn Content>,
    metrics: Arc<MetricsPages>,
}

/// Routes to every page. An answer that does not start within `timeout` is given up.
pub(super) fn router(content: Arc<dyn Content>, timeout: Duration) -> Router {
    let metrics = Arc::new(MetricsPages::new(Arc::clone(&content)));
    Router::new()
        .route("/", get(landing_page))
        .route("/style.css", get(style))
        .route("/metrics", get(metrics_page))
        .route("/-/healthy", get(healthy))
        .route("/-/ready", get(ready))
        .fallback(not_found)
        .with_state(PageSources { content, metrics })
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            timeout,
        ))
        .layer(CatchPanicLayer::new())
        .layer(map_response(with_common_headers))
}

/// Forbids caching, guessing of types, and content from elsewhere.
async fn with_common_headers(mut response: Response) -> Response {
    let policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
                  frame-ancestors 'none'";
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn metrics_page(State(pages): State<PageSources>, headers: HeaderMap) -> Response {
    let wishes = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let format = accept::wanted_format(wishes);
    match pages.metrics.get(format).await {
        Ok(page) => (
            [(CONTENT_TYPE, format.content_type()), (VARY, "accept")],
            page,
        )
            .into_response(),
        Err(failure) => {
            let error: &dyn std::error::Error = &failure;
            error!(target: "web", error, "The metrics page could not be written");
            (StatusCode::INTERNAL_SERVER_ERROR, format!("{failure}\n")).into_response()
        }
    }
}

async fn landing_page(State(pages): State<PageSources>) -> Html<String> {
    Html(pages.content.landing_page())
}

async fn style(State(pages): State<PageSources>) -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "text/css; charset=utf-8")],
        pages.content.style_sheet(),
    )
}

/// Health of the process: any answer means that it works.
async fn healthy() -> &'static str {
    "healthy\n"
}

/// Readiness: false until every archive was scanned once, because metrics are incomplete before.
async fn ready(State(pages): State<PageSources>) -> (StatusCode, String) {
    let mut waiting = String::new();
    for archive in pages.content.unscanned() {
        // Writing to a string cannot fail.
        let _ = writeln!(waiting, "waiting for the first scan of `{archive}`");
    }
    if waiting.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, waiting)
    }
}

async fn not_found() -> (StatusCode, &'static str) {
    (
        StatusCode::NOT_FOUND,
        "page not found; the landing page is at /\n",
    )
}
