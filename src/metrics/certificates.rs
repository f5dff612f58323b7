//! Metrics under "Certificates".

use prometheus_client::registry::Unit;

use crate::x509::CertificateStatus;

use super::table::{Metric, Number, Values, labels};

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
        values: Values::Certificate(|one, _| Some(one.earliest()?.not_after.into())),
    },
    Metric {
        name: "certificate_not_before_timestamp",
        help: "Begin of the validity of the chain's certificate that ends first.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Certificate(|one, _| Some(one.earliest()?.not_before.into())),
    },
    Metric {
        name: "certificate_leaf_not_after_timestamp",
        help: "End of the validity of the leaf alone.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Certificate(|one, _| Some(one.chain()?.leaf().not_after.into())),
    },
    Metric {
        name: "certificate_chain_valid",
        help: "Whether the leaf verifies now against the CA given beside it, by name too in a \
               handshake; absent without a CA, and while it cannot be read.",
        unit: None,
        labels: &[],
        values: Values::Certificate(|one, now| one.chain_is_valid(now).map(Number::from)),
    },
    Metric {
        name: "certificate_read_success",
        help: "Whether the last reading succeeded; where not, the times are those last read.",
        unit: None,
        labels: &[],
        values: Values::Certificate(|one, _| Some(one.failure.is_none().into())),
    },
];

fn certificate_info(status: &CertificateStatus) -> Option<Vec<String>> {
    let leaf = status.chain()?.leaf();
    Some(labels([status.source.as_label(), &leaf.subject, &leaf.issuer, &leaf.serial]))
}
