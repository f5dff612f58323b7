//! Failures of the network: no connection, an interrupted one, or no answer in time.

use std::fs;
use std::path::Path;
use std::process::Command;

use embedded_s3::{Action, Certificates, Options};
use serde_json::{Value, json};
use test_support::{
    EmbeddedArchive, Exporter, Launch, SMALL_DESTINATION, Samples, every_second, small_archive,
};

use crate::faults::{ARCHIVE, Failure, SOON, Scene, count, start, value};

#[tokio::test]
async fn a_store_that_does_not_listen_is_found_when_it_does_again() {
    let mut scene = Scene::healthy().await;
    let failure = Failure::new(
        "network",
        &["no connection to `http://127.0.0.1:", "`endpointURL`"],
    );
    let stop = async |archive: &mut EmbeddedArchive| archive.stop_s3().await;
    let start = async |archive: &mut EmbeddedArchive| archive.start_s3().await;
    scene.assert_fails_until_healed(&failure, stop, start).await;
}

#[tokio::test]
async fn connections_that_are_dropped_fail_the_scan() {
    let mut scene = Scene::healthy().await;
    let failure = Failure::new("network", &["or it broke", "`endpointURL`"]);
    scene.assert_fault(Action::DropConnection, &failure).await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_fails_the_scan() {
    let mut scene = Scene::healthy().await;
    let failure = Failure::new("network", &["or it broke"]);
    scene
        .assert_fault(Action::TruncateBody(100), &failure)
        .await;
}

#[tokio::test]
async fn a_request_without_an_answer_is_given_up() {
    let archive = EmbeddedArchive::small(3).await;
    let scan = json!({ "requestTimeout": "1s" });
    let mut scene = Scene::start(archive, &scan).await.up().await;
    let failure = Failure::new("timeout", &["did not answer in time"]);
    scene.assert_fault(Action::Hang, &failure).await;
    let samples = scene.exporter.scrape().await;
    assert!(count(&samples, "s3_requests_total", "timeout") >= 2.0);
}

#[tokio::test]
async fn a_scan_that_takes_too_long_is_given_up() {
    let archive = EmbeddedArchive::small(3).await;
    let mut scene = Scene::start(archive, &json!({ "timeout": "1s" }))
        .await
        .up()
        .await;
    let says = &["did not end within 1s", "`scan.timeout`"];
    let failure = Failure {
        outcome: "timeout",
        ..Failure::new("timeout", says)
    };
    scene.assert_fault(Action::Hang, &failure).await;
}

/// Archive that is served with certificates, and its settings, which name a CA file.
async fn served_with(certificates: &Certificates) -> (EmbeddedArchive, Value) {
    let options = Options {
        tls: Some(certificates.tls()),
        ..Options::default()
    };
    let archive = EmbeddedArchive::start(small_archive(), SMALL_DESTINATION, options).await;
    let mut settings = archive.settings(ARCHIVE);
    settings["endpointCAFile"] = json!(archive.directory().join("ca.crt"));
    (archive, settings)
}

#[tokio::test]
async fn the_right_ca_counts_without_a_restart() {
    let [theirs, another] = [(); 2].map(|()| Certificates::generate().unwrap());
    let (archive, settings) = served_with(&theirs).await;
    archive.write("ca.crt", &theirs.ca_pem);
    let exporter = start(&every_second([settings])).await;
    let mut scene = Scene { archive, exporter }.up().await;

    let failure = Failure::new("network", &["no TLS connection", "`endpointCAFile`"]);
    // A connection that is open stays trusted: the server closes it.
    let swap = async |archive: &mut EmbeddedArchive| {
        archive.write("ca.crt", &another.ca_pem);
        archive.start_s3().await;
    };
    let put_right = async |archive: &mut EmbeddedArchive| archive.write("ca.crt", &theirs.ca_pem);
    scene
        .assert_fails_until_healed(&failure, swap, put_right)
        .await;
}

#[tokio::test]
async fn a_ca_file_that_is_missing_or_makes_no_sense_is_named() {
    let certificates = Certificates::generate().unwrap();
    let (archive, settings) = served_with(&certificates).await;
    archive.write("ca.crt", &certificates.ca_pem);
    let exporter = start(&every_second([settings])).await;
    let mut scene = Scene { archive, exporter }.up().await;
    let put_right =
        async |archive: &mut EmbeddedArchive| archive.write("ca.crt", &certificates.ca_pem);

    let missing = Failure::new("network", &["ca.crt` cannot be read", "`endpointCAFile`"]);
    let remove = async |archive: &mut EmbeddedArchive| {
        fs::remove_file(archive.directory().join("ca.crt")).unwrap();
    };
    scene
        .assert_fails_until_healed(&missing, remove, put_right)
        .await;

    let senseless = Failure::new("network", &["ca.crt` holds no CA certificates"]);
    let scribble = async |archive: &mut EmbeddedArchive| archive.write("ca.crt", "scribble");
    scene
        .assert_fails_until_healed(&senseless, scribble, put_right)
        .await;
}

#[tokio::test]
async fn a_store_that_its_ca_does_not_vouch_for_is_not_trusted() {
    let archive = served_with(&Certificates::generate().unwrap()).await.0;
    // Without a CA file the system's authorities count, and none of them knows it.
    let exporter = start(&every_second([archive.settings(ARCHIVE)])).await;
    let scene = Scene { archive, exporter };

    let failed = |samples: &_| count(samples, "scan_errors_total", "network") >= 1.0;
    let samples = scene.exporter.wait_for("a failed scan", SOON, failed).await;

    assert_eq!(value(&samples, "up", &[]), Some(0.0));
    scene.assert_logged(&Failure::new(
        "network",
        &["no TLS connection", "`endpointCAFile`"],
    ));
}

/// Starts the exporter with a variable that says which certificates the system trusts.
async fn start_trusting(settings: Value, variable: &str, path: &Path) -> Exporter {
    let mut configuration = every_second([settings]);
    configuration["certificateWatch"] = json!({ "schedule": "* * * * * *" });
    let launch = Launch::new(configuration.to_string()).argument("--log.format=json");
    launch
        .environment(variable, path.to_str().unwrap())
        .start()
        .await
}

#[tokio::test]
async fn certificates_in_the_system_s_file_or_directory_are_trusted() {
    let certificates = Certificates::generate().unwrap();
    let archive = served_with(&certificates).await.0;
    archive.write("ca.crt", &certificates.ca_pem);
    let file = archive.directory().join("ca.crt");
    let hashes = archive.directory().join("hashes");
    fs::create_dir(&hashes).unwrap();
    fs::copy(&file, hashes.join("ca.pem")).unwrap();
    let rehashed = Command::new("openssl")
        .arg("rehash")
        .arg(&hashes)
        .status()
        .unwrap();
    assert!(rehashed.success());

    for (variable, path) in [("SSL_CERT_FILE", &file), ("SSL_CERT_DIR", &hashes)] {
        let exporter = start_trusting(archive.settings(ARCHIVE), variable, path).await;
        let is_known = |samples: &Samples| {
            count(samples, "scans_total", "success") >= 1.0
                && samples.sum("barman_cloud_certificate_chain_valid", &[]) > 0.0
        };
        exporter
            .wait_for("a good scan and a good certificate", SOON, is_known)
            .await;
    }
}

#[tokio::test]
async fn with_a_ca_file_the_system_needs_no_certificates() {
    let certificates = Certificates::generate().unwrap();
    let (archive, settings) = served_with(&certificates).await;
    archive.write("ca.crt", &certificates.ca_pem);
    archive.write("empty.crt", "");
    let empty = archive.directory().join("empty.crt");

    let exporter = start_trusting(settings, "SSL_CERT_FILE", &empty).await;

    let is_good = |samples: &Samples| count(samples, "scans_total", "success") >= 1.0;
    exporter.wait_for("a good scan", SOON, is_good).await;
}
