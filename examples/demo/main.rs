//! Shows the exporter at work, on an archive that lives in this process.
//!
//! `make demo` runs it; with `--once` it ends when it has shown what the exporter found.

mod archive;
mod backup_info;
mod backups;
mod cluster;
mod directory;
mod exporter;
mod life;
mod retention;
mod sample;
#[cfg(test)]
mod tests;
mod wal;

use std::io::{Write as _, stdout};
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use clap::Parser;
use embedded_s3::{Options, Server, Store};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::interval;

use archive::Archive;
use exporter::{Access, Exporter};
use life::Life;

const KEY_ID: &str = "demo-key-id";
const SECRET: &str = "demo-secret-key";

/// Shows barman-cloud-exporter at work, on an archive that lives in this process.
#[derive(Parser)]
struct CommandLine {
    /// End after showing what the exporter found; fail if that is not what is there.
    #[arg(long)]
    once: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let CommandLine { once } = CommandLine::parse();
    let stop = told_to_stop()?;
    let store = Store::default();
    let archive = Archive::fill(&store, now())?;
    let credentials = Some((KEY_ID.to_owned(), SECRET.to_owned()));
    let server = Server::start(
        store,
        Options {
            credentials,
            ..Options::default()
        },
    )
    .await
    .context("the S3 service cannot start")?;
    let access = Access {
        endpoint: &server.endpoint(),
        key_id: KEY_ID,
        secret: SECRET,
    };
    let mut exporter = Exporter::start(&access)?;
    let shown = tokio::select! {
        () = stop => Ok(()),
        shown = show(&mut exporter, archive, access.endpoint, once) => shown,
    };
    let stopped = exporter.stop().await;
    server.stop().await;
    shown?;
    stopped?;
    Ok(())
}

/// Shows what the exporter found, and then how it lives on.
async fn show(exporter: &mut Exporter, archive: Archive, endpoint: &str, once: bool) -> Result<()> {
    exporter.ready().await?;
    let page = exporter.get("/metrics").await?;
    let groups = sample::groups(&archive);
    let mut out = stdout();
    writeln!(
        out,
        "{}\n\nA few of its metrics:",
        places(exporter, endpoint)
    )?;
    write!(out, "{}", sample::text(&groups, &page))?;
    sample::check(&groups, &page)?;
    if once {
        return Ok(());
    }
    writeln!(
        out,
        "\nThe archive lives on, scanned every 10 seconds. Ctrl-C stops everything.\n"
    )?;
    tokio::select! {
        ended = exporter.ended() => ended,
        lived = live(archive) => lived,
    }
}

/// Returns the addresses, files and commands to try, as text.
fn places(exporter: &Exporter, endpoint: &str) -> String {
    let (landing, metrics) = (exporter.url("/"), exporter.url("/metrics"));
    let (configuration, log) = (exporter.file("config.yaml"), exporter.file("exporter.log"));
    let (check, report) = (exporter.command("check"), exporter.command("report"));
    format!(
        "\
barman-cloud-exporter watches the backups of three PostgreSQL servers, in memory at {endpoint}

  landing page   {landing}
  metrics        {metrics}
  configuration  {}
  log            {}

From another terminal, while this runs:

  {check}
  {report}",
        configuration.display(),
        log.display()
    )
}

/// Lets the archive live until it is dropped.
async fn live(archive: Archive) -> Result<()> {
    let mut life = Life::begin(archive, now());
    let mut seconds = interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        let now = now();
        for event in life.step(now)? {
            writeln!(stdout(), "{} {event}", now.format("%H:%M:%S"))?;
        }
    }
}

/// Ends when this program is told to.
fn told_to_stop() -> Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "nobody else here reads the clock"
)]
fn now() -> DateTime<Utc> {
    Utc::now()
}
