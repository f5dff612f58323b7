//! Archive of the demo with additions, scanned by the exporter, scraped by Prometheus.

use std::fs;
use std::path::Path;
use std::time::Duration;

use barman_archive::barman::BackupInfoText;
use chrono::{DateTime, TimeDelta, Utc};
use embedded_s3::{Options, Store};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::json;
use test_support::dashboard::Query;
use test_support::{EmbeddedArchive, Exporter, Prometheus, every_second};

use crate::dashboards::archive::{Archive, HEALTHY, TROUBLED};
use crate::dashboards::directory::{BUCKET, Directory, PREFIX};

/// Name of the archive in the exporter's configuration.
pub(crate) const ARCHIVE: &str = "demo";

/// Server whose first backup waits for its WAL.
pub(crate) const WAITING: &str = "orders";

/// Server that is configured, and has nothing in the archive.
pub(crate) const NEVER: &str = "invoices";

/// Time for what takes a few scans and scrapes; far more than needed.
pub(crate) const SOON: Duration = Duration::from_secs(90);

/// Server whose contents are verified.
pub(crate) const VERIFIED: &str = "payments";

pub(crate) struct World {
    pub(crate) archive: EmbeddedArchive,
    pub(crate) exporter: Exporter,
    pub(crate) prometheus: Prometheus,
}

/// Metrics on the contents of a server, without the prefix that all metrics have.
const OF_CONTENTS: [&str; 4] = [
    "backup_last_verified_",
    "recovery_last_commit_",
    "recovery_proven_until_",
    "verification_",
];

/// Returns whether a query is about the contents of one server.
pub(crate) fn is_about_contents(query: &Query) -> bool {
    let names_metric = |name: &&str| query.expression.contains(&format!("barman_cloud_{name}"));
    let of_one_server = query.expression.contains(r#"server="$server""#);
    of_one_server && OF_CONTENTS.iter().any(names_metric)
}

/// Returns the server in good health for which a query has data.
pub(crate) fn server_for(query: &Query) -> &'static str {
    if is_about_contents(query) {
        VERIFIED
    } else {
        HEALTHY
    }
}

impl World {
    /// Starts everything, with the exporter scraped by so many jobs, as if it ran so many times;
    /// and waits until every job has what a rate needs.
    pub(crate) async fn start(jobs: usize) -> Self {
        let now = now();
        let store = Store::default();
        Archive::fill(&store, now).unwrap();
        add_waiting_server(&store, now);
        add_verified_server(&store, now);
        let destination = format!("{BUCKET}/{PREFIX}");
        let archive = EmbeddedArchive::start(store, &destination, Options::default()).await;
        let exporter = Exporter::start(configuration(&archive)).await;
        let address = exporter.url("").replace("http://", "");
        let prometheus = Prometheus::scraping(&vec![address.as_str(); jobs]).await;
        let scans = r#"barman_cloud_scans_total{outcome="success"}"#;
        let enough = format!("count(increase({scans}[1m]) > 1) == {jobs}");
        prometheus
            .wait_for("a few scans and scrapes", SOON, &enough)
            .await;
        let proof = r#"barman_cloud_recovery_proven_until_timestamp_seconds{basis="arrival"}"#;
        let proven = format!("count({proof}) == {jobs}");
        prometheus
            .wait_for("a verified server", SOON, &proven)
            .await;
        Self {
            archive,
            exporter,
            prometheus,
        }
    }
}

/// Configuration of the demo, with two additional servers and a certificate.
fn configuration(archive: &EmbeddedArchive) -> String {
    archive.write("tls.crt", &certificate());
    let mut settings = archive.settings(ARCHIVE);
    settings["servers"] = json!([
        { "serverName": HEALTHY, "retentionPolicy": "14d", "backupSchedule": "0 0 2 * * *" },
        { "serverName": TROUBLED, "retentionPolicy": "14d", "backupSchedule": "0 1 * * *" },
        { "serverName": WAITING },
        { "serverName": NEVER },
        { "serverName": VERIFIED, "verificationLevel": "full" },
    ]);
    // Enough for everything within a second.
    settings["verification"] = json!({ "dailyBytes": "1TB" });
    let file = archive.directory().join("tls.crt");
    let mut configuration = every_second([settings]);
    // A scan takes a debug build most of a second.
    configuration["scan"]["schedule"] = json!("*/2 * * * * *");
    let name = format!("{HEALTHY}-server");
    configuration["certificates"] = json!([{ "name": name, "file": file, "caFile": file }]);
    configuration["certificateWatch"] = json!({ "schedule": "* * * * * *" });
    configuration.to_string()
}

/// Certificate that signs itself.
fn certificate() -> String {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = date_time_ymd(2100, 1, 1);
    params
        .self_signed(&KeyPair::generate().unwrap())
        .unwrap()
        .pem()
}

fn add_waiting_server(store: &Store, now: DateTime<Utc>) {
    let at = now - TimeDelta::minutes(20);
    let directory = Directory::new(store, WAITING);
    let segment = "000000010000000000000003";
    let info = BackupInfoText::new("DONE")
        .begun(at, segment)
        .ended(at, segment)
        .with("end_xlog", "0/3000100")
        .to_string();
    directory.put("base/20261115T114000/backup.info", info, at);
    directory.put_zeros("base/20261115T114000/data.tar", 1000, at);
    directory.put_zeros("wals/0000000100000000/000000010000000000000002.gz", 100, at);
}

/// Adds a server that `PostgreSQL` and Barman wrote, unlike the others.
fn add_verified_server(store: &Store, now: DateTime<Utc>) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/contents/base");
    let directory = Directory::new(store, VERIFIED);
    let base = "base/20261128T043154";
    let wal = "wals/0000000100000000/000000010000000000000024.xz";
    for (key, file) in [
        (format!("{base}/data.tar.gz"), "good/data.tar.gz"),
        (format!("{base}/backup.info"), "good/backup.info"),
        (wal.to_owned(), wal),
    ] {
        let content = fs::read(fixtures.join(file)).unwrap();
        directory.put(&key, content, now - TimeDelta::minutes(20));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the archive ends when the exporter looks at it"
)]
fn now() -> DateTime<Utc> {
    Utc::now()
}
