//! Program of the Prometheus project: configured by a file, used over HTTP, ready when it reports
//! so.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Part, free_ports};
use crate::waiting::PAUSE;

/// Time limit for the program to report that it is ready.
const START: Duration = Duration::from_secs(30);

/// Time limit for one request.
const REQUEST: Duration = Duration::from_secs(30);

/// Running program on a free port, with a storage of its own.
///
/// Killed when dropped; if a test fails at that moment, the end of its log is printed.
pub(crate) struct WebProgram {
    part: Part,
    address: String,
    client: reqwest::Client,
    _scratch: TempDir,
}

impl WebProgram {
    /// Starts it with a configuration, written as JSON, a flag that names its storage, and more, and
    /// waits until it is ready.
    ///
    /// # Panics
    /// Panics if it is not installed, ends before it is ready, or is not ready in time.
    pub(crate) async fn start(
        name: &str,
        configuration: &Value,
        storage: &str,
        more: &[&str],
    ) -> Self {
        let scratch = tempfile::tempdir().expect("temporary directories can be made");
        let file = scratch.path().join("configuration.yml");
        fs::write(&file, configuration.to_string()).expect("a fresh directory can be written");
        let [port] = free_ports();
        let address = format!("127.0.0.1:{port}");
        let data = scratch.path().join("data");
        let mut command = Command::new(installed(name));
        command.args([
            OsStr::new("--config.file"),
            file.as_ref(),
            storage.as_ref(),
            data.as_ref(),
        ]);
        command
            .args(["--web.listen-address", &address])
            .args(more)
            .env_clear();
        let part = Part::start(name, command, &scratch.path().join("log"));
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(REQUEST)
            .build();
        let client = client.expect("a client without TLS can always be built");
        let mut program = Self {
            part,
            address,
            client,
            _scratch: scratch,
        };
        program.wait_until_ready(name).await;
        program
    }

    /// Host and port that it listens on.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Client for its pages.
    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    async fn wait_until_ready(&mut self, name: &str) {
        let deadline = Instant::now() + START;
        let url = format!("http://{}/-/ready", self.address);
        let is_ready = async || {
            let answer = self.client.get(&url).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        };
        while !is_ready().await {
            self.part.assert_running();
            assert!(Instant::now() < deadline, "{name} is not ready");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn installed(name: &str) -> PathBuf {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/test-tools/bin");
    let program = tools.join(name).canonicalize();
    program.unwrap_or_else(|_| panic!("{name} is missing: run `tests/install.sh`"))
}
