//! Certificates of the archives' endpoints.

use embedded_s3::{Certificates, Options};
use serde_json::json;
use test_support::{
    CERTIFICATE_ARCHIVE, CERTIFICATE_FAMILIES, EmbeddedArchive, Exporter, SMALL_DESTINATION,
    certificate_info, certificate_value, every_second, small_archive, wait_for_value,
    watch_certificates,
};

const ENDPOINT: &str = "s3/production";

#[tokio::test]
async fn the_endpoint_is_watched_without_being_configured() {
    let certificates = Certificates::generate().unwrap();
    let options = Options {
        tls: Some(certificates.tls()),
        ..Options::default()
    };
    let archive = EmbeddedArchive::start(small_archive(), SMALL_DESTINATION, options).await;
    archive.write("ca.crt", &certificates.ca_pem);
    let mut settings = archive.settings(CERTIFICATE_ARCHIVE);
    settings["endpointCAFile"] = json!(archive.directory().join("ca.crt"));
    let mut untrusted = archive.settings("untrusted");
    untrusted["destinationPath"] = json!("s3://backups/other");
    let exporter = Exporter::start(every_second([settings, untrusted]).to_string()).await;

    let samples = wait_for_value(&exporter, "chain_valid", ENDPOINT, 1.0).await;
    // By the system's authorities, as the archive has no file of its own.
    wait_for_value(&exporter, "chain_valid", "s3/untrusted", 0.0).await;

    assert_eq!(
        certificate_info(&samples, ENDPOINT, "source").as_deref(),
        Some("s3")
    );
    assert_eq!(
        certificate_info(&samples, ENDPOINT, "subject").as_deref(),
        Some("CN=localhost")
    );
    for family in CERTIFICATE_FAMILIES {
        assert!(
            certificate_value(&samples, family, ENDPOINT).is_some(),
            "{family}"
        );
    }
}

#[tokio::test]
async fn an_endpoint_without_tls_has_none() {
    let archive = EmbeddedArchive::small(1000).await;
    archive.write("tls.crt", "");
    let tls = archive.directory().join("tls.crt");
    let exporter = watch_certificates(&archive, json!([{ "name": "file", "file": tls }])).await;

    let samples = wait_for_value(&exporter, "read_success", "file", 0.0).await;

    assert_eq!(certificate_value(&samples, "read_success", ENDPOINT), None);
}
