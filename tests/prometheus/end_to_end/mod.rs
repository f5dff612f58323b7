//! Path from a broken archive to the person who is paged, and back: a store, the exporter,
//! Prometheus with the alerts that are shipped, Alertmanager, and a webhook in place of a pager,
//! all real.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may end so")]
#![expect(
    clippy::indexing_slicing,
    reason = "JSON without a field has none, and no panic either"
)]

mod pager;

use std::fs;
use std::path::Path;

use barman_archive::barman::BackupInfoText;
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use embedded_s3::{Action, Fault, Options, Store};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{Alertmanager, EmbeddedArchive, Exporter, Prometheus, every_second};

use pager::Pager;

const ARCHIVE: &str = "production";
const SERVER: &str = "orders";
const BUCKET: &str = "backups";

/// Whole chain, from the store to the pager.
struct World {
    archive: EmbeddedArchive,
    now: DateTime<Utc>,
    pager: Pager,
    exporter: Exporter,
    _prometheus: Prometheus,
    _alertmanager: Alertmanager,
    _rules: TempDir,
}

impl World {
    /// World without any problem.
    #[expect(
        clippy::disallowed_methods,
        reason = "the programs go by the system's clock, too"
    )]
    async fn start() -> Self {
        let now = Utc::now();
        let archive = archive(now).await;
        write_certificate(&archive, now + TimeDelta::days(90));
        let exporter = exporter(&archive).await;
        let pager = Pager::start().await;
        let alertmanager = Alertmanager::start(&routes(&pager)).await;
        let rules = rules();
        let prometheus = Prometheus::start(&scraping(&exporter, &alertmanager, rules.path())).await;
        Self {
            archive,
            now,
            pager,
            exporter,
            _prometheus: prometheus,
            _alertmanager: alertmanager,
            _rules: rules,
        }
    }

    fn put_segment(&self, number: i64) {
        let key = key(&format!(
            "wals/0000000100000000/0000000100000000{number:08X}.gz"
        ));
        self.archive
            .store()
            .put_zeros(BUCKET, key, 1000, self.now - minutes(100 - number));
    }

    fn remove_segment(&self, number: i64) {
        let key = key(&format!(
            "wals/0000000100000000/0000000100000000{number:08X}.gz"
        ));
        self.archive.store().remove(BUCKET, &key);
    }

    /// Puts a backup that started this many minutes ago and took five.
    fn put_backup(&self, minutes_ago: i64, status: &str) {
        put_backup(
            self.archive.store(),
            self.now - minutes(minutes_ago),
            status,
        );
    }
}

fn minutes(minutes: i64) -> TimeDelta {
    TimeDelta::minutes(minutes)
}

fn key(name: &str) -> String {
    format!("databases/{SERVER}/{name}")
}

/// Archive of two backups and the WAL since the first.
async fn archive(now: DateTime<Utc>) -> EmbeddedArchive {
    let store = Store::default();
    for ago in [99, 90] {
        put_backup(&store, now - minutes(ago), "DONE");
    }
    for number in 1..=80 {
        let key = key(&format!(
            "wals/0000000100000000/0000000100000000{number:08X}.gz"
        ));
        store.put_zeros(BUCKET, key, 1000, now - minutes(100 - number));
    }
    EmbeddedArchive::start(store, &format!("{BUCKET}/databases"), Options::default()).await
}

fn put_backup(store: &Store, begin: DateTime<Utc>, status: &str) {
    let end = begin + minutes(5);
    let at = |moment: DateTime<Utc>| moment.format("%Y-%m-%d %H:%M:%S%.6f+00:00").to_string();
    let segment = "000000010000000000000001";
    let info = BackupInfoText::new(status)
        .with("begin_time", at(begin))
        .with("begin_wal", segment)
        .with("cluster_size", 1_000_000)
        .with("end_time", at(end))
        .with("end_wal", segment)
        .with("end_xlog", "0/1000100")
        .with("systemid", 7_000_000_000_000_000_001_u64)
        .with("tablespaces", "None")
        .with("timeline", 1)
        .with("xlog_segment_size", 16_777_216)
        .to_string();
    let id = begin.format("%Y%m%dT%H%M%S");
    store.put_bytes(
        BUCKET,
        key(&format!("base/{id}/backup.info")),
        info.into_bytes(),
        end,
    );
    store.put_zeros(BUCKET, key(&format!("base/{id}/data.tar.gz")), 50_000, end);
}

/// Writes a certificate that is valid to the begin of a day.
fn write_certificate(archive: &EmbeddedArchive, not_after: DateTime<Utc>) {
    let day = |moment: DateTime<Utc>| {
        let (month, day) = (moment.month().try_into(), moment.day().try_into());
        date_time_ymd(moment.year(), month.unwrap(), day.unwrap())
    };
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = day(not_after - TimeDelta::days(120));
    params.not_after = day(not_after);
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    archive.write("tls.crt", &certificate.pem());
}

/// Exporter that scans every second.
async fn exporter(archive: &EmbeddedArchive) -> Exporter {
    let mut settings = archive.settings(ARCHIVE);
    settings["servers"] = json!([{ "serverName": SERVER }]);
    let mut configuration = every_second([settings]);
    let file = archive.directory().join("tls.crt");
    configuration["certificates"] = json!([{ "name": "orders-server", "file": file }]);
    configuration["certificateWatch"] = json!({ "schedule": "* * * * * *" });
    Exporter::start(configuration.to_string()).await
}

