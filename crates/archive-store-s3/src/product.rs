//! Recognition of the program that answers, where it matters.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use archive_store::UploadCoverage;
use aws_sdk_s3::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;

/// Prefixes of the header `Server`, in lower case, of programs that list unfinished uploads only
/// by exact keys.
///
/// For a prefix, `MinIO` lists the uploads to the key that equals it
/// (`erasureObjects.ListMultipartUploads`); without a prefix, those that one node happens to
/// remember. Storj's gateway is derived from `MinIO`.
const BY_EXACT_KEY: [&str; 2] = ["minio", "storj"];

/// Interceptor that records whether the program that answers a call lists unfinished uploads only
/// by exact keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Product(Arc<AtomicBool>);

impl Product {
    /// Returns the keys that a listing of uploads covers, as far as its program is known.
    pub(super) fn upload_coverage(&self) -> UploadCoverage {
        if self.0.load(Ordering::Relaxed) {
            UploadCoverage::ExactKey
        } else {
            UploadCoverage::Prefix
        }
    }
}

#[dyn_dispatch_hint]
impl Intercept for Product {
    fn name(&self) -> &'static str {
        "Product"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let server = context
            .response()
            .headers()
            .get("server")
            .unwrap_or_default();
        let server = server.to_ascii_lowercase();
        if BY_EXACT_KEY.iter().any(|name| server.starts_with(name)) {
            self.0.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}
