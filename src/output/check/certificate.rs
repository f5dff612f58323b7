//! Certificates in JSON.

use chrono::{DateTime, Utc};
use serde::Serialize;
use tls_certificates::x509::{CertificateSource, CertificateStatus, Chain};

use crate::health::{Severity, certificate_findings};
use crate::output::words::{distance, moment_in_words};
use crate::output::{FindingEntry, Label, Moment};

/// One certificate. Fields that describe the certificate are `null` if it could not be read.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CertificateEntry {
    /// Name, as in the label `certificate` of metrics.
    pub name: String,
    /// Source of the certificate: `file`, `postgresql` or `s3`.
    pub source: Label<CertificateSource>,
    /// Path, address or URL.
    pub place: String,
    /// Worst severity of the findings.
    pub status: Label<Severity>,
    /// Findings, worst first.
    pub findings: Vec<FindingEntry>,
    /// Subject of the leaf, as RFC 4514 writes it.
    pub subject: Option<String>,
    /// Issuer of the leaf, as RFC 4514 writes it.
    pub issuer: Option<String>,
    /// Serial number of the leaf, in hexadecimal digits.
    pub serial: Option<String>,
    /// Latest start of validity among the certificates of the chain.
    pub not_before: Option<Moment>,
    /// Earliest end of validity among the certificates of the chain.
    pub not_after: Option<Moment>,
    /// Number of days until then, rounded down; negative after it.
    pub days_left: Option<i64>,
    /// End of the validity of the leaf.
    pub leaf_not_after: Option<Moment>,
    /// True if the leaf verifies against the configured CA; `null` if unknown, and without a CA.
    pub chain_valid: Option<bool>,
}

/// Number of seconds in a day.
const DAY: i64 = 24 * 3600;

impl CertificateEntry {
    /// Judges a certificate as of a moment, by the last reading.
    #[must_use]
    pub fn new(status: &CertificateStatus, now: DateTime<Utc>) -> Self {
        let findings = certificate_findings(status, now);
        let chain = status.chain();
        let leaf = chain.map(Chain::leaf);
        let first_to_end = chain.map(Chain::first_to_end);
        let last_to_begin = chain.map(Chain::last_to_begin);
        let seconds_left = first_to_end.map(|first| (first.not_after - now).num_seconds());
        Self {
            name: status.name.clone(),
            source: Label(status.source),
            place: status.place.clone(),
            status: Label(Severity::worst(
                findings.iter().map(|finding| finding.severity),
            )),
            findings: FindingEntry::all(&findings, now),
            subject: leaf.map(|leaf| leaf.subject.clone()),
            issuer: leaf.map(|leaf| leaf.issuer.clone()),
            serial: leaf.map(|leaf| leaf.serial.clone()),
            not_before: last_to_begin.map(|last| Moment(last.not_before)),
            not_after: first_to_end.map(|first| Moment(first.not_after)),
            days_left: seconds_left.map(|seconds| seconds.div_euclid(DAY)),
            leaf_not_after: leaf.map(|leaf| Moment(leaf.not_after)),
            chain_valid: status.chain_is_valid(now),
        }
    }

    /// Describes its end.
    pub(super) fn end_in_words(&self, now: DateTime<Utc>) -> Option<String> {
        let end = self.not_after?.0;
        let verb = if end < now { "expired" } else { "expires" };
        Some(format!(
            "{verb} {}, {}",
            distance(end, now),
            moment_in_words(end)
        ))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use tls_certificates::x509::test_certificates::{Authority, now};
    use tls_certificates::x509::{LastChain, Verification, WarnBefore};

    use super::*;
    use crate::health::FindingCode;

    /// Leaf with an expired intermediate certificate behind it.
    fn with_ended(verification: Verification) -> CertificateStatus {
        let root = Authority::new("root");
        let ended = root.intermediate("between", 2020..2030);
        let chain = Chain::read(&[root.leaf().certificate, ended.certificate()]).unwrap();
        CertificateStatus {
            name: "orders".to_owned(),
            source: CertificateSource::PostgreSql,
            place: "orders-rw:5432".to_owned(),
            warn_before: WarnBefore::AtMost(TimeDelta::days(7)),
            last: Some(LastChain {
                chain,
                read_at: now(),
            }),
            verification,
            failure: None,
        }
    }

    fn told(status: &CertificateStatus) -> Vec<(Severity, FindingCode, String)> {
        let entry = CertificateEntry::new(status, now());
        let findings = entry.findings.into_iter();
        findings
            .map(|finding| (finding.severity.0, finding.code.0, finding.message))
            .collect()
    }

    #[test]
    fn an_expired_certificate_the_leaf_does_not_need_is_a_warning() {
        let ended = "The certificate of `CN=between` in the chain expired 165 days 12 hours ago";

        let verified = told(&with_ended(Verification::Verified));
        let unknown = told(&with_ended(Verification::NotAsked));

        let message = format!("{ended}; the leaf verifies without it");
        assert_eq!(
            verified,
            [(Severity::Warning, FindingCode::CertificateExpired, message)]
        );
        assert_eq!(
            unknown,
            [(
                Severity::Critical,
                FindingCode::CertificateExpired,
                ended.to_owned()
            )]
        );
    }

    #[test]
    fn a_not_yet_valid_certificate_counts_anywhere_in_the_chain() {
        let root = Authority::new("root");
        let late = root.intermediate("between", 2031..2032);
        let chain = Chain::read(&[root.leaf().certificate, late.certificate()]).unwrap();
        let last = Some(LastChain {
            chain,
            read_at: now(),
        });
        let with = |verification| CertificateStatus {
            last: last.clone(),
            ..with_ended(verification)
        };

        let alone = told(&with(Verification::NotAsked));
        let verified = told(&with(Verification::Verified));

        let begins = "The certificate of `CN=between` in the chain is not valid before \
                      2031-01-01 00:00:00 UTC";
        let code = FindingCode::CertificateNotYetValid;
        assert_eq!(alone, [(Severity::Critical, code, begins.to_owned())]);
        let harmless = format!("{begins}; the leaf verifies without it");
        assert_eq!(verified, [(Severity::Warning, code, harmless)]);
    }

    #[test]
    fn what_cannot_be_read_any_more_is_told_with_when_it_was() {
        let before = CertificateStatus {
            failure: Some("gone".to_owned()),
            ..with_ended(Verification::NotAsked)
        };

        let told = told(&before);

        assert_eq!(told.len(), 2);
        let message = "The certificate cannot be read (last read 0 seconds ago): gone".to_owned();
        assert_eq!(
            told[1],
            (
                Severity::Unknown,
                FindingCode::CertificateUnreadable,
                message
            )
        );
    }
}
