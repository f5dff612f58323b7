//! Command line and configuration, and the messages about errors in them.

use std::fs;

use serde_json::json;
use tempfile::TempDir;
use test_support::{EmbeddedArchive, Ended, Launch, every_second, run_exporter};

use crate::daemon::ARCHIVE;

const VALID: &str = "archives: [{ name: production, destinationPath: s3://backups/production }]";

/// Runs with a configuration file of this content.
fn run(content: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("config.yaml");
    fs::write(&file, content).unwrap();
    let arguments = [&["--config.file", file.to_str().unwrap()], arguments].concat();
    run_exporter(&arguments, environment)
}

fn assert_refused(ended: &Ended, mistakes: &[&str]) {
    assert_eq!(ended.code, Some(2), "{}", ended.errors);
    assert_eq!(ended.output, "");
    for mistake in mistakes {
        assert!(
            ended.errors.contains(mistake),
            "no `{mistake}` in:\n{}",
            ended.errors
        );
    }
    // A heading, and a line for each.
    assert_eq!(
        ended.errors.lines().count(),
        mistakes.len() + 1,
        "{}",
        ended.errors
    );
}

#[test]
fn a_configuration_that_is_missing_is_named() {
    let ended = run_exporter(&["--config.file", "/nonexistent/config.yaml"], &[]);

    assert_refused(&ended, &["/nonexistent/config.yaml"]);
}

#[test]
fn without_any_configuration_it_says_where_one_was_looked_for() {
    for (command, code) in [
        ("serve", 2),
        ("check-config", 2),
        ("check", 3),
        ("report", 3),
    ] {
        let ended = run_exporter(
            &[command],
            &[("BARMAN_CLOUD_EXPORTER__LOG__FORMAT", "text")],
        );

        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert_eq!(ended.errors.lines().count(), 1, "{ended:?}");
        for needed in [
            "No configuration was found",
            "/etc/barman-cloud-exporter/config.yaml",
            "`--config.file`",
            "`BARMAN_CLOUD_EXPORTER_CONFIG_FILE`",
            "`BARMAN_CLOUD_EXPORTER__ARCHIVES`",
        ] {
            assert!(ended.errors.contains(needed), "no {needed} in {ended:?}");
        }
    }
}

#[test]
fn a_configuration_that_is_no_yaml_is_told_with_the_line() {
    let ended = run("archives:\n  - name: [\n", &[], &[]);

    assert_eq!(ended.code, Some(2));
    assert!(
        ended.errors.contains("config.yaml") && ended.errors.contains("line"),
        "{ended:?}"
    );
}

#[test]
fn every_mistake_is_listed_at_once() {
    let content = "
web: { listenAddress: nowhere, maxConnections: 0 }
scan: { schedule: hourly, timeout: 5, concurency: 3 }
archives:
  - { name: a, destinationPath: 's3//bucket' }
  - { destinationPath: 's3://bucket', credentials: { accessKeyIdFile: /id } }
";
    let mistakes = [
        "web.listenAddress: ",
        "web.maxConnections: ",
        "scan.schedule: ",
        "scan.timeout: ",
        "scan.concurency: ",
        "archives[0].destinationPath: ",
        "archives[1].name: ",
        "archives[1].credentials.secretAccessKeyFile: ",
    ];

    assert_refused(&run(content, &[], &[]), &mistakes);
    assert_refused(&run(content, &["check-config"], &[]), &mistakes);
}

#[test]
fn a_valid_configuration_is_summed_up() {
    let ended = run(VALID, &["check-config"], &[]);

    assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""));
    assert!(ended.output.contains("valid") && ended.output.contains("s3://backups/production"));
    assert!(
        ended.output.contains("no file that it names was opened"),
        "{}",
        ended.output
    );
}

#[test]
fn warnings_count_where_that_is_asked_for() {
    let odd = "archives:
  - { name: outer, destinationPath: s3://backups/production }
  - { name: inner, destinationPath: s3://backups/production/orders }";

    let (lenient, strict) = (["check-config"], ["check-config", "--strict"]);

    assert_eq!(run(odd, &lenient, &[]).code, Some(0));
    let ended = run(odd, &strict, &[]);
    assert_eq!(
        (ended.code, ended.errors.as_str()),
        (Some(1), ""),
        "{ended:?}"
    );
    assert!(
        ended
            .output
            .contains("Warning: archives[1].destinationPath"),
        "{ended:?}"
    );
    assert_eq!(run(VALID, &strict, &[]).code, Some(0));
    assert_eq!(run("archives: []", &strict, &[]).code, Some(2));
}

#[test]
fn a_schedule_that_looks_wrong_is_valid_with_a_warning() {
    let servers = "servers: [{ serverName: orders, backupSchedule: 0 2 * * * }]";
    let ended = run(
        &VALID.replace(" }]", &format!(", {servers} }}]")),
        &["check-config"],
        &[],
    );

    assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""));
    let warning = "Warning: archives[0].servers[0].backupSchedule: `0 2 * * *` has five fields, \
                   and the first field is seconds: it means every hour at minute 2. If you meant \
                   every day at 02:00";
    assert!(ended.output.contains(warning), "{}", ended.output);
}

