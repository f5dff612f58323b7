//! Checks of the dashboards against Grafana's own models.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use test_support::dashboard::{Board, boards, path};

#[test]
fn grafana_s_models_take_all_of_it() {
    let files = boards()
        .iter()
        .map(|board| path(board.file))
        .collect::<Vec<_>>();

    let complaints = complaints(&files.iter().map(AsRef::as_ref).collect::<Vec<_>>());

    assert_eq!(complaints, "");
}

/// Or the test above would say nothing.
#[test]
fn grafana_s_models_complain() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("mistaken.json");
    let mistakes: [(&str, Value, &str); 5] = [
        ("/panels/0/colour", json!("red"), "colour: unknown"),
        (
            "/panels/0/options/colorMode",
            json!("rainbow"),
            "'rainbow' is not",
        ),
        ("/panels/0/title", json!(5), "5 is not"),
        ("/panels/0/targets/0/query", json!("up"), "query: unknown"),
        (
            "/panels/0/fieldConfig/defaults/unit",
            json!("parsecs"),
            "no unit 'parsecs'",
        ),
    ];

    for (place, value, complaint) in mistakes {
        let mut json = Board::read("backups.json").json;
        let (parent, key) = place.rsplit_once('/').unwrap();
        json.pointer_mut(parent).unwrap()[key] = value;
        std::fs::write(&file, json.to_string()).unwrap();

        let complaints = complaints(&[&file]);

        assert!(complaints.contains(complaint), "{place}: {complaints}");
    }
}

/// Output of `models.py`.
fn complaints(files: &[&Path]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/test-tools/venv/bin/python");
    let script = root.join("tests/prometheus/dashboards/models.py");
    let output = Command::new(python).arg(script).args(files).output();
    let output = output.unwrap_or_else(|_| panic!("tools are missing: run `tests/install.sh`"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.is_empty(), "{errors}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
