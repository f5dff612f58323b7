//! `OpenSSL`'s verdict on certificates, with the settings of the clients.
//!
//! `docs/specification.md`, 16.3.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::ssl::SslFiletype;
use openssl::stack::Stack;
use openssl::x509::store::{X509Lookup, X509Store, X509StoreBuilder, X509StoreRef};
use openssl::x509::verify::X509VerifyParam;
use openssl::x509::{
    X509, X509ExtendedKeyUsage, X509KeyUsage, X509PurposeId, X509Ref, X509StoreContext,
    X509VerifyResult,
};

use super::Host;
use super::der::is_ca;
use super::host_match::{is_host_for_libpq, is_host_for_urllib3};
use super::name::shown_name;

/// Security level that keys and signatures must reach: the default of Debian's and Red Hat's
/// `OpenSSL`, of `OpenSSL` itself since 3.2, and what Python asks for.
const SECURITY_LEVEL: i32 = 2;

/// Purpose of a certificate, which decides how it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A server's, a client's or a CA's, of any name.
    Any,
    /// A `PostgreSQL` server's of this name, by libpq's rules.
    PostgreSql(Host),
    /// An object storage's of this name, by the rules of Barman's S3 client.
    Web(Host),
}

/// Certificates that are trusted.
#[derive(Clone, Debug)]
pub struct Authorities {
    /// Certificates in the order of the file.
    certificates: Vec<X509>,
    /// Directories in which `OpenSSL` looks for more.
    directories: Vec<PathBuf>,
}

/// Reason why a certificate does not verify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// `OpenSSL` refuses a certificate of the chain.
    #[error("OpenSSL refuses the certificate of `{subject}`: {reason}")]
    Refused {
        /// `OpenSSL`'s reason.
        reason: &'static str,
        /// Owner of the certificate.
        subject: String,
    },
    /// The certificate is another server's.
    #[error("it is not valid for the name `{0}`")]
    Name(String),
    /// There is no verdict, for this reason.
    #[error("{0}")]
    Unknown(&'static str),
}

/// Results of `OpenSSL` that say nothing about the certificate (`x509_vfy.h`): unspecified, out of
/// memory, invalid call, store lookup.
const NO_VERDICTS: [i32; 4] = [1, 17, 69, 70];

impl Authorities {
    /// Trusts these certificates.
    pub(crate) const fn of(certificates: Vec<X509>) -> Self {
        Self {
            certificates,
            directories: Vec::new(),
        }
    }

    /// Takes over the certificates that `OpenSSL` has loaded, in their order.
    #[must_use]
    pub fn of_store(store: &X509StoreRef) -> Self {
        Self::of(store.all_certificates().into_iter().collect())
    }

    /// Trusts the certificates in some directories too, in which a file is named after the hash of its
    /// certificate's subject.
    #[must_use]
    pub fn and_in(self, directories: Vec<PathBuf>) -> Self {
        Self {
            directories,
            ..self
        }
    }

    /// Verifies the first of some certificates, with the help of the others, as of a moment.
    ///
    /// Does not look at revocations.
    ///
    /// # Errors
    /// If it does not verify, or `OpenSSL` cannot tell.
    pub fn verify(
        &self,
        chain: &[X509],
        purpose: &Purpose,
        now: DateTime<Utc>,
    ) -> Result<(), Untrusted> {
        let Some(leaf) = chain.first() else {
            return Err(Untrusted::Unknown("no certificate"));
        };
        let verify = |purpose| self.verify_for(chain, purpose, now);
        match purpose {
            Purpose::Any => verify(purpose_of(leaf)).and_then(|()| verify_key(leaf)),
            Purpose::PostgreSql(host) => {
                verify(X509PurposeId::SSL_SERVER)?;
                verify_name(leaf, host, is_host_for_libpq)?;
                verify_key(leaf)
            }
            Purpose::Web(host) => {
                verify(X509PurposeId::SSL_SERVER)?;
                verify_name(leaf, host, is_host_for_urllib3)?;
                verify_key(leaf)
            }
        }
    }

    fn verify_for(
        &self,
        chain: &[X509],
        purpose: X509PurposeId,
        now: DateTime<Utc>,
    ) -> Result<(), Untrusted> {
        let verified = self.openssl_verdict(chain, purpose, now);
        verified.unwrap_or(Err(Untrusted::Unknown("OpenSSL reports no verdict")))
    }

