//! What is said of certificates: the entry of each, and what is not as it should be.

use chrono::{DateTime, Utc};
use serde::Serialize;
use tls_certificates::x509::{Certificate, CertificateStatus, Chain, Validity, Verification};

use super::human::{ago, duration, moment};
use super::{Finding, FindingCode, Moment, Severity};

/// One certificate. What it says of itself is `null` where it could not be read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CertificateEntry {
    /// The name that metrics show as `certificate`.
    pub name: String,
    /// Where it comes from: `file`, `postgresql` or `s3`.
    pub source: &'static str,
    /// The path, address or URL.
    pub place: String,
    /// The worst of the findings.
    pub status: Severity,
    /// What is not as it should be, worst first.
    pub findings: Vec<Finding>,
    /// Whom the leaf is about, as RFC 4514 writes it.
    pub subject: Option<String>,
    /// Who vouches for the leaf, in the same form.
    pub issuer: Option<String>,
    /// The leaf's serial number in hexadecimal digits.
    pub serial: Option<String>,
    /// Begin of the validity of the certificate of the chain that begins last.
    pub not_before: Option<Moment>,
    /// End of the validity of the certificate of the chain that ends first.
    pub not_after: Option<Moment>,
    /// Whole days until then, rounded down; below zero once it has ended.
    pub days_left: Option<i64>,
    /// End of the leaf's own validity.
    pub leaf_not_after: Option<Moment>,
    /// Whether the leaf verifies against the CA given; `null` without one, too.
    pub chain_valid: Option<bool>,
}

const DAY: i64 = 24 * 3600;

impl CertificateEntry {
    /// Judges a certificate as of a moment, by the last reading.
    #[must_use]
    pub fn new(status: &CertificateStatus, now: DateTime<Utc>) -> Self {
        let mut findings = findings(status, now);
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let leaf = status.chain().map(Chain::leaf);
        let of_leaf = |text: fn(&Certificate) -> &String| leaf.map(|leaf| text(leaf).clone());
        let first_to_end = status.chain().map(Chain::first_to_end);
        let last_to_begin = status.chain().map(Chain::last_to_begin);
        let seconds_left = first_to_end.map(|first| (first.not_after - now).num_seconds());
        Self {
            name: status.name.clone(),
            source: status.source.as_label(),
            place: status.place.clone(),
            status: Severity::worst(findings.iter().map(|finding| finding.severity)),
            findings,
            subject: of_leaf(|leaf| &leaf.subject),
            issuer: of_leaf(|leaf| &leaf.issuer),
            serial: of_leaf(|leaf| &leaf.serial),
            not_before: last_to_begin.map(|last| Moment(last.not_before)),
            not_after: first_to_end.map(|first| Moment(first.not_after)),
            days_left: seconds_left.map(|seconds| seconds.div_euclid(DAY)),
            leaf_not_after: leaf.map(|leaf| Moment(leaf.not_after)),
            chain_valid: status.chain_is_valid(now),
        }
    }

    /// When it ends, for people.
    pub(super) fn end_in_words(&self, now: DateTime<Utc>) -> Option<String> {
        let end = self.not_after?.0;
        let words = if end < now {
            format!("ended {}", ago(end, now))
        } else {
            format!("ends in {}", duration(end - now))
        };
        Some(format!("{words}, {}", moment(end)))
    }
}

fn findings(status: &CertificateStatus, now: DateTime<Utc>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(why) = &status.failure {
        let last = status.last.as_ref().map(|last| ago(last.read_at, now));
        let last = last.map_or_else(String::new, |ago| format!(" (last read {ago})"));
        let message = format!("The certificate cannot be read{last}: {why}");
        findings.push(Finding::new(Severity::Unknown, FindingCode::CertificateUnreadable, message));
    }
    findings.extend(validity(status, now));
    // What its dates say already is not said twice.
    let is_in_time = status.chain().is_some_and(|chain| chain.leaf().covers(now));
    match &status.verification {
        Verification::Refused(why) if is_in_time => {
            let (severity, code) = (Severity::Critical, FindingCode::CertificateInvalid);
            let message = format!("The certificate does not verify: {why}");
            findings.push(Finding::new(severity, code, message));
        }
        Verification::Unknown(why) | Verification::Unread(why) => {
            let (severity, code) = (Severity::Unknown, FindingCode::CertificateUnreadable);
            let message = format!("The certificate cannot be verified: {why}");
            findings.push(Finding::new(severity, code, message));
        }
        Verification::NotAsked | Verification::Verified | Verification::Refused(_) => {}
    }
    findings
}

