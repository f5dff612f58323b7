//! Worked example: its parts fit together, and its clean-up keeps good backups.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{Stack, StackSettings};

use crate::deploy::{document, exporter, printed, project, read, rendered, rendered_example, tool};

const CLEAN_UP: &str = "deploy/examples/kilobase/clean-up.py";

fn config(documents: &[Value]) -> Value {
    let config_map = document(documents, "ConfigMap", "barman-cloud-exporter");
    let text = config_map["data"]["config.yaml"]
        .as_str()
        .expect("it has a configuration");
    serde_saphyr::from_str(text).expect("the configuration is YAML")
}

/// Value of an environment variable of the clean-up.
fn variable<'a>(documents: &'a [Value], name: &str) -> &'a Value {
    let job = document(documents, "CronJob", "clean-up");
    let container = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
    let variables = container["env"]
        .as_array()
        .expect("the clean-up has an environment");
    let found = variables.iter().find(|variable| variable["name"] == name);
    &found.unwrap_or_else(|| panic!("there is no {name}"))["value"]
}

#[test]
fn what_is_watched_is_what_is_backed_up() {
    let documents = rendered_example();
    let store = &document(&documents, "ObjectStore", "kilobase")["spec"];
    let cluster = &document(&documents, "Cluster", "kilobase-postgres")["spec"];
    let scheduled = &document(&documents, "ScheduledBackup", "kilobase-postgres-daily")["spec"];
    let config = config(&documents);
    let archive = &config["archives"][0];
    let server = &archive["servers"][0];

    for (watched, written) in [
        (
            &archive["destinationPath"],
            &store["configuration"]["destinationPath"],
        ),
        (
            &archive["endpointURL"],
            &store["configuration"]["endpointURL"],
        ),
        (&archive["retentionPolicy"], &store["retentionPolicy"]),
        (
            &server["serverName"],
            &cluster["plugins"][0]["parameters"]["serverName"],
        ),
        (&server["backupSchedule"], &scheduled["schedule"]),
        (
            variable(&documents, "DESTINATION"),
            &store["configuration"]["destinationPath"],
        ),
        (
            variable(&documents, "ENDPOINT_URL"),
            &store["configuration"]["endpointURL"],
        ),
        (
            variable(&documents, "SERVERS"),
            &cluster["plugins"][0]["parameters"]["serverName"],
        ),
    ] {
        assert!(watched.is_string(), "{watched} should be {written}");
        assert_eq!(watched, written);
    }
    assert_eq!(store["retentionPolicy"], "30d");
    assert_eq!(
        variable(&documents, "RETENTION_POLICY"),
        "RECOVERY WINDOW OF 30 DAYS"
    );
    assert_eq!(
        cluster["plugins"][0]["parameters"]["barmanObjectName"],
        "kilobase"
    );
}

/// Retention would delete the backup again and again, and the operator create it anew.
#[test]
fn the_first_backup_is_made_by_hand_and_of_the_same_cluster() {
    let applied = rendered(&project("deploy/examples/kilobase"));
    assert!(applied.iter().all(|document| document["kind"] != "Backup"));

    let documents = rendered_example();
    let first = document(&documents, "Backup", "kilobase-postgres-initial");
    let nightly = document(&documents, "ScheduledBackup", "kilobase-postgres-daily");
    assert_eq!(
        first["metadata"]["namespace"],
        nightly["metadata"]["namespace"]
    );
    for field in ["cluster", "method", "pluginConfiguration"] {
        assert_eq!(first["spec"][field], nightly["spec"][field]);
    }
}

#[test]
fn the_limit_for_wal_is_of_the_server_that_is_watched() {
    let documents = rendered_example();
    let config = config(&documents);
    let archive = &config["archives"][0];
    let thresholds = document(
        &documents,
        "PrometheusRule",
        "barman-cloud-exporter-thresholds",
    );
    let rules = thresholds["spec"]["groups"][0]["rules"]
        .as_array()
        .expect("there are rules");

    let of_a_server = |rule: &&Value| rule["labels"]["server"].is_string();
    let limit = rules
        .iter()
        .find(of_a_server)
        .expect("a server has a limit of its own");

    assert_eq!(limit["record"], "barman_cloud:threshold");
    assert_eq!(limit["labels"]["name"], "wal_age_seconds");
    assert_eq!(limit["labels"]["archive"], archive["name"]);
    assert_eq!(
        limit["labels"]["server"],
        archive["servers"][0]["serverName"]
    );
}

