//! Series that the alerts select are on the page of the real program.

use std::time::Duration;

use barman_archive::barman::BackupInfoText;
use chrono::{DateTime, TimeDelta, Utc};
use embedded_s3::{Part, Upload};
use rcgen::{CertificateParams, CertifiedIssuer, DnType, KeyPair};
use serde_json::json;
use test_support::{EmbeddedArchive, Exporter, Sample, Samples, every_second, recorded_archive};

use crate::alerts::all_rules;
use crate::alerts::query::{Selector, selectors};

const SOON: Duration = Duration::from_mins(1);

/// Labels that Prometheus adds to what it scrapes.
const OF_THE_TARGET: [&str; 2] = ["job", "instance"];

/// Server of the recording, to which a running backup is added.
const SERVER: &str = "kilobase-postgres-backup";

/// Bucket of the recording.
const BUCKET: &str = "kilobase";

/// Prefix of the recording's servers.
const PREFIX: &str = "barman/backup";

/// Running backup: some of its data is uploaded.
fn begin_backup(archive: &EmbeddedArchive, now: DateTime<Utc>) {
    let began_at = now - TimeDelta::minutes(10);
    let backup = format!(
        "{PREFIX}/{SERVER}/base/{}",
        began_at.format("%Y%m%dT%H%M%S")
    );
    let time = began_at.format("%Y-%m-%d %H:%M:%S+00:00");
    let info = format!("begin_time={time}\nstatus=STARTED\nsystemid=7703017059624890625\n");
    archive
        .store()
        .put_bytes(BUCKET, format!("{backup}/backup.info"), info, began_at);
    let part = Part {
        number: 1,
        size: 1_000_000,
        last_modified: began_at,
        etag: "e".into(),
    };
    let upload = Upload {
        key: format!("{backup}/data.tar"),
        upload_id: "under-way".into(),
        initiated: began_at,
        parts: vec![part],
    };
    archive.store().begin_upload(BUCKET, upload);
}

/// Server whose only backup waits for its WAL.
fn add_waiting_backup(archive: &EmbeddedArchive, now: DateTime<Utc>) {
    let at = now - TimeDelta::minutes(20);
    let key = |name: &str| format!("{PREFIX}/orders/{name}");
    let segment = "000000010000000000000003";
    let info = BackupInfoText::new("DONE")
        .begun(at, segment)
        .ended(at, segment)
        .with("end_xlog", "0/3000100")
        .to_string();
    let store = archive.store();
    store.put_bytes(BUCKET, key("base/20260101T000000/backup.info"), info, at);
    store.put_zeros(BUCKET, key("base/20260101T000000/data.tar"), 1000, at);
    let segment = key("wals/0000000100000000/000000010000000000000002.gz");
    store.put_zeros(BUCKET, segment, 100, at);
}

/// Certificate, and the authority that signed it.
fn write_certificate(archive: &EmbeddedArchive) {
    let params = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params
    };
    let key = || KeyPair::generate().unwrap();
    let authority = CertifiedIssuer::self_signed(params("ca"), key()).unwrap();
    let leaf = params("orders-rw").signed_by(&key(), &authority).unwrap();
    archive.write("tls.crt", &leaf.pem());
    archive.write("ca.crt", &authority.pem());
}

/// Page of a program for which everything is configured: servers, schedules, retention,
/// certificates.
#[expect(
    clippy::disallowed_methods,
    reason = "the program goes by the system's clock, too"
)]
async fn page() -> Samples {
    let archive = recorded_archive().await;
    let now = Utc::now();
    begin_backup(&archive, now);
    add_waiting_backup(&archive, now);
    write_certificate(&archive);
    let mut settings = archive.settings("production");
    settings["retentionPolicy"] = json!("7d");
    settings["servers"] = json!([
        { "serverName": SERVER, "backupSchedule": "0 0 3 * * *" },
        { "serverName": "orders" },
    ]);
    let file = |name: &str| archive.directory().join(name);
    let certificate =
        json!({ "name": "orders-rw", "file": file("tls.crt"), "caFile": file("ca.crt") });
    let mut configuration = every_second([settings]);
    configuration["certificates"] = json!([certificate]);
    let exporter = Exporter::start(configuration.to_string()).await;
    let certificate = "barman_cloud_certificate_chain_valid";
    let is_whole = |samples: &Samples| {
        samples.value("barman_cloud_up", &[]) == Some(1.0)
            && !samples.all(certificate, &[]).is_empty()
            && !samples
                .all("barman_cloud_scan_next_timestamp_seconds", &[])
                .is_empty()
    };
    exporter.wait_for("a whole page", SOON, is_whole).await
}

/// Returns whether the page has a series that the selector matches, with the labels that the query
/// groups by.
fn is_served(selector: &Selector, samples: &Samples) -> bool {
    let has = |sample: &&Sample| {
        let matches = selector
            .matchers
            .iter()
            .all(|(label, value)| sample.label(label) == value);
        let groups = selector.grouped_by.iter().all(|label| {
            OF_THE_TARGET.contains(&label.as_str()) || sample.labels.contains_key(label)
        });
        matches && groups
    };
    samples.all(&selector.metric, &[]).iter().any(has)
}

/// Returns whether the metric comes from elsewhere: the rules themselves, Prometheus, the plugin.
fn is_foreign(selector: &Selector) -> bool {
    let metric = &selector.metric;
    let is_recorded = || {
        all_rules()
            .iter()
            .any(|rule| rule.record.as_deref() == Some(metric))
    };
    metric == "up" || metric.starts_with("barman_cloud_cloudnative_pg_io_") || is_recorded()
}

#[tokio::test]
async fn every_metric_and_label_in_the_rules_is_on_the_page() {
    let samples = page().await;
    let mut asked = 0;
    let mut missing = Vec::new();

    for rule in all_rules() {
        let texts = rule
            .annotations
            .values()
            .map(|text| text.replace("=%q", "=\"\""));
        let queries = std::iter::once(rule.expr.clone()).chain(texts);
        for selector in queries.flat_map(|query| selectors(&query)) {
            if is_foreign(&selector) {
                continue;
            }
            asked += 1;
            let mut selector = selector;
            // Which archive and server a text asks about is filled in when it is written.
            // The names that a pattern stands for are not compared.
            selector
                .matchers
                .retain(|(_, value)| !value.is_empty() && !value.starts_with('~'));
            let name = rule.alert.as_ref().or(rule.record.as_ref());
            if !is_served(&selector, &samples) {
                missing.push(format!("{name:?}: {selector:?}"));
            }
        }
    }

    assert!(asked > 100, "only {asked} selectors were found");
    assert!(missing.is_empty(), "{missing:#?}");
}
