//! Speed of verification, compared with that of the decoders alone.
//!
//! Speed is that of a processor: the time is the one that processors took, because the verifier's threads
//! wait for everything else that runs on the machine.

use std::sync::Arc;

use archive_store::memory::MemoryStore;
use barman_archive::barman::Compression;
use barman_archive::postgres::WalDir;
use barman_cloud_exporter::evidence::Level;
use chrono::TimeDelta;

use crate::archive::{VerifiedArchive, now, processor_time};
use crate::base;
use crate::codecs::{self, Writer};
use crate::results::{Bound, Results};
use crate::wal::{SEGMENT, Wal, backup_info};

/// Number of times that everything is measured, in turn. The least times count: whatever else runs on
/// the machine can only add to them.
const ROUNDS: usize = 7;

/// Number of the first segment.
const FIRST: u64 = 0x100;

/// Number of segments.
const SEGMENTS: u64 = 2;

/// Number of relations of the base backup, and of the pages of each.
const RELATIONS: u32 = 4;
const PAGES: u32 = 1024;

/// Contents that are compressed with one codec, and what is verified of them.
struct Sample {
    compression: Option<Compression>,
    store: Arc<MemoryStore>,
    /// The objects that are decoded.
    objects: Vec<Vec<u8>>,
    plain_bytes: u64,
    level: Level,
}

/// Least times that processors took for both ways to read, in seconds.
#[derive(Clone, Copy)]
struct Seconds {
    alone: f64,
    verified: f64,
}

/// Measures the levels `wal` and `full` with each codec.
pub(crate) async fn all(results: &mut Results) {
    for (what, bound, samples) in [
        ("WAL segments, level `wal`", 0.8, wal()),
        ("Base backup, level `full`", 0.7, backups()),
    ] {
        for sample in samples {
            let seconds = sample.measure().await;
            add(results, what, bound, &sample, seconds);
        }
    }
    results.note(
        "A decoder alone is the library that the exporter decodes with, on the same objects, in memory. Without a \
         codec, bytes are copied instead; there is no bound, as nothing decodes. Verifying is everything from \
         the store to the evidence. Speeds are decompressed bytes by processor time. Of the bytes of WAL, \
         seven tenths are images of pages; the others are records of 90 bytes.",
    );
}

fn add(results: &mut Results, what: &str, bound: f64, sample: &Sample, seconds: Seconds) {
    let Seconds { alone, verified } = seconds;
    let share = alone / verified;
    let bound = match sample.compression {
        Some(_) => Bound::AtLeast(share, bound),
        None => Bound::None,
    };
    results.figure(
        &format!("{what}, {}", codecs::name(sample.compression)),
        &format!(
            "{:.0} MB/s, the decoder alone {:.0} MB/s",
            sample.speed(verified),
            sample.speed(alone)
        ),
        &format!("{share:.2} ×"),
        bound,
    );
}

fn wal() -> Vec<Sample> {
    let wal = Wal::new();
    let plain: Vec<_> = (FIRST..FIRST + SEGMENTS)
        .map(|number| wal.segment(number))
        .collect();
    let samples = Writer::WalArchive.compressions().iter();
    samples
        .map(|compression| wal_sample(*compression, &plain))
        .collect()
}

/// Archive of one server with a few segments.
fn wal_sample(compression: Option<Compression>, plain: &[Vec<u8>]) -> Sample {
    let store = MemoryStore::new(1000);
    let at = now() - TimeDelta::hours(1);
    let base = format!("s/base/{}", base::ID);
    store.put(
        &format!("{base}/backup.info"),
        backup_info(FIRST).as_bytes(),
        at,
    );
    store.put(&format!("{base}/data.tar"), b"data", at);
    let mut objects = Vec::new();
    for (number, plain) in (FIRST..).zip(plain) {
        let object = Writer::WalArchive.compress(compression, plain);
        let name = Wal::name(number);
        let ending = codecs::ending(compression);
        store.put(
            &format!("s/wals/{}/{name}{ending}", WalDir::from(name)),
            &object,
            at,
        );
        objects.push(object);
    }
    Sample {
        compression,
        store: Arc::new(store),
        objects,
        plain_bytes: plain.len() as u64 * SEGMENT as u64,
        level: Level::Wal,
    }
}

fn backups() -> Vec<Sample> {
    let plain = base::data(RELATIONS, PAGES);
    let samples = Writer::Backup.compressions().iter();
    samples
        .map(|compression| backup_sample(*compression, &plain))
        .collect()
}

/// Archive of one server with a base backup and the segment that makes it consistent.
fn backup_sample(compression: Option<Compression>, plain: &[u8]) -> Sample {
    let store = MemoryStore::new(1000);
    let at = now() - TimeDelta::hours(1);
    for file in base::other_files() {
        store.put(&format!("s/{}", file.key), &file.content, at);
    }
    let object = Writer::Backup.compress(compression, plain);
    let ending = codecs::ending(compression);
    store.put(
        &format!("s/base/{}/data.tar{ending}", base::ID),
        &object,
        at,
    );
    Sample {
        compression,
        store: Arc::new(store),
        objects: vec![object],
        plain_bytes: plain.len() as u64,
        level: Level::Full,
    }
}

impl Sample {
    /// Reads in both ways in turn, several times over.
    async fn measure(&self) -> Seconds {
        let mut least = Seconds {
            alone: f64::INFINITY,
            verified: f64::INFINITY,
        };
        for _ in 0..ROUNDS {
            least.alone = least.alone.min(self.decode());
            least.verified = least.verified.min(self.verify().await);
        }
        least
    }

    fn decode(&self) -> f64 {
        let began = processor_time();
        let decoded = self
            .objects
            .iter()
            .map(|object| codecs::decode(self.compression, object));
        assert_eq!(
            decoded.sum::<u64>(),
            self.plain_bytes,
            "everything is decoded"
        );
        processor_time().saturating_sub(began).as_secs_f64()
    }

    /// Verifies everything, without what the level before reads.
    async fn verify(&self) -> f64 {
        let mut archive = VerifiedArchive::new(Arc::clone(&self.store), 1);
        let before = match self.level {
            Level::Full => Level::Wal,
            Level::Wal | Level::Edges | Level::Off => Level::Edges,
        };
        archive.verify(before).await;
        let took = archive.verify(self.level).await;
        let (segments, backups) = (archive.sound_segments("s"), archive.sound_backups("s"));
        match self.level {
            Level::Full => assert_eq!(backups, 1, "the backup is sound"),
            Level::Wal | Level::Edges | Level::Off => {
                assert_eq!(segments, self.objects.len(), "the segments are sound");
            }
        }
        took.as_secs_f64()
    }

    /// Decompressed bytes in a second, in MB/s.
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    fn speed(&self, seconds: f64) -> f64 {
        self.plain_bytes as f64 / 1e6 / seconds
    }
}
