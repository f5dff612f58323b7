//! Location of a bucket, and the credentials for it.

use std::path::PathBuf;
use std::time::Duration;

use crate::client;

/// Location of a bucket, and the credentials for it.
#[derive(Clone, Debug)]
pub struct S3Settings {
    /// Name of the bucket.
    pub bucket: String,
    /// Endpoint of the store; `None` for AWS.
    pub endpoint_url: Option<String>,
    /// Region to sign for; `None` for the one in the endpoint's name or, without an endpoint, in
    /// the environment. If there is none either, it is `us-east-1`.
    pub region: Option<String>,
    /// True if the bucket's name is part of the URL's path instead of its host.
    pub path_style: bool,
    /// File with the only certificate authorities to trust at the endpoint, in PEM form; `None` for
    /// those that the system trusts.
    ///
    /// Read again at the start of every listing.
    pub ca_file: Option<PathBuf>,
    /// Source of the credentials.
    pub credentials: CredentialSource,
    /// Time for one attempt at a request, and for the body of an object.
    pub request_timeout: Duration,
    /// Maximum number of attempts at a request, including the first one.
    pub max_attempts: u32,
}

impl S3Settings {
    pub(super) fn is_without_tls(&self) -> bool {
        self.endpoint_url
            .as_ref()
            .is_some_and(|url| url.starts_with("http://"))
    }

    /// Returns whether requests go to Google Cloud (Cloud Storage, "Request endpoints").
    pub(super) fn is_of_google_cloud(&self) -> bool {
        let host = self.endpoint_url.as_deref().and_then(client::host);
        host.is_some_and(|host| host.ends_with(".googleapis.com"))
    }
}

/// Source of credentials.
#[derive(Clone, Debug)]
pub enum CredentialSource {
    /// Search of the AWS SDK: environment, profile, web identity token, container and instance
    /// role. Single sign-on and credential processes are not built in.
    Chain {
        /// Only profile to use; `None` for the whole search.
        profile: Option<String>,
    },
    /// Files with one line each, read again when they are half a second old.
    Files {
        /// File with the access key id.
        access_key_id: PathBuf,
        /// File with the secret access key.
        secret_access_key: PathBuf,
        /// File with the session token of temporary credentials.
        session_token: Option<PathBuf>,
    },
}
