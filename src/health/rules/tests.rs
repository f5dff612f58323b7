//! Servers for the tests of rules.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::barman::{BackupInfo, BackupInfoText};
use barman_archive::inventory::{DataState, SomeNames, Sums, Usage};
use chrono::{DateTime, TimeDelta, Utc};

use super::{ScannedArchive, ScannedServer};
use crate::health::Finding;
use crate::report::{BackupReport, BackupState, Report, ServerReport};

const SEGMENT: &str = "000000010000000000000004";

/// Moment of the day with this number.
pub(super) fn day(number: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(number)
}

/// Server with one finished backup a day, from day 1 on; each took this many minutes.
pub(super) fn server(minutes: &[i64]) -> ServerReport {
    let days = (1..).zip(minutes);
    ServerReport {
        is_expected: true,
        is_found: true,
        backups: days
            .map(|(number, minutes)| finished(number, *minutes))
            .collect(),
        ..ServerReport::default()
    }
}

fn finished(number: i64, minutes: i64) -> BackupReport {
    let began_at = day(number);
    let ended_at = began_at + TimeDelta::minutes(minutes);
    let text = BackupInfoText::new("DONE")
        .begun(began_at, SEGMENT)
        .ended(ended_at, SEGMENT);
    let info = BackupInfo::parse(text.to_string().as_bytes()).unwrap();
    BackupReport {
        info: Some(info),
        ..backup(number, BackupState::Done)
    }
}

/// Backup of a day in a state, without a `backup.info`.
pub(super) fn backup(number: i64, state: BackupState) -> BackupReport {
    BackupReport {
        id: format!("backup-{number}"),
        state,
        info: None,
        unreadable: None,
        missing_data: std::iter::empty::<&str>().collect::<SomeNames>(),
        stored: Sums::default(),
        data: DataState::default(),
        keep: None,
        began_at: Some(day(number)),
        upload_bytes: None,
    }
}

/// Returns the finding of a rule on a server, as of a moment.
pub(super) fn finding(
    rule: fn(&ScannedServer<'_>) -> Option<Finding>,
    server: &ServerReport,
    now: DateTime<Utc>,
) -> Option<Finding> {
    look(server, now, rule)
}

/// Returns the findings of a rule on a server, as of a moment.
pub(super) fn findings(
    rule: fn(&ScannedServer<'_>) -> Vec<Finding>,
    server: &ServerReport,
    now: DateTime<Utc>,
) -> Vec<Finding> {
    look(server, now, rule)
}

/// Returns the finding of a rule on an archive of these servers, as of a moment.
pub(super) fn archive_finding(
    rule: fn(&ScannedArchive<'_>) -> Option<Finding>,
    servers: BTreeMap<String, ServerReport>,
    now: DateTime<Utc>,
) -> Option<Finding> {
    let report = &report(servers, now);
    rule(&ScannedArchive { report, now })
}

fn report(servers: BTreeMap<String, ServerReport>, now: DateTime<Utc>) -> Report {
    Report {
        audited_at: now,
        is_whole: true,
        usage: Usage::default(),
        servers,
        ignored: BTreeSet::new(),
        prefixes: Vec::new(),
        uploads: None,
    }
}

fn look<T>(
    server: &ServerReport,
    now: DateTime<Utc>,
    rule: impl FnOnce(&ScannedServer<'_>) -> T,
) -> T {
    let report = report(BTreeMap::new(), now);
    rule(&ScannedServer {
        name: "s",
        server,
        report: &report,
        now,
    })
}
