//! Interceptor that receives pages of objects from the SDK undecoded, and decodes them with less
//! effort.
//!
//! The SDK sends, signs, times and retries as always. Only its reading of an answer's body is
//! replaced, for one call. Bodies that are not pages are left to the SDK, so errors are the same as
//! without this file.

use std::sync::{Arc, Mutex, PoisonError};

use archive_store::{EntityTags, ListPage};
use aws_sdk_s3::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept};
use aws_sdk_s3::operation::list_objects_v2::{
    ListObjectsV2, ListObjectsV2Error, ListObjectsV2Output,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{Error, Output, OutputOrError};
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};

use super::answers::{AnswerProblem, senseless};
use super::decoding::{self, DecodingError};

/// Page of one call of `ListObjectsV2`: an interceptor for that call, which holds the page after the
/// call has succeeded. The output of the SDK is empty.
#[derive(Clone, Debug)]
pub(super) struct DecodedPage {
    page: Arc<Mutex<Option<Result<ListPage, AnswerProblem>>>>,
    tags: EntityTags,
}

impl DecodedPage {
    /// Creates the interceptor for a call that needs these entity tags.
    pub(super) fn new(tags: EntityTags) -> Self {
        Self {
            page: Arc::default(),
            tags,
        }
    }

    /// Takes the page of a call that has succeeded.
    ///
    /// # Errors
    /// Returns an error if the page contradicts itself.
    pub(super) fn take(&self) -> Result<ListPage, AnswerProblem> {
        let mut page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        // No page at all must not look like one without objects.
        page.take()
            .unwrap_or_else(|| Err(senseless("was not decoded")))
    }

    /// Keeps the page, and returns an empty output for the SDK.
    fn put(&self, page: Result<ListPage, AnswerProblem>) -> Output {
        *self.page.lock().unwrap_or_else(PoisonError::into_inner) = Some(page);
        Output::erase(ListObjectsV2Output::builder().build())
    }
}

#[dyn_dispatch_hint]
impl Intercept for DecodedPage {
    fn name(&self) -> &'static str {
        "DecodedPage"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // Values that interceptors store take precedence over those of the operation.
        config
            .interceptor_state()
            .store_put(SharedResponseDeserializer::new(self.clone()));
        Ok(())
    }
}

impl DeserializeResponse for DecodedPage {
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        config: &ConfigBag,
    ) -> OutputOrError {
        let body = response
            .body()
            .bytes()
            .filter(|_| response.status().is_success());
        match body.map(|body| decoding::page(body, self.tags)) {
            Some(Ok(page)) => Ok(self.put(Ok(page))),
            Some(Err(DecodingError::AnswerProblem(why))) => Ok(self.put(Err(why))),
            // An error of the store's can come as a success. Nothing else may become one.
            Some(Err(error)) => by_the_sdk(response, config).and_then(|_| Err(unreadable(error))),
            None => by_the_sdk(response, config).and_then(|_| Err(unreadable("no listing"))),
        }
    }
}

/// Returns the SDK's own reading of an answer.
fn by_the_sdk(response: &HttpResponse, config: &ConfigBag) -> OutputOrError {
    let operation = ListObjectsV2::new().config();
    match operation
        .as_ref()
        .and_then(|operation| operation.load::<SharedResponseDeserializer>())
    {
        Some(sdk) => sdk.deserialize_nonstreaming_with_config(response, config),
        None => Err(unreadable("no listing")),
    }
}

/// Creates the SDK's error for an answer that it cannot read.
fn unreadable(why: impl Into<BoxError>) -> OrchestratorError<Error> {
    OrchestratorError::operation(Error::erase(ListObjectsV2Error::unhandled(why)))
}
