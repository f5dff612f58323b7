//! Server: the connections and the state that they share.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use openssl::ssl::SslContext;
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::validation::NameValidation;
use s3s::{Body, S3Result, s3_error};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::encoding::KeyEncoding;
use crate::faults::Faults;
use crate::front::Front;
use crate::requests::{Log, Request};
use crate::service::Service;
use crate::store::Store;
use crate::tls::{self, Tls};

/// Behaviour of a server from its start.
#[derive(Clone, Debug)]
pub struct Options {
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Maximum number of entries on a page of a listing; 1000, like S3.
    pub page_limit: usize,
    /// Id and secret of the only access key; `None` accepts every request, signed or not.
    pub credentials: Option<(String, String)>,
    /// True if `encoding-type=url` writes a space as `+`, like AWS; false for `%20`.
    pub space_as_plus: bool,
    /// Certificate with which it serves HTTPS; `None` for HTTP.
    pub tls: Option<Tls>,
    /// Program that it imitates.
    pub product: Product,
    /// Path before the buckets, such as `/storage/v1/s3`; empty for none. If there is one,
    /// signatures are not checked, because they cover the whole path.
    pub base_path: String,
    /// Only region that requests may be signed for; `None` for any.
    pub region: Option<String>,
    /// Prefixes below which objects may be listed; `None` for all.
    pub listable: Option<Vec<String>>,
}

/// Program with its own dialect of S3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Product {
    /// Amazon S3.
    #[default]
    S3,
    /// `MinIO`, which lists only unfinished uploads whose key equals the prefix, and none without a
    /// prefix.
    MinIo,
    /// `MinIo`, except that objects are listed by their encrypted keys: in no visible order, and
    /// only below prefixes that end in a slash.
    Storj,
    /// Store that lists objects in no visible order, and does not give its name.
    Unordered,
    /// `MinIo` without its name: a proxy has removed the header.
    HiddenMinIo,
}

impl Product {
    /// Value of the `Server` header; `None` if there is none.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::S3 => Some("AmazonS3"),
            Self::MinIo => Some("MinIO"),
            Self::Storj => Some("Storj"),
            Self::Unordered | Self::HiddenMinIo => None,
        }
    }

    pub(crate) fn lists_uploads_by_key(self) -> bool {
        match self {
            Self::MinIo | Self::Storj | Self::HiddenMinIo => true,
            Self::S3 | Self::Unordered => false,
        }
    }

    pub(crate) fn lists_in_order(self) -> bool {
        match self {
            Self::S3 | Self::MinIo | Self::HiddenMinIo => true,
            Self::Storj | Self::Unordered => false,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            page_limit: 1000,
            credentials: None,
            space_as_plus: true,
            tls: None,
            product: Product::default(),
            base_path: String::new(),
            region: None,
            listable: None,
        }
    }
}

/// Running server, which stops when dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    scheme: &'static str,
    base_path: String,
    faults: Faults,
    log: Log,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Starts to serve the store; connections are accepted when it returns.
    ///
    /// # Errors
    ///
    /// If the port is taken, or the certificate and its key make no sense.
    pub async fn start(store: Store, options: Options) -> io::Result<Self> {
        let tls = options.tls.as_ref().map(Tls::acceptor).transpose()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let base_path = options.base_path.clone();
        let (faults, log) = (Faults::default(), Log::default());
        let front = Arc::new(Front {
            s3: s3_service(store, &options),
            faults: faults.clone(),
            log: log.clone(),
            checks_signatures: options.credentials.is_some() && options.base_path.is_empty(),
            product: options.product,
            base_path: options.base_path.clone(),
            region: options.region.clone(),
            listable: options.listable.clone(),
            answers: 0.into(),
        });
        let accepting = tokio::spawn(accept(listener, front, tls));
        Ok(Self {
            address,
            scheme,
            base_path,
            faults,
            log,
            accepting,
        })
    }

    /// Scheme, host, port and the path before the buckets, such as `http://127.0.0.1:41234`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("{}://{}{}", self.scheme, self.address, self.base_path)
    }

    /// Port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Faults, which can be changed while it runs.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.faults.clone()
    }

    /// Requests that it received since the start or the last clearing, in order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.log.requests()
    }

    /// Largest number of requests that were being answered at the same time.
    #[must_use]
    pub fn most_requests_at_once(&self) -> usize {
        self.log.most_under_way()
    }

    /// Clears the list of requests.
    pub fn clear_requests(&self) {
        self.log.clear();
    }

    /// Closes the port and all connections, and returns when nothing listens any more.
    pub async fn stop(mut self) {
        self.accepting.abort();
        // Being aborted is the only way it ends.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn s3_service(store: Store, options: &Options) -> S3Service {
    let url_encoding = if options.space_as_plus {
        KeyEncoding::UrlWithPlus
    } else {
        KeyEncoding::UrlWithPercent
    };
    // A page without an entry could never be followed by another.
    let page_limit = options.page_limit.max(1);
    let mut builder = S3ServiceBuilder::new(Service {
        store,
        page_limit,
        url_encoding,
        product: options.product,
    });
    builder.set_validation(AnyName);
    let credentials = options
        .credentials
        .clone()
        .filter(|_| options.base_path.is_empty());
    if let Some((id, secret)) = credentials {
        builder.set_auth(OneKey {
            id,
            secret: secret.into(),
        });
    }
    builder.build()
}

/// Accepts names of buckets that Amazon forbids, as other stores do.
struct AnyName;

impl NameValidation for AnyName {
    fn validate_bucket_name(&self, name: &str) -> bool {
        !name.is_empty()
    }
}

/// Only access key.
struct OneKey {
    id: String,
    secret: SecretKey,
}

#[async_trait]
impl S3Auth for OneKey {
    async fn get_secret_key(&self, id: &str) -> S3Result<SecretKey> {
        let message = "The AWS Access Key Id you provided does not exist in our records.";
        let known = (id == self.id).then(|| self.secret.clone());
        known.ok_or_else(|| s3_error!(InvalidAccessKeyId, "{message}"))
    }
}

/// Accepts connections until it is aborted, which closes them too.
async fn accept(listener: TcpListener, front: Arc<Front>, tls: Option<SslContext>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&front), tls.clone()));
                }
                // The client has gone, or there are too many connections for now.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, front: Arc<Front>, tls: Option<SslContext>) {
    // Without it, small answers would only be slower.
    let _ = stream.set_nodelay(true);
    match tls {
        None => serve(stream, front).await,
        Some(tls) => {
            if let Ok(stream) = tls::accept(&tls, stream).await {
                serve(stream, front).await;
            }
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, front: Arc<Front>) {
    let service = service_fn(|request: http::Request<hyper::body::Incoming>| {
        let front = Arc::clone(&front);
        async move { front.answer(request.map(Body::from)).await }
    });
    // A connection that breaks is the client's business, or a fault that was asked for.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
