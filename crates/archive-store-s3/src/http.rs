//! HTTP client below the SDK: TLS by `OpenSSL`, verified as Barman's S3 client does.
//!
//! botocore verifies certificates with Python's `ssl`, and host names with urllib3. This client must
//! accept the stores that Barman accepts, and no others.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use http::Uri;
use hyper_openssl::client::legacy::{HttpsLayer, MaybeHttpsStream};
use hyper_util::client::legacy::connect::{
    CaptureConnection, HttpConnector as TcpConnector, capture_connection,
};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use openssl::error::ErrorStack;
use openssl::ssl::{
    self, ConnectConfiguration, SslConnector, SslConnectorBuilder, SslMethod, SslVerifyMode,
    SslVersion,
};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509StoreContextRef, X509VerifyResult};
use tls_certificates::trust;
use tls_certificates::x509::{self, Host};
use tokio::net::TcpStream;
use tower::timeout::Timeout;
use tower::timeout::error::Elapsed;
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt};

use super::errors::find;

/// Certificates that a client trusts.
#[derive(Clone, Debug)]
pub(super) enum TrustedCertificates {
    /// Certificates in a file, and no others.
    File(PathBuf),
    /// Certificates that the system trusts.
    System,
    /// None, as TLS is not used.
    Nothing,
}

/// Error in a TLS handshake, in `OpenSSL`'s words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct TlsFault(String);

/// Service that connects to a server, and starts TLS if the URL says so.
type Connect = BoxCloneSyncService<Uri, MaybeHttpsStream<TokioIo<TcpStream>>, BoxError>;

/// Time limits for connecting and for reading: clients with the same limits are shared.
type ClientLimits = (Option<Duration>, Option<Duration>);

/// Client with a pool of connections.
#[derive(Clone, Debug)]
struct Pooled {
    client: Client<Connect, SdkBody>,
    read_limit: Option<Duration>,
}

/// Returns a client for the SDK. Requests with the same limits share connections.
///
/// # Errors
/// Returns an error if `OpenSSL` cannot load the trusted certificates.
pub(super) async fn http_client(
    trust: TrustedCertificates,
) -> Result<SharedHttpClient, ErrorStack> {
    // OpenSSL reads files, and parsing the system's certificates takes its time.
    let verifying = tokio::task::spawn_blocking(move || verifying(trust)).await;
    let verifying = verifying.unwrap_or_else(|_| Err(ErrorStack::get()))?;
    let mut tls = HttpsLayer::with_connector(verifying)?;
    tls.set_callback(verify_host);
    let known: Mutex<HashMap<ClientLimits, SharedHttpConnector>> = Mutex::default();
    Ok(http_client_fn(move |settings, _| {
        let limits = (settings.connect_timeout(), settings.read_timeout());
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let connector = known.entry(limits).or_insert_with(|| {
            let (connect_limit, read_limit) = limits;
            let client = pooled(&tls, connect_limit);
            SharedHttpConnector::new(Pooled { client, read_limit })
        });
        connector.clone()
    }))
}

/// Returns the settings of TLS, with which servers are verified but for their names.
fn verifying(trust: TrustedCertificates) -> Result<SslConnectorBuilder, ErrorStack> {
    let mut tls = SslConnector::builder(SslMethod::tls_client())?;
    // The builder trusts what lies where this OpenSSL was built.
    tls.set_cert_store(X509StoreBuilder::new()?.build());
    tls.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    match trust {
        TrustedCertificates::File(file) => tls.set_ca_file(file)?,
        TrustedCertificates::System => trust::trust_system(&mut tls)?,
        TrustedCertificates::Nothing => {}
    }
    Ok(tls)
}

/// Sets up the verification of a server's name by the rules of Barman's client, instead of
/// `OpenSSL`'s own.
fn verify_host(config: &mut ConnectConfiguration, uri: &Uri) -> Result<(), ErrorStack> {
    let host: Option<Host> = uri
        .host()
        .and_then(|host| host.trim_matches(['[', ']']).parse().ok());
    config.set_verify_hostname(false);
    config.set_use_server_name_indication(false);
    if let Some(name) = host.as_ref().filter(|host| host.address().is_none()) {
        config.set_hostname(name.as_str().trim_end_matches('.'))?;
    }
    config.set_verify_callback(SslVerifyMode::PEER, move |is_verified, context| {
        is_verified
            && host
                .as_ref()
                .is_some_and(|host| is_host_or_above(context, host))
    });
    Ok(())
}

