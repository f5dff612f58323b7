//! Why object storage could not be read.

use std::error::Error;

use crate::ErrorKind;

/// What a refusal or a failure means for the one object or call it concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorScope {
    /// It says nothing about other calls' chances: the scan cannot go on.
    Scan,
    /// The object does not exist (any more).
    GoneObject,
    /// The object exists, but the store does not hand out its content: access to it is denied, it
    /// is encrypted with a key of its own (SSE-C, KMS) or in a cold storage class, or the store
    /// refuses it for another reason that says nothing about other objects.
    RefusedObject,
    /// The object is larger than the caller takes.
    TooLargeObject,
    /// The store does not know this call, refuses it, or does not allow it for these credentials.
    /// For a listing of objects: these credentials may not list this prefix.
    RefusedCall,
}

/// A call to object storage that failed, retries included.
///
/// The text says what to do about it, where that can be told.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StorageError {
    kind: ErrorKind,
    reach: ErrorScope,
    message: String,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StorageError {
    /// An error of this kind and reach. The text must hold no secret.
    #[must_use]
    pub fn new(kind: ErrorKind, reach: ErrorScope, message: impl Into<String>) -> Self {
        Self { kind, reach, message: message.into(), source: None }
    }

    /// The same error with its cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Returns the error with an alternative remedy at the end of its text.
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

    /// What it means for the object or call.
    #[must_use]
    pub const fn reach(&self) -> ErrorScope {
        self.reach
    }

    /// The text, and behind it those of its causes that it does not hold.
    #[must_use]
    pub fn with_causes(&self) -> String {
        let mut text = self.message.clone();
        let mut cause = self.source();
        while let Some(error) = cause {
            let said = error.to_string();
            if !text.contains(&said) {
                text = format!("{text}: {said}");
            }
            cause = error.source();
        }
        text
    }
}
