//! Command `verify`: reads contents that a person asks for, once.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::{join_all, pending};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::archive::PublishedArchive;
use super::check;
use super::command_line::{OutputFormat, VerifyArguments};
use super::once::{PROGRESS_INTERVAL, Said, with_progress};
use super::scanner::{ArchiveScanner, scanner};
use super::terminal::{self, wants_colours};
use super::verification::{ArchiveVerification, SharedStore};
use crate::assess::ArchiveTargets;
use crate::clock::Clock;
use crate::config::{ArchiveConfig, Config};
use crate::evidence::ServerEvidence;
use crate::output::{
    ReadProgress, SelectedArchive, VerifyDocument, VerifySummary, estimate_line, reading_line,
    verify_text,
};
use crate::report::{ReadSums, RecoveryProof, SelectedServer};
use crate::verification::{
    BackupChoice, Budget, SelectedContents, SelectedJob, SelectedResult, SelectedRun, Selection,
    Verifier, WalChoice, follow_ups,
};

/// Time for the last assessment, which may list a few WAL directories.
const ASSESSMENT_DEADLINE: Duration = Duration::from_secs(30);

/// Archive whose contents are read.
struct SelectedReads {
    published: Arc<PublishedArchive>,
    scanner: Arc<ArchiveScanner>,
    verification: Arc<ArchiveVerification>,
    verifier: Verifier<SharedStore>,
    targets: Arc<ArchiveTargets>,
    /// Selected contents by server.
    servers: BTreeMap<String, SelectedContents>,
    /// Ends of the jobs by server.
    results: BTreeMap<String, SelectedResult>,
}

/// Circumstances of all reads.
#[derive(Clone, Copy)]
struct Reads {
    began_at: DateTime<Utc>,
    is_dry: bool,
    is_interrupted: bool,
    seconds: u64,
}

/// Scans the archives, reads what is asked for, and returns what was found.
///
/// # Errors
/// If nothing is known by a name that was given, or the result cannot be written as JSON.
pub(super) async fn verify(
    config: &Config,
    arguments: &VerifyArguments,
    clock: &Clock,
) -> anyhow::Result<Said> {
    let mut archives = scan(config, arguments, clock).await?;
    let selection = arguments.selection();
    for archive in &mut archives {
        archive.select(&selection, arguments).await;
    }
    check_names(&archives, arguments)?;
    archives.retain(|archive| archive.has_failed() || !archive.servers.is_empty());
    let mut reads = Reads {
        began_at: clock(),
        is_dry: true,
        is_interrupted: false,
        seconds: 0,
    };
    if !arguments.dry_run {
        let mut planned = ReadSums::default();
        for selected in archives.iter().flat_map(|archive| archive.servers.values()) {
            planned.add(selected.planned());
        }
        say(&estimate_line(planned, price_millionths(config)));
        let started = Instant::now();
        reads.is_dry = false;
        reads.is_interrupted = read_all(&mut archives, arguments, clock).await?;
        reads.seconds = started.elapsed().as_secs();
    }
    let document = document(&archives, config, reads, clock).await;
    let text = match arguments.output {
        OutputFormat::Text => verify_text(&document, wants_colours(&io::stdout())),
        OutputFormat::Json => document
            .to_json()
            .context("the result cannot be written as JSON")?,
    };
    Ok(Said {
        text,
        code: check::exit_code(document.status.0),
    })
}

/// Scans the archives that are asked for.
async fn scan(
    config: &Config,
    arguments: &VerifyArguments,
    clock: &Clock,
) -> anyhow::Result<Vec<SelectedReads>> {
    let is_wanted = |archive: &&ArchiveConfig| {
        let wanted = arguments.archive.as_ref();
        wanted.is_none_or(|wanted| *wanted == archive.name)
    };
    let mut archives = Vec::new();
    for archive in config.archives.iter().filter(is_wanted) {
        let verification = ArchiveVerification::of_verify(
            archive,
            config,
            arguments.level.map(Into::into),
            arguments.dry_run,
            clock,
        );
        for problem in &verification.problems {
            say(problem);
        }
        let verification = Arc::new(verification.verification);
        let (published, scanner) = scanner(archive, config, clock, Some(verification.clone()));
        archives.push(SelectedReads {
            verifier: verification.verifier(archive, &scanner.store, clock),
            published,
            scanner,
            verification,
            targets: Arc::default(),
            servers: BTreeMap::new(),
            results: BTreeMap::new(),
        });
    }
    if archives.is_empty() {
        bail!(
            "no archive is named `{}` in the configuration",
            arguments.archive.as_deref().unwrap_or_default()
        );
    }
    let stop = CancellationToken::new();
    let published: Vec<_> = archives
        .iter()
        .map(|archive| archive.published.clone())
        .collect();
    let scans = archives
        .iter()
        .map(|archive| Box::pin(archive.scanner.scan(&stop)));
    with_progress(&published, join_all(scans)).await;
    Ok(archives)
}

