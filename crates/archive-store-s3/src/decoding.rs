//! Pages of objects, decoded from their XML without the SDK's model of them.
//!
//! A scan of an archive decodes millions of objects, of which it needs five fields. The rules are
//! those of the SDK, whose decoder the tests compare this one with: what it cannot read is an error
//! here too, and so is much of what it can, but no store sends.

use std::borrow::Cow;
use std::mem;
use std::str::FromStr;

use archive_store::{ListPage, ListedObject, StorageClass};
use aws_smithy_types::DateTime as SdkDateTime;
use aws_smithy_types::date_time::Format;
use barman_archive::inventory::SmallFile;
use chrono::{DateTime, NaiveDate, Utc};

use super::answers::{AnswerProblem, decoded, filled, moment, next, senseless};
use super::xml::{Elements, XmlError, unescape};

/// Why an answer is no page of objects.
#[derive(Debug, thiserror::Error)]
pub(super) enum DecodingError {
    /// No XML, or not in the form that stores write.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// Another document.
    #[error("the XML has the root `{0}`")]
    Root(String),
    /// A field is present, but its value makes no sense.
    #[error("`{field}` has the invalid value `{value}`")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// The value, verbatim.
        value: String,
    },
    /// A listing that contradicts itself.
    #[error("the listing {}", .0.0)]
    AnswerProblem(AnswerProblem),
}

impl From<AnswerProblem> for DecodingError {
    fn from(contradiction: AnswerProblem) -> Self {
        Self::AnswerProblem(contradiction)
    }
}

/// The page that an answer of `ListObjectsV2` holds.
///
/// # Errors
/// When it holds none, or one that makes no sense.
pub(super) fn page(answer: &[u8]) -> Result<ListPage, DecodingError> {
    let (mut xml, root) = Elements::open(answer)?;
    if root != "ListBucketResult" {
        return Err(DecodingError::Root(root.to_owned()));
    }
    let mut listing = PageParts::default();
    while let Some(field) = xml.next_child()? {
        listing.read(field, &mut xml)?;
    }
    xml.close()?;
    Ok(listing.page()?)
}

/// Objects of a full page (Amazon S3 API Reference, "`ListObjectsV2`").
const FULL_PAGE: usize = 1000;

/// What was read of a page so far. Whether keys are encoded may be said behind them.
#[derive(Default)]
struct PageParts {
    encoded: bool,
    truncated: Option<bool>,
    token: Option<String>,
    objects: Vec<ListedObject>,
    common_prefixes: Vec<String>,
}

impl PageParts {
    /// Reads a field of the listing. Of a repeated one the last counts.
    fn read(&mut self, field: &str, xml: &mut Elements<'_>) -> Result<(), DecodingError> {
        match field {
            "Contents" => self.objects.push(object(xml)?),
            "CommonPrefixes" => self.common_prefixes.push(common_prefix(xml)?),
            "EncodingType" => self.encoded = xml.text()? == "url",
            "IsTruncated" => self.truncated = Some(parsed("IsTruncated", &xml.text()?)?),
            "NextContinuationToken" => self.token = Some(xml.text()?.into_owned()),
            // Not needed, but what the SDK cannot read of them is an error to it.
            "KeyCount" => self.expect(parsed("KeyCount", &xml.text()?)?),
            "MaxKeys" => drop(parsed::<i32>("MaxKeys", &xml.text()?)?),
            "Name" | "Prefix" | "Delimiter" | "StartAfter" | "ContinuationToken" => {
                drop(xml.text()?);
            }
            _ => xml.skip()?,
        }
        Ok(())
    }

    /// Makes room for so many objects, as far as a page of S3 has them.
    fn expect(&mut self, objects: i32) {
        let objects = usize::try_from(objects).unwrap_or_default();
        self.objects.reserve_exact(objects.min(FULL_PAGE));
    }

    fn page(self) -> Result<ListPage, AnswerProblem> {
        let Self { encoded, truncated, token, mut objects, common_prefixes } = self;
        for object in &mut objects {
            object.key = decoded(mem::take(&mut object.key), encoded);
        }
        Ok(ListPage {
            objects,
            common_prefixes: common_prefixes
                .into_iter()
                .map(|prefix| decoded(prefix, encoded))
                .collect(),
            next: next(truncated, filled(token), "NextContinuationToken")?,
        })
    }
}

