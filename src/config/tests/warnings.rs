//! Configurations that are valid and probably not meant so.

use super::{LEAST, load_text};

#[test]
fn an_archive_inside_another_is_valid_and_warned_of() {
    let text = "archives:
  - { name: inner, destinationPath: s3://bucket/p/orders }
  - { name: outer, destinationPath: s3://bucket/p }
  - { name: elsewhere, destinationPath: s3://bucket/p/x, endpointURL: https://s3.example.org }";

    let warnings = load_text(text).unwrap().warnings();

    insta::assert_snapshot!(warnings.join("\n"), @"archives[0].destinationPath: `s3://bucket/p/orders` of `inner` lies inside `s3://bucket/p` of `outer`: its objects are listed and counted twice, in both archives");
}

#[test]
fn a_schedule_of_five_fields_is_valid_and_warned_of() {
    let servers = "servers: [{ serverName: a }, { serverName: b, backupSchedule: 0 2 * * * }]";
    let text = format!("archives: [{{ name: a, destinationPath: s3://bucket, {servers} }}]");

    let warnings = load_text(&text).unwrap().warnings();

    assert_eq!(warnings.len(), 1);
    let expected = "archives[0].servers[1].backupSchedule: `0 2 * * *` has five fields";
    assert!(warnings[0].starts_with(expected), "{warnings:?}");
    assert_eq!(load_text(LEAST).unwrap().warnings(), [""; 0]);
}

#[test]
fn an_endpoint_with_the_bucket_in_its_host_gives_a_warning() {
    let warnings = |bucket: &str, endpoint: &str| {
        let text = format!(
            "archives: [{{ name: a, destinationPath: s3://{bucket}/p, endpointURL: {endpoint} }}]"
        );
        load_text(&text).unwrap().warnings()
    };

    let warned = warnings("Backups", "https://backups.s3.example.org").join("\n");
    insta::assert_snapshot!(warned, @"archives[0].endpointURL: the host of `https://backups.s3.example.org` starts with the bucket's name `Backups`, which boto3 and this program add once more: name the endpoint without the bucket");
    for (bucket, endpoint) in [
        ("backups", "https://s3.example.org"),
        ("backups", "https://backups-of-us.example.org"),
        ("example", "https://s3.example.org"),
    ] {
        assert_eq!(warnings(bucket, endpoint), [""; 0], "{bucket} {endpoint}");
    }
}

#[test]
fn a_variable_that_nobody_expands_is_valid_and_warned_of() {
    let text = "archives:
  - name: a
    destinationPath: s3://bucket/${CLUSTER}
    endpointURL: https://s3.${REGION}.example.org
    credentials: { accessKeyIdFile: /s3/id, secretAccessKeyFile: \"/s3/$SECRET\" }
    servers: [{ serverName: \"${NAME}-pg\" }]";

    let warnings = load_text(text).unwrap().warnings();

    let keys = warnings
        .iter()
        .map(|warning| warning.split_once(':').unwrap().0);
    let expected = [
        "archives[0].destinationPath",
        "archives[0].endpointURL",
        "archives[0].servers[0].serverName",
    ];
    assert_eq!(keys.collect::<Vec<_>>(), expected);
    insta::assert_snapshot!(warnings[1], @"archives[0].endpointURL: contains `${REGION}`: variables are not expanded here; write the value itself");
}