/// Returns an error if a server, a backup or a range was named that does not exist, as far as the scans
/// can tell.
fn check_names(archives: &[SelectedReads], arguments: &VerifyArguments) -> anyhow::Result<()> {
    let is_found = archives.iter().any(|archive| !archive.servers.is_empty());
    if is_found || archives.iter().any(SelectedReads::has_failed) {
        return Ok(());
    }
    let mut places = archives
        .iter()
        .flat_map(|archive| archive.targets.servers.keys());
    if let Some(server) = &arguments.server
        && !places.any(|found| found == server)
    {
        bail!("no server is named `{server}` in the archives that were scanned");
    }
    if let BackupChoice::Id(id) = &arguments.backup {
        bail!("no finished backup with data objects has the id `{id}`");
    }
    if let WalChoice::Range { first, last } = arguments.wal {
        bail!("no segment from {first} to {last} is in an archive and needed by a backup");
    }
    Ok(())
}

/// Carries out all jobs, and saves what was found; returns true if a signal ended that early.
async fn read_all(
    archives: &mut [SelectedReads],
    arguments: &VerifyArguments,
    clock: &Clock,
) -> anyhow::Result<bool> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let statistics: Vec<_> = archives
        .iter()
        .map(|archive| archive.verification.statistics.clone())
        .collect();
    let planned_bytes = archives.iter().map(SelectedReads::planned_bytes).sum();
    let started = Instant::now();
    let progress = move || ReadProgress {
        read_bytes: statistics.iter().map(|counts| counts.counts().bytes).sum(),
        planned_bytes,
        elapsed: TimeDelta::from_std(started.elapsed()).unwrap_or_default(),
    };
    let max_bytes = arguments.max_bytes.map(|bytes| bytes.0);
    let is_interrupted = tokio::select! {
        () = read_within(archives, max_bytes, clock) => false,
        never = show_progress(progress) => match never {},
        _ = interrupt.recv() => true,
        _ = terminate.recv() => true,
    };
    terminal::wipe_progress();
    for archive in archives {
        if let Err(why) = archive.verifier.save_found().await {
            say(&format!("What was read is not remembered: {why}"));
        }
    }
    Ok(is_interrupted)
}

/// Reads the archives one after the other, as all of them share a budget.
async fn read_within(archives: &mut [SelectedReads], max_bytes: Option<u64>, clock: &Clock) {
    let mut left = max_bytes;
    for archive in archives {
        let ledger = &archive.verification.shared.ledger;
        let now = clock();
        ledger.set_budget(match left {
            Some(bytes) => Budget::fixed(bytes, now),
            None => Budget::unlimited(now),
        });
        archive.read().await;
        let now = clock();
        left = archive
            .verification
            .shared
            .ledger
            .budget(now)
            .map(|(left, _)| left);
    }
}

/// Shows the progress of the reads on a terminal.
async fn show_progress(progress: impl Fn() -> ReadProgress) -> Infallible {
    if !terminal::wants_progress() {
        return pending().await;
    }
    loop {
        tokio::time::sleep(PROGRESS_INTERVAL).await;
        terminal::show_progress(&reading_line(progress()));
    }
}

impl SelectedReads {
    fn has_failed(&self) -> bool {
        self.published.view(None).status.report.is_none()
    }

    fn planned_bytes(&self) -> u64 {
        let servers = self.servers.values();
        servers.map(|selected| selected.planned().bytes).sum()
    }

