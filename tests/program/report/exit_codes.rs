//! Exit codes of `report`: they show if every archive was scanned, and nothing about its health.

use std::fs::File;
use std::process::Command;

use serde_json::json;
use test_support::{EmbeddedArchive, run_exporter};

use crate::report::{closed, list, report, report_on};
use crate::result::parsed;

#[tokio::test]
async fn an_archive_that_was_scanned_ends_with_0_whatever_its_health() {
    let archive = EmbeddedArchive::small(1000).await;
    let mut settings = archive.settings("production");
    settings["servers"] = json!([{ "serverName": "orders" }, { "serverName": "never" }]);

    let ended = report_on(&archive, vec![settings], "json").await;

    assert_eq!(
        (ended.code, ended.errors.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );
    let found = parsed(&ended);
    assert_eq!(
        (&found["status"], &found["complete"]),
        (&json!("critical"), &json!(true))
    );
}

#[tokio::test]
async fn an_unscanned_archive_ends_with_3_and_hides_no_other() {
    let (closed, open) = (closed().await, EmbeddedArchive::small(1000).await);
    let settings = || vec![closed.settings("closed"), open.settings("open")];

    let json = report_on(&open, settings(), "json").await;
    let text = report_on(&open, settings(), "text").await;

    assert_eq!((json.code, text.code), (Some(3), Some(3)), "{json:?}");
    let found = parsed(&json);
    assert_eq!(
        (&found["complete"], &found["objects"]),
        (&json!(false), &json!(7))
    );
    let archives = list(&found, "archives");
    assert_eq!(archives[0]["error"]["kind"], "auth");
    assert!(archives[0]["storage"].is_null() && list(&archives[0], "servers").is_empty());
    assert_eq!(archives[1]["storage"]["objects"], 7);
    let told = "UNKNOWN: 1 of 2 archives could not be scanned and is not counted.";
    assert!(text.output.contains(told), "{text:?}");
    assert!(
        text.output
            .contains("Archive closed (s3://backups/production): unknown")
    );
    assert!(
        text.output.contains("UNKNOWN: The scan failed: "),
        "{text:?}"
    );
    assert_eq!(text.errors, "", "the result says it");
}

#[tokio::test]
async fn an_empty_archive_ends_with_0_and_says_so() {
    let archive = EmbeddedArchive::small_but(|store| {
        for key in store.keys("backups") {
            store.remove("backups", &key);
        }
    })
    .await;

    let (json, text) = (
        report(&archive, "json").await,
        report(&archive, "text").await,
    );

    assert_eq!((json.code, text.code), (Some(0), Some(0)), "{json:?}");
    let found = parsed(&json);
    let storage = &found["archives"][0]["storage"];
    assert_eq!(
        (&storage["objects"], &storage["bytes"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(list(storage, "kinds").len(), 4);
    assert!(
        storage["kinds"][0]["share_percent"].is_null(),
        "nothing has no parts"
    );
    assert!(storage["growth"]["bytes_per_day"].is_null());
    assert!(text.output.contains("0 bytes in 0 objects"), "{text:?}");
    assert!(
        text.output.contains("UNKNOWN: No server directory"),
        "{text:?}"
    );
}

#[tokio::test]
async fn a_result_that_cannot_be_written_ends_with_3() {
    let archive = EmbeddedArchive::small(1000).await;
    let file = archive.write_configuration(vec![archive.settings("production")]);
    let full = File::options()
        .write(true)
        .open("/dev/full")
        .expect("Linux has this device");
    let mut command = Command::new(env!("CARGO_BIN_EXE_barman-cloud-exporter"));
    command
        .args(["report", "--config.file", &file])
        .stdout(full);

    let ended = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("no panic");

    let ended = ended.expect("the program can be run");
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(3), "{errors}");
    assert!(errors.contains("the result cannot be written"), "{errors}");
}

#[test]
fn a_wrong_configuration_ends_with_3() {
    let ended = run_exporter(&["report", "--config.file", "/nowhere.yaml"], &[]);

    assert_eq!(
        (ended.code, ended.output.as_str()),
        (Some(3), ""),
        "{ended:?}"
    );
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    let ended = run_exporter(&["report", "--output", "html"], &[]);

    assert_eq!(
        (ended.code, ended.output.as_str()),
        (Some(2), ""),
        "{ended:?}"
    );
}
