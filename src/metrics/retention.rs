//! Metrics under "Retention".

use prometheus_client::registry::Unit;

use super::table::{Labelled, Metric, Number, Values, age, labels};
use crate::report::ServerReport;

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "retention_window",
        help: "The recovery window that the retention policy asks for.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| {
            Some(server.retention.as_ref()?.policy.window()?.into())
        }),
    },
    Metric {
        name: "backups_required",
        help: "Done backups that there should be: as many as a policy REDUNDANCY asks for, one for a \
               recovery window, and no fewer than minimumRedundancy.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| Some(u64::from(server.required_backups()?).into())),
    },
    Metric {
        name: "retention_fails",
        help: "Whether Barman's retention ends with an error, and so deletes nothing, although \
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
        help: "How long a backup has been obsolete that is still there; 0 without one.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, now| {
            let retention = server.retention.as_ref()?;
            match retention.overdue_since {
                Some(since) => Some(age(since, now)),
                // Without one that is known: is there none?
                None => (retention.obsolete()? == 0).then_some(Number::Whole(0)),
            }
        }),
    },
    Metric {
        name: "retention_blocked",
        help: "Whether something keeps Barman from deleting, by reason: unreadable_backup (then it \
               deletes nothing), kept_backup (the oldest is kept in full: then it deletes no WAL); one that \
               is not known is absent.",
        unit: None,
        labels: &["reason"],
        values: Values::ServerBy(blocked),
    },
];

fn blocked(server: &ServerReport) -> Vec<Labelled<'_>> {
    let Some(retention) = &server.retention else { return vec![] };
    let blocks = retention.blocks.iter();
    blocks.map(|(reason, holds)| (labels([reason.as_label()]), (*holds).into())).collect()
}
