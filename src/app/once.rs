//! One scan of every archive, for the commands that print what comes of it.

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
use crate::clock::Clock;
use crate::config::Config;
use crate::output::progress_line;
use crate::report::ArchiveStatus;

/// The exit code where something could not be told.
pub(super) const COULD_NOT_TELL: u8 = 3;

/// How long a scan lasts before its progress is shown, and how old what is shown may be.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// What the scans found.
pub(super) struct Scanned {
    /// The archives, in the order of the configuration.
    pub(super) archives: Vec<ArchiveStatus>,
    /// The certificates, in the order of the configuration.
    pub(super) certificates: Vec<CertificateStatus>,
    /// The moment as of which they are to be judged.
    pub(super) now: DateTime<Utc>,
}

/// What is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Requested {
    /// The archives alone.
    Archives,
    /// The certificates as well.
    All,
}

/// What a command says.
pub(super) struct Said {
    /// For standard output.
    pub(super) text: String,
    /// The exit code.
    pub(super) code: u8,
}

/// Scans every archive once, and reads every certificate where that is asked for. What fails is a
/// part of the result.
pub(super) async fn scan_all(config: &Config, scope: Requested, clock: &Clock) -> Scanned {
    let stop = CancellationToken::new();
    let (published, scanners): (Vec<_>, Vec<_>) =
        config.archives.iter().map(|archive| scanner(archive, config, clock)).unzip();
    let scans = join_all(scanners.iter().map(|scanner| Box::pin(scanner.scan(&stop))));
    let certificates = Certificates::new(config, &scanners, clock);
    let read = async {
        match scope {
            Requested::Archives => {}
            Requested::All => certificates.read(&stop).await,
        }
    };
    tokio::select! {
        _ = join(scans, read) => {}
        never = show_progress(&published) => match never {},
    }
    terminal::wipe_progress();
    let archives = published.iter().map(|archive| archive.view(None).status).collect();
    Scanned { archives, certificates: certificates.statuses(), now: clock() }
}

/// Shows how far the scans have got, where someone sees it.
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
