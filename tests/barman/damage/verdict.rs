//! Verdict of the program: `verify` on a backup and all WAL.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use test_support::{Ended, run_exporter_within};

use crate::damage::world::World;

/// Time limit of the program.
const LIMIT: Duration = Duration::from_mins(2);

/// What `verify` says.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    /// Exit code: 0 nothing wrong, 1 suspect or not read, 2 corrupt, 3 unknown.
    pub(crate) code: i32,
    /// Position at which replay ends, of the first segment that is not sound.
    pub(crate) ends_at: Option<String>,
    /// Verdicts on what is not sound, in words.
    pub(crate) words: Vec<String>,
    /// Numbers of pages, by what was found.
    pub(crate) pages: Value,
}

impl Verdict {
    /// Reads a backup and all WAL.
    ///
    /// # Panics
    /// Panics if the program does not judge them.
    pub(crate) fn on(world: &World, backup: &str) -> Self {
        let file = world.directory().join("exporter.json");
        fs::write(&file, configuration(world)).expect("a fresh directory can be written");
        let file = file.display().to_string();
        let ended = run_exporter_within(
            &[
                "verify",
                "--config.file",
                &file,
                "--backup",
                backup,
                "--wal",
                "all",
                "--output",
                "json",
            ],
            &[],
            LIMIT,
        );
        let Ok(document) = serde_json::from_str::<Value>(&ended.output) else {
            return Self::refused(&ended);
        };
        let server = document
            .pointer("/archives/0/servers/0")
            .unwrap_or_else(|| panic!("no server: {ended:?}"));
        let code = ended.code.filter(|code| (0..=2).contains(code));
        Self {
            code: code.unwrap_or_else(|| panic!("it is judged: {ended:?}")),
            ends_at: text(&server["segments"][0]["ends_at"]),
            words: words(server),
            pages: server["backups"][0]["pages"].clone(),
        }
    }

    /// Verdict of a program that refuses to read, as it does if the data of a backup are all empty.
    fn refused(ended: &Ended) -> Self {
        assert_eq!(ended.code, Some(3), "{ended:?}");
        Self {
            code: 3,
            ends_at: None,
            words: vec![ended.errors.trim().to_owned()],
            pages: Value::Null,
        }
    }

    pub(crate) fn is_sound(&self) -> bool {
        self.code == 0
    }

    pub(crate) fn is_corrupt(&self) -> bool {
        self.code == 2
    }
}

fn words(server: &Value) -> Vec<String> {
    let segments = server["segments"].as_array().into_iter().flatten();
    let segments = segments.map(|one| {
        let word = |field: &str| text(&one[field]).unwrap_or_default();
        format!("{} {}: {}", word("segment"), word("verdict"), word("fault"))
    });
    let backups = server["backups"].as_array().into_iter().flatten();
    let backups = backups.filter(|one| one["verdict"] != "sound").map(|one| {
        format!(
            "backup {}: {} {}",
            one["verdict"], one["faults"], one["unread"]
        )
    });
    segments.chain(backups).collect()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn configuration(world: &World) -> String {
    let (id, secret) = world.stack.credentials();
    json!({
        "archives": [{
            "name": "damaged",
            "destinationPath": world.stack.destination(),
            "endpointURL": world.stack.endpoint(),
            "region": "us-east-1",
            "credentials": { "accessKeyIdFile": id, "secretAccessKeyFile": secret },
        }],
    })
    .to_string()
}
