//! Pages of `ListObjectsV2`.

use std::io::Write as _;

use crate::archive::{Archive, Object};
use crate::text::{Letters, write_decimal, write_hex, write_moment};

/// Start of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// Start with the first key.
    #[default]
    AtFirst,
    /// Start after this text.
    After(String),
    /// Start after everything that has this prefix.
    AfterAll(String),
}

/// Request for one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Prefix of the listed keys.
    pub prefix: String,
    /// True if keys that continue beyond a slash after the prefix are rolled up.
    pub is_rolled_up: bool,
    /// Start of the page.
    pub start: Start,
    /// Maximum number of entries.
    pub max_keys: usize,
}

/// Entry of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Object(u64),
    Directory(Vec<u8>),
}

impl Start {
    /// Decodes a continuation token of this server.
    pub(crate) fn of_token(token: &str) -> Self {
        match token.strip_prefix("all-of-") {
            Some(text) => Self::AfterAll(text.to_owned()),
            None => Self::After(token.to_owned()),
        }
    }

    /// Returns whether the page starts after a key.
    fn is_after(&self, key: &[u8]) -> bool {
        match self {
            Self::AtFirst => false,
            Self::After(text) => key <= text.as_bytes(),
            Self::AfterAll(text) => key <= text.as_bytes() || key.starts_with(text.as_bytes()),
        }
    }
}

impl Archive {
    /// XML of a page.
    #[must_use]
    pub fn page(&self, query: &Query) -> Vec<u8> {
        let (entries, is_truncated) = self.entries(query);
        let mut xml = Vec::with_capacity(1000 + 300 * entries.len());
        let head = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Name>backups</Name><Prefix>{}</Prefix><KeyCount>{}</KeyCount><MaxKeys>{}</MaxKeys>\
             <EncodingType>url</EncodingType><IsTruncated>{is_truncated}</IsTruncated>",
            query.prefix,
            entries.len(),
            query.max_keys,
        );
        xml.extend_from_slice(head.as_bytes());
        if let Some(last) = entries.last().filter(|_| is_truncated) {
            self.write_token(last, &mut xml);
        }
        for entry in &entries {
            match entry {
                Entry::Object(place) => self.write_object(self.object(*place), &mut xml),
                Entry::Directory(name) => write_directory(name, &mut xml),
            }
        }
        xml.extend_from_slice(b"</ListBucketResult>");
        xml
    }

    /// Entries of a page, and true if more follow.
    fn entries(&self, query: &Query) -> (Vec<Entry>, bool) {
        let prefix = query.prefix.as_bytes();
        let first = self.first_not(0, |key| key < prefix || query.start.is_after(key));
        let end = self.first_not(first, |key| key.starts_with(prefix));
        let mut entries = Vec::with_capacity(query.max_keys);
        let mut place = first;
        while place < end && entries.len() < query.max_keys {
            if let Some(name) = self.directory(place, query) {
                place = self.first_not(place, |key| key.starts_with(&name));
                entries.push(Entry::Directory(name));
            } else {
                entries.push(Entry::Object(place));
                place += 1;
            }
        }
        (entries, place < end)
    }

    /// Directory that a key is rolled up to.
    fn directory(&self, place: u64, query: &Query) -> Option<Vec<u8>> {
        if !query.is_rolled_up {
            return None;
        }
        let mut key = Vec::with_capacity(100);
        self.write_key(self.object(place), &mut key);
        let slash = key
            .iter()
            .skip(query.prefix.len())
            .position(|byte| *byte == b'/')?;
        key.truncate(query.prefix.len() + slash + 1);
        Some(key)
    }

    fn write_token(&self, last: &Entry, xml: &mut Vec<u8>) {
        xml.extend_from_slice(b"<NextContinuationToken>");
        match last {
            Entry::Object(place) => self.write_key(self.object(*place), xml),
            Entry::Directory(name) => {
                xml.extend_from_slice(b"all-of-");
                xml.extend_from_slice(name);
            }
        }
        xml.extend_from_slice(b"</NextContinuationToken>");
    }

    fn write_object(&self, object: Object, xml: &mut Vec<u8>) {
        let (size, modified_at) = (self.size(object), self.modified_at(object));
        xml.extend_from_slice(b"<Contents><Key>");
        self.write_key(object, xml);
        xml.extend_from_slice(b"</Key><LastModified>");
        write_moment(xml, modified_at, ["-", "-", "T", ":", ":"]);
        xml.push(b'.');
        write_decimal(xml, size % 1000, 3);
        xml.extend_from_slice(b"Z</LastModified><ETag>&quot;");
        write_etag(size, modified_at, xml);
        xml.extend_from_slice(b"&quot;</ETag><Size>");
        // Writing to a vector cannot fail.
        let _ = write!(xml, "{size}");
        xml.extend_from_slice(b"</Size><StorageClass>STANDARD</StorageClass></Contents>");
    }
}

