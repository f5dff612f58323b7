//! Metrics under "Certificates".

use prometheus_client::registry::Unit;
use tls_certificates::x509::CertificateStatus;

use super::table::{Labels, Metric, Number, Values, labels};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "certificate_info",
        help: "Subject, issuer and serial number of the leaf, and its source: file, postgresql or \
               s3.",
        unit: None,
        labels: &["source", "subject", "issuer", "serial"],
        values: Values::CertificateInfo(certificate_info),
    },
    Metric {
        name: "certificate_not_after_timestamp",
        help: "Earliest end of validity among the certificates of the chain.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Certificate(|status, _| {
            Some(status.chain()?.first_to_end().not_after.into())
        }),
    },
    Metric {
        name: "certificate_not_before_timestamp",
        help: "Latest start of validity among the certificates of the chain.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Certificate(|status, _| {
            Some(status.chain()?.last_to_begin().not_before.into())
        }),
    },
    Metric {
        name: "certificate_lifetime",
        help: "Full validity period of the certificate of the chain that ends first.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Certificate(|status, _| {
            Some(status.chain()?.first_to_end().lifetime().into())
        }),
    },
    Metric {
        name: "certificate_leaf_not_after_timestamp",
        help: "End of validity of the leaf alone.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Certificate(|status, _| Some(status.chain()?.leaf().not_after.into())),
    },
    Metric {
        name: "certificate_chain_valid",
        help: "Whether OpenSSL verifies the leaf now against the configured CA, and against its \
               name if it was read in a handshake; absent without a CA or a verdict.",
        unit: None,
        labels: &[],
        values: Values::Certificate(|status, now| status.chain_is_valid(now).map(Number::from)),
    },
    Metric {
        name: "certificate_read_success",
        help: "Whether the certificate and its CA file could be read the last time; if not, the \
               other metrics are of the last successful reading.",
        unit: None,
        labels: &[],
        values: Values::Certificate(|status, _| Some(status.is_read().into())),
    },
];

fn certificate_info(status: &CertificateStatus) -> Option<Labels<'_>> {
    let leaf = status.chain()?.leaf();
    Some(labels([
        status.source.as_label(),
        &leaf.subject,
        &leaf.issuer,
        &leaf.serial,
    ]))
}
