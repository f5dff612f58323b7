//! Real Alertmanager, which receives the alerts of a real Prometheus.

use serde_json::Value;

use crate::web_program::WebProgram;

/// Running Alertmanager that is its whole cluster.
///
/// Killed when dropped; if a test fails at that moment, the end of its log is printed.
pub struct Alertmanager {
    program: WebProgram,
}

impl Alertmanager {
    /// Starts it with a configuration, written as JSON, and waits until it answers.
    ///
    /// # Panics
    /// Panics if it is not installed, ends before it answers, or does not answer in time.
    pub async fn start(configuration: &Value) -> Self {
        let alone = ["--cluster.listen-address", ""];
        let program = WebProgram::start("alertmanager", configuration, "--storage.path", &alone);
        Self {
            program: program.await,
        }
    }

    /// Host and port that it listens on.
    #[must_use]
    pub fn address(&self) -> &str {
        self.program.address()
    }
}
