//! Has `OpenSSL` load the certificates that clients trust.
//!
//! `OpenSSL` reads the files itself, as it does for libpq and Python: what it makes of a label, of
//! other things in a file, or of one certificate that makes no sense, is the clients' verdict too.

use std::env;
use std::path::{Path, PathBuf};

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
    let places = Places::of_system();
    if let Some(file) = &places.file {
        context.set_ca_file(file)?;
    }
    Ok(Authorities::of_store(context.build().cert_store()).and_in(places.directories))
}

/// Makes a client trust what the system does.
///
/// # Errors
/// If `OpenSSL` cannot load what is there.
pub fn trust_system(context: &mut SslContextBuilder) -> Result<(), ErrorStack> {
    let places = Places::of_system();
    if let Some(file) = &places.file {
        context.set_ca_file(file)?;
    }
    for directory in &places.directories {
        context.load_verify_locations(None, Some(directory))?;
    }
    Ok(())
}

/// Places of the certificates that the system trusts.
struct Places {
    file: Option<PathBuf>,
    /// Directories in which a certificate's file is named after the hash of its subject.
    directories: Vec<PathBuf>,
}

impl Places {
    /// Returns the places that `SSL_CERT_FILE` and `SSL_CERT_DIR` name; without both, the usual ones.
    fn of_system() -> Self {
        let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
        let (file, directories) = (variable("SSL_CERT_FILE"), variable("SSL_CERT_DIR"));
        if file.is_none() && directories.is_none() {
            let usual = openssl_probe::probe();
            return Self {
                file: usual.cert_file,
                directories: usual.cert_dir,
            };
        }
        let directories = directories.iter().flat_map(env::split_paths).collect();
        Self {
            file: file.map(PathBuf::from),
            directories,
        }
    }
}

/// Returns the reason that `OpenSSL` gives for a failure, without its code and place.
#[must_use]
pub fn reason(errors: &ErrorStack) -> &'static str {
    let last = errors
        .errors()
        .iter()
        .rev()
        .find_map(openssl::error::Error::reason);
    last.unwrap_or("no reason given")
}
