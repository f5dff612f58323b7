//! Retention of random servers with chains of incremental backups, against Barman's own code.
//!
//! The report follows Barman's policies on the backups of a Barman server; the deletion follows
//! `barman-cloud-backup-delete`, from its `main` function on.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends where it goes wrong"
)]

mod barman;
mod server;

use std::collections::BTreeSet;

use barman_archive::barman::{BackupFile, ServerKey};
use barman_archive::retention::{Deletion, deletion, retention_statuses, unsupported};

use crate::real_retention::barman::{Answer, ask};
use crate::real_retention::server::{Server, now, server_key};

/// Number of servers; each has its own seed, from 0 on.
const SERVERS: u64 = 300;

#[test]
fn retention_of_chains_is_that_of_barmans_own_code() {
    let servers: Vec<_> = (0..SERVERS).map(Server::random).collect();

    let answers = ask(&servers);

    let mut seen = Seen::default();
    for (server, answer) in servers.iter().zip(&answers) {
        assert_same(server, answer);
        seen.count(server, answer);
    }
    assert_eq!(answers.len(), servers.len());
    // Otherwise the comparison above would say little.
    assert!(
        seen.circles > 5 && seen.chains > 50 && seen.deletions > 25,
        "{seen:?}"
    );
    assert!(
        seen.obsolete_by_parent > 25 && seen.torn_deletions > 25,
        "{seen:?}"
    );
}

fn assert_same(server: &Server, answer: &Answer) {
    let catalog = server.catalog();
    let seed = server.seed;

    let ours = retention_statuses(server.policy, &catalog, server.minimum, now());

    let expected = answer.report.as_ref().map(|statuses| {
        // Barman's report also has children that do not exist.
        let there = statuses
            .iter()
            .filter(|(id, _)| server.backups.contains_key(*id));
        there
            .map(|(id, status)| (id.clone(), status.clone()))
            .collect::<Vec<_>>()
    });
    let words = ours.as_ref().ok().map(|statuses| {
        let words = statuses
            .iter()
            .map(|(id, status)| (id.clone(), status.as_str().to_owned()));
        words.collect::<Vec<_>>()
    });
    assert_eq!(words, expected, "report of seed {seed}");

    let goes = unsupported(&catalog)
        .is_none()
        .then_some(ours)
        .and_then(Result::ok);
    let left = goes.map(|statuses| left(server, &deletion(&catalog, &statuses)));
    assert_eq!(
        left, answer.left,
        "keys that the deletion of seed {seed} leaves"
    );
}

/// Keys that a deletion leaves.
fn left(server: &Server, deletion: &Deletion) -> BTreeSet<String> {
    let goes = |key: &str| match server_key(key) {
        ServerKey::Backup { id, file } => {
            let is_own = matches!(file, BackupFile::Info | BackupFile::Data(_));
            is_own && deletion.backups.iter().any(|backup| backup == id)
        }
        ServerKey::Wal(wal) => {
            let is_swept = wal
                .wal_dir
                .is_some_and(|wal_dir| deletion.wal.sweeps(wal_dir.timeline, wal_dir.high));
            is_swept || deletion.wal.deletes(wal.kind)
        }
        ServerKey::Base | ServerKey::Other => false,
    };
    server
        .files()
        .into_keys()
        .filter(|key| !goes(key))
        .collect()
}

/// Counts of the interesting cases.
#[derive(Debug, Default)]
struct Seen {
    /// Reports in which Barman's walk did not end.
    circles: u32,
    /// Servers with chains at which `barman-cloud-backup-delete` fails.
    chains: u32,
    /// Servers from which it deleted a backup.
    deletions: u32,
    /// Servers among those with an incremental backup that no other backup names.
    torn_deletions: u32,
    /// Incremental backups that are obsolete with their full one.
    obsolete_by_parent: usize,
}

impl Seen {
    fn count(&mut self, server: &Server, answer: &Answer) {
        let backups = &server.backups;
        let is_incremental = |id: &String| {
            backups
                .get(id)
                .is_some_and(|backup| backup.parent.is_some())
        };
        self.circles += u32::from(answer.report.is_none());
        self.chains += u32::from(answer.left.is_none() && answer.report.is_some());
        let obsolete = answer
            .report
            .iter()
            .flatten()
            .filter(|(_, status)| *status == "OBSOLETE");
        self.obsolete_by_parent += obsolete.filter(|(id, _)| is_incremental(id)).count();
        let Some(left) = &answer.left else { return };
        let is_gone = |id: &String| !left.contains(&format!("s/base/{id}/backup.info"));
        if backups.keys().any(is_gone) {
            self.deletions += 1;
            self.torn_deletions += u32::from(backups.keys().any(is_incremental));
        }
    }
}
