//! The page of metrics: written outside the async threads, and shared between clients.

use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::Mutex;
use tokio::task;
use tokio::time::Instant;

use super::content::{Content, Exposition};

/// Time for which a page may be sent to further clients.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// Writes pages of metrics, never two of one format at the same time.
///
/// Clients that connect at the same time share one page, however slowly they read it. A page that
/// nobody reads any more is dropped, so that the next client gets a new one.
pub(super) struct MetricsPages {
    content: Arc<dyn Content>,
    open_metrics: Arc<Mutex<Latest>>,
    classic: Arc<Mutex<Latest>>,
}

/// Page that was written last, as long as a client reads it.
#[derive(Default)]
struct Latest(Option<(Instant, Weak<String>)>);

/// Reason why there is no page.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageError {
    /// A value could not be written.
    #[error("the metrics page could not be written")]
    Format(#[from] std::fmt::Error),
    /// Writing panicked, or the program is stopping.
    #[error("the metrics page was not finished")]
    Task(#[from] task::JoinError),
}

impl MetricsPages {
    pub(super) fn new(content: Arc<dyn Content>) -> Self {
        Self {
            content,
            open_metrics: Arc::default(),
            classic: Arc::default(),
        }
    }

    /// Returns a page: a new one, or one that others are reading.
    pub(super) async fn get(&self, format: Exposition) -> Result<Bytes, PageError> {
        let slot = match format {
            Exposition::OpenMetrics => &self.open_metrics,
            Exposition::Classic => &self.classic,
        };
        let mut latest = Arc::clone(slot).lock_owned().await;
        if let Some(page) = latest.shared() {
            return Ok(bytes(page));
        }
        let content = Arc::clone(&self.content);
        // The task holds the lock: a client that disconnects does not let another page start meanwhile.
        let page = task::spawn_blocking(move || {
            let page = Arc::new(content.exposition(format)?);
            latest.0 = Some((Instant::now(), Arc::downgrade(&page)));
            Ok::<_, PageError>(page)
        });
        page.await?.map(bytes)
    }
}

impl Latest {
    fn shared(&self) -> Option<Arc<String>> {
        let (written_at, page) = self.0.as_ref()?;
        if written_at.elapsed() < SHARED_FOR {
            page.upgrade()
        } else {
            None
        }
    }
}

/// Wraps the page as a body without copying it.
fn bytes(page: Arc<String>) -> Bytes {
    struct Shared(Arc<String>);

    impl AsRef<[u8]> for Shared {
        fn as_ref(&self) -> &[u8] {
            self.0.as_bytes()
        }
    }

    Bytes::from_owner(Shared(page))
}
