//! Builder for the text of a `backup.info`, for tests, benchmarks and demonstrations.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};

/// Text of a `backup.info`: fields by name, in the order in which Barman writes them.
///
/// ```
/// use barman_archive::barman::BackupInfoText;
///
/// let text = BackupInfoText::new("DONE").with("end_wal", "00000001000000000000001A");
/// assert_eq!(text.to_string(), "end_wal=00000001000000000000001A\nstatus=DONE\n");
/// ```
#[derive(Clone, Debug)]
pub struct BackupInfoText(BTreeMap<String, String>);

impl BackupInfoText {
    /// Creates the text of a backup with a status, and no other field.
    #[must_use]
    pub fn new(status: &str) -> Self {
        Self(BTreeMap::new()).with("status", status)
    }

    /// Sets a field.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl fmt::Display) -> Self {
        self.0.insert(field.to_owned(), value.to_string());
        self
    }

    /// Removes a field.
    #[must_use]
    pub fn without(mut self, field: &str) -> Self {
        self.0.remove(field);
        self
    }

    /// Sets fields that Barman knows but has no value for.
    #[must_use]
    pub fn with_none(mut self, fields: &[&str]) -> Self {
        for field in fields {
            self = self.with(field, "None");
        }
        self
    }

    /// Sets the start: time, in whole seconds, and segment.
    #[must_use]
    pub fn begun(self, at: DateTime<Utc>, segment: impl fmt::Display) -> Self {
        self.with("begin_time", python_time(at))
            .with("begin_wal", segment)
    }

    /// Sets the end: time, in whole seconds, and segment.
    #[must_use]
    pub fn ended(self, at: DateTime<Utc>, segment: impl fmt::Display) -> Self {
        self.with("end_time", python_time(at))
            .with("end_wal", segment)
    }
}

/// Formats a time in whole seconds as Python writes it, in a session whose time zone is UTC.
fn python_time(at: DateTime<Utc>) -> impl fmt::Display {
    at.format("%Y-%m-%d %H:%M:%S+00:00")
}

impl fmt::Display for BackupInfoText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (field, value) in &self.0 {
            writeln!(formatter, "{field}={value}")?;
        }
        Ok(())
    }
}
