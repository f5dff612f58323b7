//! Metrics under "Retention".

use prometheus_client::registry::Unit;

use super::table::{Labelled, Metric, Number, Values, age, labels};
use crate::report::ServerReport;

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "retention_window",
        help: "Recovery window of the retention policy.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| {
            Some(server.retention.as_ref()?.policy.window()?.into())
        }),
    },
    Metric {
        name: "backups_required",
        help: "Number of done backups that should exist: as many as the policy REDUNDANCY asks for, \
               one for a recovery window, and at least minimumRedundancy.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| Some(u64::from(server.required_backups()?).into())),
    },
    Metric {
        name: "retention_fails",
        help: "Whether Barman's retention fails with an error, and so deletes nothing, although \
               every backup can be read; absent instead of 0 while the store refuses a file.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| Some(server.retention_fails()?.into())),
    },
    Metric {
        name: "backups_obsolete",
        help: "Done backups that the retention policy no longer needs, by Barman's own rule.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| Some(server.retention.as_ref()?.obsolete()?.into())),
    },
    Metric {
        name: "retention_overdue",
        help: "Time since the first of the stored obsolete backups became obsolete; 0 without an obsolete backup.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, now| {
            let retention = server.retention.as_ref()?;
            match retention.overdue_since {
                Some(since) => Some(age(since, now)),
                // Statuses may be unknown: then no overdue backup is known either.
                None => (retention.obsolete()? == 0).then_some(Number::Whole(0)),
            }
        }),
    },
    Metric {
        name: "retention_blocked",
        help: "Whether something prevents Barman from deleting, by reason: unreadable_backup (it \
               deletes nothing), kept_backup (the oldest backup is kept in full, so it deletes no \
               WAL); a reason is absent if unknown.",
        unit: None,
        labels: &["reason"],
        values: Values::ServerBy(blocked),
    },
];

fn blocked(server: &ServerReport) -> Vec<Labelled<'_>> {
    let Some(retention) = &server.retention else {
        return vec![];
    };
    let blocks = retention.blocks.iter();
    blocks
        .map(|(reason, holds)| (labels([reason.as_label()]), (*holds).into()))
        .collect()
}
