//! Whole program against a store that fails on purpose: the metrics and the log describe the
//! failure, the last good report stays, and recovery is noticed without a restart.

#![expect(clippy::unwrap_used, reason = "a test may end so")]
#![expect(
    clippy::indexing_slicing,
    reason = "JSON without a field has none, and no panic either"
)]
#![expect(clippy::float_cmp, reason = "counts and bytes are whole")]

mod answers;
mod archives;
mod credentials;
mod files;
mod narrow;
mod network;
mod odd_stores;
mod refusals;
mod refused;
mod throttling;
mod uploads;

use std::time::{Duration, SystemTime};

use embedded_s3::{Action, Fault};
use serde_json::{Value, json};
use test_support::{CREDENTIALS, EmbeddedArchive, Exporter, Launch, Samples, Series, every_second};

/// Name of the archive in the exporter's configuration.
const ARCHIVE: &str = "production";

/// Time for what takes one or two scans; far more than needed.
const SOON: Duration = Duration::from_secs(30);

/// Families that only a good scan changes.
const REPORTED: &[&str] = &[
    "barman_cloud_backup_bytes",
    "barman_cloud_backup_last_success_timestamp_seconds",
    "barman_cloud_backups",
    "barman_cloud_incomplete_uploads",
    "barman_cloud_prefix_bytes",
    "barman_cloud_prefix_objects",
    "barman_cloud_scan_objects",
    "barman_cloud_server_info",
    "barman_cloud_wal_segments",
];

/// Expected failure of a scan.
struct Failure {
    outcome: &'static str,
    kind: &'static str,
    /// Words in the log's `error`: the failure, and the thing to do.
    says: &'static [&'static str],
}

impl Failure {
    const fn new(kind: &'static str, says: &'static [&'static str]) -> Self {
        Self {
            outcome: "failure",
            kind,
            says,
        }
    }
}

/// Archive, and an exporter that scans it.
struct Scene {
    archive: EmbeddedArchive,
    exporter: Exporter,
}

impl Scene {
    /// Small archive with pages of three keys, after one successful scan.
    async fn healthy() -> Self {
        Self::start(EmbeddedArchive::small(3).await, &json!({}))
            .await
            .up()
            .await
    }

    /// Archive that is scanned with these additional settings.
    async fn start(archive: EmbeddedArchive, scan: &Value) -> Self {
        let mut configuration = every_second([archive.settings(ARCHIVE)]);
        for (key, value) in scan.as_object().unwrap() {
            configuration["scan"][key] = value.clone();
        }
        let exporter = start(&configuration).await;
        Self { archive, exporter }
    }

    async fn up(self) -> Self {
        self.is_up().await;
        self
    }

    async fn is_up(&self) -> Samples {
        let is_up = |samples: &Samples| value(samples, "up", &[]) == Some(1.0);
        self.exporter.wait_for("a good scan", SOON, is_up).await
    }

    /// Waits for the end of a good scan, and returns well before the next, so that what breaks next meets
    /// none that is under way: a side question that fails leaves the scan good, but its metrics absent.
    async fn has_scanned(&self) -> Samples {
        let before = count(&self.is_up().await, "scans_total", "success");
        let again = |samples: &Samples| {
            let ended_at = value(samples, "scan_last_success_timestamp_seconds", &[]);
            count(samples, "scans_total", "success") > before && ended_at.is_some_and(is_just_now)
        };
        self.exporter
            .wait_for("one more good scan", SOON, again)
            .await
    }

    /// Breaks something, and makes sure that it fails as it should; heals it, and makes sure of
    /// that.
    async fn assert_fails_until_healed(
        &mut self,
        failure: &Failure,
        fail: impl AsyncFnOnce(&mut EmbeddedArchive),
        heal: impl AsyncFnOnce(&mut EmbeddedArchive),
    ) {
        let good = self.has_scanned().await;
        fail(&mut self.archive).await;
        self.assert_failing(&good, failure).await;
        heal(&mut self.archive).await;
        let healed = self.is_up().await;
        assert_same_report(&good, &healed);
        self.assert_one_line_per_failure(&healed);
    }

    /// Makes sure that every request's end in a fault is a failure of this kind.
    async fn assert_fault(&mut self, action: Action, failure: &Failure) {
        let fail = async |archive: &mut EmbeddedArchive| {
            archive.s3().faults().set([Fault::always(action)]);
        };
        let heal = async |archive: &mut EmbeddedArchive| archive.s3().faults().clear();
        self.assert_fails_until_healed(failure, fail, heal).await;
    }

