//! Simulated days: the budget, and what a restart costs.

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use archive_store::memory::{MemoryStore, StoreWrapper};
use archive_store::{ObjectStore, ObjectVersion, StorageError};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::archive::{SEGMENT, backup, last_record_start, writer_after};
use super::wal::{WalWriter, gzip};
use super::world::{World, settings, start};
use crate::clock::Clock;
use crate::evidence::Level;
use crate::verification::{Ledger, StateName, VerificationSettings};

/// Bytes that were read of an object at one moment.
#[derive(Clone, Debug)]
struct TimedRead {
    at: DateTime<Utc>,
    key: String,
    bytes: u64,
}

/// Store that notes when how much is read.
struct TimedStore {
    store: MemoryStore,
    clock: Clock,
    reads: Mutex<Vec<TimedRead>>,
}

impl StoreWrapper for TimedStore {
    type Store = MemoryStore;

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    async fn range(
        &self,
        object: &ObjectVersion,
        range: Range<u64>,
    ) -> Result<Vec<u8>, StorageError> {
        self.reads.lock().unwrap().push(TimedRead {
            at: (self.clock)(),
            key: object.key.clone(),
            bytes: range.end - range.start,
        });
        self.store.read_range(object, range).await
    }
}

/// Clock that passes as the timer of the runtime does.
fn timer() -> Clock {
    let begun = tokio::time::Instant::now();
    Arc::new(move || start() + TimeDelta::from_std(begun.elapsed()).unwrap())
}

fn world(settings: VerificationSettings) -> World<TimedStore> {
    let clock = timer();
    let store = TimedStore {
        store: backup("good"),
        clock: clock.clone(),
        reads: Mutex::default(),
    };
    let mut world = World::new(store, settings);
    world.clock = clock;
    world
}

/// Archives the next segment.
fn archive_next(world: &World<TimedStore>, writer: &mut WalWriter) {
    let (name, content) = writer.next();
    let key = format!("s/wals/0000000100000000/{name}.gz");
    world
        .store
        .store
        .put(&key, &gzip(&content), (world.clock)());
}

fn budget(bytes: u64) -> VerificationSettings {
    VerificationSettings {
        daily_bytes: Some(bytes),
        ..settings(Level::Full)
    }
}

/// Checks that no period had more reads than its share of a budget.
fn assert_within(reads: &[TimedRead], daily: u64) {
    for (first, from) in reads.iter().enumerate() {
        let mut sum = 0;
        for to in &reads[first..] {
            sum += to.bytes;
            let period = (to.at - from.at).num_milliseconds();
            let most = i128::from(daily) * i128::from(period + 7 * 86_400_000) / 86_400_000;
            assert!(i128::from(sum) <= most, "{sum} bytes in {period} ms");
        }
    }
}

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test(start_paused = true)]
async fn a_budget_is_kept_and_coverage_is_complete_in_time() {
    let daily = 40_000;
    let mut world = world(budget(daily));
    let mut writer = writer_after(SEGMENT);
    let stop = CancellationToken::new();
    world.scan().await;
    let verifier = world.verifier();
    let stopped = stop.clone();
    let task = tokio::spawn(async move { verifier.run(&stopped).await });
    let mut complete_at = None;

    for hour in 0..16 * 24 {
        if hour % 24 == 0 && hour < 15 * 24 {
            archive_next(&world, &mut writer);
        }
        tokio::time::sleep(HOUR).await;
        let contents = world
            .scan()
            .await
            .servers
            .remove("s")
            .unwrap()
            .contents
            .unwrap();
        if contents.backlog_bytes == 0 && complete_at.is_none() && hour > 15 * 24 {
            complete_at = Some(hour);
        }
        assert_eq!(
            (contents.wal.corrupt, contents.base.corrupt),
            (0, 0),
            "hour {hour}"
        );
    }

    stop.cancel();
    task.await.unwrap();
    let reads = world.store.reads.lock().unwrap().clone();
    assert_within(&reads, daily);
    // 62 kB of the backup, 26 kB of its WAL, and 22 kB for each of 15 segments and its edges: less than
    // 15 days have.
    assert_eq!(complete_at, Some(15 * 24 + 1));
    let base: Vec<_> = reads
        .iter()
        .filter(|read| read.key.contains("/base/"))
        .collect();
    let first = base.iter().find(|read| read.bytes > 10_000).unwrap();
    assert!(first.at < start() + TimeDelta::days(7), "{first:?}");
}

#[tokio::test(start_paused = true)]
async fn a_backup_that_is_never_affordable_is_said_to_be() {
    let mut world = world(budget(5_000));
    world.scan().await;
    let verifier = world.verifier();
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let task = tokio::spawn(async move { verifier.run(&stopped).await });

    tokio::time::sleep(60 * 24 * HOUR).await;

    stop.cancel();
    task.await.unwrap();
    let contents = world
        .scan()
        .await
        .servers
        .remove("s")
        .unwrap()
        .contents
        .unwrap();
    assert_eq!(
        contents.unaffordable.iter().collect::<Vec<_>>(),
        ["20261128T043154"]
    );
    assert_eq!(contents.wal.whole, 1);
    assert_eq!(contents.base.whole, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3))]

    /// Each life ends without a warning after so many minutes.
    #[test]
    fn no_restart_reads_more_than_the_budget(lives in prop::collection::vec(1_u64..2000, 2..5)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let daily = 60_000;
        let directory = directory_in_memory();
        let reads = runtime.block_on(async {
            let clock = timer();
            let mut writer = writer_after(SEGMENT);
            let store = Arc::new(TimedStore {
                store: backup("good"),
                clock: clock.clone(),
                reads: Mutex::default(),
            });
            for minutes in lives {
                let settings = budget(daily);
                let name = StateName {
                    directory: directory.path().to_owned(),
                    archive: "a".to_owned(),
                    place: "here".to_owned(),
                };
                let ledger = Ledger::of_file(settings.budget(clock()), name);
                let mut world = World::of_store(Arc::clone(&store), settings, ledger);
                world.clock = clock.clone();
                archive_next(&world, &mut writer);
                world.scan().await;
                let verifier = world.verifier();
                let never = CancellationToken::new();
                // The program is killed: nothing is saved at its end.
                let life = tokio::time::timeout(Duration::from_mins(minutes), verifier.run(&never));
                let _ = life.await;
            }
            store.reads.lock().unwrap().clone()
        });
        assert_within(&reads, daily);
    }
}

/// Directory that is written to a thousand times: on a disk, each time takes milliseconds.
fn directory_in_memory() -> TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let in_memory = memory.is_dir().then(|| tempfile::tempdir_in(memory));
    in_memory.unwrap_or_else(tempfile::tempdir).unwrap()
}

#[test]
fn the_writer_goes_on_from_the_fixture() {
    assert!(last_record_start() > 0x240_0000);
}
