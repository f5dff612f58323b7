//! Newest segment of a server's WAL, by position rather than by arrival time.

use barman_archive::inventory::WalInventory;
use barman_archive::postgres::TimelineId;
use chrono::{DateTime, Utc};

use crate::report::{NewestSegment, RecoveryReport, ServerReport};

/// Finds the last segment of the current timeline, which is the timeline with the newest WAL that a
/// backup reaches; without such a timeline, the last segment of the highest timeline that no other
/// cluster wrote.
///
/// WAL that no backup reaches can keep arriving while the database's own WAL does not: from a copy,
/// or from a database that was recovered in place. None of it can be restored. A segment that is
/// uploaded again has a new arrival time, but is not newer for that. If the backups are from
/// several clusters, only WAL that arrived since the first backup of the newest cluster counts: a
/// new cluster starts again with low names, and those of the previous one remain.
pub(super) fn newest_segment(
    wal: &WalInventory,
    recovery: &RecoveryReport,
    since: Option<DateTime<Utc>>,
) -> Option<NewestSegment> {
    for (name, wal_dir) in wal.dirs.iter().rev() {
        if !is_current(name.timeline, recovery) {
            continue;
        }
        if let Some((segment, arrived_at)) = wal_dir.last_arrival(since) {
            return Some(NewestSegment {
                name: name.segment(segment),
                arrived_at,
            });
        }
    }
    None
}

fn is_current(timeline: TimelineId, recovery: &RecoveryReport) -> bool {
    match recovery.verdict.current_timeline {
        Some(current) => timeline == current,
        None => !recovery.stray.contains(&timeline),
    }
}

/// Start of the first backup of the cluster that the newest finished backup was taken of; `None` if
/// all backups are of one cluster.
pub(super) fn newest_cluster_since(server: &ServerReport) -> Option<DateTime<Utc>> {
    if server.system_identifiers().len() < 2 {
        return None;
    }
    let newest = server
        .newest_done()?
        .info
        .as_ref()?
        .system_identifier
        .as_ref()?;
    let mut since: Option<DateTime<Utc>> = None;
    for backup in &server.backups {
        let Some(info) = &backup.info else { continue };
        if info.system_identifier.as_ref() == Some(newest) {
            since = since.into_iter().chain(backup.began_at).min();
        }
    }
    since
}

#[cfg(test)]
mod tests {
    use super::super::tests::recovery::{TO_TIMELINE_2_IN_6, backup, seg, wal};
    use super::super::tests::{Archive, info, moment};
    fn arrived(archive: Archive, timeline: u32, number: u32, at: &str) -> Archive {
        let key = format!("s/wals/{timeline:08X}00000000/{}.gz", seg(timeline, number));
        archive.with_at(&key, 9, &format!("2026-11-{at}:00:00Z"))
    }

    fn newest(archive: &Archive) -> (String, String) {
        let newest = archive.server().wal.newest.unwrap();
        (
            newest.name.to_string(),
            newest.arrived_at.format("%dT%H").to_string(),
        )
    }

    #[test]
    fn a_segment_that_is_uploaded_again_is_no_newer() {
        let archive = backup(Archive::new(), 1, &seg(1, 4), &seg(1, 4));
        let archive = arrived(archive, 1, 4, "01T02");
        let archive = arrived(archive, 1, 6, "03T12");
        let archive = arrived(archive, 1, 5, "15T09");

        assert_eq!(newest(&archive), (seg(1, 6), "03T12".to_owned()));
        assert_eq!(
            archive.server().wal.newest.unwrap().arrived_at,
            moment("2026-11-03T12:00:00Z")
        );
    }

    #[test]
    fn the_last_segment_of_a_lower_timeline_is_not_the_newest() {
        let archive = backup(Archive::new(), 1, &seg(1, 4), &seg(1, 4))
            .with_file("s/wals/00000002.history", TO_TIMELINE_2_IN_6);
        let archive = arrived(archive, 1, 4, "01T02");
        let archive = arrived(archive, 2, 6, "03T12");
        let archive = arrived(archive, 1, 5, "15T09");

        assert_eq!(newest(&archive), (seg(2, 6), "03T12".to_owned()));
    }

    #[test]
    fn wal_that_a_copy_wrote_is_not_the_newest() {
        let archive = backup(Archive::new(), 10, &seg(1, 8), &seg(1, 8))
            .with_file("s/wals/00000002.history", TO_TIMELINE_2_IN_6);
        let archive = arrived(archive, 1, 8, "10T02");
        let archive = arrived(archive, 2, 6, "15T09");

        assert_eq!(newest(&archive), (seg(1, 8), "10T02".to_owned()));
    }

    #[test]
    fn wal_of_the_cluster_before_is_not_the_newest() {
        let done = |day: &str, system: u64| {
            info(
                "DONE",
                &format!("11-{day} 02:00:00"),
                &format!("11-{day} 02:10:00"),
            )
            .with("systemid", system)
        };
        let archive = Archive::new()
            .with_backup_info("1", &done("01", 7))
            .with("s/base/1/data.tar", 5)
            .with_backup_info("2", &done("10", 8))
            .with("s/base/2/data.tar", 5);
        let archive = arrived(archive, 5, 0x90, "09T09");
        let archive = wal(arrived(archive, 1, 0x20, "08T09"), 1, [4]);
        let archive = arrived(archive, 1, 5, "12T09");

        assert_eq!(newest(&archive), (seg(1, 5), "12T09".to_owned()));
    }

    #[test]
    fn without_wal_there_is_none() {
        assert_eq!(
            backup(Archive::new(), 1, &seg(1, 4), &seg(1, 4))
                .server()
                .wal
                .newest,
            None
        );
    }
}
