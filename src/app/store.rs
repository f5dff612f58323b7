//! Stores that can be configured. A further kind of store is a further variant, here and in
//! [`StoreConfig`]; the compiler names every place that must know it.

use std::ops::Range;
use std::sync::Arc;

use archive_store::{
    ListPage, ListRequest, ObjectChecksums, ObjectStore, ObjectVersion, RequestObserver,
    StorageError, UploadListing,
};
use archive_store_s3::{CredentialSource, FULL_PAGE, S3Settings, S3Store};
use barman_archive::inventory::UnfinishedUpload;
use tls_certificates::ServerAddress;

use crate::config::{Credentials, EndpointUrl, S3StoreConfig, ScanConfig, StoreConfig};

/// Store of an archive.
pub(super) enum ConfiguredStore {
    /// Bucket that is read over the S3 API.
    S3(S3Store),
}

impl ConfiguredStore {
    /// Creates the store of an archive, without any I/O.
    pub(super) fn new(
        store: &StoreConfig,
        scan: &ScanConfig,
        observer: Arc<dyn RequestObserver>,
    ) -> Self {
        match store {
            StoreConfig::S3(bucket) => Self::S3(S3Store::new(s3_settings(bucket, scan), observer)),
        }
    }

    /// Number of objects on a full page of a listing.
    pub(super) const fn full_page(&self) -> usize {
        match self {
            Self::S3(_) => FULL_PAGE,
        }
    }

    /// Returns the address that requests go to; `None` if they go there without TLS.
    pub(super) async fn tls_endpoint(&self) -> Result<Option<&ServerAddress>, StorageError> {
        match self {
            Self::S3(store) => store.tls_endpoint().await,
        }
    }
}

impl ObjectStore for ConfiguredStore {
    async fn list_page(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        match self {
            Self::S3(store) => store.list_page(request).await,
        }
    }

    async fn get_small(&self, key: &str, max_bytes: u64) -> Result<Vec<u8>, StorageError> {
        match self {
            Self::S3(store) => store.get_small(key, max_bytes).await,
        }
    }

    async fn read_range(
        &self,
        object: &ObjectVersion,
        range: Range<u64>,
    ) -> Result<Vec<u8>, StorageError> {
        match self {
            Self::S3(store) => store.read_range(object, range).await,
        }
    }

    async fn checksums(&self, object: &ObjectVersion) -> Result<ObjectChecksums, StorageError> {
        match self {
            Self::S3(store) => store.checksums(object).await,
        }
    }

    async fn list_uploads(&self, prefix: &str) -> Result<UploadListing, StorageError> {
        match self {
            Self::S3(store) => store.list_uploads(prefix).await,
        }
    }

    async fn upload_bytes(&self, upload: &UnfinishedUpload) -> Result<Option<u64>, StorageError> {
        match self {
            Self::S3(store) => store.upload_bytes(upload).await,
        }
    }
}

fn s3_settings(bucket: &S3StoreConfig, scan: &ScanConfig) -> S3Settings {
    let endpoint_url = bucket.endpoint_url.as_ref().map(EndpointUrl::as_str);
    S3Settings {
        bucket: bucket.destination.bucket.clone(),
        endpoint_url: endpoint_url.map(str::to_owned),
        region: bucket.region.clone(),
        path_style: bucket.path_style,
        ca_file: bucket.endpoint_ca_file.clone(),
        credentials: credential_source(bucket.credentials.clone()),
        request_timeout: scan.request_timeout,
        max_attempts: scan.max_attempts,
    }
}

fn credential_source(credentials: Credentials) -> CredentialSource {
    match credentials {
        Credentials::Chain => CredentialSource::Chain { profile: None },
        Credentials::Profile(name) => CredentialSource::Chain {
            profile: Some(name),
        },
        Credentials::Files {
            access_key_id,
            secret_access_key,
            session_token,
        } => CredentialSource::Files {
            access_key_id,
            secret_access_key,
            session_token,
        },
    }
}
