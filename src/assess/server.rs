//! Assessment of one server.

use std::collections::BTreeSet;
use std::sync::Arc;

use barman_archive::inventory::{DirectoryInventory, Usage};
use barman_archive::postgres::{SegmentSize, WalDir};
use barman_archive::recovery::{Histories, served_histories};
use chrono::{DateTime, Utc};

use super::contents::Contents;
use super::contents_report::contents_report;
use super::newest_wal::{newest_cluster_since, newest_segment};
use super::reclaimable::reclaimable;
use super::recovery::RecoverySource;
use super::refusals::{find_refusals, retract_uncertain};
use super::retention::retention_report;
use super::schedule::schedule_report;
use super::targets::ServerTargets;
use super::timelines::timelines;
use super::uploads::reclaimable_upload_bytes;
use super::wal_anomalies::{odd_names, segment_sizes, strays, wal_anomalies};
use super::{Expectations, ScanFindings};
use crate::evidence::{Level, ServerEvidence};
use crate::report::{
    ContentsReport, RecoveryReport, RetentionReport, ScheduleReport, ServerReport, WalReport,
};

/// Input for the assessment of one server.
pub(super) struct ServerAssessor<'a> {
    pub(super) name: &'a str,
    /// Inventory of the server's directory; empty if it has none.
    pub(super) directory: &'a DirectoryInventory,
    pub(super) is_expected: bool,
    pub(super) findings: &'a ScanFindings<'a>,
    pub(super) expected: &'a Expectations,
    pub(super) now: DateTime<Utc>,
}

/// Assessment of one server.
pub(super) struct AssessedServer {
    pub(super) report: ServerReport,
    /// WAL directories whose files must be listed again to compute values that are missing in the
    /// report.
    pub(super) to_list: BTreeSet<WalDir>,
    /// Contents that can be verified; `None` if they are not to be.
    pub(super) targets: Option<ServerTargets>,
}

impl ServerAssessor<'_> {
    /// Assesses the server.
    pub(super) fn assess(&self) -> AssessedServer {
        let mut to_list = BTreeSet::new();
        let histories = Arc::new(served_histories(&self.directory.wal, self.findings.files));
        // Each part builds on those before it.
        let mut report = self.inventory_report();
        report.recovery = self.recovery(&histories, &report, &mut to_list);
        retract_uncertain(&mut report.recovery, &report.refusals);
        report.wal = self.wal(&histories, &report);
        if self.is_expected {
            report.minimum_redundancy = self.expected.retention.minimum_of(self.name);
            report.retention = self.retention(&report, &mut to_list);
            report.schedule = self.schedule(&report);
        }
        let upload_bytes = reclaimable_upload_bytes(self.findings, self.name, &report);
        report.reclaimable = reclaimable(&report, upload_bytes);
        let targets = self.targets(&report, &histories);
        report.contents = targets
            .as_ref()
            .and_then(|targets| self.contents_report(targets, &report));
        AssessedServer {
            report,
            to_list,
            targets,
        }
    }

    /// Returns what can be verified; `None` if nothing is to be.
    fn targets(&self, report: &ServerReport, histories: &Arc<Histories>) -> Option<ServerTargets> {
        let level = self.expected.contents.level_of(self.name);
        if level == Level::Off || self.findings.evidence.is_none() {
            return None;
        }
        let histories = Arc::clone(histories);
        Some(ServerTargets::of(level, report, self.directory, histories))
    }

    /// Contents of the server's objects, if anything is known of them.
    fn contents(&self) -> Option<Contents<'_>> {
        let evidence = self.findings.evidence?.server(self.name)?;
        Some(Contents {
            directory: self.directory,
            evidence,
        })
    }

    fn contents_report(
        &self,
        targets: &ServerTargets,
        report: &ServerReport,
    ) -> Option<ContentsReport> {
        let archive = self.findings.evidence?;
        let nothing = ServerEvidence::default();
        let contents = Contents {
            directory: self.directory,
            evidence: archive.server(self.name).unwrap_or(&nothing),
        };
        let most_bytes = self.expected.contents.most_bytes;
        let since = contents.evidence.since(targets.level);
        let since = since.unwrap_or(self.findings.listed_at);
        Some(contents_report(
            targets, since, contents, report, most_bytes,
        ))
    }

    /// Returns the part of the report that needs no judgement of WAL.
    fn inventory_report(&self) -> ServerReport {
        let mut usage = Usage::default();
        for part in self.directory.usages() {
            usage.add(part);
        }
        ServerReport {
            is_expected: self.is_expected,
            is_found: self.directory.is_server(),
            usage,
            base: self.directory.base(),
            backups: self.backups(),
            keeps_are_known: self.keeps_are_known(),
            refusals: find_refusals(self.directory, self.findings.files),
            ..ServerReport::default()
        }
    }

    fn recovery(
        &self,
        histories: &Arc<Histories>,
        report: &ServerReport,
        to_list: &mut BTreeSet<WalDir>,
    ) -> RecoveryReport {
        let wal = &self.directory.wal;
        let newest = report.newest_done();
        let stated = newest
            .and_then(|backup| backup.info.as_ref())
            .map(|info| info.segment_size);
        let size = stated.or_else(|| segment_sizes(wal, report).first().copied());
        let grace = self.expected.gap_grace_period;
        let settled_at = self.findings.listed_at.checked_sub_signed(grace);
        let source = RecoverySource {
            directory: self.directory,
            histories,
            backups: &report.backups,
            stray: strays(wal, report, self.findings.files).unwrap_or_default(),
            settled_at: settled_at.unwrap_or(DateTime::<Utc>::MIN_UTC),
            newest: newest.map(|backup| backup.id.as_str()),
            living_timeline: self.expected.living_timelines.get(self.name).copied(),
            contents: self.contents(),
        };
        source.report(size.unwrap_or(SegmentSize::DEFAULT), to_list)
    }

    fn wal(&self, histories: &Histories, report: &ServerReport) -> WalReport {
        let wal = &self.directory.wal;
        WalReport {
            timelines: timelines(wal, histories),
            objects: wal.kinds(),
            newest: newest_segment(wal, &report.recovery, newest_cluster_since(report)),
            intervals: wal.intervals(report.recovery.segment_size),
            anomalies: wal_anomalies(wal, report, self.findings.files),
            odd: odd_names(wal, report),
        }
    }

    fn retention(
        &self,
        report: &ServerReport,
        to_list: &mut BTreeSet<WalDir>,
    ) -> Option<RetentionReport> {
        let policy = self.expected.retention.of(self.name)?;
        Some(retention_report(
            policy,
            self.directory,
            report,
            self.now,
            to_list,
        ))
    }

    fn schedule(&self, report: &ServerReport) -> Option<ScheduleReport> {
        let expected = self.expected.schedules.get(self.name)?;
        Some(schedule_report(expected, report, self.now))
    }
}
