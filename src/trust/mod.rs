//! Has `OpenSSL` load the certificates that clients trust.
//!
//! `OpenSSL` reads the files itself, as it does for libpq and Python: what it makes of a label, of
//! other things in a file, or of one certificate that makes no sense, is the clients' verdict too.

use std::path::Path;

use openssl::error::ErrorStack;
use openssl::ssl::{SslContextBuilder, SslMethod};

use crate::x509::Authorities;

/// Loads the certificates of a file, as libpq and Python do (`SSL_CTX_load_verify_locations`).
///
/// # Errors
/// If `OpenSSL` finds none, or cannot read something in the file.
pub fn authorities_in_file(file: &Path) -> Result<Authorities, ErrorStack> {
    let mut context = SslContextBuilder::new(SslMethod::tls_client())?;
    context.set_ca_file(file)?;
    Ok(Authorities::of_store(context.build().cert_store()))
}

/// Loads the certificates that the system trusts. None is not an error.
///
/// # Errors
/// If `OpenSSL` cannot load what is there.
pub fn authorities_of_system() -> Result<Authorities, ErrorStack> {
    let mut context = SslContextBuilder::new(SslMethod::tls_client())?;
    trust_system(&mut context)?;
    Ok(Authorities::of_store(context.build().cert_store()))
}

/// Makes a client trust what the system does: the certificates that `SSL_CERT_FILE` and `SSL_CERT_DIR`
/// name, otherwise those in the usual places.
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

/// Returns the reason that `OpenSSL` gives for a failure, without its code and place.
#[must_use]
pub fn reason(errors: &ErrorStack) -> &'static str {
    let last = errors.errors().iter().rev().find_map(openssl::error::Error::reason);
    last.unwrap_or("no reason given")
}
