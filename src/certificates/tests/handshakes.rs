//! Servers of `PostgreSQL` that present a chain, and servers that present none.

use openssl::ssl::SslVersion;
use tls_certificates::x509::test_certificates::version_1;
use tokio::net::TcpListener;

use super::super::connect::in_turn;
use super::super::postgresql;
use super::server::{Manner, Serving, impostor, server};
use super::*;

#[tokio::test]
async fn a_postgresql_server_presents_its_chain_and_nobody_logs_in() {
    let (directory, root) = (TempDir::new().unwrap(), Authority::new("root"));
    let between = root.intermediate("between", 2029..2031);
    let leaf = between.leaf();
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let chain = vec![leaf.certificate.clone(), between.certificate()];
        let serving = Serving {
            chain,
            version: Some(version),
            ..Serving::new(&leaf)
        };
        let (address, mut got) = server(Manner::Postgres(serving.acceptor())).await;

        let read = watch_postgres(address, ca_file(&directory, &root))
            .read_one()
            .await;

        assert_eq!(
            (read.failure.as_deref(), &read.verification),
            (None, &Verification::Verified)
        );
        assert_eq!(
            read.chain().unwrap().first_to_end(),
            read.chain().unwrap().leaf()
        );
        assert_eq!(got.recv().await.unwrap(), [0, 0, 0, 8, 4, 210, 22, 47]);
    }
}

#[tokio::test]
async fn what_does_not_verify_is_read_all_the_same() {
    let (directory, root) = (TempDir::new().unwrap(), Authority::new("root"));
    let expired = root.sign(&leaf_params("server", 2020..2021));
    let cases = [
        (
            Authority::new("other").leaf(),
            "localhost",
            "unable to get local issuer certificate",
        ),
        (expired, "localhost", "certificate has expired"),
        (
            root.leaf(),
            "orders-rw",
            "not valid for the name `orders-rw`",
        ),
    ];
    for (made, name, expected) in cases {
        let (address, _) = server(Manner::Postgres(Serving::new(&made).acceptor())).await;
        let watched = postgresql(address, name, SslNegotiation::Postgres);

        let read = Watch::new(watched, ca_file(&directory, &root), LIMIT)
            .read_one()
            .await;

        assert_eq!(
            (subject(&read), read.chain_is_valid(now())),
            ("CN=server", Some(false))
        );
        let Verification::Refused(why) = read.verification else {
            panic!("{read:?}")
        };
        assert!(why.contains(expected), "{why}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_our_certificate_is_read_too() {
    let root = Authority::new("root");
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let made = root.leaf();
        let serving = Serving {
            version: Some(version),
            client_ca: Some(&root),
            ..Serving::new(&made)
        };
        let (address, _) = server(Manner::Postgres(serving.acceptor())).await;

        let read = watch_postgres(address, Trust::None).read_one().await;

        assert_eq!(
            (read.failure.as_deref(), subject(&read)),
            (None, "CN=server")
        );
    }
}

#[tokio::test]
async fn a_leaf_of_version_1_is_read_from_a_handshake() {
    let (directory, (leaf, authority)) = (TempDir::new().unwrap(), version_1());
    let file = directory.path().join("ca.crt");
    fs::write(&file, &authority.pem).unwrap();
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let serving = Serving {
            version: Some(version),
            ..Serving::new(&leaf)
        };
        let (address, _) = server(Manner::Postgres(serving.acceptor())).await;
        let watched = postgresql(address, "db.example", SslNegotiation::Postgres);

        let read = Watch::new(watched, Trust::File(file.clone()), LIMIT)
            .read_one()
            .await;

        assert_eq!(
            (read.failure.as_deref(), &read.verification),
            (None, &Verification::Verified)
        );
    }
}

#[tokio::test]
async fn a_server_without_the_key_of_its_certificate_is_not_believed() {
    let root = Authority::new("root");
    let (certificate, key) = (root.leaf().certificate, root.leaf().key);
    let (address, _) = server(Manner::Impostor(impostor(&certificate, &key))).await;

    let failure = watch_postgres(address, Trust::None).failure().await;

    assert_eq!(failure, "the TLS handshake failed: bad signature");
}

#[tokio::test]
async fn tls_can_begin_at_once() {
    let made = Authority::new("root").leaf();
    let serving = Serving {
        protocol: Some(b"\x0apostgresql"),
        ..Serving::new(&made)
    };
    let (address, mut got) = server(Manner::Direct(serving.acceptor())).await;
    let watched = postgresql(address, "localhost", SslNegotiation::Direct);

    let read = Watch::new(watched, Trust::None, LIMIT).read_one().await;

    assert_eq!(
        (read.failure.as_deref(), subject(&read)),
        (None, "CN=server")
    );
    assert_eq!(got.recv().await.unwrap(), b"postgresql");
}

#[tokio::test]
async fn servers_that_speak_no_tls_say_so() {
    let cases: [(&[u8], &str); 6] = [
        (
            b"N",
            "the PostgreSQL server does not offer TLS: its setting `ssl` is off",
        ),
        (
            b"Efatal\0",
            "the PostgreSQL server returned an error before the TLS handshake",
        ),
        (
            b"HTTP/1.1 400",
            "expected a PostgreSQL server, found something else at this address",
        ),
        (
            b"Sin the clear",
            "the TLS handshake failed: the server does not speak TLS",
        ),
        (
            b"S\x15\x03\x03\0\x02\x02\x28",
            "the TLS handshake failed: the server shares no cipher or key type with OpenSSL's defaults",
        ),
        (
            b"",
            "it did not end within 300ms: raise `certificateWatch.timeout`, or find out what is \
             hanging",
        ),
    ];
    for (answer, expected) in cases {
        let (address, _) = server(Manner::Says(answer)).await;
        let watched = postgresql(address, "localhost", SslNegotiation::Postgres);
        let limit = if answer.is_empty() {
            Duration::from_millis(300)
        } else {
            LIMIT
        };

        assert_eq!(
            Watch::new(watched, Trust::None, limit).failure().await,
            expected
        );
    }
}

#[tokio::test]
async fn a_port_that_is_closed_is_told_at_once() {
    let address = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();

    let failure = watch_postgres(address, Trust::None).failure().await;

    assert_eq!(
        failure,
        "the server cannot be reached: Connection refused (os error 111)"
    );
}

#[tokio::test]
async fn an_address_that_does_not_answer_leaves_time_for_the_next() {
    let made = Authority::new("root").leaf();
    let (silent, _) = server(Manner::Silent).await;
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let (good, _) = server(Manner::Postgres(Serving::new(&made).acceptor())).await;
    let host = "localhost".parse().unwrap();
    let presented =
        |connection| postgresql::presented_by(connection, &host, SslNegotiation::Postgres);

    let chain = in_turn(&[silent, closed, good], Duration::from_secs(3), presented).await;
    let none = in_turn(&[silent, silent], Duration::from_millis(200), presented).await;

    assert_eq!(chain.unwrap().unwrap(), [made.certificate]);
    assert!(none.is_none());
}
