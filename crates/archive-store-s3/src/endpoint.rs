//! Address that the requests for a bucket go to.

use archive_store::{ErrorKind, ErrorScope, StorageError};
use aws_config::SdkConfig;
use aws_sdk_s3::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use tls_certificates::ServerAddress;
use tls_certificates::x509::{Host, InvalidHost};
use url::Url;

use super::S3Settings;
use super::client::{region_of, surroundings};
/// Resolves the address by the SDK's own rules, which consider the environment too.
pub(super) async fn endpoint(settings: &S3Settings) -> Result<ServerAddress, StorageError> {
    resolve(settings, &surroundings(settings).await?).await
}

async fn resolve(
    settings: &S3Settings,
    surroundings: &SdkConfig,
) -> Result<ServerAddress, StorageError> {
    let params = Params::builder()
        .bucket(&settings.bucket)
        .region(region_of(surroundings))
        .set_endpoint(settings.endpoint_url.clone())
        .force_path_style(settings.path_style)
        .set_use_fips(surroundings.use_fips())
        .set_use_dual_stack(surroundings.use_dual_stack())
        .build()
        .map_err(|error| unknown().caused_by(error.to_string()))?;
    let resolver = DefaultResolver::new();
    let found = resolver.resolve_endpoint(&params).await;
    let found = found.map_err(|error| unknown().caused_by(error.to_string()))?;
    let url = Url::parse(found.url()).map_err(|error| unknown().caused_by(error.to_string()))?;
    let host = url.host_str().ok_or_else(unknown)?.trim_matches(['[', ']']);
    let host: Host = host
        .parse()
        .map_err(|error: InvalidHost| unknown().caused_by(error))?;
    let port = url.port_or_known_default().ok_or_else(unknown)?;
    Ok(ServerAddress { host, port })
}

fn unknown() -> StorageError {
    StorageError::new(
        ErrorKind::Internal,
        ErrorScope::Scan,
        "the SDK does not say where the requests for this archive go",
    )
}

#[cfg(test)]
mod tests {
    use aws_config::Region;

    use super::super::tests::settings;
    use super::*;

    async fn found(endpoint_url: Option<&str>, path_style: bool, dual_stack: bool) -> String {
        let surroundings = SdkConfig::builder()
            .region(Region::new("eu-west-1"))
            .use_dual_stack(dual_stack)
            .endpoint_url("http://from-the-environment.test")
            .build();
        let settings = S3Settings {
            path_style,
            ..settings(endpoint_url)
        };
        let ServerAddress { host, port } = resolve(&settings, &surroundings).await.unwrap();
        format!("{host} {port}")
    }

    #[tokio::test]
    async fn the_endpoint_is_where_requests_go() {
        assert_eq!(
            found(None, false, false).await,
            "backups.s3.eu-west-1.amazonaws.com 443"
        );
        assert_eq!(
            found(None, true, false).await,
            "s3.eu-west-1.amazonaws.com 443"
        );
        let dual = found(None, false, true).await;
        assert_eq!(dual, "backups.s3.dualstack.eu-west-1.amazonaws.com 443");
        assert_eq!(
            found(Some("https://store.test:9000"), true, false).await,
            "store.test 9000"
        );
        assert_eq!(
            found(Some("https://store.test"), false, false).await,
            "backups.store.test 443"
        );
        assert_eq!(
            found(Some("https://[::1]:9000"), true, false).await,
            "::1 9000"
        );
    }
}
