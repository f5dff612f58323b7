//! Calls to a bucket over the S3 API.

use std::collections::HashSet;
use std::error::Error;
use std::ops::Range;
use std::sync::Arc;

use archive_store::{
    ErrorKind, ErrorScope, ListPage, ListRequest, ObjectChecksums, ObjectStore, ObjectVersion,
    Operation, RequestObserver, StorageError, UnfinishedUpload, UploadListing,
};
use aws_sdk_s3::config::retry::RetryPartition;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{ChecksumMode, EncodingType};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use tls_certificates::ServerAddress;
use tls_certificates::files::{self, MAX_CERTIFICATE_BYTES};
use tokio::sync::{Mutex, OnceCell};
use tracing::info;

use crate::client::Connection;
use crate::fault::{Call, CallTarget, Fault};
use crate::pages::DecodedPage;
use crate::product::Product;
use crate::reading::ObjectReader;
use crate::settings::S3Settings;
use crate::{answers, client, endpoint, errors, versions};

/// Bucket that is read over the S3 API.
///
/// The first call builds the client, so mistakes in the settings make that call fail.
pub struct S3Store {
    settings: S3Settings,
    observer: Arc<dyn RequestObserver>,
    /// Budget for retries. Outlives the connection: a new CA file does not allow more retries.
    retries: RetryPartition,
    connections: Mutex<Connections>,
    endpoint: OnceCell<ServerAddress>,
}

impl S3Store {
    /// Creates a store with these settings, without any I/O.
    #[must_use]
    pub fn new(settings: S3Settings, observer: Arc<dyn RequestObserver>) -> Self {
        Self {
            settings,
            observer,
            retries: client::retry_partition(),
            connections: Mutex::default(),
            endpoint: OnceCell::new(),
        }
    }

    /// Settings of the store.
    pub(super) const fn settings(&self) -> &S3Settings {
        &self.settings
    }

    /// Returns the address that requests go to; `None` if they go there without TLS.
    ///
    /// # Errors
    /// Returns an error if the SDK does not find an endpoint for the settings.
    pub async fn tls_endpoint(&self) -> Result<Option<&ServerAddress>, StorageError> {
        if self.settings.is_without_tls() {
            return Ok(None);
        }
        let endpoint = || endpoint::endpoint(&self.settings);
        self.endpoint.get_or_try_init(endpoint).await.map(Some)
    }

    async fn connection(&self) -> Result<Arc<Connection>, StorageError> {
        let mut connections = self.connections.lock().await;
        match &connections.current {
            Some(connection) => Ok(Arc::clone(connection)),
            None => self.connect(&mut connections, self.read_ca().await?).await,
        }
    }

    /// Returns the connection, rebuilt if the CA file has changed.
    async fn fresh_connection(&self) -> Result<Arc<Connection>, StorageError> {
        let mut connections = self.connections.lock().await;
        let ca = self.read_ca().await?;
        match &connections.current {
            Some(connection) if connection.ca == ca => Ok(Arc::clone(connection)),
            Some(_) | None => self.connect(&mut connections, ca).await,
        }
    }

    async fn connect(
        &self,
        connections: &mut Connections,
        ca: Option<Vec<u8>>,
    ) -> Result<Arc<Connection>, StorageError> {
        let region = connections.region.clone();
        let built = self.build(region, ca).await?;
        Ok(Arc::clone(connections.current.insert(Arc::new(built))))
    }

    /// Builds a connection for the given region, if any, otherwise for that of the settings.
    async fn build(
        &self,
        region: Option<String>,
        ca: Option<Vec<u8>>,
    ) -> Result<Connection, StorageError> {
        let retries = self.retries.clone();
        let observer = Arc::clone(&self.observer);
        let region = region.or_else(|| self.settings.region.clone());
        let settings = S3Settings {
            region,
            ..self.settings.clone()
        };
        Connection::build(&settings, retries, observer, ca).await
    }

    /// Uses a connection from now on, because its region, which the store named, is right.
    async fn settle_in(&self, connection: Connection) {
        let mut connections = self.connections.lock().await;
        if connections.region.as_ref() != Some(&connection.region) {
            info!(
                target: "storage",
                bucket = self.settings.bucket,
                region = connection.region,
                "The bucket is in a different region from the one requested: set `region` of this \
                 archive"
            );
        }
        connections.region = Some(connection.region.clone());
        connections.current = Some(Arc::new(connection));
    }

