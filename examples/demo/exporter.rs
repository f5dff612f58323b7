//! The exporter as the program it is: started, asked over HTTP, ended.

use std::env;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::archive::{HEALTHY, TROUBLED};
use super::directory::{BUCKET, PREFIX};

const PROGRAM: &str = "barman-cloud-exporter";

/// The port that the exporter listens on by default.
const USUAL_PORT: u16 = 10_432;

/// Time limit for a start with one scan, and for an answer.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Time limit for stopping.
const STOP_TIME_LIMIT: Duration = Duration::from_secs(10);

/// A running exporter, with a directory for its files that goes when it does.
pub(crate) struct Exporter {
    path: PathBuf,
    program: Child,
    directory: TempDir,
    url: String,
    client: reqwest::Client,
}

/// Address of the store and credentials for it.
pub(crate) struct Access<'a> {
    pub(crate) endpoint: &'a str,
    pub(crate) key_id: &'a str,
    pub(crate) secret: &'a str,
}

impl Exporter {
    /// Starts it on the store, with a configuration of its own.
    pub(crate) fn start(access: &Access<'_>) -> Result<Self> {
        let path = beside_this_program()?;
        let directory = tempfile::Builder::new()
            .prefix("barman-cloud-exporter-demo-")
            .tempdir();
        let directory = directory.context("no temporary directory")?;
        let address = format!("127.0.0.1:{}", port()?);
        configure(directory.path(), &address, access)?;
        let log = File::create(directory.path().join("exporter.log"))?;
        let program = Command::new(&path)
            .arg("--config.file")
            .arg(directory.path().join("config.yaml"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C is for the demo, which then stops the exporter.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start `{}`", path.display()))?;
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(TIME_LIMIT)
            .build()?;
        Ok(Self {
            path,
            program,
            directory,
            url: format!("http://{address}"),
            client,
        })
    }

    /// URL of one of its pages.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// One of its files.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A line for a shell that has the same program do something else with the same configuration.
    pub(crate) fn command(&self, name: &str) -> String {
        let quoted =
            |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
        let (program, configuration) = (quoted(&self.path), quoted(&self.file("config.yaml")));
        format!("{program} {name} --config.file {configuration}")
    }

    /// Waits until it has scanned the archive.
    pub(crate) async fn ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + TIME_LIMIT;
        while self.get("/-/ready").await.is_err() {
            let ended = self.program.try_wait()?;
            ensure!(
                ended.is_none(),
                "the exporter has ended; its log:\n{}",
                self.log()
            );
            ensure!(
                Instant::now() < deadline,
                "the exporter is not ready; its log:\n{}",
                self.log()
            );
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Gets one of its pages.
    pub(crate) async fn get(&self, path: &str) -> Result<String> {
        let answer = self
            .client
            .get(self.url(path))
            .send()
            .await?
            .error_for_status()?;
        Ok(answer.text().await?)
    }

    /// Waits until it ends, which it should not do by itself.
    pub(crate) async fn ended(&mut self) -> Result<()> {
        let status = self.program.wait().await?;
        bail!(
            "the exporter has ended with {status}; its log:\n{}",
            self.log()
        )
    }

    /// Asks it to stop, and makes it if it does not.
    pub(crate) async fn stop(mut self) -> Result<ExitStatus> {
        // `None` once it was waited for: then its id may be somebody else's.
        let pid = self
            .program
            .id()
            .and_then(|id| Pid::from_raw(id.try_into().ok()?));
        if let Some(pid) = pid {
            kill_process(pid, Signal::TERM)?;
        }
        if let Ok(status) = timeout(STOP_TIME_LIMIT, self.program.wait()).await {
            return Ok(status?);
        }
        self.program.kill().await?;
        bail!("the exporter did not stop in time and was killed")
    }

    fn log(&self) -> String {
        let log = fs::read_to_string(self.file("exporter.log")).unwrap_or_default();
        log.trim_end().to_owned()
    }
}

/// The program in `target/PROFILE`, as this one is in `target/PROFILE/examples`.
fn beside_this_program() -> Result<PathBuf> {
    let this = env::current_exe()?;
    let directory = this
        .parent()
        .and_then(Path::parent)
        .context("this program has no place")?;
    let program = directory.join(PROGRAM);
    let missing = || {
        format!(
            "`{}` is missing: build it with `cargo build`",
            program.display()
        )
    };
    ensure!(program.is_file(), missing());
    Ok(program)
}

/// The usual port, or a free one where that is taken.
fn port() -> Result<u16> {
    let usual = TcpListener::bind((Ipv4Addr::LOCALHOST, USUAL_PORT));
    let free = usual.or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    Ok(free.context("no free port")?.local_addr()?.port())
}

fn configure(directory: &Path, address: &str, access: &Access<'_>) -> Result<()> {
    let (key_id, secret) = (directory.join("key-id"), directory.join("secret-key"));
    fs::write(&key_id, access.key_id)?;
    fs::write(&secret, access.secret)?;
    let (key_id, secret, endpoint) = (key_id.display(), secret.display(), access.endpoint);
    let configuration = format!(
        "\
web:
  listenAddress: {address:?}
scan:
  schedule: \"*/10 * * * * *\"
archives:
  - name: demo
    destinationPath: s3://{BUCKET}/{PREFIX}
    endpointURL: {endpoint}
    region: us-east-1
    credentials:
      accessKeyIdFile: \"{key_id}\"
      secretAccessKeyFile: \"{secret}\"
    servers:
      - serverName: {HEALTHY}
        retentionPolicy: 14d
        backupSchedule: \"0 0 2 * * *\"
      - serverName: {TROUBLED}
        retentionPolicy: 14d
        backupSchedule: \"0 1 * * *\" # every hour, as CloudNativePG reads it, and not daily at one
"
    );
    fs::write(directory.join("config.yaml"), configuration)?;
    Ok(())
}
