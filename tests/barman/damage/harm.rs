//! Damage to one object, by Barman's own libraries.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use test_support::{Tools, run};

use crate::damage::world::World;

/// Time limit of the script.
const LIMIT: Duration = Duration::from_mins(2);

/// Damaged object.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Damage {
    /// Key below the server's directory.
    pub(crate) key: String,
    /// Backup that it belongs to; `None` for WAL.
    pub(crate) backup: Option<String>,
    /// What was done to it.
    pub(crate) kind: String,
    /// True if it is sound, and has the same content as before.
    pub(crate) is_same: bool,
    /// Files of the tar that differ; `None` if its structure does, or for WAL.
    pub(crate) changes: Option<Vec<Change>>,
    /// File with the damaged object.
    #[serde(skip)]
    pub(crate) result: PathBuf,
}

/// File of a tar that differs.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Change {
    /// Name in the tar.
    pub(crate) member: String,
    /// True if it belongs to a relation, and so consists of pages.
    pub(crate) is_relation: bool,
    /// True if it is as long as before.
    pub(crate) has_same_size: bool,
    /// Pages that differ.
    pub(crate) pages: u64,
    /// Numbers of a few of them.
    pub(crate) blocks: Vec<u64>,
    /// Those of them that are all zeros now.
    pub(crate) zeroed: u64,
}

impl Damage {
    /// Draws a damage by its seed; the archive itself stays as it is.
    pub(crate) fn draw(world: &World, seed: u64) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/barman/damage/damage.py");
        let result = world.directory().join("damaged");
        let mut command = Command::new(Tools::find().python_program("python"));
        command.arg(script).arg(seed.to_string());
        command.arg(world.directory()).arg(&result);
        let answer = run(command, LIMIT);
        let damage: Self =
            serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error} in {answer}"));
        Self { result, ..damage }
    }

    /// Puts the damaged object into the archive.
    pub(crate) fn inflict(&self, world: &World) {
        world.stack.put_object(&self.result, &world.key(&self.key));
    }

    /// Puts the original back.
    pub(crate) fn undo(&self, world: &World) {
        let original = self.original(world);
        world.stack.put_object(&original, &world.key(&self.key));
    }

    fn original(&self, world: &World) -> PathBuf {
        world.directory().join("archive").join(&self.key)
    }

    /// Kind of damage that nothing in the archive can show; `None` if there is something.
    pub(crate) fn invisible(&self, has_checksums: bool) -> Option<&'static str> {
        let changes = self.changes.as_ref()?;
        let kinds: Vec<_> = changes
            .iter()
            .map(|change| change.invisible(has_checksums))
            .collect();
        let first = kinds.first().copied().flatten()?;
        kinds.iter().all(Option::is_some).then_some(first)
    }

    /// Names of a few files that differ, with their pages, for people.
    pub(crate) fn members(&self) -> String {
        let changes = self.changes.iter().flatten().take(3);
        let words = changes.map(|change| format!(" in {} {:?}", change.member, change.blocks));
        words.collect::<Vec<_>>().concat()
    }

    /// True if nothing but pages differ, so that the end of the backup shows whether it matters.
    pub(crate) fn is_in_pages(&self) -> bool {
        let in_pages = |change: &Change| change.is_relation && change.has_same_size;
        self.changes
            .as_ref()
            .is_some_and(|changes| changes.iter().all(in_pages))
    }
}

impl Change {
    fn invisible(&self, has_checksums: bool) -> Option<&'static str> {
        if !self.has_same_size {
            return None;
        }
        let has_sum = ["pg_control", "pg_filenode.map", "backup_label"]
            .iter()
            .any(|name| self.member.ends_with(name));
        match self {
            _ if has_sum => None,
            change if !change.is_relation => Some("file without a checksum"),
            change if change.pages == change.zeroed => Some("page of zeros"),
            _ if !has_checksums => Some("page without a checksum"),
            _ => None,
        }
    }
}
