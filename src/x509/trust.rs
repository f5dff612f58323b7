//! Whether a certificate verifies.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use super::InvalidCertificate;
use super::chain::parse;

/// What a certificate is for, and so how it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A server's or a client's, of whatever name.
    Any,
    /// A `PostgreSQL` server's of this name, by libpq's rules.
    PostgreSql(ServerName<'static>),
    /// A web server's of this name.
    Web(ServerName<'static>),
}

/// Whom to trust.
#[derive(Clone, Debug)]
pub struct Authorities(Vec<CertificateDer<'static>>);

/// Why a certificate does not verify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// Before its time.
    #[error("it is not valid yet")]
    NotYet,
    /// After its time.
    #[error("it has expired")]
    Expired,
    /// No certificate of the CA leads to it.
    #[error("none of the CA's certificates vouches for it")]
    UnknownIssuer,
    /// One does, and must not today.
    #[error("a certificate that vouches for it has expired or is not valid yet")]
    AuthorityExpired,
    /// Who vouches for it is right by name, and did not sign it.
    #[error("it was not signed with the key of the CA's certificate")]
    Signature,
    /// It is another server's.
    #[error("it is not valid for the name `{0}`")]
    Name(String),
    /// It is not for TLS.
    #[error("its extended key usage does not allow it")]
    Usage,
    /// Anything else.
    #[error("it cannot be verified: {0}")]
    Other(#[from] webpki::Error),
}

impl Authorities {
    /// The certificates of CAs.
    ///
    /// # Errors
    /// When one of them makes no sense, or there is none.
    pub fn new(certificates: Vec<CertificateDer<'static>>) -> Result<Self, InvalidCertificate> {
        if certificates.is_empty() {
            return Err(InvalidCertificate::None);
        }
        for (der, number) in certificates.iter().zip(1..) {
            let is_sound = parse(der).is_some() && anchor_from_trusted_cert(der).is_ok();
            is_sound.then_some(()).ok_or(InvalidCertificate::Senseless(number))?;
        }
        Ok(Self(certificates))
    }

    /// Those of several that make sense, as of a system's, which nobody here can put right.
    #[must_use]
    pub fn from_sound(certificates: Vec<CertificateDer<'static>>) -> Self {
        let is_sound = |der: &CertificateDer<'_>| parse(der).is_some();
        Self(certificates.into_iter().filter(is_sound).collect())
    }

    /// Verifies the first of some certificates, with the help of the others, as of a moment.
    ///
    /// Without any revocation.
    ///
    /// # Errors
    /// When it does not verify.
    pub fn verify(
        &self,
        chain: &[CertificateDer<'_>],
        purpose: &Purpose,
        now: DateTime<Utc>,
    ) -> Result<(), Untrusted> {
        let (leaf, intermediates) =
            chain.split_first().ok_or(Untrusted::Other(webpki::Error::BadDer))?;
        self.verify_issue(leaf, intermediates, purpose, now)?;
        verify_name(leaf, purpose)
    }

    fn verify_issue(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        purpose: &Purpose,
        now: DateTime<Utc>,
    ) -> Result<(), Untrusted> {
        let by_libpq = !matches!(purpose, Purpose::Web(_));
        if by_libpq
            && self.0.contains(leaf)
            && let Some(leaf) = parse(leaf).filter(|leaf| leaf.subject() == leaf.issuer())
        {
            // OpenSSL takes one that vouches for itself; of others it wants the issuer too.
            return within_validity(&leaf, now);
        }
        let is_valid = |der: &&CertificateDer<'_>| {
            parse(der).is_some_and(|one| within_validity(&one, now).is_ok())
        };
        let valid: Vec<_> = self.0.iter().filter(is_valid).collect();
        match verify_path(leaf, intermediates, &valid, purpose, now) {
            Err(Untrusted::UnknownIssuer) => {
                let all: Vec<_> = self.0.iter().collect();
                let by_all = verify_path(leaf, intermediates, &all, purpose, now);
                Err(by_all.err().unwrap_or(Untrusted::AuthorityExpired))
            }
            Err(Untrusted::Other(
                webpki::Error::UnsupportedCertVersion | webpki::Error::CaUsedAsEndEntity,
            )) if by_libpq => self.verify_directly(leaf, now),
            Err(Untrusted::Expired | Untrusted::NotYet)
                if parse(leaf).is_some_and(|leaf| within_validity(&leaf, now).is_ok()) =>
            {
                Err(Untrusted::AuthorityExpired)
            }
            ended => ended,
        }
    }

    /// OpenSSL takes what webpki does not: leaves of version 1 and such as are CAs themselves.
    /// They verify here where one of the CA's certificates has signed them.
    fn verify_directly(&self, leaf: &[u8], now: DateTime<Utc>) -> Result<(), Untrusted> {
        let leaf = parse(leaf).ok_or(webpki::Error::BadDer)?;
        within_validity(&leaf, now)?;
        let authorities: Vec<_> = self.0.iter().filter_map(|der| parse(der)).collect();
        let by_name = authorities.iter().filter(|ca| ca.subject() == leaf.issuer());
        let mut found = Err(Untrusted::UnknownIssuer);
        for authority in by_name {
            if leaf.verify_signature(Some(authority.public_key())).is_err() {
                found = found.or(Err(Untrusted::Signature));
            } else if within_validity(authority, now).is_err() {
                found = Err(Untrusted::AuthorityExpired);
            } else {
                return Ok(());
            }
        }
        found
    }
}

fn within_validity(certificate: &X509Certificate<'_>, now: DateTime<Utc>) -> Result<(), Untrusted> {
    let validity = certificate.validity();
    if now.timestamp() < validity.not_before.timestamp() {
        Err(Untrusted::NotYet)
    } else if now.timestamp() > validity.not_after.timestamp() {
        Err(Untrusted::Expired)
    } else {
        Ok(())
    }
}

fn verify_path(
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    authorities: &[&CertificateDer<'_>],
    purpose: &Purpose,
    now: DateTime<Utc>,
) -> Result<(), Untrusted> {
    let anchors = authorities.iter().filter_map(|der| anchor_from_trusted_cert(der).ok());
    let anchors: Vec<TrustAnchor<'_>> = anchors.collect();
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let certificate = EndEntityCert::try_from(leaf).map_err(translated)?;
    let verify = |usage: KeyUsage| {
        let algorithms = ring::default_provider().signature_verification_algorithms.all;
        let path = certificate.verify_for_usage(
            algorithms,
            &anchors,
            intermediates,
            time,
            usage,
            None,
            None,
        );
        path.map(drop).map_err(translated)
    };
    match (verify(KeyUsage::server_auth()), purpose) {
        (Err(Untrusted::Usage), Purpose::Any) => verify(KeyUsage::client_auth()),
        (ended, _) => ended,
    }
}

fn verify_name(leaf: &CertificateDer<'_>, purpose: &Purpose) -> Result<(), Untrusted> {
    let (name, by_libpq) = match purpose {
        Purpose::Any => return Ok(()),
        Purpose::PostgreSql(name) => (name, true),
        Purpose::Web(name) => (name, false),
    };
    let parsed = parse(leaf).ok_or(webpki::Error::BadDer)?;
    let wrong = || Untrusted::Name(name.to_str().into_owned());
    if by_libpq && !has_names_like(&parsed, name) {
        let common = parsed.subject().iter_common_name().next();
        let common = common.and_then(|common| common.as_str().ok());
        let is_named = common.is_some_and(|common| is_name(common, &name.to_str()));
        return is_named.then_some(()).ok_or_else(wrong);
    }
    let certificate = EndEntityCert::try_from(leaf).map_err(translated)?;
    certificate.verify_is_valid_for_subject_name(name).map_err(|_| wrong())
}

/// Whether there are alternative names of the kind that a host's is.
///
/// libpq falls back to the first common name where there are none (`PostgreSQL`'s source,
/// `pgtls_verify_peer_name_matches_certificate_guts`).
fn has_names_like(certificate: &X509Certificate<'_>, host: &ServerName<'_>) -> bool {
    let Ok(names) = certificate.subject_alternative_name() else { return true };
    let names = names.iter().flat_map(|names| &names.value.general_names);
    let is_address = matches!(host, ServerName::IpAddress(_));
    names.into_iter().any(|name| {
        matches!(
            (name, is_address),
            (GeneralName::DNSName(_), false) | (GeneralName::IPAddress(_), true)
        )
    })
}

/// Whether a common name is a host's; an asterisk stands for its first part.
fn is_name(common: &str, host: &str) -> bool {
    let rest = |name: &str| name.split_once('.').map(|(_, rest)| rest.to_ascii_lowercase());
    if common.starts_with("*.") {
        return rest(common).is_some() && rest(common) == rest(host);
    }
    common.eq_ignore_ascii_case(host)
}

fn translated(error: webpki::Error) -> Untrusted {
    #[expect(clippy::wildcard_enum_match_arm, reason = "webpki adds errors at will")]
    match error {
        webpki::Error::CertNotValidYet { .. } => Untrusted::NotYet,
        webpki::Error::CertExpired { .. } => Untrusted::Expired,
        webpki::Error::UnknownIssuer => Untrusted::UnknownIssuer,
        webpki::Error::InvalidSignatureForPublicKey => Untrusted::Signature,
        webpki::Error::RequiredEkuNotFoundContext(_) => Untrusted::Usage,
        other => Untrusted::Other(other),
    }
}