/// An object, its key as it is sent.
fn object(xml: &mut Elements<'_>) -> Result<ListedObject, DecodingError> {
    let (mut key, mut size, mut last_modified) = (None, None, None);
    let (mut etag, mut storage_class) = (None, None);
    while let Some(field) = xml.next_child()? {
        match field {
            "Key" => key = Some(xml.text()?.into_owned()),
            "Size" => size = Some(parsed::<i64>("Size", &xml.text()?)?),
            "LastModified" => last_modified = read_moment("LastModified", &xml.text()?)?,
            "ETag" => etag = Some(unquoted(xml.raw_text()?)?),
            "StorageClass" => storage_class = Some(StorageClass::of(&xml.text()?)),
            "ChecksumAlgorithm" | "ChecksumType" => drop(xml.text()?),
            "Owner" => owner(xml)?,
            "RestoreStatus" => restore_status(xml)?,
            _ => xml.skip()?,
        }
    }
    let key = key.ok_or_else(|| senseless("has an object without `Key`"))?;
    let lacks = |field| senseless(format!("has no sensible `{field}` of `{key}`"));
    let size = size.and_then(|size| u64::try_from(size).ok()).ok_or_else(|| lacks("Size"))?;
    Ok(ListedObject {
        size,
        last_modified: last_modified.ok_or_else(|| lacks("LastModified"))?,
        // A copy of what nobody asks for would cost as much as all else here.
        etag: etag.filter(|_| size <= SmallFile::MAX_BYTES).map(Cow::into_owned),
        storage_class,
        key,
    })
}

/// A common prefix, as it is sent.
fn common_prefix(xml: &mut Elements<'_>) -> Result<String, DecodingError> {
    let mut prefix = None;
    while let Some(field) = xml.next_child()? {
        match field {
            "Prefix" => prefix = Some(xml.text()?.into_owned()),
            _ => xml.skip()?,
        }
    }
    Ok(prefix.ok_or_else(|| senseless("has a common prefix without `Prefix`"))?)
}

/// Makes sure that an owner is one that the SDK could read.
fn owner(xml: &mut Elements<'_>) -> Result<(), DecodingError> {
    while let Some(field) = xml.next_child()? {
        match field {
            "ID" | "DisplayName" => drop(xml.text()?),
            _ => xml.skip()?,
        }
    }
    Ok(())
}

/// Makes sure that a restore status is one that the SDK could read.
fn restore_status(xml: &mut Elements<'_>) -> Result<(), DecodingError> {
    while let Some(field) = xml.next_child()? {
        match field {
            "IsRestoreInProgress" => drop(parsed::<bool>("IsRestoreInProgress", &xml.text()?)?),
            "RestoreExpiryDate" => drop(read_moment("RestoreExpiryDate", &xml.text()?)?),
            _ => xml.skip()?,
        }
    }
    Ok(())
}

fn parsed<T: FromStr>(field: &'static str, text: &str) -> Result<T, DecodingError> {
    text.parse().map_err(|_| invalid(field, text))
}

fn invalid(field: &'static str, value: &str) -> DecodingError {
    DecodingError::Field { field, value: value.to_owned() }
}

/// A moment; `None` if it is too far away to be one.
fn read_moment(field: &'static str, text: &str) -> Result<Option<DateTime<Utc>>, DecodingError> {
    if let Some(at) = usual_moment(text) {
        return Ok(Some(at));
    }
    let at = SdkDateTime::from_str(text, Format::DateTimeWithOffset);
    Ok(moment(&at.map_err(|_| invalid(field, text))?))
}

/// A moment in the form that all stores write, `2026-01-02T03:04:05Z` or with three more digits.
fn usual_moment(text: &str) -> Option<DateTime<Utc>> {
    let (seconds, millis) = match text.as_bytes() {
        [seconds @ .., b'.', a, b, c, b'Z'] if seconds.len() == 19 => {
            (seconds, number(&[*a, *b, *c])?)
        }
        [seconds @ .., b'Z'] if seconds.len() == 19 => (seconds, 0),
        _ => return None,
    };
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2] =
        seconds
    else {
        return None;
    };
    let year = i32::try_from(number(&[y1, y2, y3, y4])?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(&[m1, m2])?, number(&[d1, d2])?)?;
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[n1, n2])?, number(&[s1, s2])?);
    Some(date.and_hms_milli_opt(hour, minute, second, millis)?.and_utc())
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'))
    })
}

/// An entity tag without its quotes, which are written in three ways.
fn unquoted(text: &str) -> Result<Cow<'_, str>, XmlError> {
    let mut inner = text;
    for quote in ["&quot;", "&#34;"] {
        inner = inner.strip_prefix(quote).unwrap_or(inner);
        inner = inner.strip_suffix(quote).unwrap_or(inner);
    }
    Ok(match unescape(inner)? {
        Cow::Borrowed(tag) => Cow::Borrowed(tag.trim_matches('"')),
        Cow::Owned(tag) => Cow::Owned(tag.trim_matches('"').to_owned()),
    })
}