#[test]
fn a_schedule_is_explained_without_a_configuration() {
    let at = [
        "--at",
        "2026-11-24T20:00:00Z",
        "--config.file",
        "/nonexistent",
    ];
    let explain = |schedule| {
        run_exporter(
            &[&["explain-schedule", schedule], at.as_slice()].concat(),
            &[],
        )
    };

    let ended = explain("0 2 * * *");

    assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""));
    for line in [
        "every hour at minute 2",
        "2026-11-24 20:02:00 UTC",
        "As a CronJob  every day at 02:00",
    ] {
        assert!(
            ended.output.contains(line),
            "no `{line}` in:\n{}",
            ended.output
        );
    }
    let wrong = explain("0 0 2 * * 7");
    assert_eq!((wrong.code, wrong.output.as_str()), (Some(2), ""));
    assert!(
        wrong.errors.contains("numbers from 0 (Sunday) to 6"),
        "{}",
        wrong.errors
    );
}

#[test]
fn the_documented_sample_is_valid() {
    let sample = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/config/barman-cloud-exporter.yaml"
    );

    let ended = run_exporter(
        &["check-config"],
        &[("BARMAN_CLOUD_EXPORTER_CONFIG_FILE", sample)],
    );

    assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""));
}

#[test]
fn the_version_goes_to_standard_output() {
    let ended = run_exporter(&["--version"], &[]);

    assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""));
    let version = concat!(
        "barman-cloud-exporter ",
        env!("CARGO_PKG_VERSION"),
        " (revision "
    );
    assert!(ended.output.starts_with(version), "{}", ended.output);
}

#[test]
fn an_unknown_flag_is_a_mistake() {
    let ended = run_exporter(&["--no-such-flag"], &[]);

    assert_eq!(ended.code, Some(2));
    assert!(ended.errors.contains("--no-such-flag"), "{}", ended.errors);
}

#[test]
fn a_mistake_says_where_the_value_came_from() {
    let variable = [("BARMAN_CLOUD_EXPORTER__SCAN__TIMEOUT", "soon")];
    let ended = run(VALID, &["check-config", "--log.level", "a=loud"], &variable);

    assert_refused(
        &ended,
        &[
            "--log.level: ",
            "(from $BARMAN_CLOUD_EXPORTER__SCAN__TIMEOUT)",
        ],
    );
}

#[test]
fn a_secret_in_a_wrong_place_is_not_repeated() {
    let content = "
archives:
  - name: a
    destinationPath: s3://bucket
    endpointURL: ftp://id:s3cr3t@host
    credentials: { secretAccessKey: s3cr3t, accessKeyIdFile: /id, secretAccessKeyFile: /secret }
";
    let ended = run(content, &[], &[]);

    assert_eq!(ended.code, Some(2));
    assert!(!ended.errors.contains("s3cr3t"), "{}", ended.errors);
}

#[tokio::test]
async fn flags_override_the_environment_which_overrides_the_file() {
    let archive = EmbeddedArchive::small(1000).await;
    let mut configuration = every_second([archive.settings(ARCHIVE)]);
    configuration["log"] = json!({ "format": "text", "level": "error" });
    configuration["web"] = json!({ "listenAddress": "192.0.2.1:1" });
    let launch = Launch::new(configuration.to_string())
        .environment("BARMAN_CLOUD_EXPORTER__LOG__FORMAT", "json")
        .environment("BARMAN_CLOUD_EXPORTER__LOG__LEVEL", "warn")
        .environment("BARMAN_CLOUD_EXPORTER__WEB__LISTEN_ADDRESS", "192.0.2.1:2")
        .argument("--log.level=info");

    // It listens where the flag of the harness says.
    let exporter = launch.start().await;

    let entries = exporter.log_entries();
    assert_eq!(entries[0]["message"], "Started");
}

#[tokio::test]
async fn archives_can_be_given_by_the_environment_alone() {
    let archive = EmbeddedArchive::small(1000).await;
    let archives = json!([archive.settings("from the environment")]).to_string();
    let launch = Launch::new("").environment("BARMAN_CLOUD_EXPORTER__ARCHIVES", archives);

    let exporter = launch.start().await;

    let samples = exporter.scrape().await;
    let labels = [("archive", "from the environment")];
    assert_eq!(
        samples.value("barman_cloud_archive_info", &labels),
        Some(1.0)
    );
}
