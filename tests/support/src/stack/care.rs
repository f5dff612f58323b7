//! Actions of people and of Barman on an existing archive.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::{BARMAN, Stack};
use crate::process::run;
use crate::tools::make_database_directory;

/// Target of [`Stack::keep_backup`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Keeps the backup and all WAL from it on.
    Full,
    /// Keeps the backup and the WAL that makes it consistent.
    Standalone,
}

impl Stack {
    /// Makes a tablespace with a table in it, so that backups have one object more.
    #[track_caller]
    pub fn make_tablespace(&self, name: &str) {
        let place = self.scratch.path().join(format!("tablespace-{name}"));
        make_database_directory(&place);
        self.sql(&format!(
            "create tablespace {name} location '{}'",
            place.display()
        ));
        self.sql(&format!(
            "create table in_{name} tablespace {name} as select 1 as one"
        ));
    }

    /// Stops the database, with everything archived: what the archive holds, it holds from now on.
    #[track_caller]
    pub fn stop_database(&mut self) {
        self.postgres.stop();
    }

    /// Removes an object behind Barman's back.
    #[track_caller]
    pub fn delete_object(&self, key: &str) {
        self.client.delete_object(key);
    }

    /// Empties an object behind Barman's back.
    #[track_caller]
    pub fn empty_object(&self, key: &str) {
        self.client.empty_object(key);
    }

    /// Copies an object behind Barman's back.
    #[track_caller]
    pub fn copy_object(&self, key: &str, to: &str) {
        self.client.copy_object(key, to);
    }

    /// Replaces the content of an object, or makes one, behind Barman's back.
    #[track_caller]
    pub fn put_object(&self, file: &Path, key: &str) {
        self.client.put_object(file, key);
    }

    /// Makes Barman keep a backup, whatever the retention policy.
    #[track_caller]
    pub fn keep_backup(&self, backup_id: &str, keep: Keep) {
        let target = match keep {
            Keep::Full => "full",
            Keep::Standalone => "standalone",
        };
        let mut command = self.barman_command("backup-keep", &["--target", target]);
        command.arg(backup_id);
        run(command, BARMAN);
    }

    /// Makes Barman no longer keep a backup.
    #[track_caller]
    pub fn release_backup(&self, backup_id: &str) {
        let mut command = self.barman_command("backup-keep", &["--release"]);
        command.arg(backup_id);
        run(command, BARMAN);
    }

    /// Makes Barman delete everything that a policy such as `REDUNDANCY 2` no longer needs, and
    /// returns the keys that are gone.
    #[track_caller]
    pub fn backup_delete(&self, policy: &str) -> Vec<String> {
        let before = self.keys();
        self.barman("backup-delete", &["--retention-policy", policy]);
        let after = self.keys();
        before.difference(&after).cloned().collect()
    }

    /// Runs a Python script that calls Barman's tools by name, with these variables besides those of
    /// every part, and returns what it prints.
    #[track_caller]
    pub fn run_script(&self, script: &Path, variables: &[(&str, &str)]) -> String {
        let mut command = Command::new(self.tools.python_program("python"));
        command
            .arg(script)
            .env_clear()
            .envs(self.client.environment.iter().cloned());
        command
            .env("PATH", self.tools.python_program(""))
            .env("HOME", self.scratch.path());
        command.envs(variables.iter().copied());
        run(command, BARMAN)
    }

    fn keys(&self) -> BTreeSet<String> {
        self.listing()
            .into_iter()
            .map(|object| object.key)
            .collect()
    }
}
