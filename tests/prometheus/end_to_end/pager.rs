//! Webhook in place of a pager, which remembers all notifications.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Time for what takes a scan, a scrape, an evaluation and a notification; far more than needed.
const SOON: Duration = Duration::from_mins(2);

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// Alert in a notification.
#[derive(Clone, Debug)]
struct Told {
    receiver: String,
    alert: String,
    status: String,
    summary: String,
}

type Log = Arc<Mutex<Vec<Told>>>;

/// Takes notifications until it is dropped.
pub(crate) struct Pager {
    base_url: String,
    log: Log,
    /// Number of notifications that belong to earlier stories.
    of_earlier: AtomicUsize,
    server: JoinHandle<()>,
}

impl Pager {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let base_url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let log = Log::default();
        let router = Router::new().fallback(take).with_state(Arc::clone(&log));
        let server = tokio::spawn(async move {
            axum::serve(listener, router)
                .await
                .expect("it serves to the end");
        });
        Self {
            base_url,
            log,
            of_earlier: AtomicUsize::default(),
            server,
        }
    }

    /// URL for a receiver's notifications.
    pub(crate) fn url(&self, receiver: &str) -> String {
        format!("{}/{receiver}", self.base_url)
    }

    /// Starts a new story, which does not include earlier notifications.
    pub(crate) fn begin_story(&self) {
        self.of_earlier.store(self.told().len(), Ordering::Relaxed);
    }

    /// Waits until a receiver was notified of an alert in this story.
    pub(crate) async fn wait_for(&self, receiver: &str, alert: &str, status: &str) {
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(told) = self.find(receiver, alert, status) {
                // What people read first.
                assert!(
                    !told.summary.is_empty() && !told.summary.contains("<no value>"),
                    "{told:?}"
                );
                return;
            }
            let all = self.told();
            assert!(
                Instant::now() < deadline,
                "{receiver}: no {alert} {status} in {all:#?}"
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Returns whether a receiver was notified of an alert in this story.
    pub(crate) fn was_told(&self, receiver: &str, alert: &str, status: &str) -> bool {
        self.find(receiver, alert, status).is_some()
    }

    /// Alerts that a receiver was ever notified of.
    pub(crate) fn sent_to(&self, receiver: &str) -> Vec<String> {
        let told = self
            .told()
            .into_iter()
            .filter(|told| told.receiver == receiver);
        told.map(|told| told.alert).collect()
    }

    fn find(&self, receiver: &str, alert: &str, status: &str) -> Option<Told> {
        let is_it =
            |told: &Told| told.receiver == receiver && told.alert == alert && told.status == status;
        self.told()
            .into_iter()
            .skip(self.of_earlier.load(Ordering::Relaxed))
            .find(is_it)
    }

    fn told(&self) -> Vec<Told> {
        self.log.lock().expect("nobody panics with it").clone()
    }
}

impl Drop for Pager {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(State(log): State<Log>, uri: Uri, body: String) {
    let notification: Value = serde_json::from_str(&body).expect("Alertmanager sends JSON");
    let alerts = notification["alerts"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told = alerts.iter().map(|alert| Told {
        receiver: uri.path().trim_start_matches('/').to_owned(),
        alert: text(&alert["labels"]["alertname"]),
        status: text(&alert["status"]),
        summary: text(&alert["annotations"]["summary"]),
    });
    log.lock().expect("nobody panics with it").extend(told);
}
