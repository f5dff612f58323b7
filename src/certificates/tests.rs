//! Watching real files and real sockets.

use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::pin::pin;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, SupportedProtocolVersion, version};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::x509::CertificateStatus;
use crate::x509::made::{Authority, Made, leaf_params, now, version_1};

/// Long enough for a handshake on a busy machine; what is silent is told sooner.
const LIMIT: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Heard(Mutex<Vec<CertificateStatus>>);

impl CertificateObserver for Heard {
    fn certificates_read(&self, known: Vec<CertificateStatus>) {
        *self.0.lock().unwrap() = known;
    }
}

struct Watch {
    watcher: Watcher,
    heard: Arc<Heard>,
}

impl Watch {
    fn new(watched: Watched, trust: Trust, limit: Duration) -> Self {
        let heard = Arc::new(Heard::default());
        let (name, clock) = ("orders".to_owned(), Arc::new(now));
        let observer = heard.clone();
        Self { watcher: Watcher::new(name, (watched, trust), limit, observer, clock), heard }
    }

    fn files(pattern: &Path, trust: Trust) -> Self {
        Self::new(Watched::Files(pattern.to_owned()), trust, LIMIT)
    }

    async fn read(&self) -> Vec<CertificateStatus> {
        self.watcher.read(&CancellationToken::new()).await;
        self.heard.0.lock().unwrap().clone()
    }

    async fn read_one(&self) -> CertificateStatus {
        let [one] = self.read().await.try_into().unwrap();
        one
    }

    async fn failure(&self) -> String {
        let one = self.read_one().await;
        assert_eq!((one.chain(), &one.verified), (None, &None));
        one.failure.unwrap()
    }
}

fn subject(status: &CertificateStatus) -> &str {
    &status.chain().unwrap().leaf().subject
}

fn named(params: &str) -> rcgen::CertificateParams {
    leaf_params(params, (2030, 2031))
}

#[tokio::test]
async fn a_file_is_read_again_each_time_and_verified_if_there_is_a_ca() {
    let (directory, root) = (TempDir::new().unwrap(), Authority::new("root"));
    let path = |name: &str| directory.path().join(name);
    fs::write(path("ca.crt"), root.pem()).unwrap();
    fs::write(path("tls.crt"), root.sign(&named("first")).pem).unwrap();
    let plain = Watch::files(&path("tls.crt"), Trust::None);
    let verified = Watch::files(&path("tls.crt"), Trust::File(path("ca.crt")));

    let first = (plain.read_one().await, verified.read_one().await);
    fs::write(path("tls.crt"), Authority::new("other").sign(&named("second")).pem).unwrap();
    let second = verified.read_one().await;
    fs::remove_file(path("ca.crt")).unwrap();
    let without_ca = verified.read_one().await;

    assert_eq!((subject(&first.0), &first.0.verified), ("CN=first", &None));
    assert_eq!((subject(&first.1), &first.1.verified), ("CN=first", &Some(Ok(()))));
    assert_eq!((subject(&second), second.chain_is_valid(now())), ("CN=second", Some(false)));
    let why = without_ca.verified.unwrap().unwrap_err();
    assert!(why.contains("ca.crt` is of no use: the file cannot be read"), "{why}");
}

#[tokio::test]
async fn what_cannot_be_read_says_why_and_keeps_what_was_known() {
    let (directory, root) = (TempDir::new().unwrap(), Authority::new("root"));
    let path = directory.path().join("tls.crt");
    let watch = Watch::files(&path, Trust::None);

    let before = watch.failure().await;
    fs::write(&path, root.leaf().pem).unwrap();
    let read = watch.read_one().await;
    fs::write(&path, root.leaf().key).unwrap();
    let after = watch.read_one().await;

    assert_eq!(before, "the file cannot be read: No such file or directory (os error 2)");
    assert_eq!(read.failure, None);
    assert!(after.failure.unwrap().contains("found only other things, such as a key"));
    assert_eq!(after.last, read.last);
}

#[tokio::test]
async fn a_file_system_that_does_not_answer_is_asked_once() {
    let (files, path) = (file::Files::default(), Path::new("tls.crt"));
    let (answer, wait) = std::sync::mpsc::channel::<()>();
    let hangs = files.run(path, move |_| {
        wait.recv().unwrap();
        Ok(())
    });
    let mut hangs = pin!(hangs);
    assert!(futures::poll!(hangs.as_mut()).is_pending());

    let again = files.run(path, |_| Ok(())).await;
    answer.send(()).unwrap();
    hangs.await.unwrap();

    assert!(matches!(again, Err(ReadError::Stuck)));
    assert!(files.run(path, |_| Ok(())).await.is_ok());
}

