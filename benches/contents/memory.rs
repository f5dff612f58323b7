//! Memory of the verifier over a hundred gigabytes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use barman_cloud_exporter::evidence::Level;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::archive::VerifiedArchive;
use crate::generated::GeneratedStore;
use crate::process::{MEASURE, process};
use crate::results::{Bound, Results};

/// Number of segments that are read: half of the bytes.
const SEGMENTS: u64 = 3000;

/// Decompressed bytes of the backup that is read: the other half.
const BACKUP_BYTES: u64 = 50_331_648_000;

/// Decompressed bytes after which memory is measured for the first time.
const FIRST_BYTES: u64 = 4_000_000_000;

/// Time between two measurements.
const INTERVAL: Duration = Duration::from_millis(100);

/// Time after which something is wrong.
const LONGEST: Duration = Duration::from_mins(20);

/// Resident memory at moments of a verification, in bytes.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Measured {
    before: u64,
    after_first: u64,
    at_end: u64,
    peak: u64,
    plain_bytes: u64,
    read_bytes: u64,
    seconds: f64,
}

impl Measured {
    /// Measures memory after so many bytes were read.
    fn note(&mut self, read_bytes: u64) {
        self.at_end = resident();
        self.peak = self.peak.max(self.at_end);
        if read_bytes < FIRST_BYTES {
            self.after_first = self.at_end;
        }
    }
}

/// Measures memory, in a process of its own.
pub(crate) fn all(results: &mut Results) {
    let output = process(MEASURE, &"memory").output();
    let output = output.expect("this program can be started");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let measured = serde_json::from_slice(&output.stdout);
    add(results, &measured.expect("what was measured makes sense"));
}

fn add(results: &mut Results, measured: &Measured) {
    let [before, first, end, peak] = [
        measured.before,
        measured.after_first,
        measured.at_end,
        measured.peak,
    ]
    .map(mebibytes);
    let what = format!(
        "Resident memory after verifying {:.0} GB",
        gigabytes(measured.plain_bytes)
    );
    results.figure(
        &what,
        &format!(
            "{end:.1} MiB, after {:.0} GB {first:.1} MiB, before {before:.1} MiB",
            gigabytes(FIRST_BYTES)
        ),
        &format!("{:.2} ×", end / first),
        Bound::AtMost(end / first, 1.1),
    );
    results.figure(
        "Peak of resident memory of that",
        &format!("{peak:.1} MiB"),
        &format!("{:.2} ×", peak / first),
        Bound::None,
    );
    results.note(&format!(
        "The {:.0} GB are {SEGMENTS} segments without compression, and a base backup with gzip. In the store, they are \
         {:.0} GB, which it generates while they are read. Verifying them took {:.0} s.",
        gigabytes(measured.plain_bytes),
        gigabytes(measured.read_bytes),
        measured.seconds
    ));
}

/// Verifies everything, two objects at once; what it took, as JSON.
pub(crate) async fn measure() -> String {
    let mut store = GeneratedStore::new();
    let plain_bytes = store.add_wal("w", SEGMENTS) + store.add_backup("b", BACKUP_BYTES);
    let mut archive = VerifiedArchive::new(Arc::new(store), 2);
    archive.scan(Level::Full).await;
    let mut measured = Measured {
        before: resident(),
        plain_bytes,
        ..Measured::default()
    };
    let stop = CancellationToken::new();
    let verifying = archive.verifier(Level::Full);
    let verifying = tokio::spawn({
        let stop = stop.clone();
        async move { verifying.run(&stop).await }
    });
    let segments = usize::try_from(SEGMENTS).unwrap_or(0);
    let began = Instant::now();
    while archive.sound_segments("w") < segments || archive.sound_backups("b") < 1 {
        sleep(INTERVAL).await;
        assert!(began.elapsed() < LONGEST, "all of it is found sound");
        measured.note(archive.bytes_read());
    }
    measured.seconds = began.elapsed().as_secs_f64();
    measured.read_bytes = archive.bytes_read();
    stop.cancel();
    verifying.await.expect("the verifier does not panic");
    serde_json::to_string(&measured).expect("it can be written as JSON")
}

fn resident() -> u64 {
    let status = procfs::process::Process::myself().and_then(|process| process.status());
    1024 * status
        .ok()
        .and_then(|status| status.vmrss)
        .unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}
