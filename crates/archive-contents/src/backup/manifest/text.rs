//! Lines of a `backup_manifest` (`backup_manifest.c`, `parse_manifest.c`).
//!
//! The file is JSON of any size. `PostgreSQL` writes one file to a line, and so does Barman
//! (`backup_manifest.py`): lines are read one by one, and none has to be longer than a path.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::checksum::{Algorithm, ShortSum, from_hex, shortened};

/// Maximum length of a line, in bytes.
const MAX_LINE: usize = 64 * 1024;

/// Name of the last field, which is on the last line.
const LAST_FIELD: &[u8] = b"\"Manifest-Checksum\"";

/// File in a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListedFile {
    pub(super) path: String,
    pub(super) size: u64,
    pub(super) algorithm: Algorithm,
    pub(super) checksum: ShortSum,
}

/// State of a manifest after its last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ManifestEnd {
    /// Every line makes sense, and the checksum is right.
    Sound,
    /// Damage.
    Damaged,
    /// Version of the format that is not known.
    UnknownVersion,
}

/// Reader of a manifest that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct ManifestReader {
    line: Vec<u8>,
    /// Length of the line. More than [`MAX_LINE`] are not kept: the line is passed over as a whole, in
    /// however many pieces it comes.
    line_length: usize,
    sum: Sha256,
    has_version: bool,
    has_unknown_version: bool,
    is_damaged: bool,
    /// Checksum on the last line, and that of all lines before it.
    has_right_checksum: Option<bool>,
}

impl ManifestReader {
    /// Takes the next bytes, and shows each file that they list.
    pub(super) fn feed(&mut self, bytes: &[u8], observe: &mut impl FnMut(ListedFile)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line_length = self.line_length.saturating_add(piece.len());
            if self.line_length > MAX_LINE {
                self.is_damaged = true;
            } else {
                self.line.extend_from_slice(piece);
            }
            if piece.ends_with(b"\n") {
                self.end_line(observe);
            }
        }
    }

    fn end_line(&mut self, observe: &mut impl FnMut(ListedFile)) {
        let line = std::mem::take(&mut self.line);
        if self.line_length <= MAX_LINE {
            self.take_line(&line, observe);
        }
        self.line = line;
        self.line.clear();
        self.line_length = 0;
    }

    /// Ends the manifest.
    pub(super) fn finish(&self) -> ManifestEnd {
        if self.has_unknown_version {
            return ManifestEnd::UnknownVersion;
        }
        let is_whole = self.line.is_empty() && self.has_right_checksum == Some(true);
        if is_whole && self.has_version && !self.is_damaged {
            ManifestEnd::Sound
        } else {
            ManifestEnd::Damaged
        }
    }

    fn take_line(&mut self, line: &[u8], observe: &mut impl FnMut(ListedFile)) {
        if self.has_right_checksum.is_some() {
            self.is_damaged = true;
            return;
        }
        if line.starts_with(LAST_FIELD) {
            let found = std::mem::take(&mut self.sum).finalize();
            let stated = last_checksum(line);
            self.has_right_checksum = Some(stated.as_deref() == Some(&found[..]));
            return;
        }
        self.sum.update(line);
        let text = std::str::from_utf8(line).unwrap_or_default().trim();
        if !self.has_version {
            self.has_version = true;
            self.take_version(text);
            return;
        }
        let text = text.trim_end_matches([',', ']', ' ']);
        if !text.starts_with('{') {
            return;
        }
        match serde_json::from_str(text)
            .ok()
            .and_then(|value| line_of(&value))
        {
            Some(Line::File(file)) => observe(file),
            Some(Line::WalRange) => {}
            None => self.is_damaged = true,
        }
    }

    /// The version is the first field, on the first line.
    fn take_version(&mut self, text: &str) {
        let version = text
            .strip_prefix('{')
            .and_then(|rest| {
                rest.trim()
                    .strip_prefix("\"PostgreSQL-Backup-Manifest-Version\":")
            })
            .and_then(|rest| rest.trim().strip_suffix(','))
            .and_then(|digits| digits.trim().parse::<u32>().ok());
        match version {
            Some(1 | 2) => {}
            Some(_) => self.has_unknown_version = true,
            None => self.is_damaged = true,
        }
    }
}

/// Reads the checksum on the last line.
fn last_checksum(line: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(line).ok()?.trim();
    let value: Value = serde_json::from_str(&format!("{{{text}")).ok()?;
    from_hex(value.get("Manifest-Checksum")?.as_str()?)
}

/// Object on a line.
enum Line {
    File(ListedFile),
    /// Range of WAL that the backup needs.
    WalRange,
}

/// Reads the object on a line.
fn line_of(value: &Value) -> Option<Line> {
    if value.get("Start-LSN").is_some() {
        return Some(Line::WalRange);
    }
    let path = match (value.get("Path"), value.get("Encoded-Path")) {
        (Some(path), None) => path.as_str()?.to_owned(),
        // A path that is not UTF-8.
        (None, Some(path)) => String::from_utf8_lossy(&from_hex(path.as_str()?)?).into_owned(),
        (Some(_), Some(_)) | (None, None) => return None,
    };
    let algorithm = match value.get("Checksum-Algorithm") {
        Some(name) => Algorithm::of(name.as_str()?)?,
        None => Algorithm::None,
    };
    let checksum = match value.get("Checksum") {
        Some(digits) => from_hex(digits.as_str()?)?,
        None => Vec::new(),
    };
    if checksum.len() != algorithm.length() {
        return None;
    }
    Some(Line::File(ListedFile {
        path,
        size: value.get("Size")?.as_u64()?,
        algorithm,
        checksum: shortened(&checksum),
    }))
}
