//! Metrics under "Base backups".

use barman_archive::barman::KeepTarget;
use barman_archive::inventory::UnreadableReason;
use prometheus_client::registry::Unit;

use super::table::{Labelled, Metric, Number, Values, age, labels};
use crate::report::{BackupState, RefusedKind, ServerReport};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "server_info",
        help: "A server, and whether it is expected: configured, or found where none is configured.",
        unit: None,
        labels: &["expected"],
        values: Values::ServerBy(server_info),
    },
    Metric {
        name: "server_postgresql_info",
        help: "Cluster and version of PostgreSQL that the newest done backup was taken of.",
        unit: None,
        labels: &["system_identifier", "version"],
        values: Values::ServerBy(postgresql_info),
    },
    Metric {
        name: "backups",
        help: "Backups by state: done, failed, running, incomplete (data or backup.info missing, \
               or started too long ago), unreadable; instead of 0, a state is absent while the store \
               refuses a backup.info.",
        unit: None,
        labels: &["state"],
        values: Values::ServerBy(backups_by_state),
    },
    Metric {
        name: "backups_unreadable",
        help: "Backups whose backup.info cannot be read, by reason: syntax, framing (an upload's \
               checksum trailer inside the file), missing_field, access.",
        unit: None,
        labels: &["reason"],
        values: Values::ServerBy(backups_unreadable),
    },
    Metric {
        name: "files_refused",
        help: "Files whose content the store does not give out, by kind: backup_info, history, keep. \
               Nothing that depends on them is known.",
        unit: None,
        labels: &["kind"],
        values: Values::ServerBy(files_refused),
    },
    Metric {
        name: "backup_last_success_timestamp",
        help: "End of the newest done backup; absent while one that cannot be read may be newer.",
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
        help: "Begin of the newest failed backup; absent while one that cannot be read may be newer.",
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
        help: "Time from begin to end of the newest done backup.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| Some(server.newest_known_done()?.duration()?.into())),
    },
    Metric {
        name: "backup_last_size",
        help: "Size of the databases that the newest done backup states; not what it takes.",
        unit: Some(Unit::Bytes),
        labels: &[],
        values: Values::Server(|server, _| {
            Some(server.newest_known_done()?.cluster_size_bytes()?.into())
        }),
    },
    Metric {
        name: "backup_last_stored",
        help: "Bytes that the newest done backup takes in the bucket.",
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
        help: "All objects below base/.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| Some(server.base.objects.into())),
    },
    Metric {
        name: "backups_kept",
        help: "Backups that carry a keep annotation, by target: full, standalone.",
        unit: None,
        labels: &["target"],
        values: Values::ServerBy(backups_kept),
    },
    Metric {
        name: "backup_running_start_timestamp",
        help: "Begin of the newest backup under way.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| Some(server.newest_running()?.began_at?.into())),
    },
    Metric {
        name: "backup_running",
        help: "Bytes that the newest backup under way has stored so far, unfinished uploads included.",
        unit: Some(Unit::Bytes),
        labels: &[],
        values: Values::Server(|server, _| {
            let running = server.newest_running()?;
            Some(running.stored.bytes.saturating_add(running.upload_bytes?).into())
        }),
    },
    Metric {
        name: "backup_size_change_ratio",
        help: "Size of the newest done backup over the median size of the ones before it.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| Some(server.size_change_ratio()?.into())),
    },
    Metric {
        name: "backups_without_time_zone",
        help: "Backups whose backup.info has a time without a time zone, which is taken as UTC.",
        unit: None,
        labels: &[],
        values: Values::Server(|server, _| Some(server.without_time_zone()?.into())),
    },
    Metric {
        name: "server_system_identifiers",
        help: "Clusters that the backups were taken of; more than one means that two databases \
               share the server's directory.",
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
    let identity = server.postgresql().map(|identity| {
        let version = identity.version.unwrap_or_default();
        (labels([identity.system_identifier, version]), Number::Whole(1))
    });
    identity.into_iter().collect()
}

fn backups_by_state(server: &ServerReport) -> Vec<Labelled<'_>> {
    let count =
        |label| server.backups.iter().filter(|backup| backup.state.as_label() == label).count();
    let known = |label| Some((labels([label]), server.known_count(count(label))?.into()));
    BackupState::ALL_LABELS.into_iter().filter_map(known).collect()
}

fn backups_unreadable(server: &ServerReport) -> Vec<Labelled<'_>> {
    let count = |reason| {
        let state = BackupState::Unreadable(reason);
        server.backups.iter().filter(|backup| backup.state == state).count()
    };
    let reasons = UnreadableReason::ALL.into_iter();
    reasons.map(|reason| (labels([reason.as_label()]), count(reason).into())).collect()
}

fn files_refused(server: &ServerReport) -> Vec<Labelled<'_>> {
    let kinds = RefusedKind::ALL.into_iter();
    kinds.map(|kind| (labels([kind.as_label()]), server.refusals.count(kind).into())).collect()
}

fn backups_kept(server: &ServerReport) -> Vec<Labelled<'_>> {
    let kept = |target| Some((labels([KeepTarget::as_label(target)]), server.kept(target)?.into()));
    KeepTarget::ALL.into_iter().filter_map(kept).collect()
}
