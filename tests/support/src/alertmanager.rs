//! A real Alertmanager, which a real Prometheus tells of its alerts.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::patience::PAUSE;
use crate::process::{Part, free_ports};

/// Time that the program has to take its first request.
const START: Duration = Duration::from_secs(30);

/// A running Alertmanager that is its whole cluster.
///
/// Killed when dropped; if a test fails at that moment, the end of its log is printed.
pub struct Alertmanager {
    part: Part,
    address: String,
    _scratch: TempDir,
}

impl Alertmanager {
    /// Starts it with a configuration, written as JSON, and waits until it answers.
    ///
    /// # Panics
    /// When it is not installed, ends before it answers, or does not answer in time.
    pub async fn start(configuration: &Value) -> Self {
        let scratch = tempfile::tempdir().expect("temporary directories can be made");
        let file = scratch.path().join("alertmanager.yml");
        fs::write(&file, configuration.to_string()).expect("a fresh directory can be written");
        let [port] = free_ports();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(program());
        command.arg("--config.file").arg(&file);
        command.arg("--storage.path").arg(scratch.path().join("data"));
        command.args(["--web.listen-address", &address, "--cluster.listen-address", ""]);
        command.env_clear();
        let part = Part::start("Alertmanager", command, &scratch.path().join("log"));
        let mut alertmanager = Self { part, address, _scratch: scratch };
        alertmanager.wait_until_ready().await;
        alertmanager
    }

    /// Where it listens: host and port.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    async fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + START;
        let client = reqwest::Client::builder().no_proxy().timeout(START).build();
        let client = client.expect("a client without TLS can always be built");
        let url = format!("http://{}/-/ready", self.address);
        let is_ready = async || {
            let answer = client.get(&url).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        };
        while !is_ready().await {
            self.part.assert_running();
            assert!(Instant::now() < deadline, "Alertmanager is not ready");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn program() -> std::path::PathBuf {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/test-tools/bin");
    let program = tools.join("alertmanager").canonicalize();
    program.unwrap_or_else(|_| panic!("Alertmanager is missing: run `tests/install.sh`"))
}
