//! Whether a certificate verifies: `OpenSSL`'s verdict, with the settings of the clients.

use std::path::Path;

use chrono::{DateTime, Utc};
use openssl::error::ErrorStack;
use openssl::ssl::{SslContextBuilder, SslMethod};
use openssl::stack::Stack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::X509VerifyParam;
use openssl::x509::{X509, X509PurposeId, X509Ref, X509StoreContext, X509VerifyResult};
use rustls_pki_types::ServerName;

use super::der::is_ca;
use super::host::{is_host_for_libpq, is_host_for_urllib3};
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
    PostgreSql(ServerName<'static>),
    /// An object storage's of this name, by the rules of Barman's S3 client.
    Web(ServerName<'static>),
}

/// Certificates that are trusted.
#[derive(Clone, Debug)]
pub struct Authorities(Vec<X509>);

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
    /// `OpenSSL` did not come to a verdict.
    #[error("OpenSSL cannot tell whether it verifies: {0}")]
    Unknown(&'static str),
}

/// Results of `OpenSSL` that say nothing about the certificate (`x509_vfy.h`): unspecified, out of
/// memory, invalid call, store lookup.
const NO_VERDICTS: [i32; 4] = [1, 17, 69, 70];

impl Authorities {
    /// Has `OpenSSL` load the certificates of a file, as libpq and Python do
    /// (`SSL_CTX_load_verify_locations`).
    ///
    /// # Errors
    /// If it finds none, or cannot read something in the file.
    pub fn load(file: &Path) -> Result<Self, ErrorStack> {
        let mut context = SslContextBuilder::new(SslMethod::tls_client())?;
        context.set_ca_file(file)?;
        Ok(Self::of_store(context.build().cert_store().all_certificates()))
    }

    /// Loads the certificates that the system trusts: those that `SSL_CERT_FILE` and `SSL_CERT_DIR`
    /// name, otherwise those in the usual places. None is not an error.
    ///
    /// # Errors
    /// If `OpenSSL` cannot load what is there.
    pub fn load_of_system() -> Result<Self, ErrorStack> {
        let mut context = SslContextBuilder::new(SslMethod::tls_client())?;
        trust_system(&mut context)?;
        Ok(Self::of_store(context.build().cert_store().all_certificates()))
    }

    /// Trusts these certificates.
    #[cfg(test)]
    pub(crate) const fn of(certificates: Vec<X509>) -> Self {
        Self(certificates)
    }

    fn of_store(certificates: Stack<X509>) -> Self {
        Self(certificates.into_iter().collect())
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
        let Some(leaf) = chain.first() else { return Err(Untrusted::Unknown("no certificate")) };
        let verify = |purpose| self.verify_for(chain, purpose, now);
        match purpose {
            Purpose::Any => {
                let as_server = verify(X509PurposeId::SSL_SERVER);
                let as_client = || verify(X509PurposeId::SSL_CLIENT);
                let as_ca = || is_ca(&leaf.to_der().unwrap_or_default());
                as_server.or_else(|refused| as_client().map_err(|_| refused)).or_else(|refused| {
                    if as_ca() { verify(X509PurposeId::ANY) } else { Err(refused) }
                })
            }
            Purpose::PostgreSql(name) => {
                verify(X509PurposeId::SSL_SERVER)?;
                verify_name(leaf, name, is_host_for_libpq)
            }
            Purpose::Web(name) => {
                verify(X509PurposeId::SSL_SERVER)?;
                verify_name(leaf, name, is_host_for_urllib3)
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
        verified.unwrap_or_else(|errors| Err(Untrusted::Unknown(reason(&errors))))
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
                return Ok(Ok(()));
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
        for certificate in &self.0 {
            store.add_cert(certificate.clone())?;
        }
        store.set_param(&param)?;
        Ok(store.build())
    }
}

/// Has a client trust what the system does.
///
/// # Errors
/// If `OpenSSL` cannot load what is there.
pub fn trust_system(context: &mut SslContextBuilder) -> Result<(), ErrorStack> {
    let found = openssl_probe::probe();
    if let Some(file) = &found.cert_file {
        context.set_ca_file(file)?;
    }
    for directory in &found.cert_dir {
        context.load_verify_locations(None, Some(directory))?;
    }
    Ok(())
}

/// Returns whether the certificate of an object storage is that of a host, as Barman's S3 client sees
/// it.
#[must_use]
pub fn is_host_of_store(certificate: &X509Ref, host: &str) -> bool {
    is_host_for_urllib3(certificate, host)
}

fn untrusted_by(result: X509VerifyResult, certificate: &X509Ref) -> Untrusted {
    let reason = result.error_string();
    if NO_VERDICTS.contains(&result.as_raw()) {
        return Untrusted::Unknown(reason);
    }
    Untrusted::Refused { reason, subject: shown_name(certificate.subject_name()) }
}

fn verify_name(
    leaf: &X509Ref,
    name: &ServerName<'_>,
    is_host: fn(&X509Ref, &str) -> bool,
) -> Result<(), Untrusted> {
    let name = name.to_str();
    is_host(leaf, &name).then_some(()).ok_or_else(|| Untrusted::Name(name.into_owned()))
}

/// Returns the reason that `OpenSSL` gives for a failure, without its code and place.
#[must_use]
pub fn reason(errors: &ErrorStack) -> &'static str {
    let last = errors.errors().iter().rev().find_map(openssl::error::Error::reason);
    last.unwrap_or("no reason given")
}