#[tokio::test]
async fn what_is_no_file_hangs_nobody() {
    let directory = TempDir::new().unwrap();
    let pipe = directory.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());

    for path in [directory.path(), &pipe, Path::new("/dev/zero")] {
        let failure = Watch::files(path, Trust::None).failure().await;
        assert_eq!(failure, "expected a file, found something else", "{path:?}");
    }
}

#[tokio::test]
async fn the_files_of_a_pattern_come_and_go() {
    let (directory, root) = (TempDir::new().unwrap(), Authority::new("root"));
    let path = |name: &str| directory.path().join(name);
    let watch = Watch::files(&path("*/tls.crt"), Trust::None);
    let known = |all: &[CertificateStatus]| {
        all.iter().map(|one| (one.name.clone(), one.failure.is_none())).collect::<Vec<_>>()
    };

    let none = watch.read().await;
    let no_text = OsStr::from_bytes(b"f\xff");
    for name in
        ["a", "b\n", "b\t", "b\\n", ".hidden", "ü"].map(OsStr::new).into_iter().chain([no_text])
    {
        fs::create_dir(directory.path().join(name)).unwrap();
        fs::write(directory.path().join(name).join("tls.crt"), root.leaf().pem).unwrap();
    }
    fs::create_dir_all(path("c/tls.crt")).unwrap();
    fs::create_dir(path("d")).unwrap();
    fs::write(path("d/tls.crt"), "").unwrap();
    let some = watch.read().await;
    fs::remove_dir_all(path("a")).unwrap();
    let fewer = watch.read().await;

    assert_eq!(known(&none), [("orders".to_owned(), false)]);
    assert_eq!(none[0].failure.as_deref(), Some("no file matches the pattern"));
    let expected = [("a", true), ("b\\\\n", true), ("b\\n", true), ("b\\t", true)].into_iter();
    let expected = expected.chain([("d", false), ("f\\xff", true), ("ü", true)]);
    let expected: Vec<_> =
        expected.map(|(name, is_read)| (format!("orders/{name}/tls.crt"), is_read)).collect();
    assert_eq!(known(&some), expected);
    assert_eq!(known(&fewer), expected[1..]);
}

#[tokio::test]
async fn what_a_pattern_must_not_see_is_not_passed_over() {
    let (directory, root) = (TempDir::new().unwrap(), Authority::new("root"));
    let path = |name: &str| directory.path().join(name);
    fs::create_dir(path("a")).unwrap();
    fs::write(path("a/tls.crt"), root.leaf().pem).unwrap();
    fs::create_dir(path("dangling")).unwrap();
    symlink("gone", path("dangling/tls.crt")).unwrap();
    symlink("endless", path("endless")).unwrap();
    fs::write(path("file"), "").unwrap();
    let failures = |all: Vec<CertificateStatus>| -> Vec<_> {
        all.into_iter().map(|one| (one.name, one.failure.unwrap_or_default())).collect()
    };

    let files = failures(Watch::files(&path("*/tls.crt"), Trust::None).read().await);
    let directories = failures(Watch::files(&path("e*/*.crt"), Trust::None).read().await);

    let [(_, read), (dangling, gone), (endless, unseen)] = files.try_into().unwrap();
    assert_eq!((read.as_str(), dangling.as_str()), ("", "orders/dangling/tls.crt"));
    assert!(gone.contains("No such file"), "{gone}");
    assert_eq!(endless, "orders/endless/tls.crt");
    assert!(unseen.contains("symbolic links"), "{unseen}");
    let [(own, why)] = directories.try_into().unwrap();
    assert_eq!(own, "orders");
    assert!(why.contains("endless` cannot be read: "), "{why}");
}

#[tokio::test]
async fn the_files_of_a_pattern_share_a_ca() {
    let (directory, root) = (TempDir::new().unwrap(), Authority::new("root"));
    for number in 0..20 {
        fs::write(directory.path().join(format!("{number}.crt")), root.leaf().pem).unwrap();
    }
    let ca = directory.path().join("ca.pem");
    fs::write(&ca, root.pem()).unwrap();
    let watch = Watch::files(&directory.path().join("*.crt"), Trust::File(ca));

    for _ in 0..2 {
        let known = watch.read().await;
        assert_eq!(known.len(), 20);
        assert!(known.iter().all(|one| one.chain_is_valid(now()) == Some(true)), "{known:?}");
    }
}

