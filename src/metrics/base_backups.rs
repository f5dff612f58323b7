//! Metrics under "Base backups".

use std::collections::BTreeMap;

use barman_archive::barman::KeepTarget;
use barman_archive::inventory::UnreadableReason;
use prometheus_client::registry::Unit;

use super::table::{Labelled, Metric, Number, Values, age, labels};
use crate::report::{BackupState, RefusedKind, ServerReport};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "server_info",
        help: "Server, and whether it is expected: configured, or found if no servers are \
               configured.",
        unit: None,
        labels: &["expected"],
        values: Values::ServerBy(server_info),
    },
    Metric {
        name: "server_postgresql_info",
        help: "System identifier and PostgreSQL version of the newest done backup.",
        unit: None,
        labels: &["system_identifier", "version"],
        values: Values::ServerBy(postgresql_info),
    },
    Metric {
        name: "backups",
        help: "Backups by state: done, failed, running, incomplete (data or backup.info missing, or \
               started too long ago), unreadable; a state is absent instead of 0 while the store \
               refuses a backup.info.",
        unit: None,
        labels: &["state"],
        values: Values::ServerBy(backups_by_state),
    },
    Metric {
        name: "backups_unreadable",
        help: "Backups whose backup.info cannot be read, by reason: syntax, framing (the checksum \
               trailer of an upload inside the file), missing_field, access.",
        unit: None,
        labels: &["reason"],
        values: Values::ServerBy(backups_unreadable),
    },
    Metric {
        name: "files_refused",
        help: "Files that the store refuses to return or that are too large, by kind: backup_info, history, keep; \
               everything that depends on them is unknown.",
        unit: None,
        labels: &["kind"],
        values: Values::ServerBy(files_refused),
    },
    Metric {
        name: "backup_last_success_timestamp",
        help: "End of the newest done backup; absent while a backup that cannot be read may be \
               newer.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| Some(server.newest_known_done()?.done_at()?.into())),
    },
    Metric {
        name: "backup_age",
        help: "Time since the end of the newest done backup.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, now| {
            Some(age(server.newest_known_done()?.done_at()?, now))
        }),
    },
    Metric {
        name: "backup_last_failure_timestamp",
        help: "Start of the newest failed backup; absent while a backup that cannot be read may be \
               newer.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| {
            let began_at = server.newest_failed()?.began_at?;
            (!server.refused_since(Some(began_at))).then(|| began_at.into())
        }),
    },
    Metric {
        name: "backup_oldest_timestamp",
        help: "End of the oldest done backup; absent while the store refuses a backup.info.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| Some(server.oldest_known_done_at()?.into())),
    },
    Metric {
        name: "backup_last_duration",
        help: "Time from start to end of the newest done backup.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| Some(server.newest_known_done()?.duration()?.into())),
    },
    Metric {
        name: "backup_last_size",
        help: "Size of the databases as recorded in the newest done backup; not the size of its objects.",
        unit: Some(Unit::Bytes),
        labels: &[],
        values: Values::Server(|server, _| {
            Some(server.newest_known_done()?.cluster_size_bytes()?.into())
        }),
    },
    Metric {
        name: "backup_last_stored",
        help: "Bytes of the objects of the newest done backup.",
        unit: Some(Unit::Bytes),
        labels: &[],
        values: Values::Server(|server, _| Some(server.newest_known_done()?.stored.bytes.into())),
    },
    Metric {
        name: "backup",
        help: "Bytes of all objects below base/.",
        unit: Some(Unit::Bytes),
        labels: &[],
        values: Values::Server(|server, _| Some(server.base.bytes.into())),
    },
    Metric {
        name: "backup_objects",
        help: "Number of objects below base/.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| Some(server.base.objects.into())),
    },
    Metric {
        name: "backups_kept",
        help: "Backups with a keep annotation, by target: full, standalone.",
        unit: None,
        labels: &["target"],
        values: Values::ServerBy(backups_kept),
    },
    Metric {
        name: "backup_running_start_timestamp",
        help: "Start of the newest running backup.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| Some(server.newest_running()?.began_at?.into())),
    },
    Metric {
        name: "backup_running",
        help: "Bytes that the newest running backup has stored so far, including unfinished \
               uploads.",
        unit: Some(Unit::Bytes),
        labels: &[],
        values: Values::Server(|server, _| {
            let running = server.newest_running()?;
            Some(
                running
                    .stored
                    .bytes
                    .saturating_add(running.upload_bytes?)
                    .into(),
            )
        }),
    },
    Metric {
        name: "backup_size_change_ratio",
        help: "Size of the newest done backup divided by the median size of the earlier ones.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| Some(server.size_change_ratio()?.into())),
    },
    Metric {
        name: "backups_without_time_zone",
        help: "Backups whose backup.info contains a time without a time zone, which is read as UTC.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| Some(server.without_time_zone()?.into())),
    },
    Metric {
        name: "server_system_identifiers",
        help: "Number of clusters that the backups are from; more than one means that several \
               databases share the server's directory.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| match server.system_identifiers().len() {
            0 => None,
            // Backups whose `backup.info` is refused may be of another cluster.
            1 if server.refused_since(None) => None,
            count => Some(count.into()),
        }),
    },
];

fn server_info(server: &ServerReport) -> Vec<Labelled<'_>> {
    let expected = if server.is_expected { "true" } else { "false" };
    vec![(labels([expected]), Number::Whole(1))]
}

fn postgresql_info(server: &ServerReport) -> Vec<Labelled<'_>> {
    let Some(identity) = server.postgresql() else {
        return vec![];
    };
    let version = identity.version.unwrap_or_default();
    vec![(
        labels([identity.system_identifier, version]),
        Number::Whole(1),
    )]
}

fn backups_by_state(server: &ServerReport) -> Vec<Labelled<'_>> {
    let mut counts = BTreeMap::new();
    for backup in &server.backups {
        *counts.entry(backup.state.as_label()).or_default() += 1;
    }
    let mut values = Vec::new();
    for label in BackupState::ALL_LABELS {
        let count: usize = counts.get(label).copied().unwrap_or_default();
        if let Some(count) = server.known_count(count) {
            values.push((labels([label]), count.into()));
        }
    }
    values
}

fn backups_unreadable(server: &ServerReport) -> Vec<Labelled<'_>> {
    let mut values = Vec::new();
    for reason in UnreadableReason::ALL {
        let state = BackupState::Unreadable(reason);
        let count = server
            .backups
            .iter()
            .filter(|backup| backup.state == state)
            .count();
        values.push((labels([reason.as_label()]), count.into()));
    }
    values
}

fn files_refused(server: &ServerReport) -> Vec<Labelled<'_>> {
    let mut values = Vec::new();
    for kind in RefusedKind::ALL {
        values.push((
            labels([kind.as_label()]),
            server.refusals.count(kind).into(),
        ));
    }
    values
}

fn backups_kept(server: &ServerReport) -> Vec<Labelled<'_>> {
    let mut values = Vec::new();
    for target in KeepTarget::ALL {
        if let Some(kept) = server.kept(target) {
            values.push((labels([target.as_label()]), kept.into()));
        }
    }
    values
}
