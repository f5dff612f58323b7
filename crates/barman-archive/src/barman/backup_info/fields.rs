//! Lines of a `backup.info`, and the values of its fields.

use std::collections::BTreeMap;

use super::BackupInfoError;
use crate::barman::python::Literal;
use crate::postgres::SegmentSize;

pub(super) const SEGMENT: &str = "a WAL segment's name of 24 hexadecimal digits";
const BYTES: &str = "a number of bytes";

/// Fields that are not null, by name.
pub(super) struct Fields<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Fields<'a> {
    pub(super) fn parse(content: &'a [u8]) -> Result<Self, BackupInfoError> {
        let text = std::str::from_utf8(content).map_err(|_| BackupInfoError::NotText)?;
        if has_upload_framing(text) {
            return Err(BackupInfoError::Framing);
        }
        let mut fields = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = line
                .split_once('=')
                .ok_or(BackupInfoError::Line { number })?;
            match value.trim() {
                "None" => fields.remove(key.trim()),
                value => fields.insert(key.trim(), value),
            };
        }
        Ok(Self(fields))
    }

    pub(super) fn get(&self, field: &str) -> Option<&'a str> {
        self.0.get(field).copied()
    }

    /// Returns a text for people.
    pub(super) fn text(&self, field: &str) -> Option<String> {
        self.get(field).map(cut)
    }

    /// Returns the identifier of the database cluster: a number of 64 bits.
    pub(super) fn system_identifier(&self) -> Option<String> {
        let text = self.get("systemid")?;
        text.parse::<u64>().ok()?;
        Some(text.to_owned())
    }

    pub(super) fn read<T>(
        &self,
        field: &'static str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, BackupInfoError> {
        let Some(text) = self.get(field) else {
            return Ok(None);
        };
        let invalid = || BackupInfoError::InvalidField {
            field,
            value: cut(text),
            expected,
        };
        parse(text).map(Some).ok_or_else(invalid)
    }

    pub(super) fn segment_size(&self) -> Result<SegmentSize, BackupInfoError> {
        let parse = |text: &str| SegmentSize::new(text.parse().ok()?).ok();
        let expected = "a power of two from 1 MiB to 1 GiB, in bytes";
        Ok(self
            .read("xlog_segment_size", expected, parse)?
            .unwrap_or(SegmentSize::DEFAULT))
    }

    pub(super) fn cluster_size(&self) -> Result<Option<u64>, BackupInfoError> {
        let parse = |text: &str| text.parse().ok();
        let cluster_size = self.read("cluster_size", BYTES, parse)?;
        let size = self.read("size", BYTES, parse)?;
        Ok(cluster_size.or(size))
    }
}

/// Maximum length of a text that is kept for people, in characters.
const MAX_TEXT: usize = 1000;

/// Returns the start of a text.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

/// Returns whether the text is the raw body of an `aws-chunked` upload.
///
/// Such a body begins with the length of the first chunk in hexadecimal on a line of its own, with
/// its signature or with a checksum trailer at the end (Amazon S3 API Reference, "Signature
/// calculations: transferring a payload in multiple chunks"). No line of `backup.info` is like
/// either.
fn has_upload_framing(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let is_signed_chunk = first
        .split_once(";chunk-signature=")
        .is_some_and(|(length, _)| {
            !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
    is_signed_chunk || text.lines().any(|line| line.starts_with("x-amz-"))
}

/// Reads a list of ids as Barman writes it: separated by commas (`load_backup_ids` in
/// `infofile.py`).
pub(super) fn backup_ids(text: &str) -> Vec<String> {
    let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
    ids.map(str::to_owned).collect()
}

/// Reads a setting that is on or off, as `PostgreSQL` shows it.
pub(super) fn switch(text: &str) -> Option<bool> {
    match text {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

pub(super) fn tablespace_oids(text: &str) -> Option<Vec<u32>> {
    let Literal::Sequence(tablespaces) = Literal::parse(text)? else {
        return None;
    };
    let oid = |tablespace: Literal| match tablespace {
        Literal::Sequence(fields) => match fields.as_slice() {
            [_, Literal::Number(oid), _] => oid.parse().ok(),
            _ => None,
        },
        Literal::Number(_) | Literal::Text(_) | Literal::Word(_) => None,
    };
    tablespaces.into_iter().map(oid).collect()
}

/// Returns the version as `PostgreSQL` shows it: 150018 is 15.18, and 90624 is 9.6.24.
///
/// `PQserverVersion` in `libpq`: from version 10 on, the minor version takes the last four digits.
pub(super) fn postgresql_version(text: &str) -> Option<String> {
    let number: u32 = text.parse().ok()?;
    let (major, middle, minor) = (number / 10_000, number / 100 % 100, number % 100);
    match major {
        0 => None,
        1..=9 => Some(format!("{major}.{middle}.{minor}")),
        _ => Some(format!("{major}.{}", number % 10_000)),
    }
}
