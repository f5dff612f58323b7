//! One scan of every archive, for commands that print a result.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::{join, join_all, pending};
use tls_certificates::x509::CertificateStatus;
use tokio_util::sync::CancellationToken;

use super::archive::PublishedArchive;
use super::certificates::Certificates;
use super::scanner::scanner;
use super::terminal;
use super::verification::ArchiveVerification;
use crate::clock::Clock;
use crate::config::Config;
use crate::output::progress_line;
use crate::report::ArchiveStatus;

/// Exit code if the result is not known.
pub(super) const COULD_NOT_TELL: u8 = 3;

/// Time after which the progress of scans is shown, and time between updates.
pub(super) const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// Results of the scans.
pub(super) struct Scanned {
    /// Archives, in the order of the configuration.
    pub(super) archives: Vec<ArchiveStatus>,
    /// Certificates, in the order of the configuration.
    pub(super) certificates: Vec<CertificateStatus>,
    /// Moment as of which they are judged.
    pub(super) now: DateTime<Utc>,
}

/// Scope of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Requested {
    /// Archives only.
    Archives,
    /// Archives and certificates.
    All,
}

/// Output of a command.
pub(super) struct Said {
    /// Text for standard output.
    pub(super) text: String,
    /// Exit code.
    pub(super) code: u8,
}

/// Scans every archive once, and reads every certificate if the scope includes them. Failures are
/// part of the result.
pub(super) async fn scan_all(config: &Config, scope: Requested, clock: &Clock) -> Scanned {
    let stop = CancellationToken::new();
    let mut published = Vec::new();
    let mut scanners = Vec::new();
    for archive in &config.archives {
        let verification = ArchiveVerification::of_command(archive, config, clock);
        let (state, scanner) = scanner(archive, config, clock, verification);
        published.push(state);
        scanners.push(scanner);
    }
    let scans = join_all(scanners.iter().map(|scanner| Box::pin(scanner.scan(&stop))));
    let certificates = Certificates::new(config, &scanners, clock);
    let read = async {
        match scope {
            Requested::Archives => {}
            Requested::All => certificates.read(&stop).await,
        }
    };
    with_progress(&published, join(scans, read)).await;
    let archives = published
        .iter()
        .map(|archive| archive.view(None).status)
        .collect();
    Scanned {
        archives,
        certificates: certificates.statuses(),
        now: clock(),
    }
}

/// Waits for scans, and shows their progress on a terminal.
pub(super) async fn with_progress(
    archives: &[Arc<PublishedArchive>],
    scans: impl Future<Output: Sized>,
) {
    tokio::select! {
        _ = scans => {}
        never = show_progress(archives) => match never {},
    }
    terminal::wipe_progress();
}

/// Shows the progress of the scans on a terminal.
async fn show_progress(archives: &[Arc<PublishedArchive>]) -> Infallible {
    if !terminal::wants_progress() {
        return pending().await;
    }
    loop {
        tokio::time::sleep(PROGRESS_INTERVAL).await;
        let scans: Vec<_> = archives.iter().map(|archive| archive.progress()).collect();
        terminal::show_progress(&progress_line(&scans));
    }
}
