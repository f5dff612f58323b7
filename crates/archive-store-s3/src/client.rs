//! Client of the SDK, built from the settings.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use archive_store::{ErrorKind, ErrorScope, RequestObserver, StorageError};
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    Builder, HttpClient, IdentityCache, RequestChecksumCalculation, ResponseChecksumValidation,
    SharedHttpClient, StalledStreamProtectionConfig,
};
use openssl::error::ErrorStack;
use tls_certificates::trust;
use tracing::warn;
use url::Url;

use super::credentials::{CredentialFiles, Paths};
use super::http::{TrustedCertificates, http_client};
use super::requests::ObservedClient;
use super::whole::WholeListings;
use super::{CredentialSource, S3Settings};

/// Region to sign for if nothing names one: S3-compatible stores use it, and on AWS it knows all
/// others.
const DEFAULT_REGION: &str = "us-east-1";

/// Maximum time to connect: a host that does not answer is detected sooner than a slow one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum number of retry tokens: enough for 100 retries at once, and 5 more every second.
///
/// An empty bucket of tokens is full again after 20 seconds, which is less than most schedules leave
/// between two scans.
const RETRY_TOKENS: usize = 500;
/// Tokens that one retry costs.
const TOKENS_PER_RETRY: u32 = 5;
/// Tokens that are added per second.
const TOKENS_PER_SECOND: f32 = 25.0;

/// Client, with the settings that it was built from.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) client: Client,
    /// Region that requests are signed for.
    pub(super) region: String,
    /// Content of the CA file; `None` without one.
    pub(super) ca: Option<Vec<u8>>,
}

impl Connection {
    /// Builds a client. Settings that are not set come from the environment, as with every AWS tool.
    pub(super) async fn build(
        settings: &S3Settings,
        retries: RetryPartition,
        observer: Arc<dyn RequestObserver>,
        ca: Option<Vec<u8>>,
    ) -> Result<Self, StorageError> {
        let inner = client_of_store(settings).await?;
        let surroundings = surroundings(settings).await?;
        let region = region_of(&surroundings);
        let client = client(
            settings,
            &surroundings,
            retries,
            ObservedClient { inner, observer },
        );
        Ok(Self { client, region, ca })
    }
}

/// Builds a client with credentials and region from the surroundings, and the rest from the
/// settings.
fn client(
    settings: &S3Settings,
    surroundings: &SdkConfig,
    retries: RetryPartition,
    http: impl HttpClient + 'static,
) -> Client {
    let mut config = Builder::from(surroundings)
        .http_client(http)
        .interceptor(WholeListings)
        .force_path_style(settings.path_style)
        .disable_s3_express_session_auth(true)
        .retry_config(RetryConfig::standard().with_max_attempts(settings.max_attempts.max(1)))
        .retry_partition(retries)
        .timeout_config(timeouts(settings.request_timeout))
        // Reading a body has a timeout of its own, and everything before it that of the attempt.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    // Without an endpoint it is AWS, whatever `AWS_ENDPOINT_URL` or a profile says: metrics and
    // texts name what the settings say.
    config.set_endpoint_url(settings.endpoint_url.as_deref().map(ending_in_slash));
    if let CredentialSource::Files { .. } = settings.credentials {
        config = config.identity_cache(IdentityCache::no_cache());
    }
    Client::from_conf(config.build())
}

/// Returns the URL with a slash at its end: without it, the SDK's rules append the bucket's name to
/// that of the last directory in the path.
fn ending_in_slash(url: &str) -> String {
    format!("{}/", url.trim_end_matches('/'))
}

/// Creates the budget for retries of one store: a store that fails must not use up another's.
///
/// Without a refill by time, only requests that succeed would give retries back, and a long outage
/// would leave none to later scans.
pub(super) fn retry_partition() -> RetryPartition {
    let budget = TokenBucket::builder()
        .capacity(RETRY_TOKENS)
        .retry_cost(TOKENS_PER_RETRY)
        .throttling_retry_cost(TOKENS_PER_RETRY)
        .timeout_retry_cost(TOKENS_PER_RETRY)
        .refill_rate(TOKENS_PER_SECOND)
        .build();
    RetryPartition::custom("store").token_bucket(budget).build()
}

