//! Metrics under "Schedule".

use prometheus_client::registry::Unit;

use super::table::{Metric, Number, Values};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "backup_schedule_interval",
        help: "Median time from one scheduled time to the next, as CloudNativePG reads the \
               schedule: seconds first.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| {
            Some(
                server
                    .schedule
                    .as_ref()?
                    .expected
                    .schedule
                    .intervals()
                    .median
                    .into(),
            )
        }),
    },
    Metric {
        name: "backup_observed_interval",
        help: "Median time from the start of a done backup to that of the next.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| Some(server.schedule.as_ref()?.observed?.median.into())),
    },
    Metric {
        name: "backup_due_timestamp",
        help: "Latest scheduled time; @every counts from the newest done backup, without one from \
               the oldest other backup, and the time is absent before any backup.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, now| Some(server.schedule.as_ref()?.due_at(now)?.into())),
    },
    Metric {
        name: "backup_overdue",
        help: "Time by which the next backup is late: since its scheduled time plus the grace period; 0 if on time, and while a backup is running that does not take much longer than usual.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, now| {
            let overdue = server.schedule.as_ref()?.overdue(now)?;
            Some(if overdue.is_zero() {
                Number::Whole(0)
            } else {
                overdue.into()
            })
        }),
    },
];