/// The comment advises a dry run first: the second of three commands makes a job harmless.
#[test]
fn the_clean_up_by_hand_is_a_dry_run() {
    let comment = read("deploy/examples/kilobase/clean-up.yaml");
    let lines = comment
        .lines()
        .map(|line| line.trim_start_matches(['#', ' ']));
    let commands: Vec<_> = lines.filter(|line| line.starts_with("kubectl ")).collect();
    let [create, change, send] = commands[..] else {
        panic!("other commands: {commands:?}")
    };
    assert!(create.contains("--from cronjob/clean-up") && create.contains("--dry-run=client"));
    assert!(send.starts_with("kubectl create"));

    let documents = rendered_example();
    let job = &document(&documents, "CronJob", "clean-up")["spec"]["jobTemplate"]["spec"];
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "by-hand"}, "spec": job,
    });
    let scratch = TempDir::new().expect("temporary directories can be made");
    let file = scratch.path().join("job.json");
    fs::write(&file, job.to_string()).expect("a fresh directory can be written");
    let change = change
        .trim_end_matches(" |")
        .strip_prefix("kubectl ")
        .expect("it is kubectl");
    let mut command = tool("kubectl");
    command
        .args(change.split(' '))
        .stdin(fs::File::open(&file).expect("the file is there"));

    let job: Value = serde_saphyr::from_str(&printed(&mut command)).expect("kubectl prints YAML");

    let container = &job["spec"]["template"]["spec"]["containers"][0];
    let variables = container["env"]
        .as_array()
        .expect("the clean-up has an environment");
    let dry_run = variables
        .iter()
        .find(|variable| variable["name"] == "DRY_RUN");
    assert_eq!(
        dry_run.map(|variable| &variable["value"]),
        Some(&json!("true"))
    );
}

/// Meaning of a schedule of six fields, in words.
fn meaning(schedule: &str) -> String {
    let text = printed(exporter().args(["explain-schedule", schedule]));
    let found = text.lines().find_map(|line| line.strip_prefix("Meaning"));
    found
        .unwrap_or_else(|| panic!("no meaning in {text}"))
        .trim()
        .to_owned()
}

#[test]
fn the_schedules_mean_what_their_comments_say() {
    let documents = rendered_example();
    let schedule = |kind, name| {
        let schedule = &document(&documents, kind, name)["spec"]["schedule"];
        schedule.as_str().expect("a schedule is text")
    };
    // Kubernetes reads five fields, of which the first is the minute.
    let cron_job = |name| meaning(&format!("0 {}", schedule("CronJob", name)));

    let backups = meaning(schedule("ScheduledBackup", "kilobase-postgres-daily"));
    assert_eq!(backups, "every day at 02:00");
    assert_eq!(cron_job("clean-up"), "every day at 04:00");
    assert_eq!(cron_job("check"), "on Sundays at 06:00");
    assert_eq!(cron_job("report"), "on day 1 of every month at 08:00");
}

fn statuses(stack: &Stack) -> Vec<String> {
    let list = stack.backup_list();
    let backups = list["backups_list"]
        .as_array()
        .expect("Barman lists backups");
    backups
        .iter()
        .map(|backup| backup["status"].as_str().unwrap_or("none").to_owned())
        .collect()
}

/// Real backups, cleaned up with Barman's own tools.
#[test]
fn the_clean_up_deletes_only_what_is_dead_or_obsolete() {
    let stack = Stack::start(StackSettings::default());
    stack.make_wal(1);
    stack.backup(&["--gzip"]);
    stack.kill_backup();
    stack.backup(&["--gzip"]);
    stack.backup(&["--gzip"]);
    let destination = stack.destination();
    let clean_up = |dead_after_days: &str, policy: &str, dry_run: &str| {
        let variables = [
            ("DESTINATION", destination.as_str()),
            ("ENDPOINT_URL", stack.endpoint()),
            ("SERVERS", &stack.settings().server),
            ("RETENTION_POLICY", policy),
            ("DEAD_AFTER_DAYS", dead_after_days),
            ("DRY_RUN", dry_run),
        ];
        stack.run_script(&project(CLEAN_UP), &variables)
    };

    clean_up("0", "REDUNDANCY 1", "true");
    assert_eq!(
        statuses(&stack),
        ["DONE", "STARTED", "DONE", "DONE"],
        "a dry run deletes nothing"
    );

    clean_up("1", "RECOVERY WINDOW OF 30 DAYS", "false");
    assert_eq!(
        statuses(&stack),
        ["DONE", "STARTED", "DONE", "DONE"],
        "nothing is old enough"
    );

    let said = clean_up("0", "RECOVERY WINDOW OF 30 DAYS", "false");
    assert_eq!(statuses(&stack), ["DONE", "DONE", "DONE"], "{said}");
    assert!(said.contains("is STARTED"), "{said}");

    clean_up("0", "REDUNDANCY 2", "false");
    assert_eq!(statuses(&stack), ["DONE", "DONE"], "the policy holds");
}