fn timeouts(request_timeout: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(request_timeout.min(CONNECT_TIMEOUT))
        .operation_attempt_timeout(request_timeout)
        .build()
}

/// Finds region and credentials; those that are not in the settings as every AWS tool does.
///
/// # Errors
/// Returns an error if no client can be built, not even without the certificates that the system
/// trusts.
pub(super) async fn surroundings(settings: &S3Settings) -> Result<SdkConfig, StorageError> {
    let region = settings
        .region
        .clone()
        .or_else(|| region_by_endpoint(settings));
    let http = client_of_surroundings()
        .await
        .map_err(|errors| bad_system_trust(&errors))?;
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http.clone());
    if let Some(region) = region.clone() {
        loader = loader.region(Region::new(region));
    }
    let found = with_credentials(loader, &settings.credentials, region, http)
        .load()
        .await;
    if found.region().is_some() {
        return Ok(found);
    }
    // As botocore does: the answer from there names the region that the bucket is in.
    Ok(found
        .into_builder()
        .region(Region::new(DEFAULT_REGION))
        .build())
}

/// Returns the region that requests are signed for.
pub(super) fn region_of(surroundings: &SdkConfig) -> String {
    surroundings
        .region()
        .map_or_else(|| DEFAULT_REGION.to_owned(), ToString::to_string)
}

/// Returns the region in the name of the endpoint's host, as those of AWS have it, otherwise the
/// default; `None` without an endpoint.
fn region_by_endpoint(settings: &S3Settings) -> Option<String> {
    let url = settings.endpoint_url.as_deref()?;
    let host = host(url);
    let region = host.as_deref().and_then(region_in_host);
    Some(region.unwrap_or(DEFAULT_REGION).to_owned())
}

/// Returns the host of an endpoint's URL.
pub(super) fn host(url: &str) -> Option<String> {
    Some(Url::parse(url).ok()?.host_str()?.to_owned())
}

/// Returns the region in the name of an AWS host (AWS General Reference, "Amazon S3 endpoints"),
/// such as `s3.eu-west-1.amazonaws.com`, `s3-eu-west-1…` or `bucket.s3.dualstack.eu-west-1…`.
fn region_in_host(host: &str) -> Option<&str> {
    let name = host
        .strip_suffix(".cn")
        .unwrap_or(host)
        .strip_suffix(".amazonaws.com")?;
    let (before, last) = name.rsplit_once('.').unwrap_or(("", name));
    let of_service = before.rsplit('.').next().unwrap_or_default();
    if matches!(of_service, "s3" | "s3-fips" | "dualstack") {
        return Some(last);
    }
    last.strip_prefix("s3-")
        .filter(|region| region.contains('-') && *region != "external-1")
}

fn with_credentials(
    loader: ConfigLoader,
    credentials: &CredentialSource,
    region: Option<String>,
    http: SharedHttpClient,
) -> ConfigLoader {
    match credentials {
        CredentialSource::Chain { profile: None } => loader,
        // The chain would prefer credentials in the environment to the profile that was asked for.
        CredentialSource::Chain {
            profile: Some(profile),
        } => {
            let config = ProviderConfig::default()
                .with_http_client(http)
                .with_region(region.map(Region::new));
            let provider = ProfileFileCredentialsProvider::builder()
                .configure(&config)
                .profile_name(profile);
            loader
                .profile_name(profile)
                .credentials_provider(provider.build())
        }
        CredentialSource::Files {
            access_key_id,
            secret_access_key,
            session_token,
        } => loader.credentials_provider(CredentialFiles::new(Paths {
            access_key_id: access_key_id.clone(),
            secret_access_key: secret_access_key.clone(),
            session_token: session_token.clone(),
        })),
    }
}

