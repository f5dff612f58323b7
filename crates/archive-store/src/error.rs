//! Failures of object storage.

use std::error::Error;

use crate::ErrorKind;

/// Part of a scan that a failure affects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorScope {
    /// The whole scan, which cannot go on.
    Scan,
    /// One object, which does not exist any more.
    GoneObject,
    /// One object, which exists, but not in the version that was asked for: it was written again.
    ReplacedObject,
    /// One object, which exists and whose content cannot be read.
    ///
    /// Access to it is denied, it is encrypted with a key of its own (SSE-C, KMS) or in a cold
    /// storage class, or the store refuses it for another reason that does not concern other
    /// objects.
    RefusedObject,
    /// One object, which is larger than the caller accepts.
    TooLargeObject,
    /// One kind of call, which the store does not know, refuses, or does not permit to these
    /// credentials. For a listing of objects: these credentials may not list this prefix. For the
    /// reading of a range: the store answers with whole objects.
    RefusedCall,
}

/// Maximum length of a message, in characters: two keys of the largest size, and advice.
const MAX_MESSAGE: usize = 3000;

/// Failure of a call to object storage after all retries.
///
/// The message says what to do, if that is known.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StorageError {
    kind: ErrorKind,
    scope: ErrorScope,
    message: String,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StorageError {
    /// Creates an error. The message must not contain a secret.
    #[must_use]
    pub fn new(kind: ErrorKind, scope: ErrorScope, message: impl Into<String>) -> Self {
        Self {
            kind,
            scope,
            message: bounded(message.into()),
            source: None,
        }
    }

    /// Creates the error for a store that contradicts itself.
    #[must_use]
    pub fn protocol(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Protocol, ErrorScope::Scan, message)
    }

    /// Creates the error for a fault of the program itself.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, ErrorScope::Scan, message)
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds an alternative remedy at the end of the message.
    #[must_use]
    pub fn or_else(mut self, advice: &str) -> Self {
        self.message = format!("{}; {advice}", self.message);
        self
    }

    /// Kind of the failure.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Part of the scan that is affected.
    #[must_use]
    pub const fn scope(&self) -> ErrorScope {
        self.scope
    }

    /// Returns the message, followed by those of its causes that it does not contain.
    #[must_use]
    pub fn with_causes(&self) -> String {
        error_causes::with_causes(self)
    }
}

/// Cuts a message, which may repeat keys and what a store answered.
fn bounded(mut message: String) -> String {
    if let Some((end, _)) = message.char_indices().nth(MAX_MESSAGE) {
        message.truncate(end);
        message.push('…');
    }
    message
}