    fn openssl_verdict(
        &self,
        chain: &[X509],
        purpose: X509PurposeId,
        now: DateTime<Utc>,
    ) -> Result<Result<(), Untrusted>, ErrorStack> {
        let Some((leaf, others)) = chain.split_first() else {
            return Ok(Err(Untrusted::Unknown("no certificate")));
        };
        let store = self.store(purpose, now)?;
        let mut untrusted = Stack::new()?;
        for certificate in others {
            untrusted.push(certificate.clone())?;
        }
        X509StoreContext::new()?.init(&store, leaf, &untrusted, |context| {
            if context.verify_cert()? {
                let mut verified = context.chain().into_iter().flatten();
                return Ok(verified.try_for_each(verify_signature_algorithm));
            }
            let refused = context.current_cert().unwrap_or(leaf);
            Ok(Err(untrusted_by(context.error(), refused)))
        })
    }

    /// Returns the certificates as a store that clients verify with; libpq and botocore leave all but
    /// these settings as they are.
    fn store(&self, purpose: X509PurposeId, now: DateTime<Utc>) -> Result<X509Store, ErrorStack> {
        let mut param = X509VerifyParam::new()?;
        param.set_purpose(purpose)?;
        param.set_auth_level(SECURITY_LEVEL);
        param.set_time(now.timestamp());
        let mut store = X509StoreBuilder::new()?;
        for certificate in &self.certificates {
            store.add_cert(certificate.clone())?;
        }
        for directory in self
            .directories
            .iter()
            .filter_map(|directory| directory.to_str())
        {
            store
                .add_lookup(X509Lookup::hash_dir())?
                .add_dir(directory, SslFiletype::PEM)?;
        }
        store.set_param(&param)?;
        Ok(store.build())
    }
}

/// Returns whether the certificate of an object storage is that of a host, as Barman's S3 client sees
/// it.
#[must_use]
pub fn is_host_of_store(certificate: &X509Ref, host: &Host) -> bool {
    is_host_for_urllib3(certificate, host)
}

/// Returns the purpose to verify a certificate in a file for: that of a server, unless it says that
/// it is a client's or a CA's.
fn purpose_of(leaf: &X509Ref) -> X509PurposeId {
    let signs = |usage: X509KeyUsage| usage.contains(X509KeyUsage::KEY_CERT_SIGN);
    if leaf.key_usage().is_some_and(signs) && is_ca(&leaf.to_der().unwrap_or_default()) {
        return X509PurposeId::ANY;
    }
    let is_for = |purpose| {
        leaf.extended_key_usage()
            .is_some_and(|usage| usage.contains(purpose))
    };
    let is_clients = is_for(X509ExtendedKeyUsage::SSL_CLIENT)
        && !is_for(X509ExtendedKeyUsage::SSL_SERVER)
        && !is_for(X509ExtendedKeyUsage::ANYEKU);
    if is_clients {
        X509PurposeId::SSL_CLIENT
    } else {
        X509PurposeId::SSL_SERVER
    }
}

/// Makes sure that clients know how a certificate is signed. `OpenSSL` 3.0 finds no issuer of what is
/// signed with ECDSA and SHA-3, and later versions do.
fn verify_signature_algorithm(certificate: &X509Ref) -> Result<(), Untrusted> {
    let name = certificate.signature_algorithm().object().nid().long_name();
    if name.is_ok_and(|name| name.starts_with("ecdsa_with_SHA3")) {
        let why = "whether clients accept ECDSA with SHA-3 depends on their version of OpenSSL";
        return Err(Untrusted::Unknown(why));
    }
    Ok(())
}

/// Curves that clients offer by default, whatever their version of `OpenSSL`.
const CURVES: [Nid; 3] = [Nid::X9_62_PRIME256V1, Nid::SECP384R1, Nid::SECP521R1];

/// Makes sure that clients can use the key of a leaf. With other curves, `OpenSSL` 3.0 ends the
/// handshake, and later versions need not.
fn verify_key(leaf: &X509Ref) -> Result<(), Untrusted> {
    let curve = leaf
        .public_key()
        .ok()
        .and_then(|key| key.ec_key().ok()?.group().curve_name());
    if curve.is_none_or(|curve| CURVES.contains(&curve)) {
        return Ok(());
    }
    Err(Untrusted::Unknown(
        "whether clients accept a key on this curve depends on their version of OpenSSL",
    ))
}

fn untrusted_by(result: X509VerifyResult, certificate: &X509Ref) -> Untrusted {
    let reason = result.error_string();
    if NO_VERDICTS.contains(&result.as_raw()) {
        return Untrusted::Unknown(reason);
    }
    Untrusted::Refused {
        reason,
        subject: shown_name(certificate.subject_name()),
    }
}

fn verify_name(
    leaf: &X509Ref,
    host: &Host,
    is_host: fn(&X509Ref, &Host) -> bool,
) -> Result<(), Untrusted> {
    is_host(leaf, host)
        .then_some(())
        .ok_or_else(|| Untrusted::Name(host.to_string()))
}