/// Severities of the alerts, each with a route of its own.
fn routes(pager: &Pager) -> Value {
    let severities = ["critical", "warning", "info"];
    let way = |severity: &str| json!({ "receiver": severity, "matchers": [format!("severity=\"{severity}\"")] });
    let receiver = |severity: &str| {
        let hook = json!({ "url": pager.url(severity), "send_resolved": true });
        json!({ "name": severity, "webhook_configs": [hook] })
    };
    json!({
        "route": {
            "receiver": "info",
            "group_by": ["..."],
            "group_wait": "0s",
            "group_interval": "1s",
            "repeat_interval": "1h",
            "routes": severities.map(way),
        },
        "receivers": severities.map(receiver),
    })
}

/// Rules that are shipped, except that `for` is one second, and `keep_firing_for` is shorter than a
/// quarter of an hour, but long enough for the scrapes that a busy machine misses.
fn rules() -> TempDir {
    let shipped =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts/barman-cloud-exporter.rules.yaml");
    let shipped = fs::read_to_string(shipped).unwrap();
    let shortened = shipped.lines().map(|line| match line.split_once("for: ") {
        Some((before, _)) if before.trim_start().is_empty() => format!("{before}for: 1s\n"),
        Some((before, _)) if before.trim_start() == "keep_firing_" => format!("{before}for: 10s\n"),
        _ => format!("{line}\n"),
    });
    let shortened: String = shortened.collect();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("rules.yaml"), shortened).unwrap();
    directory
}

fn scraping(exporter: &Exporter, alertmanager: &Alertmanager, rules: &Path) -> Value {
    let at = |address: &str| json!([{ "targets": [address] }]);
    let url = exporter.url("");
    let exporter = url.strip_prefix("http://").unwrap();
    json!({
        "global": {
            "scrape_interval": "1s",
            "scrape_timeout": "1s",
            "evaluation_interval": "1s",
        },
        "rule_files": [rules.join("rules.yaml")],
        "scrape_configs": [{ "job_name": "backups", "static_configs": at(exporter) }],
        "alerting": { "alertmanagers": [{ "static_configs": at(alertmanager.address()) }] },
    })
}

#[tokio::test]
async fn what_breaks_is_paged_and_what_heals_is_resolved() {
    let mut world = World::start().await;

    a_segment_vanishes_and_comes_back(&mut world).await;
    backups_fail_until_one_succeeds(&mut world).await;
    a_certificate_nears_its_end_and_is_renewed(&mut world).await;
    the_exporter_hangs_and_goes_on(&mut world).await;

    // Nothing else was broken, so nobody was paged for anything else.
    let paged = world.pager.sent_to("critical").into_iter();
    let others: Vec<_> = paged
        .filter(|name| !BROKEN.contains(&name.as_str()))
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

async fn a_segment_vanishes_and_comes_back(world: &mut World) {
    // It is in the middle of what a restore needs.
    world.remove_segment(40);
    world
        .pager
        .wait_for("critical", "BarmanCloudWalGap", "firing")
        .await;

    // The store denies access, which is no reason to take the gap for healed.
    let denied = Action::error(403, "AccessDenied", "Access Denied.");
    world.archive.s3().faults().set([Fault::always(denied)]);
    world
        .pager
        .wait_for("warning", "BarmanCloudScanFailing", "firing")
        .await;
    world.archive.s3().faults().clear();
    world
        .pager
        .wait_for("warning", "BarmanCloudScanFailing", "resolved")
        .await;
    assert!(
        !world
            .pager
            .was_told("critical", "BarmanCloudWalGap", "resolved")
    );

    world.put_segment(40);
    world
        .pager
        .wait_for("critical", "BarmanCloudWalGap", "resolved")
        .await;
}

async fn backups_fail_until_one_succeeds(world: &mut World) {
    world.pager.begin_story();
    world.put_backup(60, "FAILED");
    world
        .pager
        .wait_for("warning", "BarmanCloudBackupFailed", "firing")
        .await;
    world.put_backup(30, "DONE");
    world
        .pager
        .wait_for("warning", "BarmanCloudBackupFailed", "resolved")
        .await;
}

async fn a_certificate_nears_its_end_and_is_renewed(world: &mut World) {
    world.pager.begin_story();
    write_certificate(&world.archive, world.now + TimeDelta::days(2));
    world
        .pager
        .wait_for("critical", "BarmanCloudCertificateExpiring", "firing")
        .await;
    write_certificate(&world.archive, world.now + TimeDelta::days(90));
    world
        .pager
        .wait_for("critical", "BarmanCloudCertificateExpiring", "resolved")
        .await;
}

async fn the_exporter_hangs_and_goes_on(world: &mut World) {
    world.pager.begin_story();
    world.exporter.signal(Signal::STOP);
    world
        .pager
        .wait_for("warning", "BarmanCloudExporterDown", "firing")
        .await;
    world
        .pager
        .wait_for("critical", "BarmanCloudExporterAbsent", "firing")
        .await;
    world.exporter.signal(Signal::CONT);
    world
        .pager
        .wait_for("warning", "BarmanCloudExporterDown", "resolved")
        .await;
    world
        .pager
        .wait_for("critical", "BarmanCloudExporterAbsent", "resolved")
        .await;
}

/// Alerts for the things that the test breaks.
const BROKEN: [&str; 5] = [
    "BarmanCloudArchiveVanished",
    "BarmanCloudCertificateExpiring",
    "BarmanCloudExporterAbsent",
    "BarmanCloudNotRestorable",
    "BarmanCloudWalGap",
];
