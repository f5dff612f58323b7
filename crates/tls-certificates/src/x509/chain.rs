//! A chain of certificates, as far as monitoring needs it.

use chrono::{DateTime, TimeDelta, Utc};
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::x509::{X509, X509Ref};

use super::name::{shown_name, shown_serial};

/// Names and validity of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Distinguished name of its owner as RFC 4514 writes it, truncated if it is long.
    pub subject: String,
    /// Distinguished name of the CA that signed it, in the same form.
    pub issuer: String,
    /// Serial number in hexadecimal digits, truncated if it is long.
    pub serial: String,
    /// First moment at which it is valid.
    pub not_before: DateTime<Utc>,
    /// Last moment at which it is valid.
    pub not_after: DateTime<Utc>,
}

/// Certificates that belong together: of however many a file or a server has, the leaf and those that
/// bound the validity of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    leaf: Certificate,
    first_to_end: Certificate,
    last_to_begin: Certificate,
}

/// The last chain that could be read, and when that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastChain {
    /// The chain.
    pub chain: Chain,
    /// Time of the reading.
    pub read_at: DateTime<Utc>,
}

/// Reason why certificates make no chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCertificate {
    /// A certificate with times that make no sense.
    #[error("the validity of certificate {0} cannot be read")]
    Validity(usize),
    /// No certificate at all.
    #[error("no certificate was given")]
    None,
}

impl Chain {
    /// Reads certificates whose first is the leaf.
    ///
    /// # Errors
    /// If one of them makes no sense, or there is none.
    pub fn read(certificates: &[X509]) -> Result<Self, InvalidCertificate> {
        let read = certificates.iter().zip(1..).map(|(certificate, number)| {
            Certificate::read(certificate).ok_or(InvalidCertificate::Validity(number))
        });
        let read = read.collect::<Result<Vec<_>, _>>()?;
        let first_to_end = read.iter().min_by_key(|certificate| certificate.not_after);
        // Of several that begin together, the leaf.
        let last_to_begin = read
            .iter()
            .rev()
            .max_by_key(|certificate| certificate.not_before);
        let (Some(leaf), Some(first_to_end), Some(last_to_begin)) =
            (read.first(), first_to_end, last_to_begin)
        else {
            return Err(InvalidCertificate::None);
        };
        Ok(Self {
            leaf: leaf.clone(),
            first_to_end: first_to_end.clone(),
            last_to_begin: last_to_begin.clone(),
        })
    }

    /// Returns the first certificate, which is about the server or client itself.
    #[must_use]
    pub const fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// Returns the certificate that ends first.
    #[must_use]
    pub const fn first_to_end(&self) -> &Certificate {
        &self.first_to_end
    }

    /// Returns the certificate that begins last.
    #[must_use]
    pub const fn last_to_begin(&self) -> &Certificate {
        &self.last_to_begin
    }
}

impl Certificate {
    fn read(certificate: &X509Ref) -> Option<Self> {
        Some(Self {
            subject: shown_name(certificate.subject_name()),
            issuer: shown_name(certificate.issuer_name()),
            serial: shown_serial(certificate.serial_number()),
            not_before: moment(certificate.not_before())?,
            not_after: moment(certificate.not_after())?,
        })
    }

    /// Returns whether a moment lies within its validity.
    #[must_use]
    pub fn covers(&self, now: DateTime<Utc>) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }

    /// Returns how long it is valid in all.
    #[must_use]
    pub fn lifetime(&self) -> TimeDelta {
        self.not_after - self.not_before
    }
}

fn moment(time: &Asn1TimeRef) -> Option<DateTime<Utc>> {
    let since_epoch = Asn1Time::from_unix(0).ok()?.diff(time).ok()?;
    let seconds = i64::from(since_epoch.days) * 86_400 + i64::from(since_epoch.secs);
    DateTime::from_timestamp(seconds, 0)
}
