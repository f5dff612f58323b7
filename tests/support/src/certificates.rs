//! Exporter that watches certificates, and the values on its page.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{EmbeddedArchive, Exporter, Samples, every_second};

/// Name of the archive in the exporter's configuration.
pub const CERTIFICATE_ARCHIVE: &str = "production";

/// Time for one or two readings, with a large margin.
pub const SOON: Duration = Duration::from_secs(30);

/// Families about certificates that have one value.
pub const CERTIFICATE_FAMILIES: [&str; 5] = [
    "not_after_timestamp_seconds",
    "not_before_timestamp_seconds",
    "leaf_not_after_timestamp_seconds",
    "chain_valid",
    "read_success",
];

/// Exporter that reads certificates every second.
pub async fn watch_certificates(archive: &EmbeddedArchive, certificates: Value) -> Exporter {
    let mut configuration = every_second([archive.settings(CERTIFICATE_ARCHIVE)]);
    configuration["certificateWatch"] = json!({ "schedule": "* * * * * *", "timeout": "2s" });
    configuration["certificates"] = certificates;
    Exporter::start(configuration.to_string()).await
}

/// Value of a certificate; `None` if it is absent.
#[must_use]
pub fn certificate_value(samples: &Samples, family: &str, certificate: &str) -> Option<f64> {
    let name = format!("barman_cloud_certificate_{family}");
    samples.value(&name, &[("certificate", certificate)])
}

/// Label of the one series that describes a certificate.
#[must_use]
pub fn certificate_info(samples: &Samples, certificate: &str, label: &str) -> Option<String> {
    let labels = [("certificate", certificate)];
    match samples
        .all("barman_cloud_certificate_info", &labels)
        .as_slice()
    {
        [] => None,
        [only] => Some(only.label(label).to_owned()),
        several => panic!("more than one series: {several:#?}"),
    }
}

/// Waits until a certificate is that of a subject.
pub async fn wait_for_subject(exporter: &Exporter, certificate: &str, subject: &str) -> Samples {
    let is_there = |samples: &Samples| {
        certificate_info(samples, certificate, "subject").is_some_and(|found| found == subject)
    };
    exporter.wait_for(subject, SOON, is_there).await
}

/// Waits until a family has a value.
pub async fn wait_for_value(
    exporter: &Exporter,
    family: &str,
    certificate: &str,
    wanted: f64,
) -> Samples {
    let is_there =
        |samples: &Samples| certificate_value(samples, family, certificate) == Some(wanted);
    exporter.wait_for(family, SOON, is_there).await
}
