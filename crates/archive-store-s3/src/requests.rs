//! Counter of the requests that are really sent, below the SDK's retries.

use std::fmt;
use std::sync::Arc;

use archive_store::{Operation, RequestObserver, RequestOutcome};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::{
    RuntimeComponents, RuntimeComponentsBuilder,
};
use aws_smithy_types::config_bag::ConfigBag;

/// HTTP client, or one of its connectors, whose requests are reported.
///
/// An extension of type [`Operation`] states the operation of a request.
pub(super) struct ObservedClient<T> {
    pub(super) inner: T,
    pub(super) observer: Arc<dyn RequestObserver>,
}

impl<T> fmt::Debug for ObservedClient<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ObservedClient")
    }
}

impl HttpClient for ObservedClient<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(ObservedClient {
            inner,
            observer: Arc::clone(&self.observer),
        })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        HttpClient::validate_base_client_config(&self.inner, components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        HttpClient::validate_final_config(&self.inner, components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.inner.connector_metadata()
    }
}

impl HttpConnector for ObservedClient<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Some(operation) = request.extension::<Operation>().copied() else {
            return self.inner.call(request);
        };
        let inner = self.inner.clone();
        let observer = Arc::clone(&self.observer);
        HttpConnectorFuture::new(async move {
            // The SDK ends an attempt that takes too long by dropping this future.
            let mut sent = Sent {
                observer,
                operation,
                outcome: RequestOutcome::Timeout,
            };
            let answer = inner.call(request).await;
            sent.outcome = outcome(&answer);
            answer
        })
    }
}

/// Request in progress, reported when dropped.
struct Sent {
    observer: Arc<dyn RequestObserver>,
    operation: Operation,
    outcome: RequestOutcome,
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.observer.request_sent(self.operation, self.outcome);
    }
}

fn outcome(answer: &Result<HttpResponse, ConnectorError>) -> RequestOutcome {
    match answer {
        Ok(response) if response.status().is_success() => RequestOutcome::Success,
        Ok(response) if matches!(response.status().as_u16(), 429 | 503) => {
            RequestOutcome::Throttled
        }
        Err(error) if error.is_timeout() => RequestOutcome::Timeout,
        Ok(_) | Err(_) => RequestOutcome::Error,
    }
}
