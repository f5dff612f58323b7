//! `backup_label`: `PostgreSQL`'s record of the start of a base backup.

use super::python::Literal;
use crate::postgres::Lsn;

/// Content of `backup_label`, as far as recovery depends on it.
///
/// `PostgreSQL` reads it in `read_backup_label` (`xlogrecovery.c`); Barman keeps a copy, as a
/// Python string, in the field `backup_label` of `backup.info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupLabel {
    /// Position of the checkpoint record that recovery starts with (`CHECKPOINT LOCATION`).
    pub checkpoint: Lsn,
    /// Kind of server that the backup was taken from (`BACKUP FROM`).
    pub origin: BackupOrigin,
}

/// Kind of server that a backup was taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupOrigin {
    /// Primary: its WAL has a record that ends the backup.
    Primary,
    /// Standby: the backup ends at the minimum recovery point of the control file.
    Standby,
}

impl BackupLabel {
    /// Reads a label; `None` if the text is not one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let checkpoint = value(text, "CHECKPOINT LOCATION: ")?.parse().ok()?;
        let origin = match value(text, "BACKUP FROM: ") {
            Some("standby") => BackupOrigin::Standby,
            Some(_) | None => BackupOrigin::Primary,
        };
        Some(Self { checkpoint, origin })
    }
}

/// Returns the whole text of a label, which is the value of the field `backup_label`; `None` if that
/// is not a text.
pub(super) fn text_of_field(field: &str) -> Option<String> {
    match Literal::parse(field)? {
        Literal::Text(text) => Some(text),
        Literal::Number(_) | Literal::Sequence(_) | Literal::Word(_) => None,
    }
}

/// Value in the first line that starts with this name.
fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_field(field: &str) -> Option<BackupLabel> {
        BackupLabel::parse(&text_of_field(field)?)
    }

    const FIELD: &str = r"'START WAL LOCATION: 0/1A000028 (file 00000002000000000000001A)\nCHECKPOINT LOCATION: 0/1A000060\nBACKUP METHOD: streamed\nBACKUP FROM: primary\nSTART TIME: 2026-11-08 03:00:00 UTC\nLABEL: Barman backup cloud 20261108T030000\nSTART TIMELINE: 2\n'";

    #[test]
    fn the_checkpoint_and_the_origin_are_read() {
        let label = BackupLabel {
            checkpoint: Lsn(0x1A00_0060),
            origin: BackupOrigin::Primary,
        };
        let standby = BackupLabel {
            origin: BackupOrigin::Standby,
            ..label
        };

        assert_eq!(from_field(FIELD), Some(label));
        assert_eq!(
            from_field(&FIELD.replace("primary", "standby")),
            Some(standby)
        );
    }

    #[test]
    fn other_texts_are_no_labels() {
        for field in [
            "",
            "None",
            "'",
            "''",
            "'CHECKPOINT LOCATION: nowhere'",
            "[1]",
        ] {
            assert_eq!(from_field(field), None, "{field}");
        }
    }
}