/// Returns a client for the services that issue credentials.
///
/// Most archives do not need these services, so certificates that cannot be loaded are not an error:
/// the client then does not trust any server.
async fn client_of_surroundings() -> Result<SharedHttpClient, ErrorStack> {
    match http_client(TrustedCertificates::System).await {
        Err(errors) => {
            let error = bad_system_trust(&errors).with_causes();
            warn!(
                target: "storage",
                error,
                "Credential services cannot be reached over HTTPS"
            );
            http_client(TrustedCertificates::Nothing).await
        }
        client @ Ok(_) => client,
    }
}

async fn client_of_store(settings: &S3Settings) -> Result<SharedHttpClient, StorageError> {
    let trust = match &settings.ca_file {
        _ if settings.is_without_tls() => TrustedCertificates::Nothing,
        Some(file) => TrustedCertificates::File(file.clone()),
        None => TrustedCertificates::System,
    };
    http_client(trust.clone())
        .await
        .map_err(|errors| match trust {
            TrustedCertificates::File(file) => bad_ca_file(&file, &errors),
            TrustedCertificates::System | TrustedCertificates::Nothing => bad_system_trust(&errors),
        })
}

fn bad_ca_file(file: &Path, errors: &ErrorStack) -> StorageError {
    StorageError::new(
        ErrorKind::Network,
        ErrorScope::Scan,
        format!(
            "`{}` holds no CA certificates in PEM form: check `endpointCAFile` of this archive",
            file.display()
        ),
    )
    .caused_by(trust::reason(errors).to_owned())
}

fn bad_system_trust(errors: &ErrorStack) -> StorageError {
    StorageError::new(
        ErrorKind::Network,
        ErrorScope::Scan,
        "OpenSSL cannot load the certificates that the system trusts: check `SSL_CERT_FILE` and \
         `SSL_CERT_DIR`, if they are set",
    )
    .caused_by(trust::reason(errors).to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use aws_credential_types::Credentials as Keys;
    use aws_sdk_s3::config::SharedCredentialsProvider;
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    use aws_smithy_runtime_api::client::result::ConnectorError;

    use super::super::tests::settings;
    use super::*;

    /// Connector that records the destinations of requests, and does not send any.
    #[derive(Clone, Debug, Default)]
    struct Destinations(Arc<Mutex<Vec<String>>>);

    impl HttpConnector for Destinations {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            self.0.lock().unwrap().push(request.uri().to_owned());
            HttpConnectorFuture::ready(Err(ConnectorError::user("as told".into())))
        }
    }

    /// Returns the address that requests go to if the environment names an endpoint of its own.
    async fn destination(endpoint_url: Option<&str>) -> String {
        let keys = Keys::new("id", "secret", None, None, "test");
        let surroundings = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .endpoint_url("http://from-the-environment.test")
            .build();
        let settings = settings(endpoint_url);
        let destinations = Destinations::default();
        let connector = destinations.clone();
        let http = http_client_fn(move |_, _| SharedHttpConnector::new(connector.clone()));

        let client = client(&settings, &surroundings, retry_partition(), http);
        client
            .list_objects_v2()
            .bucket("backups")
            .send()
            .await
            .unwrap_err();

        let [destination] = destinations.0.lock().unwrap().clone().try_into().unwrap();
        destination
    }

    #[test]
    fn hosts_of_aws_name_their_region() {
        for (host, region) in [
            ("s3.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("backups.s3.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("s3.dualstack.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("s3-fips.us-gov-west-1.amazonaws.com", Some("us-gov-west-1")),
            ("s3-eu-central-1.amazonaws.com", Some("eu-central-1")),
            ("s3.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("s3.amazonaws.com", None),
            ("backups.s3.amazonaws.com", None),
            ("s3-external-1.amazonaws.com", None),
            ("s3.eu-west-1.example.org", None),
            ("amazonaws.com", None),
        ] {
            assert_eq!(region_in_host(host), region, "{host}");
        }
    }

    #[tokio::test]
    async fn the_endpoint_of_the_settings_wins_over_the_environment() {
        let aws = destination(None).await;
        let other = destination(Some("http://store.test")).await;

        assert!(
            aws.starts_with("https://backups.s3.eu-west-1.amazonaws.com/"),
            "{aws}"
        );
        assert!(other.starts_with("http://backups.store.test/"), "{other}");
    }
}
