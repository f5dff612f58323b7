//! The metrics that are worth a look, and whether they say what is there.

use std::fmt::Write as _;

use anyhow::{Result, ensure};

use super::archive::{Archive, HEALTHY, ORPHAN, TROUBLED};

/// Metrics that show the same thing.
pub(crate) struct Group {
    caption: &'static str,
    lines: Vec<Line>,
}

/// Lines of the page that are of interest.
struct Line {
    /// Name of the metric, with which they start.
    metric: &'static str,
    /// Texts that their labels contain.
    labels: Vec<String>,
    /// Value that they must have; `None` where it depends on the moment.
    expected: Option<u64>,
}

/// Lines of interest, in the order to show them.
pub(crate) fn groups(archive: &Archive) -> Vec<Group> {
    vec![
        healthy(archive),
        troubled(archive),
        orphan(archive),
        total(archive),
    ]
}

/// Returns the lines of a page that are of interest, below their captions.
pub(crate) fn text(groups: &[Group], page: &str) -> String {
    let mut text = String::new();
    for group in groups {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n{}", group.caption);
        for found in group.lines.iter().flat_map(|line| line.find(page)) {
            let _ = writeln!(text, "  {found}");
        }
    }
    text
}

/// Compares a page with what was put into the archive.
pub(crate) fn check(groups: &[Group], page: &str) -> Result<()> {
    for line in groups.iter().flat_map(|group| &group.lines) {
        let found: Vec<&str> = line.find(page).collect();
        let (metric, labels) = (line.metric, &line.labels);
        ensure!(!found.is_empty(), "there is no {metric} with {labels:?}");
        if let Some(expected) = line.expected {
            let ending = format!(" {expected}");
            let is_right = matches!(found.as_slice(), [only] if only.ends_with(&ending));
            ensure!(
                is_right,
                "{metric} with {labels:?} should be {expected}, but is {found:?}"
            );
        }
    }
    Ok(())
}

impl Line {
    /// Lines of one server's metric.
    fn of(server: &str, metric: &'static str) -> Self {
        Self {
            metric,
            labels: Vec::new(),
            expected: None,
        }
        .with("server", server)
    }

    fn with(mut self, label: &str, value: &str) -> Self {
        self.labels.push(format!("{label}=\"{value}\""));
        self
    }

    fn of_archive(metric: &'static str) -> Self {
        Self {
            metric,
            labels: Vec::new(),
            expected: None,
        }
    }

    fn says(self, expected: impl TryInto<u64>) -> Self {
        Self {
            expected: expected.try_into().ok(),
            ..self
        }
    }

    fn find<'a>(&'a self, page: &'a str) -> impl Iterator<Item = &'a str> {
        page.lines().filter(|line| {
            line.split(['{', ' ']).next() == Some(self.metric)
                && self.labels.iter().all(|label| line.contains(label))
        })
    }
}

fn healthy(archive: &Archive) -> Group {
    let cluster = &archive.healthy;
    let line = |metric| Line::of(HEALTHY, metric);
    let backups = |state| line("barman_cloud_backups").with("state", state);
    let segments = |timeline| line("barman_cloud_wal_segments").with("timeline", timeline);
    Group {
        caption: "kilobase-postgres-backup is well: a backup each day and one under way, one kept, \
                  WAL of both\ntimelines since a failover, so that every moment of two weeks can be \
                  restored.",
        lines: vec![
            backups("done").says(cluster.done.len()),
            backups("running").says(1_u64),
            backups("failed").says(0_u64),
            line("barman_cloud_recoverable").says(1_u64),
            line("barman_cloud_recovery_window_coverage_ratio"),
            line("barman_cloud_backup_age_seconds"),
            line("barman_cloud_backup_overdue_seconds").says(0_u64),
            line("barman_cloud_backup_last_stored_bytes"),
            line("barman_cloud_backup_running_bytes"),
            line("barman_cloud_backups_kept")
                .with("target", "standalone")
                .says(1_u64),
            segments("1").says(cluster.segments_on(1)),
            segments("2").says(cluster.segments_on(2)),
            line("barman_cloud_wal_age_seconds"),
        ],
    }
}

fn troubled(archive: &Archive) -> Group {
    let cluster = &archive.troubled;
    let line = |metric| Line::of(TROUBLED, metric);
    let backups = |state| line("barman_cloud_backups").with("state", state);
    Group {
        caption: "billing-postgres is not: its last good backup is days old, one failed, one never \
                  ended, one has\nan unreadable backup.info, which stops its retention. WAL is missing that \
                  a restore would need.\nWhat the two uploads left is paid for, and a schedule that was meant \
                  to be daily is hourly.",
        lines: vec![
            backups("done").says(cluster.done.len()),
            backups("failed").says(1_u64),
            backups("incomplete").says(1_u64),
            backups("unreadable").says(1_u64),
            line("barman_cloud_wal_gaps").says(1_u64),
            line("barman_cloud_wal_missing_segments").says(7_u64),
            line("barman_cloud_retention_blocked")
                .with("reason", "unreadable_backup")
                .says(1_u64),
            line("barman_cloud_backup_age_seconds"),
            line("barman_cloud_backup_overdue_seconds"),
            line("barman_cloud_backup_schedule_interval_seconds"),
            line("barman_cloud_backup_last_failure_timestamp_seconds"),
            line("barman_cloud_incomplete_uploads").says(2_u64),
            line("barman_cloud_incomplete_uploads_bytes"),
            line("barman_cloud_wal_segments").says(cluster.segments_on(1)),
            line("barman_cloud_wal_anomalies")
                .with("kind", "foreign")
                .says(3_u64),
        ],
    }
}

fn orphan(archive: &Archive) -> Group {
    let prefix = |metric| Line::of_archive(metric).with("prefix", &format!("{ORPHAN}/"));
    let bytes = prefix("barman_cloud_prefix_bytes").with("kind", "orphan");
    Group {
        caption: "supabase-release-supabase-db is an orphan: nobody has configured it, and nothing \
                  has been\nwritten there for months.",
        lines: vec![
            Line::of(ORPHAN, "barman_cloud_server_info")
                .with("expected", "false")
                .says(1_u64),
            bytes.says(archive.orphan.directory.bytes()),
            prefix("barman_cloud_prefix_objects"),
            Line::of(ORPHAN, "barman_cloud_wal_age_seconds"),
        ],
    }
}

fn total(archive: &Archive) -> Group {
    let line = Line::of_archive;
    let clusters = [&archive.healthy, &archive.troubled, &archive.orphan];
    let objects: usize = clusters
        .map(|cluster| cluster.directory.keys("").len())
        .iter()
        .sum();
    Group {
        caption: "The scan as a whole:",
        lines: vec![
            line("barman_cloud_up").says(1_u64),
            line("barman_cloud_scan_objects").says(objects),
            line("barman_cloud_storage_class_bytes"),
            line("barman_cloud_scan_last_success_timestamp_seconds"),
        ],
    }
}
