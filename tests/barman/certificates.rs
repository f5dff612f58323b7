//! Certificates of a real PostgreSQL server, and of servers that only resemble one.

use serde_json::json;
use test_support::{
    Authority, CERTIFICATE_ARCHIVE, CERTIFICATE_FAMILIES, EmbeddedArchive, Exporter, SOON,
    SecurePostgres, certificate_info, certificate_value, every_second, until, wait_for_subject,
    wait_for_value, watch_certificates, year,
};
use tokio::net::TcpListener;

#[tokio::test]
async fn a_certificate_that_the_server_reloads_replaces_the_series() {
    let (archive, root) = (EmbeddedArchive::small(1000).await, Authority::new("root"));
    archive.write("ca.crt", &root.pem());
    let ca = archive.directory().join("ca.crt");
    let first = root.sign("first", 2020..2090);
    let mut server = SecurePostgres::start(&first.pem, &first.key);
    let address = format!("127.0.0.1:{}", server.port());
    let exporter = watch_certificates(
        &archive,
        json!([
            { "name": "rw", "postgresql": address, "caFile": ca },
            { "name": "named", "postgresql": address, "caFile": ca, "serverName": "localhost" },
            { "name": "misnamed", "postgresql": address, "caFile": ca, "serverName": "orders-rw" },
        ]),
    )
    .await;

    let before = wait_for_subject(&exporter, "rw", "CN=first").await;
    wait_for_value(&exporter, "chain_valid", "named", 1.0).await;
    wait_for_value(&exporter, "chain_valid", "misnamed", 0.0).await;
    let second = root.sign("second", 2021..2091);
    server.renew(&second.pem, &second.key);
    let after = wait_for_subject(&exporter, "rw", "CN=second").await;

    let values = |from, to| {
        [
            Some(year(to)),
            Some(year(from)),
            Some(year(to)),
            Some(1.0),
            Some(1.0),
        ]
    };
    assert_eq!(
        CERTIFICATE_FAMILIES.map(|family| certificate_value(&before, family, "rw")),
        values(2020, 2090)
    );
    assert_eq!(
        CERTIFICATE_FAMILIES.map(|family| certificate_value(&after, family, "rw")),
        values(2021, 2091)
    );
    assert_eq!(
        certificate_info(&after, "rw", "source").as_deref(),
        Some("postgresql")
    );
    let log = server.log();
    let log = log
        .split_once("connection received: host=127.0.0.1")
        .unwrap()
        .1;
    for complaint in [
        "FATAL",
        "invalid length",
        "incomplete startup",
        "SSL error",
        "could not",
    ] {
        assert!(!log.contains(complaint), "{log}");
    }
}

#[tokio::test]
async fn a_server_of_another_ca_or_without_tls_is_told() {
    let (archive, root) = (EmbeddedArchive::small(1000).await, Authority::new("root"));
    archive.write("ca.crt", &Authority::new("other").pem());
    let ca = archive.directory().join("ca.crt");
    let made = root.sign("server", 2020..2090);
    let mut server = SecurePostgres::start(&made.pem, &made.key);
    let address = format!("127.0.0.1:{}", server.port());
    let certificates = json!([{ "name": "rw", "postgresql": address, "caFile": ca }]);
    let exporter = watch_certificates(&archive, certificates).await;

    let wrong = wait_for_subject(&exporter, "rw", "CN=server").await;
    server.turn_tls_off();
    let off = wait_for_value(&exporter, "read_success", "rw", 0.0).await;

    assert_eq!(certificate_value(&wrong, "chain_valid", "rw"), Some(0.0));
    assert_eq!(certificate_value(&wrong, "read_success", "rw"), Some(1.0));
    assert_eq!(certificate_value(&off, "chain_valid", "rw"), None);
    assert_eq!(
        certificate_value(&off, "not_after_timestamp_seconds", "rw"),
        Some(year(2090))
    );
    let says = "the PostgreSQL server does not offer TLS";
    until("the reason in the log", SOON, || {
        exporter.log().contains(says).then_some(())
    });
}

#[tokio::test]
async fn a_server_that_hangs_delays_nobody() {
    let (archive, root) = (EmbeddedArchive::small(1000).await, Authority::new("root"));
    archive.write("tls.crt", &root.sign("file", 2020..2090).pem);
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut configuration = every_second([archive.settings(CERTIFICATE_ARCHIVE)]);
    configuration["certificateWatch"] = json!({ "timeout": "1h" });
    configuration["certificates"] = json!([
        { "name": "silent", "postgresql": silent.local_addr().unwrap().to_string() },
        { "name": "file", "file": archive.directory().join("tls.crt") },
    ]);
    let exporter = Exporter::start(configuration.to_string()).await;

    let samples = wait_for_value(&exporter, "read_success", "file", 1.0).await;

    assert_eq!(
        certificate_value(&samples, "read_success", "silent"),
        None,
        "it is not known yet"
    );
}

#[tokio::test]
async fn what_is_no_server_is_told_in_time() {
    let (archive, root) = (EmbeddedArchive::small(1000).await, Authority::new("root"));
    archive.write("tls.crt", &root.sign("file", 2020..2090).pem);
    let tls = archive.directory().join("tls.crt");
    // Takes connections, as the system does for it, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = |listener: &TcpListener| listener.local_addr().unwrap().to_string();
    let certificates = json!([
        { "name": "silent", "postgresql": address(&silent) },
        { "name": "silent-direct", "postgresql": address(&silent), "sslNegotiation": "direct" },
        { "name": "closed", "postgresql": address(&closed) },
        { "name": "no-postgresql", "postgresql": archive.s3().endpoint().replace("http://", "") },
        { "name": "file", "file": tls },
    ]);
    drop(closed);
    let exporter = watch_certificates(&archive, certificates).await;

    wait_for_value(&exporter, "read_success", "file", 1.0).await;
    wait_for_value(&exporter, "read_success", "closed", 0.0).await;
    wait_for_value(&exporter, "read_success", "no-postgresql", 0.0).await;
    wait_for_value(&exporter, "read_success", "silent-direct", 0.0).await;
    wait_for_value(&exporter, "read_success", "silent", 0.0).await;

    assert!(
        exporter.log().contains("did not end within 2s"),
        "{}",
        exporter.log()
    );
    assert!(
        exporter.log().contains("Connection refused"),
        "{}",
        exporter.log()
    );
}
