//! Metrics under "Recoverability".

use barman_archive::inventory::SomeObjects;
use prometheus_client::registry::Unit;

use super::table::{Metric, Number, Values, age};
use crate::report::ServerReport;

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "recoverable",
        help: "Whether the newest done backup can be restored and replayed to the newest WAL; 0 \
               without a done backup, absent if a file that cannot be read may change the answer.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| Some(server.newest_is_recoverable()?.into())),
    },
    Metric {
        name: "recoverable_by_default",
        help: "Whether the newest done backup can be restored to the newest WAL with PostgreSQL's \
               default target timeline, latest.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| Some(server.newest_is_recoverable_by_default()?.into())),
    },
    Metric {
        name: "backups_recoverable",
        help: "Done backups that can be restored and replayed to the newest WAL; absent instead of \
               0 while a file cannot be read.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| Some(server.recoverable()?.into())),
    },
    Metric {
        name: "backups_broken",
        help: "Done backups that cannot be restored to any target timeline; absent instead of 0 \
               while a file cannot be read.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| Some(server.broken()?.into())),
    },
    Metric {
        name: "backups_blocked",
        help: "Done backups that cannot be restored, or cannot be replayed as far as possible, \
               until objects are retrieved from cold storage; absent instead of 0 while a file \
               cannot be read.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| Some(server.blocked()?.into())),
    },
    Metric {
        name: "wal_unreached",
        help: "Whether the newest WAL is on a timeline that no backup reaches; absent while the \
               store refuses a file that may change the answer.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| Some(server.newest_wal_is_unreached()?.into())),
    },
    Metric {
        name: "backup_waiting_for_wal",
        help: "Time for which the newest done backup has been waiting for its own WAL; absent if it \
               has it.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, now| Some(age(server.waiting_since()?, now))),
    },
    Metric {
        name: "wal_current_timeline",
        help: "Timeline on which the path of the newest restorable backup ends.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| {
            let timeline = server.current_timeline()?;
            Some(Number::Whole(timeline.0.into()))
        }),
    },
    Metric {
        name: "wal_gaps",
        help: "Runs of missing segments that a done backup would have to be replayed through; \
               absent instead of 0 while a backup is unreadable, and while the store refuses a \
               history file or keep annotation.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| Some(server.recovery.gaps()?.0.into())),
    },
    Metric {
        name: "wal_missing_segments",
        help: "Number of segments missing in the gaps that barman_cloud_wal_gaps counts.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| Some(server.recovery.gaps()?.1.into())),
    },
    Metric {
        name: "timeline_history_missing",
        help: "Timelines with WAL or backups whose history file is missing or unreadable; absent \
               instead of 0 while the store refuses a history file.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| Some(server.histories_missing()?.into())),
    },
    Metric {
        name: "wal_obsolete_segments",
        help: "Segments that no done backup needs any more; absent without a done backup, and while \
               one is unreadable.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| Some(server.recovery.obsolete_segments()?.into())),
    },
    Metric {
        name: "wal_obsolete",
        help: "Bytes of the segments that no done backup needs any more.",
        unit: Some(Unit::Bytes),
        labels: &[],
        values: Values::Server(|server, _| {
            Some(server.recovery.obsolete_stored.as_ref()?.bytes.into())
        }),
    },
    Metric {
        name: "restore",
        help: "Bytes that a restore to the newest WAL must read, starting from the newest backup \
               that makes it possible; absent without one.",
        unit: Some(Unit::Bytes),
        labels: &[],
        values: Values::Server(|server, _| restore(server, |objects| objects.sums.bytes)),
    },
    Metric {
        name: "restore_objects",
        help: "Objects that a restore to the newest WAL must read: of the backup, WAL segments and history files.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| restore(server, |objects| objects.sums.objects)),
    },
    Metric {
        name: "restore_blocked_objects",
        help: "Objects that a restore to the newest WAL must read, but whose storage class cannot be read immediately, such as GLACIER or DEEP_ARCHIVE.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| restore(server, |objects| objects.blocked)),
    },
    Metric {
        name: "recovery_window_start_timestamp",
        help: "Earliest moment from which every later moment can be restored.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| Some(server.recovery_window_start()?.into())),
    },
    Metric {
        name: "recovery_window_end_timestamp",
        help: "Latest moment that can be restored: the arrival of the newest segment on its path.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| Some(server.recovery_window_end()?.into())),
    },
    Metric {
        name: "recovery_window_coverage_ratio",
        help: "Share of the retention window that can be restored, from 0 to 1; the time since WAL \
               last arrived counts as missing.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| {
            Some(server.retention.as_ref()?.coverage.as_ref()?.ratio().into())
        }),
    },
    Metric {
        name: "recovery_window_shortfall",
        help: "Part of the retention window that cannot be restored, in seconds.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| {
            Some(
                server
                    .retention
                    .as_ref()?
                    .coverage
                    .as_ref()?
                    .shortfall()
                    .into(),
            )
        }),
    },
];

fn restore(server: &ServerReport, value: fn(&SomeObjects) -> u64) -> Option<Number> {
    Some(value(&server.recovery.restore.as_ref()?.objects).into())
}