    async fn read_ca(&self) -> Result<Option<Vec<u8>>, StorageError> {
        let Some(path) = &self.settings.ca_file else {
            return Ok(None);
        };
        let file = path.clone();
        let read = move || files::read_file(&file, MAX_CERTIFICATE_BYTES);
        let content = tokio::task::spawn_blocking(read)
            .await
            .map_err(|_| StorageError::internal("a CA file could not be read"))?;
        content.map(Some).map_err(|error| {
            let text = format!(
                "`{}` cannot be read: check `endpointCAFile` of this archive",
                path.display()
            );
            StorageError::new(ErrorKind::Network, ErrorScope::Scan, text)
                .caused_by(errors::render_chain(&error))
        })
    }

    pub(super) fn target<'a>(&'a self, connection: &'a Connection) -> CallTarget<'a> {
        CallTarget {
            bucket: &self.settings.bucket,
            endpoint: self.settings.endpoint_url.as_deref(),
            region: &connection.region,
            path_style: self.settings.path_style,
        }
    }

    pub(super) fn failed<E: Error + ProvideErrorMetadata + 'static>(
        &self,
        connection: &Connection,
        call: Call<'_>,
        error: &SdkError<E, HttpResponse>,
    ) -> StorageError {
        let explained = self.target(connection).explain(call, &errors::fault(error));
        with_cause(explained, errors::rendered(error))
    }

    async fn list_page_over(
        &self,
        connection: &Connection,
        request: &ListRequest,
    ) -> Result<ListPage, FailedListing> {
        let call = Call {
            operation: Operation::ListObjectsV2,
            key: &request.prefix,
        };
        let decoded = DecodedPage::new(request.entity_tags);
        connection
            .client
            .list_objects_v2()
            .bucket(&self.settings.bucket)
            .prefix(&request.prefix)
            .set_delimiter(request.delimiter.map(String::from))
            .set_start_after(request.start_after.clone())
            .set_continuation_token(request.continuation.clone())
            .encoding_type(EncodingType::Url)
            .customize()
            .mutate_request(marked(call.operation))
            .interceptor(decoded.clone())
            .send()
            .await
            .map_err(|error| FailedListing {
                region: errors::region_to_follow(&error, call.operation),
                error: self.failed(connection, call, &error),
            })?;
        let target = self.target(connection);
        let contradiction = |why: &str| target.contradiction(call, why);
        let mut page = decoded.take().map_err(|why| contradiction(&why.0))?;
        if page.next.is_some() && page.next == request.continuation {
            return Err(
                contradiction("does not advance: its continuation is the page's own").into(),
            );
        }
        if self.settings.is_of_google_cloud() {
            for object in &mut page.objects {
                if let Some(class) = &mut object.storage_class {
                    *class = class.clone().of_google_cloud();
                }
            }
        }
        Ok(page)
    }
}

impl ObjectStore for S3Store {
    async fn list_page(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        let connection = match request.continuation {
            None => self.fresh_connection().await?,
            Some(_) => self.connection().await?,
        };
        let failed = match self.list_page_over(&connection, request).await {
            Ok(page) => return Ok(page),
            Err(failed) => failed,
        };
        let Some(region) = failed.region.filter(|region| *region != connection.region) else {
            return Err(failed.error);
        };
        // Followed once, as botocore does (`S3RegionRedirectorv2`).
        let elsewhere = self.build(Some(region), connection.ca.clone()).await?;
        let Ok(page) = self.list_page_over(&elsewhere, request).await else {
            return Err(failed.error);
        };
        self.settle_in(elsewhere).await;
        Ok(page)
    }

    async fn get_small(&self, key: &str, max_bytes: u64) -> Result<Vec<u8>, StorageError> {
        let connection = self.connection().await?;
        let reader = ObjectReader::new(self, &connection, key);
        reader.read_small(max_bytes).await
    }

    async fn read_range(
        &self,
        object: &ObjectVersion,
        range: Range<u64>,
    ) -> Result<Vec<u8>, StorageError> {
        object.check_range(&range)?;
        let connection = self.connection().await?;
        let reader = ObjectReader::new(self, &connection, &object.key);
        reader.read_range(object, range).await
    }

