//! Contents that documents must have, and limits that they must keep.

use std::collections::BTreeSet;

use serde_json::Value;
use test_support::recorded_archive;

use crate::documents::links::documents;
use crate::documents::read;

/// Maximum size of the README, in bytes.
const README_BYTES: usize = 10_000;

/// Fields of the JSON whose keys are names, not fields.
const MAPS: [&str; 4] = ["anomalies", "odd", "reclaimable_bytes", "statuses"];

#[test]
fn the_readme_has_at_most_10_kb() {
    let size = read("README.md").len();

    assert!(
        size <= README_BYTES,
        "README.md has {size} bytes: move text to docs/"
    );
}

#[test]
fn no_document_calls_a_wal_directory_a_log() {
    for document in documents() {
        let text = read(&document).to_lowercase();
        assert!(
            !text.contains("log director"),
            "{document}: say `WAL directory`"
        );
    }
}

/// The table of alerts is compared with the code by the tests of the alerts.
#[test]
fn every_finding_is_in_the_document_on_the_check() {
    let alerts = read("alerts/README.md");
    let (_, table) = alerts
        .split_once("\n## Alerts and findings\n")
        .expect("there is a table");
    let check = read("docs/check.md");

    let codes: Vec<_> = table.lines().filter_map(finding_code).collect();

    assert!(codes.len() > 40, "{codes:?}");
    for code in codes {
        assert!(
            check.contains(&format!("| `{code}` |")),
            "docs/check.md lacks `{code}`"
        );
    }
}

/// Returns the code in the first cell of a row.
fn finding_code(row: &str) -> Option<&str> {
    let (code, _) = row.strip_prefix("| `")?.split_once('`')?;
    Some(code)
}

#[tokio::test]
async fn every_field_of_the_json_is_documented() {
    let archive = recorded_archive().await;
    let documents = read("docs/check.md") + &read("docs/report.md");
    let mut settings = archive.settings("kilobase");
    settings["retentionPolicy"] = "7d".into();
    settings["servers"] = serde_json::json!([
        { "serverName": "kilobase-postgres-backup", "backupSchedule": "0 0 3 * * *" },
    ]);
    let mut fields = BTreeSet::new();
    for command in ["check", "report"] {
        let ended = archive
            .run(command, vec![settings.clone()], &["--output", "json"])
            .await;
        let printed: Value = serde_json::from_str(&ended.output).expect("it is JSON");
        add_fields(&printed, &mut fields);
    }

    let is_missing = |field: &&String| {
        let names = [
            format!("`{field}`"),
            format!("`{field}[]`"),
            format!(".{field}[]`"),
        ];
        !names.iter().any(|name| documents.contains(name))
    };
    let missing: Vec<_> = fields.iter().filter(is_missing).collect();
    assert!(fields.contains("blocked_objects"), "{fields:?}");
    assert!(
        missing.is_empty(),
        "not in docs/check.md or docs/report.md: {missing:?}"
    );
}

#[test]
fn every_field_of_a_verification_is_documented() {
    let document = read("docs/verify.md");
    let schema: Value =
        serde_json::from_str(&read("docs/schemas/verify.json")).expect("the schema is JSON");
    let mut fields = BTreeSet::new();
    for (name, definition) in schema["$defs"].as_object().expect("definitions") {
        // These are those of `check`.
        if !["Pages", "Proof", "Error"].contains(&name.trim_end_matches("Entry")) {
            let properties = definition["properties"].as_object();
            fields.extend(
                properties
                    .into_iter()
                    .flatten()
                    .map(|(field, _)| field.clone()),
            );
        }
    }

    let is_missing = |field: &&String| {
        !document.contains(&format!("`{field}`")) && !document.contains(&format!(".{field}"))
    };
    let missing: Vec<_> = fields.iter().filter(is_missing).collect();
    assert!(fields.contains("proven_wal"), "{fields:?}");
    assert!(missing.is_empty(), "not in docs/verify.md: {missing:?}");
}

/// Adds the names of all fields of a value and of those below it.
fn add_fields(value: &Value, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (field, value) in object {
                fields.insert(field.clone());
                if !MAPS.contains(&field.as_str()) {
                    add_fields(value, fields);
                }
            }
        }
        Value::Array(values) => {
            for value in values {
                add_fields(value, fields);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
