//! Metrics under "Schedule".

use prometheus_client::registry::Unit;

use super::table::{Metric, Number, Values};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "backup_schedule_interval",
        help: "Median time from one time of the backup schedule to the next, as CloudNativePG reads \
               it: seconds first.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| {
            Some(server.schedule.as_ref()?.expected.schedule.intervals().median.into())
        }),
    },
    Metric {
        name: "backup_observed_interval",
        help: "Median time from the begin of a done backup to that of the next.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| Some(server.schedule.as_ref()?.observed?.median.into())),
    },
    Metric {
        name: "backup_due_timestamp",
        help: "Latest time of the backup schedule; of an @every counted from the newest done backup, \
               without one from the oldest that is not, and absent before any.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, now| Some(server.schedule.as_ref()?.due_at(now)?.into())),
    },
    Metric {
        name: "backup_overdue",
        help: "How long a backup is past its time and the grace: the first time of the schedule at or \
               after which no done backup began. 0 when on time, and while one is under way that does \
               not take much longer than usual.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, now| {
            let overdue = server.schedule.as_ref()?.overdue(now)?;
            Some(if overdue.is_zero() { Number::Whole(0) } else { overdue.into() })
        }),
    },
];