    /// Selects contents of what the scan found.
    async fn select(&mut self, selection: &Selection, arguments: &VerifyArguments) {
        let Some(targets) = self.verification.targets() else {
            return;
        };
        self.targets = targets.clone();
        self.verifier.take_over(&targets);
        for (server, of_server) in &targets.servers {
            if arguments
                .server
                .as_ref()
                .is_some_and(|wanted| wanted != server)
            {
                continue;
            }
            let outdated = self.look(server, |known| selection.outdated(of_server, known));
            let compared = self.verifier.compare(server, of_server, outdated).await;
            let selected = self.look(server, |known| {
                selection.of_server(server, of_server, known)
            });
            if selection.is_missed_by(&selected) {
                continue;
            }
            self.servers.insert(server.clone(), selected);
            self.results.insert(
                server.clone(),
                SelectedResult {
                    failure: compared.err(),
                    ..SelectedResult::default()
                },
            );
        }
    }

    fn look<T>(&self, server: &str, look: impl FnOnce(&ServerEvidence) -> T) -> T {
        let nothing = ServerEvidence::default();
        self.verification
            .shared
            .ledger
            .read(|evidence| look(evidence.server(server).unwrap_or(&nothing)))
    }

    /// Carries out the jobs of the archive.
    async fn read(&mut self) {
        let selected = self.servers.values();
        let jobs = selected
            .flat_map(|selected| selected.jobs.clone())
            .collect();
        self.carry_out(jobs).await;
        let mut following = Vec::new();
        for (server, selected) in &self.servers {
            let Some(targets) = self.targets.servers.get(server) else {
                continue;
            };
            let jobs = self.look(server, |known| follow_ups(server, selected, targets, known));
            let result = self.results.get(server);
            if result.is_none_or(|result| result.failure.is_none()) {
                following.extend(jobs);
            }
        }
        self.carry_out(following).await;
    }

    async fn carry_out(&mut self, jobs: Vec<SelectedJob>) {
        let results = &mut self.results;
        let ended = |job: &SelectedJob, end| {
            results
                .entry(job.server.clone())
                .or_default()
                .note(job, end);
        };
        self.verifier.run_selected(&self.targets, jobs, ended).await;
    }

    /// Returns what is known of the selected contents.
    async fn known(&self, reads: Reads) -> SelectedArchive {
        let status = self.published.view(None).status;
        let again = timeout(ASSESSMENT_DEADLINE, self.scanner.assess_again()).await;
        let report = again.ok().flatten();
        let nothing = SelectedResult::default();
        let mut servers = Vec::new();
        for (server, selected) in &self.servers {
            let Some(targets) = self.targets.servers.get(server) else {
                continue;
            };
            let of_server = report
                .as_ref()
                .and_then(|report| report.servers.get(server));
            let chains: BTreeMap<String, RecoveryProof> = of_server
                .map(|server| server.recovery.chains.clone())
                .unwrap_or_default();
            let run = SelectedRun {
                began_at: reads.began_at,
                is_dry: reads.is_dry,
                is_interrupted: reads.is_interrupted,
                result: self.results.get(server).unwrap_or(&nothing),
                chains: &chains,
            };
            let known: SelectedServer =
                self.look(server, |known| selected.known(targets, known, &run));
            servers.push((server.clone(), known));
        }
        SelectedArchive {
            name: status.name,
            destination: status.destination,
            failure: status.last_failure,
            servers,
        }
    }
}

/// Builds the document of what is known now.
async fn document(
    archives: &[SelectedReads],
    config: &Config,
    reads: Reads,
    clock: &Clock,
) -> VerifyDocument {
    let mut known = Vec::new();
    let (mut requests, mut bytes) = (0, 0);
    for archive in archives {
        let counts = archive.verification.statistics.counts();
        requests += counts.requests;
        bytes += counts.bytes;
        known.push(archive.known(reads).await);
    }
    let summary = VerifySummary {
        now: clock(),
        is_dry: reads.is_dry,
        is_interrupted: reads.is_interrupted,
        requests,
        bytes,
        seconds: reads.seconds,
        price_millionths: price_millionths(config),
    };
    VerifyDocument::new(&known, &summary)
}

fn price_millionths(config: &Config) -> Option<u64> {
    let price = config.verification.egress_price_per_gb?;
    Some(price.millionths)
}

/// Writes a line to standard error. A line that cannot be written has no reader.
fn say(line: &str) {
    drop(writeln!(terminal::Errors, "{line}"));
}
