//! Pages of objects, decoded from their XML without the SDK's model of them.
//!
//! A scan of an archive decodes millions of objects, of which it needs five fields. The rules are
//! those of the SDK, whose decoder the tests compare with this one: what the SDK cannot read is an
//! error here too, and so is much that the SDK reads, but no store sends.

use std::borrow::Cow;
use std::mem;
use std::str::FromStr;

use archive_store::{EntityTags, ListPage, ListedObject, StorageClass};
use aws_smithy_types::DateTime as SdkDateTime;
use aws_smithy_types::date_time::Format;
use barman_archive::inventory::SmallFile;
use chrono::{DateTime, NaiveDate, Utc};

use super::answers::{AnswerProblem, decoded, filled, moment, next, senseless};
use super::xml::{Elements, XmlError, unescape};

/// Reason why an answer is not a page of objects.
#[derive(Debug, thiserror::Error)]
pub(super) enum DecodingError {
    /// Something that is not XML, or not in the XML that stores write.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// XML of another document.
    #[error("the XML has the root `{0}`")]
    Root(String),
    /// A field whose value makes no sense.
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
    fn from(problem: AnswerProblem) -> Self {
        Self::AnswerProblem(problem)
    }
}

/// Decodes an answer of `ListObjectsV2`, with the entity tags that are needed.
///
/// # Errors
/// If the answer is not a page of objects, or one that makes no sense.
pub(super) fn page(answer: &[u8], tags: EntityTags) -> Result<ListPage, DecodingError> {
    let (mut xml, root) = Elements::open(answer)?;
    if root != "ListBucketResult" {
        return Err(DecodingError::Root(root.to_owned()));
    }
    let mut parts = PageParts {
        tags,
        ..PageParts::default()
    };
    while let Some(field) = xml.next_child()? {
        parts.read(field, &mut xml)?;
    }
    xml.close()?;
    Ok(parts.page()?)
}

/// Number of objects in a full page (Amazon S3 API Reference, "`ListObjectsV2`").
pub const FULL_PAGE: usize = 1000;

/// Parts of a page, as far as they were read.
#[derive(Default)]
struct PageParts {
    tags: EntityTags,
    /// True if keys and prefixes are encoded, which a store may say after them.
    encoded: bool,
    truncated: Option<bool>,
    token: Option<String>,
    objects: Vec<ListedObject>,
    common_prefixes: Vec<String>,
}

impl PageParts {
    /// Reads a field of the page. The last one counts if a field is repeated.
    fn read(&mut self, field: &str, xml: &mut Elements<'_>) -> Result<(), DecodingError> {
        match field {
            "Contents" => self.objects.push(object(xml, self.tags)?),
            "CommonPrefixes" => self.common_prefixes.push(common_prefix(xml)?),
            "EncodingType" => self.encoded = xml.text()? == "url",
            "IsTruncated" => self.truncated = Some(parsed("IsTruncated", &xml.text()?)?),
            "NextContinuationToken" => self.token = Some(xml.text()?.into_owned()),
            // Nobody needs these, but the SDK fails where it cannot read them.
            "KeyCount" => self.expect(parsed("KeyCount", &xml.text()?)?),
            "MaxKeys" => drop(parsed::<i32>("MaxKeys", &xml.text()?)?),
            "Name" | "Prefix" | "Delimiter" | "StartAfter" | "ContinuationToken" => {
                drop(xml.text()?);
            }
            _ => xml.skip()?,
        }
        Ok(())
    }

    /// Makes room for this many objects, but not for more than a full page has.
    fn expect(&mut self, objects: i32) {
        let objects = usize::try_from(objects).unwrap_or_default();
        self.objects.reserve_exact(objects.min(FULL_PAGE));
    }

    /// Decodes keys and prefixes, and finds out where the listing goes on.
    fn page(self) -> Result<ListPage, AnswerProblem> {
        let Self {
            tags: _,
            encoded,
            truncated,
            token,
            mut objects,
            mut common_prefixes,
        } = self;
        for object in &mut objects {
            object.key = decoded(mem::take(&mut object.key), encoded);
        }
        for prefix in &mut common_prefixes {
            *prefix = decoded(mem::take(prefix), encoded);
        }
        let next = next(truncated, filled(token), "NextContinuationToken")?;
        Ok(ListPage {
            objects,
            common_prefixes,
            next,
        })
    }
}

/// Reads an object, whose key stays as it was sent.
fn object(xml: &mut Elements<'_>, tags: EntityTags) -> Result<ListedObject, DecodingError> {
    let mut fields = ObjectFields::default();
    while let Some(field) = xml.next_child()? {
        fields.read(field, xml)?;
    }
    Ok(fields.object(tags)?)
}

