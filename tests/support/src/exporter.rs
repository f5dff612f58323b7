//! Exporter as a program: started with a configuration, scraped over HTTP, ended by a signal.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use reqwest::StatusCode;
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::exposition::Samples;
use crate::process::{Part, free_ports};
use crate::waiting::PAUSE;

/// Time that the program may take until its first answer, and until it ends.
const START_AND_END: Duration = Duration::from_secs(30);

/// Time limit of one request.
const REQUEST: Duration = Duration::from_secs(10);

/// Settings for a start of the exporter.
pub struct Launch {
    program: PathBuf,
    configuration: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

/// Running exporter.
///
/// Told to end, and waited for, when dropped; if a test fails at that moment, the end of its log
/// is printed.
pub struct Exporter {
    part: Part,
    base_url: String,
    client: reqwest::Client,
    scratch: TempDir,
}

impl Launch {
    /// Settings for a start with this configuration, written as YAML.
    pub fn new(configuration: impl Into<String>) -> Self {
        Self {
            program: program(),
            configuration: configuration.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// Starts another build of the program.
    #[must_use]
    pub fn program(mut self, program: PathBuf) -> Self {
        self.program = program;
        self
    }

    /// Adds an argument to the command line.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds an environment variable. The test's own are not passed on.
    #[must_use]
    pub fn environment(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Starts the program on a free port and waits until it answers.
    ///
    /// # Panics
    /// Panics if it ends before it answers, or does not answer in time.
    pub async fn start(self) -> Exporter {
        let mut exporter = self.spawn();
        let deadline = Instant::now() + START_AND_END;
        while exporter.try_get("/-/healthy").await.is_err() {
            exporter.part.assert_running();
            assert!(Instant::now() < deadline, "the exporter does not answer");
            tokio::time::sleep(PAUSE).await;
        }
        exporter
    }

    /// Starts the program on a free port and returns at once.
    ///
    /// For starts that are meant not to succeed: see [`Exporter::ended`].
    #[track_caller]
    pub fn spawn(self) -> Exporter {
        let scratch = tempfile::tempdir().expect("temporary directories can be made");
        let file = scratch.path().join("config.yaml");
        fs::write(&file, &self.configuration).expect("a fresh directory can be written");
        let [port] = free_ports();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(self.program);
        command
            .arg("--config.file")
            .arg(&file)
            .args(["--web.listen-address", &address]);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment);
        let part = Part::start("the exporter", command, &scratch.path().join("log"));
        // The program closes idle connections; a test that was busy meanwhile would not notice.
        let builder = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0);
        let client = builder.timeout(REQUEST).build();
        let client = client.expect("a client without TLS can always be built");
        Exporter {
            part,
            base_url: format!("http://{address}"),
            client,
            scratch,
        }
    }
}

impl Exporter {
    /// Starts the program with this configuration on a free port and waits until it answers.
    ///
    /// # Panics
    /// Panics if it ends before it answers, or does not answer in time.
    pub async fn start(configuration: impl Into<String>) -> Self {
        Launch::new(configuration).start().await
    }

    /// URL of one of its pages; `path` starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// Directory of the configuration file, which is removed with the exporter.
    pub fn directory(&self) -> &Path {
        self.scratch.path()
    }

    /// Client for requests that the methods here do not make.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Gets one of its pages, whatever the status.
    ///
    /// # Panics
    /// Panics if there is no answer.
    pub async fn get(&self, path: &str) -> (StatusCode, String) {
        let answer = self.try_get(path).await;
        answer.unwrap_or_else(|error| panic!("no answer to {path}: {error:?}"))
    }

    /// Gets and reads the page of metrics.
    ///
    /// # Panics
    /// Panics if it cannot be had, or makes no sense.
    pub async fn scrape(&self) -> Samples {
        let (status, page) = self.get("/metrics").await;
        assert!(status.is_success(), "/metrics answers {status}: {page}");
        Samples::parse(&page)
    }