fn validity(status: &CertificateStatus, now: DateTime<Utc>) -> Option<Finding> {
    let chain = status.chain()?;
    let which = in_words(chain, chain.first_to_end());
    let end = chain.first_to_end().not_after;
    let (severity, code, message) = match status.validity(now)? {
        Validity::Valid => return None,
        Validity::Ending => {
            let left = duration(end - now);
            let message = format!("{which} ends in {left}: it should have been renewed");
            (Severity::Warning, FindingCode::CertificateEnding, message)
        }
        // A server may send more than it takes, as for old clients.
        Validity::Ended if status.chain_is_valid(now) == Some(true) => {
            let message = format!("{which} ended {}; the leaf verifies without it", ago(end, now));
            (Severity::Warning, FindingCode::CertificateExpired, message)
        }
        Validity::Ended => (
            Severity::Critical,
            FindingCode::CertificateExpired,
            format!("{which} ended {}", ago(end, now)),
        ),
        Validity::NotYet => {
            let last = chain.last_to_begin();
            let (which, begin) = (in_words(chain, last), moment(last.not_before));
            let message = format!("{which} is not valid before {begin}");
            match status.chain_is_valid(now) {
                Some(true) => {
                    let message = format!("{message}; the leaf verifies without it");
                    (Severity::Warning, FindingCode::CertificateNotYetValid, message)
                }
                Some(false) | None => {
                    (Severity::Critical, FindingCode::CertificateNotYetValid, message)
                }
            }
        }
    };
    Some(Finding::new(severity, code, message))
}

/// Names a certificate of a chain.
fn in_words(chain: &Chain, certificate: &Certificate) -> String {
    if chain.leaf() == certificate {
        return "The certificate".to_owned();
    }
    format!("In the chain, the certificate of `{}`", certificate.subject)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use tls_certificates::x509::test_certificates::{Authority, now};
    use tls_certificates::x509::{CertificateSource, LastChain, WarnBefore};

    use super::*;

    /// A leaf that has an intermediate behind it which has ended.
    fn with_ended(verification: Verification) -> CertificateStatus {
        let root = Authority::new("root");
        let ended = root.intermediate("between", (2020, 2030));
        let chain = Chain::read(&[root.leaf().certificate, ended.certificate()]).unwrap();
        CertificateStatus {
            name: "orders".to_owned(),
            source: CertificateSource::PostgreSql,
            place: "orders-rw:5432".to_owned(),
            warn_before: WarnBefore::AtMost(TimeDelta::days(7)),
            last: Some(LastChain { chain, read_at: now() }),
            verification,
            failure: None,
        }
    }

    fn told(status: &CertificateStatus) -> Vec<(Severity, FindingCode, String)> {
        let entry = CertificateEntry::new(status, now());
        let findings = entry.findings.into_iter();
        findings.map(|finding| (finding.severity, finding.code, finding.message)).collect()
    }

    #[test]
    fn an_ended_certificate_that_the_leaf_does_not_need_is_a_warning() {
        let ended = "In the chain, the certificate of `CN=between` ended 165 days 12 hours ago";

        let verified = told(&with_ended(Verification::Verified));
        let unknown = told(&with_ended(Verification::NotAsked));

        let message = format!("{ended}; the leaf verifies without it");
        assert_eq!(verified, [(Severity::Warning, FindingCode::CertificateExpired, message)]);
        assert_eq!(
            unknown,
            [(Severity::Critical, FindingCode::CertificateExpired, ended.to_owned())]
        );
    }

    #[test]
    fn a_certificate_that_has_not_begun_counts_wherever_it_is_in_the_chain() {
        let root = Authority::new("root");
        let late = root.intermediate("between", (2031, 2032));
        let chain = Chain::read(&[root.leaf().certificate, late.certificate()]).unwrap();
        let last = Some(LastChain { chain, read_at: now() });
        let with =
            |verification| CertificateStatus { last: last.clone(), ..with_ended(verification) };

        let alone = told(&with(Verification::NotAsked));
        let verified = told(&with(Verification::Verified));

        let begins = "In the chain, the certificate of `CN=between` is not valid before \
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
        assert_eq!(told[1], (Severity::Unknown, FindingCode::CertificateUnreadable, message));
    }
}
