//! Barman's own code, asked by `barman_rules.py`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::real_retention::server::{Server, now};

/// Barman's results for one server.
pub(crate) struct Answer {
    /// Status of each backup by id, in Barman's words; `None` if Barman's walk did not end.
    pub(crate) report: Option<BTreeMap<String, String>>,
    /// Keys that are left after a deletion; `None` if that ended with an error.
    pub(crate) left: Option<BTreeSet<String>>,
}

/// Runs Barman for all servers at once, because its start takes most of the time.
pub(crate) fn ask(servers: &[Server]) -> Vec<Answer> {
    let question = |server: &Server| {
        json!({
            "files": server.files(),
            "policy": server.policy.to_string(),
            "minimum": server.minimum,
            "now": now().to_rfc3339(),
        })
    };
    let questions: Vec<Value> = servers.iter().map(question).collect();
    let answers: Value =
        serde_json::from_slice(&run(&json!(questions))).expect("the script prints JSON");
    answers
        .as_array()
        .expect("a list")
        .iter()
        .map(answer)
        .collect()
}

fn answer(value: &Value) -> Answer {
    let report = value["report"].as_object().map(|statuses| {
        let text = |status: &Value| status.as_str().expect("a word").to_owned();
        statuses
            .iter()
            .map(|(id, status)| (id.clone(), text(status)))
            .collect()
    });
    let left = value["left"].as_array().map(|keys| {
        keys.iter()
            .map(|key| key.as_str().expect("a key").to_owned())
            .collect()
    });
    Answer { report, left }
}

/// Runs the script and returns its output.
fn run(input: &Value) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(root.join("target/test-tools/venv/bin/python"));
    command.arg(root.join("tests/barman/real_retention/barman_rules.py"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = command
        .spawn()
        .unwrap_or_else(|_| panic!("the tests' tools are missing: run `tests/install.sh`"));
    // The script reads all of its input before it prints anything.
    let mut stdin = python.stdin.take().expect("its input is a pipe");
    stdin
        .write_all(input.to_string().as_bytes())
        .expect("the script reads");
    drop(stdin);
    let output = python.wait_with_output().expect("the script ends");
    assert!(output.status.success(), "the script fails, see above");
    output.stdout
}