/// Fields of an object, as far as they were read.
#[derive(Default)]
struct ObjectFields<'a> {
    key: Option<String>,
    size: Option<i64>,
    last_modified: Option<DateTime<Utc>>,
    etag: Option<Cow<'a, str>>,
    storage_class: Option<StorageClass>,
}

impl<'a> ObjectFields<'a> {
    /// Reads a field of the object. The last one counts if a field is repeated.
    fn read(&mut self, field: &str, xml: &mut Elements<'a>) -> Result<(), DecodingError> {
        match field {
            "Key" => self.key = Some(xml.text()?.into_owned()),
            "Size" => self.size = Some(parsed("Size", &xml.text()?)?),
            "LastModified" => self.last_modified = read_moment("LastModified", &xml.text()?)?,
            "ETag" => self.etag = Some(unquoted(xml.raw_text()?)?),
            "StorageClass" => self.storage_class = Some(StorageClass::of(&xml.text()?)),
            "ChecksumAlgorithm" | "ChecksumType" => drop(xml.text()?),
            "Owner" => owner(xml)?,
            "RestoreStatus" => restore_status(xml)?,
            _ => xml.skip()?,
        }
        Ok(())
    }

    fn object(self, tags: EntityTags) -> Result<ListedObject, AnswerProblem> {
        let Self {
            key,
            size,
            last_modified,
            etag,
            storage_class,
        } = self;
        let Some(key) = key else {
            return Err(senseless("has an object without `Key`"));
        };
        let Some(size) = size.and_then(|size| u64::try_from(size).ok()) else {
            return Err(senseless(format!("has no sensible `Size` of `{key}`")));
        };
        let Some(last_modified) = last_modified else {
            return Err(senseless(format!(
                "has no sensible `LastModified` of `{key}`"
            )));
        };
        // A copy costs as much as all else here.
        let is_tagged = match tags {
            EntityTags::OfSmallObjects => size <= SmallFile::MAX_BYTES,
            EntityTags::OfAllObjects => true,
        };
        let etag = etag.filter(|_| is_tagged).map(Cow::into_owned);
        Ok(ListedObject {
            key,
            size,
            last_modified,
            etag,
            storage_class,
        })
    }
}

/// Reads a common prefix, which stays as it was sent.
fn common_prefix(xml: &mut Elements<'_>) -> Result<String, DecodingError> {
    let mut prefix = None;
    while let Some(field) = xml.next_child()? {
        match field {
            "Prefix" => prefix = Some(xml.text()?.into_owned()),
            _ => xml.skip()?,
        }
    }
    match prefix {
        Some(prefix) => Ok(prefix),
        None => Err(senseless("has a common prefix without `Prefix`").into()),
    }
}

/// Skips an owner, after making sure that the SDK could read it.
fn owner(xml: &mut Elements<'_>) -> Result<(), DecodingError> {
    while let Some(field) = xml.next_child()? {
        match field {
            "ID" | "DisplayName" => drop(xml.text()?),
            _ => xml.skip()?,
        }
    }
    Ok(())
}

/// Skips a restore status, after making sure that the SDK could read it.
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
    DecodingError::Field {
        field,
        value: value.to_owned(),
    }
}

/// Reads a moment; `None` if it is too far away for [`DateTime`].
fn read_moment(field: &'static str, text: &str) -> Result<Option<DateTime<Utc>>, DecodingError> {
    if let Some(at) = usual_moment(text) {
        return Ok(Some(at));
    }
    let at = SdkDateTime::from_str(text, Format::DateTimeWithOffset);
    Ok(moment(&at.map_err(|_| invalid(field, text))?))
}

/// Reads a moment in the form that all stores write, `2026-01-02T03:04:05Z` or `…:05.678Z`.
fn usual_moment(text: &str) -> Option<DateTime<Utc>> {
    let (seconds, millis) = match text.as_bytes() {
        [seconds @ .., b'.', a, b, c, b'Z'] if seconds.len() == 19 => {
            (seconds, number(&[*a, *b, *c])?)
        }
        [seconds @ .., b'Z'] if seconds.len() == 19 => (seconds, 0),
        _ => return None,
    };
    let &[
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
    ] = seconds
    else {
        return None;
    };
    let year = i32::try_from(number(&[y1, y2, y3, y4])?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(&[m1, m2])?, number(&[d1, d2])?)?;
    let hour = number(&[h1, h2])?;
    let minute = number(&[n1, n2])?;
    let second = number(&[s1, s2])?;
    Some(
        date.and_hms_milli_opt(hour, minute, second, millis)?
            .and_utc(),
    )
}

/// Reads a decimal number of a few digits.
fn number(digits: &[u8]) -> Option<u32> {
    let mut number = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number * 10 + u32::from(digit - b'0');
    }
    Some(number)
}

/// Removes the quotes around an entity tag, which stores write in three ways.
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