    async fn checksums(&self, object: &ObjectVersion) -> Result<ObjectChecksums, StorageError> {
        let connection = self.connection().await?;
        let call = Call {
            operation: Operation::HeadObject,
            key: &object.key,
        };
        let output = connection
            .client
            .head_object()
            .bucket(&self.settings.bucket)
            .key(&object.key)
            .set_if_match(versions::condition(object))
            .checksum_mode(ChecksumMode::Enabled)
            .customize()
            .mutate_request(marked(call.operation))
            .send()
            .await
            .map_err(|error| self.failed(&connection, call, &error))?;
        if !versions::is_version(object, &output) {
            return Err(self.target(&connection).explain(call, &Fault::Replaced));
        }
        Ok(versions::checksums(&output))
    }

    async fn list_uploads(&self, prefix: &str) -> Result<UploadListing, StorageError> {
        let connection = self.connection().await?;
        let call = Call {
            operation: Operation::ListMultipartUploads,
            key: prefix,
        };
        let product = Product::default();
        let mut uploads = Vec::new();
        let mut seen = HashSet::new();
        let mut after = answers::UploadMarker::default();
        loop {
            let output = connection
                .client
                .list_multipart_uploads()
                .bucket(&self.settings.bucket)
                .prefix(prefix)
                .set_key_marker(after.key.clone())
                .set_upload_id_marker(after.upload_id.clone())
                .encoding_type(EncodingType::Url)
                .customize()
                .mutate_request(marked(call.operation))
                .interceptor(product.clone())
                .send()
                .await
                .map_err(|error| self.failed(&connection, call, &error))?;
            let target = self.target(&connection);
            let next = answers::uploads(output, &mut uploads)
                .map_err(|why| target.contradiction(call, &why.0))?;
            let Some(next) = next else {
                return Ok(UploadListing {
                    uploads,
                    coverage: product.upload_coverage(),
                });
            };
            if !seen.insert(next.clone()) {
                return Err(target.contradiction(call, "does not advance"));
            }
            after = next;
        }
    }

    async fn upload_bytes(&self, upload: &UnfinishedUpload) -> Result<Option<u64>, StorageError> {
        let connection = self.connection().await?;
        let call = Call {
            operation: Operation::ListParts,
            key: &upload.key,
        };
        let mut bytes = 0;
        let mut after = 0;
        loop {
            let output = connection
                .client
                .list_parts()
                .bucket(&self.settings.bucket)
                .key(&upload.key)
                .upload_id(&upload.upload_id)
                .set_part_number_marker((after > 0).then(|| after.to_string()))
                .customize()
                .mutate_request(marked(call.operation))
                .send()
                .await;
            let output = match output {
                Ok(output) => output,
                Err(error) if error.code() == Some("NoSuchUpload") => return Ok(None),
                Err(error) => return Err(self.failed(&connection, call, &error)),
            };
            let target = self.target(&connection);
            let next = answers::parts(&output, &mut bytes)
                .map_err(|why| target.contradiction(call, &why.0))?;
            let Some(next) = next else {
                return Ok(Some(bytes));
            };
            if next <= after {
                return Err(target.contradiction(call, "does not advance"));
            }
            after = next;
        }
    }
}

/// Connection to a store, and the region that it is for.
#[derive(Default)]
struct Connections {
    current: Option<Arc<Connection>>,
    /// Region that the store has pointed to; `None` for that of the settings.
    region: Option<String>,
}

/// Failed request for a page of a listing.
struct FailedListing {
    error: StorageError,
    /// Region that the bucket is in, if the store names it.
    region: Option<String>,
}

impl From<StorageError> for FailedListing {
    fn from(error: StorageError) -> Self {
        Self {
            error,
            region: None,
        }
    }
}

/// Adds a cause to an error, unless the cause is empty.
pub(super) fn with_cause(error: StorageError, cause: String) -> StorageError {
    if cause.is_empty() {
        error
    } else {
        error.caused_by(cause)
    }
}

/// Marks a request with its operation, for [`crate::requests::ObservedClient`].
pub(super) fn marked(operation: Operation) -> impl Fn(&mut HttpRequest) + Send + Sync + 'static {
    move |request| request.add_extension(operation)
}