#[tokio::test]
async fn a_pattern_stands_for_so_many_files_and_no_more() {
    let directory = TempDir::new().unwrap();
    for number in 0..=100 {
        fs::write(directory.path().join(format!("{number}.crt")), "").unwrap();
    }

    let known = Watch::files(&directory.path().join("*.crt"), Trust::None).read().await;

    assert_eq!(known.len(), 101);
    let own = known.iter().find(|one| one.name == "orders").unwrap();
    assert!(own.failure.as_ref().unwrap().starts_with("more than 100 files match"));
}

#[tokio::test]
async fn a_swap_of_kubernetes_is_seen() {
    let (directory, root) = (TempDir::new().unwrap(), Authority::new("root"));
    let path = |name: &str| directory.path().join(name);
    let version = |name: &str, subject: &str| {
        fs::create_dir(path(name)).unwrap();
        fs::write(path(name).join("tls.crt"), root.sign(&named(subject)).pem).unwrap();
        symlink(name, path("..data_tmp")).unwrap();
        fs::rename(path("..data_tmp"), path("..data")).unwrap();
    };
    version("..2030_01", "first");
    symlink("..data/tls.crt", path("tls.crt")).unwrap();
    let watch = Watch::files(&path("*.crt"), Trust::None);

    let first = watch.read_one().await;
    version("..2030_02", "second");
    fs::remove_dir_all(path("..2030_01")).unwrap();
    let second = watch.read_one().await;

    assert_eq!((subject(&first), subject(&second)), ("CN=first", "CN=second"));
    assert_eq!(second.name, "orders/tls.crt");
}

/// What a made server does with a connection.
#[derive(Clone)]
enum Manner {
    Says(&'static [u8]),
    Silent,
    /// Answers a request for TLS, and then speaks it.
    Postgres(TlsAcceptor),
    /// Speaks TLS at once.
    Direct(TlsAcceptor),
}

/// A server that takes one connection after the other, and what it got in each besides TLS.
async fn server(manner: Manner) -> (SocketAddr, UnboundedReceiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (heard, got) = unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            let mut said = Vec::new();
            drop(serve(manner.clone(), connection, &mut said).await);
            drop(heard.send(said));
        }
    });
    (address, got)
}

async fn serve(
    manner: Manner,
    mut connection: TcpStream,
    said: &mut Vec<u8>,
) -> std::io::Result<()> {
    let mut request = [0; 8];
    match manner {
        Manner::Silent => {
            connection.read_to_end(said).await?;
        }
        Manner::Says(answer) => {
            connection.read_exact(&mut request).await?;
            connection.write_all(answer).await?;
            connection.read_to_end(said).await?;
        }
        Manner::Postgres(acceptor) => {
            connection.read_exact(&mut request).await?;
            said.extend(request);
            connection.write_all(b"S").await?;
            acceptor.accept(connection).await?.read_to_end(said).await?;
        }
        Manner::Direct(acceptor) => {
            let mut stream = acceptor.accept(connection).await?;
            said.extend(stream.get_ref().1.alpn_protocol().unwrap_or_default());
            stream.read_to_end(said).await?;
        }
    }
    Ok(())
}

struct Serving<'a> {
    chain: Vec<CertificateDer<'static>>,
    key: String,
    versions: &'a [&'static SupportedProtocolVersion],
    protocol: Option<&'a str>,
    client_ca: Option<&'a Authority>,
}

