//! Metrics under "Certificates".

use prometheus_client::registry::Unit;
use tls_certificates::x509::CertificateStatus;

use super::table::{Labels, Metric, Number, Values, labels};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "certificate_info",
        help: "What the leaf says of itself, and where it was read: file, postgresql or s3.",
        unit: None,
        labels: &["source", "subject", "issuer", "serial"],
        values: Values::CertificateInfo(certificate_info),
    },
    Metric {
        name: "certificate_not_after_timestamp",
        help: "End of the validity of the chain's certificate that ends first.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Certificate(|status, _| {
            Some(status.chain()?.first_to_end().not_after.into())
        }),
    },
    Metric {
        name: "certificate_not_before_timestamp",
        help: "Latest start of validity among the chain's certificates.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Certificate(|status, _| {
            Some(status.chain()?.last_to_begin().not_before.into())
        }),
    },
    Metric {
        name: "certificate_lifetime",
        help: "Full validity period of the chain's certificate that ends first.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Certificate(|status, _| {
            Some(status.chain()?.first_to_end().lifetime().into())
        }),
    },
    Metric {
        name: "certificate_leaf_not_after_timestamp",
        help: "End of the validity of the leaf alone.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Certificate(|status, _| Some(status.chain()?.leaf().not_after.into())),
    },
    Metric {
        name: "certificate_chain_valid",
        help: "Whether OpenSSL now verifies the leaf against the configured CA, and its name if read in \
               a handshake; absent without a CA or a verdict.",
        unit: None,
        labels: &[],
        values: Values::Certificate(|status, now| status.chain_is_valid(now).map(Number::from)),
    },
    Metric {
        name: "certificate_read_success",
        help: "Whether the last reading succeeded, including the CA file; if not, the times are those \
               last read.",
        unit: None,
        labels: &[],
        values: Values::Certificate(|status, _| Some(status.is_read().into())),
    },
];

fn certificate_info(status: &CertificateStatus) -> Option<Labels<'_>> {
    let leaf = status.chain()?.leaf();
    Some(labels([status.source.as_label(), &leaf.subject, &leaf.issuer, &leaf.serial]))
}