    async fn assert_failing(&self, good: &Samples, failure: &Failure) {
        let is_down = |samples: &Samples| value(samples, "up", &[]) == Some(0.0);
        let down = self.exporter.wait_for("a failed scan", SOON, is_down).await;
        let failures = |samples: &Samples| count(samples, "scans_total", failure.outcome);
        let again = |samples: &Samples| failures(samples) > failures(&down);
        let still_down = self
            .exporter
            .wait_for("one more failed scan", SOON, again)
            .await;

        let errors = |samples: &Samples| samples.sum("barman_cloud_scan_errors_total", &[]);
        let of_kind = |samples: &Samples| count(samples, "scan_errors_total", failure.kind);
        let new = errors(&still_down) - errors(good);
        assert_eq!(
            of_kind(&still_down) - of_kind(good),
            new,
            "all are {}",
            failure.kind
        );
        assert_eq!(
            failures(&still_down) - failures(good),
            new,
            "all are {}",
            failure.outcome
        );
        let moment = |samples, name| value(samples, name, &[]).unwrap();
        let success = "scan_last_success_timestamp_seconds";
        let attempt = "scan_last_attempt_timestamp_seconds";
        assert_eq!(moment(&down, success), moment(&still_down, success));
        assert!(moment(&still_down, attempt) > moment(&still_down, success));
        assert_same_report(good, &still_down);
        self.assert_logged(failure);
    }

    fn assert_logged(&self, failure: &Failure) {
        let entries = self.exporter.log_entries();
        let line = entries
            .iter()
            .rfind(|entry| entry["message"] == "Scan failed")
            .unwrap();
        assert_eq!(line["level"], "ERROR");
        assert_eq!(line["archive"], ARCHIVE);
        assert_eq!(line["kind"], failure.kind, "{line}");
        assert_eq!(line["outcome"], failure.outcome, "{line}");
        let error = line["error"].as_str().unwrap();
        for text in failure.says {
            assert!(error.contains(text), "no `{text}` in: {error}");
        }
        assert!(!error.contains('\n'), "{error}");
        assert!(
            !self.exporter.log().contains(CREDENTIALS.1),
            "a secret is in the log"
        );
    }

    /// Every failed scan has one line in the log, and there are no other errors or warnings.
    fn assert_one_line_per_failure(&self, samples: &Samples) {
        let entries = self.exporter.log_entries();
        // On a busy machine a scan may take longer than until the next.
        let skipped = |entry: &Value| entry["message"].as_str().unwrap().contains("was skipped");
        // Certificates are checked on the minute, apart from the scans, and may be checked just now.
        let is_about_certificates = |entry: &Value| entry["target"] == "certificates";
        let odd = entries.iter().filter(|entry| {
            entry["level"] != "INFO" && !skipped(entry) && !is_about_certificates(entry)
        });
        let failures = samples.sum("barman_cloud_scan_errors_total", &[]);
        assert_eq!(float(odd.count()), failures, "{entries:#?}");
    }
}

async fn start(configuration: &Value) -> Exporter {
    Launch::new(configuration.to_string())
        .argument("--log.format=json")
        .start()
        .await
}

/// Value of the only sample of the archive that has these labels.
fn value(samples: &Samples, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let labels = [labels, &[("archive", ARCHIVE)]].concat();
    samples.value(&format!("barman_cloud_{name}"), &labels)
}

/// Values of a metric of the archive, by its only other label.
fn count(samples: &Samples, name: &str, label: &str) -> f64 {
    let of_name = samples.all(&format!("barman_cloud_{name}"), &[("archive", ARCHIVE)]);
    let labelled = of_name
        .into_iter()
        .filter(|sample| sample.labels.values().any(|v| v == label));
    labelled.map(|sample| sample.value).sum()
}

/// Returns whether most of the second between two scans is still to come after this moment, in Unix time.
fn is_just_now(seconds: f64) -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "the exporter tells the moment by this clock"
    )]
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    now.as_secs_f64() - seconds < 0.3
}

fn assert_same_report(good: &Samples, later: &Samples) {
    let [good, later] = [good, later].map(|samples| Series::of(samples, REPORTED));
    let differences = good.differences(&later);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}
