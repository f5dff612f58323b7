//! Tests of the text that `check` and `check-config` print about certificates.

use serde_json::{Value, json};
use test_support::{Authority, CERTIFICATE_ARCHIVE, EmbeddedArchive, Ended, run_exporter};

/// Moment in the morning after the newest backup of the small archive.
const MORNING: &str = "2026-01-02T06:00:00Z";

/// Certificates of every kind, valid or not on that morning.
async fn archive_and_certificates() -> (EmbeddedArchive, Value) {
    let (archive, root) = (EmbeddedArchive::small(1000).await, Authority::new("root"));
    let files = [
        ("good.crt", root.sign("good", 2025..2027).pem),
        ("ended.crt", root.sign("ended", 2025..2026).pem),
        ("not-yet.crt", root.sign("not-yet", 2027..2028).pem),
        (
            "wrong.crt",
            Authority::new("other").sign("wrong", 2025..2027).pem,
        ),
        ("empty.crt", String::new()),
        ("ca.crt", root.pem()),
    ];
    for (name, content) in &files {
        archive.write(name, content);
    }
    let certificate = |name: &str| {
        let file = |name: &str| archive.directory().join(format!("{name}.crt"));
        json!({ "name": name, "file": file(name), "caFile": file("ca") })
    };
    let names = ["good", "ended", "not-yet", "wrong", "empty"];
    let certificates = names.map(certificate).to_vec();
    (archive, json!(certificates))
}