    /// Scrapes until the samples are as wanted, and returns these samples.
    ///
    /// # Panics
    /// Panics if they are not within the time given. `what` completes "gave up waiting for".
    pub async fn wait_for(
        &self,
        what: &str,
        within: Duration,
        mut wanted: impl FnMut(&Samples) -> bool,
    ) -> Samples {
        let deadline = Instant::now() + within;
        loop {
            let samples = self.scrape().await;
            if wanted(&samples) {
                return samples;
            }
            assert!(
                Instant::now() < deadline,
                "gave up waiting for {what} after {within:?}"
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until a scan of the archive that begins after this call has succeeded.
    ///
    /// # Panics
    /// Panics if there is none within the time given.
    pub async fn wait_for_fresh_scan(&self, archive: &str, within: Duration) -> Samples {
        let labels = [("archive", archive), ("outcome", "success")];
        let scans = |samples: &Samples| samples.sum("barman_cloud_scans_total", &labels);
        let before = scans(&self.scrape().await);
        // The first of the two may have been under way.
        let fresh = |samples: &Samples| scans(samples) >= before + 2.0;
        self.wait_for("a fresh scan", within, fresh).await
    }

    /// Everything that it has logged.
    pub fn log(&self) -> String {
        self.part.log()
    }

    /// Everything that it has logged in JSON: one object per line.
    ///
    /// # Panics
    /// Panics if a line is none.
    pub fn log_entries(&self) -> Vec<Value> {
        let log = self.log();
        // The last line may be under way.
        let lines = log
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        let entry = |line: &str| {
            let entry = serde_json::from_str(line);
            entry.unwrap_or_else(|error| panic!("not a JSON object ({error}): {line}"))
        };
        lines.map(entry).collect()
    }

    /// Sends it a signal.
    pub fn signal(&mut self, signal: Signal) {
        self.part.signal(signal);
    }

    /// Waits until it ends by itself, and returns how it did and what it logged.
    ///
    /// # Panics
    /// Panics if it is still running after half a minute.
    #[track_caller]
    pub fn ended(mut self) -> (ExitStatus, String) {
        let status = self.part.wait(START_AND_END);
        (status, self.log())
    }

    /// Tells it to end, and returns its exit status and its output.
    ///
    /// # Panics
    /// Panics if it does not end in time.
    #[track_caller]
    pub fn stop(mut self) -> (ExitStatus, String) {
        self.signal(Signal::TERM);
        self.ended()
    }

    async fn try_get(&self, path: &str) -> Result<(StatusCode, String), reqwest::Error> {
        let response = self.client.get(self.url(path)).send().await?;
        Ok((response.status(), response.text().await?))
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.part.signal(Signal::TERM);
        self.part.wait_quietly(START_AND_END);
    }
}

/// Exit status and output of the program.
#[derive(Debug)]
pub struct Ended {
    /// Exit code of the program.
    pub code: Option<i32>,
    /// Text on standard output.
    pub output: String,
    /// Text on standard error.
    pub errors: String,
}

/// Runs the program to its end, with these arguments and environment variables and no others.
///
/// # Panics
/// Panics if it does not end in time.
#[track_caller]
pub fn run_exporter(arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    run_exporter_within(arguments, environment, START_AND_END)
}

/// Runs the program as [`run_exporter`] does, for at most so long.
///
/// # Panics
/// Panics if it cannot be started or is still running then.
pub fn run_exporter_within(
    arguments: &[&str],
    environment: &[(&str, &str)],
    within: Duration,
) -> Ended {
    let scratch = tempfile::tempdir().expect("temporary directories can be made");
    let file = |name: &str| scratch.path().join(name);
    let write =
        |name: &str| fs::File::create(file(name)).expect("a fresh directory can be written");
    let read = |name: &str| fs::read_to_string(file(name)).expect("the program writes text");
    let mut command = Command::new(program());
    command
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied());
    command
        .stdin(Stdio::null())
        .stdout(write("output"))
        .stderr(write("errors"));
    let mut child = command.spawn().expect("the program can be started");
    let deadline = Instant::now() + within;
    let status = loop {
        match child.try_wait().expect("a child can be waited for") {
            None if Instant::now() < deadline => std::thread::sleep(PAUSE),
            ended => break ended,
        }
    };
    let _ = child.kill();
    let _ = child.wait();
    let (output, errors) = (read("output"), read("errors"));
    let status = status.unwrap_or_else(|| panic!("{command:?} does not end: {errors}"));
    Ended {
        code: status.code(),
        output,
        errors,
    }
}

/// Program under test, which Cargo builds before it runs an integration test.
fn program() -> PathBuf {
    const NAME: &str = "barman-cloud-exporter";
    if let Some(program) = env::var_os(format!("CARGO_BIN_EXE_{NAME}")) {
        return program.into();
    }
    // A test that is run without Cargo lies one directory below the programs.
    let test = env::current_exe().expect("a running program knows where it lies");
    let directory = test.parent().and_then(Path::parent);
    directory
        .expect("a test lies in `deps`, below the programs")
        .join(NAME)
}
