//! Place of an archive: a bucket, and a prefix in it.

use std::fmt;
use std::str::FromStr;

/// A bucket, and the prefix below which the directories of the servers lie.
///
/// Written `s3://bucket/prefix`, as `destinationPath` of Barman Cloud.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    /// Name of the bucket: one that boto3 accepts.
    pub bucket: String,
    /// Prefix, without slashes at its ends; empty for the root of the bucket.
    pub prefix: String,
}

impl Destination {
    /// Returns true if another destination lies inside this one and is not the same.
    pub(super) fn contains(&self, other: &Self) -> bool {
        if self.bucket != other.bucket {
            return false;
        }
        let Some(rest) = other.prefix.strip_prefix(&self.prefix) else {
            return false;
        };
        if self.prefix.is_empty() {
            !rest.is_empty()
        } else {
            rest.starts_with('/')
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(f, "s3://{}{slash}{}", self.bucket, self.prefix)
    }
}

/// Reason why a text is not a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDestination {
    /// Another scheme, or none.
    #[error("expected `s3://bucket/prefix`")]
    Scheme,
    /// A name of a bucket that boto3 would not send.
    #[error(
        "expected `s3://bucket/prefix`; the bucket has 1 to 255 letters, digits, dots, hyphens \
         and underscores"
    )]
    Bucket,
    /// A prefix that Barman could not have written to.
    #[error("expected a prefix without control characters, `?` or `#`")]
    Prefix,
}

impl FromStr for Destination {
    type Err = InvalidDestination;

    fn from_str(text: &str) -> Result<Self, InvalidDestination> {
        let rest = text
            .strip_prefix("s3://")
            .ok_or(InvalidDestination::Scheme)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if !is_bucket_name(bucket) {
            return Err(InvalidDestination::Bucket);
        }
        // Barman reads the destination as a URL: a query or fragment is not part of the path.
        if prefix.contains(|letter: char| letter.is_control() || matches!(letter, '?' | '#')) {
            return Err(InvalidDestination::Prefix);
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
        })
    }
}

/// Returns whether boto3 sends a name (`VALID_BUCKET` in `botocore/handlers.py`). Stores other than
/// Amazon's, and buckets older than Amazon's rules, have names that those rules forbid.
fn is_bucket_name(name: &str) -> bool {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=255).contains(&name.len()) && name.bytes().all(is_name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn destination(text: &str) -> Result<Destination, InvalidDestination> {
        text.parse()
    }

    #[test]
    fn slashes_around_the_prefix_are_dropped() {
        for text in ["s3://bucket/a/b", "s3://bucket/a/b/", "s3://bucket//a/b//"] {
            assert_eq!(destination(text).unwrap().to_string(), "s3://bucket/a/b");
        }
    }

    #[test]
    fn the_root_of_a_bucket_has_an_empty_prefix() {
        for text in ["s3://bucket", "s3://bucket/", "s3://bucket//"] {
            assert_eq!(destination(text).unwrap().prefix, "");
        }
    }

    #[test]
    fn one_lies_inside_another_by_whole_directories() {
        let contains = |outer: &str, inner: &str| {
            destination(outer)
                .unwrap()
                .contains(&destination(inner).unwrap())
        };

        assert!(contains("s3://bucket/p", "s3://bucket/p/orders"));
        assert!(contains("s3://bucket", "s3://bucket/p"));
        for (outer, inner) in [
            ("s3://bucket/p", "s3://bucket/p"),
            ("s3://bucket", "s3://bucket"),
            ("s3://bucket/p", "s3://bucket/production"),
            ("s3://bucket/p/orders", "s3://bucket/p"),
            ("s3://other", "s3://bucket/p"),
        ] {
            assert!(!contains(outer, inner), "{outer} {inner}");
        }
    }

    #[test]
    fn names_that_no_bucket_has_are_rejected() {
        let long = format!("s3://{}", "a".repeat(256));
        for text in [
            "s3://",
            "s3:///a",
            "s3://a b",
            "s3://ä",
            "s3://${BUCKET}",
            &long,
        ] {
            assert_eq!(destination(text), Err(InvalidDestination::Bucket), "{text}");
        }
        for text in ["s3://key:secret@bucket", "s3://bucket:1"] {
            assert_eq!(destination(text), Err(InvalidDestination::Bucket), "{text}");
        }
    }

    #[test]
    fn names_that_boto3_sends_are_taken_as_they_are() {
        for name in ["Old_Bucket", "a", "a..b", "-a-", "127.0.0.1"] {
            assert_eq!(destination(&format!("s3://{name}/p")).unwrap().bucket, name);
        }
    }

    #[test]
    fn other_schemes_are_rejected() {
        for text in [
            "",
            "bucket/a",
            "https://bucket/a",
            "S3://bucket",
            "gs://bucket",
        ] {
            assert_eq!(destination(text), Err(InvalidDestination::Scheme), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r"(s3://)?\PC{0,70}") {
            let _ = destination(&text);
        }

        #[test]
        fn a_destination_survives_a_round_trip(text in "s3://[a-z]{3,9}/[a-z/. ]{0,20}") {
            let parsed = destination(&text).unwrap();
            prop_assert_eq!(destination(&parsed.to_string()).unwrap(), parsed);
        }
    }
}
