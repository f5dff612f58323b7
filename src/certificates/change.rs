//! Log of what changes about certificates.

use tls_certificates::x509::{CertificateStatus, Verification};
use tracing::{info, warn};

/// Logs what is new since the previous reading; nothing if all is as before.
pub(super) fn log(before: Option<&CertificateStatus>, now: &CertificateStatus) {
    if now.failure.is_some() {
        log_failure(before, now);
        return;
    }
    let read_before = before.filter(|before| before.failure.is_none());
    if read_before.and_then(CertificateStatus::chain) != now.chain() {
        log_chain(now);
    }
    if read_before.map(|before| &before.verification) != Some(&now.verification) {
        log_verification(now);
    }
}

fn log_failure(before: Option<&CertificateStatus>, now: &CertificateStatus) {
    let Some(error) = &now.failure else { return };
    let previous_error = before.and_then(|before| before.failure.as_ref());
    if previous_error != Some(error) {
        let (certificate, place) = (&now.name, &now.place);
        warn!(target: "certificates", certificate, place, error, "A certificate cannot be read");
    }
}

fn log_chain(now: &CertificateStatus) {
    let (certificate, place) = (&now.name, &now.place);
    let chain = now.chain();
    let serial = chain.map(|chain| chain.leaf().serial.as_str());
    let not_after = chain.map(|chain| chain.first_to_end().not_after.to_rfc3339());
    info!(target: "certificates", certificate, place, serial, not_after, "A certificate was read");
}

fn log_verification(now: &CertificateStatus) {
    let (certificate, place) = (&now.name, &now.place);
    match &now.verification {
        Verification::NotAsked | Verification::Verified => {}
        Verification::Refused(error) => {
            warn!(target: "certificates", certificate, place, error, "A certificate does not verify");
        }
        Verification::Unknown(error) | Verification::Unread(error) => {
            warn!(target: "certificates", certificate, place, error, "A certificate cannot be verified");
        }
    }
}
