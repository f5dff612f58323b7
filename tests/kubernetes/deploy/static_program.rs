//! Program as it is in the image: linked statically, with its own OpenSSL.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use embedded_s3::{Certificates, Options};
use serde_json::{Value, json};
use test_support::{
    EmbeddedArchive, Launch, SMALL_BUCKET, SMALL_DESTINATION, every_second, small_archive,
};

use crate::deploy::{printed, project};

/// Archives that are scanned at the same moment.
const ARCHIVES: usize = 16;

/// Time for a few scans of each.
const SOON: Duration = Duration::from_mins(1);

/// Program that `make static` has built.
fn program() -> PathBuf {
    let hosts = project("target/static")
        .read_dir()
        .into_iter()
        .flatten()
        .flatten();
    let mut programs = hosts.map(|host| host.path().join("debug/barman-cloud-exporter"));
    programs
        .find(|program| program.exists())
        .expect("it is missing: run `make static`")
}

#[test]
fn nothing_is_loaded_at_run_time() {
    let headers = printed(
        Command::new("readelf")
            .arg("--program-headers")
            .arg(program()),
    );

    assert!(
        headers.contains("LOAD") && !headers.contains("INTERP"),
        "{headers}"
    );
}

/// Without locks in OpenSSL, this ends in a segmentation fault within seconds.
#[tokio::test]
async fn tls_is_used_in_many_tasks_at_once() {
    let certificates = Certificates::generate().expect("certificates can be made");
    let options = Options {
        tls: Some(certificates.tls()),
        ..Options::default()
    };
    let archive = EmbeddedArchive::start(small_archive(), SMALL_DESTINATION, options).await;
    archive.write("ca.crt", &certificates.ca_pem);
    let settings = |number: usize| -> Value {
        let mut settings = archive.settings(&format!("archive-{number}"));
        // Each has its own place. Nothing is there.
        settings["destinationPath"] = json!(format!("s3://{SMALL_BUCKET}/archive-{number}"));
        settings["endpointCAFile"] = json!(archive.directory().join("ca.crt"));
        // A name, so that it is looked up without the shared libraries of the C library.
        settings["endpointURL"] = json!(archive.s3().endpoint().replace("127.0.0.1", "localhost"));
        settings
    };
    let mut configuration = every_second((0..ARCHIVES).map(settings));
    configuration["certificateWatch"] = json!({ "schedule": "* * * * * *" });

    let exporter = Launch::new(configuration.to_string())
        .program(program())
        .start()
        .await;
    let metric = "barman_cloud_scans_total";
    exporter
        .wait_for("five good scans of each archive", SOON, |samples| {
            let good = samples.all(metric, &[("outcome", "success")]);
            good.len() == ARCHIVES && good.iter().all(|sample| sample.value >= 5.0)
        })
        .await;
    let samples = exporter.scrape().await;
    let verified = samples.all("barman_cloud_certificate_chain_valid", &[]);
    assert!(
        verified.iter().all(|sample| sample.value > 0.0),
        "{verified:?}"
    );
    assert_eq!(verified.len(), ARCHIVES);
    let (status, log) = exporter.stop();
    assert!(status.success(), "{status}: {log}");
}
