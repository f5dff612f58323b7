//! Status of one certificate that is watched.
//!
//! `docs/specification.md`, 16.2.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Certificate, Chain, LastChain};

/// Source of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// A file.
    File,
    /// A handshake with a `PostgreSQL` server.
    PostgreSql,
    /// A handshake with the object storage of an archive.
    S3,
}

impl CertificateSource {
    /// The source as the text of a label.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::PostgreSql => "postgresql",
            Self::S3 => "s3",
        }
    }
}

/// One certificate, as of the last time that it was to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateStatus {
    /// The name that metrics show as `certificate`.
    pub name: String,
    /// Source of the certificate.
    pub source: CertificateSource,
    /// The path, address or URL.
    pub place: String,
    /// Time before its end at which it is worth a warning.
    pub warn_before: WarnBefore,
    /// The last chain that could be read; `None` as long as none could be.
    pub last: Option<LastChain>,
    /// Outcome of the verification in the last reading.
    pub verification: Verification,
    /// Reason why the last reading failed; `None` if it succeeded.
    pub failure: Option<String>,
}

/// Time before its end at which a certificate is worth a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarnBefore {
    /// Exactly this time.
    Exactly(TimeDelta),
    /// This time, or an eighth of the certificate's lifetime if that is less: a certificate for a day is
    /// renewed within its last hours.
    AtMost(TimeDelta),
}

impl WarnBefore {
    /// Returns the time for a certificate.
    #[must_use]
    pub fn of(self, certificate: &Certificate) -> TimeDelta {
        match self {
            Self::Exactly(time) => time,
            Self::AtMost(time) => time.min(certificate.lifetime() / SHARE_OF_LIFETIME),
        }
    }
}

/// Part of its lifetime that a certificate has left when it should have been renewed: one of this many.
pub const SHARE_OF_LIFETIME: i32 = 8;

/// Outcome of the verification of a leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// No CA is configured, or the certificate could not be read.
    NotAsked,
    /// The chain verifies.
    Verified,
    /// The chain does not verify, for this reason.
    Refused(String),
    /// The chain verifies for some clients only, for this reason.
    Unknown(String),
    /// The certificates of the CA cannot be read, for this reason.
    Unread(String),
}

/// Validity of a chain at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// Every certificate is within its time.
    Valid,
    /// The one that ends first is within its time, and not for long.
    Ending,
    /// The one that ends first has ended.
    Ended,
    /// The time of the one that begins last has not begun.
    NotYet,
}

impl CertificateStatus {
    /// The last chain that could be read.
    #[must_use]
    pub fn chain(&self) -> Option<&Chain> {
        self.last.as_ref().map(|last| &last.chain)
    }

    /// Returns whether the leaf verifies at a moment; `None` if that is not known.
    #[must_use]
    pub fn chain_is_valid(&self, now: DateTime<Utc>) -> Option<bool> {
        match self.verification {
            Verification::NotAsked | Verification::Unknown(_) | Verification::Unread(_) => None,
            Verification::Refused(_) => Some(false),
            Verification::Verified => Some(self.chain()?.leaf().covers(now)),
        }
    }

    /// Returns whether everything could be read the last time: the certificate, and the CA's if one is
    /// configured.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.failure.is_none() && !matches!(self.verification, Verification::Unread(_))
    }

    /// Returns the validity of the last chain that could be read, at a moment.
    #[must_use]
    pub fn validity(&self, now: DateTime<Utc>) -> Option<Validity> {
        let chain = self.chain()?;
        let left = chain.first_to_end().not_after - now;
        Some(if left < TimeDelta::zero() {
            Validity::Ended
        } else if now < chain.last_to_begin().not_before {
            Validity::NotYet
        } else if left < self.warn_before.of(chain.first_to_end()) {
            Validity::Ending
        } else {
            Validity::Valid
        })
    }

    /// The status with what is still known from the time before, where this reading failed.
    ///
    /// A certificate that cannot be read has not been renewed, as far as anyone knows: its end stays
    /// in sight. Whether it verifies is not known any more.
    #[must_use]
    pub fn after(mut self, before: Option<&Self>) -> Self {
        if self.failure.is_some() {
            self.last = before.and_then(|before| before.last.clone());
        }
        self
    }
}
