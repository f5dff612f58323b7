//! Time that judging an archive takes, for archives of different shapes.
//!
//! `cargo bench --bench judging` lists made-up archives into inventories, judges each again and
//! again on one core, and prints a table of the time on that core. Listing is not measured. It ends
//! with an error when the archive of a million segments takes longer than it may.
//!
//! Runs are counted by WAL directory: each WAL directory that is there has at least one.

#![expect(clippy::print_stdout, reason = "a table is what it is for")]
#![expect(
    clippy::expect_used,
    reason = "a made-up archive that makes no sense measures nothing"
)]

mod generated;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use generated::{Judged, Shape};

/// Time that the archive of a million segments may take: restores of 1,000 backups to 42 targets.
const BOUND: Duration = Duration::from_millis(50);

/// The archive that the bound is for.
const MILLION: Shape = Shape {
    segments: 1_000_000,
    backups: 1_000,
    timelines: 40,
    gaps: 0,
};

/// Number of times that each archive is judged. The least time counts: a core is slower while others share its caches,
/// never faster.
const ROUNDS: u32 = 50;

fn main() -> ExitCode {
    let others = [
        Shape {
            segments: 100_000,
            ..MILLION
        },
        Shape {
            segments: 4_000_000,
            ..MILLION
        },
        Shape {
            gaps: 10_000,
            ..MILLION
        },
        Shape {
            backups: 100,
            ..MILLION
        },
        Shape {
            timelines: 1,
            ..MILLION
        },
        Shape {
            backups: 100,
            timelines: 4,
            ..MILLION
        },
        Shape {
            segments: 100_000,
            backups: 60,
            timelines: 300,
            gaps: 0,
        },
    ];
    println!(" segments    dirs backups timelines    runs   judging");
    let took = measure(MILLION);
    for shape in others {
        measure(shape);
    }
    if took > BOUND {
        println!("a million segments took {took:.1?}: more than {BOUND:?}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Judges an archive, prints a line, and returns the least time that it took.
fn measure(shape: Shape) -> Duration {
    let archive = Judged::new(shape);
    let rounds = (0..ROUNDS).map(|_| {
        let begun = processor_time();
        drop(black_box(archive.judge()));
        processor_time().saturating_sub(begun)
    });
    let took = rounds.min().unwrap_or(Duration::MAX);
    let Shape {
        segments,
        backups,
        timelines,
        ..
    } = shape;
    let (wal_dirs, runs) = (archive.wal_dirs(), archive.runs());
    let milliseconds = took.as_secs_f64() * 1000.0;
    println!(
        "{segments:>9} {wal_dirs:>7} {backups:>7} {timelines:>9} {runs:>7} {milliseconds:>8.1} ms"
    );
    took
}

/// Returns the time that processors have worked for this thread: work for others does not count.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("it is not negative")
}
