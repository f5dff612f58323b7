//! Store of an archive, its place there, and access to it.

use std::fmt;
use std::path::{Path, PathBuf};

use super::credentials::Credentials;
use super::destination::Destination;
use super::endpoint::EndpointUrl;
use super::section::Section;
#[cfg(test)]
use super::tests::schema::CredentialsKeys;
use super::texts::{path, required, word};

/// Store of an archive. A further kind of store is a further variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreConfig {
    /// Bucket that is read over the S3 API.
    S3(S3StoreConfig),
}

/// Bucket, with everything needed to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename_all = "camelCase"))]
pub struct S3StoreConfig {
    /// Path that contains the servers' directories: `s3://bucket/prefix`, as in the `ObjectStore`
    /// resource. Required.
    #[cfg_attr(
        test,
        schemars(with = "String", rename = "destinationPath", regex(pattern = "^s3://"))
    )]
    pub destination: Destination,
    /// URL of the object storage, such as `https://s3.example.org`, without the bucket; may have a
    /// path. Absent: Amazon's.
    #[cfg_attr(test, schemars(with = "Option<String>", rename = "endpointURL"))]
    pub endpoint_url: Option<EndpointUrl>,
    /// Region of the bucket. Absent: the region in the name of an Amazon endpoint; `us-east-1` with
    /// another `endpointURL`; otherwise the region that the SDK finds in its environment, profile or
    /// instance, or `us-east-1`. If the store names another region, that is used.
    pub region: Option<String>,
    /// `true` if the bucket's name is in the path of URLs, `false` if it is in the host name. Default:
    /// `true` with an `endpointURL`, `false` without.
    #[cfg_attr(test, schemars(with = "Option<bool>"))]
    pub path_style: bool,
    /// File with certificates (PEM) of the authority that vouches for the endpoint. Absent: those of
    /// the system.
    #[cfg_attr(test, schemars(rename = "endpointCAFile"))]
    pub endpoint_ca_file: Option<PathBuf>,
    /// Credentials for the object storage. Absent: those that the AWS SDK finds in the environment, a
    /// profile, a web identity or the instance.
    #[cfg_attr(test, schemars(with = "Option<CredentialsKeys>"))]
    pub credentials: Credentials,
}

impl StoreConfig {
    /// Reads the store of an archive. `None` if a required setting is missing or wrong.
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        S3StoreConfig::read(section).map(Self::S3)
    }

    /// Setting that names the place.
    pub(super) const fn place_key(&self) -> &'static str {
        match self {
            Self::S3(_) => "destinationPath",
        }
    }

    /// URL of the store; `None` for the usual one of its kind.
    #[must_use]
    pub fn endpoint_url(&self) -> Option<&str> {
        match self {
            Self::S3(bucket) => bucket.endpoint_url.as_ref().map(EndpointUrl::as_str),
        }
    }

    /// Name of the endpoint, for people.
    #[must_use]
    pub fn endpoint_name(&self) -> &str {
        match self {
            Self::S3(_) => self.endpoint_url().unwrap_or("Amazon S3"),
        }
    }

    /// File with the authorities that the endpoint's certificate is verified against; `None` for
    /// those of the system.
    #[must_use]
    pub fn endpoint_ca_file(&self) -> Option<&Path> {
        match self {
            Self::S3(bucket) => bucket.endpoint_ca_file.as_deref(),
        }
    }

    /// Start of every key of the archive: empty, or a text that ends in a slash.
    #[must_use]
    pub fn key_prefix(&self) -> String {
        let prefix = match self {
            Self::S3(bucket) => bucket.destination.prefix.as_str(),
        };
        match prefix {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        }
    }

    /// Returns true if both are the same place.
    pub(super) fn is_same_place(&self, other: &Self) -> bool {
        let (Self::S3(bucket), Self::S3(other)) = (self, other);
        bucket.is_in_same_store(other) && bucket.destination == other.destination
    }

    /// Returns true if another place lies inside this one and is not the same.
    pub(super) fn contains(&self, other: &Self) -> bool {
        let (Self::S3(bucket), Self::S3(other)) = (self, other);
        bucket.is_in_same_store(other) && bucket.destination.contains(&other.destination)
    }

    /// Returns a warning about the endpoint, which starts with the key of the archive in the
    /// configuration.
    pub(super) fn endpoint_warning(&self, archive_key: &str) -> Option<String> {
        match self {
            Self::S3(bucket) => bucket.endpoint_warning(archive_key),
        }
    }
}

impl fmt::Display for StoreConfig {
    /// Writes the place as the configuration has it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3(bucket) => bucket.destination.fmt(formatter),
        }
    }
}

impl S3StoreConfig {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let form = "`s3://bucket/prefix`";
        let destination = required(section, "destinationPath", form, str::parse);
        let endpoint_url = section.text("endpointURL", str::parse);
        let region = section.text("region", word);
        let path_style = section
            .flag("pathStyle")
            .unwrap_or(section.has("endpointURL"));
        let endpoint_ca_file = section.text("endpointCAFile", path);
        let credentials = Credentials::read(section.section("credentials"));
        Some(Self {
            destination: destination?,
            endpoint_url,
            region,
            path_style,
            endpoint_ca_file,
            credentials,
        })
    }

    fn is_in_same_store(&self, other: &Self) -> bool {
        self.endpoint_url == other.endpoint_url
    }

    /// Returns a warning if the endpoint's host names the bucket as well.
    fn endpoint_warning(&self, archive_key: &str) -> Option<String> {
        let endpoint = self.endpoint_url.as_ref()?;
        let bucket = &self.destination.bucket;
        let rest = endpoint.host().strip_prefix(&bucket.to_ascii_lowercase())?;
        if !rest.starts_with('.') {
            return None;
        }
        Some(format!(
            "{archive_key}.endpointURL: the host of `{endpoint}` starts with the bucket's name `{bucket}`, which boto3 and \
             this program add once more: name the endpoint without the bucket"
        ))
    }
}
