//! Samples of configurations, right and wrong.

pub(super) mod schema;
mod warnings;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::section::ConfigReader;
use super::*;

const SAMPLE: &str = "config/barman-cloud-exporter.yaml";
const NO_ENVIRONMENT: [(OsString, OsString); 0] = [];

fn load(file: &str) -> Result<Config, Mistakes> {
    Config::load(Some(Path::new(file)), NO_ENVIRONMENT, &[])
}

fn is_path_style(config: &Config) -> bool {
    let StoreConfig::S3(bucket) = &config.archives[0].store;
    bucket.path_style
}

fn load_text(text: &str) -> Result<Config, Mistakes> {
    load_with(text, &[], &[])
}

fn load_with(text: &str, environment: &[(&str, &str)], flags: &[Flag]) -> Result<Config, Mistakes> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    fs::write(&file, text).unwrap();
    let pair = |(name, value): &(&str, &str)| (OsString::from(name), OsString::from(value));
    let loaded = Config::load(Some(&file), environment.iter().map(pair), flags);
    loaded.map_err(|mistakes| {
        let named = |mistake: &Mistake| match mistake.origin {
            ValueOrigin::File(_) => Mistake {
                origin: ValueOrigin::File("FILE".into()),
                ..mistake.clone()
            },
            ValueOrigin::Environment(_) | ValueOrigin::Flag(_) | ValueOrigin::Unknown => {
                mistake.clone()
            }
        };
        Mistakes::from_list(mistakes.iter().map(named).collect()).unwrap()
    })
}

const LEAST: &str = "archives: [{ name: a, destinationPath: s3://bucket }]";

#[test]
fn the_sample_holds_the_defaults() {
    let sample = load(SAMPLE).unwrap();

    let default = load_text(LEAST).unwrap();

    assert_eq!(sample.web, default.web);
    assert_eq!(sample.log, default.log);
    assert_eq!(sample.scan, default.scan);
    assert_eq!(sample.backups, default.backups);
    let verification = VerificationConfig {
        daily_bytes: None,
        reverify_after: None,
        schedule: None,
        state_directory: None,
        egress_price_per_gb: None,
        ..sample.verification
    };
    assert_eq!(verification, default.verification);
    let watch = CertificateWatchConfig {
        endpoint_warn_before: None,
        ..sample.certificate_watch
    };
    assert_eq!(watch, default.certificate_watch);
}

#[test]
fn the_sample_shows_every_setting() {
    let merged = sources::merge(Some(Path::new(SAMPLE)), NO_ENVIRONMENT, &[]).unwrap();
    let reader = ConfigReader::new(&merged);

    let _ = Config::read(&reader);

    let mut shown = BTreeSet::new();
    keys_of(&merged.value, "", &mut shown);
    assert_eq!(shown, reader.known_keys());
}

fn keys_of(value: &figment::value::Value, path: &str, keys: &mut BTreeSet<String>) {
    for (key, value) in value.as_dict().into_iter().flatten() {
        let path = format!("{path}{key}");
        keys_of(value, &format!("{path}."), keys);
        for element in value.as_array().into_iter().flatten() {
            keys_of(element, &format!("{path}[]."), keys);
        }
        keys.insert(path);
    }
}