impl Serving<'_> {
    fn new(made: &Made) -> Self {
        Self {
            chain: vec![made.der.clone()],
            key: made.key.clone(),
            versions: rustls::ALL_VERSIONS,
            protocol: None,
            client_ca: None,
        }
    }

    fn acceptor(self) -> TlsAcceptor {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_protocol_versions(self.versions).unwrap();
        let builder = match self.client_ca {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.der()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        // `with_single_cert` refuses version 1.
        let signing = ring::sign::any_supported_type(&key).unwrap();
        let certified = rustls::sign::CertifiedKey::new(self.chain, signing);
        let resolver = rustls::sign::SingleCertAndKey::from(certified);
        let mut config = builder.with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = self.protocol.map(Into::into).into_iter().collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

fn postgresql(address: SocketAddr, name: &str, negotiation: Negotiation) -> Watched {
    let server_name = ServerName::try_from(name.to_owned()).unwrap();
    let address = Address { host: address.ip().to_string(), port: address.port() };
    Watched::PostgreSql { address, server_name, negotiation }
}

fn watch_postgres(address: SocketAddr, trust: Trust) -> Watch {
    Watch::new(postgresql(address, "localhost", Negotiation::Postgres), trust, LIMIT)
}

fn ca_file(directory: &TempDir, authority: &Authority) -> Trust {
    let file = directory.path().join("ca.crt");
    fs::write(&file, authority.pem()).unwrap();
    Trust::File(file)
}

#[tokio::test]
async fn a_postgresql_server_presents_its_chain_and_nobody_logs_in() {
    let (directory, root) = (TempDir::new().unwrap(), Authority::new("root"));
    let between = root.intermediate("between", (2029, 2031));
    let leaf = between.leaf();
    for versions in [&[&version::TLS12], &[&version::TLS13]] {
        let chain = vec![leaf.der.clone(), between.der()];
        let serving = Serving { chain, versions, ..Serving::new(&leaf) };
        let (address, mut got) = server(Manner::Postgres(serving.acceptor())).await;

        let read = watch_postgres(address, ca_file(&directory, &root)).read_one().await;

        assert_eq!((read.failure.as_deref(), &read.verified), (None, &Some(Ok(()))));
        assert_eq!(read.earliest().unwrap(), read.chain().unwrap().leaf());
        assert_eq!(got.recv().await.unwrap(), [0, 0, 0, 8, 4, 210, 22, 47]);
    }
}

#[tokio::test]
async fn what_does_not_verify_is_read_all_the_same() {
    let (directory, root) = (TempDir::new().unwrap(), Authority::new("root"));
    let expired = root.sign(&leaf_params("server", (2020, 2021)));
    let cases = [
        (Authority::new("other").leaf(), "localhost", "none of the CA's certificates"),
        (expired, "localhost", "it has expired"),
        (root.leaf(), "orders-rw", "not valid for the name `orders-rw`"),
    ];
    for (made, name, expected) in cases {
        let (address, _) = server(Manner::Postgres(Serving::new(&made).acceptor())).await;
        let watched = postgresql(address, name, Negotiation::Postgres);

        let read = Watch::new(watched, ca_file(&directory, &root), LIMIT).read_one().await;

        assert_eq!((subject(&read), read.chain_is_valid(now())), ("CN=server", Some(false)));
        let why = read.verified.unwrap().unwrap_err();
        assert!(why.contains(expected), "{why}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_our_certificate_is_read_too() {
    let root = Authority::new("root");
    for versions in [&[&version::TLS12], &[&version::TLS13]] {
        let made = root.leaf();
        let serving = Serving { versions, client_ca: Some(&root), ..Serving::new(&made) };
        let (address, _) = server(Manner::Postgres(serving.acceptor())).await;

        let read = watch_postgres(address, Trust::None).read_one().await;

        assert_eq!((read.failure.as_deref(), subject(&read)), (None, "CN=server"));
    }
}

#[tokio::test]
async fn a_leaf_of_version_1_is_read_from_a_handshake() {
    let (directory, (leaf, authority)) = (TempDir::new().unwrap(), version_1());
    let file = directory.path().join("ca.crt");
    fs::write(&file, &authority.pem).unwrap();
    for versions in [&[&version::TLS12], &[&version::TLS13]] {
        let serving = Serving { versions, ..Serving::new(&leaf) };
        let (address, _) = server(Manner::Postgres(serving.acceptor())).await;
        let watched = postgresql(address, "db.example", Negotiation::Postgres);

        let read = Watch::new(watched, Trust::File(file.clone()), LIMIT).read_one().await;

        assert_eq!((read.failure.as_deref(), &read.verified), (None, &Some(Ok(()))));
    }
}

#[tokio::test]
async fn a_server_without_the_key_of_its_certificate_is_not_believed() {
    let root = Authority::new("root");
    let serving = Serving { key: root.leaf().key, ..Serving::new(&root.leaf()) };
    let (address, _) = server(Manner::Postgres(serving.acceptor())).await;

    let failure = watch_postgres(address, Trust::None).failure().await;

    assert!(failure.starts_with("the TLS handshake failed: "), "{failure}");
    assert!(failure.contains("BadSignature"), "{failure}");
}

#[tokio::test]
async fn tls_can_begin_at_once() {
    let made = Authority::new("root").leaf();
    let serving = Serving { protocol: Some("postgresql"), ..Serving::new(&made) };
    let (address, mut got) = server(Manner::Direct(serving.acceptor())).await;
    let watched = postgresql(address, "localhost", Negotiation::Direct);

    let read = Watch::new(watched, Trust::None, LIMIT).read_one().await;

    assert_eq!((read.failure.as_deref(), subject(&read)), (None, "CN=server"));
    assert_eq!(got.recv().await.unwrap(), b"postgresql");
}

#[tokio::test]
async fn servers_that_speak_no_tls_say_so() {
    let cases: [(&[u8], &str); 6] = [
        (b"N", "the PostgreSQL server does not offer TLS: its setting `ssl` is off"),
        (b"Efatal\0", "the PostgreSQL server answers with an error before any TLS"),
        (b"HTTP/1.1 400", "expected a PostgreSQL server, found something else at this address"),
        (b"Sin the clear", "the TLS handshake failed: the server does not speak TLS"),
        (
            b"S\x15\x03\x03\0\x02\x02\x28",
            "the TLS handshake failed: the server has no kind of key or cipher that is known here: \
             RSA from 2048 bits, P-256, P-384, Ed25519",
        ),
        (b"", "it did not end within 300ms: raise `certificateWatch.timeout`, or see what hangs"),
    ];
    for (answer, expected) in cases {
        let (address, _) = server(Manner::Says(answer)).await;
        let watched = postgresql(address, "localhost", Negotiation::Postgres);
        let limit = if answer.is_empty() { Duration::from_millis(300) } else { LIMIT };

        assert_eq!(Watch::new(watched, Trust::None, limit).failure().await, expected);
    }
}

#[tokio::test]
async fn a_port_that_is_closed_is_told_at_once() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();

    let failure = watch_postgres(address, Trust::None).failure().await;

    assert_eq!(failure, "the server cannot be reached: Connection refused (os error 111)");
}

#[tokio::test]
async fn a_reading_under_way_is_not_begun_again() {
    let (address, _) = server(Manner::Silent).await;
    let watch = watch_postgres(address, Trust::None);
    let stop = CancellationToken::new();
    let mut first = pin!(watch.watcher.read(&stop));
    assert!(futures::poll!(first.as_mut()).is_pending());

    watch.watcher.read(&CancellationToken::new()).await;
    stop.cancel();
    first.await;

    assert_eq!(watch.heard.0.lock().unwrap().len(), 0);
}

fn endpoint(found: Found) -> Watched {
    let find: EndpointFinder = Arc::new(move || {
        let found = found.clone();
        Box::pin(async move { found })
    });
    Watched::Endpoint { url: "https://store.test".to_owned(), find }
}

#[tokio::test]
async fn an_endpoint_is_verified_by_name() {
    let (directory, root) = (TempDir::new().unwrap(), Authority::new("root"));
    let (address, _) = server(Manner::Direct(Serving::new(&root.leaf()).acceptor())).await;
    let watch = |trust| {
        let address = Address { host: "127.0.0.1".to_owned(), port: address.port() };
        Watch::new(endpoint(Ok(Some(address))), trust, LIMIT)
    };

    let trusted = watch(ca_file(&directory, &root)).read_one().await;
    let by_system = watch(Trust::System).read_one().await;

    assert_eq!(trusted.chain_is_valid(now()), Some(true));
    assert_eq!((subject(&by_system), by_system.chain_is_valid(now())), ("CN=server", Some(false)));
    assert_eq!(trusted.place, "https://store.test");
}

#[tokio::test]
async fn an_endpoint_that_is_not_known_is_a_failure_and_one_without_tls_nothing() {
    let unknown = Watch::new(endpoint(Err("no region".to_owned())), Trust::System, LIMIT);
    let without = Watch::new(endpoint(Ok(None)), Trust::System, LIMIT);

    assert_eq!(unknown.failure().await, "the endpoint is not known: no region");
    assert_eq!(without.read().await, []);
}

#[tokio::test]
async fn a_panic_is_a_failure_of_one_certificate() {
    let find: EndpointFinder = Arc::new(|| Box::pin(async { panic!("as told") }));
    let watched = Watched::Endpoint { url: "https://store.test".to_owned(), find };

    let failure = Watch::new(watched, Trust::System, LIMIT).failure().await;

    assert!(failure.starts_with("an error in the exporter itself"), "{failure}");
}
