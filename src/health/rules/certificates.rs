//! Rules on certificates.

use tls_certificates::x509::{Certificate, Chain, Validity, Verification};

use super::WatchedCertificate;
use crate::health::{Evidence, Finding, MemberOfChain, Severity};

pub(super) fn unreadable(subject: &WatchedCertificate<'_>) -> Option<Finding> {
    let reason = subject.status.failure.clone()?;
    let last_read_at = subject.status.last.as_ref().map(|last| last.read_at);
    Some(Finding::unknown(Evidence::CertificateUnreadable {
        reason,
        last_read_at,
    }))
}

/// Finding on a certificate that should have been renewed.
pub(super) fn ending(subject: &WatchedCertificate<'_>) -> Option<Finding> {
    let chain = subject.status.chain()?;
    if subject.status.validity(subject.now)? != Validity::Ending {
        return None;
    }
    let certificate = member(chain, chain.first_to_end());
    let ends_at = chain.first_to_end().not_after;
    Some(Finding::warning(Evidence::CertificateEnding {
        certificate,
        ends_at,
    }))
}

pub(super) fn expired(subject: &WatchedCertificate<'_>) -> Option<Finding> {
    let chain = subject.status.chain()?;
    if subject.status.validity(subject.now)? != Validity::Ended {
        return None;
    }
    let certificate = member(chain, chain.first_to_end());
    let ended_at = chain.first_to_end().not_after;
    let leaf_verifies = leaf_verifies(subject);
    let evidence = Evidence::CertificateExpired {
        certificate,
        ended_at,
        leaf_verifies,
    };
    Some(Finding {
        severity: severity(leaf_verifies),
        evidence,
    })
}

pub(super) fn not_yet_valid(subject: &WatchedCertificate<'_>) -> Option<Finding> {
    let chain = subject.status.chain()?;
    if subject.status.validity(subject.now)? != Validity::NotYet {
        return None;
    }
    let certificate = member(chain, chain.last_to_begin());
    let begins_at = chain.last_to_begin().not_before;
    let leaf_verifies = leaf_verifies(subject);
    let evidence = Evidence::CertificateNotYetValid {
        certificate,
        begins_at,
        leaf_verifies,
    };
    Some(Finding {
        severity: severity(leaf_verifies),
        evidence,
    })
}

/// Finding on a certificate that OpenSSL refuses, unless its dates already explain it.
pub(super) fn invalid(subject: &WatchedCertificate<'_>) -> Option<Finding> {
    let Verification::Refused(reason) = &subject.status.verification else {
        return None;
    };
    let leaf = subject.status.chain()?.leaf();
    if !leaf.covers(subject.now) {
        return None;
    }
    Some(Finding::critical(Evidence::CertificateInvalid {
        reason: reason.clone(),
    }))
}

pub(super) fn unverified(subject: &WatchedCertificate<'_>) -> Option<Finding> {
    match &subject.status.verification {
        Verification::Unknown(reason) | Verification::Unread(reason) => {
            let reason = reason.clone();
            Some(Finding::unknown(Evidence::CertificateUnverified { reason }))
        }
        Verification::NotAsked | Verification::Verified | Verification::Refused(_) => None,
    }
}

/// Returns whether the leaf verifies all the same: a server may send more certificates than it
/// needs, for example for old clients.
fn leaf_verifies(subject: &WatchedCertificate<'_>) -> bool {
    subject.status.chain_is_valid(subject.now) == Some(true)
}

const fn severity(leaf_verifies: bool) -> Severity {
    if leaf_verifies {
        Severity::Warning
    } else {
        Severity::Critical
    }
}

fn member(chain: &Chain, certificate: &Certificate) -> MemberOfChain {
    if chain.leaf() == certificate {
        MemberOfChain::Leaf
    } else {
        MemberOfChain::Authority(certificate.subject.clone())
    }
}
