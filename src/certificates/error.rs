//! Why a certificate could not be read.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tls_certificates::x509::{InvalidCertificate, InvalidPem};

/// Why a certificate could not be read; never with what a file holds.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// The file cannot be read.
    #[error("the file cannot be read")]
    File(#[source] io::Error),
    /// A directory, a pipe or a device.
    #[error("expected a file, found something else")]
    NoFile,
    /// More than any bundle of certificates has.
    #[error("the file has more than {0} bytes")]
    TooLarge(u64),
    /// The time before it was tried, reading did not end; it has not ended since.
    #[error("the file system does not answer: reading the file is still under way")]
    Stuck,
    /// A file with something else in it.
    #[error(transparent)]
    Pem(#[from] InvalidPem),
    /// Something that is no certificate.
    #[error(transparent)]
    Certificate(#[from] InvalidCertificate),
    /// A pattern that no file matches.
    #[error("no file matches the pattern")]
    NoMatch,
    /// A pattern that too many files match.
    #[error("more than {0} files match the pattern: only the first ones are watched")]
    TooManyMatches(usize),
    /// A directory on the way of a pattern that cannot be read.
    #[error("`{}` cannot be read", .0.display())]
    Directory(PathBuf, #[source] io::Error),
    /// The CA file, or the system's certificates, are not loaded by `OpenSSL`.
    #[error("no CA can be loaded: {0}")]
    Authorities(&'static str),
    /// A name without an address.
    #[error("the name of the server has no address")]
    NoAddress,
    /// The server is not there.
    #[error("the server cannot be reached")]
    Connect(#[source] io::Error),
    /// The server went away, or something between it and here did.
    #[error("the connection broke off")]
    Connection(#[source] io::Error),
    /// The server's `ssl` is off.
    #[error("the PostgreSQL server does not offer TLS: its setting `ssl` is off")]
    TlsRefused,
    /// The server has an error to tell.
    #[error("the PostgreSQL server answers with an error before any TLS")]
    ServerError,
    /// No answer that a `PostgreSQL` server would give.
    #[error("expected a PostgreSQL server, found something else at this address")]
    NotPostgreSql,
    /// TLS did not come about.
    #[error("the TLS handshake failed")]
    Handshake(#[source] io::Error),
    /// It took too long.
    #[error("it did not end within {}: raise `certificateWatch.timeout`, or see what hangs", humantime::format_duration(*.0))]
    Timeout(Duration),
    /// It is not known where the endpoint is.
    #[error("the endpoint is not known: {0}")]
    Endpoint(String),
    /// A mistake in this program.
    #[error(
        "an error in the exporter itself: please report it with the line that the log has before"
    )]
    Internal,
}

impl ReadError {
    /// The error with its causes, in one line.
    #[must_use]
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text.replace(char::is_control, " ")
    }
}
