//! A chain of certificates, as far as monitoring needs it.

use chrono::{DateTime, Utc};
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::time::ASN1Time;

use super::name::{shown_name, shown_serial};

/// What one certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whom it is about: a distinguished name as RFC 4514 writes it, cut off if it is long.
    pub subject: String,
    /// Who vouches for it, in the same form.
    pub issuer: String,
    /// Its serial number in hexadecimal digits, cut off if it is long.
    pub serial: String,
    /// First moment at which it is valid.
    pub not_before: DateTime<Utc>,
    /// Last moment at which it is valid.
    pub not_after: DateTime<Utc>,
}

/// Of certificates that belong together, the leaf and the one that ends first: no more, however
/// many a file or a server has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    leaf: Certificate,
    earliest: Certificate,
}

/// The last chain that could be read, and when that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastChain {
    /// The chain.
    pub chain: Chain,
    /// When it was read.
    pub read_at: DateTime<Utc>,
}

/// A certificate is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCertificate {
    /// Its bytes make no sense.
    #[error("certificate {0} is no X.509 certificate")]
    Senseless(usize),
    /// There is not a single one.
    #[error("no certificate was given")]
    None,
}

impl Chain {
    /// Reads certificates whose first is the leaf.
    ///
    /// # Errors
    /// When one of them makes no sense, or there is none.
    pub fn read(certificates: &[CertificateDer<'_>]) -> Result<Self, InvalidCertificate> {
        let read = certificates.iter().zip(1..).map(|(der, number)| {
            Certificate::read(der).ok_or(InvalidCertificate::Senseless(number))
        });
        let read = read.collect::<Result<Vec<_>, _>>()?;
        let earliest = read.iter().min_by_key(|one| one.not_after).cloned();
        let leaf = read.into_iter().next();
        let (leaf, earliest) = leaf.zip(earliest).ok_or(InvalidCertificate::None)?;
        Ok(Self { leaf, earliest })
    }

    /// The certificate that the others vouch for: the first.
    #[must_use]
    pub const fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// The one that ends first.
    #[must_use]
    pub const fn earliest(&self) -> &Certificate {
        &self.earliest
    }
}

impl Certificate {
    fn read(der: &[u8]) -> Option<Self> {
        let parsed = parse(der)?;
        Some(Self {
            subject: shown_name(parsed.subject()),
            issuer: shown_name(parsed.issuer()),
            serial: shown_serial(parsed.raw_serial()),
            not_before: moment(parsed.validity().not_before)?,
            not_after: moment(parsed.validity().not_after)?,
        })
    }

    /// Whether a moment lies within its validity.
    #[must_use]
    pub fn covers(&self, now: DateTime<Utc>) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }
}

/// A certificate, and nothing after it.
pub(super) fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    let (rest, parsed) = x509_parser::parse_x509_certificate(der).ok()?;
    rest.is_empty().then_some(parsed)
}

fn moment(time: ASN1Time) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.timestamp(), 0)
}

/// The public key of a certificate (`SubjectPublicKeyInfo`, DER); `None` where it is none.
#[must_use]
pub fn public_key(der: &[u8]) -> Option<&[u8]> {
    Some(parse(der)?.tbs_certificate.subject_pki.raw)
}
