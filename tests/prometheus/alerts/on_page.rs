//! Series that the alerts select are on the page of the real program.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use embedded_s3::{Action, Fault, Operation, When};
use rcgen::{CertificateParams, CertifiedIssuer, DnType, KeyPair};
use serde_json::json;
use test_support::promql::{Selector, selectors};
use test_support::{
    CONTENTS_BACKUP, EmbeddedArchive, Exporter, Sample, Samples, add_running_backup,
    add_waiting_backup, all_rules, every_second, put_contents, recorded_archive,
};

const SOON: Duration = Duration::from_mins(1);

/// Labels that Prometheus adds to what it scrapes.
const OF_THE_TARGET: [&str; 2] = ["job", "instance"];

/// Server of the recording, to which a running backup is added.
const SERVER: &str = "kilobase-postgres-backup";

/// Server whose contents are verified.
const VERIFIED: &str = "payments";

/// Server whose contents wait to be verified: the store does not answer.
const WAITING: &str = "ledger";

fn add_verified_servers(archive: &EmbeddedArchive, now: DateTime<Utc>) {
    let (bucket, prefix) = archive.destination().split_once('/').unwrap();
    let at = now - TimeDelta::hours(1);
    for server in [VERIFIED, WAITING] {
        let directory = format!("{prefix}/{server}");
        put_contents(archive.store(), bucket, &directory, "good", at);
    }
    let data = format!("{WAITING}/base/{CONTENTS_BACKUP}/data");
    let reads = When::operation(Operation::GetObject).containing(&data);
    archive.s3().faults().add(Fault::new(reads, Action::Hang));
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
    add_running_backup(archive.store(), now);
    add_waiting_backup(archive.store(), now);
    add_verified_servers(&archive, now);
    write_certificate(&archive);
    let mut settings = archive.settings("production");
    settings["retentionPolicy"] = json!("7d");
    settings["servers"] = json!([
        { "serverName": SERVER, "backupSchedule": "0 0 3 * * *" },
        { "serverName": "orders" },
        { "serverName": VERIFIED, "verificationLevel": "full" },
        { "serverName": WAITING, "verificationLevel": "full" },
    ]);
    // Enough for everything within a second.
    settings["verification"] = json!({ "dailyBytes": "1TB" });
    let file = |name: &str| archive.directory().join(name);
    let certificate =
        json!({ "name": "orders-rw", "file": file("tls.crt"), "caFile": file("ca.crt") });
    let mut configuration = every_second([settings]);
    configuration["certificates"] = json!([certificate]);
    let exporter = Exporter::start(configuration.to_string()).await;
    let certificate = "barman_cloud_certificate_chain_valid";
    let proof = "barman_cloud_recovery_proven_until_timestamp_seconds";
    let is_whole = |samples: &Samples| {
        samples.value("barman_cloud_up", &[]) == Some(1.0)
            && !samples.all(certificate, &[]).is_empty()
            && !samples.all(proof, &[]).is_empty()
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
