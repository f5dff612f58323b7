//! Check that a listing is complete.

use aws_sdk_s3::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::Metadata;

/// Interceptor that refuses a listing whose text breaks off, which the SDK takes for a shorter one.
///
/// The roots of all listings' answers are named `…Result`, and nothing inside them is.
#[derive(Debug)]
pub(super) struct WholeListings;

#[dyn_dispatch_hint]
impl Intercept for WholeListings {
    fn name(&self) -> &'static str {
        "WholeListings"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // The only answer that is in memory and has no body.
        let is_head = |operation: &Metadata| operation.name() == "HeadObject";
        if config.load::<Metadata>().is_some_and(is_head) {
            return Ok(());
        }
        // The content of an object streams past: it is not in memory, and not a listing.
        let body = context.response().body().bytes();
        let breaks_off = body.is_some_and(|body| !body.trim_ascii_end().ends_with(b"Result>"));
        if breaks_off && context.output_or_error().is_ok() {
            return Err("the listing is truncated".into());
        }
        Ok(())
    }
}
