//! Certificates on the landing page.

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use tls_certificates::x509::CertificateStatus;

use super::overview::{class, when};
use crate::health::{Severity, certificate_findings};
use crate::output::sentence;

/// Shows a table of certificates; nothing without any.
pub(super) fn certificates(certificates: &[CertificateStatus], now: DateTime<Utc>) -> Markup {
    html! {
        @if !certificates.is_empty() {
            h2 { "Certificates" }
            div.wide { table {
                thead { tr {
                    th { "Certificate" } th { "Subject" } th { "Expiry" } th { "Status" }
                } }
                tbody { @for certificate in certificates { (row(certificate, now)) } }
            } }
        }
    }
}

fn row(certificate: &CertificateStatus, now: DateTime<Utc>) -> Markup {
    let findings = certificate_findings(certificate, now);
    let status = Severity::worst(findings.iter().map(|finding| finding.severity));
    let chain = certificate.chain();
    let subject = chain.map_or("–", |chain| chain.leaf().subject.as_str());
    let ends_at = chain.map(|chain| chain.first_to_end().not_after);
    html! {
        tr {
            td {
                strong { (certificate.name) }
                small { (certificate.source.as_label()) ": " (certificate.place) }
            }
            td { (subject) }
            td { (when(ends_at, now, "unknown")) }
            td {
                span class=(class(status)) { (status.as_label()) }
                @for finding in &findings { small { (sentence(finding, now)) } }
            }
        }
    }
}