/// Returns whether the certificate that is being verified is the host's, or one above it.
fn is_host_or_above(context: &mut X509StoreContextRef, host: &Host) -> bool {
    let is_leaf = context.error_depth() == 0;
    let is_host = context
        .current_cert()
        .is_some_and(|leaf| x509::is_host_of_store(leaf, host));
    if is_leaf && !is_host {
        context.set_error(X509VerifyResult::APPLICATION_VERIFICATION);
    }
    is_host || !is_leaf
}

fn pooled(tls: &HttpsLayer, connect_limit: Option<Duration>) -> Client<Connect, SdkBody> {
    let mut tcp = TcpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    // Divided among the addresses of a name, so that one that does not answer is not the only one.
    tcp.set_connect_timeout(connect_limit);
    let tls = tls.layer(tcp).map_err(in_our_words);
    let connect = match connect_limit {
        Some(limit) => BoxCloneSyncService::new(Timeout::new(tls, limit)),
        None => BoxCloneSyncService::new(tls),
    };
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .build(connect)
}

/// Replaces an error of `OpenSSL` by its reason. Others, such as a broken connection, stay as they
/// are.
fn in_our_words(error: BoxError) -> BoxError {
    let Some(tls) = error
        .source()
        .and_then(|source| source.downcast_ref::<ssl::Error>())
    else {
        return error;
    };
    let Some(errors) = tls.ssl_error() else {
        return error;
    };
    // hyper-openssl appends the result of the verification to the text of the error.
    let text = error.to_string();
    let refusal = text
        .strip_prefix(&tls.to_string())
        .and_then(|rest| rest.strip_prefix(": "));
    let by_name = X509VerifyResult::APPLICATION_VERIFICATION.error_string();
    Box::new(TlsFault(match refusal {
        Some(refusal) if refusal == by_name => {
            "the certificate is not valid for the host name".to_owned()
        }
        Some(refusal) => format!("OpenSSL refuses the certificate: {refusal}"),
        None => trust::reason(errors).to_owned(),
    }))
}

impl HttpConnector for Pooled {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => {
                return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into())));
            }
        };
        let captured = capture_connection(&mut request);
        if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
            capture.set_connection_retriever(move || Some(poisonable(captured.clone())));
        }
        let sent = self.client.request(request);
        let read_limit = self.read_limit;
        HttpConnectorFuture::new(async move {
            let answered = match read_limit {
                Some(limit) => tokio::time::timeout(limit, sent)
                    .await
                    .map_err(|elapsed| ConnectorError::timeout(elapsed.into()))?,
                None => sent.await,
            };
            let answer = answered.map_err(|error| connector_error(Box::new(error)))?;
            HttpResponse::try_from(answer.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// Lets the SDK close a connection after a failure that the connection may have caused.
fn poisonable(captured: CaptureConnection) -> ConnectionMetadata {
    ConnectionMetadata::builder()
        .proxied(false)
        .poison_fn(move || {
            if let Some(connection) = captured.connection_metadata().as_ref() {
                connection.poison();
            }
        })
        .build()
}

/// Classifies a failure for the SDK, which decides by it if it tries again.
fn connector_error(error: BoxError) -> ConnectorError {
    if find::<Elapsed>(&*error).is_some() {
        return ConnectorError::timeout(error);
    }
    if let Some(hyper) = find::<hyper::Error>(&*error) {
        if hyper.is_timeout() {
            return ConnectorError::timeout(error);
        }
        if hyper.is_user() {
            return ConnectorError::user(error);
        }
        if hyper.is_incomplete_message() {
            return ConnectorError::other(error, Some(ErrorKind::TransientError));
        }
        if hyper.is_closed() || hyper.is_canceled() || find::<io::Error>(hyper).is_some() {
            return ConnectorError::io(error);
        }
    }
    let is_of_connecting = find::<legacy::Error>(&*error).is_some_and(legacy::Error::is_connect);
    if is_of_connecting || find::<io::Error>(&*error).is_some() {
        return ConnectorError::io(error);
    }
    ConnectorError::other(error, None)
}