async fn run(archive: &EmbeddedArchive, certificates: &Value, arguments: &[&str]) -> Ended {
    let configuration = json!({
        "archives": [archive.settings(CERTIFICATE_ARCHIVE)],
        "certificates": certificates,
        "certificateWatch": { "warnBefore": "30d" },
    });
    archive.write("config.yaml", &configuration.to_string());
    let file = archive.directory().join("config.yaml");
    let mut all = vec![
        "--config.file".to_owned(),
        file.to_str().unwrap().to_owned(),
    ];
    all.extend(arguments.iter().copied().map(str::to_owned));
    let run = move || run_exporter(&all.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// Lines about certificates, without the names of temporary directories.
fn of_certificates(archive: &EmbeddedArchive, text: &str) -> String {
    let directory = archive.directory().to_str().unwrap();
    let lines = text.replace(directory, "/certs");
    let lines = lines
        .lines()
        .skip_while(|line| !line.contains(" certificate "));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn each_is_listed_with_the_time_left_and_what_is_wrong() {
    let (archive, certificates) = archive_and_certificates().await;

    let ended = run(&archive, &certificates, &["check", "--at", MORNING]).await;

    insta::assert_snapshot!(of_certificates(&archive, &ended.output), @"
    OK certificate good (file /certs/good.crt): expires in 363 days 18 hours, 2027-01-01 00:00:00 UTC, CN=good, verifies
    CRITICAL certificate ended (file /certs/ended.crt): expired 1 day 6 hours ago, 2026-01-01 00:00:00 UTC, CN=ended
        CRITICAL: The certificate expired 1 day 6 hours ago
    CRITICAL certificate not-yet (file /certs/not-yet.crt): expires in 728 days 18 hours, 2028-01-01 00:00:00 UTC, CN=not-yet
        CRITICAL: The certificate is not valid before 2027-01-01 00:00:00 UTC
    CRITICAL certificate wrong (file /certs/wrong.crt): expires in 363 days 18 hours, 2027-01-01 00:00:00 UTC, CN=wrong
        CRITICAL: The certificate does not verify: OpenSSL refuses the certificate of `CN=wrong`: unable to get local issuer certificate
    UNKNOWN certificate empty (file /certs/empty.crt)
        UNKNOWN: The certificate cannot be read: the file is empty
    ");
    assert_eq!(ended.code, Some(2));
}

/// Nobody knows then whether it verifies: neither well nor broken.
#[tokio::test]
async fn a_ca_file_that_cannot_be_used_is_named() {
    let (archive, certificates) = archive_and_certificates().await;
    archive.write("empty-ca.crt", "");
    let with_ca = |name: &str| {
        let mut certificate = certificates[0].clone();
        certificate["name"] = json!(name);
        certificate["caFile"] = json!(archive.directory().join(name));
        certificate
    };
    let certificates = json!([with_ca("no-ca.crt"), with_ca("empty-ca.crt")]);

    let ended = run(&archive, &certificates, &["check", "--at", MORNING]).await;

    insta::assert_snapshot!(of_certificates(&archive, &ended.output), @"
    UNKNOWN certificate no-ca.crt (file /certs/good.crt): expires in 363 days 18 hours, 2027-01-01 00:00:00 UTC, CN=good
        UNKNOWN: The certificate cannot be verified: the CA file `/certs/no-ca.crt` cannot be used: there is no such file
    UNKNOWN certificate empty-ca.crt (file /certs/good.crt): expires in 363 days 18 hours, 2027-01-01 00:00:00 UTC, CN=good
        UNKNOWN: The certificate cannot be verified: the CA file `/certs/empty-ca.crt` cannot be used: the file is empty
    ");
    assert_eq!(ended.code, Some(3));
}

#[tokio::test]
async fn the_json_has_days_left_and_codes() {
    let (archive, certificates) = archive_and_certificates().await;

    let arguments = ["check", "--output", "json", "--at", "2026-12-10T06:00:00Z"];
    let ended = run(&archive, &certificates, &arguments).await;

    let document: Value = serde_json::from_str(&ended.output).unwrap();
    let entries = document["certificates"].as_array().unwrap();
    let told = entries.iter().map(|entry| {
        let finding = entry["findings"][0]["code"]
            .as_str()
            .unwrap_or("none")
            .to_owned();
        (
            entry["name"].as_str().unwrap(),
            entry["days_left"].as_i64(),
            finding,
        )
    });
    let told: Vec<_> = told.collect();
    let expected = [
        ("good", Some(21), "certificate_ending"),
        ("ended", Some(-344), "certificate_expired"),
        ("not-yet", Some(386), "certificate_not_yet_valid"),
        ("wrong", Some(21), "certificate_invalid"),
        ("empty", None, "certificate_unreadable"),
    ];
    assert_eq!(
        told,
        expected.map(|(name, days, code)| (name, days, code.to_owned()))
    );
    assert_eq!(entries[0]["subject"], "CN=good");
    assert_eq!(entries[0]["chain_valid"], true);
    assert_eq!(entries[3]["chain_valid"], false);
}

#[tokio::test]
async fn the_exit_code_is_that_of_the_worst() {
    let (archive, certificates) = archive_and_certificates().await;
    let code = async |index: &[usize], at: &str| {
        let some = index
            .iter()
            .map(|index| certificates[*index].clone())
            .collect();
        run(&archive, &Value::Array(some), &["check", "--at", at])
            .await
            .code
    };

    assert_eq!(code(&[0], MORNING).await, Some(0));
    assert_eq!(code(&[0], "2026-12-10T06:00:00Z").await, Some(1));
    assert_eq!(code(&[0, 4], MORNING).await, Some(3));
    assert_eq!(code(&[0, 1, 4], MORNING).await, Some(2));
}

#[tokio::test]
async fn a_report_is_not_about_certificates() {
    let (archive, certificates) = archive_and_certificates().await;

    let ended = run(&archive, &certificates, &["report", "--at", MORNING]).await;

    assert_eq!(
        (ended.code, ended.output.contains("certificate")),
        (Some(0), false)
    );
}

#[tokio::test]
async fn check_config_lists_them_and_reads_none() {
    let archive = EmbeddedArchive::small(1000).await;
    let certificates = json!([
        { "name": "file", "file": "/does/not/exist/*.crt" },
        { "name": "rw", "postgresql": "orders-rw.databases.svc" },
    ]);

    let ended = run(&archive, &certificates, &["check-config"]).await;

    let output = ended.output;
    assert!(
        output.contains("  file: file /does/not/exist/*.crt\n"),
        "{output}"
    );
    assert!(
        output.contains("  rw: postgresql orders-rw.databases.svc:5432\n"),
        "{output}"
    );
    assert_eq!(ended.code, Some(0));
}