#[test]
fn the_sample_is_understood() {
    let sample = load(SAMPLE).unwrap();

    insta::assert_debug_snapshot!(sample.archives);
    insta::assert_debug_snapshot!(sample.certificates, @r#"
    [
        CertificateConfig {
            name: "orders-server",
            source: File(
                "/certs/orders-server/tls.crt",
            ),
            ca_file: Some(
                "/certs/orders-ca/ca.crt",
            ),
            warn_before: Some(
                2592000s,
            ),
        },
        CertificateConfig {
            name: "orders-rw",
            source: PostgreSql {
                address: ServerAddress {
                    host: Host(
                        "orders-rw.databases.svc",
                    ),
                    port: 5432,
                },
                server_name: Host(
                    "orders-rw",
                ),
                negotiation: Postgres,
            },
            ca_file: Some(
                "/certs/orders-ca/ca.crt",
            ),
            warn_before: None,
        },
    ]
    "#);
}

#[test]
fn an_archive_needs_a_name_and_a_destination() {
    let archives = load_text(LEAST).unwrap().archives;

    insta::assert_debug_snapshot!(archives, @r#"
    [
        ArchiveConfig {
            name: "a",
            store: S3(
                S3StoreConfig {
                    destination: Destination {
                        bucket: "bucket",
                        prefix: "",
                    },
                    endpoint_url: None,
                    region: None,
                    path_style: false,
                    endpoint_ca_file: None,
                    credentials: Chain,
                },
            ),
            retention_policy: None,
            minimum_redundancy: None,
            verification: ArchiveVerificationConfig {
                level: None,
                daily_bytes: None,
            },
            ignore_servers: [],
            servers: None,
        },
    ]
    "#);
}

#[test]
fn servers_are_left_out_by_name_and_pattern() {
    let text = "archives: [{ name: a, destinationPath: s3://bucket, ignoreServers: [old-*, x] }]";

    let ignored = &load_text(text).unwrap().archives[0].ignore_servers;

    let matches = |server| ignored.iter().any(|pattern| pattern.matches(server));
    assert_eq!(
        ["old-1", "x", "x1", "orders"].map(matches),
        [true, true, false, false]
    );
}

#[test]
fn a_server_is_not_both_expected_and_left_out() {
    let text = "archives: [{ name: a, destinationPath: s3://bucket, ignoreServers: ['o*', '[', 7],
        minimumRedundancy: many, servers: [{ serverName: orders }] }]";

    let mistakes = load_text(text).unwrap_err();

    insta::assert_snapshot!(mistakes, @"
    archives[0].minimumRedundancy: `many` is not valid; expected a whole number from 0 to 1000, without quotes (in FILE)
    archives[0].ignoreServers[1]: `[` is not valid; expected the name of a server, or a pattern such as `old-*` that makes sense (in FILE)
    archives[0].ignoreServers[2]: a number is not valid; expected a text (in FILE)
    archives[0].servers[0].serverName: `orders` matches `o*` in `ignoreServers`; remove one of them (in FILE)
    ");
}

#[test]
fn the_bucket_stands_in_the_path_unless_it_is_amazons() {
    let with = |more: &str| {
        let text = format!("archives: [{{ name: a, destinationPath: s3://bucket{more} }}]");
        is_path_style(&load_text(&text).unwrap())
    };

    assert!(!with(""));
    assert!(with(", endpointURL: https://s3.example.org"));
    assert!(!with(
        ", endpointURL: https://s3.example.org, pathStyle: false"
    ));
}

#[test]
fn the_environment_overrides_the_file_and_flags_override_both() {
    let file = format!("web: {{ listenAddress: ':1', maxConnections: 1 }}\n{LEAST}");
    let environment = [
        ("BARMAN_CLOUD_EXPORTER__WEB__LISTEN_ADDRESS", "[::]:2"),
        ("BARMAN_CLOUD_EXPORTER__WEB__MAX_CONNECTIONS", "2"),
        ("BARMAN_CLOUD_EXPORTER__SCAN__TIME_ZONE", "Europe/Berlin"),
        ("BARMAN_CLOUD_EXPORTER_PORT", "tcp://10.0.0.1:10432"),
    ];
    let flag = Flag {
        name: "--web.listen-address",
        key: "web.listenAddress",
        value: ":3".to_owned(),
    };

    let config = load_with(&file, &environment, &[flag]).unwrap();

    assert_eq!(config.web.listen_address.to_string(), ":3");
    assert_eq!(config.web.max_connections, 2);
    assert_eq!(config.scan.time_zone, chrono_tz::Europe::Berlin);
}

#[test]
fn archives_can_be_given_in_the_environment_alone() {
    let environment = [(
        OsString::from("BARMAN_CLOUD_EXPORTER__ARCHIVES"),
        OsString::from("[{ name: a, destinationPath: s3://bucket, pathStyle: true }]"),
    )];

    let config = Config::load(None, environment, &[]).unwrap();

    assert!(is_path_style(&config));
}

#[test]
fn a_mistake_says_which_variable_or_flag_it_came_from() {
    let environment = [
        ("BARMAN_CLOUD_EXPORTER__WEB__LISTENADDRESS", ":1"),
        ("BARMAN_CLOUD_EXPORTER__SCAN__CONCURRENCY", "many"),
        ("BARMAN_CLOUD_EXPORTER__SCAN__TIMEOUT", "5"),
    ];
    let flag = Flag {
        name: "--log.level",
        key: "log.level",
        value: "loud".to_owned(),
    };

    let mistakes = load_with(LEAST, &environment, &[flag]).unwrap_err();

    insta::assert_snapshot!(mistakes, @"
    web.listenaddress: is not a known key; did you mean `BARMAN_CLOUD_EXPORTER__WEB__LISTEN_ADDRESS`? (from $BARMAN_CLOUD_EXPORTER__WEB__LISTENADDRESS)
    --log.level: `loud` is not valid; expected `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,scan=debug`
    scan.timeout: `5` is not valid; expected a duration from 1ms to 1day, such as `30s` or `1h 30m` (from $BARMAN_CLOUD_EXPORTER__SCAN__TIMEOUT)
    scan.concurrency: `many` is not valid; expected a whole number from 1 to 1024 (from $BARMAN_CLOUD_EXPORTER__SCAN__CONCURRENCY)
    ");
}

#[test]
fn no_secret_is_shown() {
    let text = "
        archives:
          - name: a
            destinationPath: s3://user:hunter2@bucket
            endpointURL: https://user:hunter2@host
            s3Credentials: hunter2
            credentials:
              accessKeyIdFile: [hunter2]
              secretAccessKeyFile: \"hunter2\\n\"
              secretAccessKey: hunter2
        web: { listenAddress: 'https://u:hunter2@host' }";

    let mistakes = load_text(text).unwrap_err().to_string();

    assert!(!mistakes.contains("hunter2"), "{mistakes}");
}

#[test]
fn no_setting_repeats_what_logs_one_in() {
    let settings = [
        "scan: { schedule",
        "scan: { timeZone",
        "scan: { timeout",
        "scan: { concurrency",
        "log: { level",
        "log: { format",
        "web: { listenAddress",
        "archives: [{ name: a, destinationPath: s3://b, retentionPolicy",
        "archives: [{ name: a, endpointURL",
        "archives: [{ name: a, region",
        "archives: [{ name: a, servers: [{ serverName: a, backupSchedule",
        "archives: [{ name: a, servers: [{ serverName: a, backupScheduleTimeZone",
        "archives: [{ name: a, servers: [{ serverName",
        "archives: [{ name: a, servers: [{ serverName: a, verificationLevel",
        "archives: [{ name: a, verification: { level",
        "archives: [{ name: a, verification: { dailyBytes",
        "verification: { level",
        "verification: { dailyBytes",
        "verification: { reverifyAfter",
        "verification: { schedule",
        "verification: { egressPricePerGB",
    ];
    for setting in settings {
        for value in [
            "https://u:hunter2@h",
            "u:hunter2@h",
            "@u:hunter2@h",
            "s3://b?k=hunter2",
            "*/hunter2@h",
        ] {
            for fields in ["", "* * * * ", "* * * * * "] {
                let close = setting
                    .chars()
                    .rev()
                    .filter_map(|character| match character {
                        '{' => Some('}'),
                        '[' => Some(']'),
                        _ => None,
                    });
                let close: String = close.collect();
                let text = format!("{setting}: \"{fields}{value}\" {close}");
                let told = load_text(&text).unwrap_err().to_string();
                assert!(!told.to_lowercase().contains("hunter2"), "{text}\n{told}");
            }
        }
    }
}

#[test]
fn every_mistake_of_a_file_is_listed() {
    let mut files: Vec<PathBuf> = fs::read_dir("tests/config")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();

    let mut page = String::new();
    for file in files {
        let mistakes = load(file.to_str().unwrap()).unwrap_err();
        writeln!(
            page,
            "# {}\n{mistakes}\n",
            file.file_name().unwrap().display()
        )
        .unwrap();
    }

    insta::assert_snapshot!(page);
}

#[test]
fn a_file_that_is_not_there_is_a_mistake() {
    let mistakes = load("does/not/exist.yaml").unwrap_err();

    insta::assert_snapshot!(mistakes, @"does/not/exist.yaml: No such file or directory (os error 2)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_makes_it_panic(text in r"(\PC|[\n:\[\]{}&*!|>'\x22%@#,? -]){0,200}") {
        let _ = load_text(&text);
    }

    #[test]
    fn no_value_makes_it_panic(
        key in proptest::sample::select(vec![
            "web: { listenAddress", "log: { level", "scan: { schedule", "scan: { timeZone",
            "scan: { timeout", "scan: { concurrency", "backups: { maxRunningTime",
            "certificateWatch: { schedule", "verification: { level", "verification: { dailyBytes",
            "verification: { egressPricePerGB",
        ]),
        value in r"(\PC{0,40}|[0-9a-z .:*/+-]{0,20})",
    ) {
        let _ = load_text(&format!("{key}: {value} }}\n{LEAST}"));
        let _ = load_text(&format!("{key}: {value:?} }}\n{LEAST}"));
    }
}

#[test]
fn a_name_used_twice_is_reported_along_with_other_mistakes() {
    let text = "archives: [{ name: a, destinationPath: nowhere }, { name: a, destinationPath: s3://bucket }]";

    let mistakes = load_text(text).unwrap_err();

    let keys: Vec<_> = mistakes
        .iter()
        .map(|mistake| mistake.key.as_str())
        .collect();
    assert_eq!(keys, ["archives[0].destinationPath", "archives[1].name"]);
}

#[test]
fn a_value_that_lacks_its_quotes_is_named() {
    let told = |value: &str| {
        let servers =
            format!("    servers:\n      - serverName: x\n        backupSchedule: {value}\n");
        let text = format!("archives:\n  - name: a\n    destinationPath: s3://bucket\n{servers}");
        load_text(&text).unwrap_err().to_string()
    };

    for value in ["* * * * * *", "@daily", "*/5 * * * * *"] {
        let told = told(value);
        let expected = "FILE: the value of `backupSchedule` on line 6 begins with `";
        assert!(
            told.starts_with(expected) && told.contains("put it in quotes"),
            "{told}"
        );
    }
    assert!(!told("@hunter2").contains("hunter2"));
}

#[test]
fn a_server_may_have_slashes_but_not_lie_inside_another() {
    let load = |first: &str, second: &str| {
        let servers = format!("[{{ serverName: {first} }}, {{ serverName: {second} }}]");
        load_text(&format!(
            "archives: [{{ name: a, destinationPath: s3://bucket, servers: {servers} }}]"
        ))
    };

    for (first, second) in [
        ("a", "a/b"),
        ("a/b", "a/c"),
        ("a", "a/basement"),
        ("base", "wals"),
    ] {
        assert!(load(first, second).is_ok(), "{first} {second}");
    }
    for (first, second) in [("a", "a/base"), ("a/wals/b", "a"), ("a/b", "a/b/base/c")] {
        assert!(load(first, second).is_err(), "{first} {second}");
    }
}