/// Appends an entity tag without its quotes.
pub(crate) fn write_etag(size: u64, modified_at: u64, text: &mut Vec<u8>) {
    let scattered = size.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ modified_at;
    write_hex(text, scattered, 16, Letters::Lower);
    write_hex(text, scattered.rotate_left(32), 16, Letters::Lower);
}

fn write_directory(name: &[u8], xml: &mut Vec<u8>) {
    xml.extend_from_slice(b"<CommonPrefixes><Prefix>");
    xml.extend_from_slice(name);
    xml.extend_from_slice(b"</Prefix></CommonPrefixes>");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::archive::Shape;

    /// Texts of all elements of a name, in order.
    fn texts(xml: &str, name: &str) -> Vec<String> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let after = xml.split(&open).skip(1);
        after
            .map(|rest| rest.split(&close).next().unwrap().to_owned())
            .collect()
    }

    /// Entries after a start, found by a look at every key.
    fn naive(keys: &[String], query: &Query) -> Vec<String> {
        let is_wanted = |key: &&String| {
            key.starts_with(&query.prefix)
                && match &query.start {
                    Start::AtFirst => true,
                    Start::After(text) => *key > text,
                    Start::AfterAll(text) => *key > text && !key.starts_with(text.as_str()),
                }
        };
        let entry = |key: &String| {
            let slash = key[query.prefix.len()..]
                .find('/')
                .filter(|_| query.is_rolled_up);
            key[..slash.map_or(key.len(), |at| query.prefix.len() + at + 1)].to_owned()
        };
        let mut entries: Vec<String> = keys.iter().filter(is_wanted).map(entry).collect();
        entries.dedup();
        entries
    }

    fn archives() -> impl Strategy<Value = Archive> {
        (1_u64..4, 0_u64..4, 1_u64..4, 0_u64..80, 0_u64..3).prop_map(
            |(servers, backups, timelines, segments, more)| {
                let segments = segments + 256 * (timelines - 1) + backups + 1;
                Archive::new(Shape {
                    servers,
                    backups,
                    timelines,
                    segments,
                })
                .later(more)
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn pages_are_those_of_a_naive_listing(
            archive in archives(), prefix: prop::sample::Index, after: prop::sample::Index,
            lengths in (0_usize..80, 0_usize..80), is_rolled_up: bool, starts in 0..3,
            max_keys in prop_oneof![1_usize..10, Just(1000)],
        ) {
            let keys = archive.keys();
            let cut = |index: prop::sample::Index, length: usize| {
                let key = index.get(&keys);
                key[..length.min(key.len())].to_owned()
            };
            let start = match starts {
                0 => Start::AtFirst,
                1 => Start::After(cut(after, lengths.1)),
                _ => Start::AfterAll(cut(after, lengths.1)),
            };
            let prefix = cut(prefix, lengths.0);
            let mut query = Query { prefix, is_rolled_up, start, max_keys };
            let mut whole = naive(&keys, &query);

            let xml = String::from_utf8(archive.page(&query)).unwrap();
            let shown = |xml: &str| {
                let directories = texts(xml, "CommonPrefixes");
                let directories = directories.iter().flat_map(|directory| texts(directory, "Prefix"));
                let mut all: Vec<_> = texts(xml, "Key").into_iter().chain(directories).collect();
                all.sort();
                all
            };
            let rest = whole.split_off(whole.len().min(max_keys));
            prop_assert_eq!(shown(&xml), whole);
            prop_assert_eq!(&texts(&xml, "IsTruncated"), &[(!rest.is_empty()).to_string()]);

            if let Some(token) = texts(&xml, "NextContinuationToken").first() {
                query.start = Start::of_token(token);
                query.max_keys = 1_000_000;
                let next = String::from_utf8(archive.page(&query)).unwrap();
                prop_assert_eq!(shown(&next), rest);
            }
        }
    }
}
