//! Errors of reading certificates.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tls_certificates::files::FileError;
use tls_certificates::x509::{InvalidCertificate, InvalidPem};

/// Reason why a certificate could not be read. Never contains text of a file.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file that is not read.
    #[error(transparent)]
    File(#[from] FileError),
    /// An earlier reading of the file that has not ended yet.
    #[error("the file system does not respond: the file is still being read")]
    Stuck,
    /// A file without certificates in PEM form.
    #[error(transparent)]
    Pem(#[from] InvalidPem),
    /// Bytes that are not a certificate.
    #[error(transparent)]
    Certificate(#[from] InvalidCertificate),
    /// A pattern that no file matches.
    #[error("no file matches the pattern")]
    NoMatch,
    /// A pattern that too many files match.
    #[error("more than {0} files match the pattern: only the first ones are watched")]
    TooManyMatches(usize),
    /// A directory of a pattern that cannot be read.
    #[error("`{}` cannot be read", .0.display())]
    Directory(PathBuf, #[source] io::Error),
    /// A CA file, or certificates of the system, that `OpenSSL` does not load.
    #[error("no CA can be loaded: {0}")]
    Authorities(&'static str),
    /// A name without an address.
    #[error("the server's name does not resolve to an address")]
    NoAddress,
    /// A server that does not accept the connection.
    #[error("the server cannot be reached")]
    Connect(#[source] io::Error),
    /// A connection that was closed too early.
    #[error("the connection was interrupted")]
    Connection(#[source] io::Error),
    /// A server whose setting `ssl` is off.
    #[error("the PostgreSQL server does not offer TLS: its setting `ssl` is off")]
    TlsRefused,
    /// A server that answers with an error.
    #[error("the PostgreSQL server returned an error before the TLS handshake")]
    ServerError,
    /// An answer that no `PostgreSQL` server gives.
    #[error("expected a PostgreSQL server, found something else at this address")]
    NotPostgreSql,
    /// A TLS handshake that failed.
    #[error("the TLS handshake failed")]
    Handshake(#[source] io::Error),
    /// A reading that took too long.
    #[error("it did not end within {}: raise `certificateWatch.timeout`, or find out what is \
             hanging", humantime::format_duration(*.0))]
    Timeout(Duration),
    /// An endpoint whose address is not known.
    #[error("the endpoint is not known: {0}")]
    Endpoint(String),
    /// A panic in this program.
    #[error(
        "a bug in the exporter: please report it together with the log message before this one"
    )]
    Internal,
}

impl ReadError {
    /// Returns the error with its causes, on one line.
    #[must_use]
    pub fn with_causes(&self) -> String {
        error_causes::with_causes(self)
    }
}
