//! Reasons why a `backup.info` cannot be read.

/// Error of a `backup.info` that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupInfoError {
    /// The file is not text.
    #[error("not UTF-8 text")]
    NotText,
    /// The store kept the framing of a chunked upload in the file.
    #[error(
        "the file holds the chunks and checksum trailer of its upload: the client that wrote it \
         and the store do not understand each other (set AWS_REQUEST_CHECKSUM_CALCULATION to \
         `when_required` where Barman runs)"
    )]
    Framing,
    /// A line is not `key=value`.
    #[error("line {number} has no `=`")]
    Line {
        /// Number of the line, from 1.
        number: usize,
    },
    /// A finished backup lacks a field.
    #[error("status is DONE, but field `{field}` is missing")]
    MissingField {
        /// Name of the field, as Barman writes it.
        field: &'static str,
    },
    /// A field is present, but its value makes no sense.
    #[error("field `{field}` has the invalid value `{value}`: expected {expected}")]
    InvalidField {
        /// Name of the field, as Barman writes it.
        field: &'static str,
        /// The value, verbatim.
        value: String,
        /// Expected kind of value.
        expected: &'static str,
    },
}
